/*-------------------------------------------------------------------------
 *
 * run.h
 *	  A migration being run in transactions of its own: how far it is.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_RUN_H
#define REMIGRATE_RUN_H

#include "decision.h"
#include "execute.h"
#include "migration.h"
#include "session.h"

typedef struct MigrationRun
{
	Migration  *migration;
	const SessionSettings *session;
	MemoryContext context;		/* outlives transactions */
	Oid			journal_relation;
	ScriptPosition position;
	bool	   *ends_transaction;	/* per statement: commit after it */
	const char *last_sqlstate;	/* of the attempt before this, or NULL */
	const char *journal_id;		/* of the unfinished row that is committed */
	int			first;			/* statements done before this call */
	Decision	decision;		/* why those are taken for done */
	int			done;			/* statements committed */
	bool		committing;		/* the error, if any, is the commit's */
} MigrationRun;

/*
 * Runs what is left of the script in as many transactions as it needs, and
 * records the end together with the last of them.  Raises what a statement
 * raises, with the run saying how far it got.
 */
extern void run_remaining(MigrationRun *run);

/*
 * Whether after this error, whose effects were rolled back, the rest should
 * be tried again in other transactions: an enum value used in the script that
 * adds it, a DO block that commits.  Changes the run so that it will be.
 */
extern bool run_adjust(MigrationRun *run, const ErrorData *error);

/*
 * Records the migration as ended, in the current transaction: "statements"
 * were run by this call, the others not, because of the decision.
 */
extern void run_record_end(MigrationRun *run, Outcome outcome, int statements,
						   const Decision *decision);

#endif							/* REMIGRATE_RUN_H */
