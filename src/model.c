/*-------------------------------------------------------------------------
 *
 * model.c
 *	  Objects and facts of a script, along its statements.
 *
 * What a statement says is put down by the functions here, called from the
 * files that know the kinds of statements (model_*.c).  They are called in
 * the order of the statements, so that the last change of a fact is its state
 * when the next statement is read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "commands/defrem.h"
#include "common/hashfn.h"
#include "utils/builtins.h"

#include "model.h"
#include "model_statement.h"

/* --- the table of existence facts --- */

static bool
same_text(const char *left, const char *right)
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
			 same_text(left->schema, right->schema) &&
			 same_text(left->name, right->name));
}

static HTAB *
create_fact_table(void)
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

static Fact *
find_fact(const Model *model, FactKind kind, Object *parent,
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
static Fact *
existence(Model *model, FactKind kind, Object *parent,
		  const char *schema, const char *name)
{
	Fact	   *fact = find_fact(model, kind, parent, schema, name);

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

static Fact *
property(Model *model, Object *object, FactKind kind)
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

static State
unknown_state(void)
{
	return state_of(UNKNOWN, NULL, NULL);
}

static bool
is_known(const State *state)
{
	return state->presence == ABSENT || state->presence == PRESENT;
}

static State
state_now(const Fact *fact)
{
	if (fact == NULL || fact->changes == NIL)
		return unknown_state();
	return ((Change *) llast(fact->changes))->after;
}

StatementModel *
model_current(Model *model)
{
	return &model->statements[model->statement];
}

static void
append_change(Fact *fact, int statement, State before, State after)
{
	Change	   *change = palloc0(sizeof(Change));

	change->statement = statement;
	change->before = before;
	change->after = after;
	fact->changes = lappend(fact->changes, change);
}

/*
 * The statement needs something else than the script has left.  Where nobody
 * knows what an opaque statement in between has done, it may have done this.
 */
static void
reconcile_needs(Model *model, Fact *fact, const State *before)
{
	const Change *last;

	if (fact->changes == NIL)
		return;
	last = llast(fact->changes);
	if (!is_known(&last->after) || !is_known(before) ||
		last->after.presence == before->presence)
		return;
	if (model->last_opaque > last->statement)
		append_change(fact, model->last_opaque, unknown_state(),
					  unknown_state());
	else if (fact->object == NULL ||
			 model_existence(model, fact->object).presence == PRESENT)
		model_current(model)->impossible = true;
}

static void
record(Model *model, Fact *fact, State before, State after)
{
	Change	   *last = fact->changes == NIL ? NULL : llast(fact->changes);
	StatementFact *entry;

	if (last != NULL && last->statement == model->statement)
	{
		/* Nothing can be seen between two actions of one statement. */
		last->after = after;
		last->reference = false;
		return;
	}
	reconcile_needs(model, fact, &before);
	append_change(fact, model->statement, before, after);

	entry = palloc(sizeof(StatementFact));
	entry->fact = fact;
	entry->change = llast(fact->changes);
	model_current(model)->facts = lappend(model_current(model)->facts, entry);
}

bool
model_expected(const Fact *fact, int seam, State *state)
{
	ListCell   *cell;

	bool		before_all = true;

	*state = unknown_state();
	if (fact->object != NULL && !model_is_alive(fact->object, seam))
		return false;
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
	/* An index, say, goes with its table. */
	if (state->presence == PRESENT && state->definition != NULL &&
		state->definition->table != NULL &&
		!model_is_alive(state->definition->table, seam))
		*state = unknown_state();
	return state->presence != UNKNOWN;
}

/* --- objects --- */

static void
add_name(Object *object, int seam, const char *schema, const char *name)
{
	ObjectName *entry = palloc(sizeof(ObjectName));

	entry->seam = seam;
	entry->schema = schema;
	entry->name = name;
	object->names = lappend(object->names, entry);
}

static Object *
new_object(FactKind kind, Object *parent, const char *schema,
		   const char *name, int born)
{
	Object	   *object = palloc0(sizeof(Object));

	object->kind = kind;
	object->parent = parent;
	object->born = born;
	object->died = NEVER;
	add_name(object, 0, schema, name);
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

static Fact *
fact_of(const Model *model, const Object *object)
{
	const ObjectName *name = llast(object->names);

	return find_fact(model, object->kind, object->parent, name->schema,
					 name->name);
}

Fact *
model_existence_at(const Model *model, const Object *object, int seam)
{
	const char *schema;
	const char *name = model_name_at(object, seam, &schema);

	return find_fact(model, object->kind, object->parent, schema, name);
}

Object *
model_bearer(const Model *model, FactKind kind, Object *parent,
			 const char *schema, const char *name, int statement)
{
	Fact	   *fact = find_fact(model, kind, parent, schema, name);
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
	return state_now(find_property(object, kind));
}

State
model_existence(const Model *model, const Object *object)
{
	return state_now(fact_of(model, object));
}

/* --- what statements do --- */

Definition *
model_define(const Model *model, Node *node)
{
	Definition *definition = palloc0(sizeof(Definition));

	definition->node = node;
	definition->whole = true;
	definition->statement = model->statement;
	definition->path = model->path;
	return definition;
}

const char *
model_schema(Model *model, FactKind kind, const char *schema,
			 const char *name, bool create)
{
	ListCell   *cell;

	if (schema != NULL)
		return schema;
	if (model->path_known && list_length(model->path) == 1)
		return linitial(model->path);
	if (model->path_known && model->path != NIL)
	{
		if (create)
			return linitial(model->path);
		foreach(cell, model->path)
		{
			Fact	   *fact = find_fact(model, kind, NULL, lfirst(cell), name);

			if (state_now(fact).presence == PRESENT)
				return lfirst(cell);
		}
	}
	model_current(model)->opaque = true;
	return NULL;
}

/*
 * The name is taken anew, so what may have had it has gone by now, or was
 * never there.
 */
static void
end_unknown(Model *model, const State *now)
{
	if (now->object == NULL || now->presence == PRESENT ||
		now->object->died != NEVER)
		return;
	now->object->died = model->statement;
	now->object->lost = true;
	model->boundaries = lappend_int(model->boundaries, model->statement);
}

Object *
model_create(Model *model, FactKind kind, Object *parent, const char *schema,
			 const char *name, CreateMode mode, Definition *definition)
{
	Fact	   *fact = existence(model, kind, parent, schema, name);
	State		now = state_now(fact);
	Object	   *object;

	if (now.presence == PRESENT && mode == CREATE_IF_NOT_EXISTS)
		return NULL;
	if (now.presence == PRESENT && mode == CREATE_OR_REPLACE)
	{
		record(model, fact, now, state_of(PRESENT, now.object, definition));
		return now.object;
	}

	end_unknown(model, &now);
	object = new_object(kind, parent, schema, name, model->statement);
	if (kind == FACT_TYPE)
		model->boundaries = lappend_int(model->boundaries, model->statement);
	if (now.presence == ABSENT || mode == CREATE_NEW)
		record(model, fact, state_of(ABSENT, NULL, definition),
			   state_of(PRESENT, object, definition));
	else if (mode == CREATE_OR_REPLACE)
		record(model, fact, unknown_state(),
			   state_of(PRESENT, object, definition));
	else
	{
		/*
		 * If it was there before, then it is the same one.  Nobody knows what
		 * else came with it.
		 */
		object->likely = definition;
		if (fact->changes == NIL)
			object->born = 0;
		model->last_opaque = model->statement;
		record(model, fact, state_of(NOT_INVALID, object, definition),
			   state_of(PRESENT, object, NULL));
		return NULL;
	}
	return object;
}

Object *
model_create_unnamed(Model *model, FactKind kind, Object *parent,
					 const char *schema, const char *name1, const char *name2,
					 const char *label, Definition *definition)
{
	for (int pass = 0;; pass++)
	{
		char	   *numbered = pass == 0 ? pstrdup(label) :
			psprintf("%s%d", label, pass);
		char	   *name = makeObjectName(name1, name2, numbered);
		Fact	   *fact = existence(model, kind, parent, schema, name);

		if (state_now(fact).presence == PRESENT)
			continue;
		fact->unnamed = true;
		fact->name_parts[0] = name1;
		fact->name_parts[1] = name2;
		fact->name_parts[2] = label;
		fact->first_pass = pass;
		return model_create(model, kind, parent, schema, name, CREATE_NEW,
							definition);
	}
}

Object *
model_refer(Model *model, FactKind kind, Object *parent, const char *schema,
			const char *name, Need need)
{
	Fact	   *fact = existence(model, kind, parent, schema, name);
	State		now = state_now(fact);
	Presence	presence = need == NEED_PRESENT ? PRESENT : UNKNOWN;
	Object	   *object = now.object;

	if (now.presence == PRESENT)
		return object;
	if (now.presence == ABSENT && need != NEED_PRESENT)
	{
		/* IF EXISTS of what the script has dropped: nothing is said of it. */
		object = new_object(kind, parent, schema, name, model->statement);
		object->died = model->statement;
		return object;
	}
	if (object == NULL || now.presence == ABSENT)
		object = new_object(kind, parent, schema, name,
							fact->changes == NIL ? 0 : model->last_opaque);
	else if (presence == UNKNOWN)
		return object;
	record(model, fact, state_of(presence, object, NULL),
		   state_of(presence, object, NULL));
	((Change *) llast(fact->changes))->reference = presence == UNKNOWN;
	return object;
}

/* The object of a fact ends, and with it the index of a constraint. */
static void
die(Model *model, Fact *fact, Object *object)
{
	State		now = state_now(fact);

	record(model, fact, now, state_of(ABSENT, NULL, now.definition));
	object->died = model->statement;
	if (object->kind == FACT_TYPE)
		model->boundaries = lappend_int(model->boundaries, model->statement);
	if (object->companion != NULL && object->companion->died == NEVER)
		die(model, fact_of(model, object->companion), object->companion);
}

/* Whether an object belongs to a table, or to one of its columns. */
static bool
depends_on(const Model *model, const Definition *definition,
		   const Object *table, const Object *column)
{
	return definition != NULL && definition->table == table &&
		(column == NULL || model_mentions(model, definition, column));
}

/* Indexes and sequences of a table, or of one column, go with it. */
static void
drop_dependents(Model *model, Object *table, const Object *column)
{
	int			count = list_length(model->facts);

	for (int i = 0; i < count; i++)
	{
		Fact	   *fact = list_nth(model->facts, i);
		State		now = state_now(fact);

		if (now.presence != PRESENT ||
			(fact->kind != FACT_RELATION && fact->kind != FACT_CONSTRAINT))
			continue;
		if (depends_on(model, now.definition, table, column))
			die(model, fact, now.object);
		else if (now.definition == NULL &&
				 (now.object->belongs ||
				  depends_on(model, now.object->likely, table, column)))
			record(model, fact, now, state_of(UNKNOWN, now.object, NULL));
	}
}

/* Whether a definition is of a view. */
static bool
is_view(const Definition *definition)
{
	return definition != NULL &&
		(definition->relkind == RELKIND_VIEW ||
		 definition->relkind == RELKIND_MATVIEW);
}

/* Whether a definition names an object, by whatever name it has had. */
static bool
names_object(const Definition *definition, const Object *object)
{
	ListCell   *cell;

	foreach(cell, object->names)
	{
		const char *name = ((ObjectName *) lfirst(cell))->name;
		const char *bracket = strrchr(name, '(');

		if (object->kind == FACT_FUNCTION && bracket != NULL)
			name = pnstrdup(name, bracket - name);
		if (model_names(definition, name))
			return true;
	}
	return false;
}

static void
become_unknown(Model *model, Fact *fact, const State *now)
{
	record(model, fact, *now, state_of(UNKNOWN, now->object, now->definition));
	model_current(model)->pure = false;
}

/*
 * A type takes along the columns of that type, and they what is built on them:
 * of which type the columns are the script mostly doesn't tell.
 */
static void
cascade_from_type(Model *model, Fact *fact, const State *now,
				  const Object *type)
{
	State		known;

	if (fact->kind == FACT_CONSTRAINT ||
		(fact->kind == FACT_RELATION && now->definition != NULL &&
		 (now->definition->relkind == RELKIND_INDEX ||
		  is_view(now->definition))))
		become_unknown(model, fact, now);
	if (fact->kind != FACT_COLUMN)
		return;
	known = model_property(now->object, FACT_COLUMN_TYPE);
	if (known.presence != PRESENT || known.definition == NULL)
		become_unknown(model, fact, now);
	else if (names_object(known.definition, type))
		die(model, fact, now->object);
}

/*
 * What CASCADE takes along: the foreign keys to a table and the views that
 * name it, which is certain; what else names the dropped object is unknown
 * from here on.
 */
static void
cascade(Model *model, Object *object)
{
	int			count = list_length(model->facts);

	for (int i = 0; i < count; i++)
	{
		Fact	   *fact = list_nth(model->facts, i);
		State		now = state_now(fact);
		Definition *definition = now.definition;
		bool		view = fact->kind == FACT_RELATION && is_view(definition);

		if (now.presence != PRESENT || now.object == object)
			continue;
		if (object->kind == FACT_TYPE)
			cascade_from_type(model, fact, &now, object);
		if (fact->kind == FACT_COLUMN ||
			state_now(fact).presence != PRESENT)
			continue;
		if (definition == NULL && now.object != NULL)
			definition = now.object->likely;
		if (definition == NULL)
			continue;
		if (fact->kind == FACT_CONSTRAINT && definition->other == object)
			die(model, fact, now.object);
		else if (view && object->kind == FACT_RELATION &&
				 names_object(definition, object))
		{
			die(model, fact, now.object);
			cascade(model, now.object);
		}
		else if (names_object(definition, object) ||
				 (object->kind == FACT_COLUMN && view) ||
				 (now.definition == NULL && is_view(definition)))
			become_unknown(model, fact, &now);
	}
}

/* The look asks what goes with an object, and where it is there. */
static void
note_shedding(Model *model, Object *object, List **statements)
{
	*statements = lappend_int(*statements, model->statement);
	model->sheddings = list_append_unique_ptr(model->sheddings, object);
	model->boundaries = lappend_int(model->boundaries, object->born);
	model->boundaries = lappend_int(model->boundaries, model->statement);
}

void
model_shed(Model *model, Object *object)
{
	note_shedding(model, object, &object->sheds);
}

void
model_drop(Model *model, Object *object, int flags)
{
	Fact	   *fact = fact_of(model, object);

	/* IF EXISTS of what the script itself has dropped. */
	if (object->died != NEVER)
		return;
	if (flags & DROP_DATA)
		model_current(model)->losses = lappend(model_current(model)->losses,
											   object);
	die(model, fact, object);
	if (object->kind == FACT_RELATION || object->kind == FACT_COLUMN)
		model_shed(model, object);
	if (object->kind == FACT_RELATION)
		drop_dependents(model, object, NULL);
	else if (object->kind == FACT_COLUMN)
		drop_dependents(model, object->parent, object);
	if (flags & DROP_CASCADES)
	{
		note_shedding(model, object, &object->cascades);
		cascade(model, object);
	}
}

void
model_reopen_function(Model *model, const char *schema, const char *name,
					  const char *signature)
{
	Fact	   *any = find_fact(model, FACT_FUNCTION, NULL, schema, name);
	Fact	   *fact;
	State		now = state_now(any);

	if (any == NULL)
		return;
	fact = existence(model, FACT_FUNCTION, NULL, schema, signature);
	if (now.presence == ABSENT && fact->changes == NIL)
		append_change(fact, ((Change *) llast(any->changes))->statement,
					  unknown_state(), now);
	record(model, any, now, unknown_state());
}

static void
rename_one(Model *model, Object *object, const char *schema, const char *name)
{
	Fact	   *old = fact_of(model, object);
	State		now = state_now(old);
	Fact	   *fact = existence(model, object->kind, object->parent, schema,
								 name);
	State		there;

	if (fact == old)
		return;
	there = state_now(fact);
	end_unknown(model, &there);
	record(model, old, now, state_of(ABSENT, NULL, NULL));
	record(model, fact, state_of(ABSENT, NULL, NULL),
		   state_of(now.presence, object, now.definition));
	add_name(object, model->statement, schema, name);
}

/* A table's indexes and sequences follow it into another schema. */
static void
move_dependents(Model *model, const Object *table, const char *schema)
{
	int			count = list_length(model->facts);

	for (int i = 0; i < count; i++)
	{
		Fact	   *fact = list_nth(model->facts, i);
		State		now = state_now(fact);

		if (fact->kind == FACT_RELATION && now.presence == PRESENT &&
			now.definition != NULL && now.definition->table == table)
			rename_one(model, now.object, schema, fact->name);
	}
}

void
model_rename(Model *model, Object *object, const char *schema,
			 const char *name)
{
	const char *old_schema;

	(void) model_name_at(object, model->statement, &old_schema);
	if (!model_is_alive(object, model->statement))
		return;
	if (!same_text(old_schema, schema))
		move_dependents(model, object, schema);
	rename_one(model, object, schema, name);
	if (object->companion != NULL)
	{
		const char *companion_schema;

		(void) model_name_at(object->companion, model->statement,
							 &companion_schema);
		rename_one(model, object->companion, companion_schema, name);
	}
	if (object->kind == FACT_COLUMN)
		object->parent->columns_renamed = true;
	model->renames = lappend_int(model->renames, model->statement);
	model->boundaries = lappend_int(model->boundaries, model->statement);
}

void
model_change(Model *model, Object *object, FactKind kind, State before,
			 State after)
{
	record(model, property(model, object, kind), before, after);
}

void
model_set(Model *model, Object *object, FactKind kind, Presence presence,
		  Definition *definition)
{
	model_change(model, object, kind, unknown_state(),
				 state_of(presence, NULL, definition));
}

void
model_redefine(Model *model, Object *object, Definition *definition)
{
	Fact	   *fact = fact_of(model, object);
	State		now = state_now(fact);

	record(model, fact, now, state_of(now.presence, object, definition));
}

static bool
any_between(const List *statements, int from, int to)
{
	ListCell   *cell;

	foreach(cell, statements)
		if (lfirst_int(cell) > from && lfirst_int(cell) <= to)
			return true;
	return false;
}

bool
model_renames_between(const Model *model, int from, int to)
{
	return any_between(model->renames, from, to);
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

/* --- the whole --- */

Model *
model_build(List *scripts, const char *target_schema)
{
	Model	   *model = palloc0(sizeof(Model));
	ListCell   *cell;

	model->target_schema = target_schema;
	model->by_name = create_fact_table();
	foreach(cell, scripts)
		model->statement_count += ((Script *) lfirst(cell))->statement_count;
	model->statements = palloc0_array(StatementModel,
									  model->statement_count + 1);

	foreach(cell, scripts)
	{
		const Script *script = lfirst(cell);

		model->path = list_make1(unconstify(char *, target_schema));
		model->path_known = true;
		model->path_local = false;
		model->temporary = NIL;
		for (int i = 0; i < script->statement_count; i++)
		{
			StatementModel *current;

			model->statement++;
			current = model_current(model);
			current->script = script;
			current->statement = &script->statements[i];
			model_read_statement(model, script->statements[i].raw->stmt);
			if (current->opaque)
				model->last_opaque = model->statement;
		}
	}
	return model;
}
