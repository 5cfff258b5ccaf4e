/*-------------------------------------------------------------------------
 *
 * look_insert.c
 *	  Whether INSERT ... ON CONFLICT DO NOTHING may run again.
 *
 * It may where a key of the table keeps the same rows out.  Without a key, or
 * with one that a default or a function fills in, the rows would be there
 * twice.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_index.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "look.h"

/* Where a column stands among those that are inserted, or -1. */
static int
position_of(const InsertStmt *statement, Relation table, AttrNumber number)
{
	TupleDesc	columns = RelationGetDescr(table);
	const char *name = NameStr(TupleDescAttr(columns, number - 1)->attname);
	int			position = 0;
	ListCell   *cell;

	if (statement->cols == NIL)
	{
		/* Those that were dropped have a number, but no value. */
		for (int i = 0; i < number - 1; i++)
			if (!TupleDescAttr(columns, i)->attisdropped)
				position++;
		return position;
	}
	foreach(cell, statement->cols)
	{
		if (strcmp(lfirst_node(ResTarget, cell)->name, name) == 0)
			return foreach_current_index(cell);
	}
	return -1;
}

static bool
made_up_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	/* Two NULLs are no duplicates. */
	if (IsA(node, A_Const) && ((A_Const *) node)->isnull)
		return true;
	if (IsA(node, FuncCall) || IsA(node, SQLValueFunction) ||
		IsA(node, SetToDefault) || IsA(node, SubLink))
		return true;
	return raw_expression_tree_walker(node, made_up_walker, context);
}

/* Whether the value at a position is given, in one row. */
static bool
is_given(const List *row, int position)
{
	Node	   *value;

	if (position >= list_length(row))
		return false;
	value = list_nth(row, position);
	if (IsA(value, ResTarget))
		value = ((ResTarget *) value)->val;
	/* A star may stand for any number of columns. */
	if (IsA(value, ColumnRef) &&
		IsA(llast(((ColumnRef *) value)->fields), A_Star))
		return false;
	return !made_up_walker(value, NULL);
}

static bool
is_given_in_all(const SelectStmt *select, int position)
{
	ListCell   *cell;

	/* A UNION of many rows is as deep as it is long. */
	check_stack_depth();
	if (select->op != SETOP_NONE)
		return is_given_in_all(select->larg, position) &&
			is_given_in_all(select->rarg, position);
	if (select->valuesLists == NIL)
		return is_given(select->targetList, position);
	foreach(cell, select->valuesLists)
	{
		if (!is_given(lfirst_node(List, cell), position))
			return false;
	}
	return true;
}

/* WITH may write, too, and no key of this table keeps that from another time. */
static bool
writes_besides(const WithClause *with)
{
	ListCell   *cell;

	foreach(cell, with != NULL ? with->ctes : NIL)
	{
		if (!IsA(lfirst_node(CommonTableExpr, cell)->ctequery, SelectStmt))
			return true;
	}
	return false;
}

/* Whether the statement gives all columns of a unique index. */
static bool
gives_key(const InsertStmt *statement, Relation table, Oid index)
{
	HeapTuple	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(index));
	Form_pg_index form;
	bool		gives;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_index) GETSTRUCT(tuple);
	gives = form->indisunique && form->indisvalid && form->indimmediate &&
		heap_attisnull(tuple, Anum_pg_index_indpred, NULL);
	for (int i = 0; gives && i < form->indnkeyatts; i++)
	{
		AttrNumber	number = form->indkey.values[i];
		int			position = number > 0 ?
			position_of(statement, table, number) : -1;

		gives = position >= 0 &&
			is_given_in_all((SelectStmt *) statement->selectStmt, position);
	}
	ReleaseSysCache(tuple);
	return gives;
}

static Oid
find_table(const RangeVar *name)
{
	Oid			namespace = get_namespace_oid(name->schemaname, true);

	return OidIsValid(namespace) ?
		get_relname_relid(name->relname, namespace) : InvalidOid;
}

bool
look_insert_repeats(const InsertStmt *statement)
{
	Oid			table = find_table(statement->relation);
	Relation	relation;
	bool		repeats = false;
	ListCell   *cell;

	if (!OidIsValid(table) || statement->selectStmt == NULL ||
		writes_besides(statement->withClause) ||
		writes_besides(((SelectStmt *) statement->selectStmt)->withClause))
		return false;
	relation = try_relation_open(table, AccessShareLock);
	if (relation == NULL)
		return false;
	foreach(cell, RelationGetIndexList(relation))
		repeats = repeats || gives_key(statement, relation, lfirst_oid(cell));
	relation_close(relation, AccessShareLock);
	return repeats;
}
