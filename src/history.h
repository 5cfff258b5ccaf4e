/*-------------------------------------------------------------------------
 *
 * history.h
 *	  The staged history of a schema: every script, and what the catalog says.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_HISTORY_H
#define REMIGRATE_HISTORY_H

#include "status.h"

typedef struct HistoryEntry
{
	const MigrationStatus *status;
	Script	   *script;			/* parsed; NULL where it is not known */
	const char *contradiction;	/* what the catalog lacks of it, or NULL */
	const ScriptStatement *unseen;	/* from this one on it shows nothing of
									 * it; NULL if it shows the end */
} HistoryEntry;

/*
 * Reads the scripts of those migrations of a schema that "belongs" accepts,
 * in name order, and compares their last word on every object with the
 * catalog: a list of HistoryEntry in the current memory context.  Needs an
 * active snapshot.  Raises what script_decode_bytes, script_parse and
 * seam_check_history raise.
 */
typedef bool (*HistoryFilter) (const MigrationStatus *status,
							   const void *argument);
extern List *history_read(const char *schema, HistoryFilter belongs,
						  const void *argument);

/*
 * The scripts, parsed, of the migrations that come after one by their names
 * and that the journal has as applied, with a checksum: a list of Script in
 * name order.  Raises what history_read raises.
 */
extern List *history_applied_after(const char *schema, const char *name);

#endif							/* REMIGRATE_HISTORY_H */
