/*-------------------------------------------------------------------------
 *
 * journal.c
 *	  _prisma_migrations, the journal that Prisma and remigrate share.
 *
 * The journal lies in the application's schema, so whoever may create things
 * there can prepare one that runs his code as whoever writes to it: by a
 * trigger, a rule, a policy, a CHECK, a default, an index expression.  It is
 * therefore opened by OID, locked, and looked at before it is used.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "checksum.h"
#include "compat.h"
#include "journal.h"
#include "query.h"

typedef struct JournalColumn
{
	const char *name;
	Oid			type;
	Oid			other_type;		/* also accepted, as Prisma does */
} JournalColumn;

static const JournalColumn journal_columns[] = {
	{"id", VARCHAROID, TEXTOID},
	{"checksum", VARCHAROID, TEXTOID},
	{"finished_at", TIMESTAMPTZOID, InvalidOid},
	{"migration_name", VARCHAROID, TEXTOID},
	{"logs", TEXTOID, VARCHAROID},
	{"rolled_back_at", TIMESTAMPTZOID, InvalidOid},
	{"started_at", TIMESTAMPTZOID, InvalidOid},
	{"applied_steps_count", INT4OID, InvalidOid},
};

static const char *const create_query =
"CREATE TABLE %s ("
" id pg_catalog.varchar(36) PRIMARY KEY NOT NULL,"
" checksum pg_catalog.varchar(64) NOT NULL,"
" finished_at pg_catalog.timestamptz,"
" migration_name pg_catalog.varchar(255) NOT NULL,"
" logs pg_catalog.text,"
" rolled_back_at pg_catalog.timestamptz,"
" started_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),"
" applied_steps_count pg_catalog.int4 NOT NULL DEFAULT 0)";

static char *
journal_name(Oid schema)
{
	return quote_qualified_identifier(get_namespace_name(schema), JOURNAL_TABLE);
}

static void
refuse_journal(Relation relation, const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("cannot use the journal %s: %s",
					quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
											   RelationGetRelationName(relation)),
					reason),
			 errhint("The journal must be a plain table as Prisma makes it. Remove what was added, or rename the table if it is not Prisma's."),
			 errhidestmt(true)));
}

static const JournalColumn *
expected_column(const char *name)
{
	for (int i = 0; i < lengthof(journal_columns); i++)
		if (strcmp(journal_columns[i].name, name) == 0)
			return &journal_columns[i];
	return NULL;
}

static bool
has_default(TupleDesc columns, int number)
{
	for (int i = 0; columns->constr && i < columns->constr->num_defval; i++)
		if (columns->constr->defval[i].adnum == number)
			return true;
	return false;
}

static void
check_columns(Relation relation, Journal *journal)
{
	TupleDesc	columns = RelationGetDescr(relation);
	int			found = 0;

	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);
		const JournalColumn *expected;

		if (column->attisdropped)
			continue;
		expected = expected_column(NameStr(column->attname));
		if (expected == NULL)
		{
			/* We write no value into it, so nothing may compute one. */
			if (has_default(columns, column->attnum) ||
				column->attidentity != '\0' ||
				get_typ_typrelid(column->atttypid) != InvalidOid ||
				column->atttypid >= FirstNormalObjectId)
				refuse_journal(relation,
							   psprintf("its additional column \"%s\" has a default or a type of its own",
										NameStr(column->attname)));
			continue;
		}
		found++;
		if (strcmp(expected->name, "id") == 0 && column->atttypid == UUIDOID)
			journal->id_is_uuid = true;
		else if (column->atttypid != expected->type &&
				 column->atttypid != expected->other_type)
			refuse_journal(relation,
						   psprintf("its column \"%s\" has the type %s",
									expected->name,
									format_type_be(column->atttypid)));
		if (column->attidentity != '\0')
			refuse_journal(relation,
						   psprintf("its column \"%s\" is an identity column",
									expected->name));
	}
	if (found < lengthof(journal_columns))
		refuse_journal(relation, "it lacks columns that Prisma's has");
}

static void
check_indexes(Relation relation)
{
	List	   *indexes = RelationGetIndexList(relation);
	ListCell   *cell;

	foreach(cell, indexes)
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID,
											ObjectIdGetDatum(lfirst_oid(cell)));
		bool		runs_code;

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for index %u", lfirst_oid(cell));
		runs_code = !heap_attisnull(tuple, Anum_pg_index_indexprs, NULL) ||
			!heap_attisnull(tuple, Anum_pg_index_indpred, NULL) ||
			((Form_pg_index) GETSTRUCT(tuple))->indisexclusion;
		ReleaseSysCache(tuple);
		if (runs_code)
			refuse_journal(relation,
						   psprintf("its index \"%s\" has an expression, a condition or an operator",
									get_rel_name(lfirst_oid(cell))));
	}
	list_free(indexes);
}

