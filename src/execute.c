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
#include "executor/executor.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/proc.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "compat.h"
#include "execute.h"

static void
set_for_script(const char *name, const char *value)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

void
execute_prepare_settings(const char *schema, int lock_timeout)
{
	set_for_script("search_path",
				   psprintf("%s, pg_temp", quote_identifier(schema)));
	set_for_script("lock_timeout", psprintf("%d", lock_timeout));
	set_for_script("standard_conforming_strings", "on");
}

static void
report_activity(const Script *script, const ScriptStatement *statement)
{
	pgstat_report_activity(STATE_RUNNING,
						   psprintf("remigrate: %s, statement %d of %d: %s",
									script->subject, statement->number,
									script->statement_count,
									pnstrdup(script->text + statement->start,
											 Min(statement->length, 500))));
}

static void
statement_error_callback(void *arg)
{
	ScriptPosition *position = arg;
	int			line = script_move_error_position(position->script);

	if (line > 0)
		position->error_line = line;
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
		CommandCounterIncrement();
		PushActiveSnapshot(GetTransactionSnapshot());
		run_planned(lfirst_node(PlannedStmt, cell), text, context);
		/* A statement that ended its transaction took its snapshot with it. */
		if (ActiveSnapshotSet())
			PopActiveSnapshot();
	}
	CommandCounterIncrement();
}

void
execute_statement(ScriptPosition *position, const ScriptStatement *statement,
				  ProcessUtilityContext context)
{
	MemoryContext statement_context;
	MemoryContext old_context;
	ErrorContextCallback callback;

	position->statement = statement;
	position->error_line = 0;
	statement_context = AllocSetContextCreate(CurrentMemoryContext,
											  "remigrate statement",
											  ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(statement_context);

	callback.callback = statement_error_callback;
	callback.arg = position;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	report_activity(position->script, statement);
	restart_statement_timeout();
	run_raw(statement->raw, position->script->text, context);

	error_context_stack = callback.previous;
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(statement_context);
	CHECK_FOR_INTERRUPTS();
}

void
execute_finish(void)
{
	restart_statement_timeout();
	pgstat_report_activity(STATE_RUNNING, debug_query_string);
}
