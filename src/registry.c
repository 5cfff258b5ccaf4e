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

#include "compat.h"
#include "query.h"
#include "registry.h"

static void
keep_script(const Script *script)
{
	QueryParameters parameters = {0};

	query_add_text(&parameters, script->checksum);
	query_add_bytea(&parameters, script->bytes, script->byte_count);
	query_run("INSERT INTO remigrate.script (checksum, content) VALUES ($1, $2)"
			  " ON CONFLICT DO NOTHING", &parameters, false);
}

void
registry_record_applied(const char *schema, const char *name,
						const Script *script)
{
	QueryScope	scope;
	QueryParameters parameters = {0};

	query_begin(&scope, QUERY_AS_OWNER);
	keep_script(script);
	query_add_text(&parameters, schema);
	query_add_text(&parameters, name);
	query_add_text(&parameters, script->checksum);
	query_run("INSERT INTO remigrate.registry AS r"
			  " (target_schema, migration_name, checksum, state)"
			  " VALUES ($1, $2, $3, 'applied')"
			  " ON CONFLICT (target_schema, migration_name) DO UPDATE"
			  " SET checksum = excluded.checksum, state = 'applied'",
			  &parameters, false);
	query_end(&scope);
}

char *
registry_script_text(const char *checksum)
{
	char	   *text = NULL;
	QueryScope	scope;
	QueryParameters parameters = {0};

	query_begin(&scope, QUERY_AS_OWNER);
	query_add_text(&parameters, checksum);
	if (query_run("SELECT content FROM remigrate.script WHERE checksum = $1",
				  &parameters, true) > 0)
	{
		MemoryContext old_context = MemoryContextSwitchTo(scope.caller_context);
		bytea	   *content = DatumGetByteaPP(query_value(0, 1, NULL));

		text = pnstrdup(VARDATA_ANY(content), VARSIZE_ANY_EXHDR(content));
		text = pg_any_to_server(text, strlen(text), PG_UTF8);
		MemoryContextSwitchTo(old_context);
	}
	query_end(&scope);
	return text;
}

List *
registry_entries(const char *schema)
{
	List	   *entries = NIL;
	QueryScope	scope;
	QueryParameters parameters = {0};
	MemoryContext old_context;
	uint64		count;

	query_begin(&scope, QUERY_AS_OWNER);
	query_add_text(&parameters, schema);
	count = query_run("SELECT migration_name, checksum, state"
					  " FROM remigrate.registry WHERE target_schema = $1"
					  " ORDER BY migration_name", &parameters, true);
	old_context = MemoryContextSwitchTo(scope.caller_context);
	for (uint64 i = 0; i < count; i++)
	{
		RegistryEntry *entry = palloc0(sizeof(RegistryEntry));

		entry->name = query_text(i, 1);
		entry->checksum = query_text(i, 2);
		entry->state = query_text(i, 3);
		entries = lappend(entries, entry);
	}
	MemoryContextSwitchTo(old_context);
	query_end(&scope);
	return entries;
}
