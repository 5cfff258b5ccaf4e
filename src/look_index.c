/*-------------------------------------------------------------------------
 *
 * look_index.c
 *	  Whether an index is the one that a script creates.
 *
 * Compared are its table, method, columns and expressions with their order,
 * collation and operator class, uniqueness and predicate; not its storage
 * parameters and its tablespace.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/amapi.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/index.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_expr.h"
#include "parser/parse_utilcmd.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "look_kind.h"

/* What the catalog holds of an index. */
typedef struct StoredIndex
{
	HeapTuple	tuple;
	Form_pg_index form;
	Oid			method;
	oidvector  *classes;
	oidvector  *collations;
	int2vector *options;
	List	   *expressions;
	Node	   *predicate;
	bool		is_retyped;		/* they have been written anew */
} StoredIndex;

static Datum
index_attribute(HeapTuple tuple, AttrNumber number, bool *is_null)
{
	return SysCacheGetAttr(INDEXRELID, tuple, number, is_null);
}

static Node *
stored_tree(HeapTuple tuple, AttrNumber number)
{
	bool		is_null;
	Datum		datum = index_attribute(tuple, number, &is_null);

	return is_null ? NULL : stringToNode(TextDatumGetCString(datum));
}

static Oid
method_of(Oid index)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(index));
	Oid			method = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		method = ((Form_pg_class) GETSTRUCT(tuple))->relam;
		ReleaseSysCache(tuple);
	}
	return method;
}

/* The caller releases stored->tuple. */
static bool
read_index(Oid index, StoredIndex *stored)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	bool		is_null;

	if (!HeapTupleIsValid(tuple))
		return false;
	stored->tuple = tuple;
	stored->form = (Form_pg_index) GETSTRUCT(tuple);
	stored->method = method_of(index);
	stored->classes = (oidvector *)
		DatumGetPointer(index_attribute(tuple, Anum_pg_index_indclass, &is_null));
	stored->collations = (oidvector *)
		DatumGetPointer(index_attribute(tuple, Anum_pg_index_indcollation, &is_null));
	stored->options = (int2vector *)
		DatumGetPointer(index_attribute(tuple, Anum_pg_index_indoption, &is_null));
	stored->expressions = (List *) stored_tree(tuple, Anum_pg_index_indexprs);
	stored->predicate = stored_tree(tuple, Anum_pg_index_indpred);
	return true;
}

/* --- the script's side --- */

static void
rename_elements(const Looking *looking, List *elements)
{
	const Definition *definition = looking->definition;
	ListCell   *cell;

	foreach(cell, elements)
	{
		IndexElem  *element = lfirst_node(IndexElem, cell);

		if (element->name != NULL)
			element->name = pstrdup(model_column_name(looking->model, definition,
													  definition->table,
													  element->name,
													  looking->seam));
		else
			element->expr = model_expression_at(looking->model, definition,
												element->expr, looking->seam);
	}
}

static Node *
analyse_element(ParseState *state, Node *raw, void *argument)
{
	return transformExpr(state, raw, EXPR_KIND_INDEX_EXPRESSION);
}

static bool
may_analyse(const IndexStmt *statement, Relation table)
{
	ListCell   *cell;

	foreach(cell, statement->indexParams)
	{
		Node	   *expression = lfirst_node(IndexElem, cell)->expr;

		if (expression != NULL &&
			!look_may_analyse(look_parse_state(table), expression,
							  analyse_element, NULL))
			return false;
	}
	return statement->whereClause == NULL ||
		look_cook_condition(look_parse_state(table), statement->whereClause,
							EXPR_KIND_INDEX_PREDICATE, "WHERE") != NULL;
}

/*
 * The statement with its expressions analysed, in the names of the seam, or
 * NULL where their analysis would run somebody's code.
 */
static IndexStmt *
scripted_index(const Looking *looking, Relation table)
{
	IndexStmt  *statement = copyObject(castNode(IndexStmt,
												looking->definition->node));

	rename_elements(looking, statement->indexParams);
	rename_elements(looking, statement->indexIncludingParams);
	statement->whereClause = model_expression_at(looking->model,
												 looking->definition,
												 statement->whereClause,
												 looking->seam);
	if (!may_analyse(statement, table))
		return NULL;
	return transformIndexStmt(RelationGetRelid(table), statement, "");
}

/* The order in the form of pg_index.indoption. */
static int16
scripted_order(const IndexElem *element)
{
	int16		order = 0;

	if (element->ordering == SORTBY_DESC)
		order |= INDOPTION_DESC;
	if (element->nulls_ordering == SORTBY_NULLS_FIRST ||
		(element->nulls_ordering == SORTBY_NULLS_DEFAULT &&
		 element->ordering == SORTBY_DESC))
		order |= INDOPTION_NULLS_FIRST;
	return order;
}

/* --- comparing --- */

/* One column or expression of the script, resolved. */
typedef struct ScriptedColumn
{
	AttrNumber	number;			/* 0 for an expression */
	Node	   *expression;
	Oid			type;
	Oid			collation;
} ScriptedColumn;

