/*-------------------------------------------------------------------------
 *
 * session.c
 *	  Settings: made by us, or the caller's, kept over a procedure's commits.
 *
 * In a function a GUC nest level undoes what a script has set.  A commit ends
 * all nest levels and makes every plain SET stick, so here the values are
 * saved and put back one by one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/guc.h"
#include "utils/guc_tables.h"

#include "compat.h"
#include "session.h"

typedef struct SavedSetting
{
	const char *name;
	const char *value;			/* NULL for an unset string */
} SavedSetting;

struct SessionSettings
{
	char	   *session_authorization;
	char	   *role;
	int			count;
	SavedSetting *settings;		/* those that were SET, sorted by name */
};

void
session_set(const char *name, const char *value, GucAction action)
{
	(void) set_config_option(name, value, PGC_USERSET, PGC_S_SESSION, action,
							 true, 0, false);
}

/* Part of the transaction, or put back in an order of their own. */
static const char *const set_apart[] = {
	"role", "session_authorization", "seed",
	"transaction_deferrable", "transaction_isolation", "transaction_read_only"
};

/* Whether a SET in this session has given it its value. */
static bool
is_set(const struct config_generic *setting)
{
	if (setting->source != PGC_S_SESSION ||
		(setting->context != PGC_USERSET && setting->context != PGC_SUSET))
		return false;
	for (int i = 0; i < lengthof(set_apart); i++)
		if (strcmp(setting->name, set_apart[i]) == 0)
			return false;
	return true;
}

static const char *
value_of(const char *name)
{
	return GetConfigOption(name, true, false);
}

static char *
copy_value(const char *value)
{
	return value ? pstrdup(value) : NULL;
}

static int
compare_settings(const void *left, const void *right)
{
	return strcmp(((const SavedSetting *) left)->name,
				  ((const SavedSetting *) right)->name);
}

SessionSettings *
session_save(void)
{
	SessionSettings *saved = palloc(sizeof(SessionSettings));
	int			count;
	struct config_generic **all = compat_all_settings(&count);

	saved->session_authorization = copy_value(value_of("session_authorization"));
	saved->role = copy_value(value_of("role"));
	saved->settings = palloc_array(SavedSetting, count);
	saved->count = 0;
	for (int i = 0; i < count; i++)
	{
		SavedSetting *setting;

		if (!is_set(all[i]))
			continue;
		setting = &saved->settings[saved->count++];
		setting->name = pstrdup(all[i]->name);
		setting->value = copy_value(value_of(all[i]->name));
	}
	qsort(saved->settings, saved->count, sizeof(SavedSetting),
		  compare_settings);
	return saved;
}

/*
 * With the rights of a superuser: the value was there before, so whoever set
 * it was allowed to.  A null value means RESET.  "elevel" is for a value that
 * the server does not take any more, 0 for an error.
 */
static void
set_back(const char *name, const char *value, int elevel)
{
	(void) set_config_option(name, value, PGC_SUSET, PGC_S_SESSION,
							 GUC_ACTION_SET, true, elevel, false);
}

static bool
same_value(const char *left, const char *right)
{
	if (left == NULL || right == NULL)
		return left == right;
	return strcmp(left, right) == 0;
}

/* What is SET now and was not before goes back to where it came from. */
static void
reset_others(const SessionSettings *saved)
{
	int			count;
	struct config_generic **all = compat_all_settings(&count);

	for (int i = 0; i < count; i++)
	{
		SavedSetting key = {.name = all[i]->name};

		if (is_set(all[i]) &&
			bsearch(&key, saved->settings, saved->count,
					sizeof(SavedSetting), compare_settings) == NULL)
			set_back(key.name, NULL, WARNING);
	}
}

void
session_restore_role(const SessionSettings *saved)
{
	/* The session's own role first: it decides which others there may be. */
	if (!same_value(value_of("session_authorization"),
					saved->session_authorization))
		set_back("session_authorization", saved->session_authorization, 0);
	if (!same_value(value_of("role"), saved->role))
		set_back("role", saved->role, 0);
}

void
session_restore(const SessionSettings *saved)
{
	/* It decides what may be set. */
	session_restore_role(saved);
	reset_others(saved);
	for (int i = 0; i < saved->count; i++)
	{
		const SavedSetting *setting = &saved->settings[i];

		/* Such as temp_buffers after a temporary table: no reason to fail. */
		if (!same_value(value_of(setting->name), setting->value))
			set_back(setting->name, setting->value, WARNING);
	}
}
