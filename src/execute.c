/*-------------------------------------------------------------------------
 *
 * execute.c
 *	  Runs the statements of a script.
 *
 * Each statement is analysed, planned and run on its own, as the server does
 * for an extension's script.  SPI would put the whole script into every error
 * and could not say which statement raised it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/proc.h"
#include "tcop/pquery.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "blocker.h"
#include "compat.h"
#include "execute.h"
#include "failure.h"
#include "session.h"
#include "statement.h"
#include "transaction.h"

static void
set_for_script(const char *name, const char *value, bool for_session)
{
	session_set(name, value, for_session ? GUC_ACTION_SET : GUC_ACTION_SAVE);
}

void
execute_limit_locks(int lock_timeout, bool for_session)
{
	set_for_script("lock_timeout", psprintf("%d", lock_timeout), for_session);
}

void
execute_prepare_settings(const char *schema, int lock_timeout, bool for_session)
{
	set_for_script("search_path",
				   psprintf("%s, pg_temp", quote_identifier(schema)),
				   for_session);
	execute_limit_locks(lock_timeout, for_session);
	set_for_script("standard_conforming_strings", "on", for_session);
	/* The script's later transactions, if it has any. */
	set_for_script("default_transaction_isolation", "read committed",
				   for_session);
	set_for_script("default_transaction_read_only", "off", for_session);
	set_for_script("default_transaction_deferrable", "off", for_session);
}

/* How much of a statement pg_stat_activity shows. */
#define ACTIVITY_BYTES 500

static void
report_activity(const Script *script, const ScriptStatement *statement)
{
	const char *text = script->text + statement->start;

	/* Half a character at its end would break every look at the view. */
	pgstat_report_activity(STATE_RUNNING,
						   psprintf("remigrate: %s, statement %d of %d: %s",
									script->subject, statement->number,
									script->statement_count,
									pnstrdup(text,
											 pg_mbcliplen(text,
														  statement->length,
														  ACTIVITY_BYTES))));
}

static void
statement_error_callback(void *arg)
{
	ScriptPosition *position = arg;
	int			line = script_move_error_position(position->script);

	if (line > 0)
		position->error_line = line;
	/* Notices have no other way to say which migration they come from. */
	errcontext("%s", position->context_line);
}

/* A text without the line that begins at "line" and is "length" bytes long. */
static char *
without_line(const char *text, const char *line, size_t length)
{
	const char *rest = line + length;

	if (line > text)
		return psprintf("%.*s%s", (int) (line - 1 - text), text, rest);
	return rest[0] == '\0' ? NULL : pstrdup(rest + 1);
}

void
execute_set_position(ScriptPosition *position, const ScriptStatement *statement)
{
	position->statement = statement;
	position->error_line = 0;
	position->context_line = NULL;
}

void
execute_take_error(ScriptPosition *position, ErrorData *error)
{
	char	   *line;

	position->raised_by_statement = false;
	if (position->context_line == NULL || error->context == NULL)
		return;
	line = strstr(error->context, position->context_line);
	if (line == NULL)
		return;
	/* Whatever has a line above ours was called by the statement. */
	position->raised_by_statement = (line == error->context);
	error->context = without_line(error->context, line,
								  strlen(position->context_line));
}

/* The timer of the caller's statement would run out on the script as a whole. */
static void
restart_statement_timeout(void)
{
	if (StatementTimeout > 0)
		enable_timeout_after(STATEMENT_TIMEOUT, StatementTimeout);
	else
		disable_timeout(STATEMENT_TIMEOUT, false);
}

static void
run_planned(PlannedStmt *planned, const char *text,
			ProcessUtilityContext context)
{
	DestReceiver *nowhere = CreateDestReceiver(DestNone);

	if (planned->utilityStmt != NULL)
		ProcessUtility(planned, text, false, context, NULL, NULL, nowhere,
					   NULL);
	else
	{
		QueryDesc  *query = CreateQueryDesc(planned, text, GetActiveSnapshot(),
											InvalidSnapshot, nowhere, NULL,
											NULL, 0);

		ExecutorStart(query, 0);
		executor_run_to_end(query);
		ExecutorFinish(query);
		ExecutorEnd(query);
		FreeQueryDesc(query);
	}
}

static bool
may_commit(const PlannedStmt *planned)
{
	return planned->utilityStmt != NULL &&
		(IsA(planned->utilityStmt, DoStmt) ||
		 IsA(planned->utilityStmt, CallStmt));
}

