/*-------------------------------------------------------------------------
 *
 * event.c
 *	  The event log: what came of each migration, who did it, and why.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "event.h"
#include "query.h"

static void
add_who(QueryParameters *parameters)
{
	/* The caller's names, read before the query takes the owner's identity. */
	query_add_text(parameters, GetUserNameFromId(GetUserId(), true));
	query_add_text(parameters, GetUserNameFromId(GetSessionUserId(), true));
	query_add_text(parameters, application_name);
	query_add_int(parameters, MyProcPid);
}

void
event_record(const Event *event)
{
	QueryParameters parameters = {0};
	TimestampTz now = GetCurrentTimestamp();

	query_add_time(&parameters, now);
	query_add_text(&parameters, event->action);
	query_add_text(&parameters, event->schema);
	query_add_text(&parameters, event->migration);
	query_add_text(&parameters, event->checksum);
	query_add_int(&parameters, event->statements);
	query_add_time(&parameters, event->started_at);
	query_add_text(&parameters, event->sqlstate);
	query_add_text(&parameters, event->message);
	query_add_text(&parameters, event->evidence);
	add_who(&parameters);

	/*
	 * Whoever records an event holds the migration locks, so nobody else
	 * takes the same number; a sequence would change the caller's lastval().
	 */
	query_run_once(QUERY_AS_OWNER,
				   "INSERT INTO remigrate.event_log (id, at, action,"
				   " target_schema, migration_name, checksum, statements,"
				   " duration, sqlstate, message, evidence, role_name,"
				   " session_role_name, application_name, client_address,"
				   " process_id)"
				   " VALUES ((SELECT coalesce(max(e.id), 0) + 1"
				   " FROM remigrate.event_log e),"
				   " $1, $2, $3, $4, $5, $6, $1 - $7, $8, $9,"
				   " $10::pg_catalog.jsonb, $11, $12, $13,"
				   " pg_catalog.host(pg_catalog.inet_client_addr()), $14)",
				   &parameters, false);
}

bool
event_is_last(const char *schema, const char *migration, const char *action,
			  const char *message)
{
	QueryParameters parameters = {0};

	query_add_text(&parameters, schema);
	query_add_text(&parameters, migration);
	query_add_text(&parameters, action);
	query_add_text(&parameters, message);
	return query_run_once(QUERY_AS_OWNER,
						  "SELECT 1 FROM (SELECT e.action, e.message"
						  " FROM remigrate.event_log e"
						  " WHERE e.target_schema = $1 AND e.migration_name = $2"
						  " ORDER BY e.id DESC LIMIT 1) l"
						  " WHERE l.action = $3 AND l.message = $4",
						  &parameters, true) > 0;
}

bool
event_last_outcome_is(const char *schema, const char *action)
{
	QueryParameters parameters = {0};

	query_add_text(&parameters, schema);
	query_add_text(&parameters, action);
	return query_run_once(QUERY_AS_OWNER,
						  "SELECT 1 FROM (SELECT e.action"
						  " FROM remigrate.event_log e"
						  " WHERE e.target_schema = $1 AND e.action IN ('applied',"
						  "  'resumed', 'already_applied', 'healed', 'baseline',"
						  "  'resolved as applied')"
						  " ORDER BY e.id DESC LIMIT 1) l WHERE l.action = $2",
						  &parameters, true) > 0;
}

void
event_log_line(const Event *event)
{
	long		milliseconds = TimestampDifferenceMilliseconds(event->started_at,
															   GetCurrentTimestamp());

	ereport(LOG_SERVER_ONLY,
			(errmsg_plural("remigrate: %s \"%s\" in \"%s\": %d statement, %ld ms",
						   "remigrate: %s \"%s\" in \"%s\": %d statements, %ld ms",
						   event->statements,
						   event->action, event->migration, event->schema,
						   event->statements, milliseconds),
			 errhidestmt(true), errhidecontext(true)));
}
