/*-------------------------------------------------------------------------
 *
 * model_alter.c
 *	  ALTER TABLE, action by action.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/defrem.h"

#include "compat.h"
#include "model.h"
#include "model_statement.h"

typedef void (*ActionReader) (Model *model, Object *table,
							  AlterTableCmd *command);

static Object *
column_of(Model *model, Object *table, const AlterTableCmd *command)
{
	return model_refer(model, FACT_COLUMN, table, NULL, command->name,
					   command->missing_ok ? NEED_ANY : NEED_PRESENT);
}

static void
add_column(Model *model, Object *table, AlterTableCmd *command)
{
	model_add_column(model, table, castNode(ColumnDef, command->def),
					 command->missing_ok);
}

static int
drop_flags(const AlterTableCmd *command)
{
	return command->behavior == DROP_CASCADE ? DROP_CASCADES : 0;
}

static void
drop_column(Model *model, Object *table, AlterTableCmd *command)
{
	model_drop(model, column_of(model, table, command),
			   drop_flags(command) | DROP_DATA);
}

static void
column_default(Model *model, Object *table, AlterTableCmd *command)
{
	Object	   *column = column_of(model, table, command);
	Constraint *value;
	Definition *definition;

	if (command->def == NULL)
	{
		model_set(model, column, FACT_DEFAULT, ABSENT, NULL);
		return;
	}
	value = makeNode(Constraint);
	value->contype = CONSTR_DEFAULT;
	value->raw_expr = command->def;
	definition = model_define(model, (Node *) value);
	definition->table = table;
	model_set(model, column, FACT_DEFAULT, PRESENT, definition);
}

static void
set_not_null(Model *model, Object *table, AlterTableCmd *command)
{
	model_set(model, column_of(model, table, command), FACT_NOT_NULL, PRESENT,
			  NULL);
}

static void
drop_not_null(Model *model, Object *table, AlterTableCmd *command)
{
	model_set(model, column_of(model, table, command), FACT_NOT_NULL, ABSENT,
			  NULL);
}

/* Only a generated column has an expression to drop. */
static void
drop_expression(Model *model, Object *table, AlterTableCmd *command)
{
	Object	   *column = column_of(model, table, command);
	State		known = model_property(column, FACT_DEFAULT);
	const Constraint *value = known.definition == NULL ? NULL :
		(const Constraint *) known.definition->node;

	/* With IF EXISTS a default stays that is only that. */
	if (command->missing_ok &&
		(value == NULL || value->contype != CONSTR_GENERATED))
		return;
	model_change(model, column, FACT_DEFAULT,
				 state_of(PRESENT, NULL, NULL), state_of(ABSENT, NULL, NULL));
}

/*
 * Whether USING only casts the column itself.  Then, where the type is what
 * it is to become, there is nothing to convert.
 */
static bool
only_casts(const Node *expression, const char *column)
{
	const ColumnRef *reference;

	while (expression != NULL && IsA(expression, TypeCast))
		expression = ((const TypeCast *) expression)->arg;
	if (expression == NULL)
		return true;
	if (!IsA(expression, ColumnRef))
		return false;
	reference = (const ColumnRef *) expression;
	return IsA(llast(reference->fields), String) &&
		strcmp(strVal(llast(reference->fields)), column) == 0;
}

static void
column_type(Model *model, Object *table, AlterTableCmd *command)
{
	ColumnDef  *change = castNode(ColumnDef, command->def);
	Object	   *column = column_of(model, table, command);
	Definition *definition = model_define(model, (Node *) change);

	if (!only_casts(change->raw_default, command->name))
		model_current(model)->pure = false;
	(void) model_type(model, change->typeName->names, NEED_NOTHING);
	model_exclude_type(model, column, change->typeName, definition);
	model_set(model, column, FACT_COLUMN_TYPE, PRESENT, definition);
}

static void
add_identity(Model *model, Object *table, AlterTableCmd *command)
{
	Object	   *column = column_of(model, table, command);
	const char *schema;
	const char *name = model_name_at(table, model->statement, &schema);

	model_change(model, column, FACT_IDENTITY, state_of(ABSENT, NULL, NULL),
				 state_of(PRESENT, NULL, model_define(model, command->def)));

	/* Its sequence may get the name of the one that a serial had. */
	if (schema != NULL)
		model_expect(model, schema,
					 makeObjectName(name, command->name, "seq"));
}

