/*-------------------------------------------------------------------------
 *
 * require.c
 *	  Raises an error unless migrations are applied: remigrate.require and
 *	  require_checksums.
 *
 * The message is made for channels that return nothing else.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "bundle.h"
#include "errors.h"
#include "migration.h"
#include "status.h"

PG_FUNCTION_INFO_V1(remigrate_require);
PG_FUNCTION_INFO_V1(remigrate_require_checksums);

/* How many missing migrations a message names, and how much of each error. */
#define MESSAGE_MIGRATIONS 10
#define MESSAGE_ERROR_BYTES 200

typedef struct Requirement
{
	const char *schema;
	int			required;
	int			missing;
	StringInfoData list;		/* the first of the missing, for the message */
} Requirement;

static MigrationStatus *
find_status(List *statuses, const char *name)
{
	int			low = 0;
	int			high = list_length(statuses) - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;
		MigrationStatus *status = list_nth(statuses, middle);
		int			order = strcmp(name, status->name);

		if (order == 0)
			return status;
		if (order < 0)
			high = middle - 1;
		else
			low = middle + 1;
	}
	return NULL;
}

static const char *
last_error(const MigrationStatus *status)
{
	if (status->entry && status->entry->last_error)
		return status->entry->last_error;
	return status->last ? status->last->logs : NULL;
}

static void
add_missing(Requirement *requirement, const char *name, const char *state,
			const char *error)
{
	requirement->missing++;
	if (requirement->missing > MESSAGE_MIGRATIONS)
		return;
	appendStringInfo(&requirement->list, "%s\"%s\" (%s",
					 requirement->missing > 1 ? ", " : "", name, state);
	if (error != NULL && error[0] != '\0')
	{
		int			length = pg_mbcliplen(error, strlen(error),
										  MESSAGE_ERROR_BYTES);

		appendStringInfo(&requirement->list, ": %s%s",
						 pnstrdup(error, length),
						 error[length] != '\0' ? "..." : "");
	}
	appendStringInfoChar(&requirement->list, ')');
}

/*
 * Whether the journal's row is that of a script with this checksum: its own
 * one, or another form of it that the registry has seen applied.
 */
static bool
has_checksum(const MigrationStatus *status, const char *checksum)
{
	Assert(status != NULL && status->finished != NULL);
	if (strcmp(status->finished->checksum, checksum) == 0)
		return true;
	return status->entry != NULL &&
		status->entry->state == REGISTRY_APPLIED &&
		strcmp(status->entry->checksum, checksum) == 0;
}

/* "checksum" may be NULL. */
static void
require_one(Requirement *requirement, List *statuses, const char *name,
			const char *checksum)
{
	const MigrationStatus *status = find_status(statuses, name);
	const char *state = status ? status_state(status) : "unknown";

	requirement->required++;
	if (strcmp(state, "edited") == 0 || strcmp(state, "running") == 0)
		add_missing(requirement, name, state, NULL);
	else if (strcmp(state, "applied") != 0)
		add_missing(requirement, name, state,
					status ? last_error(status) : NULL);
	else if (checksum != NULL && !has_checksum(status, checksum))
		add_missing(requirement, name, "edited", NULL);
}

static int
finish(const Requirement *requirement)
{
	int			more = requirement->missing - MESSAGE_MIGRATIONS;

	if (requirement->missing == 0)
		return requirement->required;
	ereport(ERROR,
			(errcode(ERRCODE_REMIGRATE_REQUIRED),
			 errmsg("%d of %d required migrations are not applied in schema \"%s\": %s%s",
					requirement->missing, requirement->required,
					requirement->schema, requirement->list.data,
					more > 0 ? psprintf(" and %d more", more) : ""),
			 errhint("remigrate.status() shows all of them; CALL remigrate.deploy() runs those that are staged."),
			 errhidestmt(true)));
}

static void
require_all_staged(Requirement *requirement, List *statuses)
{
	ListCell   *cell;

	foreach(cell, statuses)
	{
		const MigrationStatus *status = lfirst(cell);

		if (status->entry != NULL && status->entry->staged_by != NULL)
			require_one(requirement, statuses, status->name, NULL);
	}
	if (requirement->required == 0)
		ereport(ERROR,
				(errcode(ERRCODE_REMIGRATE_REQUIRED),
				 errmsg("no migration is staged in schema \"%s\", so nothing shows that it is up to date",
						requirement->schema),
				 errhint("Stage the migrations first, or name those that are required."),
				 errhidestmt(true)));
}

static void
require_named(Requirement *requirement, List *statuses, ArrayType *names)
{
	Datum	   *values;
	bool	   *nulls;
	int			count;

	deconstruct_array(names, TEXTOID, -1, false, TYPALIGN_INT,
					  &values, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("\"names\" must not contain nulls"),
					 errhidestmt(true)));
		require_one(requirement, statuses, TextDatumGetCString(values[i]), NULL);
	}
}

static Requirement
begin(const char *schema)
{
	Requirement requirement = {.schema = schema};

	initStringInfo(&requirement.list);
	return requirement;
}

/* SQL: require(names text[], target_schema text) returns integer */
Datum
remigrate_require(PG_FUNCTION_ARGS)
{
	char	   *schema = migration_text_argument(fcinfo, 1, "target_schema");
	List	   *statuses = status_collect(schema);
	Requirement requirement = begin(schema);

	if (PG_ARGISNULL(0))
		require_all_staged(&requirement, statuses);
	else
		require_named(&requirement, statuses, PG_GETARG_ARRAYTYPE_P(0));
	PG_RETURN_INT32(finish(&requirement));
}

/* SQL: require_checksums(checksums jsonb, target_schema text) returns integer */
Datum
remigrate_require_checksums(PG_FUNCTION_ARGS)
{
	char	   *schema;
	List	   *statuses;
	Requirement requirement;
	ListCell   *cell;

	migration_require_argument(fcinfo, 0, "checksums");
	schema = migration_text_argument(fcinfo, 1, "target_schema");
	statuses = status_collect(schema);
	requirement = begin(schema);
	foreach(cell, bundle_read(PG_GETARG_DATUM(0), "checksums"))
	{
		const BundleEntry *entry = lfirst(cell);

		require_one(&requirement, statuses, entry->name, entry->text);
	}
	PG_RETURN_INT32(finish(&requirement));
}