static void
check_journal(Relation relation, Journal *journal)
{
	const TupleConstr *constraints = RelationGetDescr(relation)->constr;

	if (relation->rd_rel->relkind != RELKIND_RELATION)
		refuse_journal(relation, "it is not a plain table");
	if (relation->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
		refuse_journal(relation, "it is not a permanent table");
	if (relation->rd_rel->relispartition ||
		has_superclass(RelationGetRelid(relation)) ||
		relation->rd_rel->relhassubclass)
		refuse_journal(relation, "it is part of an inheritance tree");
	if (relation->rd_rel->relrowsecurity)
		refuse_journal(relation, "it has row-level security");
	if (relation->trigdesc != NULL)
		refuse_journal(relation, "it has a trigger or a foreign key");
	if (relation->rd_rules != NULL)
		refuse_journal(relation, "it has a rule");
	if (constraints && constraints->num_check > 0)
		refuse_journal(relation, "it has a CHECK constraint");
	if (constraints && constraints->has_generated_stored)
		refuse_journal(relation, "it has a generated column");
	check_columns(relation, journal);
	check_indexes(relation);
}

Journal *
journal_open(Oid schema, LOCKMODE lock_mode)
{
	Journal    *journal;
	Relation	relation;
	Oid			relid;

	/* Whoever renames it while we wait for its lock makes us look again. */
	for (;;)
	{
		relid = get_relname_relid(JOURNAL_TABLE, schema);
		if (!OidIsValid(relid))
			return NULL;
		LockRelationOid(relid, lock_mode);
		if (get_relname_relid(JOURNAL_TABLE, schema) == relid)
			break;
		UnlockRelationOid(relid, lock_mode);
	}

	journal = palloc0(sizeof(Journal));
	journal->relation = relid;
	journal->table = journal_name(schema);
	relation = relation_open(relid, NoLock);
	check_journal(relation, journal);
	relation_close(relation, NoLock);
	return journal;
}

Journal *
journal_open_or_create(Oid schema)
{
	Journal    *journal = journal_open(schema, RowExclusiveLock);

	if (journal == NULL)
	{
		QueryParameters parameters = {0};

		query_run_once(QUERY_AS_CALLER,
					   psprintf(create_query, journal_name(schema)),
					   &parameters, false);
		journal = journal_open(schema, RowExclusiveLock);
		if (journal == NULL)
			elog(ERROR, "the journal that was just made is gone");
	}
	return journal;
}

void
journal_check_still_there(const Journal *journal, Oid schema,
						  const char *subject)
{
	/* Dropping the schema drops the journal, so its name need not be there. */
	if (get_relname_relid(JOURNAL_TABLE, schema) == journal->relation &&
		strcmp(journal_name(schema), journal->table) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s was undone: its script drops or moves the journal %s",
					subject, journal->table),
			 errhint("The journal is Prisma's; take the statement out of the script."),
			 errhidestmt(true)));
}

static JournalRow *
read_row(uint64 i)
{
	JournalRow *row = palloc0(sizeof(JournalRow));
	bool		is_null;

	row->id = query_text(i, 1);
	row->name = query_text(i, 2);
	row->checksum = query_text(i, 3);
	row->logs = query_text(i, 4);
	row->started_at = DatumGetTimestampTz(query_value(i, 5, NULL));
	row->finished_at = DatumGetTimestampTz(query_value(i, 6, &is_null));
	row->finished = !is_null;
	row->rolled_back_at = DatumGetTimestampTz(query_value(i, 7, &is_null));
	row->rolled_back = !is_null;
	row->applied_steps_count = DatumGetInt32(query_value(i, 8, NULL));
	return row;
}

List *
journal_rows(const Journal *journal, const char *name)
{
	static const char *const sql =
	"SELECT id, coalesce(migration_name, ''), coalesce(checksum, ''), logs,"
	" started_at, finished_at, rolled_back_at, applied_steps_count FROM %s"
	" WHERE $1 IS NULL OR migration_name = $1"
	" ORDER BY started_at, finished_at, id";
	List	   *rows = NIL;
	QueryScope	scope;
	QueryParameters parameters = {0};
	MemoryContext old_context;
	uint64		count;

	query_begin(&scope, QUERY_AS_CALLER);
	query_add_text(&parameters, name);
	count = query_run(psprintf(sql, journal->table), &parameters, true);
	old_context = MemoryContextSwitchTo(scope.caller_context);
	for (uint64 i = 0; i < count; i++)
		rows = lappend(rows, read_row(i));
	MemoryContextSwitchTo(old_context);
	query_end(&scope);
	return rows;
}

char *
journal_failed_migration(const Journal *journal, const char *except_name)
{
	static const char *const sql =
	"SELECT migration_name FROM %s"
	" WHERE finished_at IS NULL AND rolled_back_at IS NULL"
	" AND migration_name <> $1 ORDER BY started_at LIMIT 1";
	QueryParameters parameters = {0};

	query_add_text(&parameters, except_name);
	return query_read_text(QUERY_AS_CALLER, psprintf(sql, journal->table),
						   &parameters, true);
}

static void
add_time_or_null(QueryParameters *parameters, bool is_set, TimestampTz value)
{
	if (is_set)
		query_add_time(parameters, value);
	else
		query_add_null(parameters, TIMESTAMPTZOID);
}

