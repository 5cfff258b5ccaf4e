/*-------------------------------------------------------------------------
 *
 * model_routine.c
 *	  Sequences, views, functions, triggers, policies and rules.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"

#include "model.h"
#include "model_statement.h"
#include "statement.h"

/* --- sequences --- */

/* The options of CREATE SEQUENCE with those of ALTER SEQUENCE over them. */
static List *
merge_options(List *known, List *changed)
{
	List	   *merged = list_copy(changed);
	ListCell   *cell;

	foreach(cell, known)
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (statement_option(changed, option->defname) == NULL)
			merged = lappend(merged, option);
	}
	return merged;
}

/*
 * OWNED BY makes a sequence go with a column.  False where the option isn't
 * there, or the column can't be told.
 */
static bool
read_owner(Model *model, List *options, Definition *definition)
{
	DefElem    *option = statement_option(options, "owned_by");
	List	   *names = option == NULL ? NIL : (List *) option->arg;

	if (names == NIL)
		return false;
	definition->table = NULL;
	definition->names = NIL;
	if (list_length(names) > 1)
		definition->table = model_relation_list(model,
												list_copy_head(names,
															   list_length(names) - 1),
												NEED_NOTHING);
	if (definition->table != NULL)
		definition->names = list_make1(strVal(llast(names)));
	else
		definition->whole = false;	/* by nothing, which isn't compared */
	return true;
}

void
model_create_sequence(Model *model, Node *node)
{
	CreateSeqStmt *statement = (CreateSeqStmt *) node;
	RangeVar   *name = statement->sequence;
	Definition *definition = model_define(model, node);
	const char *schema;
	Object	   *sequence;

	model_current(model)->repeatable = statement->if_not_exists;
	schema = model_schema(model, FACT_RELATION, name->schemaname, name->relname,
						  true);
	if (schema == NULL || name->relpersistence == RELPERSISTENCE_TEMP)
	{
		model_current(model)->opaque = true;
		return;
	}
	definition->relkind = RELKIND_SEQUENCE;
	(void) read_owner(model, statement->options, definition);
	sequence = model_create(model, FACT_RELATION, NULL, schema, name->relname,
							statement->if_not_exists ?
							CREATE_IF_NOT_EXISTS : CREATE_NEW, definition);
	if (sequence != NULL)
		model_set(model, sequence, FACT_SEQUENCE, PRESENT,
				  model_define(model, (Node *) statement->options));
}

void
model_alter_sequence(Model *model, Node *node)
{
	AlterSeqStmt *statement = (AlterSeqStmt *) node;
	Object	   *sequence = model_relation(model, statement->sequence,
										  statement->missing_ok ?
										  NEED_ANY : NEED_PRESENT);
	Definition *known;
	Definition *definition = model_define(model, NULL);
	List	   *options = statement->options;

	/* RESTART sets a value, and the catalog doesn't tell when. */
	if (statement_option(options, "restart") != NULL)
		model_current(model)->opaque = true;
	else
		model_current(model)->repeatable = true;
	if (sequence == NULL)
		return;
	sequence->belongs = true;
	definition->relkind = RELKIND_SEQUENCE;
	if (read_owner(model, options, definition))
		model_redefine(model, sequence, definition);
	known = model_property(sequence, FACT_SEQUENCE).definition;
	if (known != NULL)
		options = merge_options((List *) known->node, options);
	if (options == NIL)
		return;
	definition = model_define(model, (Node *) options);
	definition->whole = known != NULL && known->whole;
	model_set(model, sequence, FACT_SEQUENCE, PRESENT, definition);
}

/* --- views --- */

void
model_create_view(Model *model, Node *node)
{
	ViewStmt   *statement = (ViewStmt *) node;
	RangeVar   *name = statement->view;
	Definition *definition = model_define(model, node);
	const char *schema;

	model_current(model)->repeatable = statement->replace;
	schema = model_schema(model, FACT_RELATION, name->schemaname, name->relname,
						  true);
	if (schema == NULL || name->relpersistence == RELPERSISTENCE_TEMP)
	{
		model_current(model)->opaque = true;
		return;
	}
	definition->relkind = RELKIND_VIEW;
	(void) model_create(model, FACT_RELATION, NULL, schema, name->relname,
						statement->replace ? CREATE_OR_REPLACE : CREATE_NEW,
						definition);
}

