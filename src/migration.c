/*-------------------------------------------------------------------------
 *
 * migration.c
 *	  One migration, as a call asks for it, and how it came out.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/catalog.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

#include "errors.h"
#include "event.h"
#include "migration.h"
#include "registry.h"
#include "scan.h"
#include "statement.h"

const char *
outcome_name(Outcome outcome)
{
	switch (outcome)
	{
		case OUTCOME_APPLIED:
			return "applied";
		case OUTCOME_ALREADY_APPLIED:
			return "already_applied";
		case OUTCOME_UNCHANGED:
			return "unchanged";
	}
	pg_unreachable();
}

static void
refuse_null(FunctionCallInfo fcinfo, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("argument \"%s\" of remigrate.%s must not be null",
					name, get_func_name(fcinfo->flinfo->fn_oid)),
			 errhidestmt(true)));
}

char *
migration_text_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	if (PG_ARGISNULL(argument))
		refuse_null(fcinfo, name);
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

static void
check_name(const char *name)
{
	int			length = pg_mbstrlen(name);

	if (length == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a migration's name must not be empty"),
				 errhint("It is the name of the folder that holds its migration.sql."),
				 errhidestmt(true)));
	if (length > JOURNAL_NAME_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a migration's name has at most %d characters, \"%s...\" has %d",
						JOURNAL_NAME_LIMIT,
						pnstrdup(name, pg_mbcliplen(name, strlen(name), 60)),
						length),
				 errhidestmt(true)));
}

Oid
migration_schema(const char *schema)
{
	Oid			oid;

	if (IsReservedName(schema) || strcmp(schema, "information_schema") == 0 ||
		strcmp(schema, "remigrate") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("schema \"%s\" cannot be a target schema", schema),
				 errhint("Name the schema that holds the application's tables."),
				 errhidestmt(true)));
	oid = get_namespace_oid(schema, true);
	if (!OidIsValid(oid))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_SCHEMA),
				 errmsg("target schema \"%s\" does not exist", schema),
				 errhint("Create it first, or name another one in target_schema."),
				 errhidestmt(true)));
	return oid;
}

Migration *
migration_from_call(FunctionCallInfo fcinfo)
{
	Migration  *migration = palloc0(sizeof(Migration));
	const char *subject;

	migration->started_at = GetCurrentTimestamp();
	migration->name = migration_text_argument(fcinfo, 0, "name");
	if (PG_ARGISNULL(1))
		refuse_null(fcinfo, "script");
	migration->schema = migration_text_argument(fcinfo, 2, "target_schema");
	migration->policy = policy_from_call(fcinfo, 3);
	check_name(migration->name);
	migration->schema_oid = migration_schema(migration->schema);

	subject = psprintf("migration \"%s\"", migration->name);
	migration->script =
		script_decode(subject, PG_GETARG_DATUM(1),
					  get_fn_expr_argtype(fcinfo->flinfo, 1) == BYTEAOID);
	script_parse(migration->script);
	statement_check_script(migration->script);
	if (migration->policy.resume_at < 1 ||
		migration->policy.resume_at > migration->script->statement_count + 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"resume_at\" cannot be %d: %s has %d statements",
						migration->policy.resume_at, subject,
						migration->script->statement_count),
				 errhint("It is the number of the first statement to run, as remigrate.statements(script) counts them."),
				 errhidestmt(true)));
	return migration;
}

/*
 * Whether the script that a journal's checksum stands for is known, and
 * differs from this one in comments and white space alone.
 */
