/*-------------------------------------------------------------------------
 *
 * reconcile.c
 *	  remigrate.reconcile: what pg_cron calls, over and over, unattended.
 *
 * Nobody reads what it says, so it does not say the same thing twice: a
 * failure that may pass is tried again ever more rarely, any other one holds
 * the migration until somebody has looked at it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "deploy.h"
#include "errors.h"
#include "execute.h"
#include "failure.h"
#include "lock.h"
#include "migration.h"
#include "procedure.h"
#include "registry.h"
#include "repair.h"
#include "transaction.h"

PG_FUNCTION_INFO_V1(remigrate_reconcile);

typedef struct Reconciliation
{
	MemoryContext context;
	const char *schema;			/* the only one, or NULL for all */
	Policy		policy;
	int			held;			/* migrations */
	int			sqlstate;		/* of the last schema that could not be done */
	StringInfoData problems;	/* for the closing warning */
} Reconciliation;

static void
add_problem(Reconciliation *reconciliation, const char *format,
			const char *schema, const char *what)
{
	if (reconciliation->problems.len > 0)
		appendStringInfoString(&reconciliation->problems, "; ");
	appendStringInfo(&reconciliation->problems, format, schema, what);
}

/* Whether the same thing may go well another time. */
static bool
may_pass(int sqlstate)
{
	return sqlstate == ERRCODE_T_R_SERIALIZATION_FAILURE ||
		sqlstate == ERRCODE_T_R_DEADLOCK_DETECTED ||
		sqlstate == ERRCODE_LOCK_NOT_AVAILABLE ||
		sqlstate == ERRCODE_QUERY_CANCELED ||
		ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_INSUFFICIENT_RESOURCES ||
		ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_CONNECTION_EXCEPTION;
}

/*
 * Whether the migration can be tried now.  Those that come after it in the
 * same schema wait for it either way.
 */
static bool
is_ready(Reconciliation *reconciliation, const char *schema, const char *name)
{
	RegistryEntry *entry;

	transaction_make_writable();
	PushActiveSnapshot(GetTransactionSnapshot());
	entry = registry_entry(schema, name);
	PopActiveSnapshot();
	if (entry != NULL && entry->held)
	{
		reconciliation->held++;
		add_problem(reconciliation, "\"%s\": %s", schema,
					entry->last_error ? entry->last_error : entry->name);
		return false;
	}
	return entry == NULL || entry->is_due;
}

static void
record_attempt(Reconciliation *reconciliation, const char *schema,
			   const char *name, const ErrorData *error)
{
	bool		held = !may_pass(error->sqlerrcode);

	transaction_make_writable();
	execute_limit_locks(reconciliation->policy.lock_timeout, true);
	PushActiveSnapshot(GetTransactionSnapshot());
	registry_record_error(schema, name, unpack_sql_state(error->sqlerrcode),
						  error->message);
	registry_record_attempt(schema, name, held);
	PopActiveSnapshot();
	transaction_commit();
	if (held)
	{
		reconciliation->held++;
		add_problem(reconciliation, "\"%s\": %s", schema, error->message);
	}
}

/* Returns whether the next one may be tried. */
static bool
try_migration(Reconciliation *reconciliation, const Deployment *deployment,
			  const SessionSettings *session, const char *name)
{
	volatile bool succeeded = false;

	if (!is_ready(reconciliation, deployment->schema, name))
		return false;
	PG_TRY();
	{
		deploy_one(deployment, session, name);
		succeeded = true;
	}
	PG_CATCH();
	{
		ErrorData  *error = transaction_catch(reconciliation->context);

		session_restore(session);
		record_attempt(reconciliation, deployment->schema, name, error);
		failure_stop_if_ending(error);
	}
	PG_END_TRY();
	return succeeded;
}

