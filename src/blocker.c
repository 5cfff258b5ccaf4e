/*-------------------------------------------------------------------------
 *
 * blocker.c
 *	  Who holds a lock that somebody waits for.
 *
 * When a lock time-out's error arrives, the backend has already left the
 * lock's queue, and nothing tells any more what it was that it waited for.
 * So a timer looks now and then, while the script runs, at the lock this
 * backend is queued for, and remembers it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/timeout.h"
#include "utils/timestamp.h"

#include "blocker.h"
#include "query.h"

/* The longest pause between two looks, in milliseconds. */
#define WATCH_INTERVAL 100

static TimeoutId watch_timeout = MAX_TIMEOUTS;
static volatile sig_atomic_t watched_something = false;
static LOCKTAG watched_tag;
static LOCKMODE watched_mode;

/*
 * Runs inside the signal handler of SIGALRM.  A LOCK lives in shared memory
 * that is never unmapped, and this very backend is queued for it, so reading
 * its tag is safe; whoever grants it the lock only makes waitLock null.
 */
static void
look_at_lock(void)
{
	LOCK	   *lock = MyProc ? MyProc->waitLock : NULL;

	if (lock != NULL)
	{
		watched_tag = lock->tag;
		watched_mode = MyProc->waitLockMode;
	}
	watched_something = (lock != NULL);
}

void
blocker_watch(int lock_timeout)
{
	int			interval = WATCH_INTERVAL;

	if (lock_timeout > 0)
		interval = Max(Min(interval, lock_timeout / 4), 1);
	if (watch_timeout == MAX_TIMEOUTS)
		watch_timeout = RegisterTimeout(USER_TIMEOUT, look_at_lock);
	watched_something = false;
	enable_timeout_every(watch_timeout,
						 TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													 interval),
						 interval);
}

void
blocker_unwatch(void)
{
	if (watch_timeout != MAX_TIMEOUTS)
		disable_timeout(watch_timeout, false);
}

/* How pg_locks shows a lock's tag; a type not named here isn't waited for. */
static const char *
condition_for(const LOCKTAG *tag, QueryParameters *parameters)
{
	query_add_int(parameters, (int32) tag->locktag_field1);
	query_add_int(parameters, (int32) tag->locktag_field2);
	query_add_int(parameters, (int32) tag->locktag_field3);
	query_add_int(parameters, (int32) tag->locktag_field4);

	/* A signed parameter's bits, read as the unsigned number they are. */
#define FIELD(n) "($" #n "::int8 & 4294967295)"
#define FIELD_AS_OID(n) FIELD(n) "::text::oid"
	switch ((LockTagType) tag->locktag_type)
	{
		case LOCKTAG_RELATION:
		case LOCKTAG_RELATION_EXTEND:
		case LOCKTAG_PAGE:
		case LOCKTAG_TUPLE:
			/* Whoever holds a tuple's lock for long holds its relation's. */
			return "l.locktype = 'relation' AND l.database = " FIELD_AS_OID(1)
				" AND l.relation = " FIELD_AS_OID(2);
		case LOCKTAG_TRANSACTION:
			return "l.locktype = 'transactionid' AND l.transactionid = "
				FIELD(1) "::text::xid";
		case LOCKTAG_VIRTUALTRANSACTION:
			return "l.locktype = 'virtualxid' AND l.virtualxid = "
				"$1::text || '/' || " FIELD(2) "::text";
		case LOCKTAG_OBJECT:
			return "l.locktype = 'object' AND l.database = " FIELD_AS_OID(1)
				" AND l.classid = " FIELD_AS_OID(2)
				" AND l.objid = " FIELD_AS_OID(3);
		case LOCKTAG_ADVISORY:
			return "l.locktype = 'advisory' AND l.database = " FIELD_AS_OID(1)
				" AND l.classid = " FIELD_AS_OID(2)
				" AND l.objid = " FIELD_AS_OID(3)
				" AND l.objsubid = $4";
		default:
			return NULL;
	}
#undef FIELD_AS_OID
#undef FIELD
}

/*
 * The state of an idle session began when it went idle, that of a busy one
 * with its transaction.  A prepared transaction has no session, and its name
 * is found by the lock that it has on its own id.  Of those that are in the
 * way the strongest lock is named first, and where none is, somebody in the
 * queue being it, of all.
 */
