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

#include "commands/defrem.h"
#include "miscadmin.h"

#include "model.h"
#include "model_fact.h"
#include "model_statement.h"

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
			Fact	   *fact = fact_find(model, kind, NULL, lfirst(cell), name);

			if (fact_state(fact).presence == PRESENT)
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
}

Object *
model_create(Model *model, FactKind kind, Object *parent, const char *schema,
			 const char *name, CreateMode mode, Definition *definition)
{
	Fact	   *fact = fact_existence(model, kind, parent, schema, name);
	State		now = fact_state(fact);
	Object	   *object;

	if (model->guarded && mode == CREATE_NEW)
		mode = CREATE_IF_NOT_EXISTS;
	if (now.presence == PRESENT && mode == CREATE_IF_NOT_EXISTS)
		return NULL;
	if (now.presence == PRESENT && mode == CREATE_OR_REPLACE)
	{
		fact_record(model, fact, now, state_of(PRESENT, now.object, definition));
		return now.object;
	}

	end_unknown(model, &now);
	object = object_new(kind, parent, schema, name, model->statement);
	if (kind == FACT_TYPE)
		model->type_changes = lappend_int(model->type_changes, model->statement);
	if (now.presence == ABSENT || mode == CREATE_NEW)
		fact_record(model, fact, state_of(ABSENT, NULL, definition),
					state_of(PRESENT, object, definition));
	else if (mode == CREATE_OR_REPLACE)
		fact_record(model, fact, state_unknown(),
					state_of(PRESENT, object, definition));
	else
	{
		/*
		 * If it was there before, then it is the same one.  Nobody knows what
		 * else came with it.
		 */
		object->likely = definition;
		object->vague = model->statement;
		if (parent != NULL)
			parent->vague = model->statement;
		if (fact->changes == NIL)
			object->born = 0;
		model->last_opaque = model->statement;
		fact_record(model, fact, state_of(NOT_INVALID, object, definition),
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
		Fact	   *fact = fact_existence(model, kind, parent, schema, name);

		if (fact_state(fact).presence == PRESENT)
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
	Fact	   *fact = fact_existence(model, kind, parent, schema, name);
	State		now = fact_state(fact);
	Presence	presence = need == NEED_PRESENT ? PRESENT : UNKNOWN;
	Object	   *object = now.object;

	if (now.presence == PRESENT)
		return object;
	if (now.presence == ABSENT && need != NEED_PRESENT)
	{
		/* IF EXISTS of what the script has dropped: nothing is said of it. */
		object = object_new(kind, parent, schema, name, model->statement);
		object->died = model->statement;
		return object;
	}
	if (object == NULL || now.presence == ABSENT)
		object = object_new(kind, parent, schema, name,
							fact->changes == NIL ? 0 : model->last_opaque);
	else if (presence == UNKNOWN)
		return object;
	fact_record(model, fact, state_of(presence, object, NULL),
				state_of(presence, object, NULL));
	((Change *) llast(fact->changes))->reference = presence == UNKNOWN;
	return object;
}

void
model_reopen_function(Model *model, const char *schema, const char *name,
					  const char *signature)
{
	Fact	   *any = fact_find(model, FACT_FUNCTION, NULL, schema, name);
	Fact	   *fact;
	State		now = fact_state(any);

	if (any == NULL)
		return;
	fact = fact_existence(model, FACT_FUNCTION, NULL, schema, signature);
	if (now.presence == ABSENT && fact->changes == NIL)
		fact_append(fact, ((Change *) llast(any->changes))->statement,
					state_unknown(), now);
	fact_record(model, any, now, state_unknown());
}

static void
rename_one(Model *model, Object *object, const char *schema, const char *name)
{
	Fact	   *old = fact_of_object(model, object);
	State		now = fact_state(old);
	Fact	   *fact = fact_existence(model, object->kind, object->parent, schema,
									  name);
	State		there;

	if (fact == old)
		return;
	model->old_names = lappend(model->old_names,
							   object_name(model->statement, old->schema,
										   old->name));
	there = fact_state(fact);
	end_unknown(model, &there);
	fact_record(model, old, now, state_of(ABSENT, NULL, NULL));
	fact_record(model, fact, state_of(ABSENT, NULL, NULL),
				state_of(now.presence, object, now.definition));
	object_add_name(object, model->statement, schema, name);
}

/* A table's indexes and sequences follow it into another schema. */
static void
move_dependents(Model *model, const Object *table, const char *schema)
{
	int			count = list_length(model->facts);

	for (int i = 0; i < count; i++)
	{
		Fact	   *fact = list_nth(model->facts, i);
		State		now = fact_state(fact);

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
	if (!fact_same_text(old_schema, schema))
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
}

void
model_change(Model *model, Object *object, FactKind kind, State before,
			 State after)
{
	fact_record(model, fact_property(model, object, kind), before, after);
}

void
model_set(Model *model, Object *object, FactKind kind, Presence presence,
		  Definition *definition)
{
	model_change(model, object, kind, model_property(object, kind),
				 state_of(presence, NULL, definition));
}

void
model_redefine(Model *model, Object *object, Definition *definition)
{
	Fact	   *fact = fact_of_object(model, object);
	State		now = fact_state(fact);

	fact_record(model, fact, now, state_of(now.presence, object, definition));
}

/* --- the whole --- */

Model *
model_build(List *scripts, const char *target_schema)
{
	Model	   *model = palloc0(sizeof(Model));
	ListCell   *cell;

	model->target_schema = target_schema;
	model->by_name = fact_create_table();
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

			/* Each may be compared with all that was said before. */
			CHECK_FOR_INTERRUPTS();
			model->statement++;
			current = model_current(model);
			current->script = script;
			current->statement = &script->statements[i];
			model_read_statement(model, script->statements[i].raw->stmt);
			if (current->opaque)
				model->last_opaque = model->last_unseen = model->statement;
		}
	}
	return model;
}
