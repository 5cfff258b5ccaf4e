/*-------------------------------------------------------------------------
 *
 * lock.h
 *	  The migration locks: one deployer at a time.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_LOCK_H
#define REMIGRATE_LOCK_H

/* Prisma's own advisory lock, and the one that only remigrate polls. */
#define LOCK_KEY_PRISMA INT64CONST(72707369)
#define LOCK_KEY_REMIGRATE INT64CONST(7270736972707369)

/* Held shared, by any number, while one of ours polls: to be seen. */
#define LOCK_KEY_WAITING INT64CONST(7270736972707370)

/*
 * Takes both locks until the end of the transaction, polling for up to
 * "wait" milliseconds.  "subject" opens the message.  Raises 55P03 with the
 * holder in the message, at once where the holder itself waits for us.
 */
extern void lock_acquire_for_transaction(const char *subject, int wait);

/*
 * The same for a procedure, until lock_release_for_session; holds no
 * snapshot between two tries.  Takes what the session does not hold already,
 * or not any more.  Returns whether it had to wait.  No snapshot may be
 * active.
 */
extern bool lock_acquire_for_session(const char *subject, int wait);

/*
 * Lets go of Prisma's lock alone, and takes it again: around a statement that
 * waits for other sessions' snapshots.
 */
extern void lock_lend_prisma(void);
extern void lock_retake_prisma(const char *subject, int wait);

/*
 * Raises 55000 where a script has let go of the session's locks, by
 * pg_advisory_unlock_all(): another deployer may have begun meanwhile.
 */
extern void lock_check_still_held(const char *subject);

/* Lets go of what the session holds; safe to call in an aborted transaction. */
extern void lock_release_for_session(void);

#endif							/* REMIGRATE_LOCK_H */
