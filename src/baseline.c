/*-------------------------------------------------------------------------
 *
 * baseline.c
 *	  remigrate.baseline: takes the staged history of a schema as applied.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "context.h"
#include "errors.h"
#include "event.h"
#include "history.h"
#include "lock.h"
#include "migration.h"

PG_FUNCTION_INFO_V1(remigrate_baseline);

/* How many contradictions an error names. */
#define MESSAGE_CONTRADICTIONS 10

typedef struct Baseline
{
	const char *schema;
	const char *upto;			/* or NULL for all */
	bool		force;
	TimestampTz started_at;
} Baseline;

static bool
is_in_baseline(const MigrationStatus *status, const void *argument)
{
	const Baseline *baseline = argument;

	return status->entry != NULL &&
		(baseline->upto == NULL || strcmp(status->name, baseline->upto) <= 0);
}

static void
check_upto(const Baseline *baseline, List *entries)
{
	const HistoryEntry *last = entries == NIL ? NULL : llast(entries);

	if (last != NULL && (baseline->upto == NULL ||
						 strcmp(last->status->name, baseline->upto) == 0))
		return;
	if (baseline->upto == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("no migration is staged in schema \"%s\"",
						baseline->schema),
				 errhint("Stage the migrations that the schema comes from first."),
				 errhidestmt(true)));
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("migration \"%s\" is not staged in schema \"%s\"",
					baseline->upto, baseline->schema),
			 errhint("\"upto\" names the last migration that is in the schema; stage it first."),
			 errhidestmt(true)));
}

static void
report_contradictions(const Baseline *baseline, List *entries)
{
	StringInfoData list;
	int			count = 0;
	ListCell   *cell;

	initStringInfo(&list);
	foreach(cell, entries)
	{
		const HistoryEntry *entry = lfirst(cell);

		if (entry->contradiction == NULL)
			continue;
		if (++count <= MESSAGE_CONTRADICTIONS)
			appendStringInfo(&list, "%s\"%s\": %s", count > 1 ? "; " : "",
							 entry->status->name, entry->contradiction);
	}
	if (count == 0)
		return;
	if (count > MESSAGE_CONTRADICTIONS)
		appendStringInfo(&list, "; and %d more",
						 count - MESSAGE_CONTRADICTIONS);
	ereport(baseline->force ? WARNING : ERROR,
			(errcode(ERRCODE_REMIGRATE_UNDECIDABLE),
			 errmsg("schema \"%s\" is not what %d of %d migrations make of it: %s",
					baseline->schema, count, list_length(entries), list.data),
			 errhint("Name the last migration that the schema has in upto, put the schema right, or call again with force => true."),
			 errhidestmt(true)));
}

static void
mark_as_applied(const Baseline *baseline, const Journal *journal,
				const HistoryEntry *entry)
{
	const char *logs = "remigrate: baseline, not run";
	JournalRow	row = {
		.name = unconstify(char *, entry->status->name),
		.checksum = entry->script->checksum,
		.logs = unconstify(char *, logs),
		.started_at = GetCurrentTimestamp(),
		.finished = true
	};
	Event		event = {
		.action = "baseline",
		.schema = baseline->schema,
		.migration = entry->status->name,
		.checksum = entry->script->checksum,
		.started_at = baseline->started_at,
		.message = entry->contradiction
	};

	row.finished_at = row.started_at;
	(void) journal_insert(journal, &row);
	registry_record_applied(baseline->schema, entry->status->name,
							entry->script, NULL);
	event_record(&event);
}

static int
baseline_schema(const Baseline *baseline, Oid schema_oid)
{
	List	   *entries = history_read(baseline->schema, is_in_baseline, baseline);
	Journal    *journal = journal_open_or_create(schema_oid);
	char	   *failed = journal_failed_migration(journal);
	int			count = 0;
	ListCell   *cell;

	check_upto(baseline, entries);
	if (failed != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("schema \"%s\" has no baseline: migration \"%s\" failed in it and is not resolved",
						baseline->schema, failed),
				 errhint("Resolve it first, with remigrate.resolve()."),
				 errhidestmt(true)));
	report_contradictions(baseline, entries);
	foreach(cell, entries)
	{
		const HistoryEntry *entry = lfirst(cell);

		if (entry->status->finished != NULL || entry->script == NULL)
			continue;
		mark_as_applied(baseline, journal, entry);
		count++;
	}
	return count;
}

/*
 * SQL: baseline(upto text, target_schema text, force boolean) returns integer
 */
Datum
remigrate_baseline(PG_FUNCTION_ARGS)
{
	Baseline	baseline = {.started_at = GetCurrentTimestamp()};
	Oid			schema_oid;

	context_check_writer("baseline");
	if (!PG_ARGISNULL(0))
		baseline.upto = text_to_cstring(PG_GETARG_TEXT_PP(0));
	baseline.schema = migration_text_argument(fcinfo, 1, "target_schema");
	baseline.force = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	schema_oid = migration_schema(baseline.schema);
	lock_acquire_for_transaction(psprintf("baseline of schema \"%s\"",
										  baseline.schema),
								 policy_from_settings().migration_lock_wait);
	PG_RETURN_INT32(baseline_schema(&baseline, schema_oid));
}
