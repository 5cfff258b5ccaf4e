/*-------------------------------------------------------------------------
 *
 * model_create.c
 *	  Tables, composite types and indexes that a script creates.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"

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

	if (is_temporary(model, name))
		return NULL;
	schema = model_schema(model, FACT_RELATION, name->schemaname,
						  name->relname, true);
	if (schema == NULL)
		return NULL;
	definition->relkind = relkind;
	return model_create(model, FACT_RELATION, NULL, schema, name->relname,
						mode, definition);
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
	if (list_length(statement->inhRelations) == 1)
		table->ancestor = model_relation(model,
										 linitial(statement->inhRelations),
										 NEED_NOTHING);
	model_set_partition(model, table,
						statement->partbound != NULL ? PRESENT : ABSENT);

	/*
	 * Columns before constraints, for a CHECK may name one that comes after
	 * it.  What LIKE, INHERITS and OF bring along is not followed.
	 */
	foreach(cell, statement->tableElts)
	{
		if (IsA(lfirst(cell), ColumnDef))
			model_add_column(model, table, lfirst(cell), false);
	}
	foreach(cell, statement->tableElts)
	{
		if (IsA(lfirst(cell), Constraint))
			model_add_constraint(model, table, lfirst(cell), NULL, true);
	}
}

void
model_create_table_as(Model *model, Node *node)
{
	CreateTableAsStmt *statement = (CreateTableAsStmt *) node;
	bool		is_view = statement->objtype == OBJECT_MATVIEW;

	model_current(model)->repeatable = statement->if_not_exists;
	(void) create_relation(model, statement->into->rel,
						   is_view ? RELKIND_MATVIEW : RELKIND_RELATION, node,
						   statement->if_not_exists ?
						   CREATE_IF_NOT_EXISTS : CREATE_NEW);
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
