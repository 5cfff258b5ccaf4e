/*-------------------------------------------------------------------------
 *
 * migrate.c
 *	  One migration in transactions of its own.
 *
 * What happened is on record before its error is raised: rolled back, so that
 * Prisma and we simply try again, where nothing of it remains; as failed,
 * with how far it got, where a part of it is committed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "blocker.h"
#include "decision.h"
#include "errors.h"
#include "event.h"
#include "failure.h"
#include "lock.h"
#include "migrate.h"
#include "outside.h"
#include "registry.h"
#include "run.h"
#include "session.h"
#include "statement.h"
#include "transaction.h"

/* How long the record of a failure may wait for the journal's lock. */
#define RECORD_LOCK_TIMEOUT "5s"

static void
refuse_changed_prefix(const Migration *migration, int begun)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s was not run: an earlier attempt got as far as statement %d, and the statements up to there have changed since",
					migration->script->subject, begun),
			 errhint("Send the script with those statements as they were, or name the statement to go on from in resume_at."),
			 errhidestmt(true)));
}

static void
refuse_unknown_statement(const Migration *migration,
						 const ScriptStatement *statement)
{
	ereport(ERROR,
			(errcode(ERRCODE_REMIGRATE_UNDECIDABLE),
			 errmsg("%s was not run: an earlier attempt was interrupted at statement %d of %d (line %d), %s, and nothing shows whether it happened",
					migration->script->subject, statement->number,
					migration->script->statement_count, statement->line,
					statement_command_name(statement)),
			 errhint("Find out, then call again with resume_at => %d if it happened, or resume_at => %d if it did not.",
					 statement->number + 1, statement->number),
			 errhidestmt(true)));
}

/*
 * Whether a statement has happened.  Its names mean what they mean to it, by
 * what the script has SET until then.  Needs an active snapshot.
 */
static OutsideState
look_at_outside(MigrationRun *run, const ScriptStatement *statement,
				bool raised_error)
{
	const Migration *migration = run->migration;
	ScriptPosition position = {.script = migration->script};
	int			guc_level = NewGUCNestLevel();
	OutsideState state;

	execute_prepare_settings(migration->schema,
							 migration->policy.lock_timeout, false);
	execute_settings(&position, 0, statement->number - 1, false);
	state = outside_look(migration->script, statement, migration->schema,
						 raised_error).state;
	AtEOXact_GUC(false, guc_level);
	return state;
}

/* How many statements are done, where one was running when we last heard. */
static int
count_after_interruption(MigrationRun *run, const RegistryEntry *entry)
{
	const ScriptStatement *statement =
		&run->migration->script->statements[entry->statement_running - 1];

	switch (look_at_outside(run, statement, false))
	{
		case OUTSIDE_DONE:
			return entry->statement_running;
		case OUTSIDE_UNKNOWN:
			refuse_unknown_statement(run->migration, statement);
			pg_unreachable();
		default:
			return entry->statement_running - 1;
	}
}

/* Goes on with what an earlier attempt has left, if our record tells how. */
static void
resume_attempt(MigrationRun *run, const JournalRow *unfinished,
			   const RegistryEntry *entry)
{
	const Migration *migration = run->migration;
	char		prefix[CHECKSUM_SIZE];
	int			begun;

	run->journal_id = unfinished->id;
	if (migration->policy.resume_at != RESUME_AT_UNSET)
		return;
	if (entry == NULL || entry->state != REGISTRY_RUNNING ||
		strcmp(entry->journal_id, unfinished->id) != 0)
		migration_refuse_unfinished(migration,
									"How far it got is not known here: find out, and name the statement to go on from in resume_at");
	begun = Max(entry->statements_done, entry->statement_running);
	if (begun > migration->script->statement_count)
		refuse_changed_prefix(migration, begun);
	script_prefix_checksum(migration->script, begun, prefix);
	if (strcmp(prefix, entry->prefix_checksum) != 0)
		refuse_changed_prefix(migration, begun);
	run->first = entry->statements_done;
	if (entry->statement_running > 0)
		run->first = count_after_interruption(run, entry);
}

