/*-------------------------------------------------------------------------
 *
 * seam_history.c
 *	  Whether a schema bears out a whole history of scripts, and whether a
 *	  script's time is past.
 *
 * The history is one long sequence of statements, and what it says of an
 * object in the end was said last by one of its scripts.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "look.h"
#include "model.h"
#include "seam.h"

/* Whether a text names one of the columns of a key. */
static bool
names_column(const char *text, const Model *model, const Object *key)
{
	int			end = model->statement_count;
	const Fact *fact = key == NULL ? NULL :
		model_existence_at(model, key, end);
	const Constraint *constraint;
	State		state;
	ListCell   *cell;

	if (fact == NULL || !model_expected(fact, end, &state) ||
		state.definition == NULL || state.definition->node == NULL ||
		!IsA(state.definition->node, Constraint))
		return false;
	constraint = castNode(Constraint, state.definition->node);
	foreach(cell, constraint->fk_attrs != NIL ? constraint->fk_attrs :
			constraint->keys)
	{
		if (strstr(text, strVal(lfirst(cell))) != NULL)
			return true;
	}
	return false;
}

/*
 * Whether a text names what a fact is about: the table or type by its name,
 * and what belongs to a table that is there by its own as well, or by that of
 * a column that would take it along.
 */
static bool
names_subject(const char *text, const Model *model, const Fact *fact,
			  const State *expected)
{
	int			end = model->statement_count;
	bool		is_property = fact->kind >= FIRST_PROPERTY;
	const Object *owner = is_property ? fact->object->parent : fact->object;
	const char *name = is_property ?
		model_name_at(fact->object, end, NULL) : fact->name;

	if (owner == NULL)
		return strstr(text, name) != NULL;
	while (owner->parent != NULL)
		owner = owner->parent;
	if (strstr(text, model_name_at(owner, end, NULL)) == NULL)
		return false;
	return fact->unnamed || owner->kind != FACT_RELATION ||
		strstr(text, name) != NULL ||
		names_column(text, model,
					 is_property ? fact->object : expected->object) ||
		!look_exists(model, owner, end);
}

static bool
may_change_schema(const StatementModel *statement)
{
	switch (nodeTag(statement->statement->raw->stmt))
	{
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
		case T_TruncateStmt:
			return false;
		default:
			return statement->opaque;
	}
}

/*
 * Whether a statement that the model can't follow, a DO for instance, names
 * something after the history's last word on it.  Then that word may have
 * been overtaken.
 */
static bool
may_be_overtaken(const Model *model, const Fact *fact, const State *expected,
				 int statement)
{
	for (int i = statement + 1; i <= model->statement_count; i++)
	{
		const StatementModel *later = &model->statements[i];

		if (may_change_schema(later) &&
			names_subject(script_statement_text(later->script,
												later->statement),
						  model, fact, expected))
			return true;
	}
	return false;
}

/* The script's place in the results; each script of the model has one. */
static SeamHistory *
result_of(List *results, const Script *script)
{
	ListCell   *cell;

	foreach(cell, results)
	{
		SeamHistory *result = lfirst(cell);

		if (result->script == script)
			return result;
	}
	pg_unreachable();
}

static void
check_fact(const Model *model, const Fact *fact, List *results,
		   MemoryContext result_context)
{
	int			end = model->statement_count;
	State		expected;
	Look		look;
	const Change *last;
	SeamHistory *result;

	if (!model_expected(fact, end, &expected))
		return;
	look_at(model, fact, &expected, end, &look);
	if (look_stands(&look))
		return;
	last = llast(fact->changes);
	result = result_of(results, model->statements[last->statement].script);
	if (result->contradicted ||
		may_be_overtaken(model, fact, &expected, last->statement))
		return;
	result->contradicted = true;
	result->reason = MemoryContextStrdup(result_context,
										 psprintf("expected %s%s, found: %s",
												  expected.presence == ABSENT ? "no " : "",
												  look_subject(fact, &expected, end),
												  look.found));
}