static void
set_identity(Model *model, Object *table, AlterTableCmd *command)
{
	Object	   *column = column_of(model, table, command);
	State		known = model_property(column, FACT_IDENTITY);
	Definition *definition = known.definition;
	ListCell   *cell;

	foreach(cell, castNode(List, command->def))
	{
		DefElem    *option = lfirst_node(DefElem, cell);
		Constraint *identity;

		if (strcmp(option->defname, "generated") != 0)
		{
			/* Of the sequence, which isn't compared. */
			model_current(model)->pure = false;
			if (strcmp(option->defname, "restart") == 0)
			{
				/* That leaves no trace at all. */
				model_current(model)->opaque = true;
				model_current(model)->repeatable = false;
			}
			continue;
		}
		identity = makeNode(Constraint);
		identity->contype = CONSTR_IDENTITY;
		identity->generated_when = defGetInt32(option);
		definition = model_define(model, (Node *) identity);
	}
	model_change(model, column, FACT_IDENTITY,
				 state_of(PRESENT, NULL, known.definition),
				 state_of(PRESENT, NULL, definition));
}

static void
drop_identity(Model *model, Object *table, AlterTableCmd *command)
{
	Object	   *column = column_of(model, table, command);

	/* Its sequence goes with it. */
	model_shed(model, column);
	if (!command->missing_ok ||
		model_property(column, FACT_IDENTITY).presence == PRESENT)
		model_drop_sequence(model, column);
	model_change(model, column, FACT_IDENTITY,
				 state_of(command->missing_ok ? UNKNOWN : PRESENT, NULL, NULL),
				 state_of(ABSENT, NULL, NULL));
}

static void
add_constraint(Model *model, Object *table, AlterTableCmd *command)
{
	model_add_constraint(model, table, castNode(Constraint, command->def),
						 NULL, false);
}

static Object *
constraint_of(Model *model, Object *table, const char *name, Need need)
{
	return model_refer(model, FACT_CONSTRAINT, table, NULL, name, need);
}

static void
validate_constraint(Model *model, Object *table, AlterTableCmd *command)
{
	Object	   *constraint = constraint_of(model, table, command->name,
										   NEED_PRESENT);

	model_set(model, constraint, FACT_VALIDATED, PRESENT, NULL);
}

/* ALTER CONSTRAINT changes when a foreign key is checked, and whether. */
static void
alter_constraint(Model *model, Object *table, AlterTableCmd *command)
{
	const ATAlterConstraint *change = (ATAlterConstraint *) command->def;
	Object	   *object = constraint_of(model, table, change->conname,
									   NEED_PRESENT);
	Definition *known = model_existence(model, object).definition;
	Definition *definition;
	Constraint *constraint;

	if (compat_alters_inheritability(change))
		model_current(model)->pure = false;
	if (known == NULL)
	{
		model_current(model)->opaque = true;
		return;
	}
	definition = palloc(sizeof(Definition));
	*definition = *known;
	constraint = copyObject(castNode(Constraint, known->node));
	if (compat_alters_deferrability(change))
	{
		constraint->deferrable = change->deferrable;
		constraint->initdeferred = change->initdeferred;
	}
	if (compat_alters_enforceability(change))
	{
		compat_unenforce(constraint, compat_alter_unenforces(change));
		model_set(model, object, FACT_VALIDATED,
				  compat_alter_unenforces(change) ? ABSENT : PRESENT, NULL);
	}
	definition->node = (Node *) constraint;
	model_redefine(model, object, definition);
}

static void
drop_constraint(Model *model, Object *table, AlterTableCmd *command)
{
	Object	   *constraint = constraint_of(model, table, command->name,
										   command->missing_ok ?
										   NEED_ANY : NEED_PRESENT);
	const char *schema;

	/* Its index, if it has one, goes too: that name may be free afterwards. */
	(void) model_name_at(table, model->statement, &schema);
	if (schema != NULL && constraint->companion == NULL)
	{
		model_forget(model, model_refer(model, FACT_RELATION, NULL, schema,
										command->name, NEED_NOTHING));
		model_expect(model, schema, command->name);
	}
	model_drop(model, constraint, drop_flags(command));
}

static void
change_owner(Model *model, Object *table, AlterTableCmd *command)
{
	model_set(model, table, FACT_OWNER, PRESENT,
			  model_define(model, (Node *) command->newowner));
}

