/*-------------------------------------------------------------------------
 *
 * model_object.c
 *	  DROP, RENAME, SET SCHEMA and COMMENT, of whatever kind; schemas and
 *	  extensions.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"

#include "model.h"
#include "model_fact.h"
#include "model_statement.h"

/* --- DROP --- */

/* Whether rows or values go with a kind of object. */
static bool
holds_data(const DropStmt *statement)
{
	switch (statement->removeType)
	{
		case OBJECT_TABLE:
		case OBJECT_SEQUENCE:
		case OBJECT_SCHEMA:
			return true;
		default:
			return statement->behavior == DROP_CASCADE;
	}
}

static void
drop_temporary(Model *model, const List *names)
{
	ListCell   *cell;

	foreach(cell, model->temporary)
	{
		if (list_length(names) == 1 &&
			strcmp(lfirst(cell), strVal(linitial(names))) == 0)
			model->temporary = foreach_delete_current(model->temporary, cell);
	}
}

/* A schema takes along all that the script knows to be in it. */
static void
drop_contents(Model *model, const char *schema)
{
	int			count = list_length(model->facts);

	for (int i = 0; i < count; i++)
	{
		Fact	   *fact = list_nth(model->facts, i);
		Change	   *last;

		if (fact->schema == NULL || strcmp(fact->schema, schema) != 0 ||
			fact->changes == NIL)
			continue;
		last = llast(fact->changes);
		if (last->after.presence == PRESENT)
			model_drop(model, last->after.object, 0);
	}
}

/* Of what the script hasn't made only its kind is known: DROP VIEW says it. */
static void
expect_kind(Model *model, const Object *object, ObjectType type)
{
	Change	   *last = llast(fact_of_object(model, object)->changes);

	if (last->statement != model->statement ||
		last->before.presence != PRESENT || last->before.definition != NULL)
		return;
	last->before.definition = model_define(model, NULL);
	last->before.definition->relkind =
		type == OBJECT_VIEW ? RELKIND_VIEW : RELKIND_MATVIEW;
	last->before.definition->whole = false;
}

void
model_drop_objects(Model *model, Node *node)
{
	DropStmt   *statement = (DropStmt *) node;
	Need		need = statement->missing_ok ? NEED_ANY : NEED_PRESENT;
	int			flags = (statement->behavior == DROP_CASCADE ? DROP_CASCADES : 0) |
		(holds_data(statement) ? DROP_DATA : 0);
	ListCell   *cell;

	model_current(model)->repeatable = statement->missing_ok;
	foreach(cell, statement->objects)
	{
		Object	   *object = model_named(model, statement->removeType,
										 lfirst(cell), need);

		if (object == NULL && IsA(lfirst(cell), List))
			drop_temporary(model, lfirst(cell));
		if (object == NULL)
			continue;
		if (statement->removeType == OBJECT_VIEW ||
			statement->removeType == OBJECT_MATVIEW)
			expect_kind(model, object, statement->removeType);
		model_drop(model, object, flags);
		if (statement->removeType == OBJECT_SCHEMA && (flags & DROP_CASCADES))
			drop_contents(model, model_name_at(object, model->statement, NULL));
	}
}

/* --- RENAME --- */

static Object *
renamed_relation_child(Model *model, RenameStmt *statement, FactKind kind,
					   Need need)
{
	Object	   *parent = model_relation(model, statement->relation, need);

	return parent == NULL ? NULL :
		model_refer(model, kind, parent, NULL, statement->subname, need);
}

static Object *
renamed_type_child(Model *model, List *names, const char *name,
				   FactKind kind, Need need)
{
	Object	   *type = model_type(model, names, need);

	return type == NULL ? NULL :
		model_refer(model, kind, type, NULL, name, need);
}

/* The relation's name as the list that a type's name is. */
static List *
range_var_names(const RangeVar *name)
{
	List	   *names = list_make1(makeString(name->relname));

	return name->schemaname == NULL ? names :
		lcons(makeString(name->schemaname), names);
}

static Object *
renamed_relation(Model *model, RenameStmt *statement, Need need)
{
	Object	   *relation = model_relation(model, statement->relation, need);

	if (relation != NULL && (statement->renameType == OBJECT_INDEX ||
							 statement->renameType == OBJECT_SEQUENCE))
		relation->belongs = true;
	return relation;
}

static Object *
renamed_object(Model *model, RenameStmt *statement)
{
	Need		need = statement->missing_ok ? NEED_ANY : NEED_PRESENT;

	switch (statement->renameType)
	{
		case OBJECT_TABLE:
		case OBJECT_FOREIGN_TABLE:
		case OBJECT_VIEW:
		case OBJECT_MATVIEW:
		case OBJECT_INDEX:
		case OBJECT_SEQUENCE:
			return renamed_relation(model, statement, need);
		case OBJECT_COLUMN:
			return renamed_relation_child(model, statement, FACT_COLUMN, need);
		case OBJECT_ATTRIBUTE:
			return renamed_type_child(model,
									  range_var_names(statement->relation),
									  statement->subname, FACT_COLUMN, need);
		case OBJECT_TABCONSTRAINT:
			return renamed_relation_child(model, statement, FACT_CONSTRAINT, need);
		case OBJECT_DOMCONSTRAINT:
			return renamed_type_child(model, (List *) statement->object,
									  statement->subname, FACT_CONSTRAINT, need);
		case OBJECT_TRIGGER:
			return renamed_relation_child(model, statement, FACT_TRIGGER, need);
		case OBJECT_POLICY:
			return renamed_relation_child(model, statement, FACT_POLICY, need);
		case OBJECT_RULE:
			return renamed_relation_child(model, statement, FACT_RULE, need);
		case OBJECT_SCHEMA:
			return model_refer(model, FACT_SCHEMA, NULL, NULL,
							   statement->subname, need);
		default:
			return model_named(model, statement->renameType, statement->object,
							   need);
	}
}

