/*-------------------------------------------------------------------------
 *
 * journal.c
 *	  The rows of _prisma_migrations, the journal that Prisma and remigrate
 *	  share.
 *
 * Rows are read by a plain scan, which runs nothing but the server's own
 * code; a query would make the planner look at indexes and statistics, which
 * whoever owns the journal may add to it at any moment.  They are written by
 * queries under a lock that keeps him from that.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/tableam.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "checksum.h"
#include "compat.h"
#include "failure.h"
#include "journal.h"
#include "query.h"

/* --- reading ------------------------------------------------------------- */

static void
check_may_read(Relation relation)
{
	Oid			relid = RelationGetRelid(relation);
	AclResult	result = pg_class_aclcheck(relid, GetUserId(), ACL_SELECT);

	if (result != ACLCHECK_OK)
		result = pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT,
										   ACLMASK_ALL);
	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_TABLE, RelationGetRelationName(relation));
}

static char *
text_column(const Journal *journal, TupleTableSlot *slot,
			JournalColumnName column)
{
	bool		is_null;
	Datum		value = slot_getattr(slot, journal->columns[column], &is_null);

	if (is_null)
		return NULL;
	if (column == JOURNAL_ID && journal->id_is_uuid)
		return DatumGetCString(DirectFunctionCall1(uuid_out, value));
	return TextDatumGetCString(value);
}

static bool
column_is(const Journal *journal, TupleTableSlot *slot,
		  JournalColumnName column, const char *value)
{
	bool		is_null;
	Datum		datum = slot_getattr(slot, journal->columns[column], &is_null);
	text	   *found;
	size_t		length;

	if (is_null)
		return false;
	if (column == JOURNAL_ID && journal->id_is_uuid)
		return strcmp(DatumGetCString(DirectFunctionCall1(uuid_out, datum)),
					  value) == 0;
	found = DatumGetTextPP(datum);
	length = VARSIZE_ANY_EXHDR(found);
	return strlen(value) == length &&
		memcmp(VARDATA_ANY(found), value, length) == 0;
}

/* Returns whether there is a time.  Without a zone it is UTC, as for Prisma. */
static bool
time_column(const Journal *journal, TupleTableSlot *slot,
			JournalColumnName column, TimestampTz *time)
{
	bool		is_null;
	Datum		value = slot_getattr(slot, journal->columns[column], &is_null);

	*time = is_null ? 0 : DatumGetTimestampTz(value);
	return !is_null;
}

static bool
is_unfinished(const Journal *journal, TupleTableSlot *slot)
{
	TimestampTz ignored;

	return !time_column(journal, slot, JOURNAL_FINISHED_AT, &ignored) &&
		!time_column(journal, slot, JOURNAL_ROLLED_BACK_AT, &ignored);
}

static char *
text_or_empty(char *text)
{
	return text ? text : pstrdup("");
}

static JournalRow *
read_row(const Journal *journal, TupleTableSlot *slot)
{
	JournalRow *row = palloc0(sizeof(JournalRow));
	bool		is_null;

	row->id = text_column(journal, slot, JOURNAL_ID);
	row->name = text_or_empty(text_column(journal, slot,
										  JOURNAL_MIGRATION_NAME));
	/* Prisma's are the primary key; without one a row can't be put right. */
	if (row->id == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("cannot use the journal %s: a row of migration \"%s\" has no id",
						journal->table, row->name),
				 errhint("Give the row an id, such as gen_random_uuid()."),
				 errhidestmt(true)));
	row->checksum = text_or_empty(text_column(journal, slot,
											  JOURNAL_CHECKSUM));
	row->logs = text_column(journal, slot, JOURNAL_LOGS);
	(void) time_column(journal, slot, JOURNAL_STARTED_AT, &row->started_at);
	row->finished = time_column(journal, slot, JOURNAL_FINISHED_AT,
								&row->finished_at);
	row->rolled_back = time_column(journal, slot, JOURNAL_ROLLED_BACK_AT,
								   &row->rolled_back_at);
	row->applied_steps_count =
		DatumGetInt32(slot_getattr(slot,
								   journal->columns[JOURNAL_APPLIED_STEPS_COUNT],
								   &is_null));
	return row;
}

