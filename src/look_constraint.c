/*-------------------------------------------------------------------------
 *
 * look_constraint.c
 *	  Keys, foreign keys and checks.
 *
 * Of an exclusion constraint the columns and the names of the operators are
 * compared, not its method, expressions and condition.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "look_kind.h"

static char
scripted_kind(const Constraint *constraint)
{
	switch (constraint->contype)
	{
		case CONSTR_PRIMARY:
			return CONSTRAINT_PRIMARY;
		case CONSTR_UNIQUE:
			return CONSTRAINT_UNIQUE;
		case CONSTR_EXCLUSION:
			return CONSTRAINT_EXCLUSION;
		case CONSTR_FOREIGN:
			return CONSTRAINT_FOREIGN;
		default:
			return CONSTRAINT_CHECK;
	}
}

static const char *
kind_noun(char kind)
{
	switch (kind)
	{
		case CONSTRAINT_PRIMARY:
			return "a primary key";
		case CONSTRAINT_UNIQUE:
			return "a unique constraint";
		case CONSTRAINT_EXCLUSION:
			return "an exclusion constraint";
		case CONSTRAINT_FOREIGN:
			return "a foreign key";
		case CONSTRAINT_CHECK:
			return "a check";
		default:
			return "another kind of constraint";
	}
}

/* --- columns --- */

/* The numbers in an array column of the catalog. */
static int
stored_columns(HeapTuple tuple, AttrNumber attribute, const int16 **numbers)
{
	bool		is_null;
	Datum		datum = SysCacheGetAttr(CONSTROID, tuple, attribute, &is_null);
	ArrayType  *array;

	*numbers = NULL;
	if (is_null)
		return 0;
	array = DatumGetArrayTypePCopy(datum);
	*numbers = (const int16 *) ARR_DATA_PTR(array);
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

/* Whether column names, of a table at the seam, have these numbers in order. */
static bool
same_columns(const Looking *looking, const Object *table, Oid relation,
			 List *names, const int16 *numbers, int count)
{
	ListCell   *cell;

	if (list_length(names) != count)
		return false;
	foreach(cell, names)
	{
		const char *name = model_column_name(looking->model,
											 looking->definition, table,
											 strVal(lfirst(cell)),
											 looking->seam);

		if (get_attnum(relation, name) != numbers[foreach_current_index(cell)])
			return false;
	}
	return true;
}

/* The same for REFERENCES without columns, which means the primary key. */
static bool
refers_to_primary_key(Oid relation, const int16 *numbers, int count)
{
	Oid			constraint;
	Bitmapset  *key = get_primary_key_attnos(relation, true, &constraint);

	if (bms_num_members(key) != count)
		return false;
	for (int i = 0; i < count; i++)
		if (!bms_is_member(numbers[i] - FirstLowInvalidHeapAttributeNumber, key))
			return false;
	return true;
}

static char *
column_list(Oid relation, const int16 *numbers, int count)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < count; i++)
		appendStringInfo(&list, "%s\"%s\"", i == 0 ? "" : ", ",
						 get_attname(relation, numbers[i], true));
	return list.data;
}

/* --- each kind --- */

/* ON DELETE SET NULL (a) leaves the other columns as they are. */
static void
compare_set_columns(Looking *looking, HeapTuple tuple)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
	Constraint *constraint = (Constraint *) looking->definition->node;
	const int16 *numbers;
	int			count = stored_columns(tuple, Anum_pg_constraint_confdelsetcols,
									   &numbers);

	if (!same_columns(looking, looking->definition->table, form->conrelid,
					  constraint->fk_del_set_cols, numbers, count))
		look_differs(looking, "a foreign key that sets other columns");
}

static void
compare_foreign_key(Looking *looking, HeapTuple tuple)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
	const Definition *definition = looking->definition;
	Constraint *constraint = (Constraint *) definition->node;
	const int16 *numbers;
	int			count = stored_columns(tuple, Anum_pg_constraint_confkey, &numbers);

	if (definition->other == NULL)
		looking->look->result = LOOK_UNCOMPARED;
	else if (look_relation(looking, definition->other) != form->confrelid)
		look_differs(looking, "a foreign key to \"%s\"",
					 get_rel_name(form->confrelid));
	else if (constraint->pk_attrs == NIL ?
			 !refers_to_primary_key(form->confrelid, numbers, count) :
			 !same_columns(looking, definition->other, form->confrelid,
						   constraint->pk_attrs, numbers, count))
		look_differs(looking, "a foreign key to (%s) of \"%s\"",
					 column_list(form->confrelid, numbers, count),
					 get_rel_name(form->confrelid));
	else if (form->confupdtype != constraint->fk_upd_action ||
			 form->confdeltype != constraint->fk_del_action ||
			 form->confmatchtype != constraint->fk_matchtype)
		look_differs(looking, "a foreign key with other actions");
	else
		compare_set_columns(looking, tuple);
}

/* What a unique constraint's index adds to its columns. */
static void
compare_key_index(Looking *looking, HeapTuple tuple)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
	Constraint *constraint = (Constraint *) looking->definition->node;
	HeapTuple	index_tuple = SearchSysCache1(INDEXRELID,
											  ObjectIdGetDatum(form->conindid));
	Form_pg_index index;

	if (!HeapTupleIsValid(index_tuple))
		return;
	index = (Form_pg_index) GETSTRUCT(index_tuple);
	if (index->indnullsnotdistinct != constraint->nulls_not_distinct)
		look_differs(looking, "a unique constraint with NULLS %sDISTINCT",
					 index->indnullsnotdistinct ? "NOT " : "");
	else if (!same_columns(looking, looking->definition->table, form->conrelid,
						   constraint->including,
						   index->indkey.values + index->indnkeyatts,
						   index->indnatts - index->indnkeyatts))
		look_differs(looking, "%s with other INCLUDE columns",
					 kind_noun(form->contype));
	ReleaseSysCache(index_tuple);
}

