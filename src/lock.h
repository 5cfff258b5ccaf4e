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

/*
 * Takes both locks until the end of the transaction, polling for up to
 * "wait" milliseconds.  "subject" opens the message.  Raises 55P03 with the
 * holder in the message, at once where the holder itself waits for us.
 */
extern void lock_acquire_for_transaction(const char *subject, int wait);

#endif							/* REMIGRATE_LOCK_H */
