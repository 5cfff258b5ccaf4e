/*-------------------------------------------------------------------------
 *
 * deploy.c
 *	  The procedures: remigrate.migrate and remigrate.deploy.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/timeout.h"

#include "context.h"
#include "errors.h"
#include "execute.h"
#include "failure.h"
#include "lock.h"
#include "migrate.h"
#include "query.h"
#include "registry.h"
#include "transaction.h"

PG_FUNCTION_INFO_V1(remigrate_migrate);
PG_FUNCTION_INFO_V1(remigrate_deploy);

typedef struct Deployment
{
	const char *schema;
	Oid			schema_oid;
	const char *upto;			/* last migration to run, or NULL */
	Policy		policy;
	Migration  *migration;		/* the only one, for migrate; or NULL */
} Deployment;

static const char *
subject_of(const Deployment *deployment)
{
	return deployment->migration ? deployment->migration->script->subject :
		psprintf("deployment of schema \"%s\"", deployment->schema);
}

/*
 * A script runs with the rights of its caller.  So whoever staged it must have
 * had all of them, in whichever way the caller may come to use them: a script
 * can say RESET ROLE.
 */
static void
check_stager(const RegistryEntry *entry)
{
	Oid			stager = get_role_oid(entry->staged_by, true);
	Oid			callers[] = {GetUserId(), GetSessionUserId(),
	GetAuthenticatedUserId()};

	if (!OidIsValid(stager))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("migration \"%s\" was not run: role \"%s\", who staged it, does not exist any more",
						entry->name, entry->staged_by),
				 errhint("Stage it again."),
				 errhidestmt(true)));
	if (superuser_arg(stager))
		return;
	for (int i = 0; i < lengthof(callers); i++)
		if (!has_privs_of_role(stager, callers[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("migration \"%s\" was not run: role \"%s\", who staged it, does not have the privileges of \"%s\", who would run it",
							entry->name, entry->staged_by,
							GetUserNameFromId(callers[i], false)),
					 errhint("Stage it again as the role that deploys, or deploy as the role that staged it."),
					 errhidestmt(true)));
}

static Migration *
migration_from_registry(const Deployment *deployment,
						const RegistryEntry *entry)
{
	size_t		length;
	const char *bytes = registry_script_bytes(entry->checksum, &length);

	if (bytes == NULL)
		elog(ERROR, "the registry lacks the script of migration \"%s\"",
			 entry->name);
	return migration_for_script(entry->name, deployment->schema,
								deployment->schema_oid,
								script_decode_bytes(migration_subject(entry->name),
													bytes, length),
								deployment->policy);
}

static bool
has_tables(Oid schema)
{
	QueryScope	scope;
	QueryParameters parameters = {0};
	bool		found;

	query_begin(&scope, QUERY_AS_CALLER);
	query_add_int(&parameters, (int32) schema);
	/* An extension's tables are nobody's application. */
	found = query_run("SELECT 1 FROM pg_catalog.pg_class c"
					  " WHERE c.relnamespace = ($1::int8 & 4294967295)::text::oid"
					  " AND c.relkind = 'r' AND NOT EXISTS"
					  " (SELECT FROM pg_catalog.pg_depend d"
					  "  WHERE d.classid = 'pg_catalog.pg_class'::regclass"
					  "  AND d.objid = c.oid AND d.deptype = 'e') LIMIT 1",
					  &parameters, true) > 0;
	query_end(&scope);
	return found;
}

/* Prisma's P3005: a schema that somebody else has filled. */
static void
check_journal_or_empty(const Deployment *deployment)
{
	if (journal_open(deployment->schema_oid, AccessShareLock) != NULL ||
		!has_tables(deployment->schema_oid))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_REMIGRATE_NO_JOURNAL),
			 errmsg("schema \"%s\" has tables but no journal: nothing tells which migrations they come from",
					deployment->schema),
			 errhint("If they come from the first of these migrations, mark those as applied with remigrate.baseline(); else name another target_schema."),
			 errhidestmt(true)));
}

static int
compare_by_name(const ListCell *left, const ListCell *right)
{
	return strcmp(((const JournalRow *) lfirst(left))->name,
				  ((const JournalRow *) lfirst(right))->name);
}

/* What was applied stays applied: a journal that forgets it is in doubt. */
static void
check_nothing_forgotten(const Deployment *deployment, List *entries)
{
	Journal    *journal = journal_open(deployment->schema_oid, AccessShareLock);
	List	   *rows = journal ? journal_rows(journal, NULL) : NIL;
	int			next = 0;
	ListCell   *cell;

	/* Both lists by name, so one pass over each is enough. */
	list_sort(rows, compare_by_name);
	foreach(cell, entries)
	{
		const RegistryEntry *entry = lfirst(cell);
		bool		is_live = false;

		for (; next < list_length(rows); next++)
		{
			const JournalRow *row = list_nth(rows, next);
			int			order = strcmp(row->name, entry->name);

			if (order > 0)
				break;
			if (order == 0 && row->finished && !row->rolled_back)
				is_live = true;
		}
		if (strcmp(entry->state, "applied") == 0 && !is_live)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("migration \"%s\" was applied in schema \"%s\", but the journal does not show it any more",
							entry->name, deployment->schema),
					 errhint("Restore its journal row from a backup or from remigrate.event_log, or send the migration by itself with CALL remigrate.migrate()."),
					 errhidestmt(true)));
	}
}

static bool
is_to_be_deployed(const Deployment *deployment, const RegistryEntry *entry)
{
	return entry->staged_by != NULL && strcmp(entry->state, "applied") != 0 &&
		(deployment->upto == NULL ||
		 strcmp(entry->name, deployment->upto) <= 0);
}

