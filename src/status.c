/*-------------------------------------------------------------------------
 *
 * status.c
 *	  Where each migration stands: remigrate.status.
 *
 * The journal is read with the caller's rights and the registry with its
 * owner's, so the two are put together here and not by a join.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "migration.h"
#include "status.h"

PG_FUNCTION_INFO_V1(remigrate_status);

#define STATUS_COLUMNS 10

/*
 * Of several finished rows the latest counts, but none without a checksum
 * beside one that has it: what is known needs no proof.
 */
static bool
counts_more(const JournalRow *row, const JournalRow *other)
{
	return other == NULL || checksum_is_plausible(row->checksum) ||
		!checksum_is_plausible(other->checksum);
}

static void
add_row(MigrationStatus *status, const JournalRow *row)
{
	status->attempts++;
	status->last = row;
	if (row->rolled_back)
		return;
	if (!row->finished)
		status->failed = row;
	else
	{
		if (counts_more(row, status->finished))
			status->finished = row;
		if (journal_row_is_claim(row))
			status->is_claimed = true;
	}
}

static bool
is_edited(const MigrationStatus *status)
{
	if (status->entry == NULL ||
		strcmp(status->entry->checksum, status->finished->checksum) == 0)
		return false;
	/* What was applied in another form is remembered as applied in ours. */
	return status->entry->state != REGISTRY_APPLIED;
}

const char *
status_state(const MigrationStatus *status)
{
	bool		held = status->entry != NULL && status->entry->held;

	/* As for Prisma, a failed row counts whatever stands beside it. */
	if (status->failed != NULL)
	{
		if (status->entry != NULL && status->entry->is_at_work)
			return "running";
		return held ? "held" : "failed";
	}
	if (status->finished != NULL)
	{
		if (!checksum_is_plausible(status->finished->checksum))
			return "unproven";
		return is_edited(status) ? "edited" : "applied";
	}
	if (held)
		return "held";
	if (status->last != NULL)
		return "rolled_back";
	/* The registry has seen it applied, and the journal has forgotten it. */
	if (status->entry->state == REGISTRY_APPLIED)
		return "unproven";
	return "pending";
}

static void
put_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = (text == NULL);
	if (text != NULL)
		values[column] = CStringGetTextDatum(text);
}

static void
put_status(ReturnSetInfo *result, const MigrationStatus *status)
{
	const JournalRow *row = status->last;
	Datum		values[STATUS_COLUMNS] = {0};
	bool		nulls[STATUS_COLUMNS];

	/* The row that made the state what it is. */
	if (status->failed != NULL)
		row = status->failed;
	else if (status->finished != NULL)
		row = status->finished;

	memset(nulls, true, sizeof(nulls));
	put_text(values, nulls, 0, status->name);
	put_text(values, nulls, 1, status_state(status));
	values[2] = BoolGetDatum(status->entry != NULL &&
							 status->entry->staged_by != NULL);
	values[7] = Int32GetDatum(status->attempts);
	nulls[2] = nulls[7] = false;
	if (row != NULL)
	{
		put_text(values, nulls, 3, row->checksum);
		put_text(values, nulls, 9, row->logs);
		values[4] = TimestampTzGetDatum(row->started_at);
		values[8] = Int32GetDatum(row->applied_steps_count);
		nulls[4] = nulls[8] = false;
	}
	else
		put_text(values, nulls, 3, status->entry->checksum);
	if (row != NULL && row->finished)
	{
		values[5] = TimestampTzGetDatum(row->finished_at);
		values[6] = DirectFunctionCall2(timestamp_mi, values[5], values[4]);
		nulls[5] = nulls[6] = false;
	}
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Takes the rows of one migration, which stand together, off the list. */
static int
add_rows(MigrationStatus *status, List *rows, int next)
{
	for (; next < list_length(rows); next++)
	{
		const JournalRow *row = list_nth(rows, next);

		if (strcmp(row->name, status->name) != 0)
			break;
		add_row(status, row);
	}
	return next;
}

/* Merges two lists that are both sorted by name. */
static List *
merge(List *rows, List *entries)
{
	List	   *statuses = NIL;
	int			row = 0;
	int			entry = 0;

	while (row < list_length(rows) || entry < list_length(entries))
	{
		MigrationStatus *status = palloc0(sizeof(MigrationStatus));
		const JournalRow *next_row = row < list_length(rows) ?
			list_nth(rows, row) : NULL;
		const RegistryEntry *next_entry = entry < list_length(entries) ?
			list_nth(entries, entry) : NULL;

		if (next_row == NULL ||
			(next_entry && strcmp(next_entry->name, next_row->name) < 0))
			status->name = next_entry->name;
		else
			status->name = next_row->name;
		if (next_entry && strcmp(next_entry->name, status->name) == 0)
		{
			status->entry = next_entry;
			entry++;
		}
		row = add_rows(status, rows, row);
		statuses = lappend(statuses, status);
	}
	return statuses;
}

List *
status_collect(const char *schema)
{
	Journal    *journal = journal_open(migration_schema(schema),
									   AccessShareLock);
	List	   *rows = journal ? journal_rows(journal, NULL) : NIL;

	list_sort(rows, journal_compare_by_name);
	return merge(rows, registry_entries(schema));
}

/* SQL: status(target_schema text) returns setof record */
Datum
remigrate_status(PG_FUNCTION_ARGS)
{
	char	   *schema = migration_text_argument(fcinfo, 0, "target_schema");
	ListCell   *cell;

	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, status_collect(schema))
		put_status((ReturnSetInfo *) fcinfo->resultinfo, lfirst(cell));
	return (Datum) 0;
}
