/*-------------------------------------------------------------------------
 *
 * model_table.c
 *	  The columns and constraints that a script gives to a table.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "parser/parse_target.h"
#include "parser/parser.h"

#include "compat.h"
#include "model.h"
#include "model_statement.h"

static bool
is_serial(const TypeName *type)
{
	static const char *const serial_names[] = {
		"serial", "serial4", "bigserial", "serial8", "smallserial", "serial2"
	};

	if (list_length(type->names) != 1 || type->pct_type)
		return false;
	for (int i = 0; i < lengthof(serial_names); i++)
		if (strcmp(strVal(linitial(type->names)), serial_names[i]) == 0)
			return true;
	return false;
}

/* The type that a serial column really has. */
static TypeName *
serial_type(const TypeName *type)
{
	const char *name = strVal(linitial(type->names));

	if (strstr(name, "8") != NULL || strncmp(name, "big", 3) == 0)
		return SystemTypeName("int8");
	if (strstr(name, "2") != NULL || strncmp(name, "small", 5) == 0)
		return SystemTypeName("int2");
	return SystemTypeName("int4");
}

/* --- names that the server makes up --- */

/* Column names joined as ChooseIndexNameAddition does it. */
static char *
join_names(List *names)
{
	StringInfoData joined;
	ListCell   *cell;

	initStringInfo(&joined);
	foreach(cell, names)
	{
		if (joined.len > 0)
			appendStringInfoChar(&joined, '_');
		appendStringInfoString(&joined, strVal(lfirst(cell)));
		if (joined.len >= NAMEDATALEN)
			break;
	}
	return joined.data;
}

/* One more column of an index: no two have the same name. */
static List *
add_column_name(List *names, char *base)
{
	char	   *name = base;

	for (int i = 1; list_member(names, makeString(name)); i++)
		name = psprintf("%s%d", base, i);
	return lappend(names, makeString(name));
}

/* The columns of an index, named as ChooseIndexColumnNames does it. */
static List *
index_column_names(List *elements)
{
	List	   *names = NIL;
	ListCell   *cell;

	foreach(cell, elements)
	{
		IndexElem  *element = lfirst_node(IndexElem, cell);
		char	   *base = element->name;

		if (base == NULL)
			base = FigureIndexColname(element->expr);
		names = add_column_name(names, base != NULL ? base : "expr");
	}
	return names;
}

char *
model_index_name_middle(List *elements)
{
	return join_names(index_column_names(elements));
}

/* The parts of the name that the server gives to a constraint without one. */
static void
constraint_name_parts(const Constraint *constraint, const char **middle,
					  const char **label)
{
	List	   *columns;
	ListCell   *cell;

	*middle = NULL;
	switch (constraint->contype)
	{
		case CONSTR_PRIMARY:
			*label = "pkey";
			break;
		case CONSTR_UNIQUE:
			columns = NIL;
			foreach(cell, constraint->keys)
				columns = add_column_name(columns, strVal(lfirst(cell)));
			foreach(cell, constraint->including)
				columns = add_column_name(columns, strVal(lfirst(cell)));
			*middle = join_names(columns);
			*label = "key";
			break;
		case CONSTR_FOREIGN:
			*middle = join_names(constraint->fk_attrs);
			*label = "fkey";
			break;
		case CONSTR_EXCLUSION:
			columns = NIL;
			foreach(cell, constraint->exclusions)
				columns = lappend(columns, linitial(lfirst_node(List, cell)));
			*middle = model_index_name_middle(columns);
			*label = "excl";
			break;
		default:
			*middle = model_only_column(constraint->raw_expr);
			*label = "check";
			break;
	}
}

/* --- constraints --- */

/* A column's constraint says what the table's would. */
static Constraint *
with_column(const Constraint *constraint, const char *column)
{
	Constraint *copy = copyObject(unconstify(Constraint *, constraint));

	if (column == NULL)
		return copy;
	if (copy->contype == CONSTR_FOREIGN && copy->fk_attrs == NIL)
		copy->fk_attrs = list_make1(makeString(pstrdup(column)));
	else if (copy->contype != CONSTR_FOREIGN && copy->keys == NIL)
		copy->keys = list_make1(makeString(pstrdup(column)));
	return copy;
}

static void
set_not_null(Model *model, Object *table, List *columns)
{
	ListCell   *cell;

	foreach(cell, columns)
	{
		Object	   *column = model_refer(model, FACT_COLUMN, table, NULL,
										 strVal(lfirst(cell)), NEED_PRESENT);

		model_set(model, column, FACT_NOT_NULL, PRESENT, NULL);
	}
}

/*
 * ADD CONSTRAINT ... USING INDEX takes an index over and gives it the
 * constraint's name.
 */
