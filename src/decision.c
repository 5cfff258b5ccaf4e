/*-------------------------------------------------------------------------
 *
 * decision.c
 *	  How much of a migration is applied already, and what to do about it.
 *
 * "Already exists" does not say that the thing is there: the name can be that
 * of a leftover constraint, of a table of another application, of an index
 * that was never finished.  So an error of that kind is no proof; it is a
 * reason to look which prefix of the script the schema looks like.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "decision.h"
#include "errors.h"
#include "event.h"
#include "failure.h"
#include "history.h"
#include "seam.h"
#include "statement.h"

/* The longest list of statements that a primary message carries. */
#define MESSAGE_LIST_BYTES 600

JournalDoubt
decision_doubt(const Migration *migration, const JournalFinding *finding)
{
	if (finding->verdict == JOURNAL_CLAIMS)
		return DOUBT_CLAIM;
	/* Who wants no look after an error wants none before. */
	if (migration->policy.on_duplicate != DUPLICATE_RESUME)
		return DOUBT_NONE;
	if (!finding->any_applied &&
		journal_schema_has_tables(migration->schema_oid))
		return DOUBT_NO_JOURNAL;
	if (finding->last_not_run &&
		event_last_outcome_is(migration->schema,
							  outcome_name(OUTCOME_ALREADY_APPLIED)))
		return DOUBT_ADOPTED;
	return DOUBT_NONE;
}

static Decision
run_from(int from)
{
	return (Decision)
	{
		.kind = DECISION_RUN,
			.from = from
	};
}

/* A decision that rests on what the look has found, and says so. */
static Decision
by_evidence(DecisionKind kind, int from, const Script *script,
			const Seam *seam)
{
	Decision	decision = {
		.kind = kind,
		.from = from,
		.logs = psprintf("remigrate: %s", seam_summary(script, seam)),
		.evidence = seam_evidence_json(script, seam)
	};

	ereport(NOTICE,
			(errmsg("%s: %s", script->subject, seam_summary(script, seam))));
	return decision;
}

/* The list on one line, for channels that carry the message alone. */
static char *
list_for_message(const Script *script, const Seam *seam)
{
	StringInfoData list;

	initStringInfo(&list);
	for (const char *c = seam_report(script, seam); *c != '\0'; c++)
		if (*c == '\n')
			appendStringInfoString(&list, ", ");
		else
			appendStringInfoChar(&list, *c);
	if (list.len > MESSAGE_LIST_BYTES)
		return "";
	return psprintf(" (statements: %s)", list.data);
}

static void
refuse_undecidable(const Migration *migration, const Seam *seam,
				   JournalDoubt doubt)
{
	const Script *script = migration->script;

	ereport(ERROR,
			(errcode(ERRCODE_REMIGRATE_UNDECIDABLE),
			 errmsg("%s was not run: %snobody can tell how much of it is applied already: %s%s",
					script->subject,
					doubt == DOUBT_CLAIM ?
					"the journal calls it applied, but without a checksum, and " : "",
					seam->reason, list_for_message(script, seam)),
			 errdetail("%s", seam_report(script, seam)),
			 doubt == DOUBT_CLAIM ?
			 errhint("With all migrations staged, remigrate.repair() checks such claims over the whole history. Else find out, then accept the claim with remigrate.resolve(name, 'edited', script), or call again with resume_at => the number of the first statement that is not done.") :
			 errhint("Find out, then call again with resume_at => the number of the first statement that is not done, or mark the migration as applied with remigrate.resolve(name, 'applied', script)."),
			 errhidestmt(true)));
}

/*
 * What is missing of a migration may be missing because a later one has done
 * away with it.
 */
static void
refuse_overtaken(const Migration *migration, const Seam *seam, int from)
{
	const Script *script = migration->script;
	SeamOvertaken overtaken;

	if (!seam_is_overtaken(script, from,
						   history_applied_after(migration->schema,
												 migration->name),
						   migration->schema, &overtaken))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_REMIGRATE_UNDECIDABLE),
			 errmsg("%s was not run: the journal calls it applied, but without a checksum; part of it is missing, but statement %d (%s) would now undo what %s has done since",
					script->subject, overtaken.statement->number,
					statement_command_name(overtaken.statement),
					overtaken.by->subject),
			 errdetail("%s", seam_report(script, seam)),
			 errhint("Do by hand what is still missing of it, then accept the claim with remigrate.resolve(name, 'edited', script); or call again with resume_at => the number of the first statement that is to be run."),
			 errhidestmt(true)));
}

/* Whether all statements that may or may not be done can be run once more. */
static bool
may_run_again(const Seam *seam)
{
	for (int i = Max(seam->smallest, 0); i < seam->largest; i++)
		if (!seam->evidence[i].repeatable)
			return false;
	return true;
}

