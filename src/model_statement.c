/*-------------------------------------------------------------------------
 *
 * model_statement.c
 *	  Which statements the model understands, and how names are read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "parser/parse_type.h"

#include "compat.h"
#include "model.h"
#include "model_statement.h"

typedef void (*StatementReader) (Model *model, Node *node);

typedef struct StatementRule
{
	NodeTag		tag;
	StatementReader read;		/* NULL: nothing that a look could show */
	bool		repeatable;		/* whatever it says */
	bool		pure;			/* unless the reader finds otherwise */
} StatementRule;

/*
 * What isn't in here is opaque.  A reader says itself whether a statement of
 * its kind is repeatable where that depends on the statement.
 */
static const StatementRule statement_rules[] = {
	{T_CreateStmt, model_create_table, false, true},
	{T_CreateTableAsStmt, model_create_table_as, false, false},
	{T_CompositeTypeStmt, model_create_composite, false, true},
	{T_IndexStmt, model_create_index, false, true},
	{T_AlterTableStmt, model_alter_table, false, true},
	{T_RenameStmt, model_rename_object, false, true},
	{T_AlterObjectSchemaStmt, model_set_schema, false, true},
	{T_DropStmt, model_drop_objects, false, true},
	{T_CreateSchemaStmt, model_create_schema, false, true},
	{T_CreateExtensionStmt, model_create_extension, false, true},
	{T_CreateEnumStmt, model_create_enum, false, true},
	{T_AlterEnumStmt, model_alter_enum, false, true},
	{T_CreateRangeStmt, model_create_range, false, true},
	{T_CreateDomainStmt, model_create_domain, false, true},
	{T_AlterDomainStmt, model_alter_domain, false, true},
	{T_CreateSeqStmt, model_create_sequence, false, true},
	{T_AlterSeqStmt, model_alter_sequence, false, true},
	{T_ViewStmt, model_create_view, false, true},
	{T_CreateFunctionStmt, model_create_function, false, true},
	{T_CreateTrigStmt, model_create_trigger, false, true},
	{T_CreatePolicyStmt, model_create_policy, false, true},
	{T_AlterPolicyStmt, model_alter_policy, false, true},
	{T_RuleStmt, model_create_rule, false, false},
	{T_CommentStmt, model_comment, true, true},
	{T_VariableSetStmt, model_set_variable, true, false},
	{T_TransactionStmt, model_transaction, true, false},
	{T_SelectStmt, model_select, false, false},
	{T_DoStmt, model_do, false, false},
	{T_InsertStmt, model_insert, false, false},
	{T_CreatePublicationStmt, model_create_publication, false, false},
	{T_CreateEventTrigStmt, model_create_event_trigger, false, false},
	{T_CreateFdwStmt, model_create_wrapper, false, false},
	{T_CreateForeignServerStmt, model_create_server, false, false},
	{T_CreateCastStmt, model_create_cast, false, false},
	{T_CreateStatsStmt, NULL, false, false},
	{T_AlterStatsStmt, NULL, true, false},
	{T_VariableShowStmt, NULL, true, false},
	{T_ConstraintsSetStmt, NULL, true, false},
	{T_LockStmt, NULL, true, false},
	{T_NotifyStmt, NULL, true, false},
	{T_DefineStmt, model_define_object, false, false},
	{T_GrantStmt, NULL, true, false},
	{T_GrantRoleStmt, NULL, true, false},
	{T_AlterDefaultPrivilegesStmt, NULL, true, false},
	{T_AlterOwnerStmt, NULL, true, false},
	{T_AlterExtensionStmt, NULL, true, false},
	{T_AlterFunctionStmt, model_alter_function, true, false},
	{T_AlterRoleSetStmt, NULL, true, false},
	{T_AlterDatabaseSetStmt, NULL, true, false},
	{T_SecLabelStmt, NULL, true, false},
	{T_RefreshMatViewStmt, NULL, true, false},
	{T_ReindexStmt, NULL, true, false},
	{T_ClusterStmt, NULL, true, false},
	{T_VacuumStmt, NULL, true, false},
	{T_CheckPointStmt, NULL, true, false},
};

