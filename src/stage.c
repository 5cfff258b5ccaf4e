/*-------------------------------------------------------------------------
 *
 * stage.c
 *	  Makes scripts pending: remigrate.stage, stage_all and unstage.
 *
 * Staging takes no migration lock, so that it can be done while another
 * deployment runs for hours.  What it finds out about a migration is looked
 * at again, under the lock, when the migration is to run.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "bundle.h"
#include "context.h"
#include "errors.h"
#include "journal.h"
#include "migration.h"
#include "registry.h"

PG_FUNCTION_INFO_V1(remigrate_stage);
PG_FUNCTION_INFO_V1(remigrate_stage_all);
PG_FUNCTION_INFO_V1(remigrate_unstage);

/* Whether the registry knows that the migration was applied with this script. */
static bool
registry_knows(const Migration *migration, const RegistryEntry *entry)
{
	const Script *script = migration->script;

	if (entry == NULL || strcmp(entry->checksum, script->checksum) != 0)
		return false;
	return entry->state == REGISTRY_APPLIED ||
		(entry->state == REGISTRY_PENDING && !entry->held &&
		 entry->staged_by != NULL &&
		 strcmp(entry->staged_by, GetUserNameFromId(GetUserId(), false)) == 0);
}

static void
refuse_edited(const Migration *migration, const RegistryEntry *entry)
{
	ereport(ERROR,
			(errcode(ERRCODE_REMIGRATE_EDITED),
			 errmsg("%s was not staged: it is applied in schema \"%s\" with another script",
					migration->script->subject, migration->schema),
			 errdetail("This script has the checksum %s, the one that was applied %s.",
					   migration->script->checksum, entry->checksum),
			 errhint("Put the script back as it was and write the change as a new migration."),
			 errhidestmt(true)));
}

/* Returns whether the registry was changed. */
static bool
stage_migration(Migration *migration)
{
	RegistryEntry *entry = registry_entry(migration->schema, migration->name);
	Journal    *journal;
	JournalFinding finding = {.verdict = JOURNAL_SILENT};

	if (registry_knows(migration, entry))
		return false;
	journal = journal_open(migration->schema_oid, AccessShareLock);
	if (journal != NULL)
		finding = migration_find(migration, journal);
	switch (finding.verdict)
	{
		case JOURNAL_MATCHES:
		case JOURNAL_LACKS_NEWLINE:
			registry_record_applied(migration->schema, migration->name,
									migration->script, entry);
			return false;
		case JOURNAL_EDITED:
			migration_report_edited(migration, finding.row);
			return false;
		case JOURNAL_CLAIMS:
		case JOURNAL_SILENT:
			if (entry != NULL && entry->state == REGISTRY_APPLIED)
				refuse_edited(migration, entry);
			break;
	}
	migration_parse(migration);
	registry_stage(migration->schema, migration->name, migration->script);
	return true;
}

static bool
stage_script(const char *name, const char *schema, Oid schema_oid,
			 Script *script)
{
	Policy		policy = policy_from_settings();

	policy.on_edited = EDITED_ERROR;
	return stage_migration(migration_for_script(name, schema, schema_oid,
												script, policy));
}

/* SQL: stage(name text, script text | bytea, target_schema text) returns text */
Datum
remigrate_stage(PG_FUNCTION_ARGS)
{
	char	   *name;
	char	   *schema;
	bool		changed;

	context_check_procedure("stage");
	name = migration_text_argument(fcinfo, 0, "name");
	migration_check_name(name);
	migration_require_argument(fcinfo, 1, "script");
	schema = migration_text_argument(fcinfo, 2, "target_schema");
	changed = stage_script(name, schema, migration_schema(schema),
						   migration_script_argument(fcinfo, 1,
													 migration_subject(name)));
	PG_RETURN_TEXT_P(cstring_to_text(changed ? "staged" : "unchanged"));
}