static void
run_raw(const RawStmt *raw, const char *text, ProcessUtilityContext context)
{
	List	   *statements;
	ListCell   *cell;

	/* Names in the statement must see what the ones before it have done. */
	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	/* Analysis scribbles on its input, which a retry would need as it was. */
	statements = pg_analyze_and_rewrite_fixedparams(copyObject(unconstify(RawStmt *, raw)), text,
													NULL, 0, NULL);
	statements = pg_plan_queries(statements, text, CURSOR_OPT_PARALLEL_OK, NULL);
	PopActiveSnapshot();

	foreach(cell, statements)
	{
		PlannedStmt *planned = lfirst_node(PlannedStmt, cell);

		CommandCounterIncrement();
		if (context == PROCESS_UTILITY_TOPLEVEL && may_commit(planned))
		{
			/* Its COMMIT allows for no snapshot but the portal's. */
			EnsurePortalSnapshotExists();
			run_planned(planned, text, context);
			continue;
		}
		PushActiveSnapshot(GetTransactionSnapshot());
		run_planned(planned, text, context);
		/* VACUUM and its like end their transaction, and this with it. */
		if (context == PROCESS_UTILITY_TOPLEVEL)
			transaction_pop_snapshot();
		else
			PopActiveSnapshot();
	}
	CommandCounterIncrement();
}

/*
 * A function's body is compiled when the function is made, and the server
 * looks for its mistakes in the text of the active portal, the caller's query:
 * there they may be found, or not, but never where they are in the script.
 */
static void
run_with_script_as_source(const RawStmt *raw, const char *text,
						  ProcessUtilityContext context)
{
	Portal		portal = ActivePortal;
	const char *source = portal ? portal->sourceText : NULL;

	if (portal == NULL)
	{
		run_raw(raw, text, context);
		return;
	}
	portal->sourceText = text;
	PG_TRY();
	{
		run_raw(raw, text, context);
	}
	PG_FINALLY();
	{
		portal->sourceText = source;
	}
	PG_END_TRY();
}

void
execute_statement(ScriptPosition *position, const ScriptStatement *statement,
				  ProcessUtilityContext context)
{
	MemoryContext statement_context;
	MemoryContext old_context;
	ErrorContextCallback callback;

	execute_set_position(position, statement);
	statement_context = AllocSetContextCreate(CurrentMemoryContext,
											  "remigrate statement",
											  ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(statement_context);

	position->context_line = psprintf("%s, statement %d of %d, line %d",
									  position->script->subject,
									  statement->number,
									  position->script->statement_count,
									  statement->line);
	callback.callback = statement_error_callback;
	callback.arg = position;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	report_activity(position->script, statement);
	restart_statement_timeout();
	run_with_script_as_source(statement->raw, position->script->text, context);

	error_context_stack = callback.previous;
	disable_timeout(STATEMENT_TIMEOUT, false);
	MemoryContextSwitchTo(old_context);
	position->context_line = NULL;
	MemoryContextDelete(statement_context);
	CHECK_FOR_INTERRUPTS();
}

static void
check_no_invalid_index(const ScriptStatement *statement)
{
	const IndexStmt *create = (const IndexStmt *) statement->raw->stmt;
	Oid			table;
	Oid			index;

	if (!IsA(create, IndexStmt) || !create->if_not_exists)
		return;
	table = RangeVarGetRelid(create->relation, NoLock, true);
	index = OidIsValid(table) ?
		get_relname_relid(create->idxname, get_rel_namespace(table)) : InvalidOid;
	if (!OidIsValid(index) || get_rel_relkind(index) != RELKIND_INDEX ||
		get_index_isvalid(index))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("index \"%s\" is there but invalid, and IF NOT EXISTS would let it pass",
					create->idxname),
			 errhint("Drop the index. What an interrupted CREATE INDEX CONCURRENTLY has left is built anew by CALL remigrate.migrate() with that same statement.")));
}

void
execute_transactional(ScriptPosition *position,
					  const ScriptStatement *statement)
{
	execute_set_position(position, statement);
	PushActiveSnapshot(GetTransactionSnapshot());
	check_no_invalid_index(statement);
	PopActiveSnapshot();
	execute_statement(position, statement, PROCESS_UTILITY_QUERY);
}

void
execute_settings(ScriptPosition *position, int from, int to, bool local)
{
	for (int i = from; i < to; i++)
	{
		const ScriptStatement *statement = &position->script->statements[i];
		bool		is_local;

		if (statement_is_setting(statement->raw->stmt, &is_local) &&
			(local || !is_local))
			execute_statement(position, statement, PROCESS_UTILITY_QUERY);
	}
}

void
execute_finish(void)
{
	restart_statement_timeout();
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
}

void
execute_describe_failure(ErrorData *error, const ScriptPosition *position)
{
	char	   *blocker = NULL;

	if (position->statement == NULL)
		return;
	if (error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		blocker = blocker_describe_watched();
	failure_describe(error, position->script, position->statement,
					 position->error_line, blocker);
}