/* By start time, then end time, with those that have none last, then id. */
static int
compare_rows(const ListCell *left, const ListCell *right)
{
	const JournalRow *a = lfirst(left);
	const JournalRow *b = lfirst(right);
	int			result = timestamp_cmp_internal(a->started_at, b->started_at);

	if (result == 0)
		result = b->finished - a->finished;
	if (result == 0)
		result = timestamp_cmp_internal(a->finished_at, b->finished_at);
	return result != 0 ? result : strcmp(a->id, b->id);
}

bool
journal_row_is_live(const JournalRow *row)
{
	return row->finished && !row->rolled_back;
}

bool
journal_row_is_claim(const JournalRow *row)
{
	return journal_row_is_live(row) && !checksum_is_plausible(row->checksum);
}

int
journal_compare_by_name(const ListCell *left, const ListCell *right)
{
	int			result = strcmp(((const JournalRow *) lfirst(left))->name,
								((const JournalRow *) lfirst(right))->name);

	return result != 0 ? result : compare_rows(left, right);
}

/*
 * Calls back for each row of the journal, which must be open in this
 * transaction.
 */
typedef void (*RowReader) (const Journal *journal, TupleTableSlot *slot,
						   void *argument);

static void
read_rows(const Journal *journal, RowReader reader, void *argument)
{
	Journal		current = *journal;
	Relation	relation = journal_relation(&current);
	Snapshot	snapshot;
	TableScanDesc scan;
	TupleTableSlot *slot;

	check_may_read(relation);
	snapshot = RegisterSnapshot(GetTransactionSnapshot());
	slot = table_slot_create(relation, NULL);
	scan = table_beginscan_strat(relation, snapshot, 0, NULL, true, true);
	while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
	{
		CHECK_FOR_INTERRUPTS();
		reader(&current, slot, argument);
	}
	table_endscan(scan);
	ExecDropSingleTupleTableSlot(slot);
	UnregisterSnapshot(snapshot);
	relation_close(relation, NoLock);
}

typedef struct RowsWanted
{
	const char *name;			/* whose rows, or NULL for all */
	List	   *rows;
	List	   *failed;			/* of the others, those that are unfinished */
	TimestampTz last_finished_at;
	bool		last_not_run;
} RowsWanted;

static void
note_last(const Journal *journal, TupleTableSlot *slot, RowsWanted *wanted)
{
	TimestampTz finished_at;
	TimestampTz ignored;
	bool		is_null;

	if (!time_column(journal, slot, JOURNAL_FINISHED_AT, &finished_at) ||
		time_column(journal, slot, JOURNAL_ROLLED_BACK_AT, &ignored) ||
		finished_at < wanted->last_finished_at)
		return;
	wanted->last_finished_at = finished_at;
	wanted->last_not_run =
		DatumGetInt32(slot_getattr(slot,
								   journal->columns[JOURNAL_APPLIED_STEPS_COUNT],
								   &is_null)) == 0;
}

static void
add_if_wanted(const Journal *journal, TupleTableSlot *slot, void *argument)
{
	RowsWanted *wanted = argument;

	note_last(journal, slot, wanted);
	if (wanted->name == NULL ||
		column_is(journal, slot, JOURNAL_MIGRATION_NAME, wanted->name))
		wanted->rows = lappend(wanted->rows, read_row(journal, slot));
	else if (is_unfinished(journal, slot))
		wanted->failed = lappend(wanted->failed, read_row(journal, slot));
}

