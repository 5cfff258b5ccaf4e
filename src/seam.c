/*-------------------------------------------------------------------------
 *
 * seam.c
 *	  Decides how much of a script the schema already holds.
 *
 * Every fact is compared once for each stretch of seams over which neither
 * what is expected of it nor a name changes; a stretch that the catalog
 * contradicts rules its seams out.  What is left decides.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "look.h"
#include "model.h"
#include "seam.h"
#include "seam_evidence.h"
#include "statement.h"

/* --- which seams are consistent --- */

typedef struct Seams
{
	const Model *model;
	int			count;			/* of statements; there is one seam more */
	bool	   *ruled_out;		/* by seam */
	int		   *marks;			/* by seam: the last fact that changes there */
} Seams;

static void
mark(Seams *seams, int seam, int fact)
{
	if (seam >= 0 && seam <= seams->count)
		seams->marks[seam] = fact;
}

static void
mark_all(Seams *seams, const List *statements, int number)
{
	ListCell   *cell;

	foreach(cell, statements)
		mark(seams, lfirst_int(cell), number);
}

/* An object, or what it is part of, begins or ends, surely or perhaps. */
static void
mark_life(Seams *seams, const Object *object, int number)
{
	for (; object != NULL; object = object->parent)
	{
		ListCell   *cell;

		mark(seams, object->born, number);
		mark(seams, object->died, number);
		foreach(cell, object->names)
		{
			int			seam = ((ObjectName *) lfirst(cell))->seam;
			const Fact *fact = model_existence_at(seams->model, object, seam);
			ListCell   *change;

			if (fact == NULL)
				continue;
			foreach(change, fact->changes)
				mark(seams, ((Change *) lfirst(change))->statement, number);
		}
	}
}

/* A type that the script knows begins or ends. */
static void
mark_type(Seams *seams, const Definition *definition, const TypeName *name,
		  int number)
{
	mark_life(seams, model_type_meant(seams->model, definition, name), number);
}

/* So do those of a function's arguments, and what it returns. */
static void
mark_function(Seams *seams, const Object *function, int number)
{
	ListCell   *cell;

	if (function == NULL || function->signature == NULL)
		return;
	foreach(cell, function->arguments)
		mark_type(seams, function->signature, lfirst_node(TypeName, cell),
				  number);
}

/* What a definition refers to begins or ends, or comes to mean something else. */
static void
mark_definition(Seams *seams, const Definition *definition, int number)
{
	if (definition == NULL)
		return;
	mark_life(seams, definition->table, number);
	mark_life(seams, definition->other, number);
	mark_all(seams, model_retypings(seams->model, definition), number);
	if (definition->node == NULL)
		return;
	if (IsA(definition->node, ColumnDef))
		mark_type(seams, definition,
				  ((ColumnDef *) definition->node)->typeName, number);
	else if (IsA(definition->node, CreateFunctionStmt) &&
			 ((CreateFunctionStmt *) definition->node)->returnType != NULL)
		mark_type(seams, definition,
				  ((CreateFunctionStmt *) definition->node)->returnType, number);
	else if (model_has_star(definition))
		mark_all(seams, seams->model->additions, number);
}

/* What is to be there no more may go with something else. */
static void
mark_sheddings(Seams *seams, const Fact *fact, int number)
{
	ListCell   *cell;

	if (((Change *) linitial(fact->changes))->before.presence == PRESENT)
		return;
	foreach(cell, seams->model->sheddings)
	{
		const Object *object = lfirst(cell);

		mark_life(seams, object, number);
		mark_all(seams, object->sheds, number);
		mark_all(seams, object->cascades, number);
	}
}

/* Marks the seams at which an expectation of a fact may begin or end. */
static void
mark_changes(Seams *seams, const Fact *fact, int number)
{
	ListCell   *cell;

	mark(seams, 0, number);
	mark_all(seams, seams->model->renames, number);
	mark_all(seams, seams->model->label_renames, number);
	mark_life(seams, fact->object, number);
	foreach(cell, fact->changes)
	{
		const Change *change = lfirst(cell);

		mark(seams, change->statement, number);
		mark_definition(seams, change->before.definition, number);
		mark_definition(seams, change->after.definition, number);
		mark_function(seams, change->before.object, number);
		mark_function(seams, change->after.object, number);
	}
	if (fact->kind == FACT_DEFAULT)
		foreach(cell, model_changes(fact->object, FACT_COLUMN_TYPE))
			mark(seams, ((Change *) lfirst(cell))->statement, number);
	if (fact->kind == FACT_FUNCTION || fact->kind == FACT_TYPE)
		mark_all(seams, seams->model->type_changes, number);
	if (fact->kind < FIRST_PROPERTY)
		mark_sheddings(seams, fact, number);
}

static void
rule_out_by(Seams *seams, const Fact *fact, int number)
{
	bool		stands = true;

	CHECK_FOR_INTERRUPTS();
	mark_changes(seams, fact, number);
	for (int seam = 0; seam <= seams->count; seam++)
	{
		if (seams->marks[seam] == number)
		{
			State		expected;
			Look		look;

			stands = true;
			if (model_expected(fact, seam, &expected))
			{
				look_at(seams->model, fact, &expected, seam, &look);
				stands = look_stands(&look);
			}
		}
		if (!stands)
			seams->ruled_out[seam] = true;
	}
}

static void
find_consistent(Seams *seams, const Model *model)
{
	ListCell   *cell;

	seams->model = model;
	seams->count = model->statement_count;
	seams->ruled_out = palloc0_array(bool, seams->count + 1);
	seams->marks = palloc_array(int, seams->count + 1);
	for (int i = 0; i <= seams->count; i++)
		seams->marks[i] = -1;
	foreach(cell, model->facts)
		rule_out_by(seams, lfirst(cell), foreach_current_index(cell));
}

