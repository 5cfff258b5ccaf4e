/*-------------------------------------------------------------------------
 *
 * model_drop.c
 *	  What goes when a script drops something.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "miscadmin.h"

#include "model_fact.h"

/* The object of a fact ends, and with it the index of a constraint. */
static void
end_object(Model *model, Fact *fact, Object *object)
{
	State		now = fact_state(fact);

	fact_record(model, fact, now, state_of(ABSENT, NULL, now.definition));
	object->died = model->statement;
	if (object->kind == FACT_TYPE)
		model->type_changes = lappend_int(model->type_changes, model->statement);
	if (object->companion != NULL && object->companion->died == NEVER)
		end_object(model, fact_of_object(model, object->companion), object->companion);
}

/* Whether an object belongs to a table, or to one of its columns. */
static bool
depends_on(const Model *model, const Definition *definition,
		   const Object *table, const Object *column)
{
	return definition != NULL && definition->table == table &&
		(column == NULL || model_mentions(model, definition, column));
}

/* Whether a relation is a partition of a table. */
static bool
is_part_of(const Object *object, const Object *table)
{
	return object != NULL && object->ancestor == table &&
		model_property(object, FACT_PARTITION).presence == PRESENT;
}

/*
 * Indexes and sequences of a table, or of one column, go with it; partitions
 * with their table.
 */
static void
drop_dependents(Model *model, Object *table, const Object *column)
{
	int			count = list_length(model->facts);

	for (int i = 0; i < count; i++)
	{
		Fact	   *fact = list_nth(model->facts, i);
		State		now = fact_state(fact);

		if (now.presence != PRESENT ||
			(fact->kind != FACT_RELATION && fact->kind != FACT_CONSTRAINT))
			continue;
		if (depends_on(model, now.definition, table, column))
			end_object(model, fact, now.object);
		else if (fact->kind == FACT_RELATION && column == NULL &&
				 is_part_of(now.object, table))
			model_drop(model, now.object, DROP_DATA);
		else if (now.definition == NULL &&
				 (now.object->belongs || now.object->parent == table ||
				  depends_on(model, now.object->likely, table, column)))
			fact_record(model, fact, now, state_of(UNKNOWN, now.object, NULL));
	}
}

void
model_drop_sequence(Model *model, Object *column)
{
	int			count = list_length(model->facts);

	for (int i = 0; i < count; i++)
	{
		Fact	   *fact = list_nth(model->facts, i);
		State		now = fact_state(fact);

		if (fact->kind != FACT_RELATION || now.presence != PRESENT)
			continue;
		if (now.definition == NULL && now.object->belongs)
			model_forget(model, now.object);
		else if (now.definition != NULL &&
				 now.definition->relkind == RELKIND_SEQUENCE &&
				 depends_on(model, now.definition, column->parent, column))
			end_object(model, fact, now.object);
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
	fact_record(model, fact, *now, state_of(UNKNOWN, now->object, now->definition));
	model_current(model)->pure = false;
}

void
model_forget(Model *model, Object *object)
{
	Fact	   *fact = fact_of_object(model, object);
	State		now = fact_state(fact);

	if (now.presence == PRESENT && now.definition == NULL &&
		object->likely == NULL)
		fact_record(model, fact, now, state_of(UNKNOWN, object, NULL));
}

void
model_detach_indexes(Model *model, const Object *table)
{
	int			count = list_length(model->facts);

	for (int i = 0; i < count; i++)
	{
		Fact	   *fact = list_nth(model->facts, i);
		State		now = fact_state(fact);
		const Definition *index;

		/* An index is attached without a bound. */
		if (fact->kind != FACT_PARTITION || now.presence != PRESENT ||
			(now.definition != NULL && now.definition->node != NULL))
			continue;
		index = model_existence(model, fact->object).definition;
		if (index == NULL || index->table == table)
			fact_record(model, fact, now, state_unknown());
	}
}

void
model_empty_schema(Model *model, const char *schema)
{
	int			count = list_length(model->facts);

	for (int i = 0; i < count; i++)
	{
		Fact	   *fact = list_nth(model->facts, i);
		State		now = fact_state(fact);

		if (fact->object == NULL && fact->schema != NULL &&
			strcmp(fact->schema, schema) == 0 &&
			now.presence == PRESENT && now.object->died == NEVER)
			end_object(model, fact, now.object);
	}
}

void
model_expect(Model *model, const char *schema, const char *name)
{
	Fact	   *fact = fact_existence(model, FACT_RELATION, NULL, schema, name);

	if (fact_state(fact).presence != PRESENT)
		fact_record(model, fact, state_unknown(), state_unknown());
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
		end_object(model, fact, now->object);
}

/* Whether what bears a fact's name can depend on a dropped object at all. */
static bool
may_depend(const Fact *fact, const Object *bearer, const Object *dropped)
{
	return fact->kind != FACT_SCHEMA && fact->kind != FACT_EXTENSION &&
		fact->kind != FACT_LABEL && fact->kind < FIRST_PROPERTY &&
		bearer != dropped->parent;
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

	CHECK_FOR_INTERRUPTS();
	for (int i = 0; i < count; i++)
	{
		Fact	   *fact = list_nth(model->facts, i);
		State		now = fact_state(fact);
		Definition *definition = now.definition;
		bool		view = fact->kind == FACT_RELATION && is_view(definition);

		if (now.presence != PRESENT || now.object == object)
			continue;
		if (fact->kind == FACT_NAMED)
		{
			become_unknown(model, fact, &now);
			continue;
		}
		if (object->kind == FACT_TYPE)
			cascade_from_type(model, fact, &now, object);
		if (fact->kind == FACT_COLUMN ||
			fact_state(fact).presence != PRESENT)
			continue;
		if (definition == NULL && now.object != NULL)
			definition = now.object->likely;
		if (definition == NULL)
		{
			/* Something that is only known to be there may depend on it. */
			if (may_depend(fact, now.object, object))
				become_unknown(model, fact, &now);
			continue;
		}
		if (fact->kind == FACT_RELATION && now.object->ancestor == object)
			model_drop(model, now.object, DROP_DATA | DROP_CASCADES);
		else if (fact->kind == FACT_CONSTRAINT && definition->other == object)
			end_object(model, fact, now.object);
		else if (fact->kind == FACT_CONSTRAINT && definition->other != NULL &&
				 definition->other == object->parent)
		{
			/* A foreign key, and maybe to this key, or this column. */
			become_unknown(model, fact, &now);
		}
		else if (view && object->kind == FACT_RELATION &&
				 names_object(definition, object))
		{
			end_object(model, fact, now.object);
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
}

void
model_shed(Model *model, Object *object)
{
	note_shedding(model, object, &object->sheds);
}

void
model_drop(Model *model, Object *object, int flags)
{
	Fact	   *fact = fact_of_object(model, object);

	/* IF EXISTS of what the script itself has dropped. */
	if (object->died != NEVER)
		return;
	if (flags & DROP_DATA)
		model_current(model)->losses = lappend(model_current(model)->losses,
											   object);
	end_object(model, fact, object);
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
