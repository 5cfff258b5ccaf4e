/*-------------------------------------------------------------------------
 *
 * registry.c
 *	  The scripts that were staged or run, and what became of each.
 *
 * The journal keeps a script's checksum alone.  The registry keeps the script,
 * so that an edit can be told from a change of comments, and remembers what it
 * saw applied.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "compat.h"
#include "query.h"
#include "registry.h"

static const char *const state_names[] = {
	[REGISTRY_PENDING] = "pending",
	[REGISTRY_RUNNING] = "running",
	[REGISTRY_APPLIED] = "applied"
};

const char *
registry_state_name(RegistryState state)
{
	return state_names[state];
}

static RegistryState
state_of_name(const char *name)
{
	for (int i = 0; i < lengthof(state_names); i++)
		if (strcmp(state_names[i], name) == 0)
			return i;
	elog(ERROR, "unknown state \"%s\" in the registry", name);
	pg_unreachable();
}

/* What is left of earlier attempts, as it is without any. */
#define FORGET_FAILURES \
	", held = false, attempts = 0, next_attempt_at = NULL," \
	" last_sqlstate = NULL, last_error = NULL"

/*
 * Keeps the script, and keeps others from forgetting it before this
 * transaction has recorded what refers to it.  A foreign key would do that,
 * too; but pg_restore --jobs loads the tables of an extension in any order.
 */
static void
keep_script(const Script *script)
{
	QueryParameters parameters = {0};
	QueryParameters checksum = {0};

	query_add_text(&parameters, script->checksum);
	query_add_bytea(&parameters, script->bytes, script->byte_count);
	query_add_text(&checksum, script->checksum);
	while (query_run("INSERT INTO remigrate.script (checksum, content)"
					 " VALUES ($1, $2) ON CONFLICT DO NOTHING",
					 &parameters, false) == 0 &&
		   query_run("SELECT FROM remigrate.script WHERE checksum = $1"
					 " FOR KEY SHARE", &checksum, false) == 0)
		CHECK_FOR_INTERRUPTS(); /* it was forgotten in between */
}

static void
run_for_migration(const char *sql, QueryParameters *parameters)
{
	(void) query_run_once(QUERY_AS_OWNER, sql, parameters, false);
}

static void
keep_in_state(const char *schema, const char *name, const Script *script,
			  RegistryState state, const char *journal_id,
			  const char *changes)
{
	QueryScope	scope;
	QueryParameters parameters = {0};
	char	   *caller = GetUserNameFromId(GetUserId(), false);

	query_begin(&scope, QUERY_AS_OWNER);
	keep_script(script);
	query_add_text(&parameters, schema);
	query_add_text(&parameters, name);
	query_add_text(&parameters, script->checksum);
	query_add_text(&parameters, registry_state_name(state));
	query_add_text(&parameters, journal_id);
	query_add_text(&parameters, caller);
	/* Who staged another script does not answer for this one. */
	query_run(psprintf("INSERT INTO remigrate.registry AS r"
					   " (target_schema, migration_name, checksum, state,"
					   "  journal_id, process_id)"
					   " VALUES ($1, $2, $3, $4, $5, CASE $4 WHEN 'running'"
					   "  THEN pg_catalog.pg_backend_pid() END)"
					   " ON CONFLICT (target_schema, migration_name) DO UPDATE"
					   " SET staged_by = CASE WHEN r.checksum = excluded.checksum"
					   "  OR r.staged_by IS NULL THEN r.staged_by ELSE $6 END,"
					   " checksum = excluded.checksum, state = excluded.state,"
					   " journal_id = excluded.journal_id,"
					   " process_id = excluded.process_id,"
					   " statements_done = 0, statement_running = NULL,"
					   " prefix_checksum = NULL%s", changes),
			  &parameters, false);
	query_end(&scope);
}

