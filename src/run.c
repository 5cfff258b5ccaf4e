/*-------------------------------------------------------------------------
 *
 * run.c
 *	  A migration being run in transactions of its own: how far it is.
 *
 * A script that needs no more than one transaction has its journal row
 * written in that same one.  Any other is in the journal as unfinished first,
 * which also keeps Prisma's CLI from starting, and the registry knows after
 * each transaction how many statements are done.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/trigger.h"
#include "nodes/parsenodes.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "blocker.h"
#include "compat.h"
#include "journal.h"
#include "lock.h"
#include "outside.h"
#include "registry.h"
#include "run.h"
#include "statement.h"
#include "transaction.h"

static const ScriptStatement *
statement_at(const MigrationRun *run, int index)
{
	return &run->migration->script->statements[index];
}

static int
statement_count(const MigrationRun *run)
{
	return run->migration->script->statement_count;
}

static bool
is_boundary(const ScriptStatement *statement)
{
	return statement->kind == STATEMENT_BEGIN ||
		statement->kind == STATEMENT_COMMIT;
}

/* Whether nothing but BEGIN and COMMIT stands from here to the end. */
static bool
is_at_end(const MigrationRun *run, int index)
{
	for (; index < statement_count(run); index++)
		if (!is_boundary(statement_at(run, index)))
			return false;
	return true;
}

static bool
needs_steps(const MigrationRun *run)
{
	if (run->journal_id != NULL)
		return true;
	for (int i = run->done; i < statement_count(run); i++)
	{
		const ScriptStatement *statement = statement_at(run, i);

		if (statement->kind == STATEMENT_OUTSIDE ||
			statement_has_transaction_options(statement->raw->stmt))
			return true;
		if ((statement->kind == STATEMENT_COMMIT || run->ends_transaction[i]) &&
			!is_at_end(run, i + 1))
			return true;
	}
	return false;
}

/* The first statement that is not in the transaction that begins here. */
static int
end_of_transaction(const MigrationRun *run, int first)
{
	int			index;

	for (index = first; index < statement_count(run); index++)
	{
		const ScriptStatement *statement = statement_at(run, index);

		if (statement->kind == STATEMENT_OUTSIDE)
			return index;
		/* Its options can't be had by a transaction that has begun. */
		if (statement->kind == STATEMENT_BEGIN && index > first &&
			statement_has_transaction_options(statement->raw->stmt))
			return index;
		if ((statement->kind == STATEMENT_COMMIT ||
			 run->ends_transaction[index]) && !is_at_end(run, index + 1))
			return index + 1;
	}
	return index;
}

/* The first statement of the transaction that the script goes on in. */
static int
start_of_transaction(const MigrationRun *run)
{
	int			index = run->done;

	while (index > 0 &&
		   statement_at(run, index - 1)->kind != STATEMENT_COMMIT &&
		   statement_at(run, index - 1)->kind != STATEMENT_OUTSIDE &&
		   !run->ends_transaction[index - 1])
		index--;
	return index;
}

/*
 * BEGIN's options, or SET TRANSACTION.  There must be no snapshot yet, so
 * this goes past execute_statement.
 */
static void
set_transaction(MigrationRun *run, const ScriptStatement *statement)
{
	Node	   *parse_tree = statement->raw->stmt;

	execute_set_position(&run->position, statement);
	if (IsA(parse_tree, VariableSetStmt))
		ExecSetVariableStmt((VariableSetStmt *) parse_tree, false);
	else
	{
		ListCell   *cell;

		foreach(cell, castNode(TransactionStmt, parse_tree)->options)
		{
			DefElem    *option = lfirst_node(DefElem, cell);

			SetPGVariable(option->defname, list_make1(option->arg), true);
		}
	}
}

static void
run_transactional(MigrationRun *run, int from, int to)
{
	for (int i = from; i < to; i++)
	{
		const ScriptStatement *statement = statement_at(run, i);

		if (statement->kind == STATEMENT_BEGIN ||
			statement->kind == STATEMENT_SET_TRANSACTION)
			set_transaction(run, statement);
		else if (statement->kind != STATEMENT_COMMIT)
			execute_transactional(&run->position, statement);
	}
}

static void
commit(MigrationRun *run)
{
	run->committing = true;
	transaction_commit();
	run->committing = false;
}

static Journal *
open_journal(MigrationRun *run)
{
	const Migration *migration = run->migration;
	Journal    *journal = journal_open(migration->schema_oid, JOURNAL_WRITE_LOCK);

	/* The registry knows the schema by its name. */
	if (journal == NULL || journal->relation != run->journal_relation ||
		strcmp(get_namespace_name(migration->schema_oid), migration->schema) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s drops, moves or replaces the journal of schema \"%s\"",
						migration->script->subject, migration->schema),
				 errhint("The journal is Prisma's; take the statement out of the script."),
				 errhidestmt(true)));
	return journal;
}