static Object *
adopt_index(Model *model, Object *table, Constraint *constraint,
			Definition *definition)
{
	const char *schema;
	Object	   *index;
	State		known;

	(void) model_name_at(table, model->statement, &schema);
	index = model_refer(model, FACT_RELATION, NULL, schema,
						constraint->indexname, NEED_PRESENT);
	known = model_existence(model, index);
	if (known.definition != NULL && known.definition->node != NULL)
		constraint->keys = index_column_names(((IndexStmt *) known.definition->node)->indexParams);
	else
		definition->whole = false;
	if (constraint->conname == NULL)
		constraint->conname = constraint->indexname;
	model_rename(model, index, schema, constraint->conname);
	return index;
}

/* The index of a key, which bears the constraint's name. */
static Object *
constraint_index(Model *model, Object *table, const Constraint *constraint)
{
	Definition *definition = model_define(model, NULL);
	const char *schema;
	const char *table_name = model_name_at(table, model->statement, &schema);
	const char *middle;
	const char *label;

	definition->relkind = RELKIND_INDEX;
	definition->table = table;
	if (constraint->conname != NULL)
		return model_create(model, FACT_RELATION, NULL, schema,
							constraint->conname, CREATE_NEW, definition);
	constraint_name_parts(constraint, &middle, &label);
	return model_create_unnamed(model, FACT_RELATION, NULL, schema, table_name,
								middle, label, definition);
}

static Object *
create_constraint(Model *model, Object *table, const Constraint *constraint,
				  Definition *definition)
{
	const char *middle;
	const char *label;

	if (constraint->conname != NULL)
		return model_create(model, FACT_CONSTRAINT, table, NULL,
							constraint->conname, CREATE_NEW, definition);
	constraint_name_parts(constraint, &middle, &label);
	/* "value" in the check of a domain is no column. */
	if (table->kind == FACT_TYPE)
		middle = NULL;
	return model_create_unnamed(model, FACT_CONSTRAINT, table, NULL,
								model_name_at(table, model->statement, NULL),
								middle, label, definition);
}

/*
 * UNIQUE PRIMARY KEY makes one index: of two keys over the same columns in one
 * statement the server leaves out a UNIQUE.  True if that is the new one, else
 * the old one is taken out here.
 */
static bool
is_redundant(Model *model, Object *table, Constraint *constraint)
{
	int			count = list_length(table->children);

	for (int i = 0; i < count; i++)
	{
		Fact	   *fact = list_nth(table->children, i);
		const Change *last = fact->changes == NIL ? NULL : llast(fact->changes);
		const Constraint *other;

		if (fact->kind != FACT_CONSTRAINT || last == NULL ||
			last->statement != model->statement ||
			last->after.presence != PRESENT || last->after.definition == NULL)
			continue;
		other = (const Constraint *) last->after.definition->node;
		if ((other->contype != CONSTR_PRIMARY && other->contype != CONSTR_UNIQUE) ||
			!equal(other->keys, constraint->keys) ||
			!equal(other->including, constraint->including) ||
			other->deferrable != constraint->deferrable)
			continue;
		if (constraint->contype == CONSTR_UNIQUE &&
			(constraint->conname == NULL || !fact->unnamed))
			return true;
		/* The one that stays takes the name of the one that has one. */
		if (other->contype == CONSTR_PRIMARY)
			constraint->contype = CONSTR_PRIMARY;
		if (constraint->conname == NULL && !fact->unnamed)
			constraint->conname = pstrdup(fact->name);
		model_drop(model, last->after.object, 0);
	}
	return false;
}

void
model_add_constraint(Model *model, Object *table, Constraint *original,
					 const char *column, bool is_new_table)
{
	Constraint *constraint = with_column(original, column);
	Definition *definition = model_define(model, (Node *) constraint);
	Object	   *index = NULL;
	Object	   *object;
	bool		has_index = constraint->contype == CONSTR_PRIMARY ||
		constraint->contype == CONSTR_UNIQUE ||
		constraint->contype == CONSTR_EXCLUSION;

	if (constraint->contype == CONSTR_NOTNULL)
	{
		set_not_null(model, table, constraint->keys);
		return;
	}
	if ((constraint->contype == CONSTR_PRIMARY ||
		 constraint->contype == CONSTR_UNIQUE) &&
		constraint->indexname == NULL &&
		is_redundant(model, table, constraint))
		return;
	definition->table = table;
	if (constraint->contype == CONSTR_FOREIGN)
		definition->other = model_relation(model, constraint->pktable,
										   NEED_NOTHING);
	if (constraint->indexname != NULL)
		index = adopt_index(model, table, constraint, definition);
	object = create_constraint(model, table, constraint, definition);
	if (object == NULL)
		return;					/* it may have been there */
	if (constraint->contype == CONSTR_PRIMARY)
		set_not_null(model, table, constraint->keys);
	if (has_index && index == NULL)
		index = constraint_index(model, table, constraint);
	if (index != NULL)
	{
		object->companion = index;
		index->companion = object;
	}
	if (!has_index)
		model_set(model, object, FACT_VALIDATED,
				  !compat_is_unenforced(constraint) &&
				  (is_new_table || !constraint->skip_validation) ?
				  PRESENT : ABSENT, NULL);
}

