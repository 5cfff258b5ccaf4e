/*-------------------------------------------------------------------------
 *
 * repair.h
 *	  Puts right what a journal claims falsely.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_REPAIR_H
#define REMIGRATE_REPAIR_H

#include "nodes/pg_list.h"

typedef struct Repair
{
	const char *migration;
	const char *action;
	const char *detail;
} Repair;

/*
 * Repairs the journal of a schema, in the current transaction: a list of what
 * was done or found, Repair, in the current memory context.  The migration
 * locks must be held.  What was found by an earlier call is not found again.
 */
extern List *repair_schema(const char *schema);

#endif							/* REMIGRATE_REPAIR_H */
