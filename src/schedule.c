/*-------------------------------------------------------------------------
 *
 * schedule.c
 *	  remigrate.schedule and unschedule: the job that pg_cron runs.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/dbcommands.h"
#include "commands/extension.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

#include "context.h"
#include "migration.h"
#include "query.h"

PG_FUNCTION_INFO_V1(remigrate_schedule);
PG_FUNCTION_INFO_V1(remigrate_unschedule);

#define JOB_NAME "remigrate"
#define JOB_COMMAND "CALL remigrate.reconcile()"

/*
 * Of a job that is made in pg_cron's database for this one: there may be more
 * of them, and a role's jobs are told apart by their names.
 */
static char *
job_name_elsewhere(void)
{
	return quote_literal_cstr(psprintf(JOB_NAME " in %s",
									   get_database_name(MyDatabaseId)));
}

/* pg_cron lives in one database of a server; jobs for others are made there. */
static void
check_pg_cron(const char *statement)
{
	const char *database = GetConfigOption("cron.database_name", true, false);
	const char *here = get_database_name(MyDatabaseId);

	if (OidIsValid(get_extension_oid("pg_cron", true)))
		return;
	if (database == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("pg_cron is not loaded on this server"),
				 errhint("Add it to shared_preload_libraries, restart, and CREATE EXTENSION pg_cron; or run %s at intervals by other means.",
						 JOB_COMMAND)));
	if (strcmp(database, here) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("pg_cron is not installed in database \"%s\"", here),
				 errhint("CREATE EXTENSION pg_cron first.")));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("pg_cron is not installed in database \"%s\" but can be in \"%s\"; run there: %s",
					here, database, statement),
			 errhint("After CREATE EXTENSION pg_cron there, if it is missing.")));
}

/* SQL: schedule(cron_expression text) returns bigint */
Datum
remigrate_schedule(PG_FUNCTION_ARGS)
{
	char	   *expression;
	QueryScope	scope;
	QueryParameters parameters = {0};
	Datum		job;

	context_check_procedure("schedule");
	expression = migration_text_argument(fcinfo, 0, "cron_expression");
	check_pg_cron(psprintf("SELECT cron.schedule_in_database(%s, %s, %s, %s)",
						   job_name_elsewhere(),
						   quote_literal_cstr(expression),
						   quote_literal_cstr(JOB_COMMAND),
						   quote_literal_cstr(get_database_name(MyDatabaseId))));
	query_begin(&scope, QUERY_AS_CALLER);
	query_add_text(&parameters, expression);
	/* A job of the same name and user is changed, not doubled. */
	query_run("SELECT cron.schedule('" JOB_NAME "', $1, '" JOB_COMMAND "')",
			  &parameters, false);
	job = query_value(0, 1, NULL);
	query_end(&scope);
	PG_RETURN_DATUM(job);
}

/* SQL: unschedule() returns boolean */
Datum
remigrate_unschedule(PG_FUNCTION_ARGS)
{
	QueryScope	scope;
	QueryParameters parameters = {0};
	bool		found;

	context_check_procedure("unschedule");
	check_pg_cron(psprintf("SELECT cron.unschedule(%s)", job_name_elsewhere()));
	query_begin(&scope, QUERY_AS_CALLER);
	found = query_run("SELECT cron.unschedule(jobid) FROM cron.job"
					  " WHERE jobname = '" JOB_NAME "'"
					  " AND username = current_user"
					  " AND database = pg_catalog.current_database()",
					  &parameters, false) > 0;
	query_end(&scope);
	PG_RETURN_BOOL(found);
}
