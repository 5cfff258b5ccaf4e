/*-------------------------------------------------------------------------
 *
 * apply.c
 *	  One migration in the caller's transaction: remigrate.apply.
 *
 * The script runs in a subtransaction.  So what a duplicate object stopped
 * half-way can be undone and looked at, while the caller's transaction, and
 * the journal row in it, go on.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "blocker.h"
#include "context.h"
#include "decision.h"
#include "execute.h"
#include "failure.h"
#include "lock.h"
#include "migration.h"
#include "statement.h"
#include "transaction.h"

PG_FUNCTION_INFO_V1(remigrate_apply);

static bool
is_transaction_control(const ScriptStatement *statement)
{
	return statement->kind == STATEMENT_BEGIN ||
		statement->kind == STATEMENT_COMMIT ||
		statement->kind == STATEMENT_SET_TRANSACTION;
}

/* The migration is atomic as it is; what can't be had is said. */
static void
pass_over_transaction_control(const Script *script,
							  const ScriptStatement *statement)
{
	if (statement_has_transaction_options(statement->raw->stmt))
		ereport(WARNING,
				(errmsg("%s, statement %d of %d (line %d): the transaction's characteristics have no effect in remigrate.apply",
						script->subject, statement->number,
						script->statement_count, statement->line),
				 errhint("CALL remigrate.migrate() honours them.")));
}

static void
run_statements(const Migration *migration, ScriptPosition *position, int from)
{
	const Script *script = migration->script;
	int			guc_level = NewGUCNestLevel();

	execute_prepare_settings(migration->schema, migration->policy.lock_timeout,
							 false);
	blocker_watch(migration->policy.lock_timeout);
	execute_settings(position, 0, from, true);
	for (int i = from; i < script->statement_count; i++)
	{
		const ScriptStatement *statement = &script->statements[i];

		if (is_transaction_control(statement))
			pass_over_transaction_control(script, statement);
		else
			execute_transactional(position, statement);
	}
	blocker_unwatch();
	AtEOXact_GUC(false, guc_level);
}

/*
 * Runs the rest of the script in a subtransaction.  Returns NULL, or the
 * error that it raised, after rolling back what it did.
 */
static ErrorData *
run_in_subtransaction(const Migration *migration, ScriptPosition *position,
					  int from)
{
	MemoryContext old_context = CurrentMemoryContext;
	ResourceOwner old_owner = CurrentResourceOwner;
	int			nest_level = GetCurrentTransactionNestLevel();
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(old_context);
	PG_TRY();
	{
		run_statements(migration, position, from);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		blocker_unwatch();
		error = transaction_catch_in_subtransaction(nest_level, old_context,
													old_owner);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(old_context);
	CurrentResourceOwner = old_owner;
	execute_finish();
	if (error != NULL)
		execute_take_error(position, error);
	return error;
}

/*
 * Runs what a decision says is to be run; an error may bring a look at the
 * catalog, and that another decision.  Returns the one that held.
 */
static Decision
run_by_decision(const Migration *migration, Decision decision)
{
	ScriptPosition position = {.script = migration->script};

	while (decision.kind == DECISION_RUN)
	{
		ErrorData  *error = run_in_subtransaction(migration, &position,
												  decision.from);
		Decision	next;

		if (error == NULL)
			break;
		next = decide_after_error(migration, &position, error, decision.from);
		if (next.kind == DECISION_FAILED)
		{
			execute_describe_failure(error, &position);
			failure_throw(error);
		}
		decision = next;
	}
	return decision;
}

static Outcome
run_and_record(const Migration *migration, const Journal *journal,
			   JournalDoubt doubt)
{
	Decision	decision = run_by_decision(migration,
										   decide_before_run(migration, doubt));
	Outcome		outcome = OUTCOME_ALREADY_APPLIED;
	int			statements = 0;

	if (decision.kind == DECISION_FOUND && doubt == DOUBT_CLAIM)
	{
		migration_record_healed(migration, journal, decision.logs,
								decision.evidence);
		migration_log(migration, OUTCOME_HEALED, 0);
		return OUTCOME_HEALED;
	}
	if (decision.kind == DECISION_RUN)
	{
		outcome = decision.from > 0 ? OUTCOME_RESUMED : OUTCOME_APPLIED;
		statements = migration->script->statement_count - decision.from;
		journal_check_still_there(journal, migration->schema_oid,
								  migration->script->subject);
	}
	migration_record(migration, journal, outcome, statements, NULL,
					 decision.logs, decision.evidence);
	migration_log(migration, outcome, statements);
	return outcome;
}

static Outcome
apply_migration(Migration *migration)
{
	Journal    *journal;
	JournalFinding finding;

	lock_acquire_for_transaction(migration->script->subject,
								 migration->policy.migration_lock_wait);
	journal = journal_open_or_create(migration->schema_oid);
	finding = migration_find(migration, journal);
	if (migration_is_known(migration, journal, &finding))
		return OUTCOME_UNCHANGED;
	migration_parse(migration);
	if (migration->policy.concurrently == CONCURRENTLY_INLINE)
		statement_inline_concurrently(migration->script);
	statement_check_transactional(migration->script);
	if (finding.unfinished != NULL)
		migration_refuse_unfinished(migration,
									"Finish it with CALL remigrate.migrate()");
	return run_and_record(migration, journal,
						  decision_doubt(migration, &finding));
}

/*
 * SQL: apply(name text, script text | bytea, target_schema text, policies ...)
 * returns text
 */
Datum
remigrate_apply(PG_FUNCTION_ARGS)
{
	MemoryContext context = CurrentMemoryContext;
	Migration  *migration;
	volatile Outcome outcome = OUTCOME_UNCHANGED;

	context_check_writer("apply");
	migration = migration_from_call(fcinfo);
	context_enter();
	PG_TRY();
	{
		int			guc_level = NewGUCNestLevel();

		execute_limit_locks(migration->policy.lock_timeout, false);
		outcome = apply_migration(migration);
		AtEOXact_GUC(false, guc_level);
		context_leave();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		context_leave();
		error = failure_catch(context);
		failure_name_subject(error, migration->script->subject);
		failure_throw(error);
	}
	PG_END_TRY();
	PG_RETURN_TEXT_P(cstring_to_text(outcome_name(outcome)));
}
