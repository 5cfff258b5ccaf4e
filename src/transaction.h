/*-------------------------------------------------------------------------
 *
 * transaction.h
 *	  Transactions inside a procedure that was called at top level, and what is
 *	  left of one after an error.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_TRANSACTION_H
#define REMIGRATE_TRANSACTION_H

#include "fmgr.h"
#include "utils/resowner.h"

/*
 * Refuses a procedure that was not called by a CALL of its own, at top level
 * and outside of any transaction block: raises 2D000.  "procedure" is its
 * name for messages.
 */
extern void transaction_check_top_level(FunctionCallInfo fcinfo,
										const char *procedure);

/*
 * Makes a memory context that outlives the transactions of this call, and
 * switches to it.
 */
extern MemoryContext transaction_outliving_context(void);

/*
 * Commits and starts a new transaction, without a snapshot.  No SPI entry and
 * no snapshot of ours may be open.  Keeps the current memory context, which
 * must be one that outlives the transaction.  Raises what the commit raises,
 * with the transaction rolled back by then.
 */
extern void transaction_commit(void);

/*
 * In PG_CATCH: failure_catch, and rolls back, with every subtransaction that is
 * open, and starts a new transaction, in "context".
 */
extern ErrorData *transaction_catch(MemoryContext context);

/*
 * In PG_CATCH within a subtransaction of ours: failure_catch, and rolls back
 * to the nest level that the subtransaction was begun in, whose resource owner
 * this is.
 */
extern ErrorData *transaction_catch_in_subtransaction(int nest_level,
													  MemoryContext context,
													  ResourceOwner owner);

/* What transaction_try runs. */
typedef void (*TransactionWork) (void *argument);

/*
 * Runs work in a subtransaction that is rolled back in any case.  Returns NULL,
 * or the error that it raised; both that and what the work allocates are in
 * the current memory context.
 */
extern ErrorData *transaction_try(TransactionWork work, void *argument);

/*
 * After a utility command that may have ended the transaction in which it
 * began: takes down the snapshot that is active now, if any.
 */
extern void transaction_pop_snapshot(void);

/*
 * Makes the new transaction one that can write the journal, whatever the
 * script made of the session's defaults.  Before its first snapshot.
 */
extern void transaction_make_writable(void);

#endif							/* REMIGRATE_TRANSACTION_H */