/* --- functions --- */

/* The types by which a function is known: those of its input parameters. */
static List *
input_types(List *parameters)
{
	List	   *types = NIL;
	ListCell   *cell;

	foreach(cell, parameters)
	{
		FunctionParameter *parameter = lfirst_node(FunctionParameter, cell);

		if (parameter->mode != FUNC_PARAM_OUT &&
			parameter->mode != FUNC_PARAM_TABLE)
			types = lappend(types, parameter->argType);
	}
	return types;
}

void
model_create_function(Model *model, Node *node)
{
	CreateFunctionStmt *statement = (CreateFunctionStmt *) node;
	List	   *types = input_types(statement->parameters);
	const char *schema;
	const char *name;
	const char *signature;
	Object	   *function;

	model_current(model)->repeatable = statement->replace;
	model_split_name(statement->funcname, &schema, &name);
	signature = model_signature(name, types, false);
	schema = model_schema(model, FACT_FUNCTION, schema, signature, true);
	if (schema == NULL)
		return;
	model_reopen_function(model, schema, name, signature);
	function = model_create(model, FACT_FUNCTION, NULL, schema, signature,
							statement->replace ? CREATE_OR_REPLACE : CREATE_NEW,
							model_define(model, node));
	function->arguments = types;
	function->signature = model_define(model, NULL);
}

/* Its attributes are not followed any further, only its body. */
void
model_alter_function(Model *model, Node *node)
{
	AlterFunctionStmt *statement = (AlterFunctionStmt *) node;
	Object	   *function = model_function(model, statement->func, NEED_PRESENT);
	Definition *known;
	Definition *definition;

	if (function == NULL)
		return;
	known = model_existence(model, function).definition;
	if (known == NULL)
		return;
	definition = palloc(sizeof(Definition));
	*definition = *known;
	definition->whole = false;
	model_redefine(model, function, definition);
}

/* --- what belongs to a table --- */

static Object *
create_child(Model *model, FactKind kind, const RangeVar *table_name,
			 const char *name, bool replace, Node *node)
{
	Object	   *table = model_relation(model, table_name, NEED_PRESENT);
	Definition *definition = model_define(model, node);

	model_current(model)->repeatable = replace;
	if (table == NULL)
		return NULL;
	definition->table = table;
	return model_create(model, kind, table, NULL, name,
						replace ? CREATE_OR_REPLACE : CREATE_NEW, definition);
}

void
model_create_trigger(Model *model, Node *node)
{
	CreateTrigStmt *statement = (CreateTrigStmt *) node;

	(void) create_child(model, FACT_TRIGGER, statement->relation,
						statement->trigname, statement->replace, node);
}

void
model_create_policy(Model *model, Node *node)
{
	CreatePolicyStmt *statement = (CreatePolicyStmt *) node;

	(void) create_child(model, FACT_POLICY, statement->table,
						statement->policy_name, false, node);
}

void
model_create_rule(Model *model, Node *node)
{
	RuleStmt   *statement = (RuleStmt *) node;

	(void) create_child(model, FACT_RULE, statement->relation,
						statement->rulename, statement->replace, node);
}

/* What ALTER POLICY doesn't say stays as it was. */
void
model_alter_policy(Model *model, Node *node)
{
	AlterPolicyStmt *statement = (AlterPolicyStmt *) node;
	Object	   *table = model_relation(model, statement->table, NEED_PRESENT);
	Object	   *policy;
	Definition *known;
	Definition *definition;
	CreatePolicyStmt *merged;

	model_current(model)->repeatable = true;
	if (table == NULL)
		return;
	policy = model_refer(model, FACT_POLICY, table, NULL,
						 statement->policy_name, NEED_PRESENT);
	known = model_existence(model, policy).definition;
	merged = known != NULL ? copyObject(castNode(CreatePolicyStmt, known->node)) :
		makeNode(CreatePolicyStmt);
	if (statement->roles != NIL)
		merged->roles = statement->roles;
	if (statement->qual != NULL)
		merged->qual = statement->qual;
	if (statement->with_check != NULL)
		merged->with_check = statement->with_check;
	definition = model_define(model, (Node *) merged);
	definition->table = table;
	definition->whole = known != NULL && known->whole;
	model_redefine(model, policy, definition);
}