/*
 * What of a migration that is not known to be applied is to be run.  Returns
 * the outcome where that is nothing, else OUTCOME_APPLIED.
 */
static Outcome
prepare_unknown(MigrationRun *run, const Journal *journal,
				const JournalFinding *finding, const RegistryEntry *entry)
{
	const Migration *migration = run->migration;
	JournalDoubt doubt = decision_doubt(migration, finding);

	if (finding->unfinished != NULL)
	{
		if (migration->policy.resume_at != RESUME_AT_UNSET)
			run->first = migration->policy.resume_at - 1;
		resume_attempt(run, finding->unfinished, entry);
		return OUTCOME_APPLIED;
	}
	if (entry != NULL && entry->state == REGISTRY_RUNNING)
		/* Whoever resolved its journal row has taken it out of our hands. */
		registry_record_undone(migration->schema, migration->name);
	run->decision = decide_before_run(migration, doubt);
	run->first = run->decision.from;
	if (run->decision.kind != DECISION_FOUND)
		return OUTCOME_APPLIED;
	if (doubt == DOUBT_CLAIM)
	{
		migration_record_healed(migration, journal, run->decision.logs,
								run->decision.evidence);
		return OUTCOME_HEALED;
	}
	run_record_end(run, OUTCOME_ALREADY_APPLIED, 0, &run->decision);
	return OUTCOME_ALREADY_APPLIED;
}

/*
 * Looks at journal and registry, and makes the journal where there is none.
 * Returns the outcome where there is nothing to run, else OUTCOME_APPLIED.
 */
static Outcome
prepare_run(MigrationRun *run)
{
	Migration  *migration = run->migration;
	Outcome		outcome = OUTCOME_UNCHANGED;
	JournalFinding finding;
	const RegistryEntry *entry;
	Journal    *journal;

	transaction_make_writable();
	execute_limit_locks(migration->policy.lock_timeout, true);
	PushActiveSnapshot(GetTransactionSnapshot());
	journal = journal_open_or_create(migration->schema_oid);
	run->journal_relation = journal->relation;
	finding = migration_find(migration, journal);
	if (migration->entry == NULL)
		migration->entry = registry_entry(migration->schema, migration->name);
	entry = migration->entry;
	if (entry != NULL)
		run->last_sqlstate = entry->last_sqlstate;
	if (!migration_is_known(migration, journal, &finding))
	{
		migration_parse(migration);
		run->ends_transaction = palloc0_array(bool,
											  migration->script->statement_count + 1);
		outcome = prepare_unknown(run, journal, &finding, entry);
	}
	else if (entry != NULL && entry->state != REGISTRY_APPLIED &&
			 finding.verdict != JOURNAL_EDITED)
		registry_record_applied(migration->schema, migration->name,
								migration->script, entry);
	run->done = run->first;
	PopActiveSnapshot();
	transaction_commit();
	return outcome;
}

/* Runs what is left; returns NULL or the error, with its transaction undone. */
static ErrorData *
attempt(MigrationRun *run)
{
	ErrorData  *volatile error = NULL;

	PG_TRY();
	{
		run_remaining(run);
	}
	PG_CATCH();
	{
		blocker_unwatch();
		error = transaction_catch(run->context);
		execute_take_error(&run->position, error);
	}
	PG_END_TRY();
	return error;
}

/* What a statement that failed outside of a transaction has left behind. */
static OutsideState
look_at_failed(MigrationRun *run)
{
	const ScriptStatement *statement = run->position.statement;
	OutsideState state;

	if (statement == NULL || statement->kind != STATEMENT_OUTSIDE)
		return OUTSIDE_NOT_DONE;
	PushActiveSnapshot(GetTransactionSnapshot());
	state = look_at_outside(run, statement, !run->committing);
	PopActiveSnapshot();
	return state;
}