/*
 * What a commit runs of the script's, deferred triggers and the queries of
 * cursors WITH HOLD, in the way a commit does, while the session still is
 * whoever the script made itself: no function must get the caller's role from
 * us.
 */
static void
run_what_commit_runs(MigrationRun *run)
{
	run->committing = true;
	do
		AfterTriggerFireDeferred();
	while (PreCommit_Portals(false));
	run->committing = false;
}

void
run_record_end(MigrationRun *run, Outcome outcome, int statements,
			   const Decision *decision)
{
	/* Not as whoever the script made itself, and not in its search_path. */
	session_restore(run->session);
	/* What the script has locked is not to wait for whoever stages, say. */
	execute_limit_locks(run->migration->policy.lock_timeout, true);
	lock_check_still_held(run->migration->script->subject);
	migration_record(run->migration, open_journal(run), outcome,
					 statements, run->journal_id, decision->logs,
					 decision->evidence);
}

static void
record_success(MigrationRun *run)
{
	run_what_commit_runs(run);
	run_record_end(run, run->first > 0 ? OUTCOME_RESUMED : OUTCOME_APPLIED,
				   statement_count(run) - run->first, &run->decision);
}

/* Before any of the script is committed: is all of ours still in place? */
static void
check_nothing_lost(MigrationRun *run)
{
	int			guc_level = NewGUCNestLevel();

	execute_set_position(&run->position, NULL);
	lock_check_still_held(run->migration->script->subject);
	/* What the script has made itself need not have rights on the journal. */
	session_restore_role(run->session);
	(void) open_journal(run);
	AtEOXact_GUC(false, guc_level);
}

/* While Prisma's lock was lent, somebody may have resolved the migration. */
static void
check_row_is_unfinished(MigrationRun *run)
{
	int			guc_level = NewGUCNestLevel();

	session_restore_role(run->session);
	PushActiveSnapshot(GetTransactionSnapshot());
	if (!journal_row_is_unfinished(open_journal(run), run->journal_id))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s was stopped after statement %d of %d: its unfinished journal row was changed or removed meanwhile",
						run->migration->script->subject, run->done,
						statement_count(run)),
				 errhint("remigrate.event_log tells how many of its statements are done. Go on from there with resume_at."),
				 errhidestmt(true)));
	PopActiveSnapshot();
	AtEOXact_GUC(false, guc_level);
}

static void
record_progress(const MigrationRun *run, int done, int running)
{
	registry_record_progress(run->migration->schema, run->migration->name,
							 run->migration->script, done, running);
}

/* Makes the attempt known to everybody before any of it is committed. */
static void
begin_steps(MigrationRun *run)
{
	const Migration *migration = run->migration;
	const char *journal_id = run->journal_id;

	if (journal_id == NULL)
	{
		JournalRow	row = {
			.name = unconstify(char *, migration->name),
			.checksum = migration->script->checksum,
			.started_at = migration->started_at
		};

		journal_id = journal_insert(open_journal(run), &row);
	}
	registry_record_running(migration->schema, migration->name,
							migration->script, journal_id);
	record_progress(run, run->done, 0);
	execute_prepare_settings(migration->schema,
							 migration->policy.lock_timeout, true);
	execute_settings(&run->position, 0, run->done, false);
	transaction_commit();
	run->journal_id = journal_id;
}

static void
run_one_transaction(MigrationRun *run, int end)
{
	/* Empty but where a script goes on in the middle of one. */
	execute_settings(&run->position, start_of_transaction(run), run->done, true);
	run_transactional(run, run->done, end);
	check_nothing_lost(run);
	if (end == statement_count(run))
		record_success(run);
	else
		record_progress(run, end, 0);
	commit(run);
	run->done = end;
}

static void
refuse_outside(const OutsideLook *look, const ScriptStatement *statement)
{
	if (look->state == OUTSIDE_IN_THE_WAY)
		ereport(ERROR,
				(errcode(ERRCODE_DUPLICATE_TABLE),
				 errmsg("an invalid index of the name \"%s\", but with another definition, is in the way",
						castNode(IndexStmt, statement->raw->stmt)->idxname),
				 errhint("Drop it, then try again.")));
	if (look->state != OUTSIDE_BEING_DONE)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("another session is building the index of statement %d (line %d)",
					statement->number, statement->line),
			 errhint("Wait for it to end, or end it with pg_terminate_backend; then try again.")));
}

