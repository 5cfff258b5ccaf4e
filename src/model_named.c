/*-------------------------------------------------------------------------
 *
 * model_named.c
 *	  Objects of which no more is followed than that they are there, and which
 *	  the server finds by their names: publications, casts, collations and the
 *	  like.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "parser/parse_type.h"

#include "model_fact.h"
#include "model_statement.h"

/* How a kind of object is named. */
typedef enum NameForm
{
	FORM_PLAIN,					/* String */
	FORM_QUALIFIED,				/* list of String */
	FORM_ROUTINE,				/* ObjectWithArgs */
	FORM_TYPES					/* list of TypeName */
} NameForm;

typedef struct NamedKind
{
	ObjectType	type;
	NameForm	form;
	const char *noun;
} NamedKind;

/*
 * Roles aren't among them: one that is there is as good as any other
 * database's.
 */
static const NamedKind named_kinds[] = {
	{OBJECT_AGGREGATE, FORM_ROUTINE, "aggregate"},
	{OBJECT_CAST, FORM_TYPES, "cast"},
	{OBJECT_COLLATION, FORM_QUALIFIED, "collation"},
	{OBJECT_EVENT_TRIGGER, FORM_PLAIN, "event trigger"},
	{OBJECT_FDW, FORM_PLAIN, "foreign-data wrapper"},
	{OBJECT_FOREIGN_SERVER, FORM_PLAIN, "server"},
	{OBJECT_PUBLICATION, FORM_PLAIN, "publication"},
	{OBJECT_TSCONFIGURATION, FORM_QUALIFIED, "text search configuration"},
	{OBJECT_TSDICTIONARY, FORM_QUALIFIED, "text search dictionary"},
};

static const NamedKind *
find_kind(ObjectType type)
{
	for (int i = 0; i < lengthof(named_kinds); i++)
		if (named_kinds[i].type == type)
			return &named_kinds[i];
	return NULL;
}

/* --- names --- */

/* With the schema that the script means; NIL where that can't be told. */
static List *
qualify(Model *model, List *names, bool create)
{
	const char *schema;
	const char *name;

	model_split_name(names, &schema, &name);
	schema = model_schema(model, FACT_NAMED, schema, name, create);
	return schema == NULL ? NIL :
		list_make2(makeString(pstrdup(schema)), makeString(pstrdup(name)));
}

static Node *
qualify_routine(Model *model, const ObjectWithArgs *routine, bool create)
{
	ObjectWithArgs *copy = copyObject(unconstify(ObjectWithArgs *, routine));

	copy->objname = qualify(model, copy->objname, create);
	return copy->objname == NIL ? NULL : (Node *) copy;
}

static Node *
resolve_name(Model *model, const NamedKind *kind, Node *name, bool create)
{
	switch (kind->form)
	{
		case FORM_QUALIFIED:
			return (Node *) qualify(model, (List *) name, create);
		case FORM_ROUTINE:
			return qualify_routine(model, (ObjectWithArgs *) name, create);
		case FORM_PLAIN:
		case FORM_TYPES:
			break;
	}
	return name;
}

static const char *
name_text(const NamedKind *kind, Node *name)
{
	ObjectWithArgs *routine;

	switch (kind->form)
	{
		case FORM_PLAIN:
			return strVal(name);
		case FORM_QUALIFIED:
			return NameListToString((List *) name);
		case FORM_ROUTINE:
			routine = (ObjectWithArgs *) name;
			return model_signature(NameListToString(routine->objname),
								   routine->objargs, routine->args_unspecified);
		case FORM_TYPES:
			return psprintf("%s as %s",
							TypeNameToString(linitial_node(TypeName, (List *) name)),
							TypeNameToString(lsecond_node(TypeName, (List *) name)));
	}
	return NULL;
}