/* Returns false where the entry is not there any more with this script. */
static bool
mark_applied(const char *schema, const char *name, const char *checksum)
{
	QueryParameters parameters = {0};

	query_add_text(&parameters, schema);
	query_add_text(&parameters, name);
	query_add_text(&parameters, checksum);
	return query_run_once(QUERY_AS_OWNER,
						  "UPDATE remigrate.registry SET state = 'applied',"
						  " journal_id = NULL, process_id = NULL,"
						  " statements_done = 0, statement_running = NULL,"
						  " prefix_checksum = NULL" FORGET_FAILURES
						  " WHERE target_schema = $1 AND migration_name = $2"
						  " AND checksum = $3",
						  &parameters, false) > 0;
}

void
registry_record_applied(const char *schema, const char *name,
						const Script *script, const RegistryEntry *entry)
{
	/* What refers to its script keeps that from being forgotten. */
	if (entry != NULL && strcmp(entry->checksum, script->checksum) == 0 &&
		mark_applied(schema, name, script->checksum))
		return;
	keep_in_state(schema, name, script, REGISTRY_APPLIED, NULL,
				  FORGET_FAILURES);
}

void
registry_record_running(const char *schema, const char *name,
						const Script *script, const char *journal_id)
{
	keep_in_state(schema, name, script, REGISTRY_RUNNING, journal_id, "");
}

void
registry_record_progress(const char *schema, const char *name,
						 const Script *script, int done, int running)
{
	QueryParameters parameters = {0};
	char		prefix[CHECKSUM_SIZE];

	/* Whether a running one has happened is for that one alone to tell. */
	script_prefix_checksum(script, Max(done, running), prefix);
	query_add_text(&parameters, schema);
	query_add_text(&parameters, name);
	query_add_int(&parameters, done);
	query_add_int(&parameters, running);
	query_add_text(&parameters, prefix);
	run_for_migration("UPDATE remigrate.registry SET statements_done = $3,"
					  " statement_running = nullif($4, 0),"
					  " prefix_checksum = $5,"
					  " process_id = pg_catalog.pg_backend_pid()"
					  " WHERE target_schema = $1 AND migration_name = $2",
					  &parameters);
}

void
registry_record_error(const char *schema, const char *name,
					  const char *sqlstate, const char *error)
{
	QueryParameters parameters = {0};

	query_add_text(&parameters, schema);
	query_add_text(&parameters, name);
	query_add_text(&parameters, sqlstate);
	query_add_text(&parameters, error);
	run_for_migration("UPDATE remigrate.registry SET last_sqlstate = $3,"
					  " last_error = $4"
					  " WHERE target_schema = $1 AND migration_name = $2",
					  &parameters);
}

void
registry_record_attempt(const char *schema, const char *name, bool held)
{
	QueryParameters parameters = {0};

	query_add_text(&parameters, schema);
	query_add_text(&parameters, name);
	query_add_bool(&parameters, held);
	/* A minute at first, an hour at the most. */
	run_for_migration("UPDATE remigrate.registry SET held = $3,"
					  " attempts = attempts + 1,"
					  " next_attempt_at = pg_catalog.clock_timestamp() + "
					  "  least(pg_catalog.make_interval(mins => 1)"
					  "   * (2 ^ least(attempts, 6)),"
					  "   pg_catalog.make_interval(hours => 1))"
					  " WHERE target_schema = $1 AND migration_name = $2",
					  &parameters);
}

/*
 * Forgets a script if no migration refers to it any more: by a snapshot that
 * is taken after everybody has had his turn who was about to refer to it.
 * Where the transaction's own is an older one, the script stays.
 */
static void
forget_script(const char *checksum)
{
	QueryParameters parameters = {0};

	if (IsolationUsesXactSnapshot())
		return;
	query_add_text(&parameters, checksum);
	query_run("SELECT FROM remigrate.script WHERE checksum = $1 FOR UPDATE",
			  &parameters, false);
	query_run("DELETE FROM remigrate.script s WHERE checksum = $1 AND NOT EXISTS"
			  " (SELECT FROM remigrate.registry r WHERE r.checksum = $1)",
			  &parameters, false);
}

/* Deletes the entry if it meets the condition; returns whether it did. */
static bool
forget_migration(const char *schema, const char *name, const char *condition)
{
	QueryParameters parameters = {0};
	bool		found;

	query_add_text(&parameters, schema);
	query_add_text(&parameters, name);
	found = query_run(psprintf("DELETE FROM remigrate.registry"
							   " WHERE target_schema = $1"
							   " AND migration_name = $2 AND %s"
							   " RETURNING checksum", condition),
					  &parameters, false) > 0;
	if (found)
		forget_script(query_text(0, 1));
	return found;
}

