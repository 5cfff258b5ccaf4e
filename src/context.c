/*-------------------------------------------------------------------------
 *
 * context.c
 *	  Where a call of ours may run, and where not.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "access/xlog.h"
#include "miscadmin.h"

#include "context.h"

static bool migration_running = false;

void
context_check_procedure(const char *function)
{
	if (migration_running)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("remigrate.%s cannot be called from within a migration",
						function),
				 errhint("Take the call out of the script; each migration is sent on its own."),
				 errhidestmt(true)));
	if (RecoveryInProgress())
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot run remigrate.%s on a standby server", function),
				 errhint("Connect to the primary server."),
				 errhidestmt(true)));
	if (IsInParallelMode())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
				 errmsg("cannot run remigrate.%s during a parallel operation",
						function),
				 errhidestmt(true)));
	if (XactReadOnly)
		ereport(ERROR,
				(errcode(ERRCODE_READ_ONLY_SQL_TRANSACTION),
				 errmsg("cannot run remigrate.%s in a read-only transaction",
						function),
				 errhidestmt(true)));
	if (InSecurityRestrictedOperation())
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("cannot run remigrate.%s within a security-restricted operation",
						function),
				 errhidestmt(true)));
}

void
context_check_writer(const char *function)
{
	context_check_procedure(function);
	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("remigrate.%s needs the isolation level READ COMMITTED",
						function),
				 errdetail("A snapshot from before the migration lock was taken would hide what another deployer has recorded."),
				 errhint("Begin the transaction with ISOLATION LEVEL READ COMMITTED."),
				 errhidestmt(true)));
}

void
context_enter(void)
{
	migration_running = true;
}

void
context_leave(void)
{
	migration_running = false;
}
