/*-------------------------------------------------------------------------
 *
 * registry.h
 *	  The scripts that were staged or run, and what became of each.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_REGISTRY_H
#define REMIGRATE_REGISTRY_H

#include "nodes/pg_list.h"

#include "script.h"

typedef struct RegistryEntry
{
	char	   *name;
	char	   *checksum;
	char	   *state;			/* pending, running, applied, held */
} RegistryEntry;

/*
 * Keeps a script that was run, and that its migration is applied in this
 * schema.  Raises what the insertion raises.
 */
extern void registry_record_applied(const char *schema, const char *name,
									const Script *script);

/*
 * The text of the script with this checksum, in the server's encoding and
 * the current memory context, or NULL where no such script was ever kept.
 */
extern char *registry_script_text(const char *checksum);

/*
 * The registry's entries for a schema, by name in byte order: a list of
 * RegistryEntry in the current memory context.
 */
extern List *registry_entries(const char *schema);

#endif							/* REMIGRATE_REGISTRY_H */