static void
row_security(Model *model, Object *table, AlterTableCmd *command)
{
	switch (command->subtype)
	{
		case AT_EnableRowSecurity:
			model_set(model, table, FACT_ROW_SECURITY, PRESENT, NULL);
			break;
		case AT_DisableRowSecurity:
			model_set(model, table, FACT_ROW_SECURITY, ABSENT, NULL);
			break;
		case AT_ForceRowSecurity:
			model_set(model, table, FACT_FORCED_ROW_SECURITY, PRESENT, NULL);
			break;
		default:
			model_set(model, table, FACT_FORCED_ROW_SECURITY, ABSENT, NULL);
			break;
	}
}

static void
enable_trigger(Model *model, Object *table, AlterTableCmd *command)
{
	Object	   *trigger = model_refer(model, FACT_TRIGGER, table, NULL,
									  command->name, NEED_PRESENT);

	model_set(model, trigger, FACT_ENABLED,
			  command->subtype == AT_EnableTrig ? PRESENT : ABSENT, NULL);
}

void
model_set_partition(Model *model, Object *table, Presence presence,
					PartitionBoundSpec *bound)
{
	Definition *definition = NULL;

	if (presence == PRESENT && table->ancestor != NULL)
	{
		definition = model_define(model, (Node *) bound);
		definition->other = table->ancestor;
	}
	model_set(model, table, FACT_PARTITION, presence, definition);
}

static void
partition(Model *model, Object *table, AlterTableCmd *command)
{
	PartitionCmd *part = castNode(PartitionCmd, command->def);
	Object	   *child = model_relation(model, part->name, NEED_PRESENT);

	/* An index is attached in the same words. */
	if (child == NULL || command->subtype == AT_DetachPartitionFinalize)
		return;
	child->ancestor = command->subtype == AT_AttachPartition ? table : NULL;
	model_set_partition(model, child,
						child->ancestor != NULL ? PRESENT : ABSENT,
						part->bound);
	if (child->ancestor == NULL)
		model_detach_indexes(model, child);
}

static void
logging(Model *model, Object *table, AlterTableCmd *command)
{
	model_set(model, table, FACT_LOGGED,
			  command->subtype == AT_SetLogged ? PRESENT : ABSENT, NULL);
}

/* INHERIT and NO INHERIT. */
static void
inheritance(Model *model, Object *table, AlterTableCmd *command)
{
	model_current(model)->opaque = true;
	model_set(model, table, FACT_INHERITANCE, UNKNOWN, NULL);
}

/* What a view's options are from here on isn't followed. */
static void
relation_options(Model *model, Object *table, AlterTableCmd *command)
{
	Definition *known = model_existence(model, table).definition;
	Definition *definition;

	model_current(model)->pure = false;
	if (known == NULL || known->node == NULL || !IsA(known->node, ViewStmt))
		return;
	definition = palloc(sizeof(Definition));
	*definition = *known;
	definition->whole = false;
	model_redefine(model, table, definition);
}

typedef struct ActionRule
{
	AlterTableType subtype;
	ActionReader read;			/* NULL: nothing that the look compares */
	bool		repeatable;
	int			pass;			/* the server's order within one ALTER TABLE */
} ActionRule;

/* What isn't in here makes the statement opaque. */
static const ActionRule action_rules[] = {
	{AT_DropColumn, drop_column, false, 0},
	{AT_DropConstraint, drop_constraint, false, 0},
	{AT_DropExpression, drop_expression, false, 0},
	{AT_DropNotNull, drop_not_null, true, 0},
	{AT_DropIdentity, drop_identity, false, 0},
	{AT_AlterColumnType, column_type, false, 1},
	{AT_AddColumn, add_column, false, 2},
	{AT_ColumnDefault, column_default, true, 3},
	{AT_SetNotNull, set_not_null, true, 3},
	{AT_AddIdentity, add_identity, false, 3},
	{AT_SetIdentity, set_identity, true, 3},
	{AT_AddConstraint, add_constraint, false, 4},
	{AT_ValidateConstraint, validate_constraint, true, 5},
	{AT_AlterConstraint, alter_constraint, true, 5},
	{AT_ChangeOwner, change_owner, true, 5},
	{AT_EnableRowSecurity, row_security, true, 5},
	{AT_DisableRowSecurity, row_security, true, 5},
	{AT_ForceRowSecurity, row_security, true, 5},
	{AT_NoForceRowSecurity, row_security, true, 5},
	{AT_EnableTrig, enable_trigger, true, 5},
	{AT_DisableTrig, enable_trigger, true, 5},
	{AT_AttachPartition, partition, false, 5},
	{AT_DetachPartition, partition, false, 5},
	{AT_DetachPartitionFinalize, partition, false, 5},
	{AT_EnableTrigAll, NULL, true, 5},
	{AT_DisableTrigAll, NULL, true, 5},
	{AT_EnableTrigUser, NULL, true, 5},
	{AT_DisableTrigUser, NULL, true, 5},
	{AT_EnableAlwaysTrig, NULL, true, 5},
	{AT_EnableReplicaTrig, NULL, true, 5},
	{AT_EnableRule, NULL, true, 5},
	{AT_DisableRule, NULL, true, 5},
	{AT_SetStatistics, NULL, true, 5},
	{AT_SetOptions, NULL, true, 5},
	{AT_ResetOptions, NULL, true, 5},
	{AT_SetStorage, NULL, true, 5},
	{AT_SetCompression, NULL, true, 5},
	{AT_ClusterOn, NULL, true, 5},
	{AT_DropCluster, NULL, true, 5},
	{AT_AddInherit, inheritance, false, 5},
	{AT_DropInherit, inheritance, false, 5},
	{AT_SetLogged, logging, true, 5},
	{AT_SetUnLogged, logging, true, 5},
	{AT_SetTableSpace, NULL, true, 5},
	{AT_SetRelOptions, relation_options, true, 5},
	{AT_ResetRelOptions, relation_options, true, 5},
	{AT_ReplicaIdentity, NULL, true, 5},
};

