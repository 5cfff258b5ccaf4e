/*-------------------------------------------------------------------------
 *
 * event.h
 *	  The event log: what came of each migration, who did it, and why.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_EVENT_H
#define REMIGRATE_EVENT_H

#include "datatype/timestamp.h"

typedef struct Event
{
	const char *action;			/* applied, already_applied, failed, ... */
	const char *schema;
	const char *migration;
	const char *checksum;		/* or NULL */
	int			statements;		/* how many were run */
	TimestampTz started_at;
	const char *sqlstate;		/* of a failure, or NULL */
	const char *message;		/* or NULL */
	const char *evidence;		/* json, or NULL */
} Event;

/*
 * Appends an event in the current transaction; who and when is the server's
 * word.  The migration locks must be held.  Raises what the insertion raises.
 */
extern void event_record(const Event *event);

/*
 * Whether the last event of a migration is this one.
 */
extern bool event_is_last(const char *schema, const char *migration,
						  const char *action, const char *message);

/*
 * Whether what last became of a migration of a schema, failures apart, is this
 * action.
 */
extern bool event_last_outcome_is(const char *schema, const char *action);

/*
 * Writes one line about it to the server's log, which needs no transaction.
 */
extern void event_log_line(const Event *event);

#endif							/* REMIGRATE_EVENT_H */