static bool
leaves_trace(const StatementModel *statement)
{
	ListCell   *cell;

	foreach(cell, statement->facts)
	{
		const Change *change = ((StatementFact *) lfirst(cell))->change;

		if (!change->reference && change->after.presence != UNKNOWN)
			return true;
	}
	return false;
}

/* It sets something for the session, grants a right, or the like. */
static bool
is_of_no_account(const StatementModel *statement)
{
	return statement->repeatable && !statement->opaque &&
		statement->insert == NULL;
}

static void
find_unseen(const Model *model, List *results)
{
	SeamHistory *result = NULL;

	for (int i = 1; i <= model->statement_count; i++)
	{
		const StatementModel *statement = &model->statements[i];

		if (result == NULL || result->script != statement->script)
			result = result_of(results, statement->script);
		if (leaves_trace(statement))
			result->unseen = NULL;
		else if (result->unseen == NULL && !is_of_no_account(statement))
			result->unseen = statement->statement;
	}
}

List *
seam_check_history(List *scripts, const char *target_schema)
{
	MemoryContext result_context = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(result_context,
												  "remigrate history",
												  ALLOCSET_DEFAULT_SIZES);
	List	   *results = NIL;
	Model	   *model;
	int			guc_level;
	ListCell   *cell;

	foreach(cell, scripts)
	{
		SeamHistory *result = palloc0(sizeof(SeamHistory));

		result->script = lfirst(cell);
		results = lappend(results, result);
	}
	MemoryContextSwitchTo(context);
	guc_level = look_begin(target_schema);
	model = model_build(scripts, target_schema);
	foreach(cell, model->facts)
		check_fact(model, lfirst(cell), results, result_context);
	find_unseen(model, results);
	look_end(guc_level);
	MemoryContextSwitchTo(result_context);
	MemoryContextDelete(context);
	return results;
}

/* The last change of a fact in (from, to], or NULL. */
static const Change *
last_change(const Fact *fact, int from, int to)
{
	const Change *last = NULL;
	ListCell   *cell;

	foreach(cell, fact->changes)
	{
		const Change *change = lfirst(cell);

		if (change->statement > from && change->statement <= to)
			last = change;
	}
	return last;
}

/* Whether a fact that is so at a seam is otherwise at the end. */
static bool
is_overtaken(const Model *model, const Fact *fact, int seam)
{
	State		made;
	State		final;

	if (fact->object != NULL &&
		!(model_is_alive(fact->object, seam) &&
		  model_is_alive(fact->object, model->statement_count)))
		return false;
	if (!model_expected(fact, seam, &made) ||
		!model_expected(fact, model->statement_count, &final) ||
		final.presence == UNKNOWN)
		return false;
	return final.presence != made.presence ||
		(final.presence == PRESENT && fact->kind >= FIRST_PROPERTY &&
		 final.definition != NULL && final.definition != made.definition);
}

bool
seam_is_overtaken(const Script *script, int from, List *later,
				  const char *target_schema, SeamOvertaken *overtaken)
{
	MemoryContext result_context = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(result_context,
												  "remigrate history",
												  ALLOCSET_DEFAULT_SIZES);
	int			count = script->statement_count;
	bool		found = false;
	Model	   *model;
	ListCell   *cell;

	MemoryContextSwitchTo(context);
	model = model_build(lcons(unconstify(Script *, script), list_copy(later)),
						target_schema);
	foreach(cell, model->facts)
	{
		const Fact *fact = lfirst(cell);
		const Change *mine = last_change(fact, from, count);
		const Change *last = last_change(fact, count, model->statement_count);

		if (mine == NULL || last == NULL || !is_overtaken(model, fact, count))
			continue;
		overtaken->statement = model->statements[mine->statement].statement;
		overtaken->by = model->statements[last->statement].script;
		found = true;
		break;
	}
	MemoryContextSwitchTo(result_context);
	MemoryContextDelete(context);
	return found;
}