JournalSurvey
journal_survey(const Journal *journal, const char *name)
{
	RowsWanted	wanted = {.name = name,.last_finished_at = DT_NOBEGIN};

	read_rows(journal, add_if_wanted, &wanted);
	list_sort(wanted.rows, compare_rows);
	list_sort(wanted.failed, compare_rows);
	return (JournalSurvey)
	{
		.rows = wanted.rows,
			.failed_name = wanted.failed == NIL ? NULL :
			((JournalRow *) linitial(wanted.failed))->name,
			.any_applied = wanted.last_finished_at != DT_NOBEGIN,
			.last_not_run = wanted.last_not_run
	};
}

List *
journal_rows(const Journal *journal, const char *name)
{
	return journal_survey(journal, name).rows;
}

char *
journal_failed_migration(const Journal *journal)
{
	return journal_survey(journal, "").failed_name;
}

/* --- writing ------------------------------------------------------------- */

static void
add_time(QueryParameters *parameters, const Journal *journal,
		 JournalColumnName column, bool is_set, TimestampTz value)
{
	if (!is_set)
		query_add_null(parameters, journal->types[column]);
	else if (journal->types[column] == TIMESTAMPOID)
		query_add_utc_time(parameters, value);
	else
		query_add_time(parameters, value);
}

/* What a row's id is compared with, whichever type the column has. */
static const char *
id_as_text(const Journal *journal)
{
	return journal->id_is_uuid ? "id::pg_catalog.text" : "id";
}

/*
 * A constraint that Prisma's table doesn't have, such as one row for each
 * name, says nothing of the migration.
 */
static void
throw_violation(const Journal *journal, MemoryContext context)
{
	ErrorData  *error = failure_catch(context);

	error->message = psprintf("cannot write to the journal %s: %s",
							  journal->table, error->message);
	error->hint = "The journal must be a plain table as Prisma makes it, with as many rows for a migration as there were attempts. Remove the constraint.";
	failure_throw(error);
}

