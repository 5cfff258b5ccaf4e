/*-------------------------------------------------------------------------
 *
 * transaction.c
 *	  Transactions inside a procedure that was called at top level, and what is
 *	  left of one after an error.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"
#include "utils/portal.h"
#include "utils/snapmgr.h"

#include "failure.h"
#include "session.h"
#include "transaction.h"

/* How often an abort is tried for lack of memory. */
#define ABORT_TRIES 3

void
transaction_check_top_level(FunctionCallInfo fcinfo, const char *procedure)
{
	bool		is_call = fcinfo->context != NULL &&
		IsA(fcinfo->context, CallContext) &&
		!castNode(CallContext, fcinfo->context)->atomic;

	/*
	 * A DO block or a procedure in between has an SPI entry open, and a
	 * commit under it would leave it with dangling pointers.
	 */
	if (is_call && !SPI_inside_nonatomic_context() && !IsSubTransaction() &&
		(MyXactFlags & XACT_FLAGS_PIPELINING) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TRANSACTION_TERMINATION),
			 errmsg("remigrate.%s runs only as a CALL of its own, outside of a transaction block",
					procedure),
			 errdetail("It commits, which a function, a DO block, another procedure, a transaction block, a pipeline or a query of several statements does not allow."),
			 errhint("Send CALL remigrate.%s(...) as one statement by itself, or use remigrate.apply for a migration within a transaction.",
					 procedure),
			 errhidestmt(true)));
}

MemoryContext
transaction_outliving_context(void)
{
	MemoryContext context = AllocSetContextCreate(PortalContext,
												  "remigrate procedure",
												  ALLOCSET_DEFAULT_SIZES);

	MemoryContextSwitchTo(context);
	return context;
}

void
transaction_commit(void)
{
	MemoryContext context = CurrentMemoryContext;

	/*
	 * By way of SPI, which knows what else has to be done when a transaction
	 * ends inside a statement: held cursors, the portal's snapshot, now().
	 */
	if (SPI_connect_ext(SPI_OPT_NONATOMIC) != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
	SPI_commit();
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	MemoryContextSwitchTo(context);
}

static void
roll_back_subtransactions(int nest_level)
{
	while (GetCurrentTransactionNestLevel() > nest_level)
		RollbackAndReleaseCurrentSubTransaction();
}

/* Returns whether it could; else, with "last", raises the error. */
static bool
try_to_abort(bool last)
{
	volatile bool done = false;

	PG_TRY();
	{
		/* A language that had no memory for an error may have left some. */
		roll_back_subtransactions(1);
		/* The abort frees the snapshot that the portal still points to. */
		if (ActivePortal)
			ActivePortal->portalSnapshot = NULL;
		AbortCurrentTransaction();
		done = true;
	}
	PG_CATCH();
	{
		if (last)
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	return done;
}

static void
roll_back(MemoryContext context)
{
	/*
	 * To abort may take more memory than there is, but it gives back some at
	 * each try; the server, too, does it again where it fails.
	 */
	for (int i = 1; !try_to_abort(i == ABORT_TRIES); i++)
		;
	StartTransactionCommand();
	MemoryContextSwitchTo(context);
}

ErrorData *
transaction_catch(MemoryContext context)
{
	ErrorData  *error = failure_catch(context);

	roll_back(context);
	return error;
}

ErrorData *
transaction_catch_in_subtransaction(int nest_level, MemoryContext context,
									ResourceOwner owner)
{
	ErrorData  *error = failure_catch(context);

	roll_back_subtransactions(nest_level);
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

ErrorData *
transaction_try(TransactionWork work, void *argument)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	int			nest_level = GetCurrentTransactionNestLevel();
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		work(argument);
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
	}
	PG_CATCH();
	{
		error = transaction_catch_in_subtransaction(nest_level, context, owner);
	}
	PG_END_TRY();
	return error;
}

void
transaction_pop_snapshot(void)
{
	if (!ActiveSnapshotSet())
		return;

	/*
	 * Ours went with its transaction, and what has run since, an event
	 * trigger's function, has given the portal one.
	 */
	if (ActivePortal && ActivePortal->portalSnapshot == GetActiveSnapshot())
		ActivePortal->portalSnapshot = NULL;
	PopActiveSnapshot();
}

void
transaction_make_writable(void)
{
	session_set("transaction_isolation", "read committed", GUC_ACTION_LOCAL);
	session_set("transaction_read_only", "off", GUC_ACTION_LOCAL);
}
