/*-------------------------------------------------------------------------
 *
 * model_fact.c
 *	  Facts and objects along the statements of a script.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "model_fact.h"

/* --- the table of existence facts --- */

bool
fact_same_text(const char *left, const char *right)
{
	if (left == NULL || right == NULL)
		return left == right;
	return strcmp(left, right) == 0;
}

static uint32
hash_text(const char *text)
{
	return text == NULL ? 0 : hash_bytes((const unsigned char *) text,
										 strlen(text));
}

static uint32
fact_hash(const void *key, Size size)
{
	const Fact *fact = *(Fact *const *) key;
	uint32		hash = hash_bytes((const unsigned char *) &fact->object,
								  sizeof(fact->object));

	hash = hash_combine(hash, (uint32) fact->kind);
	hash = hash_combine(hash, hash_text(fact->schema));
	return hash_combine(hash, hash_text(fact->name));
}

/* As for memcmp, only whether it is zero counts. */
static int
fact_compare(const void *key1, const void *key2, Size size)
{
	const Fact *left = *(Fact *const *) key1;
	const Fact *right = *(Fact *const *) key2;

	return !(left->kind == right->kind && left->object == right->object &&
			 fact_same_text(left->schema, right->schema) &&
			 fact_same_text(left->name, right->name));
}

