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
#include "utils/snapmgr.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "blocker.h"
#include "compat.h"
#include "lock.h"

/* How long to sleep between two tries, in milliseconds, doubling. */
#define FIRST_PAUSE 5
#define LONGEST_PAUSE 200

/* How long before the server ends the call its waiting ends, in milliseconds. */
#define TIME_TO_REPORT 200

/* What the session holds, to be let go of on every way out. */
static bool session_holds_remigrate = false;
static bool session_holds_prisma = false;
static bool session_waits = false;

/* Whether it has let go of Prisma's lock for a while, in a run that goes on. */
static bool session_lends_prisma = false;

static void
set_tag(LOCKTAG *tag, int64 key)
{
	/* The form that pg_advisory_lock(bigint) has. */
	SET_LOCKTAG_ADVISORY(*tag, MyDatabaseId, (uint32) (key >> 32),
						 (uint32) key, 1);
}

/* For the session, which notes in *held what it has, or for the transaction. */
static bool
try_lock(const LOCKTAG *tag, bool *held)
{
	if (LockAcquire(tag, ExclusiveLock, held != NULL,
					true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	if (held != NULL)
		*held = true;
	return true;
}

static void
release_one(int64 key, LOCKMODE mode, bool *held)
{
	LOCKTAG		tag;

	if (!*held)
		return;
	*held = false;
	set_tag(&tag, key);
	/* A script may have let go of it, and the server would warn of that. */
	if (compat_lock_held_by_me(&tag, mode))
		LockRelease(&tag, mode, true);
}

static void
report_busy(const char *subject, const LockHolder *holder, int waited,
			bool cut_short)
{
	const char *what = session_lends_prisma ? "cannot go on" : "was not run";

	if (holder != NULL && holder->waits_for_us)
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("%s %s: the migration lock is held by %s, which waits for this session",
						subject, what, holder->description),
				 errhint("Use CALL remigrate.migrate(), which waits without being in the way, or try again later."),
				 errhidestmt(true)));
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("%s %s: the migration lock is held by %s; waited %.1f s",
					subject, what,
					holder ? holder->description : "another session",
					waited / 1000.0),
			 cut_short ?
			 errhint("Another deployment is going on. Try again later; the server's time limit lets this call wait no longer.") :
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

/*
 * How long a call that began to wait at "started" may do so before the server
 * would end it, who could not say what it was waiting for.
 */
static int
longest_wait(TimestampTz started)
{
	static const TimeoutId limits[] = {COMPAT_CALL_TIMEOUTS};
	long		longest = INT_MAX;

	for (int i = 0; i < lengthof(limits); i++)
	{
		long		left;

		if (!get_timeout_active(limits[i]))
			continue;
		left = TimestampDifferenceMilliseconds(started,
											   get_timeout_finish_time(limits[i]));
		longest = Min(longest, Max(left - TIME_TO_REPORT, 0));
	}
	return (int) longest;
}

/*
 * Polls for a lock.  In a function every try looks at the holder, who may be
 * waiting for our snapshot; in a procedure, which holds none, that would only
 * take one.  "held" is what a session remembers of the lock, NULL to take it
 * for the transaction.  Returns whether it had to wait.
 */
static bool
acquire_one(const char *subject, int64 key, bool *held, TimestampTz started,
			int wait)
{
	bool		for_session = held != NULL;
	bool		shows;
	LOCKTAG		tag;
	LOCKTAG		waiting_tag;
	int			pause = FIRST_PAUSE;
	int			longest = longest_wait(started);
	bool		cut_short = longest < wait;

	set_tag(&tag, key);
	if (try_lock(&tag, held))
		return false;

	wait = Min(wait, longest);
	/* Left by an attempt that gave up, or that somebody ended. */
	release_one(LOCK_KEY_WAITING, ShareLock, &session_waits);
	/* Anybody may keep us from being seen to wait; it is of no account. */
	set_tag(&waiting_tag, LOCK_KEY_WAITING);
	shows = LockAcquire(&waiting_tag, ShareLock, for_session,
						true) != LOCKACQUIRE_NOT_AVAIL;
	session_waits = for_session && shows;
	do
	{
		long		waited = TimestampDifferenceMilliseconds(started,
															 GetCurrentTimestamp());
		LockHolder *holder = NULL;

		if (!for_session || waited >= wait)
			holder = blocker_find_holder(&tag);
		if (waited >= wait || (!for_session && holder && holder->waits_for_us))
			report_busy(subject, holder, waited,
						cut_short && waited >= wait);
		if (for_session)
			InvalidateCatalogSnapshot();
		nap(Min(pause, wait - waited));
		pause = Min(pause * 2, LONGEST_PAUSE);
	} while (!try_lock(&tag, held));
	session_waits = false;
	if (shows)
		LockRelease(&waiting_tag, ShareLock, for_session);
	return true;
}

void
lock_acquire_for_transaction(const char *subject, int wait)
{
	TimestampTz started = GetCurrentTimestamp();

	(void) acquire_one(subject, LOCK_KEY_REMIGRATE, NULL, started, wait);
	(void) acquire_one(subject, LOCK_KEY_PRISMA, NULL, started, wait);
}

/* Whether it is held in truth: a script may have let go of it. */
static bool
is_held(int64 key, bool *held)
{
	LOCKTAG		tag;

	set_tag(&tag, key);
	*held = *held && compat_lock_held_by_me(&tag, ExclusiveLock);
	return *held;
}

void
lock_check_still_held(const char *subject)
{
	bool		has_remigrate = is_held(LOCK_KEY_REMIGRATE,
										&session_holds_remigrate);
	bool		has_prisma = is_held(LOCK_KEY_PRISMA, &session_holds_prisma) ||
		session_lends_prisma;

	if (has_remigrate && has_prisma)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s was stopped: its script let go of the migration lock",
					subject),
			 errhint("Take pg_advisory_unlock_all() out of the script; unlock the one thing that it has locked."),
			 errhidestmt(true)));
}

void
lock_lend_prisma(void)
{
	release_one(LOCK_KEY_PRISMA, ExclusiveLock, &session_holds_prisma);
	session_lends_prisma = true;
}

void
lock_retake_prisma(const char *subject, int wait)
{
	if (is_held(LOCK_KEY_PRISMA, &session_holds_prisma))
		return;
	(void) acquire_one(subject, LOCK_KEY_PRISMA, &session_holds_prisma,
					   GetCurrentTimestamp(), wait);
	session_lends_prisma = false;
}

bool
lock_acquire_for_session(const char *subject, int wait)
{
	TimestampTz started = GetCurrentTimestamp();
	bool		waited = false;

	if (!is_held(LOCK_KEY_REMIGRATE, &session_holds_remigrate))
		waited = acquire_one(subject, LOCK_KEY_REMIGRATE,
							 &session_holds_remigrate, started, wait);
	if (!is_held(LOCK_KEY_PRISMA, &session_holds_prisma) &&
		acquire_one(subject, LOCK_KEY_PRISMA, &session_holds_prisma, started,
					wait))
		waited = true;
	session_lends_prisma = false;
	return waited;
}

void
lock_release_for_session(void)
{
	release_one(LOCK_KEY_WAITING, ShareLock, &session_waits);
	release_one(LOCK_KEY_PRISMA, ExclusiveLock, &session_holds_prisma);
	release_one(LOCK_KEY_REMIGRATE, ExclusiveLock, &session_holds_remigrate);
	session_lends_prisma = false;
}
