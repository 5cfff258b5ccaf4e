/*-------------------------------------------------------------------------
 *
 * context.h
 *	  Where a call of ours may run, and where not.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_CONTEXT_H
#define REMIGRATE_CONTEXT_H

/*
 * Refuses a call that writes where it could not, or not safely: raises 25006
 * on a standby and in a read-only transaction, 25000 in a parallel worker,
 * 42501 in a security-restricted operation, 25001 under another isolation
 * level than READ COMMITTED, 0A000 within a migration.  "function" is the
 * caller's name for messages.
 */
extern void context_check_writer(const char *function);

/*
 * The same for a procedure, whose own transactions have the isolation level
 * that they need.
 */
extern void context_check_procedure(const char *function);

/*
 * Between these two a migration's statements run, and calls of ours are
 * refused.  context_leave belongs on every way out.
 */
extern void context_enter(void);
extern void context_leave(void);

#endif							/* REMIGRATE_CONTEXT_H */
