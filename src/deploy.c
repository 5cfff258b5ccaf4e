/*-------------------------------------------------------------------------
 *
 * deploy.c
 *	  Every pending migration of a schema, in name order.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "deploy.h"
#include "errors.h"
#include "migrate.h"
#include "registry.h"
#include "transaction.h"

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
	Script	   *script = migration_kept_script(entry);

	if (script == NULL)
		elog(ERROR, "the registry lacks the script of migration \"%s\"",
			 entry->name);
	return migration_for_script(entry->name, deployment->schema,
								deployment->schema_oid, script,
								deployment->policy);
}

/* Prisma's P3005: a schema that somebody else has filled. */
static void
check_journal_or_empty(const Deployment *deployment)
{
	if (journal_open(deployment->schema_oid, AccessShareLock) != NULL ||
		!journal_schema_has_tables(deployment->schema_oid))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_REMIGRATE_NO_JOURNAL),
			 errmsg("schema \"%s\" has tables but no journal: nothing tells which migrations they come from",
					deployment->schema),
			 errhint("If they come from the first of these migrations, mark those as applied with remigrate.baseline(); else name another target_schema."),
			 errhidestmt(true)));
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
	list_sort(rows, journal_compare_by_name);
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
			if (order == 0 && journal_row_is_live(row))
				is_live = true;
		}
		if (entry->state == REGISTRY_APPLIED && !is_live)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("migration \"%s\" was applied in schema \"%s\", but the journal does not show it any more",
							entry->name, deployment->schema),
					 errhint("Write its journal row anew with remigrate.resolve(name, 'applied'); or, where it is to be run again, send the migration by itself with CALL remigrate.migrate(). If it has another name now, or the schema was made anew, forget it with remigrate.unstage(name)."),
					 errhidestmt(true)));
	}
}

static bool
is_to_be_deployed(const Deployment *deployment, const RegistryEntry *entry)
{
	return entry->staged_by != NULL && entry->state != REGISTRY_APPLIED &&
		(deployment->upto == NULL ||
		 strcmp(entry->name, deployment->upto) <= 0);
}

/* The one that nothing else can run before, if there is one. */
static const char *
failed_migration(const Deployment *deployment)
{
	Journal    *journal = journal_open(deployment->schema_oid, AccessShareLock);

	return journal ? journal_failed_migration(journal) : NULL;
}

/*
 * The names of what is to be run: in their order, but what is half-way first,
 * as one with an earlier name may have been staged since.
 */
List *
deploy_list(const Deployment *deployment)
{
	List	   *names = NIL;
	List	   *entries;
	ListCell   *cell;
	const char *failed;
	bool		found_last = deployment->upto == NULL;

	transaction_make_writable();
	PushActiveSnapshot(GetTransactionSnapshot());
	check_journal_or_empty(deployment);
	entries = registry_entries(deployment->schema);
	check_nothing_forgotten(deployment, entries);
	failed = failed_migration(deployment);
	foreach(cell, entries)
	{
		const RegistryEntry *entry = lfirst(cell);

		if (deployment->upto && strcmp(entry->name, deployment->upto) == 0)
			found_last = true;
		if (!is_to_be_deployed(deployment, entry))
			continue;
		if (failed != NULL && strcmp(entry->name, failed) == 0)
			names = lcons(entry->name, names);
		else
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

void
deploy_one(const Deployment *deployment, const SessionSettings *session,
		   const char *name)
{
	RegistryEntry *entry;
	Migration  *migration = NULL;

	transaction_make_writable();
	PushActiveSnapshot(GetTransactionSnapshot());
	/* Staging takes no migration lock: it may have changed by now. */
	entry = registry_entry(deployment->schema, name);
	if (entry != NULL && is_to_be_deployed(deployment, entry))
	{
		check_stager(entry);
		migration = migration_from_registry(deployment, entry);
		migration->entry = entry;
	}
	PopActiveSnapshot();
	if (migration != NULL)
		(void) migrate_run(migration, session);
}

void
deploy_schema(const Deployment *deployment, const SessionSettings *session)
{
	List	   *names = deploy_list(deployment);
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
