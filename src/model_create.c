/*-------------------------------------------------------------------------
 *
 * model_create.c
 *	  Tables, composite types and indexes that a script creates.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "parser/parse_target.h"

#include "model.h"
#include "model_statement.h"

/* A temporary table is of this session alone; no look later on finds it. */
static bool
is_temporary(Model *model, const RangeVar *name)
{
	StatementModel *current = model_current(model);

	if (name->relpersistence != RELPERSISTENCE_TEMP)
		return false;
	current->opaque = true;
	current->session = true;
	model->temporary = lappend(model->temporary, name->relname);
	return true;
}

static Object *
create_relation(Model *model, const RangeVar *name, char relkind,
				Node *node, CreateMode mode)
{
	Definition *definition = model_define(model, node);
	const char *schema;
	Object	   *relation;

	if (is_temporary(model, name))
		return NULL;
	schema = model_schema(model, FACT_RELATION, name->schemaname,
						  name->relname, true);
	if (schema == NULL)
		return NULL;
	definition->relkind = relkind;
	relation = model_create(model, FACT_RELATION, NULL, schema, name->relname,
							mode, definition);
	if (relation != NULL)
		model_set(model, relation, FACT_LOGGED,
				  name->relpersistence == RELPERSISTENCE_PERMANENT ?
				  PRESENT : ABSENT, NULL);
	return relation;
}

/*
 * A table made from one other table.  With two and more, and of what the
 * columns are, nothing is followed: they go on changing with their parents'.
 */
static void
inherit(Model *model, Object *table, const CreateStmt *statement)
{
	Definition *definition = model_define(model, NULL);

	if (list_length(statement->inhRelations) == 1)
		table->ancestor = model_relation(model,
										 linitial(statement->inhRelations),
										 NEED_NOTHING);
	model_set_partition(model, table,
						statement->partbound != NULL ? PRESENT : ABSENT,
						statement->partbound);
	if (table->ancestor == NULL || statement->partbound != NULL)
		return;
	definition->other = table->ancestor;
	model_set(model, table, FACT_INHERITANCE, PRESENT, definition);
}

/* A column as it is in the table that it is copied from, so far as is known. */
static void
copy_column(Model *model, Object *table, Object *original, const char *name,
			uint32 options)
{
	Object	   *column = model_create(model, FACT_COLUMN, table, NULL, name,
									  CREATE_NEW, NULL);
	State		type = model_property(original, FACT_COLUMN_TYPE);
	State		not_null = model_property(original, FACT_NOT_NULL);

	if (type.presence == PRESENT)
		model_set(model, column, FACT_COLUMN_TYPE, PRESENT, type.definition);
	if (not_null.presence != UNKNOWN)
		model_set(model, column, FACT_NOT_NULL, not_null.presence, NULL);
	if ((options & (CREATE_TABLE_LIKE_DEFAULTS | CREATE_TABLE_LIKE_GENERATED)) == 0)
		model_set(model, column, FACT_DEFAULT, ABSENT, NULL);
	if ((options & CREATE_TABLE_LIKE_IDENTITY) == 0)
		model_set(model, column, FACT_IDENTITY, ABSENT, NULL);
}

/* LIKE, of columns that the script has said something of. */
static void
copy_columns(Model *model, Object *table, const TableLikeClause *clause)
{
	Object	   *original = model_relation(model, clause->relation,
										  NEED_NOTHING);
	int			count = original == NULL ? 0 : list_length(original->children);

	for (int i = 0; i < count; i++)
	{
		Fact	   *fact = list_nth(original->children, i);
		const Change *last = fact->changes == NIL ? NULL : llast(fact->changes);

		if (fact->kind == FACT_COLUMN && last != NULL &&
			last->after.presence == PRESENT && last->after.object != NULL)
			copy_column(model, table, last->after.object, fact->name,
						clause->options);
	}
}

void
model_create_table(Model *model, Node *node)
{
	CreateStmt *statement = (CreateStmt *) node;
	Object	   *table;
	ListCell   *cell;

	model_current(model)->repeatable = statement->if_not_exists;
	table = create_relation(model, statement->relation,
							statement->partspec != NULL ?
							RELKIND_PARTITIONED_TABLE : RELKIND_RELATION, node,
							statement->if_not_exists ?
							CREATE_IF_NOT_EXISTS : CREATE_NEW);
	if (table == NULL)
		return;
	inherit(model, table, statement);

	/*
	 * Columns before constraints, for a CHECK may name one that comes after
	 * it.
	 */
	foreach(cell, statement->tableElts)
	{
		if (IsA(lfirst(cell), ColumnDef))
			model_add_column(model, table, lfirst(cell), false);
		else if (IsA(lfirst(cell), TableLikeClause))
			copy_columns(model, table, lfirst(cell));
	}
	foreach(cell, statement->tableElts)
	{
		if (IsA(lfirst(cell), Constraint))
			model_add_constraint(model, table, lfirst(cell), NULL, true);
	}
}