#define PASS_COUNT 6

/* Where the server puts an action. */
static int
pass_of(const ActionRule *rule, const AlterTableCmd *command)
{
	/* DROP DEFAULT comes with the other drops. */
	if (command->subtype == AT_ColumnDefault && command->def == NULL)
		return 0;
	return rule->pass;
}

static const ActionRule *
find_rule(const AlterTableCmd *command)
{
	for (int i = 0; i < lengthof(action_rules); i++)
		if (action_rules[i].subtype == command->subtype)
			return &action_rules[i];
	return NULL;
}

/* Whether the actions, all of them, may run a second time. */
static void
judge_actions(Model *model, List *commands)
{
	StatementModel *current = model_current(model);
	ListCell   *cell;

	current->repeatable = true;
	foreach(cell, commands)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);
		const ActionRule *rule = find_rule(command);
		bool		drops_or_adds = command->subtype == AT_AddColumn ||
			command->subtype == AT_DropColumn ||
			command->subtype == AT_DropConstraint ||
			command->subtype == AT_DropIdentity ||
			command->subtype == AT_DropExpression;

		if (rule == NULL)
			current->opaque = true;
		if (rule == NULL || rule->read == NULL)
			current->pure = false;
		if (rule == NULL ||
			!(rule->repeatable || (drops_or_adds && command->missing_ok)))
			current->repeatable = false;
	}
}

/*
 * The relation, or the composite type, that the statement alters.  An index,
 * view or sequence may be altered as a table too, so its kind is not checked.
 */
static Object *
altered_object(Model *model, AlterTableStmt *statement)
{
	Need		need = statement->missing_ok ? NEED_ANY : NEED_PRESENT;
	RangeVar   *name = statement->relation;
	const char *schema;

	if (statement->objtype != OBJECT_TYPE)
	{
		Object	   *relation = model_relation(model, name, need);

		if (relation != NULL && (statement->objtype == OBJECT_INDEX ||
								 statement->objtype == OBJECT_SEQUENCE))
			relation->belongs = true;
		return relation;
	}
	schema = model_schema(model, FACT_TYPE, name->schemaname, name->relname,
						  false);
	return schema == NULL ? NULL :
		model_refer(model, FACT_TYPE, NULL, schema, name->relname, need);
}

void
model_alter_table(Model *model, Node *node)
{
	AlterTableStmt *statement = (AlterTableStmt *) node;
	Object	   *table = altered_object(model, statement);
	ListCell   *cell;

	judge_actions(model, statement->cmds);
	if (table == NULL)
		return;
	if (!model_is_alive(table, model->statement))
	{
		/* IF EXISTS of what the script has dropped itself. */
		model_current(model)->opaque = false;
		model_current(model)->repeatable = model_current(model)->pure = true;
		return;
	}
	for (int pass = 0; pass < PASS_COUNT; pass++)
	{
		foreach(cell, statement->cmds)
		{
			AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);
			const ActionRule *rule = find_rule(command);

			if (rule != NULL && rule->read != NULL &&
				pass_of(rule, command) == pass)
				rule->read(model, table, command);
		}
	}
}