/* In a transaction of its own: what it has put right stays so. */
static void
repair_journal(const char *schema)
{
	ListCell   *cell;

	transaction_make_writable();
	PushActiveSnapshot(GetTransactionSnapshot());
	foreach(cell, repair_schema(schema))
	{
		const Repair *repair = lfirst(cell);

		ereport(LOG_SERVER_ONLY,
				(errmsg("remigrate: repair of \"%s\" in \"%s\": %s, %s",
						repair->migration, schema, repair->action,
						repair->detail),
				 errhidestmt(true)));
	}
	PopActiveSnapshot();
	transaction_commit();
}

static void
reconcile_migrations(Reconciliation *reconciliation,
					 const Deployment *deployment,
					 const SessionSettings *session)
{
	ListCell   *cell;

	foreach(cell, deploy_list(deployment))
	{
		if (!try_migration(reconciliation, deployment, session, lfirst(cell)))
			break;
	}
}

/* One schema's trouble must not keep the next one waiting. */
static void
reconcile_schema(Reconciliation *reconciliation, const char *schema,
				 const SessionSettings *session)
{
	Deployment	deployment = {
		.schema = schema,
		.policy = reconciliation->policy
	};

	PG_TRY();
	{
		/* The schema before this one may have failed with a lock lost. */
		if (lock_acquire_for_session(psprintf("reconciliation of schema \"%s\"",
											  schema),
									 reconciliation->policy.migration_lock_wait))
			transaction_commit();
		deployment.schema_oid = migration_schema(schema);
		repair_journal(schema);
		reconcile_migrations(reconciliation, &deployment, session);
	}
	PG_CATCH();
	{
		ErrorData  *error = transaction_catch(reconciliation->context);

		failure_stop_if_ending(error);
		reconciliation->sqlstate = error->sqlerrcode;
		add_problem(reconciliation, "\"%s\": %s", schema, error->message);
	}
	PG_END_TRY();
}

static List *
schemas_to_reconcile(const Reconciliation *reconciliation)
{
	List	   *schemas;

	if (reconciliation->schema != NULL)
		return list_make1(unconstify(char *, reconciliation->schema));
	transaction_make_writable();
	PushActiveSnapshot(GetTransactionSnapshot());
	schemas = registry_schemas();
	PopActiveSnapshot();
	return schemas;
}

static void
report_problems(const Reconciliation *reconciliation)
{
	if (reconciliation->held > 0)
		ereport(WARNING,
				(errcode(ERRCODE_REMIGRATE_HELD),
				 errmsg_plural("%d migration is held: %s",
							   "%d migrations are held: %s",
							   reconciliation->held, reconciliation->held,
							   reconciliation->problems.data),
				 errhint("Correct the migration and stage it again, resolve it, or deploy it by hand.")));
	else if (reconciliation->problems.len > 0)
		ereport(WARNING,
				(errcode(reconciliation->sqlstate),
				 errmsg("could not reconcile %s",
						reconciliation->problems.data)));
}

static void
reconcile_work(void *argument, const SessionSettings *session)
{
	Reconciliation *reconciliation = argument;
	ListCell   *cell;

	foreach(cell, schemas_to_reconcile(reconciliation))
		reconcile_schema(reconciliation, lfirst(cell), session);
	report_problems(reconciliation);
}

/* SQL: reconcile(target_schema text) */
Datum
remigrate_reconcile(PG_FUNCTION_ARGS)
{
	MemoryContext context = procedure_begin(fcinfo, "reconcile");
	Reconciliation reconciliation = {
		.context = context,
		.policy = policy_from_settings()
	};

	reconciliation.policy.on_edited = EDITED_WARNING;
	reconciliation.policy.records_repeats = false;
	if (!PG_ARGISNULL(0))
		reconciliation.schema = text_to_cstring(PG_GETARG_TEXT_PP(0));
	initStringInfo(&reconciliation.problems);
	procedure_run(context, "reconciliation",
				  reconciliation.policy.migration_lock_wait,
				  reconcile_work, &reconciliation);
	PG_RETURN_VOID();
}