/*
 * A constraint that the script hasn't made may have an index of its name, and
 * an index be that of a constraint: they change their names together.
 */
static void
rename_companion(Model *model, Object *object, const char *name)
{
	const char *schema;
	const char *old_name = model_name_at(object, model->statement, NULL);

	if (model_existence(model, object).definition != NULL)
		return;
	if (object->kind == FACT_CONSTRAINT && object->parent->kind == FACT_RELATION)
	{
		(void) model_name_at(object->parent, model->statement, &schema);
		model_forget(model, model_refer(model, FACT_RELATION, NULL, schema,
										old_name, NEED_NOTHING));
		/* Its own name may be free afterwards. */
		model_expect(model, schema, old_name);
		model_expect(model, schema, name);
	}
	if (object->kind == FACT_RELATION && object->belongs)
	{
		int			count = list_length(model->facts);

		for (int i = 0; i < count; i++)
		{
			Fact	   *fact = list_nth(model->facts, i);

			if (fact->kind == FACT_CONSTRAINT &&
				strcmp(fact->name, old_name) == 0 &&
				fact_state(fact).presence == PRESENT)
				model_forget(model, fact_state(fact).object);
		}
		model->index_renames = lappend(model->index_renames,
									   object_name(model->statement, NULL,
												   name));
	}
}

void
model_rename_object(Model *model, Node *node)
{
	RenameStmt *statement = (RenameStmt *) node;
	Object	   *object = renamed_object(model, statement);
	const char *schema;
	const char *name = statement->newname;

	model_current(model)->repeatable = statement->missing_ok;
	if (object == NULL)
		return;
	if (object->kind == FACT_NAMED)
	{
		model_lose_track(model, object);
		return;
	}
	if (object->kind == FACT_FUNCTION)
		name = model_signature(name, object->arguments, object->any_arguments);

	/*
	 * The contents of a schema are known by its name; what the script says of
	 * them from here on can't be brought together with what it said before.
	 */
	if (object->kind == FACT_SCHEMA)
	{
		model_current(model)->opaque = true;
		model_empty_schema(model, model_name_at(object, model->statement, NULL));
	}
	if (object->companion == NULL)
		rename_companion(model, object, name);
	(void) model_name_at(object, model->statement, &schema);
	model_rename(model, object, schema, name);
	if (object->kind == FACT_TYPE)
		model_exclude_labels(model, object);
}

void
model_set_schema(Model *model, Node *node)
{
	AlterObjectSchemaStmt *statement = (AlterObjectSchemaStmt *) node;
	Need		need = statement->missing_ok ? NEED_ANY : NEED_PRESENT;
	Object	   *object = statement->relation != NULL ?
		model_relation(model, statement->relation, need) :
		model_named(model, statement->objectType, statement->object, need);

	model_current(model)->repeatable = statement->missing_ok;
	if (object == NULL)
		return;
	if (object->kind == FACT_NAMED)
	{
		model_lose_track(model, object);
		return;
	}
	if (object->kind == FACT_EXTENSION)
	{
		/* It is known by its name alone. */
		model_current(model)->opaque = true;
		return;
	}
	model_rename(model, object, statement->newschema,
				 model_name_at(object, model->statement, NULL));
}

/* --- COMMENT --- */

void
model_comment(Model *model, Node *node)
{
	CommentStmt *statement = (CommentStmt *) node;
	bool		was_opaque = model_current(model)->opaque;
	Object	   *object = model_named(model, statement->objtype,
									 statement->object, NEED_PRESENT);

	if (object != NULL && (statement->objtype == OBJECT_INDEX ||
						   statement->objtype == OBJECT_SEQUENCE))
		object->belongs = true;

	/* A comment on what the model doesn't know is a comment still. */
	model_current(model)->opaque = was_opaque;
	if (object == NULL)
		return;
	if (statement->comment == NULL || statement->comment[0] == '\0')
		model_set(model, object, FACT_COMMENT, ABSENT, NULL);
	else
		model_set(model, object, FACT_COMMENT, PRESENT,
				  model_define(model,
							   (Node *) makeString(statement->comment)));
}

/* --- schemas and extensions --- */

void
model_create_schema(Model *model, Node *node)
{
	CreateSchemaStmt *statement = (CreateSchemaStmt *) node;
	StatementModel *current = model_current(model);
	List	   *path = model->path;
	ListCell   *cell;

	if (statement->schemaname == NULL)
	{
		current->opaque = true;
		current->repeatable = statement->if_not_exists;
		return;
	}
	(void) model_create(model, FACT_SCHEMA, NULL, NULL, statement->schemaname,
						statement->if_not_exists ?
						CREATE_IF_NOT_EXISTS : CREATE_NEW, NULL);
	model->path = list_make1(statement->schemaname);
	foreach(cell, statement->schemaElts)
		model_read_statement(model, lfirst(cell));
	model->path = path;
	current->repeatable = statement->if_not_exists;
}

void
model_create_extension(Model *model, Node *node)
{
	CreateExtensionStmt *statement = (CreateExtensionStmt *) node;

	model_current(model)->repeatable = statement->if_not_exists;
	(void) model_create(model, FACT_EXTENSION, NULL, NULL, statement->extname,
						statement->if_not_exists ?
						CREATE_IF_NOT_EXISTS : CREATE_NEW,
						model_define(model, node));
}