HTAB *
fact_create_table(void)
{
	HASHCTL		control = {
		.keysize = sizeof(Fact *),
		.entrysize = sizeof(Fact *),
		.hash = fact_hash,
		.match = fact_compare,
		.hcxt = CurrentMemoryContext
	};

	return hash_create("remigrate facts", 256, &control,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

Fact *
fact_find(const Model *model, FactKind kind, Object *parent,
		  const char *schema, const char *name)
{
	Fact		sought = {
		.kind = kind,
		.object = parent,
		.schema = schema,
		.name = name
	};
	Fact	   *key = &sought;
	Fact	  **entry = hash_search(model->by_name, &key, HASH_FIND, NULL);

	return entry == NULL ? NULL : *entry;
}

/* The fact that an object of a name exists; made where it is new. */
Fact *
fact_existence(Model *model, FactKind kind, Object *parent,
			   const char *schema, const char *name)
{
	Fact	   *fact = fact_find(model, kind, parent, schema, name);

	if (fact != NULL)
		return fact;
	fact = palloc0(sizeof(Fact));
	fact->kind = kind;
	fact->object = parent;
	fact->schema = schema;
	fact->name = name;
	model->facts = lappend(model->facts, fact);
	if (parent != NULL)
		parent->children = lappend(parent->children, fact);
	(void) hash_search(model->by_name, &fact, HASH_ENTER, NULL);
	return fact;
}

static Fact *
find_property(const Object *object, FactKind kind)
{
	ListCell   *cell;

	foreach(cell, object->properties)
	{
		Fact	   *fact = lfirst(cell);

		if (fact->kind == kind)
			return fact;
	}
	return NULL;
}

Fact *
fact_property(Model *model, Object *object, FactKind kind)
{
	Fact	   *fact = find_property(object, kind);

	if (fact != NULL)
		return fact;
	fact = palloc0(sizeof(Fact));
	fact->kind = kind;
	fact->object = object;
	object->properties = lappend(object->properties, fact);
	model->facts = lappend(model->facts, fact);
	return fact;
}

/* --- timelines --- */

State
state_of(Presence presence, Object *object, Definition *definition)
{
	State		state = {presence, object, definition};

	return state;
}

State
state_unknown(void)
{
	return state_of(UNKNOWN, NULL, NULL);
}

static bool
is_known(const State *state)
{
	return state->presence == ABSENT || state->presence == PRESENT;
}

State
fact_state(const Fact *fact)
{
	if (fact == NULL || fact->changes == NIL)
		return state_unknown();
	return ((Change *) llast(fact->changes))->after;
}

StatementModel *
model_current(Model *model)
{
	return &model->statements[model->statement];
}

void
fact_append(Fact *fact, int statement, State before, State after)
{
	Change	   *change = palloc0(sizeof(Change));

	change->statement = statement;
	change->before = before;
	change->after = after;
	fact->changes = lappend(fact->changes, change);
}

/*
 * The last statement that may have made something of which the script has
 * said nothing yet; 0 for none.
 */
static int
may_be_there_since(const Model *model, const Fact *fact)
{
	int			since = model->last_unseen;
	ListCell   *cell;

	if (fact->object != NULL)
		since = Max(since, fact->object->vague);
	if (fact->kind != FACT_CONSTRAINT)
		return since;
	foreach(cell, model->index_renames)
	{
		const ObjectName *entry = lfirst(cell);

		if (strcmp(entry->name, fact->name) == 0)
			since = Max(since, entry->seam);
	}
	return since;
}

/*
 * The statement that may have taken away something of which the script has
 * said nothing yet: the renaming of an index takes its constraint along.  0 for
 * none.
 */
static int
may_be_gone_since(const Model *model, const Fact *fact)
{
	int			since = 0;
	ListCell   *cell;

	if (fact->kind != FACT_CONSTRAINT)
		return since;
	foreach(cell, model->old_names)
	{
		const ObjectName *old = lfirst(cell);

		if (strcmp(old->name, fact->name) == 0)
			since = Max(since, old->seam);
	}
	return since;
}

/*
 * The statement needs something else than the script has left.  Where nobody
 * knows what an opaque statement in between has done, it may have done this.
 * It may also have made what no other statement of the script has.
 */
static void
reconcile_needs(Model *model, Fact *fact, const State *before)
{
	const Change *last;

	if (fact->changes == NIL)
	{
		int			since = 0;

		if (before->presence == PRESENT)
			since = may_be_there_since(model, fact);
		else if (before->presence == ABSENT)
			since = may_be_gone_since(model, fact);
		if (since > 0)
			fact_append(fact, since, state_unknown(), *before);
		return;
	}
	last = llast(fact->changes);
	if (!is_known(&last->after) || !is_known(before) ||
		last->after.presence == before->presence)
		return;
	if (model->last_opaque > last->statement)
		fact_append(fact, model->last_opaque, state_unknown(),
					state_unknown());
	else if (fact->object == NULL ||
			 model_existence(model, fact->object).presence == PRESENT)
		model_current(model)->impossible = true;
}

void
fact_record(Model *model, Fact *fact, State before, State after)
{
	Change	   *last;
	StatementFact *entry;

	Assert(fact != NULL);
	last = fact->changes == NIL ? NULL : llast(fact->changes);
	if (last != NULL && last->statement == model->statement)
	{
		/* Nothing can be seen between two actions of one statement. */
		last->after = after;
		last->reference = false;
		return;
	}
	reconcile_needs(model, fact, &before);
	fact_append(fact, model->statement, before, after);

	entry = palloc(sizeof(StatementFact));
	entry->fact = fact;
	entry->change = llast(fact->changes);
	model_current(model)->facts = lappend(model_current(model)->facts, entry);
}

bool
model_applies(const Fact *fact, const State *state, int seam)
{
	const Definition *definition = state->definition;

	if (fact->object != NULL && !model_is_alive(fact->object, seam))
		return false;

	/*
	 * An index, say, goes with its table.  Before that is there another one
	 * may bear the name: of a name that it chooses the server makes a free
	 * one.
	 */
	return definition == NULL || definition->table == NULL ||
		(state->presence != PRESENT && !fact->unnamed) ||
		model_is_alive(definition->table, seam);
}

bool
model_expected(const Fact *fact, int seam, State *state)
{
	ListCell   *cell;
	bool		before_all = true;

	*state = state_unknown();
	foreach(cell, fact->changes)
	{
		const Change *change = lfirst(cell);

		if (change->reference)
			continue;
		if (change->statement > seam)
		{
			if (before_all)
				*state = change->before;
			break;
		}
		*state = change->after;
		before_all = false;
	}
	if (!model_applies(fact, state, seam))
		*state = state_unknown();
	return state->presence != UNKNOWN;
}

/* --- objects --- */

ObjectName *
object_name(int seam, const char *schema, const char *name)
{
	ObjectName *entry = palloc(sizeof(ObjectName));

	entry->seam = seam;
	entry->schema = schema;
	entry->name = name;
	return entry;
}

void
object_add_name(Object *object, int seam, const char *schema, const char *name)
{
	object->names = lappend(object->names, object_name(seam, schema, name));
}

Object *
object_new(FactKind kind, Object *parent, const char *schema,
		   const char *name, int born)
{
	Object	   *object = palloc0(sizeof(Object));

	object->kind = kind;
	object->parent = parent;
	object->born = born;
	object->died = NEVER;
	object_add_name(object, 0, schema, name);
	return object;
}

bool
model_is_alive(const Object *object, int seam)
{
	for (; object != NULL; object = object->parent)
		if (seam < object->born || seam >= object->died)
			return false;
	return true;
}

const char *
model_name_at(const Object *object, int seam, const char **schema)
{
	const ObjectName *name = linitial(object->names);
	ListCell   *cell;

	foreach(cell, object->names)
	{
		const ObjectName *entry = lfirst(cell);

		if (entry->seam > seam)
			break;
		name = entry;
	}
	if (schema != NULL)
		*schema = name->schema;
	return name->name;
}

Fact *
fact_of_object(const Model *model, const Object *object)
{
	const ObjectName *name = llast(object->names);

	return fact_find(model, object->kind, object->parent, name->schema,
					 name->name);
}

Fact *
model_existence_at(const Model *model, const Object *object, int seam)
{
	const char *schema;
	const char *name = model_name_at(object, seam, &schema);

	return fact_find(model, object->kind, object->parent, schema, name);
}

Object *
model_bearer(const Model *model, FactKind kind, Object *parent,
			 const char *schema, const char *name, int statement)
{
	Fact	   *fact = fact_find(model, kind, parent, schema, name);
	Object	   *bearer = NULL;
	ListCell   *cell;

	if (fact == NULL)
		return NULL;
	foreach(cell, fact->changes)
	{
		const Change *change = lfirst(cell);

		if (change->statement > statement)
		{
			if (foreach_current_index(cell) == 0)
				bearer = change->before.object;
			break;
		}
		bearer = change->after.object;
	}
	return bearer;
}

State
model_property(const Object *object, FactKind kind)
{
	return fact_state(find_property(object, kind));
}

List *
model_changes(const Object *object, FactKind kind)
{
	const Fact *fact = find_property(object, kind);

	return fact == NULL ? NIL : fact->changes;
}

State
model_existence(const Model *model, const Object *object)
{
	return fact_state(fact_of_object(model, object));
}

/* --- questions about stretches of a script --- */

static bool
any_between(const List *statements, int from, int to)
{
	ListCell   *cell;

	foreach(cell, statements)
	{
		if (lfirst_int(cell) > from && lfirst_int(cell) <= to)
			return true;
	}
	return false;
}

bool
model_renames_between(const Model *model, int from, int to)
{
	return any_between(model->renames, from, to);
}

bool
model_renames_labels_between(const Model *model, int from, int to)
{
	return any_between(model->label_renames, from, to);
}

bool
model_comes_before(const Fact *fact, const List *statements, int seam)
{
	ListCell   *cell;

	foreach(cell, fact->changes)
	{
		const Change *change = lfirst(cell);

		if (change->reference)
			continue;
		/* What the script has said before this is known, and not excused. */
		if (change->statement <= seam)
			return false;
		return any_between(statements, seam, change->statement);
	}
	return false;
}

bool
model_star_is_stale(const Model *model, const Definition *definition, int seam)
{
	return any_between(model->additions, definition->statement, seam) &&
		model_has_star(definition);
}
