/*-------------------------------------------------------------------------
 *
 * policy.c
 *	  How a migration is to be run: settings, and arguments that override them.
 *
 * A setting made with SET does not travel through a pooled channel, or leaks
 * to another client there, so every policy is an argument too.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>
#include <math.h>

#include "datatype/timestamp.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "policy.h"

static int	setting_lock_timeout = 5000;
static int	setting_migration_lock_wait = 10000;
static int	setting_on_edited = EDITED_ERROR;
static int	setting_concurrently = CONCURRENTLY_ERROR;

static const struct config_enum_entry edited_options[] = {
	{"error", EDITED_ERROR, false},
	{"warning", EDITED_WARNING, false},
	{NULL, 0, false}
};

static const struct config_enum_entry concurrently_options[] = {
	{"error", CONCURRENTLY_ERROR, false},
	{"inline", CONCURRENTLY_INLINE, false},
	{NULL, 0, false}
};

/* Per call only: a setting would turn one emergency into everybody's rule. */
static const struct config_enum_entry duplicate_options[] = {
	{"resume", DUPLICATE_RESUME, false},
	{"skip", DUPLICATE_SKIP, false},
	{"error", DUPLICATE_ERROR, false},
	{NULL, 0, false}
};

void
policy_define_settings(void)
{
	DefineCustomIntVariable("remigrate.lock_timeout",
							"How long a statement of a migration may wait for a lock.",
							"Each statement has this limit anew, unless the script sets lock_timeout itself. Zero means no limit.",
							&setting_lock_timeout, 5000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("remigrate.migration_lock_wait",
							"How long to wait for another deployer's migration lock.",
							"Prisma's CLI holds the same lock while it deploys. Zero means not to wait.",
							&setting_migration_lock_wait, 10000, 0, INT_MAX,
							PGC_USERSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomEnumVariable("remigrate.on_edited",
							 "What to do with a script that was edited after it was applied.",
							 "\"error\" refuses it; \"warning\" leaves it as it was applied and says so.",
							 &setting_on_edited, EDITED_ERROR, edited_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("remigrate.concurrently",
							 "What remigrate.apply does with CREATE INDEX CONCURRENTLY and its like.",
							 "\"error\" refuses them; \"inline\" runs them without CONCURRENTLY, which blocks writers of the table meanwhile.",
							 &setting_concurrently, CONCURRENTLY_ERROR,
							 concurrently_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	MarkGUCPrefixReserved("remigrate");
}

Policy
policy_from_settings(void)
{
	return (Policy)
	{
		.lock_timeout = setting_lock_timeout,
			.migration_lock_wait = setting_migration_lock_wait,
			.on_edited = setting_on_edited,
			.concurrently = setting_concurrently,
			.on_duplicate = DUPLICATE_RESUME,
			.resume_at = RESUME_AT_UNSET,
			.records_repeats = true
	};
}

int
policy_time_limit(FunctionCallInfo fcinfo, int argument, const char *name,
				  int otherwise)
{
	Interval   *limit;
	double		milliseconds;

	if (PG_ARGISNULL(argument))
		return otherwise;
	limit = PG_GETARG_INTERVAL_P(argument);
	milliseconds = ((double) limit->month * DAYS_PER_MONTH + limit->day) *
		SECS_PER_DAY * 1000.0 + limit->time / 1000.0;
	if (milliseconds < 0 || milliseconds > INT_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be an interval between 0 and 24 days, such as '5s'",
						name),
				 errhidestmt(true)));
	/* Zero means something else than very little. */
	return (int) ceil(milliseconds);
}

static void
refuse_option(const char *name, const char *value,
			  const struct config_enum_entry *options)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; options[i].name; i++)
		appendStringInfo(&list, "%s\"%s\"",
						 i == 0 ? "" : options[i + 1].name ? ", " : " or ",
						 options[i].name);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" cannot be \"%s\"; it is %s", name, value,
					list.data),
			 errhidestmt(true)));
}

static int
enum_argument(FunctionCallInfo fcinfo, int argument, const char *name,
			  const struct config_enum_entry *options, int otherwise)
{
	char	   *value;

	if (PG_ARGISNULL(argument))
		return otherwise;
	value = text_to_cstring(PG_GETARG_TEXT_PP(argument));
	for (const struct config_enum_entry *option = options; option->name; option++)
		if (pg_strcasecmp(option->name, value) == 0)
			return option->val;
	refuse_option(name, value, options);
	pg_unreachable();
}

Policy
policy_from_call(FunctionCallInfo fcinfo, int first)
{
	Policy		policy = policy_from_settings();

	policy.lock_timeout = policy_time_limit(fcinfo, first, "lock_timeout",
											policy.lock_timeout);
	policy.migration_lock_wait = policy_time_limit(fcinfo, first + 1,
												   "migration_lock_wait",
												   policy.migration_lock_wait);
	policy.on_edited = enum_argument(fcinfo, first + 2, "on_edited",
									 edited_options, policy.on_edited);
	if (!PG_ARGISNULL(first + 3))
	{
		policy.resume_at = PG_GETARG_INT32(first + 3);
		if (policy.resume_at < 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"resume_at\" cannot be %d, statements count from 1",
							policy.resume_at),
					 errhidestmt(true)));
	}
	policy.on_duplicate = enum_argument(fcinfo, first + 4, "on_duplicate",
										duplicate_options,
										policy.on_duplicate);
	if (PG_NARGS() > first + 5)
		policy.concurrently = enum_argument(fcinfo, first + 5, "concurrently",
											concurrently_options,
											policy.concurrently);
	return policy;
}
