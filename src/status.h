/*-------------------------------------------------------------------------
 *
 * status.h
 *	  Where each migration stands.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_STATUS_H
#define REMIGRATE_STATUS_H

#include "journal.h"
#include "registry.h"

typedef struct MigrationStatus
{
	const char *name;
	const RegistryEntry *entry; /* or NULL */
	const JournalRow *last;		/* the latest row, or NULL */
	const JournalRow *finished; /* the latest one that is finished and counts,
								 * of those with a checksum if there are any */
	const JournalRow *failed;	/* the latest one that is neither, or NULL */
	bool		is_claimed;		/* a row that is finished has no checksum */
	int			attempts;		/* journal rows */
} MigrationStatus;

/*
 * Every migration that the journal of a schema or the registry knows, by name
 * in byte order: a list of MigrationStatus in the current memory context.
 * Raises what migration_schema and journal_open raise.
 */
extern List *status_collect(const char *schema);

/* The word for a migration's state; static. */
extern const char *status_state(const MigrationStatus *status);

#endif							/* REMIGRATE_STATUS_H */
