/*-------------------------------------------------------------------------
 *
 * lock.c
 *	  The migration locks: one deployer at a time.
 *
 * Prisma's CLI takes an advisory lock while it deploys; whoever holds it
 * keeps Prisma out.  Nobody of ours ever blocks on it: a session queued for
 * it holds a snapshot, which the holder's CREATE INDEX CONCURRENTLY would
 * wait for in turn, and the deadlock detector then kills the index build.
 * So it is polled.  A second lock, which only remigrate knows, is taken
 * first, so that a deployer can let go of Prisma's for a while without
 * another one of ours starting.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "storage/latch.h"
#include "storage/lmgr.h"
#include "utils/timestamp.h"

#include "blocker.h"
#include "lock.h"

/* How long to sleep between two tries, in milliseconds, doubling. */
#define FIRST_PAUSE 5
#define LONGEST_PAUSE 200

static void
set_tag(LOCKTAG *tag, int64 key)
{
	/* The form that pg_advisory_lock(bigint) has. */
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) (key >> 32),
						 (uint32) key, 1);
}

static bool
try_lock(const LOCKTAG *tag, bool for_session)
{
	return LockAcquire(tag, ExclusiveLock, for_session, true) !=
		LOCKACQUIRE_NOT_AVAIL;
}

static void
report_busy(const char *subject, const LockHolder *holder, int waited)
{
	if (holder != NULL && holder->waits_for_us)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("%s was not run: the migration lock is held by %s, which waits for this session",
						subject, holder->description),
				 errhint("Use CALL remigrate.migrate(), which waits without being in the way, or try again later."),
				 errhidestmt(true)));
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("%s was not run: the migration lock is held by %s; waited %.1f s",
					subject,
					holder ? holder->description : "another session",
					waited / 1000.0),
			 errhint("Another deployment is going on. Try again later, or raise remigrate.migration_lock_wait."),
			 errhidestmt(true)));
}

static void
nap(int milliseconds)
{
	(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
					 milliseconds, PG_WAIT_EXTENSION);
	ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
}

static void
acquire_one(const char *subject, int64 key, TimestampTz started, int wait)
{
	LOCKTAG		tag;
	int			pause = FIRST_PAUSE;

	set_tag(&tag, key);
	while (!try_lock(&tag, false))
	{
		LockHolder *holder = blocker_find_holder(&tag);
		long		waited = TimestampDifferenceMilliseconds(started,
															 GetCurrentTimestamp());

		if (waited >= wait || (holder != NULL && holder->waits_for_us))
			report_busy(subject, holder, waited);
		nap(Min(pause, wait - waited));
		pause = Min(pause * 2, LONGEST_PAUSE);
	}
}

void
lock_acquire_for_transaction(const char *subject, int wait)
{
	TimestampTz started = GetCurrentTimestamp();

	acquire_one(subject, LOCK_KEY_REMIGRATE, started, wait);
	acquire_one(subject, LOCK_KEY_PRISMA, started, wait);
}
