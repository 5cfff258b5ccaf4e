/*-------------------------------------------------------------------------
 *
 * migrate.h
 *	  One migration in transactions of its own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_MIGRATE_H
#define REMIGRATE_MIGRATE_H

#include "migration.h"
#include "session.h"

/*
 * Runs a migration in transactions of its own.  The session must hold the
 * migration locks and be in a new transaction without a snapshot; on return
 * it is in another such one.  The current memory context must outlive
 * transactions, and all of the migration must lie in such a one.  "session"
 * is what the settings are put back to before the outcome is recorded.
 * Returns how the migration came out, after reporting it by a NOTICE.  Raises
 * what made it fail, after that was recorded.
 */
extern Outcome migrate_run(Migration *migration,
						   const SessionSettings *session);

#endif							/* REMIGRATE_MIGRATE_H */
