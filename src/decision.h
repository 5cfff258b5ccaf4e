/*-------------------------------------------------------------------------
 *
 * decision.h
 *	  What it means that a statement of a script failed.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_DECISION_H
#define REMIGRATE_DECISION_H

#include "execute.h"
#include "migration.h"

typedef enum Decision
{
	DECISION_FAILED,			/* an error like any other */
	DECISION_ALREADY_APPLIED	/* the whole script was applied before */
} Decision;

/*
 * Decides what to make of an error that a statement of a migration raised,
 * after what it did was rolled back.  For a migration that was applied before
 * sets *logs to what is to be said of it in the journal, palloc'd.
 */
extern Decision decide_after_error(const Migration *migration,
								   const ScriptPosition *position,
								   const ErrorData *error, char **logs);

#endif							/* REMIGRATE_DECISION_H */