void
model_read_statement(Model *model, Node *node)
{
	StatementModel *current = model_current(model);

	for (int i = 0; i < lengthof(statement_rules); i++)
	{
		const StatementRule *rule = &statement_rules[i];

		if (rule->tag != nodeTag(node))
			continue;
		current->repeatable = rule->repeatable;
		current->pure = rule->pure;
		if (rule->read != NULL)
			rule->read(model, node);
		return;
	}
	current->opaque = true;
}

/* --- names --- */

Object *
model_relation(Model *model, const RangeVar *name, Need need)
{
	const char *schema;
	ListCell   *cell;

	foreach(cell, model->temporary)
	{
		if (name->schemaname == NULL &&
			strcmp(lfirst(cell), name->relname) == 0)
		{
			model_current(model)->opaque = true;
			return NULL;
		}
	}
	schema = model_schema(model, FACT_RELATION, name->schemaname,
						  name->relname, false);
	if (schema == NULL)
		return NULL;
	return model_refer(model, FACT_RELATION, NULL, schema, name->relname, need);
}

void
model_split_name(List *names, const char **schema, const char **name)
{
	*name = strVal(llast(names));
	*schema = list_length(names) < 2 ? NULL :
		strVal(list_nth(names, list_length(names) - 2));
}

Object *
model_relation_list(Model *model, List *names, Need need)
{
	const char *schema;
	const char *name;

	model_split_name(names, &schema, &name);
	return model_relation(model, makeRangeVar(unconstify(char *, schema),
											  unconstify(char *, name), -1),
						  need);
}

Object *
model_type(Model *model, List *names, Need need)
{
	const char *schema;
	const char *name;

	model_split_name(names, &schema, &name);
	schema = model_schema(model, FACT_TYPE, schema, name, false);
	if (schema == NULL)
		return NULL;
	return model_refer(model, FACT_TYPE, NULL, schema, name, need);
}

const char *
model_signature(const char *name, List *types, bool any_arguments)
{
	StringInfoData signature;
	ListCell   *cell;

	if (any_arguments)
		return name;
	initStringInfo(&signature);
	appendStringInfo(&signature, "%s(", name);
	foreach(cell, types)
	{
		const char *type = TypeNameToString(lfirst_node(TypeName, cell));

		/* The grammar qualifies the types that SQL knows by keyword. */
		if (strncmp(type, "pg_catalog.", 11) == 0)
			type += 11;
		appendStringInfo(&signature, "%s%s", cell == list_head(types) ? "" : ", ",
						 type);
	}
	appendStringInfoChar(&signature, ')');
	return signature.data;
}

/*
 * A function named without its arguments is the one of that name that the
 * script knows, if there is one.
 */
static Object *
find_by_name(Model *model, const char *schema, const char *name)
{
	Object	   *found = NULL;
	ListCell   *cell;

	foreach(cell, model->facts)
	{
		Fact	   *fact = lfirst(cell);
		Object	   *object;
		size_t		length = strlen(name);

		if (fact->kind != FACT_FUNCTION || strcmp(fact->schema, schema) != 0 ||
			strncmp(fact->name, name, length) != 0 ||
			fact->name[length] != '(')
			continue;
		object = ((Change *) llast(fact->changes))->after.object;
		if (object == NULL)
			continue;
		if (found != NULL)
			return NULL;
		found = object;
	}
	return found;
}

Object *
model_function(Model *model, const ObjectWithArgs *function, Need need)
{
	const char *schema;
	const char *name;
	Object	   *object;

	model_split_name(function->objname, &schema, &name);
	schema = model_schema(model, FACT_FUNCTION, schema,
						  model_signature(name, function->objargs,
										  function->args_unspecified), false);
	if (schema == NULL)
		return NULL;
	if (function->args_unspecified)
	{
		object = find_by_name(model, schema, name);
		if (object != NULL)
			return object;
	}
	object = model_refer(model, FACT_FUNCTION, NULL, schema,
						 model_signature(name, function->objargs,
										 function->args_unspecified), need);
	object->arguments = function->objargs;
	object->signature = model_define(model, NULL);
	object->any_arguments = function->args_unspecified;
	return object;
}

