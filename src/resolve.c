/*-------------------------------------------------------------------------
 *
 * resolve.c
 *	  remigrate.resolve: an operator's word about a migration.
 *
 * "applied" and "rolled_back" have the effects, the conditions and the
 * refusals of "prisma migrate resolve"; its error codes are in the messages,
 * for whoever looks them up.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "context.h"
#include "event.h"
#include "lock.h"
#include "migration.h"
#include "outside.h"
#include "registry.h"

PG_FUNCTION_INFO_V1(remigrate_resolve);

typedef struct Resolution
{
	const char *name;
	const char *schema;
	Oid			schema_oid;
	const char *action;
	Script	   *script;			/* given or staged, or NULL */
	TimestampTz started_at;
} Resolution;

static void
refuse(const Resolution *resolution, const char *reason, const char *code)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("migration \"%s\" cannot be resolved as %s in schema \"%s\": %s%s",
					resolution->name, resolution->action, resolution->schema,
					reason, code),
			 errhidestmt(true)));
}

/* Marks all unfinished rows of the migration as rolled back. */
static void
roll_back_rows(const Journal *journal, List *rows)
{
	ListCell   *cell;

	foreach(cell, rows)
	{
		JournalRow	row = *(JournalRow *) lfirst(cell);

		if (row.finished || row.rolled_back)
			continue;
		row.rolled_back = true;
		row.rolled_back_at = GetCurrentTimestamp();
		(void) journal_end_row(journal, &row);
	}
}

static void
resolve_as_applied(const Resolution *resolution)
{
	Journal    *journal;
	List	   *rows;
	ListCell   *cell;
	JournalRow	row = {0};

	if (resolution->script == NULL)
		refuse(resolution, "its script is not known; give it, or stage it first",
			   " (Prisma's P3017)");
	journal = journal_open_or_create(resolution->schema_oid);
	rows = journal_rows(journal, resolution->name);
	foreach(cell, rows)
	{
		if (((JournalRow *) lfirst(cell))->finished)
			refuse(resolution, "the journal has it as applied already",
				   " (Prisma's P3008)");
	}
	roll_back_rows(journal, rows);

	row.name = unconstify(char *, resolution->name);
	row.checksum = resolution->script->checksum;
	row.logs = "";
	row.started_at = row.finished_at = GetCurrentTimestamp();
	row.finished = true;
	(void) journal_insert(journal, &row);
	registry_record_applied(resolution->schema, resolution->name,
							resolution->script, NULL);
}

static void
resolve_as_rolled_back(const Resolution *resolution)
{
	Journal    *journal = journal_open(resolution->schema_oid, JOURNAL_WRITE_LOCK);
	List	   *rows = journal ? journal_rows(journal, resolution->name) : NIL;
	RegistryEntry *entry = registry_entry(resolution->schema, resolution->name);
	bool		all_finished = true;
	ListCell   *cell;

	foreach(cell, rows)
	{
		if (!((JournalRow *) lfirst(cell))->finished)
			all_finished = false;
	}

	/*
	 * The registry alone may remember it: as applied, by a journal row that
	 * somebody has deleted since, or as held by reconcile.
	 */
	if (rows == NIL && (entry == NULL ||
						(entry->state == REGISTRY_PENDING && !entry->held)))
		refuse(resolution, "it was never applied", " (Prisma's P3011)");
	if (rows != NIL && all_finished)
		refuse(resolution, "it is not in a failed state", " (Prisma's P3012)");
	if (journal != NULL)
		roll_back_rows(journal, rows);
	registry_record_resolved(resolution->schema, resolution->name);
	outside_report_invalid_indexes(resolution->schema_oid, NOTICE);
}

static void
resolve_as_edited(const Resolution *resolution)
{
	Journal    *journal = journal_open(resolution->schema_oid, JOURNAL_WRITE_LOCK);
	List	   *rows = journal ? journal_rows(journal, resolution->name) : NIL;
	bool		found = false;
	ListCell   *cell;

	if (resolution->script == NULL)
		refuse(resolution, "its script is not given", "");
	foreach(cell, rows)
	{
		const JournalRow *row = lfirst(cell);

		if (!journal_row_is_live(row))
			continue;
		found = true;
		journal_correct_checksum(journal, row->id, resolution->script->checksum);
	}
	if (!found)
		refuse(resolution, "the journal does not have it as applied", "");
	registry_record_applied(resolution->schema, resolution->name,
							resolution->script, NULL);
}

static void
resolve(const Resolution *resolution)
{
	if (strcmp(resolution->action, "applied") == 0)
		resolve_as_applied(resolution);
	else if (strcmp(resolution->action, "rolled_back") == 0)
		resolve_as_rolled_back(resolution);
	else if (strcmp(resolution->action, "edited") == 0)
		resolve_as_edited(resolution);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"action\" cannot be \"%s\"; it is \"applied\", \"rolled_back\" or \"edited\"",
						resolution->action),
				 errhidestmt(true)));
}

static Script *
staged_script(const char *name, const char *schema)
{
	const RegistryEntry *entry = registry_entry(schema, name);

	return entry ? migration_kept_script(entry) : NULL;
}

static void
record(const Resolution *resolution)
{
	Event		event = {
		.action = psprintf("resolved as %s", resolution->action),
		.schema = resolution->schema,
		.migration = resolution->name,
		.checksum = resolution->script ? resolution->script->checksum : NULL,
		.started_at = resolution->started_at
	};

	event_record(&event);
	event_log_line(&event);
}

/*
 * SQL: resolve(name text, action text, script text | bytea,
 * target_schema text) returns text
 */
Datum
remigrate_resolve(PG_FUNCTION_ARGS)
{
	Resolution	resolution = {.started_at = GetCurrentTimestamp()};

	context_check_writer("resolve");
	resolution.name = migration_text_argument(fcinfo, 0, "name");
	resolution.action = migration_text_argument(fcinfo, 1, "action");
	resolution.schema = migration_text_argument(fcinfo, 3, "target_schema");
	migration_check_name(resolution.name);
	resolution.schema_oid = migration_schema(resolution.schema);
	lock_acquire_for_transaction(migration_subject(resolution.name),
								 policy_from_settings().migration_lock_wait);
	if (!PG_ARGISNULL(2))
		resolution.script =
			migration_script_argument(fcinfo, 2,
									  migration_subject(resolution.name));
	else if (strcmp(resolution.action, "applied") == 0)
		resolution.script = staged_script(resolution.name, resolution.schema);
	resolve(&resolution);
	record(&resolution);
	PG_RETURN_TEXT_P(cstring_to_text(resolution.action));
}
