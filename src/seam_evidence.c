/*-------------------------------------------------------------------------
 *
 * seam_evidence.c
 *	  What each statement of a script shows of where the schema stands.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "look.h"
#include "model.h"
#include "seam_evidence.h"

/* How one side of a statement's facts stands to the catalog. */
typedef struct Side
{
	int			known;			/* facts that expect something */
	int			standing;
	int			voids;			/* what they are about needn't be there */
	Look		failure;		/* the first that doesn't stand */
	const char *failed_expectation;
	const Fact *failed_fact;
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

	if (expected->presence == UNKNOWN || !model_applies(fact, expected, seam))
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
		side->failed_fact = fact;
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

/*
 * Whether a statement drops or makes what holds nothing but code.  From a seam
 * that is consistent it may be run again with those around it: what they drop
 * they make anew.
 */
static bool
is_of_code(const ScriptStatement *statement)
{
	const Node *node = statement->raw->stmt;
	const DropStmt *drop;

	if (!IsA(node, DropStmt))
		return IsA(node, CreateFunctionStmt) || IsA(node, ViewStmt) ||
			IsA(node, CreateTrigStmt) || IsA(node, CreatePolicyStmt);
	drop = (const DropStmt *) node;
	return drop->behavior == DROP_RESTRICT &&
		(drop->removeType == OBJECT_FUNCTION ||
		 drop->removeType == OBJECT_PROCEDURE ||
		 drop->removeType == OBJECT_ROUTINE ||
		 drop->removeType == OBJECT_VIEW ||
		 drop->removeType == OBJECT_TRIGGER ||
		 drop->removeType == OBJECT_POLICY);
}

void
seam_gather_evidence(const Model *model, int number, const Seam *seam,
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
		(statement->pure && !statement->opaque &&
		 is_of_code(statement->statement)) ||
		(statement->insert != NULL && look_insert_repeats(statement->insert));
	evidence->session = statement->session;
	evidence->drops_existing = drops_existing(model, number);
	evidence->swaps = swaps(model, number, seam);
	evidence->skippable = is_skippable(model, number, seam, evidence, is_void);
}

/*
 * Whether something fails of what is there: to know what is worth more than
 * that a thing of its name is in the way.
 */
static bool
fails_within(const Side *after, int number)
{
	const Fact *fact = after->failed_fact;

	return fact != NULL &&
		(fact->kind >= FIRST_PROPERTY ||
		 (fact->object != NULL && fact->object->born == number));
}

void
seam_describe_evidence(const Model *model, int number, const Seam *seam,
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
	if (evidence->state == STATEMENT_DIFFERS &&
		after.failure.result == LOOK_MISSING && !fails_within(&after, number))
		telling = &before;
	evidence->expected = telling->failed_expectation != NULL ?
		telling->failed_expectation : telling->first_expectation;
	evidence->found = telling->failed_expectation != NULL ?
		telling->failure.found : telling->first_found;
}