static void
compare_check(Looking *looking, HeapTuple tuple)
{
	bool		is_null;
	Datum		stored = SysCacheGetAttr(CONSTROID, tuple,
										 Anum_pg_constraint_conbin, &is_null);

	if (((Form_pg_constraint) GETSTRUCT(tuple))->connoinherit !=
		((Constraint *) looking->definition->node)->is_no_inherit)
		look_differs(looking, "a check with another inheritance");
	else if (is_null)
		look_differs(looking, "a check without an expression");
	else
		look_check(looking, stored);
}

/* Whether one element of an exclusion is the one that is stored. */
static bool
same_exclusion(const Looking *looking, const List *exclusion, Oid table,
			   AttrNumber number, Oid operator)
{
	const IndexElem *element = linitial_node(IndexElem, exclusion);
	char	   *name = get_opname(operator);

	if (name == NULL || strcmp(name, strVal(llast(lsecond_node(List, exclusion)))) != 0)
		return false;
	/* An expression, or a column in parentheses. */
	if (element->name == NULL)
		return true;
	return number == get_attnum(table,
								model_column_name(looking->model,
												  looking->definition,
												  looking->definition->table,
												  element->name,
												  looking->seam));
}

static void
compare_exclusion(Looking *looking, HeapTuple tuple)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
	Constraint *constraint = (Constraint *) looking->definition->node;
	const int16 *numbers;
	int			count = stored_columns(tuple, Anum_pg_constraint_conkey, &numbers);
	bool		is_null;
	ArrayType  *operators =
		DatumGetArrayTypePCopy(SysCacheGetAttr(CONSTROID, tuple,
											   Anum_pg_constraint_conexclop,
											   &is_null));
	const Oid  *oids = (const Oid *) ARR_DATA_PTR(operators);
	ListCell   *cell;

	looking->look->result = LOOK_UNCOMPARED;
	if (count != list_length(constraint->exclusions))
	{
		look_differs(looking, "an exclusion constraint on other columns");
		return;
	}
	foreach(cell, constraint->exclusions)
	{
		int			i = foreach_current_index(cell);

		if (!same_exclusion(looking, lfirst_node(List, cell), form->conrelid,
							numbers[i], oids[i]))
			look_differs(looking, "an exclusion constraint on other columns or by other operators");
	}
}

static void
compare_constraint(Looking *looking, HeapTuple tuple)
{
	Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
	Constraint *constraint = castNode(Constraint, looking->definition->node);
	List	   *columns = constraint->contype == CONSTR_FOREIGN ?
		constraint->fk_attrs : constraint->keys;
	const int16 *numbers;
	int			count = stored_columns(tuple, Anum_pg_constraint_conkey, &numbers);

	if (form->contype != scripted_kind(constraint))
		look_differs(looking, "%s", kind_noun(form->contype));
	else if (compat_stored_unenforced(form) != compat_is_unenforced(constraint))
		look_differs(looking, "%s that is %senforced", kind_noun(form->contype),
					 compat_stored_unenforced(form) ? "not " : "");
	else if (constraint->contype == CONSTR_CHECK)
		compare_check(looking, tuple);
	else if (form->condeferrable != constraint->deferrable ||
			 form->condeferred != constraint->initdeferred)
		look_differs(looking, "%s that is %sdeferrable", kind_noun(form->contype),
					 form->condeferrable ? "" : "not ");
	else if (constraint->contype == CONSTR_EXCLUSION)
		compare_exclusion(looking, tuple);
	else if (constraint->indexname != NULL && !looking->definition->whole)
		looking->look->result = LOOK_UNCOMPARED;
	else if (!same_columns(looking, looking->definition->table, form->conrelid,
						   columns, numbers, count))
		look_differs(looking, "%s on (%s)", kind_noun(form->contype),
					 column_list(form->conrelid, numbers, count));
	else if (constraint->contype == CONSTR_FOREIGN)
		compare_foreign_key(looking, tuple);
	else
		compare_key_index(looking, tuple);
}

void
look_constraint(Looking *looking)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID,
										ObjectIdGetDatum(looking->address.objectId));

	if (!HeapTupleIsValid(tuple))
	{
		looking->look->result = LOOK_MISSING;
		looking->look->found = "absent";
		return;
	}
	compare_constraint(looking, tuple);
	ReleaseSysCache(tuple);
}

/*
 * A script that ends with NOT VALID doesn't mind a constraint that somebody
 * has validated since; one that validates it later does tell the two apart.
 */
static bool
is_last_word(const Looking *looking)
{
	const Change *last = llast(looking->fact->changes);

	return last->after.presence == looking->expected->presence;
}

void
look_validated(Looking *looking)
{
	HeapTuple	tuple = SearchSysCache1(CONSTROID,
										ObjectIdGetDatum(looking->address.objectId));
	bool		validated = false;

	if (HeapTupleIsValid(tuple))
	{
		validated = ((Form_pg_constraint) GETSTRUCT(tuple))->convalidated;
		ReleaseSysCache(tuple);
	}
	look_presence(looking, validated, validated ? "valid" : "not valid");
	if (looking->expected->presence == ABSENT && is_last_word(looking))
		looking->look->result = LOOK_AGREES;
}