/* The migrations to run, in a list that outlives this transaction. */
static List *
list_migrations(const Deployment *deployment)
{
	List	   *names = NIL;
	List	   *entries;
	ListCell   *cell;
	bool		found_last = deployment->upto == NULL;

	transaction_make_writable();
	PushActiveSnapshot(GetTransactionSnapshot());
	check_journal_or_empty(deployment);
	entries = registry_entries(deployment->schema);
	check_nothing_forgotten(deployment, entries);
	foreach(cell, entries)
	{
		const RegistryEntry *entry = lfirst(cell);

		if (deployment->upto && strcmp(entry->name, deployment->upto) == 0)
			found_last = true;
		if (is_to_be_deployed(deployment, entry))
			names = lappend(names, entry->name);
	}
	PopActiveSnapshot();
	transaction_commit();
	if (!found_last)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("migration \"%s\" is not staged in schema \"%s\"",
						deployment->upto, deployment->schema),
				 errhint("\"upto\" names the last migration to deploy; stage it first."),
				 errhidestmt(true)));
	return names;
}

static void
deploy_one(const Deployment *deployment, const SessionSettings *session,
		   const char *name)
{
	RegistryEntry *entry;
	Migration  *migration = NULL;

	PushActiveSnapshot(GetTransactionSnapshot());
	/* Staging takes no migration lock: it may have changed by now. */
	entry = registry_entry(deployment->schema, name);
	if (entry != NULL && is_to_be_deployed(deployment, entry))
	{
		check_stager(entry);
		migration = migration_from_registry(deployment, entry);
	}
	PopActiveSnapshot();
	if (migration != NULL)
		(void) migrate_run(migration, session);
}

static void
deploy_all(const Deployment *deployment, const SessionSettings *session)
{
	List	   *names = list_migrations(deployment);
	ListCell   *cell;

	if (names == NIL)
		ereport(NOTICE,
				(errmsg("no migration of schema \"%s\" is pending",
						deployment->schema)));
	foreach(cell, names)
	{
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
													  "remigrate migration",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old_context = MemoryContextSwitchTo(context);

		deploy_one(deployment, session, lfirst(cell));
		MemoryContextSwitchTo(old_context);
		MemoryContextDelete(context);
	}
}

static void
run_locked(const Deployment *deployment, const SessionSettings *session)
{
	transaction_commit();
	if (lock_acquire_for_session(subject_of(deployment),
								 deployment->policy.migration_lock_wait))
		/* What went on meanwhile is newer than this transaction's now(). */
		transaction_commit();
	if (deployment->migration != NULL)
		(void) migrate_run(deployment->migration, session);
	else
		deploy_all(deployment, session);
	session_restore(session);
}

/*
 * Gives the session back as it was.  The error that is about to be raised
 * aborts its transaction, so that it takes one of its own.
 */
static void
clean_up_after_error(const SessionSettings *session, MemoryContext context)
{
	transaction_rollback(context);
	disable_timeout(STATEMENT_TIMEOUT, false);
	PG_TRY();
	{
		session_restore(session);
		transaction_commit();
	}
	PG_CATCH();
	{
		ErrorData  *second = failure_catch(context);

		transaction_rollback(context);
		ereport(WARNING,
				(errcode(second->sqlerrcode),
				 errmsg("could not put the session's settings back: %s",
						second->message)));
	}
	PG_END_TRY();
	lock_release_for_session();
	context_leave();
}

static void
run_deployment(const Deployment *deployment, MemoryContext context)
{
	SessionSettings *session = session_save();

	context_enter();
	PG_TRY();
	{
		run_locked(deployment, session);
	}
	PG_CATCH();
	{
		ErrorData  *error = failure_catch(context);

		clean_up_after_error(session, context);
		failure_name_subject(error, subject_of(deployment));
		failure_throw(error);
	}
	PG_END_TRY();
	lock_release_for_session();
	context_leave();
}

/*
 * SQL: migrate(name text, script text | bytea, target_schema text,
 * policies ...)
 */
Datum
remigrate_migrate(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	Deployment	deployment = {0};

	context_check_procedure("migrate");
	transaction_check_top_level(fcinfo, "migrate");
	context = transaction_outliving_context();
	deployment.migration = migration_from_call(fcinfo);
	deployment.schema = deployment.migration->schema;
	deployment.schema_oid = deployment.migration->schema_oid;
	deployment.policy = deployment.migration->policy;
	run_deployment(&deployment, context);
	PG_RETURN_VOID();
}

/*
 * SQL: deploy(upto text, target_schema text, lock_timeout interval,
 * migration_lock_wait interval)
 */
Datum
remigrate_deploy(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	Deployment	deployment = {0};

	context_check_procedure("deploy");
	transaction_check_top_level(fcinfo, "deploy");
	context = transaction_outliving_context();
	if (!PG_ARGISNULL(0))
		deployment.upto = text_to_cstring(PG_GETARG_TEXT_PP(0));
	deployment.schema = migration_text_argument(fcinfo, 1, "target_schema");
	deployment.schema_oid = migration_schema(deployment.schema);
	deployment.policy = policy_from_settings();
	deployment.policy.lock_timeout =
		policy_time_limit(fcinfo, 2, "lock_timeout",
						  deployment.policy.lock_timeout);
	deployment.policy.migration_lock_wait =
		policy_time_limit(fcinfo, 3, "migration_lock_wait",
						  deployment.policy.migration_lock_wait);
	/* One that was edited must not keep the others waiting. */
	deployment.policy.on_edited = EDITED_WARNING;
	run_deployment(&deployment, context);
	PG_RETURN_VOID();
}