/* What a row's id is compared with, whichever type the column has. */
static const char *
id_as_text(const Journal *journal)
{
	return journal->id_is_uuid ? "id::pg_catalog.text" : "id";
}

char *
journal_insert(const Journal *journal, const JournalRow *row)
{
	static const char *const sql =
	"INSERT INTO %s (id, checksum, finished_at, migration_name, logs,"
	" rolled_back_at, started_at, applied_steps_count)"
	" VALUES (pg_catalog.gen_random_uuid()%s, $1, $2, $3, $4, $5, $6, $7)"
	" RETURNING id";
	QueryParameters parameters = {0};

	query_add_text(&parameters, row->checksum);
	add_time_or_null(&parameters, row->finished, row->finished_at);
	query_add_text(&parameters, row->name);
	query_add_text(&parameters, row->logs);
	add_time_or_null(&parameters, row->rolled_back, row->rolled_back_at);
	query_add_time(&parameters, row->started_at);
	query_add_int(&parameters, row->applied_steps_count);
	return query_read_text(QUERY_AS_CALLER,
						   psprintf(sql, journal->table,
									journal->id_is_uuid ? "" :
									"::pg_catalog.text"),
						   &parameters, false);
}

bool
journal_end_row(const Journal *journal, const JournalRow *row)
{
	static const char *const sql =
	"UPDATE %s SET finished_at = $2, rolled_back_at = $3, logs = $4,"
	" applied_steps_count = $5, checksum = coalesce($6, checksum)"
	" WHERE %s = $1 AND finished_at IS NULL AND rolled_back_at IS NULL";
	QueryParameters parameters = {0};

	query_add_text(&parameters, row->id);
	add_time_or_null(&parameters, row->finished, row->finished_at);
	add_time_or_null(&parameters, row->rolled_back, row->rolled_back_at);
	query_add_text(&parameters, row->logs);
	query_add_int(&parameters, row->applied_steps_count);
	query_add_text(&parameters, row->checksum);
	return query_run_once(QUERY_AS_CALLER,
						  psprintf(sql, journal->table, id_as_text(journal)),
						  &parameters, false) > 0;
}

/* Runs a statement about the row with this id, which is its $1. */
static uint64
run_for_row(const Journal *journal, const char *id, const char *sql,
			bool read_only)
{
	QueryParameters parameters = {0};

	query_add_text(&parameters, id);
	return query_run_once(QUERY_AS_CALLER,
						  psprintf(sql, journal->table, id_as_text(journal)),
						  &parameters, read_only);
}

bool
journal_row_is_unfinished(const Journal *journal, const char *id)
{
	return run_for_row(journal, id, "SELECT 1 FROM %s WHERE %s = $1"
					   " AND finished_at IS NULL AND rolled_back_at IS NULL",
					   true) > 0;
}

void
journal_delete_unfinished(const Journal *journal, const char *id)
{
	(void) run_for_row(journal, id, "DELETE FROM %s WHERE %s = $1"
					   " AND finished_at IS NULL AND rolled_back_at IS NULL",
					   false);
}

char *
journal_delete_row(const Journal *journal, const char *id)
{
	static const char *const sql =
	"DELETE FROM %s AS j WHERE %s = $1"
	" RETURNING pg_catalog.row_to_json(j)::pg_catalog.text";
	QueryParameters parameters = {0};

	query_add_text(&parameters, id);
	return query_read_text(QUERY_AS_CALLER,
						   psprintf(sql, journal->table, id_as_text(journal)),
						   &parameters, false);
}

/* Sets a row's checksum, and where "rolled_back" that it is. */
static void
set_checksum(const Journal *journal, const char *id, const char *checksum,
			 bool rolled_back)
{
	static const char *const sql =
	"UPDATE %s SET checksum = $2, rolled_back_at = coalesce($3, rolled_back_at)"
	" WHERE %s = $1";
	QueryParameters parameters = {0};

	query_add_text(&parameters, id);
	query_add_text(&parameters, checksum);
	add_time_or_null(&parameters, rolled_back, GetCurrentTimestamp());
	query_run_once(QUERY_AS_CALLER,
				   psprintf(sql, journal->table, id_as_text(journal)),
				   &parameters, false);
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

		if (row->finished && !row->rolled_back &&
			!checksum_is_plausible(row->checksum))
			set_checksum(journal, row->id, checksum, false_claim);
	}
}

bool
journal_schema_has_tables(Oid schema)
{
	QueryParameters parameters = {0};

	query_add_oid(&parameters, schema);
	query_add_text(&parameters, JOURNAL_TABLE);
	/* An extension's tables are nobody's application. */
	return query_run_once(QUERY_AS_CALLER,
						  "SELECT 1 FROM pg_catalog.pg_class c"
						  " WHERE c.relnamespace = $1 AND c.relkind = 'r'"
						  " AND c.relname <> $2 AND NOT EXISTS"
						  " (SELECT FROM pg_catalog.pg_depend d"
						  "  WHERE d.classid = 'pg_catalog.pg_class'::regclass"
						  "  AND d.objid = c.oid AND d.deptype = 'e') LIMIT 1",
						  &parameters, true) > 0;
}
