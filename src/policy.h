/*-------------------------------------------------------------------------
 *
 * policy.h
 *	  How a migration is to be run: settings, and arguments that override them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_POLICY_H
#define REMIGRATE_POLICY_H

#include "fmgr.h"

/* What to do with a script that is not the one the journal remembers. */
typedef enum EditedPolicy
{
	EDITED_ERROR,
	EDITED_WARNING
} EditedPolicy;

/* What apply does with CONCURRENTLY, which no function can run. */
typedef enum ConcurrentlyPolicy
{
	CONCURRENTLY_ERROR,
	CONCURRENTLY_INLINE
} ConcurrentlyPolicy;

/* What a duplicate-object error of a script's statement is taken for. */
typedef enum DuplicatePolicy
{
	DUPLICATE_RESUME,			/* a reason to look at the catalog */
	DUPLICATE_SKIP,				/* proof that the whole script was applied */
	DUPLICATE_ERROR				/* an error like any other */
} DuplicatePolicy;

typedef struct Policy
{
	int			lock_timeout;	/* ms, of each statement; 0 is no limit */
	int			migration_lock_wait;	/* ms */
	EditedPolicy on_edited;
	ConcurrentlyPolicy concurrently;
	DuplicatePolicy on_duplicate;
	int			resume_at;		/* first statement to run, or RESUME_AT_UNSET */
	bool		records_repeats;	/* a failure like the last one, too */
} Policy;

#define RESUME_AT_UNSET 0

/* Defines the settings remigrate.*; once, when the module is loaded. */
extern void policy_define_settings(void);

/* What the settings say. */
extern Policy policy_from_settings(void);

/*
 * What the settings say, overridden by a call's arguments where they are not
 * null, from argument number "first" on: lock_timeout, migration_lock_wait,
 * on_edited, resume_at, on_duplicate, and for apply alone concurrently.
 * Raises 22023 for a value that there isn't.
 */
extern Policy policy_from_call(FunctionCallInfo fcinfo, int first);

/*
 * A time limit given as an interval, in milliseconds, or "otherwise" where
 * argument number "argument" is null.  Raises 22023 for one that is negative
 * or longer than a setting could be.
 */
extern int	policy_time_limit(FunctionCallInfo fcinfo, int argument,
							  const char *name, int otherwise);

#endif							/* REMIGRATE_POLICY_H */
