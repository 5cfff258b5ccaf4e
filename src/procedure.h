/*-------------------------------------------------------------------------
 *
 * procedure.h
 *	  The frame of every procedure: its session, its locks, its way out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_PROCEDURE_H
#define REMIGRATE_PROCEDURE_H

#include "fmgr.h"

#include "session.h"

/* What a procedure does once it has the locks. */
typedef void (*ProcedureWork) (void *argument, const SessionSettings *session);

/*
 * Refuses a call that is no CALL at top level, and makes the memory context
 * that all of the procedure's data is to lie in the current one.  Raises
 * 2D000, and what context_check_procedure raises.
 */
extern MemoryContext procedure_begin(FunctionCallInfo fcinfo, const char *name);

/*
 * Takes the migration locks, waiting up to "wait" milliseconds, and does the
 * work in a new transaction without a snapshot.  On every way out the locks
 * are let go of and the session's settings are as they were.  "subject" opens
 * messages that name no migration.
 */
extern void procedure_run(MemoryContext context, const char *subject, int wait,
						  ProcedureWork work, void *argument);

#endif							/* REMIGRATE_PROCEDURE_H */