static void
run_outside(MigrationRun *run)
{
	const ScriptStatement *statement = statement_at(run, run->done);
	OutsideLook look;

	execute_set_position(&run->position, statement);
	PushActiveSnapshot(GetTransactionSnapshot());
	look = outside_look(run->migration->script, statement,
						run->migration->schema, false);
	PopActiveSnapshot();
	refuse_outside(&look, statement);

	record_progress(run, run->done, statement->number);
	transaction_commit();

	/*
	 * Prisma's CLI blocks on its lock with a snapshot, which this statement
	 * would wait for.  The unfinished journal row keeps it out as well.
	 */
	lock_lend_prisma();
	if (look.state == OUTSIDE_LEFTOVER)
	{
		outside_drop_leftover(run->migration->script, statement, look.index);
		transaction_commit();
	}
	execute_statement(&run->position, statement, PROCESS_UTILITY_TOPLEVEL);
	commit(run);
	run->done++;
	execute_set_position(&run->position, NULL);

	lock_check_still_held(run->migration->script->subject);
	record_progress(run, run->done, 0);
	/* An interrupted one before it has left its _ccnew or _ccold. */
	if (IsA(statement->raw->stmt, ReindexStmt))
		outside_report_invalid_indexes(run->migration->schema_oid, WARNING);
	transaction_commit();
	lock_retake_prisma(run->migration->script->subject,
					   run->migration->policy.migration_lock_wait);
	transaction_commit();
	check_row_is_unfinished(run);
}

static void
run_steps(MigrationRun *run)
{
	bool		recorded = false;

	begin_steps(run);
	while (run->done < statement_count(run))
	{
		int			end = end_of_transaction(run, run->done);

		if (end == run->done)
			run_outside(run);
		else
		{
			run_one_transaction(run, end);
			recorded = (end == statement_count(run));
		}
	}
	if (!recorded)
	{
		record_success(run);
		commit(run);
	}
}

void
run_remaining(MigrationRun *run)
{
	const Migration *migration = run->migration;

	/* The attempt before this one may have failed with a lock lent or lost. */
	execute_set_position(&run->position, NULL);
	lock_retake_prisma(migration->script->subject,
					   migration->policy.migration_lock_wait);
	lock_check_still_held(migration->script->subject);
	transaction_make_writable();
	blocker_watch(migration->policy.lock_timeout);
	if (needs_steps(run))
		run_steps(run);
	else
	{
		execute_prepare_settings(migration->schema,
								 migration->policy.lock_timeout, true);
		execute_settings(&run->position, 0, start_of_transaction(run), false);
		execute_settings(&run->position, start_of_transaction(run), run->done,
						 true);
		run_transactional(run, run->done, statement_count(run));
		check_nothing_lost(run);
		record_success(run);
		commit(run);
		run->done = statement_count(run);
	}
	blocker_unwatch();
}

/* Whether a statement adds a value to an enum; of a DO block, whether it may. */
static bool
may_add_value(const MigrationRun *run, const ScriptStatement *statement)
{
	const Node *parse_tree = statement->raw->stmt;
	char	   *text;

	if (IsA(parse_tree, AlterEnumStmt))
		return ((const AlterEnumStmt *) parse_tree)->oldVal == NULL;
	if (!IsA(parse_tree, DoStmt))
		return false;
	text = script_statement_text(run->migration->script, statement);
	for (char *byte = text; *byte != '\0'; byte++)
		*byte = pg_ascii_tolower((unsigned char) *byte);
	return strstr(text, "alter type") != NULL;
}

/* Commits after each ADD VALUE that is not committed yet. */
static bool
separate_enum_values(MigrationRun *run)
{
	bool		changed = false;

	for (int i = run->done; i < statement_count(run); i++)
	{
		if (!run->ends_transaction[i] &&
			may_add_value(run, statement_at(run, i)))
			changed = run->ends_transaction[i] = true;
	}
	return changed;
}

static bool
may_run_outside(const ScriptStatement *statement, int sqlstate)
{
	const Node *parse_tree = statement->raw->stmt;

	if (statement->kind != STATEMENT_TRANSACTIONAL)
		return false;
	if (IsA(parse_tree, DoStmt) || IsA(parse_tree, CallStmt))
		return sqlstate == ERRCODE_INVALID_TRANSACTION_TERMINATION;
	/* Such as REINDEX of a table that turns out to be partitioned. */
	return sqlstate == ERRCODE_ACTIVE_SQL_TRANSACTION &&
		(IsA(parse_tree, ReindexStmt) || IsA(parse_tree, ClusterStmt) ||
		 IsA(parse_tree, AlterSubscriptionStmt) ||
		 IsA(parse_tree, CreateSubscriptionStmt));
}

bool
run_adjust(MigrationRun *run, const ErrorData *error)
{
	ScriptStatement *statement;

	if (run->position.statement == NULL || run->committing)
		return false;
	if (error->sqlerrcode == ERRCODE_UNSAFE_NEW_ENUM_VALUE_USAGE)
		return separate_enum_values(run);
	statement = &run->migration->script->statements[run->position.statement->number - 1];
	if (!may_run_outside(statement, error->sqlerrcode))
		return false;
	statement->kind = STATEMENT_OUTSIDE;
	return true;
}