/* --- the decision --- */

/*
 * How far one may go from a seam to another one without a loss: over
 * statements that would change nothing any more.  Returns a consistent seam.
 */
static int
advance(const Seam *seam, const Seams *seams, int from)
{
	int			reached = from;

	for (int i = from; i < seam->largest && seam->evidence[i].skippable; i++)
		if (!seams->ruled_out[i + 1])
			reached = i + 1;
	return reached;
}

static void
decide_fresh(Seam *seam)
{
	seam->verdict = SEAM_FRESH;
	seam->resume_from = 0;
	seam->reason = "nothing of it is there";
	for (int i = 0; i < seam->largest; i++)
	{
		const SeamEvidence *evidence = &seam->evidence[i];

		if (!evidence->drops_existing && !evidence->swaps)
			continue;
		seam->verdict = SEAM_UNDECIDABLE;
		seam->reason = psprintf("the schema looks as it does before statement 1, but also as it does after statement %d, and statement %d would %s what is there",
								seam->largest, i + 1,
								evidence->swaps ? "rename" : "drop");
		return;
	}
	if (seam->largest > 0)
		seam->reason = psprintf("the schema looks as it does before statement 1, but also as it does after statement %d",
								seam->largest);
}

static void
decide_resume(Seam *seam, const Model *model, int from)
{
	int			count = model->statement_count;

	seam->resume_from = from;
	for (int i = from; i < seam->largest; i++)
	{
		const SeamEvidence *evidence = &seam->evidence[i];

		/* What is dropped, if it exists, may have been made anew since. */
		if (evidence->repeatable && !evidence->drops_existing)
			continue;
		seam->verdict = SEAM_UNDECIDABLE;
		seam->reason = psprintf("the schema does not show whether statement %d (%s) has run%s",
								i + 1,
								statement_command_name(model->statements[i + 1].statement),
								evidence->repeatable ?
								", and it would drop what is there" : "");
		return;
	}
	if (from == count)
	{
		seam->verdict = SEAM_COMPLETE;
		seam->reason = "all of it is there";
		return;
	}
	seam->verdict = SEAM_RESUME;
	seam->reason = psprintf("the schema looks as it does after statement %d of %d",
							from, count);
}

/* What the script rules out itself no seam makes possible. */
static int
impossible_statement(const Model *model)
{
	for (int i = 1; i <= model->statement_count; i++)
		if (model->statements[i].impossible)
			return i;
	return 0;
}

/*
 * Where nothing shows that a statement has run, the script is run from its
 * beginning; but if no statement up to the largest seam would change
 * anything, then that is as good a place.
 */
static void
decide(Seam *seam, const Seams *seams)
{
	const Model *model = seams->model;
	int			impossible = impossible_statement(model);
	int			from;

	if (seam->smallest < 0)
	{
		seam->verdict = SEAM_CONTRADICTS;
		seam->resume_from = 0;
		seam->reason = "the schema looks like no stage of the script";
		return;
	}
	from = advance(seam, seams, seam->smallest);
	if (seam->smallest == 0 && (from < seam->largest || from == 0))
		decide_fresh(seam);
	else if (impossible > 0)
	{
		seam->verdict = SEAM_CONTRADICTS;
		seam->resume_from = 0;
		seam->reason = psprintf("statement %d contradicts what the script did before it",
								impossible);
	}
	else
		decide_resume(seam, model, from);
}

static void
fill_in(Seam *seam, const Seams *seams, int at_least)
{
	seam->smallest = -1;
	seam->largest = -1;
	for (int i = Max(at_least, 0); i <= seams->count; i++)
	{
		if (seams->ruled_out[i])
			continue;
		if (seam->smallest < 0)
			seam->smallest = i;
		seam->largest = i;
	}
	for (int i = 1; i <= seams->count; i++)
		seam_gather_evidence(seams->model, i, seam, &seam->evidence[i - 1]);
}

static const char *
copy_text(const char *text)
{
	return text == NULL ? NULL : pstrdup(text);
}

/* Copies the texts of a seam into the current memory context. */
static void
keep(Seam *seam, int count)
{
	seam->reason = copy_text(seam->reason);
	for (int i = 0; i < count; i++)
	{
		seam->evidence[i].expected = copy_text(seam->evidence[i].expected);
		seam->evidence[i].found = copy_text(seam->evidence[i].found);
	}
}

Seam *
seam_find(const Script *script, const char *target_schema, int at_least)
{
	Seam	   *seam = palloc0(sizeof(Seam));
	MemoryContext result_context = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(result_context,
												  "remigrate seam",
												  ALLOCSET_DEFAULT_SIZES);
	Model	   *model;
	Seams		seams;
	int			guc_level;

	seam->evidence = palloc0_array(SeamEvidence,
								   Max(script->statement_count, 1));
	MemoryContextSwitchTo(context);
	guc_level = look_begin(target_schema);
	model = model_build(list_make1(unconstify(Script *, script)),
						target_schema);
	find_consistent(&seams, model);
	fill_in(seam, &seams, at_least);
	decide(seam, &seams);
	for (int i = 1; i <= script->statement_count; i++)
		seam_describe_evidence(model, i, seam, &seam->evidence[i - 1]);
	look_end(guc_level);

	MemoryContextSwitchTo(result_context);
	keep(seam, script->statement_count);
	MemoryContextDelete(context);
	return seam;
}