static void
resolve_column(const IndexElem *element, Oid table, ScriptedColumn *column)
{
	Node	   *expression = element->expr;

	memset(column, 0, sizeof(ScriptedColumn));
	while (expression != NULL && IsA(expression, CollateExpr))
		expression = (Node *) ((CollateExpr *) expression)->arg;
	if (element->name != NULL)
	{
		int32		modifier;

		column->number = get_attnum(table, element->name);
		if (column->number > 0)
			get_atttypetypmodcoll(table, column->number, &column->type,
								  &modifier, &column->collation);
	}
	else
	{
		column->type = exprType(expression);
		column->collation = exprCollation(element->expr);
		/* (a) in parentheses is a column still. */
		if (IsA(expression, Var) && ((Var *) expression)->varattno > 0)
			column->number = ((Var *) expression)->varattno;
		else
			column->expression = expression;
	}
	if (element->collation != NIL)
		column->collation = get_collation_oid(element->collation, false);
}

static bool
same_key_column(const StoredIndex *stored, int i, const IndexElem *element,
				const ScriptedColumn *column, const char *method_name,
				bool can_order)
{
	Oid			operator_class = ResolveOpClass(element->opclass, column->type,
												method_name, stored->method);

	return stored->classes->values[i] == operator_class &&
		stored->collations->values[i] == column->collation &&
		stored->options->values[i] == (can_order ? scripted_order(element) : 0);
}

/* What the server has written anew isn't compared. */
static bool
same_expression(const StoredIndex *stored, Node *scripted, Node *actual)
{
	return stored->is_retyped || look_same_expression(scripted, actual);
}

static bool
same_elements(const StoredIndex *stored, List *elements, int first, Oid table,
			  bool are_keys, const char *method_name, bool can_order,
			  ListCell **expression)
{
	ListCell   *cell;

	foreach(cell, elements)
	{
		int			i = first + foreach_current_index(cell);
		IndexElem  *element = lfirst_node(IndexElem, cell);
		ScriptedColumn column;

		resolve_column(element, table, &column);
		if (stored->form->indkey.values[i] != column.number)
			return false;
		if (column.expression == NULL && column.number == 0)
			return false;
		if (column.expression != NULL)
		{
			if (*expression == NULL ||
				!same_expression(stored, column.expression, lfirst(*expression)))
				return false;
			*expression = lnext(stored->expressions, *expression);
		}
		if (are_keys && !same_key_column(stored, i, element, &column,
										 method_name, can_order))
			return false;
	}
	return true;
}

static bool
same_predicate(const StoredIndex *stored, Node *predicate)
{
	if (predicate == NULL || stored->predicate == NULL)
		return predicate == NULL && stored->predicate == NULL;
	/* In the form that the server stores. */
	predicate = (Node *) make_ands_explicit(make_ands_implicit((Expr *) predicate));
	return same_expression(stored, predicate, stored->predicate);
}

static void
compare_scripted(Looking *looking, const StoredIndex *stored,
				 const IndexStmt *statement)
{
	Oid			table = stored->form->indrelid;
	const char *method_name = statement->accessMethod;
	const IndexAmRoutine *method;
	int			keys = list_length(statement->indexParams);
	int			included = list_length(statement->indexIncludingParams);
	ListCell   *expression = list_head(stored->expressions);

	if (strcmp(method_name, "rtree") == 0)
		method_name = "gist";
	if (get_index_am_oid(method_name, true) != stored->method)
	{
		look_differs(looking, "an index by method %s",
					 get_am_name(stored->method));
		return;
	}
	method = GetIndexAmRoutineByAmId(stored->method, false);
	if (stored->form->indisunique != statement->unique)
		look_differs(looking, "an index that is %sunique",
					 stored->form->indisunique ? "" : "not ");
	else if (stored->form->indnullsnotdistinct != statement->nulls_not_distinct)
		look_differs(looking, "an index with NULLS %sDISTINCT",
					 stored->form->indnullsnotdistinct ? "NOT " : "");
	else if (stored->form->indnkeyatts != keys ||
			 stored->form->indnatts != keys + included ||
			 !same_elements(stored, statement->indexParams, 0, table, true,
							method_name, method->amcanorder, &expression) ||
			 !same_elements(stored, statement->indexIncludingParams, keys, table,
							false, method_name, method->amcanorder, &expression))
		look_differs(looking, "%s", "an index on other columns");
	else if (!same_predicate(stored, statement->whereClause))
		look_differs(looking, "an index with another WHERE");
}

static void
compare_index(Looking *looking, const StoredIndex *stored, Relation table)
{
	const IndexStmt *statement = scripted_index(looking, table);

	if (statement != NULL)
		compare_scripted(looking, stored, statement);
	else
		look_differs(looking, "an index that can't be compared");
}

void
look_index(Looking *looking)
{
	Oid			table = look_relation(looking, looking->definition->table);
	StoredIndex stored;

	if (!read_index(looking->address.objectId, &stored))
	{
		looking->look->result = LOOK_MISSING;
		looking->look->found = "absent";
		return;
	}
	if (stored.form->indrelid != table)
		look_differs(looking, "an index of \"%s\"",
					 get_rel_name(stored.form->indrelid));
	else
	{
		/* transformIndexStmt relies on its caller's lock. */
		Relation	relation = table_open(table, AccessShareLock);

		stored.is_retyped = model_is_retyped(looking->model,
											 looking->definition,
											 looking->seam);
		compare_index(looking, &stored, relation);
		if (stored.is_retyped && look_stands(looking->look))
			looking->look->result = LOOK_UNCOMPARED;
		table_close(relation, AccessShareLock);
	}
	ReleaseSysCache(stored.tuple);
}

void
look_index_table(Looking *looking)
{
	Oid			table = IndexGetRelation(looking->address.objectId, true);

	if (table != look_relation(looking, looking->definition->table))
		look_differs(looking, "an index of \"%s\"", get_rel_name(table));
}