/* Whether a SELECT's item stands for any number of columns. */
static bool
is_star(const Node *item)
{
	if (IsA(item, ColumnRef))
		return IsA(llast(((const ColumnRef *) item)->fields), A_Star);
	return IsA(item, A_Indirection) &&
		IsA(llast(((const A_Indirection *) item)->indirection), A_Star);
}

/*
 * The names (char *) of a query's columns from the left, as far as its text
 * tells them.
 */
static List *
query_column_names(const Node *query)
{
	const SelectStmt *select = (const SelectStmt *) query;
	List	   *names = NIL;
	ListCell   *cell;

	if (!IsA(query, SelectStmt))
		return NIL;				/* EXECUTE */
	while (select->op != SETOP_NONE)
		select = select->larg;
	if (select->valuesLists != NIL)
	{
		for (int i = 1; i <= list_length(linitial(select->valuesLists)); i++)
			names = lappend(names, psprintf("column%d", i));
		return names;
	}
	foreach(cell, select->targetList)
	{
		const ResTarget *target = lfirst_node(ResTarget, cell);

		if (is_star(target->val))
			break;
		names = lappend(names, target->name != NULL ? target->name :
						FigureColname(target->val));
	}
	return names;
}

/* Of their types and values the text says nothing. */
static void
add_query_columns(Model *model, Object *table,
				  const CreateTableAsStmt *statement)
{
	List	   *names = query_column_names(statement->query);
	int			count = Max(list_length(names),
							list_length(statement->into->colNames));

	for (int i = 0; i < count; i++)
	{
		ColumnDef  *column = makeNode(ColumnDef);

		column->colname = i < list_length(statement->into->colNames) ?
			strVal(list_nth(statement->into->colNames, i)) :
			list_nth(names, i);
		model_add_column(model, table, column, false);
	}
}

void
model_create_table_as(Model *model, Node *node)
{
	CreateTableAsStmt *statement = (CreateTableAsStmt *) node;
	bool		is_view = statement->objtype == OBJECT_MATVIEW;
	Object	   *table;

	model_current(model)->repeatable = statement->if_not_exists;
	table = create_relation(model, statement->into->rel,
							is_view ? RELKIND_MATVIEW : RELKIND_RELATION, node,
							statement->if_not_exists ?
							CREATE_IF_NOT_EXISTS : CREATE_NEW);
	if (table != NULL && !is_view)
		add_query_columns(model, table, statement);
}

void
model_select_into(Model *model, SelectStmt *select)
{
	CreateTableAsStmt *statement = makeNode(CreateTableAsStmt);

	statement->query = (Node *) select;
	statement->objtype = OBJECT_TABLE;
	for (; select->op != SETOP_NONE; select = select->larg)
		;
	statement->into = select->intoClause;
	if (statement->into != NULL)
		model_create_table_as(model, (Node *) statement);
}

void
model_create_composite(Model *model, Node *node)
{
	CompositeTypeStmt *statement = (CompositeTypeStmt *) node;
	const char *schema = model_schema(model, FACT_TYPE,
									  statement->typevar->schemaname,
									  statement->typevar->relname, true);
	Object	   *type;
	ListCell   *cell;

	if (schema == NULL)
		return;
	type = model_create(model, FACT_TYPE, NULL, schema,
						statement->typevar->relname, CREATE_NEW,
						model_define(model, node));
	foreach(cell, statement->coldeflist)
		model_add_column(model, type, lfirst(cell), false);
}

void
model_create_index(Model *model, Node *node)
{
	IndexStmt  *statement = (IndexStmt *) node;
	Object	   *table = model_relation(model, statement->relation, NEED_PRESENT);
	Definition *definition = model_define(model, node);
	const char *schema;
	const char *table_name;
	List	   *elements;

	model_current(model)->repeatable = statement->if_not_exists;
	if (table == NULL)
		return;
	definition->relkind = RELKIND_INDEX;
	definition->table = table;
	table_name = model_name_at(table, model->statement, &schema);
	if (statement->idxname != NULL)
	{
		(void) model_create(model, FACT_RELATION, NULL, schema,
							statement->idxname, statement->if_not_exists ?
							CREATE_IF_NOT_EXISTS : CREATE_NEW, definition);
		return;
	}
	elements = list_concat_copy(statement->indexParams,
								statement->indexIncludingParams);
	(void) model_create_unnamed(model, FACT_RELATION, NULL, schema, table_name,
								model_index_name_middle(elements),
								"idx", definition);
}