static void
record_rolled_back(MigrationRun *run, const Journal *journal,
				   const ErrorData *error)
{
	const Migration *migration = run->migration;
	JournalRow	row = {
		.id = unconstify(char *, run->journal_id),
		.name = unconstify(char *, migration->name),
		.checksum = migration->script->checksum,
		.logs = error->message,
		.started_at = migration->started_at,
		.rolled_back_at = GetCurrentTimestamp(),
		.rolled_back = true
	};

	if (run->journal_id == NULL)
		(void) journal_insert(journal, &row);
	else
		(void) journal_end_row(journal, &row);
	registry_record_undone(migration->schema, migration->name);
}

static void
forget_attempt(MigrationRun *run, const Journal *journal)
{
	if (run->journal_id != NULL)
		journal_delete_unfinished(journal, run->journal_id);
	registry_record_undone(run->migration->schema, run->migration->name);
}

/* An unattended call that fails as before need not say so again. */
static bool
is_to_be_recorded(const MigrationRun *run, const ErrorData *error)
{
	return run->migration->policy.records_repeats ||
		run->last_sqlstate == NULL ||
		strcmp(run->last_sqlstate, unpack_sql_state(error->sqlerrcode)) != 0;
}

/* The row stays unfinished: only its logs and its count change. */
static void
record_remaining_part(MigrationRun *run, const Journal *journal,
					  const ErrorData *error, int unknown_statement)
{
	const Migration *migration = run->migration;
	JournalRow	row = {
		.id = unconstify(char *, run->journal_id),
		.logs = error->message,
		.applied_steps_count = run->done
	};

	(void) journal_end_row(journal, &row);
	registry_record_progress(migration->schema, migration->name,
							 migration->script, run->done, unknown_statement);
}

static Event
failure_event(const MigrationRun *run, const ErrorData *error)
{
	return (Event)
	{
		.action = "failed",
			.schema = run->migration->schema,
			.migration = run->migration->name,
			.checksum = run->migration->script->checksum,
			.statements = run->done - run->first,
			.started_at = run->migration->started_at,
			.sqlstate = unpack_sql_state(error->sqlerrcode),
			.message = error->message
	};
}

static void
record_failure(MigrationRun *run, const ErrorData *error)
{
	const Migration *migration = run->migration;
	Event		event = failure_event(run, error);
	OutsideState left;
	Journal    *journal;

	lock_retake_prisma(migration->script->subject,
					   migration->policy.migration_lock_wait);
	transaction_make_writable();
	left = look_at_failed(run);
	session_restore(run->session);
	session_set("lock_timeout", RECORD_LOCK_TIMEOUT, GUC_ACTION_LOCAL);
	PushActiveSnapshot(GetTransactionSnapshot());
	journal = journal_open_or_create(migration->schema_oid);
	if (run->journal_id != NULL &&
		(run->done > 0 || left == OUTSIDE_LEFTOVER || left == OUTSIDE_UNKNOWN))
		record_remaining_part(run, journal, error,
							  left == OUTSIDE_UNKNOWN ?
							  run->position.statement->number : 0);
	else if (is_to_be_recorded(run, error))
		record_rolled_back(run, journal, error);
	else
		forget_attempt(run, journal);
	registry_record_error(migration->schema, migration->name, event.sqlstate,
						  error->message);
	if (is_to_be_recorded(run, error))
		event_record(&event);
	PopActiveSnapshot();
	transaction_commit();
	event_log_line(&event);
}

/* Nothing that goes wrong with the record may take the error's place. */
static void
try_to_record_failure(MigrationRun *run, const ErrorData *error)
{
	disable_timeout(STATEMENT_TIMEOUT, false);
	PG_TRY();
	{
		record_failure(run, error);
	}
	PG_CATCH();
	{
		ErrorData  *second = transaction_catch(run->context);

		failure_warn(second, psprintf("could not record that %s failed",
									  run->migration->script->subject));
	}
	PG_END_TRY();
}