static const char *const holder_query =
"SELECT l.pid,"
" concat(coalesce('pid ' || l.pid, 'a prepared transaction'),"
"  ', \"' || coalesce(p.gid, nullif(a.application_name, '')) || '\"',"
"  ', ' || coalesce(a.state, CASE WHEN p.gid IS NOT NULL THEN 'prepared' END),"
"  ' for ' || CASE"
"   WHEN s.seconds < 60 THEN s.seconds || ' s'"
"   WHEN s.seconds < 7200 THEN s.seconds / 60 || ' min'"
"   WHEN s.seconds < 172800 THEN s.seconds / 3600 || ' h'"
"   ELSE s.seconds / 86400 || ' days' END),"
" l.pid IS NOT NULL AND %s = ANY (pg_catalog.pg_blocking_pids(l.pid))"
" FROM pg_catalog.pg_locks l"
" LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid"
" LEFT JOIN LATERAL (SELECT x.gid, x.prepared"
"  FROM pg_catalog.pg_locks o, pg_catalog.pg_prepared_xacts x"
"  WHERE l.pid IS NULL AND o.pid IS NULL AND o.locktype = 'transactionid'"
"  AND o.virtualtransaction = l.virtualtransaction"
"  AND o.transactionid = x.transaction) p ON true,"
" LATERAL (SELECT extract(epoch FROM pg_catalog.clock_timestamp() -"
"   CASE WHEN a.state LIKE 'idle%%' THEN a.state_change ELSE"
"   coalesce(p.prepared, a.xact_start, a.query_start) END)::pg_catalog.int8 AS seconds) s"
" WHERE l.granted AND l.pid IS DISTINCT FROM %s AND %s"
" ORDER BY %s DESC, l.mode = 'AccessExclusiveLock' DESC, l.mode LIKE '%%Exclusive%%' DESC,"
" s.seconds DESC LIMIT 1";

/*
 * An SQL condition on a lock's mode: whether it is in the way of "wanted".
 * Whoever holds a tuple's or a page's lock is found by that of its relation,
 * whose mode is of no account.
 */
static char *
conflict_condition(const LOCKTAG *tag, LOCKMODE wanted)
{
	StringInfoData condition;

	if (tag->locktag_type == LOCKTAG_PAGE || tag->locktag_type == LOCKTAG_TUPLE ||
		tag->locktag_type == LOCKTAG_RELATION_EXTEND)
		return "true";
	initStringInfo(&condition);
	appendStringInfoString(&condition, "l.mode IN (''");
	for (LOCKMODE mode = AccessShareLock; mode <= MaxLockMode; mode++)
		if (DoLockModesConflict(mode, wanted))
			appendStringInfo(&condition, ", '%s'",
							 GetLockmodeName(DEFAULT_LOCKMETHOD, mode));
	appendStringInfoChar(&condition, ')');
	return condition.data;
}

static LockHolder *
find_holder(const LOCKTAG *tag, LOCKMODE wanted)
{
	LockHolder *holder = NULL;
	QueryParameters parameters = {0};
	QueryScope	scope;
	char	   *own_pid = psprintf("%d", MyProcPid);
	const char *condition = condition_for(tag, &parameters);

	if (condition == NULL)
		return NULL;
	/* As the owner, who sees every session's state. */
	query_begin(&scope, QUERY_AS_OWNER);
	if (query_run(psprintf(holder_query, own_pid, own_pid, condition,
						   conflict_condition(tag, wanted)),
				  &parameters, true) > 0)
	{
		MemoryContext old_context = MemoryContextSwitchTo(scope.caller_context);
		bool		is_prepared;

		holder = palloc(sizeof(LockHolder));
		holder->pid = DatumGetInt32(query_value(0, 1, &is_prepared));
		if (is_prepared)
			holder->pid = 0;
		holder->description = query_text(0, 2);
		holder->waits_for_us = DatumGetBool(query_value(0, 3, NULL));
		MemoryContextSwitchTo(old_context);
	}
	query_end(&scope);
	return holder;
}

LockHolder *
blocker_find_holder(const LOCKTAG *tag)
{
	return find_holder(tag, ExclusiveLock);
}

char *
blocker_describe_watched(void)
{
	LockHolder *holder;

	if (!watched_something)
		return NULL;
	watched_something = false;
	holder = find_holder(&watched_tag, watched_mode);
	return holder ? holder->description : NULL;
}
