/*-------------------------------------------------------------------------
 *
 * repair.c
 *	  remigrate.repair: puts right what a journal claims falsely.
 *
 * Scripts that send migrations by hand have written "applied" for whatever
 * raised "already exists", with a word that is no checksum and one more row a
 * run.  Such a row is a claim.  The catalog decides: an object's last word
 * belongs to one migration, and a claim is false if the catalog contradicts
 * that word.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "context.h"
#include "event.h"
#include "history.h"
#include "lock.h"
#include "migration.h"
#include "repair.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(remigrate_repair);

typedef struct Repairing
{
	const char *schema;
	const Journal *journal;
	TimestampTz started_at;
	List	   *repairs;
} Repairing;

/* "evidence" is json or NULL. */
static void
add_repair(Repairing *repairing, const char *migration, const char *action,
		   const char *detail, const char *evidence)
{
	Repair	   *repair;
	Event		event = {
		.action = action,
		.schema = repairing->schema,
		.migration = migration,
		.started_at = repairing->started_at,
		.message = detail,
		.evidence = evidence
	};

	repair = palloc(sizeof(Repair));
	repair->migration = migration;
	repair->action = action;
	repair->detail = detail;
	repairing->repairs = lappend(repairing->repairs, repair);
	event_record(&event);
}

/* For what remains as it is: once is enough. */
static void
add_finding(Repairing *repairing, const char *migration, const char *action,
			const char *detail)
{
	if (!event_is_last(repairing->schema, migration, action, detail))
		add_repair(repairing, migration, action, detail, NULL);
}

/* What the journal calls applied, whether it could know or not. */
static bool
is_called_applied(const MigrationStatus *status, const void *argument)
{
	return status->finished != NULL;
}

/*
 * Of several rows that say the same only one remains: the first one with a
 * checksum, or else the first.  The others are kept whole in the event log.
 */
static void
remove_extra_rows(Repairing *repairing, const char *name, List *rows)
{
	const JournalRow *kept = NULL;
	ListCell   *cell;

	foreach(cell, rows)
	{
		const JournalRow *row = lfirst(cell);

		if (journal_row_is_live(row) &&
			(kept == NULL ||
			 (journal_row_is_claim(kept) && !journal_row_is_claim(row))))
			kept = row;
	}
	foreach(cell, rows)
	{
		const JournalRow *row = lfirst(cell);
		char	   *evidence;

		if (row == kept || !journal_row_is_claim(row))
			continue;
		evidence = journal_delete_row(repairing->journal, row->id);
		add_repair(repairing, name, "removed row",
				   psprintf("%s, one more that says the same", row->id),
				   evidence);
	}
}

/* What a claim said, and what of it nobody can check. */
static char *
describe_claim(const JournalRow *row, const ScriptStatement *unseen)
{
	if (unseen == NULL)
		return psprintf("it was \"%s\"", row->checksum);
	return psprintf("it was \"%s\"; nothing shows whether statement %d (line %d, %s) has run",
					row->checksum, unseen->number, unseen->line,
					statement_command_name(unseen));
}

static void
repair_claim(Repairing *repairing, const HistoryEntry *entry, List *rows)
{
	const char *name = entry->status->name;
	bool		corrected = false;
	ListCell   *cell;

	/* Beside what is known a claim says nothing. */
	if (checksum_is_plausible(entry->status->finished->checksum))
	{
		remove_extra_rows(repairing, name, rows);
		return;
	}
	if (entry->script == NULL)
	{
		add_finding(repairing, name, "unproven",
					"its script is not staged, so nothing can be compared");
		return;
	}
	if (entry->contradiction != NULL)
	{
		add_finding(repairing, name, "unproven", entry->contradiction);
		return;
	}
	remove_extra_rows(repairing, name, rows);
	foreach(cell, journal_rows(repairing->journal, name))
	{
		const JournalRow *row = lfirst(cell);

		if (!journal_row_is_claim(row))
			continue;
		journal_correct_checksum(repairing->journal, row->id,
								 entry->script->checksum);
		add_repair(repairing, name, "corrected checksum",
				   describe_claim(row, entry->unseen), NULL);
		corrected = true;
	}
	if (corrected)
		registry_record_applied(repairing->schema, name, entry->script, NULL);
}

