/*-------------------------------------------------------------------------
 *
 * outside.h
 *	  Statements that run outside of transactions: whether one has happened.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_OUTSIDE_H
#define REMIGRATE_OUTSIDE_H

#include "script.h"

typedef enum OutsideState
{
	OUTSIDE_NOT_DONE,			/* it did not happen, or may happen again */
	OUTSIDE_DONE,				/* the catalog shows its result */
	OUTSIDE_LEFTOVER,			/* an invalid index of its table and
								 * definition */
	OUTSIDE_IN_THE_WAY,			/* an invalid index of its name, but another */
	OUTSIDE_BEING_DONE,			/* another backend is at it */
	OUTSIDE_UNKNOWN				/* the catalog can't tell */
} OutsideState;

typedef struct OutsideLook
{
	OutsideState state;
	Oid			index;			/* the leftover, or 0 */
} OutsideLook;

/*
 * Whether a statement of kind STATEMENT_OUTSIDE of a script for this schema
 * has happened, by the catalog.  Names resolve by the current search_path.
 * "raised_error" is whether the statement itself has just failed, which
 * settles most of what the catalog can't tell.  Needs an active snapshot.
 */
extern OutsideLook outside_look(const Script *script,
								const ScriptStatement *statement,
								const char *schema, bool raised_error);

/*
 * Drops the invalid index that outside_look has found, without blocking
 * anybody; it ends the current transaction.  Reports it by a NOTICE.
 */
extern void outside_drop_leftover(const Script *script,
								  const ScriptStatement *statement, Oid index);

/*
 * Names every invalid index of a schema that no session is building, by a
 * message each.
 */
extern void outside_report_invalid_indexes(Oid schema, int elevel);

#endif							/* REMIGRATE_OUTSIDE_H */