/* Returns how many rows it has written. */
static uint64
change(const Journal *journal, const char *sql, QueryParameters *parameters)
{
	MemoryContext context = CurrentMemoryContext;
	QueryScope	scope;
	Journal		current = *journal;
	volatile uint64 count = 0;

	relation_close(journal_relation(&current), NoLock);
	query_begin(&scope, QUERY_AS_CALLER);
	PG_TRY();
	{
		count = query_change(sql, parameters, journal->relation);
	}
	PG_CATCH();
	{
		if (ERRCODE_TO_CATEGORY(geterrcode()) ==
			ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
			throw_violation(journal, context);
		PG_RE_THROW();
	}
	PG_END_TRY();
	query_end(&scope);
	return count;
}

char *
journal_insert(const Journal *journal, const JournalRow *row)
{
	static const char *const sql =
		"INSERT INTO %s (id, checksum, finished_at, migration_name, logs,"
		" rolled_back_at, started_at, applied_steps_count)"
		" VALUES ($1%s, $2, $3, $4, $5, $6, $7, $8)";
	QueryParameters parameters = {0};
	Datum		uuid = DirectFunctionCall1(gen_random_uuid, (Datum) 0);
	char	   *id = DatumGetCString(DirectFunctionCall1(uuid_out, uuid));

	query_add_text(&parameters, id);
	query_add_text(&parameters, row->checksum);
	add_time(&parameters, journal, JOURNAL_FINISHED_AT,
			 row->finished, row->finished_at);
	query_add_text(&parameters, row->name);
	query_add_text(&parameters, row->logs);
	add_time(&parameters, journal, JOURNAL_ROLLED_BACK_AT,
			 row->rolled_back, row->rolled_back_at);
	add_time(&parameters, journal, JOURNAL_STARTED_AT, true, row->started_at);
	query_add_int(&parameters, row->applied_steps_count);
	(void) change(journal,
				  psprintf(sql, journal->table,
						   journal->id_is_uuid ? "::pg_catalog.uuid" : ""),
				  &parameters);
	return id;
}

bool
journal_end_row(const Journal *journal, const JournalRow *row)
{
	static const char *const sql =
		"UPDATE ONLY %s SET finished_at = $2, rolled_back_at = $3, logs = $4,"
		" applied_steps_count = $5, checksum = coalesce($6, checksum)"
		" WHERE %s = $1 AND finished_at IS NULL AND rolled_back_at IS NULL";
	QueryParameters parameters = {0};

	query_add_text(&parameters, row->id);
	add_time(&parameters, journal, JOURNAL_FINISHED_AT,
			 row->finished, row->finished_at);
	add_time(&parameters, journal, JOURNAL_ROLLED_BACK_AT,
			 row->rolled_back, row->rolled_back_at);
	query_add_text(&parameters, row->logs);
	query_add_int(&parameters, row->applied_steps_count);
	query_add_text(&parameters, row->checksum);
	return change(journal, psprintf(sql, journal->table, id_as_text(journal)),
				  &parameters) > 0;
}

typedef struct RowWanted
{
	const char *id;
	bool		is_unfinished;
	char	   *json;
} RowWanted;

static void
keep_if_wanted(const Journal *journal, TupleTableSlot *slot, void *argument)
{
	RowWanted  *wanted = argument;

	if (!column_is(journal, slot, JOURNAL_ID, wanted->id))
		return;
	wanted->is_unfinished = is_unfinished(journal, slot);
	wanted->json =
		TextDatumGetCString(DirectFunctionCall1(row_to_json,
												ExecFetchSlotHeapTupleDatum(slot)));
}

bool
journal_row_is_unfinished(const Journal *journal, const char *id)
{
	RowWanted	wanted = {.id = id};

	read_rows(journal, keep_if_wanted, &wanted);
	return wanted.is_unfinished;
}

/* Deletes the row with this id that meets the condition. */
static void
delete_row(const Journal *journal, const char *id, const char *condition)
{
	QueryParameters parameters = {0};

	query_add_text(&parameters, id);
	(void) change(journal,
				  psprintf("DELETE FROM ONLY %s WHERE %s = $1 AND %s",
						   journal->table, id_as_text(journal), condition),
				  &parameters);
}

void
journal_delete_unfinished(const Journal *journal, const char *id)
{
	delete_row(journal, id, "finished_at IS NULL AND rolled_back_at IS NULL");
}

char *
journal_delete_row(const Journal *journal, const char *id)
{
	RowWanted	wanted = {.id = id};

	read_rows(journal, keep_if_wanted, &wanted);
	delete_row(journal, id, "true");
	return wanted.json;
}

/* Sets a row's checksum, and where "rolled_back" that it is. */
static void
set_checksum(const Journal *journal, const char *id, const char *checksum,
			 bool rolled_back)
{
	static const char *const sql =
		"UPDATE ONLY %s SET checksum = $2,"
		" rolled_back_at = coalesce($3, rolled_back_at) WHERE %s = $1";
	QueryParameters parameters = {0};

	query_add_text(&parameters, id);
	query_add_text(&parameters, checksum);
	add_time(&parameters, journal, JOURNAL_ROLLED_BACK_AT,
			 rolled_back, GetCurrentTimestamp());
	(void) change(journal,
				  psprintf(sql, journal->table, id_as_text(journal)),
				  &parameters);
}

void
journal_correct_checksum(const Journal *journal, const char *id,
						 const char *checksum)
{
	set_checksum(journal, id, checksum, false);
}

void
journal_correct_claims(const Journal *journal, const char *name,
					   const char *checksum, bool false_claim)
{
	ListCell   *cell;

	foreach(cell, journal_rows(journal, name))
	{
		const JournalRow *row = lfirst(cell);

		if (journal_row_is_claim(row))
			set_checksum(journal, row->id, checksum, false_claim);
	}
}
