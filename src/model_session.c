/*-------------------------------------------------------------------------
 *
 * model_session.c
 *	  Statements that change how later ones are read, and data statements.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "utils/varlena.h"

#include "model.h"
#include "model_statement.h"
#include "statement.h"

/* --- search_path --- */

static const char *
constant_text(const Node *node)
{
	const A_Const *constant = statement_constant(node);

	return constant != NULL && !constant->isnull &&
		IsA(&constant->val, String) ? constant->val.sval.sval : NULL;
}

/*
 * Follows the search_path to a list of schema names.  pg_catalog holds
 * nothing of the script's; "$user" and temporary schemas depend on the
 * session.
 */
static void
set_path(Model *model, List *names, bool local)
{
	ListCell   *cell;

	model->path = NIL;
	model->path_known = true;
	model->path_local = local;
	foreach(cell, names)
	{
		char	   *name = lfirst(cell);

		if (name == NULL || strcmp(name, "$user") == 0 ||
			(strcmp(name, "pg_temp") == 0 && model->path == NIL))
			model->path_known = false;
		else if (name[0] != '\0' && strcmp(name, "pg_catalog") != 0 &&
				 strcmp(name, "pg_temp") != 0)
			model->path = lappend(model->path, name);
	}
}

void
model_set_variable(Model *model, Node *node)
{
	VariableSetStmt *statement = (VariableSetStmt *) node;
	List	   *names = NIL;
	ListCell   *cell;

	model_current(model)->session = true;
	if (statement->kind == VAR_RESET_ALL ||
		(statement->name != NULL &&
		 pg_strcasecmp(statement->name, "search_path") == 0))
	{
		model->path_known = false;
		if (statement->kind != VAR_SET_VALUE)
			return;
		foreach(cell, statement->args)
			names = lappend(names, unconstify(char *, constant_text(lfirst(cell))));
		set_path(model, names, statement->is_local);
	}
}

/* SET LOCAL lasts to the end of its transaction, where the script has one. */
void
model_transaction(Model *model, Node *node)
{
	TransactionStmt *statement = (TransactionStmt *) node;

	model_current(model)->session = true;
	if (statement->kind == TRANS_STMT_COMMIT && model->path_local)
		model->path_known = false;
}

static void
follow_set_config(Model *model, const FuncCall *call)
{
	const char *setting = constant_text(linitial(call->args));
	const char *value = constant_text(lsecond(call->args));
	const A_Const *local = statement_constant(lthird(call->args));
	List	   *names;

	model_current(model)->session = true;
	if (setting != NULL && pg_strcasecmp(setting, "search_path") != 0)
		return;
	model->path_known = false;
	if (setting == NULL || value == NULL || local == NULL ||
		local->isnull || !IsA(&local->val, Boolean) ||
		!SplitIdentifierString(pstrdup(value), ',', &names))
		return;
	set_path(model, names, local->val.boolval.boolval);
}

static bool
set_config_walker(Node *node, Model *model)
{
	if (node == NULL)
		return false;
	if (statement_is_set_config(node))
		follow_set_config(model, (FuncCall *) node);
	return raw_expression_tree_walker(node, set_config_walker, model);
}

/* --- data --- */

void
model_select(Model *model, Node *node)
{
	model_current(model)->opaque = true;
	(void) set_config_walker(node, model);
	model_select_into(model, (SelectStmt *) node);
}

/* The statement with its table's schema; NULL where that can't be told. */
static const InsertStmt *
with_schema(const Model *model, const InsertStmt *statement)
{
	InsertStmt *copy;

	if (statement->relation->schemaname != NULL)
		return statement;
	if (!model->path_known || list_length(model->path) != 1)
		return NULL;
	copy = palloc(sizeof(InsertStmt));
	*copy = *statement;
	copy->relation = copyObject(statement->relation);
	copy->relation->schemaname = linitial(model->path);
	return copy;
}

void
model_insert(Model *model, Node *node)
{
	InsertStmt *statement = (InsertStmt *) node;

	model_current(model)->opaque = true;
	if (statement->onConflictClause != NULL &&
		statement->onConflictClause->action == ONCONFLICT_NOTHING)
		model_current(model)->insert = with_schema(model, statement);
}
