/*-------------------------------------------------------------------------
 *
 * procedure.c
 *	  The frame of every procedure: its session, its locks, its way out; and
 *	  remigrate.migrate and remigrate.deploy.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timeout.h"

#include "context.h"
#include "deploy.h"
#include "failure.h"
#include "lock.h"
#include "migrate.h"
#include "procedure.h"
#include "transaction.h"

PG_FUNCTION_INFO_V1(remigrate_migrate);
PG_FUNCTION_INFO_V1(remigrate_deploy);

MemoryContext
procedure_begin(FunctionCallInfo fcinfo, const char *name)
{
	context_check_procedure(name);
	transaction_check_top_level(fcinfo, name);
	return transaction_outliving_context();
}

static void
work_locked(const char *subject, int wait, ProcedureWork work, void *argument,
			const SessionSettings *session)
{
	transaction_commit();
	if (lock_acquire_for_session(subject, wait))
		/* What went on meanwhile is newer than this transaction's now(). */
		transaction_commit();
	work(argument, session);
	session_restore(session);
}

/*
 * Gives the session back as it was.  The error that is about to be raised
 * aborts its transaction, so that this takes one of its own.
 */
static void
clean_up_after_error(const SessionSettings *session, MemoryContext context)
{
	lock_release_for_session();
	context_leave();
	disable_timeout(STATEMENT_TIMEOUT, false);
	PG_TRY();
	{
		session_restore(session);
		transaction_commit();
	}
	PG_CATCH();
	{
		ErrorData  *second = transaction_catch(context);

		failure_warn(second, "could not put the session's settings back");
	}
	PG_END_TRY();
}

void
procedure_run(MemoryContext context, const char *subject, int wait,
			  ProcedureWork work, void *argument)
{
	SessionSettings *session = session_save();

	context_enter();
	PG_TRY();
	{
		work_locked(subject, wait, work, argument, session);
	}
	PG_CATCH();
	{
		ErrorData  *error = transaction_catch(context);

		clean_up_after_error(session, context);
		failure_name_subject(error, subject);
		failure_throw(error);
	}
	PG_END_TRY();
	lock_release_for_session();
	context_leave();
}

static void
migrate_work(void *argument, const SessionSettings *session)
{
	(void) migrate_run(argument, session);
}

/*
 * SQL: migrate(name text, script text | bytea, target_schema text,
 * policies ...)
 */
Datum
remigrate_migrate(PG_FUNCTION_ARGS)
{
	MemoryContext context = procedure_begin(fcinfo, "migrate");
	Migration  *migration = migration_from_call(fcinfo);

	procedure_run(context, migration->script->subject,
				  migration->policy.migration_lock_wait,
				  migrate_work, migration);
	PG_RETURN_VOID();
}

static void
deploy_work(void *argument, const SessionSettings *session)
{
	deploy_schema(argument, session);
}

/*
 * SQL: deploy(upto text, target_schema text, lock_timeout interval,
 * migration_lock_wait interval)
 */
Datum
remigrate_deploy(PG_FUNCTION_ARGS)
{
	MemoryContext context = procedure_begin(fcinfo, "deploy");
	Deployment	deployment = {.policy = policy_from_settings()};

	if (!PG_ARGISNULL(0))
		deployment.upto = text_to_cstring(PG_GETARG_TEXT_PP(0));
	deployment.schema = migration_text_argument(fcinfo, 1, "target_schema");
	deployment.schema_oid = migration_schema(deployment.schema);
	deployment.policy.lock_timeout =
		policy_time_limit(fcinfo, 2, "lock_timeout",
						  deployment.policy.lock_timeout);
	deployment.policy.migration_lock_wait =
		policy_time_limit(fcinfo, 3, "migration_lock_wait",
						  deployment.policy.migration_lock_wait);
	/* One that was edited must not keep the others waiting. */
	deployment.policy.on_edited = EDITED_WARNING;
	procedure_run(context,
				  psprintf("deployment of schema \"%s\"", deployment.schema),
				  deployment.policy.migration_lock_wait,
				  deploy_work, &deployment);
	PG_RETURN_VOID();
}
