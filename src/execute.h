/*-------------------------------------------------------------------------
 *
 * execute.h
 *	  Runs the statements of a script.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_EXECUTE_H
#define REMIGRATE_EXECUTE_H

#include "tcop/utility.h"

#include "script.h"

/* Where a script is; an error leaves it at the statement that raised it. */
typedef struct ScriptPosition
{
	const Script *script;
	const ScriptStatement *statement;	/* NULL before the first */
	int			error_line;		/* where the error pointed, or 0 */
	bool		raised_by_statement;	/* and not by what it called */
	const char *context_line;	/* what marks it in an error's context, or
								 * NULL where it does not run */
} ScriptPosition;

/*
 * Says which statement is at hand, NULL for none, before it runs: an error
 * from here on is reported as that statement's.
 */
extern void execute_set_position(ScriptPosition *position,
								 const ScriptStatement *statement);

/*
 * Sets what a script finds: search_path, lock_timeout, and the settings that
 * it was parsed with.  "for_session" makes them outlast a commit inside the
 * script, until session_restore; else it is the end of a GUC nest level that
 * undoes them.
 */
extern void execute_prepare_settings(const char *schema, int lock_timeout,
									 bool for_session);

/*
 * Sets lock_timeout alone, in milliseconds, in the same way: for what we do
 * ourselves with the journal.
 */
extern void execute_limit_locks(int lock_timeout, bool for_session);

/*
 * Runs one statement that is neither BEGIN nor COMMIT, the way CREATE
 * EXTENSION runs a script's, and throws its results away.  Sets *position
 * first.  statement_timeout counts anew for it.  Raises what the statement
 * raises, with the cursor moved into the script's text.
 */
extern void execute_statement(ScriptPosition *position,
							  const ScriptStatement *statement,
							  ProcessUtilityContext context);

/*
 * The same for a statement inside a transaction, but refuses with 55000 a
 * CREATE INDEX IF NOT EXISTS that an invalid index would let pass.
 */
extern void execute_transactional(ScriptPosition *position,
								  const ScriptStatement *statement);

/*
 * Runs the settings alone among the statements from number "from" + 1 up to
 * number "to", those of a transaction only where "local" says so: the others
 * are done, but what was set for them holds for the ones that follow.
 */
extern void execute_settings(ScriptPosition *position, int from, int to,
							 bool local);

/*
 * To be called with each error that a statement raised, as soon as it is
 * caught: finds out whether the statement itself raised it, and takes our own
 * line, which the message makes needless, out of its context.
 */
extern void execute_take_error(ScriptPosition *position, ErrorData *error);

/*
 * After the last statement, or one that failed: the caller's own query goes
 * on, with its own statement_timeout counting anew.
 */
extern void execute_finish(void);

/*
 * Makes the primary message of an error that a script's statement raised
 * stand by itself.  After what the statement did was rolled back: it looks up
 * who held the lock that it waited for.
 */
extern void execute_describe_failure(ErrorData *error,
									 const ScriptPosition *position);

#endif							/* REMIGRATE_EXECUTE_H */