static bool
differs_in_comments_alone(const Script *script, const char *checksum)
{
	char	   *known = registry_script_text(checksum);
	int			guc_level;
	bool		same;

	if (known == NULL)
		return false;
	guc_level = NewGUCNestLevel();
	(void) set_config_option("standard_conforming_strings", "on",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	same = scan_same_tokens(known, script->text);
	AtEOXact_GUC(false, guc_level);
	pfree(known);
	return same;
}

static void
report_edited(const Migration *migration, const JournalRow *row)
{
	ereport(migration->policy.on_edited == EDITED_ERROR ? ERROR : WARNING,
			(errcode(ERRCODE_REMIGRATE_EDITED),
			 errmsg("%s was edited after it was applied on %s",
					migration->script->subject,
					timestamptz_to_str(row->finished_at)),
			 errdetail("Its script has the checksum %s, the journal %s.",
					   migration->script->checksum, row->checksum),
			 errhint("Put the script back as it was and write the change as a new migration."),
			 errhidestmt(true)));
}

/* Whether a finished row is this script's; raises where it is another's. */
static bool
finished_row_matches(const Migration *migration, const Journal *journal,
					 const JournalRow *row)
{
	const Script *script = migration->script;

	switch (checksum_compare(row->checksum, script->bytes, script->byte_count))
	{
		case CHECKSUM_MATCHES:
			return true;
		case CHECKSUM_LACKS_NEWLINE:
			journal_correct_checksum(journal, row->id, script->checksum);
			return true;
		case CHECKSUM_IS_NONE:
			return false;
		case CHECKSUM_DIFFERS:
			return differs_in_comments_alone(script, row->checksum);
	}
	pg_unreachable();
}

static void
refuse_failed(const Migration *migration, const char *failed_name)
{
	bool		is_this = strcmp(failed_name, migration->name) == 0;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 is_this ?
			 errmsg("%s was not run: an earlier attempt failed and is not resolved",
					migration->script->subject) :
			 errmsg("%s was not run: migration \"%s\" failed before it and is not resolved",
					migration->script->subject, failed_name),
			 errhint("Mark it as rolled back or as applied, as \"prisma migrate resolve\" does, then try again."),
			 errhidestmt(true)));
}

bool
migration_is_known(const Migration *migration, const Journal *journal)
{
	const JournalRow *other_script = NULL;
	const JournalRow *claim = NULL;
	const JournalRow *failed = NULL;
	const char *failed_name;
	ListCell   *cell;

	foreach(cell, journal_rows(journal, migration->name))
	{
		const JournalRow *row = lfirst(cell);

		if (row->rolled_back)
			continue;
		if (!row->finished)
			failed = row;
		else if (finished_row_matches(migration, journal, row))
			return true;
		else if (checksum_is_plausible(row->checksum))
			other_script = row;
		else
			claim = row;
	}
	if (other_script != NULL)
	{
		report_edited(migration, other_script);
		return true;
	}
	failed_name = failed ? migration->name :
		journal_failed_migration(journal, migration->name);
	if (failed_name != NULL)
		refuse_failed(migration, failed_name);
	if (claim != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_REMIGRATE_UNDECIDABLE),
				 errmsg("%s was not run: the journal claims it as applied, with \"%s\" for a checksum",
						migration->script->subject, claim->checksum),
				 errdetail("Whatever wrote that row did not compute a checksum, and may not have run the script either."),
				 errhint("Compare the schema with the script. Then write the script's checksum, %s, into the journal row %s, or delete the row.",
						 migration->script->checksum, claim->id),
				 errhidestmt(true)));
	return false;
}

void
migration_record(const Migration *migration, const Journal *journal,
				 Outcome outcome, int statements, const char *logs,
				 const char *evidence)
{
	Event		event = {
		.action = outcome_name(outcome),
		.schema = migration->schema,
		.migration = migration->name,
		.checksum = migration->script->checksum,
		.statements = statements,
		.started_at = migration->started_at,
		.message = logs,
		.evidence = evidence
	};

	journal_insert_finished(journal, migration->name,
							migration->script->checksum, migration->started_at,
							outcome == OUTCOME_APPLIED ? 1 : 0, logs);
	registry_record_applied(migration->schema, migration->name,
							migration->script);
	event_record(&event);
	event_log_line(&event);
}
