/*-------------------------------------------------------------------------
 *
 * decision.h
 *	  How much of a migration is applied already, and what to do about it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_DECISION_H
#define REMIGRATE_DECISION_H

#include "execute.h"
#include "migration.h"

typedef enum DecisionKind
{
	DECISION_RUN,				/* run it from statement number from + 1 on */
	DECISION_FOUND,				/* all of it is there */
	DECISION_FAILED				/* the error is an error like any other */
} DecisionKind;

typedef struct Decision
{
	DecisionKind kind;
	int			from;			/* statements that are done */
	const char *logs;			/* why, for the journal; or NULL */
	const char *evidence;		/* the same in full, as json; or NULL */
} Decision;

/* Why the journal's silence does not mean that the migration is new. */
typedef enum JournalDoubt
{
	DOUBT_NONE,
	DOUBT_NO_JOURNAL,			/* or nothing in it, in a schema that has
								 * tables */
	DOUBT_ADOPTED,				/* what it has last was found, not run, and
								 * nobody has said how far the schema is */
	DOUBT_CLAIM					/* it says "applied", without a checksum */
} JournalDoubt;

/* What gives reason to doubt, before a migration is run. */
extern JournalDoubt decision_doubt(const Migration *migration,
								   const JournalFinding *finding);

/*
 * Decides what of a migration is to be run, by a look at the catalog where
 * there is doubt.  Nothing is executed to find out.  Reports by a NOTICE what
 * it has found.  Needs an active snapshot; all of the result is palloc'd.
 * Raises RM002, with the list of statements, where nobody can tell.
 */
extern Decision decide_before_run(const Migration *migration,
								  JournalDoubt doubt);

/*
 * Decides what to make of an error that a statement of a migration raised,
 * after what it did was rolled back: "from" statements were not run by this
 * call.  An error that remains one has what the look found added to its
 * DETAIL.  Needs and raises the same.
 */
extern Decision decide_after_error(const Migration *migration,
								   const ScriptPosition *position,
								   ErrorData *error, int from);

#endif							/* REMIGRATE_DECISION_H */
