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

#include "utils/memutils.h"

#include "look.h"
#include "model.h"
#include "seam.h"

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

/* What a definition refers to begins or ends, or comes to mean something else. */
static void
mark_definition(Seams *seams, const Definition *definition, int number)
{
	if (definition == NULL)
		return;
	mark_life(seams, definition->table, number);
	mark_life(seams, definition->other, number);
	if (definition->node == NULL)
		return;
	if (IsA(definition->node, ColumnDef))
		mark_life(seams,
				  model_type_meant(seams->model, definition,
								   ((ColumnDef *) definition->node)->typeName),
				  number);
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

/* --- what each statement shows --- */

/* How one side of a statement's facts stands to the catalog. */
typedef struct Side
{
	int			known;			/* facts that expect something */
	int			standing;
	int			voids;			/* what they are about needn't be there */
	Look		failure;		/* the first that doesn't stand */
	const char *failed_expectation;
	bool		failed_property;	/* the object is there */
	const char *first_expectation;
	const char *first_found;
} Side;

static const char *
expectation(const Fact *fact, const State *expected, int seam)
{
	const char *subject = look_subject(fact, expected, seam);

	return expected->presence == ABSENT ? psprintf("no %s", subject) : subject;
}

static void
look_at_side(const Model *model, const Fact *fact, const State *expected,
			 int seam, Side *side)
{
	Look		look;

	if (expected->presence == UNKNOWN)
		return;
	if (fact->object != NULL && !model_is_alive(fact->object, seam))
		return;
	look_at(model, fact, expected, seam, &look);
	if (side->known++ == 0)
	{
		side->first_expectation = expectation(fact, expected, seam);
		side->first_found = look.found;
	}
	if (look.is_void)
		side->voids++;
	if (look_stands(&look))
		side->standing++;
	else if (side->failed_expectation == NULL ||
			 (look.result == LOOK_INVALID &&
			  side->failure.result != LOOK_INVALID))
	{
		side->failure = look;
		side->failed_expectation = expectation(fact, expected, seam);
		side->failed_property = fact->kind >= FIRST_PROPERTY;
	}
}

/* Whether a statement in (from, to] changes a fact. */
static bool
changes_between(const Fact *fact, int from, int to)
{
	ListCell   *cell;

	foreach(cell, fact->changes)
	{
		const Change *change = lfirst(cell);

		if (change->statement > from && change->statement <= to)
			return true;
	}
	return false;
}

/*
 * Looks at what a statement needs and leaves.  Where the schema stands at a
 * seam behind it, only what no later statement has changed can be seen.
 */
static void
look_at_statement(const Model *model, int number, int seam, Side *before,
				  Side *after)
{
	ListCell   *cell;

	foreach(cell, model->statements[number].facts)
	{
		const StatementFact *entry = lfirst(cell);
		int			before_seam = seam < 0 ? number - 1 : Min(seam, number - 1);
		int			after_seam = Max(seam, number);

		if (!changes_between(entry->fact, before_seam, number - 1))
			look_at_side(model, entry->fact, &entry->change->before,
						 before_seam, before);
		if (!changes_between(entry->fact, number, after_seam))
			look_at_side(model, entry->fact, &entry->change->after, after_seam,
						 after);
	}
}

/* What the statement's own facts say. */
static StatementState
judge_alone(const StatementModel *statement, const Side *before,
			const Side *after)
{
	bool		needs = before->standing == before->known;
	bool		left = after->standing == after->known;

	if (after->failed_expectation != NULL &&
		after->failure.result == LOOK_INVALID)
		return STATEMENT_INVALID;
	if (statement->facts == NIL)
		return statement->opaque || !statement->repeatable ?
			STATEMENT_OPAQUE : STATEMENT_NO_EVIDENCE;
	if (left && needs)
		return statement->opaque ? STATEMENT_OPAQUE : STATEMENT_NO_EVIDENCE;
	if (left)
		return STATEMENT_DONE;
	return needs ? STATEMENT_NOT_DONE : STATEMENT_DIFFERS;
}

/* What shows in no fact of its own may follow from where the schema stands. */
static StatementState
judge(const Model *model, int number, const Seam *seam, const Side *before,
	  const Side *after)
{
	StatementState state = judge_alone(&model->statements[number], before,
									   after);

	if (state != STATEMENT_NO_EVIDENCE || seam->smallest < 0 ||
		model->statements[number].facts == NIL)
		return state;
	if (number <= seam->smallest)
		return STATEMENT_DONE;
	return number > seam->largest ? STATEMENT_NOT_DONE : state;
}

/*
 * Whether data that the statement drops is there, now, under the name that it
 * had at first.
 */
static bool
drops_existing(const Model *model, int number)
{
	ListCell   *cell;

	foreach(cell, model->statements[number].losses)
	{
		const Object *lost = lfirst(cell);
		int			seam = 0;

		for (const Object *object = lost; object != NULL;
			 object = object->parent)
			seam = Max(seam, object->born);
		if (look_exists(model, lost, seam))
			return true;
	}
	return false;
}

/*
 * Whether a statement renames what is there, though the schema looks as it
 * does before and after: names are swapped, and none of them tells what it
 * stands for.
 */
static bool
swaps(const Model *model, int number, const Seam *seam)
{
	const Object *object = number > seam->smallest && number <= seam->largest ?
		model_renamed(model, number, seam->smallest, seam->largest) : NULL;

	return object != NULL && look_exists(model, object, seam->smallest) &&
		look_exists(model, object, seam->largest);
}

static bool
was_lost(const Object *object)
{
	for (; object != NULL; object = object->parent)
		if (object->lost)
			return true;
	return false;
}

/*
 * Whether all that a statement does is there at a seam behind it, or has been
 * done away with by a statement before that seam.
 */
static bool
shows_fully(const Model *model, int number, int seam)
{
	ListCell   *cell;

	foreach(cell, model->statements[number].facts)
	{
		const StatementFact *entry = lfirst(cell);
		const Fact *fact = entry->fact;
		State		expected;
		Look		look;

		if (fact->object != NULL && !model_is_alive(fact->object, seam))
		{
			if (was_lost(fact->object))
				return false;
			continue;
		}
		if (!model_expected(fact, seam, &expected))
		{
			if (entry->change->after.presence != UNKNOWN)
				return false;
			continue;
		}
		if (changes_between(fact, number, seam))
			continue;
		look_at(model, fact, &expected, seam, &look);
		if (look.result != LOOK_AGREES)
			return false;
	}
	return true;
}

/*
 * Whether a statement that is not past the largest seam could be left out: it
 * would change nothing.
 */
static bool
is_skippable(const Model *model, int number, const Seam *seam,
			 const SeamEvidence *evidence, bool is_void)
{
	const StatementModel *statement = &model->statements[number];

	if (statement->opaque || number <= seam->smallest ||
		number > seam->largest)
		return false;
	return statement->session || is_void ||
		(statement->pure && !evidence->drops_existing && !evidence->swaps &&
		 shows_fully(model, number, seam->largest));
}

/* What the decision needs to know of a statement. */
static void
gather_evidence(const Model *model, int number, const Seam *seam,
				SeamEvidence *evidence)
{
	const StatementModel *statement = &model->statements[number];
	Side		before = {0};
	Side		after = {0};
	bool		is_void;

	look_at_statement(model, number, seam->smallest, &before, &after);
	/* ALTER TABLE IF EXISTS of nothing. */
	is_void = !statement->opaque && after.known > 0 &&
		after.voids == after.known && before.voids == before.known;
	evidence->repeatable = statement->repeatable || is_void ||
		(statement->insert != NULL && look_insert_repeats(statement->insert));
	evidence->session = statement->session;
	evidence->drops_existing = drops_existing(model, number);
	evidence->swaps = swaps(model, number, seam);
	evidence->skippable = is_skippable(model, number, seam, evidence, is_void);
}

/* What people want to know of it, once it is decided where the schema stands. */
static void
describe_evidence(const Model *model, int number, const Seam *seam,
				  SeamEvidence *evidence)
{
	Side		before = {0};
	Side		after = {0};
	const Side *telling = &after;

	look_at_statement(model, number,
					  seam->smallest < 0 ? -1 : seam->resume_from,
					  &before, &after);
	evidence->state = judge(model, number, seam, &before, &after);
	evidence->invalid_index = evidence->state == STATEMENT_INVALID ?
		after.failure.invalid_index : InvalidOid;

	/* Not that it isn't there is worth knowing, but what is in the way. */
	if (evidence->state == STATEMENT_DIFFERS && !after.failed_property &&
		after.failure.result == LOOK_MISSING)
		telling = &before;
	evidence->expected = telling->failed_expectation != NULL ?
		telling->failed_expectation : telling->first_expectation;
	evidence->found = telling->failed_expectation != NULL ?
		telling->failure.found : telling->first_found;
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
								script_command_name(model->statements[i + 1].statement),
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
		gather_evidence(seams->model, i, seam, &seam->evidence[i - 1]);
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
		describe_evidence(model, i, seam, &seam->evidence[i - 1]);
	look_end(guc_level);

	MemoryContextSwitchTo(result_context);
	keep(seam, script->statement_count);
	MemoryContextDelete(context);
	return seam;
}