/* Looks for a blocker, if there was one, before the failure is recorded. */
static void
describe_statement_failure(MigrationRun *run, ErrorData *error)
{
	PG_TRY();
	{
		transaction_make_writable();
		execute_describe_failure(error, &run->position);
	}
	PG_CATCH();
	{
		/* It looks once only; the cause is what counts. */
		(void) transaction_catch(run->context);
		execute_describe_failure(error, &run->position);
	}
	PG_END_TRY();
}

static void
describe_failure(MigrationRun *run, ErrorData *error)
{
	if (run->committing)
		error->message = psprintf("%s failed at COMMIT: %s",
								  run->migration->script->subject,
								  error->message);
	else
		describe_statement_failure(run, error);
	failure_name_subject(error, run->migration->script->subject);
}

static void
report(const MigrationRun *run, Outcome outcome, int statements)
{
	long		milliseconds =
		TimestampDifferenceMilliseconds(run->migration->started_at,
										GetCurrentTimestamp());

	if (outcome != OUTCOME_UNCHANGED)
		migration_log(run->migration, outcome, statements);
	ereport(NOTICE,
			(errmsg_plural("%s: %s, %d statement, %ld ms",
						   "%s: %s, %d statements, %ld ms",
						   statements,
						   run->migration->script->subject,
						   outcome_name(outcome), statements, milliseconds)));
}

/* Records what was found, under the locks that the error may have cost us. */
static void
record_found(MigrationRun *run, const Decision *decision)
{
	const Migration *migration = run->migration;

	lock_retake_prisma(migration->script->subject,
					   migration->policy.migration_lock_wait);
	transaction_make_writable();
	PushActiveSnapshot(GetTransactionSnapshot());
	run_record_end(run, OUTCOME_ALREADY_APPLIED, 0, decision);
	PopActiveSnapshot();
	transaction_commit();
}

/*
 * Decides what to make of an error.  That may raise another one, which then
 * takes its place: *error is replaced, and the decision is that it failed.
 */
static Decision
decide(MigrationRun *run, ErrorData **error)
{
	Decision	decision = {.kind = DECISION_FAILED};

	if (run->committing || run->position.statement == NULL)
		return decision;
	PG_TRY();
	{
		transaction_make_writable();
		PushActiveSnapshot(GetTransactionSnapshot());
		decision = decide_after_error(run->migration, &run->position, *error,
									  run->done);
		PopActiveSnapshot();
		transaction_commit();
		if (decision.kind == DECISION_FOUND)
			record_found(run, &decision);
	}
	PG_CATCH();
	{
		*error = transaction_catch(run->context);
		execute_set_position(&run->position, NULL);
		decision = (Decision)
		{
			.kind = DECISION_FAILED
		};
	}
	PG_END_TRY();
	return decision;
}

static Outcome
run_until_done(MigrationRun *run)
{
	for (;;)
	{
		ErrorData  *error = attempt(run);
		Decision	decision;

		execute_finish();
		if (error == NULL)
			return run->first > 0 ? OUTCOME_RESUMED : OUTCOME_APPLIED;
		if (run_adjust(run, error))
			continue;
		decision = decide(run, &error);
		if (decision.kind == DECISION_FOUND)
			return OUTCOME_ALREADY_APPLIED;
		if (decision.kind == DECISION_FAILED)
		{
			describe_failure(run, error);
			try_to_record_failure(run, error);
			failure_throw(error);
		}
		run->decision = decision;
		run->first = run->done = decision.from;
	}
}

Outcome
migrate_run(Migration *migration, const SessionSettings *session)
{
	MigrationRun run = {
		.migration = migration,
		.session = session,
		.context = CurrentMemoryContext,
		.position = {.script = migration->script}
	};
	Outcome		outcome = prepare_run(&run);

	if (outcome == OUTCOME_APPLIED)
		outcome = run_until_done(&run);
	report(&run, outcome,
		   outcome == OUTCOME_APPLIED || outcome == OUTCOME_RESUMED ?
		   migration->script->statement_count - run.first : 0);
	return outcome;
}