/* Makes it pending again if it was staged, and unknown if it was not. */
static void
take_back(const char *schema, const char *name, const char *changes)
{
	QueryScope	scope;
	QueryParameters parameters = {0};

	query_begin(&scope, QUERY_AS_OWNER);
	if (!forget_migration(schema, name, "staged_at IS NULL"))
	{
		query_add_text(&parameters, schema);
		query_add_text(&parameters, name);
		query_run(psprintf("UPDATE remigrate.registry SET state = 'pending',"
						   " journal_id = NULL, statements_done = 0,"
						   " statement_running = NULL, prefix_checksum = NULL%s"
						   " WHERE target_schema = $1 AND migration_name = $2",
						   changes),
				  &parameters, false);
	}
	query_end(&scope);
}

void
registry_record_undone(const char *schema, const char *name)
{
	take_back(schema, name, "");
}

void
registry_record_resolved(const char *schema, const char *name)
{
	take_back(schema, name, FORGET_FAILURES);
}

void
registry_stage(const char *schema, const char *name, const Script *script)
{
	QueryScope	scope;
	QueryParameters parameters = {0};
	char	   *stager = GetUserNameFromId(GetUserId(), false);

	query_begin(&scope, QUERY_AS_OWNER);
	keep_script(script);
	query_add_text(&parameters, schema);
	query_add_text(&parameters, name);
	query_add_text(&parameters, script->checksum);
	query_add_text(&parameters, stager);
	/* A running attempt keeps its record; only its script is replaced. */
	query_run("INSERT INTO remigrate.registry AS r (target_schema,"
			  " migration_name, checksum, state, staged_at, staged_by)"
			  " VALUES ($1, $2, $3, 'pending', pg_catalog.clock_timestamp(), $4)"
			  " ON CONFLICT (target_schema, migration_name) DO UPDATE"
			  " SET checksum = excluded.checksum,"
			  " state = CASE r.state WHEN 'running' THEN r.state"
			  "  ELSE excluded.state END,"
			  " staged_at = excluded.staged_at, staged_by = excluded.staged_by"
			  FORGET_FAILURES, &parameters, false);
	query_end(&scope);
}

static bool
forget_in_state(const char *schema, const char *name, const char *condition)
{
	QueryScope	scope;
	bool		found;

	query_begin(&scope, QUERY_AS_OWNER);
	found = forget_migration(schema, name, condition);
	query_end(&scope);
	return found;
}

bool
registry_unstage(const char *schema, const char *name)
{
	return forget_in_state(schema, name, "state = 'pending'");
}

bool
registry_forget_applied(const char *schema, const char *name)
{
	return forget_in_state(schema, name, "state = 'applied'");
}

const char *
registry_script_bytes(const char *checksum, size_t *length)
{
	char	   *bytes = NULL;
	QueryScope	scope;
	QueryParameters parameters = {0};

	query_begin(&scope, QUERY_AS_OWNER);
	query_add_text(&parameters, checksum);
	if (query_run("SELECT content FROM remigrate.script WHERE checksum = $1",
				  &parameters, true) > 0)
	{
		bytea	   *content = DatumGetByteaPP(query_value(0, 1, NULL));

		*length = VARSIZE_ANY_EXHDR(content);
		bytes = MemoryContextAllocHuge(scope.caller_context, *length + 1);
		memcpy(bytes, VARDATA_ANY(content), *length);
		bytes[*length] = '\0';
	}
	query_end(&scope);
	return bytes;
}

char *
registry_script_text(const char *checksum)
{
	size_t		length;
	const char *bytes = registry_script_bytes(checksum, &length);

	return bytes ? pg_any_to_server(bytes, length, PG_UTF8) : NULL;
}

/*
 * The columns that read_entry reads, in its order.  A process id may be
 * another process's by now, but hardly that of one who migrates, too.
 */
