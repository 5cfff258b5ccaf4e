/*-------------------------------------------------------------------------
 *
 * failure.h
 *	  Errors on their way to the client: caught, described, thrown on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_FAILURE_H
#define REMIGRATE_FAILURE_H

#include "compat.h"
#include "script.h"

/*
 * Inside PG_CATCH: takes the current error out of the error state.  The copy,
 * and with it the current memory context, is "context".  The caller owns it
 * and must throw it on or have rolled back what raised it.  Raises nothing:
 * where there is no memory for the copy, the result says that.
 */
extern ErrorData *failure_catch(MemoryContext context);

/*
 * Throws a caught error on with all of its fields.  Its own statement, a
 * whole script in base64 perhaps, is kept out of the server's log.
 */
pg_noreturn extern void failure_throw(ErrorData *error);

/*
 * Makes the primary message of a statement's error stand by itself: which
 * migration, which statement of how many, which line, what went wrong.
 * "error_line" is where the error pointed, 0 for the statement's own line;
 * "blocker" tells who held the lock that was waited for, or is NULL.
 */
extern void failure_describe(ErrorData *error, const Script *script,
							 const ScriptStatement *statement,
							 int error_line, const char *blocker);

/*
 * Puts "subject" in front of a message that names no migration, such as one
 * about rights on the journal.
 */
extern void failure_name_subject(ErrorData *error, const char *subject);

/*
 * Throws an error on that must not be swallowed, whatever is left to do: a
 * cancel by a person or of the server, a lack of memory, a bug.
 */
extern void failure_stop_if_ending(ErrorData *error);

/*
 * Says by a WARNING, "what" and the cause, what went wrong while another
 * error is on its way.  No cancel comes in between.
 */
extern void failure_warn(const ErrorData *error, const char *what);

/*
 * Whether an error's SQLSTATE says that an object is there already.
 */
extern bool failure_is_duplicate(const ErrorData *error);

#endif							/* REMIGRATE_FAILURE_H */