/* Forgets what is pending and not in the bundle; both are sorted by name. */
static int
prune(List *bundle, const char *schema)
{
	int			pruned = 0;
	int			next = 0;
	ListCell   *cell;

	foreach(cell, registry_entries(schema))
	{
		const RegistryEntry *entry = lfirst(cell);

		while (next < list_length(bundle) &&
			   strcmp(((BundleEntry *) list_nth(bundle, next))->name,
					  entry->name) < 0)
			next++;
		if (next < list_length(bundle) &&
			strcmp(((BundleEntry *) list_nth(bundle, next))->name,
				   entry->name) == 0)
			continue;
		if (registry_unstage(schema, entry->name))
			pruned++;
	}
	return pruned;
}

/* SQL: stage_all(bundle jsonb, target_schema text, prune boolean) returns integer */
Datum
remigrate_stage_all(PG_FUNCTION_ARGS)
{
	char	   *schema;
	Oid			schema_oid;
	List	   *bundle;
	ListCell   *cell;
	int			changed = 0;

	context_check_procedure("stage_all");
	migration_require_argument(fcinfo, 0, "bundle");
	schema = migration_text_argument(fcinfo, 1, "target_schema");
	schema_oid = migration_schema(schema);
	journal_check_schema(schema_oid);
	bundle = bundle_read(PG_GETARG_DATUM(0), "bundle");
	foreach(cell, bundle)
	{
		const BundleEntry *entry = lfirst(cell);
		MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
													  "remigrate staging",
													  ALLOCSET_DEFAULT_SIZES);
		MemoryContext old_context = MemoryContextSwitchTo(context);

		migration_check_name(entry->name);
		if (stage_script(entry->name, schema, schema_oid,
						 script_decode(migration_subject(entry->name),
									   CStringGetTextDatum(entry->text),
									   false)))
			changed++;
		MemoryContextSwitchTo(old_context);
		MemoryContextDelete(context);
	}
	if (!PG_ARGISNULL(2) && PG_GETARG_BOOL(2))
		changed += prune(bundle, schema);
	PG_RETURN_INT32(changed);
}

static void
refuse_unstaging(const RegistryEntry *entry, const char *schema)
{
	bool		half_done = entry->state == REGISTRY_RUNNING &&
		!entry->is_at_work;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("migration \"%s\" cannot be unstaged: it is %s in schema \"%s\"",
					entry->name, half_done ? "half done" :
					registry_state_name(entry->state),
					schema),
			 half_done ?
			 errhint("Finish it with CALL remigrate.deploy(), or resolve it first with remigrate.resolve().") :
			 errhint("Only what is pending or held can be unstaged."),
			 errhidestmt(true)));
}

/* Whether the journal knows of anything of a migration that is left. */
static bool
is_in_journal(Oid schema_oid, const char *name)
{
	Journal    *journal = OidIsValid(schema_oid) ?
		journal_open(schema_oid, AccessShareLock) : NULL;
	ListCell   *cell;

	if (journal == NULL)
		return false;
	foreach(cell, journal_rows(journal, name))
	{
		if (!((JournalRow *) lfirst(cell))->rolled_back)
			return true;
	}
	return false;
}

/* SQL: unstage(name text, target_schema text) returns boolean */
Datum
remigrate_unstage(PG_FUNCTION_ARGS)
{
	char	   *name;
	char	   *schema;
	Oid			schema_oid;
	RegistryEntry *entry;

	context_check_procedure("unstage");
	name = migration_text_argument(fcinfo, 0, "name");
	schema = migration_text_argument(fcinfo, 1, "target_schema");
	/* One that is gone, with all that was in it, is nobody's secret. */
	schema_oid = get_namespace_oid(schema, true);
	if (OidIsValid(schema_oid))
		journal_check_schema(schema_oid);
	if (registry_unstage(schema, name))
		PG_RETURN_BOOL(true);
	entry = registry_entry(schema, name);
	if (entry == NULL)
		PG_RETURN_BOOL(false);

	/* The registry is read first: they are written in one transaction. */
	if (entry->state != REGISTRY_APPLIED ||
		is_in_journal(schema_oid, name))
		refuse_unstaging(entry, schema);
	PG_RETURN_BOOL(registry_forget_applied(schema, name));
}