#define ENTRY_COLUMNS \
	"migration_name, checksum, state, staged_by, journal_id," \
	" statements_done, coalesce(statement_running, 0), prefix_checksum," \
	" last_error, last_sqlstate, held," \
	" coalesce(next_attempt_at <= pg_catalog.clock_timestamp(), true)," \
	" coalesce(process_id, 0)"

static RegistryEntry *
read_entry(uint64 i)
{
	RegistryEntry *entry = palloc0(sizeof(RegistryEntry));

	entry->name = query_text(i, 1);
	entry->checksum = query_text(i, 2);
	entry->state = state_of_name(query_text(i, 3));
	entry->staged_by = query_text(i, 4);
	entry->journal_id = query_text(i, 5);
	entry->statements_done = DatumGetInt32(query_value(i, 6, NULL));
	entry->statement_running = DatumGetInt32(query_value(i, 7, NULL));
	entry->prefix_checksum = query_text(i, 8);
	entry->last_error = query_text(i, 9);
	entry->last_sqlstate = query_text(i, 10);
	entry->held = DatumGetBool(query_value(i, 11, NULL));
	entry->is_due = DatumGetBool(query_value(i, 12, NULL));
	entry->process_id = DatumGetInt32(query_value(i, 13, NULL));
	return entry;
}

/* Not asked of every entry: the locks and processes are slow to look through. */
static void
look_whether_at_work(RegistryEntry *entry)
{
	QueryParameters parameters = {0};

	if (entry->state != REGISTRY_RUNNING)
		return;
	query_add_int(&parameters, entry->process_id);
	entry->is_at_work = query_run("SELECT 1 FROM remigrate.activity"
								  " WHERE process_id = $1 AND activity = 'holds'",
								  &parameters, true) > 0;
}

static List *
read_entries(const char *sql, QueryParameters *parameters)
{
	List	   *entries = NIL;
	QueryScope	scope;
	MemoryContext old_context;
	ListCell   *cell;
	uint64		count;

	query_begin(&scope, QUERY_AS_OWNER);
	count = query_run(sql, parameters, true);
	old_context = MemoryContextSwitchTo(scope.caller_context);
	for (uint64 i = 0; i < count; i++)
		entries = lappend(entries, read_entry(i));
	MemoryContextSwitchTo(old_context);
	foreach(cell, entries)
		look_whether_at_work(lfirst(cell));
	query_end(&scope);
	return entries;
}

RegistryEntry *
registry_entry(const char *schema, const char *name)
{
	QueryParameters parameters = {0};
	List	   *entries;

	query_add_text(&parameters, schema);
	query_add_text(&parameters, name);
	entries = read_entries("SELECT " ENTRY_COLUMNS " FROM remigrate.registry"
						   " WHERE target_schema = $1 AND migration_name = $2",
						   &parameters);
	return entries == NIL ? NULL : linitial(entries);
}

List *
registry_entries(const char *schema)
{
	QueryParameters parameters = {0};

	query_add_text(&parameters, schema);
	return read_entries("SELECT " ENTRY_COLUMNS " FROM remigrate.registry"
						" WHERE target_schema = $1 ORDER BY migration_name",
						&parameters);
}

List *
registry_schemas(void)
{
	List	   *schemas = NIL;
	QueryScope	scope;
	QueryParameters parameters = {0};
	MemoryContext old_context;
	uint64		count;

	query_begin(&scope, QUERY_AS_OWNER);
	/* One that was dropped is of no account unless it lacks a migration. */
	count = query_run("SELECT DISTINCT r.target_schema FROM remigrate.registry r"
					  " WHERE r.staged_at IS NOT NULL AND (r.state <> 'applied'"
					  "  OR EXISTS (SELECT FROM pg_catalog.pg_namespace n"
					  "   WHERE n.nspname = r.target_schema))"
					  " ORDER BY r.target_schema",
					  &parameters, true);
	old_context = MemoryContextSwitchTo(scope.caller_context);
	for (uint64 i = 0; i < count; i++)
		schemas = lappend(schemas, query_text(i, 1));
	MemoryContextSwitchTo(old_context);
	query_end(&scope);
	return schemas;
}