/* --- columns --- */

typedef struct ColumnTraits
{
	Presence	not_null;
	Definition *value;			/* default or generated */
	Definition *identity;
	List	   *constraints;	/* Constraint *, with their attributes */
} ColumnTraits;

static void
read_column_constraint(Model *model, ColumnTraits *traits,
					   Constraint *constraint)
{
	Constraint *last = traits->constraints == NIL ? NULL :
		llast(traits->constraints);

	switch (constraint->contype)
	{
		case CONSTR_NULL:
			break;
		case CONSTR_NOTNULL:
			traits->not_null = PRESENT;
			break;
		case CONSTR_DEFAULT:
		case CONSTR_GENERATED:
			traits->value = model_define(model, (Node *) constraint);
			break;
		case CONSTR_IDENTITY:
			traits->identity = model_define(model, (Node *) constraint);
			traits->not_null = PRESENT;
			break;
		case CONSTR_ATTR_DEFERRABLE:
			if (last != NULL)
				last->deferrable = true;
			break;
		case CONSTR_ATTR_DEFERRED:
			if (last != NULL)
				last->deferrable = last->initdeferred = true;
			break;
		case CONSTR_CHECK:
		case CONSTR_PRIMARY:
		case CONSTR_UNIQUE:
		case CONSTR_FOREIGN:
			traits->constraints = lappend(traits->constraints,
										  copyObject(constraint));
			break;
		default:
			if (last != NULL && compat_unenforces_column(constraint))
				compat_unenforce(last, true);
			break;
	}
}

/* The sequence that comes with a serial or an identity column. */
static void
add_sequence(Model *model, Object *table, const char *column)
{
	Definition *definition = model_define(model, NULL);
	const char *schema;
	const char *name = model_name_at(table, model->statement, &schema);

	definition->relkind = RELKIND_SEQUENCE;
	definition->serial = true;
	definition->table = table;
	definition->names = list_make1(unconstify(char *, column));
	(void) model_create_unnamed(model, FACT_RELATION, NULL, schema, name,
								column, "seq", definition);
}

static Definition *
serial_default(Model *model, Object *table, const char *column)
{
	Definition *definition = model_define(model, NULL);

	definition->serial = true;
	definition->table = table;
	definition->names = list_make1(unconstify(char *, column));
	return definition;
}

void
model_exclude_type(Model *model, Object *column, const TypeName *type,
				   Definition *definition)
{
	const Object *bearer = model_type(model, type->names, NEED_NOTHING);

	if (bearer != NULL && bearer->born > column->born &&
		model_property(column, FACT_COLUMN_TYPE).presence == UNKNOWN)
		model_change(model, column, FACT_COLUMN_TYPE,
					 state_of(OTHER, NULL, definition),
					 state_of(UNKNOWN, NULL, NULL));
}

void
model_add_column(Model *model, Object *table, ColumnDef *column,
				 bool missing_ok)
{
	Object	   *old = model_bearer(model, FACT_COLUMN, table, NULL,
								   column->colname, model->statement - 1);
	ColumnTraits traits = {.not_null = ABSENT};
	Object	   *object;
	Definition *type;
	bool		serial = column->typeName != NULL && is_serial(column->typeName);
	ListCell   *cell;

	object = model_create(model, FACT_COLUMN, table, NULL, column->colname,
						  missing_ok ? CREATE_IF_NOT_EXISTS : CREATE_NEW, NULL);
	if (table->born != model->statement)
		model->additions = lappend_int(model->additions, model->statement);
	if (object == NULL)
		return;
	if (column->is_not_null)
		traits.not_null = PRESENT;
	foreach(cell, column->constraints)
		read_column_constraint(model, &traits, lfirst_node(Constraint, cell));

	if (serial)
	{
		column = copyObject(column);
		column->typeName = serial_type(column->typeName);
		traits.not_null = PRESENT;
		traits.value = serial_default(model, table, column->colname);
	}
	if (serial || traits.identity != NULL)
		add_sequence(model, table, column->colname);

	if (column->typeName != NULL)
	{
		type = model_define(model, (Node *) column);
		(void) model_type(model, column->typeName->names, NEED_NOTHING);
		if (old != NULL)
			model_exclude_type(model, old, column->typeName, type);
		model_set(model, object, FACT_COLUMN_TYPE, PRESENT, type);
	}
	if (traits.value != NULL)
		traits.value->table = table;
	model_set(model, object, FACT_NOT_NULL, traits.not_null, NULL);
	model_set(model, object, FACT_DEFAULT,
			  traits.value != NULL ? PRESENT : ABSENT, traits.value);
	model_set(model, object, FACT_IDENTITY,
			  traits.identity != NULL ? PRESENT : ABSENT, traits.identity);
	foreach(cell, traits.constraints)
		model_add_constraint(model, table, lfirst(cell), column->colname,
							 model_current(model)->statement->raw->stmt->type == T_CreateStmt);
}