static bool
has_claim(List *statuses)
{
	ListCell   *cell;

	foreach(cell, statuses)
	{
		if (((MigrationStatus *) lfirst(cell))->is_claimed)
			return true;
	}
	return false;
}

/* The whole history is read and looked at only where there is a claim. */
static void
repair_claims(Repairing *repairing, List *statuses)
{
	ListCell   *cell;

	if (!has_claim(statuses))
		return;
	foreach(cell, history_read(repairing->schema, is_called_applied, NULL))
	{
		const HistoryEntry *entry = lfirst(cell);

		if (entry->status->is_claimed)
			repair_claim(repairing, entry,
						 journal_rows(repairing->journal,
									  entry->status->name));
	}
}

/*
 * We hold the migration locks, so whoever wrote an unfinished row is gone.
 */
static void
repair_unfinished(Repairing *repairing, const MigrationStatus *status)
{
	const RegistryEntry *entry = status->entry;
	JournalRow	row = *status->failed;

	if (entry == NULL || entry->state != REGISTRY_RUNNING ||
		strcmp(entry->journal_id, row.id) != 0)
	{
		add_finding(repairing, status->name, "unfinished",
					"left by Prisma's CLI, which knows no more about it; resolve it");
		return;
	}
	if (entry->statements_done > 0 || entry->statement_running > 0)
	{
		add_finding(repairing, status->name, "unfinished",
					psprintf("%d of its statements are done; deploy or migrate goes on there",
							 entry->statements_done));
		return;
	}
	row.rolled_back = true;
	row.rolled_back_at = GetCurrentTimestamp();
	row.logs = "remigrate: interrupted before anything of it was committed";
	(void) journal_end_row(repairing->journal, &row);
	registry_record_undone(repairing->schema, status->name);
	add_repair(repairing, status->name, "rolled back",
			   "nothing of it was committed", NULL);
}

static void
repair_attempts(Repairing *repairing, List *statuses)
{
	ListCell   *cell;

	foreach(cell, statuses)
	{
		const MigrationStatus *status = lfirst(cell);

		if (status->failed != NULL)
			repair_unfinished(repairing, status);
		else if (status->entry != NULL && status->finished == NULL &&
				 status->entry->state == REGISTRY_APPLIED)
			add_finding(repairing, status->name, "forgotten",
						"it was applied, but the journal does not show it any more");
	}
}

List *
repair_schema(const char *schema)
{
	Repairing	repairing = {
		.schema = schema,
		.journal = journal_open(migration_schema(schema), JOURNAL_WRITE_LOCK),
		.started_at = GetCurrentTimestamp()
	};
	List	   *statuses;

	if (repairing.journal == NULL)
		return NIL;
	statuses = status_collect(schema);
	repair_attempts(&repairing, statuses);
	repair_claims(&repairing, statuses);
	return repairing.repairs;
}

/* SQL: repair(target_schema text) returns setof record */
Datum
remigrate_repair(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *schema;
	ListCell   *cell;

	context_check_writer("repair");
	schema = migration_text_argument(fcinfo, 0, "target_schema");
	(void) migration_schema(schema);
	lock_acquire_for_transaction(psprintf("repair of schema \"%s\"", schema),
								 policy_from_settings().migration_lock_wait);
	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, repair_schema(schema))
	{
		const Repair *repair = lfirst(cell);
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = CStringGetTextDatum(repair->migration);
		values[1] = CStringGetTextDatum(repair->action);
		values[2] = CStringGetTextDatum(repair->detail);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
