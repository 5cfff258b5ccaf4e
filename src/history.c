/*-------------------------------------------------------------------------
 *
 * history.c
 *	  The staged history of a schema: every script, and what the catalog says.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "checksum.h"
#include "history.h"
#include "migration.h"
#include "seam.h"

static Script *
read_script(const RegistryEntry *entry)
{
	Script	   *script = migration_kept_script(entry);

	if (script != NULL)
		script_parse(script);
	return script;
}

List *
history_read(const char *schema, HistoryFilter belongs, const void *argument)
{
	List	   *entries = NIL;
	List	   *scripts = NIL;
	List	   *results;
	ListCell   *cell;
	int			next = 0;

	foreach(cell, status_collect(schema))
	{
		const MigrationStatus *status = lfirst(cell);
		HistoryEntry *entry;

		if (!belongs(status, argument))
			continue;
		entry = palloc0(sizeof(HistoryEntry));
		entry->status = status;
		if (status->entry != NULL)
			entry->script = read_script(status->entry);
		if (entry->script != NULL)
			scripts = lappend(scripts, entry->script);
		entries = lappend(entries, entry);
	}

	results = seam_check_history(scripts, schema);
	foreach(cell, entries)
	{
		HistoryEntry *entry = lfirst(cell);

		if (entry->script != NULL)
		{
			const SeamHistory *result = list_nth(results, next++);

			entry->contradiction = result->reason;
			entry->unseen = result->unseen;
		}
	}
	return entries;
}

List *
history_applied_after(const char *schema, const char *name)
{
	List	   *scripts = NIL;
	ListCell   *cell;

	foreach(cell, status_collect(schema))
	{
		const MigrationStatus *status = lfirst(cell);
		Script	   *script;

		if (strcmp(status->name, name) <= 0 || status->entry == NULL ||
			status->finished == NULL ||
			!checksum_is_plausible(status->finished->checksum))
			continue;
		script = read_script(status->entry);
		if (script != NULL)
			scripts = lappend(scripts, script);
	}
	return scripts;
}