/* The name under which an object is known to the model, or NULL. */
static const char *
known_name(Model *model, ObjectType type, Node *name, bool create)
{
	const NamedKind *kind = find_kind(type);
	const char *text;
	Fact	   *fact;

	if (kind == NULL)
		return NULL;
	name = resolve_name(model, kind, name, create);
	if (name == NULL)
		return NULL;
	text = psprintf("%s \"%s\"", kind->noun, name_text(kind, name));
	fact = fact_existence(model, FACT_NAMED, NULL, NULL, text);
	fact->type = type;
	fact->written = name;
	return text;
}

/* --- statements --- */

bool
model_is_named(ObjectType type)
{
	return find_kind(type) != NULL;
}

Object *
model_named_object(Model *model, ObjectType type, Node *name, Need need)
{
	const char *text = known_name(model, type, name, false);

	return text == NULL ? NULL :
		model_refer(model, FACT_NAMED, NULL, NULL, text, need);
}

void
model_lose_track(Model *model, Object *object)
{
	Fact	   *fact = fact_of_object(model, object);

	model_current(model)->opaque = true;
	fact_record(model, fact, fact_state(fact), state_unknown());
}

static void
create_named(Model *model, ObjectType type, Node *name, CreateMode mode)
{
	Definition *definition = model_define(model, NULL);
	const char *text = known_name(model, type, name, true);

	model_current(model)->repeatable = mode != CREATE_NEW;
	if (text == NULL)
		return;
	definition->whole = false;
	(void) model_create(model, FACT_NAMED, NULL, NULL, text, mode, definition);
}

void
model_create_publication(Model *model, Node *node)
{
	create_named(model, OBJECT_PUBLICATION,
				 (Node *) makeString(((CreatePublicationStmt *) node)->pubname),
				 CREATE_NEW);
}

void
model_create_event_trigger(Model *model, Node *node)
{
	create_named(model, OBJECT_EVENT_TRIGGER,
				 (Node *) makeString(((CreateEventTrigStmt *) node)->trigname),
				 CREATE_NEW);
}

void
model_create_wrapper(Model *model, Node *node)
{
	create_named(model, OBJECT_FDW,
				 (Node *) makeString(((CreateFdwStmt *) node)->fdwname),
				 CREATE_NEW);
}

void
model_create_server(Model *model, Node *node)
{
	CreateForeignServerStmt *statement = (CreateForeignServerStmt *) node;

	create_named(model, OBJECT_FOREIGN_SERVER,
				 (Node *) makeString(statement->servername),
				 statement->if_not_exists ? CREATE_IF_NOT_EXISTS : CREATE_NEW);
}

void
model_create_cast(Model *model, Node *node)
{
	CreateCastStmt *statement = (CreateCastStmt *) node;

	create_named(model, OBJECT_CAST,
				 (Node *) list_make2(statement->sourcetype, statement->targettype),
				 CREATE_NEW);
}

/* An aggregate's name as DROP writes it; NULL for the syntax of old. */
static Node *
aggregate_name(const DefineStmt *statement)
{
	ObjectWithArgs *name = makeNode(ObjectWithArgs);
	ListCell   *cell;

	if (statement->oldstyle)
		return NULL;
	name->objname = statement->defnames;
	foreach(cell, linitial_node(List, statement->args))
		name->objargs = lappend(name->objargs,
								lfirst_node(FunctionParameter, cell)->argType);
	return (Node *) name;
}

/* Operators, types without a model and text search parsers are not followed. */
void
model_define_object(Model *model, Node *node)
{
	DefineStmt *statement = (DefineStmt *) node;
	CreateMode	mode = statement->if_not_exists ? CREATE_IF_NOT_EXISTS :
		statement->replace ? CREATE_OR_REPLACE : CREATE_NEW;
	Node	   *name = statement->kind == OBJECT_AGGREGATE ?
		aggregate_name(statement) : (Node *) statement->defnames;

	if (name != NULL && model_is_named(statement->kind))
		create_named(model, statement->kind, name, mode);
	else
	{
		model_current(model)->opaque = true;
		model_current(model)->repeatable = mode != CREATE_NEW;
	}
}