/* How DROP, COMMENT and the like write the name of an object. */
typedef enum NameForm
{
	NAME_RELATION,				/* list of String */
	NAME_CHILD,					/* the same, the last one's parent before it */
	NAME_TYPE,					/* TypeName */
	NAME_DOMAIN_CHILD,			/* list of TypeName and String */
	NAME_FUNCTION,				/* ObjectWithArgs */
	NAME_PLAIN					/* String */
} NameForm;

typedef struct NameRule
{
	ObjectType	type;
	NameForm	form;
	FactKind	kind;
} NameRule;

static const NameRule name_rules[] = {
	{OBJECT_TABLE, NAME_RELATION, FACT_RELATION},
	{OBJECT_FOREIGN_TABLE, NAME_RELATION, FACT_RELATION},
	{OBJECT_VIEW, NAME_RELATION, FACT_RELATION},
	{OBJECT_MATVIEW, NAME_RELATION, FACT_RELATION},
	{OBJECT_INDEX, NAME_RELATION, FACT_RELATION},
	{OBJECT_SEQUENCE, NAME_RELATION, FACT_RELATION},
	{OBJECT_COLUMN, NAME_CHILD, FACT_COLUMN},
	{OBJECT_TABCONSTRAINT, NAME_CHILD, FACT_CONSTRAINT},
	{OBJECT_TRIGGER, NAME_CHILD, FACT_TRIGGER},
	{OBJECT_POLICY, NAME_CHILD, FACT_POLICY},
	{OBJECT_RULE, NAME_CHILD, FACT_RULE},
	{OBJECT_TYPE, NAME_TYPE, FACT_TYPE},
	{OBJECT_DOMAIN, NAME_TYPE, FACT_TYPE},
	{OBJECT_DOMCONSTRAINT, NAME_DOMAIN_CHILD, FACT_CONSTRAINT},
	{OBJECT_FUNCTION, NAME_FUNCTION, FACT_FUNCTION},
	{OBJECT_PROCEDURE, NAME_FUNCTION, FACT_FUNCTION},
	{OBJECT_ROUTINE, NAME_FUNCTION, FACT_FUNCTION},
	{OBJECT_SCHEMA, NAME_PLAIN, FACT_SCHEMA},
	{OBJECT_EXTENSION, NAME_PLAIN, FACT_EXTENSION},
};

static Object *
named_child(Model *model, FactKind kind, List *names, Need need)
{
	int			count = list_length(names);
	List	   *parent_names = list_copy_head(names, count - 1);
	Object	   *parent;

	if (parent_names == NIL)
		return NULL;
	parent = model_relation_list(model, parent_names, need);
	return parent == NULL ? NULL :
		model_refer(model, kind, parent, NULL, strVal(llast(names)), need);
}

/* SET SCHEMA gives the name of a type as a list, the others as a TypeName. */
static List *
type_names(Node *name)
{
	return IsA(name, TypeName) ? ((TypeName *) name)->names : (List *) name;
}

static Object *
named_by_rule(Model *model, const NameRule *rule, Node *name, Need need)
{
	Object	   *parent;

	switch (rule->form)
	{
		case NAME_RELATION:
			return model_relation_list(model, (List *) name, need);
		case NAME_CHILD:
			return named_child(model, rule->kind, (List *) name, need);
		case NAME_TYPE:
			return model_type(model, type_names(name), need);
		case NAME_DOMAIN_CHILD:
			parent = model_type(model, type_names(linitial((List *) name)), need);
			return parent == NULL ? NULL :
				model_refer(model, rule->kind, parent, NULL,
							strVal(lsecond((List *) name)), need);
		case NAME_FUNCTION:
			return model_function(model, (ObjectWithArgs *) name, need);
		case NAME_PLAIN:
			return model_refer(model, rule->kind, NULL, NULL, strVal(name),
							   need);
	}
	return NULL;
}

Object *
model_named(Model *model, ObjectType type, Node *name, Need need)
{
	for (int i = 0; i < lengthof(name_rules); i++)
		if (name_rules[i].type == type)
			return named_by_rule(model, &name_rules[i], name, need);
	if (model_is_named(type))
		return model_named_object(model, type, name, need);
	model_current(model)->opaque = true;
	return NULL;
}