static Decision
decide_by_look(const Migration *migration, JournalDoubt doubt,
			   const Seam *seam)
{
	const Script *script = migration->script;

	switch (seam->verdict)
	{
		case SEAM_COMPLETE:
			/* What could be passed over is no sign that it has run. */
			if (seam->smallest == 0 && doubt != DOUBT_CLAIM)
				return run_from(0);
			return by_evidence(DECISION_FOUND, 0, script, seam);
		case SEAM_RESUME:
			if (seam->smallest == 0)
				return run_from(0);
			return by_evidence(DECISION_RUN, seam->resume_from, script, seam);
		case SEAM_FRESH:
			/* A claim about what leaves no trace can't be checked. */
			if (doubt == DOUBT_CLAIM && script->statement_count == 0)
				return (Decision)
			{
				.kind = DECISION_FOUND,
					.logs = "remigrate: there is nothing in it to run"
			};
			if (doubt == DOUBT_CLAIM && !may_run_again(seam))
				refuse_undecidable(migration, seam, doubt);
			return run_from(0);
		case SEAM_CONTRADICTS:
			if (doubt == DOUBT_CLAIM)
				refuse_undecidable(migration, seam, doubt);
			/* Its first error will tell, with what the look finds then. */
			return run_from(0);
		case SEAM_UNDECIDABLE:
			break;
	}
	refuse_undecidable(migration, seam, doubt);
	pg_unreachable();
}

Decision
decide_before_run(const Migration *migration, JournalDoubt doubt)
{
	int			resume_at = migration->policy.resume_at;
	Decision	decision;
	Seam	   *seam;

	if (resume_at != RESUME_AT_UNSET)
	{
		decision = run_from(resume_at - 1);
		if (resume_at > 1)
			decision.logs = psprintf("remigrate: run from statement %d on, by resume_at",
									 resume_at);
		return decision;
	}
	if (doubt == DOUBT_NONE)
		return run_from(0);
	seam = seam_find(migration->script, migration->schema, 0);
	decision = decide_by_look(migration, doubt, seam);
	if (doubt == DOUBT_CLAIM && decision.kind == DECISION_RUN)
		refuse_overtaken(migration, seam, decision.from);
	return decision;
}

/*
 * Whether an error can mean that a statement has been run before: its object
 * is there already, or what it would change or drop is not there any more.
 */
static bool
may_be_done_already(const ErrorData *error, const ScriptStatement *statement)
{
	switch (error->sqlerrcode)
	{
		case ERRCODE_UNDEFINED_TABLE:
		case ERRCODE_UNDEFINED_COLUMN:
		case ERRCODE_UNDEFINED_OBJECT:
		case ERRCODE_UNDEFINED_FUNCTION:
		case ERRCODE_UNDEFINED_SCHEMA:
		case ERRCODE_WRONG_OBJECT_TYPE: /* a view that gave way to a table */
		case ERRCODE_INVALID_TABLE_DEFINITION:	/* a second primary key */
		case ERRCODE_INVALID_TEXT_REPRESENTATION:	/* an enum value that went */
		case ERRCODE_DATATYPE_MISMATCH: /* a column of its new type */
			return true;
		case ERRCODE_INVALID_PARAMETER_VALUE:	/* an enum value renamed */
			return IsA(statement->raw->stmt, AlterEnumStmt);
		case ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE:	/* an identity column */
			return IsA(statement->raw->stmt, AlterTableStmt);
		default:
			return failure_is_duplicate(error);
	}
}

static Decision
take_at_its_word(const ScriptPosition *position, const ErrorData *error)
{
	return (Decision)
	{
		.kind = DECISION_FOUND,
			.logs = psprintf("remigrate: taken as already applied, by on_duplicate => skip: statement %d of %d (line %d): %s (SQLSTATE %s)",
							 position->statement->number,
							 position->script->statement_count,
							 position->statement->line, error->message,
							 unpack_sql_state(error->sqlerrcode))
	};
}

static void
add_detail(ErrorData *error, const Script *script, const Seam *seam)
{
	error->detail = psprintf("%s%s%s:\n%s",
							 error->detail ? error->detail : "",
							 error->detail ? "\n" : "",
							 "The schema looks like no beginning of the script",
							 seam_report(script, seam));
	for (int i = 0; i < script->statement_count; i++)
		if (seam->evidence[i].state == STATEMENT_INVALID && error->hint == NULL)
			error->hint = "Drop the invalid index. What an interrupted CREATE INDEX CONCURRENTLY has left is built anew by CALL remigrate.migrate() with that same statement.";
}

Decision
decide_after_error(const Migration *migration, const ScriptPosition *position,
				   ErrorData *error, int from)
{
	const Script *script = migration->script;
	Decision	failed = {.kind = DECISION_FAILED};
	Seam	   *seam;

	/* What a trigger or a function ran into says nothing of the script. */
	if (position->statement == NULL || !position->raised_by_statement)
		return failed;
	if (migration->policy.on_duplicate == DUPLICATE_SKIP)
		return failure_is_duplicate(error) ?
			take_at_its_word(position, error) : failed;
	if (migration->policy.on_duplicate == DUPLICATE_ERROR ||
		!may_be_done_already(error, position->statement))
		return failed;

	seam = seam_find(script, migration->schema, from);
	switch (seam->verdict)
	{
		case SEAM_COMPLETE:
			return by_evidence(DECISION_FOUND, 0, script, seam);
		case SEAM_RESUME:
			if (seam->resume_from > from)
				return by_evidence(DECISION_RUN, seam->resume_from, script, seam);
			return failed;
		case SEAM_UNDECIDABLE:
			refuse_undecidable(migration, seam, DOUBT_NONE);
			pg_unreachable();
		case SEAM_CONTRADICTS:
			add_detail(error, script, seam);
			return failed;
		case SEAM_FRESH:
			return failed;
	}
	pg_unreachable();
}
