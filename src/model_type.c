/*-------------------------------------------------------------------------
 *
 * model_type.c
 *	  Enums, domains and ranges.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "model.h"
#include "model_fact.h"
#include "model_statement.h"

static Object *
create_type(Model *model, List *names, Definition *definition)
{
	const char *schema;
	const char *name;

	model_split_name(names, &schema, &name);
	schema = model_schema(model, FACT_TYPE, schema, name, true);
	return schema == NULL ? NULL :
		model_create(model, FACT_TYPE, NULL, schema, name, CREATE_NEW,
					 definition);
}

/* --- enums --- */

static void
set_labels(Model *model, Object *type, List *labels)
{
	Definition *definition = model_define(model, NULL);

	definition->names = labels;
	model_set(model, type, FACT_LABELS, PRESENT, definition);
}

void
model_exclude_labels(Model *model, Object *type)
{
	State		labels = model_property(type, FACT_LABELS);
	ListCell   *cell;

	if (labels.presence != PRESENT)
		return;
	foreach(cell, fact_of_object(model, type)->changes)
	{
		State		before = ((Change *) lfirst(cell))->before;

		if (before.presence == PRESENT && before.object != type &&
			model_changes(before.object, FACT_LABELS) == NIL)
			model_change(model, before.object, FACT_LABELS,
						 state_of(OTHER, NULL, labels.definition),
						 state_of(UNKNOWN, NULL, NULL));
	}
}

void
model_create_enum(Model *model, Node *node)
{
	CreateEnumStmt *statement = (CreateEnumStmt *) node;
	Object	   *type = create_type(model, statement->typeName,
								   model_define(model, node));
	List	   *labels = NIL;
	ListCell   *cell;

	if (type == NULL)
		return;
	foreach(cell, statement->vals)
		labels = lappend(labels, strVal(lfirst(cell)));
	set_labels(model, type, labels);
	model_exclude_labels(model, type);
}

/* Where a label stands in a list, or -1. */
static int
label_position(const List *labels, const char *label)
{
	ListCell   *cell;

	foreach(cell, labels)
	{
		if (strcmp(lfirst(cell), label) == 0)
			return foreach_current_index(cell);
	}
	return -1;
}

static List *
with_label(const List *labels, const AlterEnumStmt *statement)
{
	List	   *result = list_copy(labels);
	int			position = list_length(labels);

	if (label_position(labels, statement->newVal) >= 0)
		return result;
	if (statement->newValNeighbor != NULL)
	{
		int			neighbour = label_position(labels,
											   statement->newValNeighbor);

		if (neighbour >= 0)
			position = neighbour + (statement->newValIsAfter ? 1 : 0);
	}
	return list_insert_nth(result, position, statement->newVal);
}

static List *
with_renamed_label(const List *labels, const AlterEnumStmt *statement)
{
	List	   *result = list_copy(labels);
	int			position = label_position(labels, statement->oldVal);

	if (position >= 0)
		lfirst(list_nth_cell(result, position)) = statement->newVal;
	return result;
}

/* Of an enum that the script hasn't made only single labels are known. */
static void
change_unknown_labels(Model *model, Object *type, AlterEnumStmt *statement)
{
	if (statement->oldVal != NULL)
	{
		Object	   *label = model_refer(model, FACT_LABEL, type, NULL,
										statement->oldVal, NEED_PRESENT);

		model_rename(model, label, NULL, statement->newVal);
	}
	else
		(void) model_create(model, FACT_LABEL, type, NULL, statement->newVal,
							statement->skipIfNewValExists ?
							CREATE_IF_NOT_EXISTS : CREATE_NEW,
							model_define(model, (Node *) statement));
}

void
model_alter_enum(Model *model, Node *node)
{
	AlterEnumStmt *statement = (AlterEnumStmt *) node;
	Object	   *type = model_type(model, statement->typeName, NEED_PRESENT);
	State		known;

	model_current(model)->repeatable = statement->oldVal == NULL &&
		statement->skipIfNewValExists;
	if (statement->oldVal != NULL)
		model->label_renames = lappend_int(model->label_renames,
										   model->statement);
	if (type == NULL)
		return;
	known = model_property(type, FACT_LABELS);
	if (known.definition == NULL)
		change_unknown_labels(model, type, statement);
	else if (statement->oldVal != NULL)
		set_labels(model, type,
				   with_renamed_label(known.definition->names, statement));
	else
		set_labels(model, type,
				   with_label(known.definition->names, statement));
}

/* --- ranges and domains --- */

void
model_create_range(Model *model, Node *node)
{
	CreateRangeStmt *statement = (CreateRangeStmt *) node;

	(void) create_type(model, statement->typeName, model_define(model, node));
}

static void
set_default(Model *model, Object *domain, Node *expression)
{
	Constraint *value;

	if (expression == NULL)
	{
		model_set(model, domain, FACT_DEFAULT, ABSENT, NULL);
		return;
	}
	value = makeNode(Constraint);
	value->contype = CONSTR_DEFAULT;
	value->raw_expr = expression;
	model_set(model, domain, FACT_DEFAULT, PRESENT,
			  model_define(model, (Node *) value));
}

void
model_create_domain(Model *model, Node *node)
{
	CreateDomainStmt *statement = (CreateDomainStmt *) node;
	Object	   *domain = create_type(model, statement->domainname,
									 model_define(model, node));
	Presence	not_null = ABSENT;
	Node	   *value = NULL;
	ListCell   *cell;

	if (domain == NULL)
		return;
	foreach(cell, statement->constraints)
	{
		Constraint *constraint = lfirst_node(Constraint, cell);

		if (constraint->contype == CONSTR_NOTNULL)
			not_null = PRESENT;
		else if (constraint->contype == CONSTR_DEFAULT)
			value = constraint->raw_expr;
		else if (constraint->contype == CONSTR_CHECK)
			model_add_constraint(model, domain, constraint, NULL, true);
	}
	model_set(model, domain, FACT_NOT_NULL, not_null, NULL);
	set_default(model, domain, value);
}

void
model_alter_domain(Model *model, Node *node)
{
	AlterDomainStmt *statement = (AlterDomainStmt *) node;
	StatementModel *current = model_current(model);
	Object	   *domain = model_type(model, statement->typeName, NEED_PRESENT);
	Object	   *constraint;

	if (domain == NULL)
		return;
	switch (statement->subtype)
	{
		case 'T':
			set_default(model, domain, statement->def);
			current->repeatable = true;
			break;
		case 'N':
		case 'O':
			model_set(model, domain, FACT_NOT_NULL,
					  statement->subtype == 'O' ? PRESENT : ABSENT, NULL);
			current->repeatable = true;
			break;
		case 'C':
			model_add_constraint(model, domain,
								 castNode(Constraint, statement->def), NULL,
								 false);
			break;
		case 'X':
			constraint = model_refer(model, FACT_CONSTRAINT, domain, NULL,
									 statement->name, statement->missing_ok ?
									 NEED_ANY : NEED_PRESENT);
			model_drop(model, constraint, 0);
			current->repeatable = statement->missing_ok;
			break;
		case 'V':
			constraint = model_refer(model, FACT_CONSTRAINT, domain, NULL,
									 statement->name, NEED_PRESENT);
			model_set(model, constraint, FACT_VALIDATED, PRESENT, NULL);
			current->repeatable = true;
			break;
		default:
			current->opaque = true;
			break;
	}
}
