/*-------------------------------------------------------------------------
 *
 * blocker.h
 *	  Who holds a lock that somebody waits for.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_BLOCKER_H
#define REMIGRATE_BLOCKER_H

#include "storage/lock.h"

/*
 * Starts to watch what lock this backend waits for, until blocker_unwatch;
 * "lock_timeout" in milliseconds, where 0 watches at a leisurely pace.
 */
extern void blocker_watch(int lock_timeout);
extern void blocker_unwatch(void);

/*
 * Describes who holds the lock that the watch last saw this backend wait for:
 * pid 4711, "api", idle in transaction for 12 min.  Returns NULL where the
 * watch saw nothing or nobody holds it any more.  Needs a transaction in good
 * order.
 */
extern char *blocker_describe_watched(void);

/* One holder of a lock. */
typedef struct LockHolder
{
	int			pid;			/* 0 for a prepared transaction */
	char	   *description;
	bool		waits_for_us;	/* it waits for a lock that we hold */
} LockHolder;

/*
 * Finds somebody else who holds the lock, in the current context; NULL where
 * nobody does.
 */
extern LockHolder *blocker_find_holder(const LOCKTAG *tag);

#endif							/* REMIGRATE_BLOCKER_H */
