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
#include "session.h"
#include "statement.h"

const char *
outcome_name(Outcome outcome)
{
	switch (outcome)
	{
		case OUTCOME_APPLIED:
			return "applied";
		case OUTCOME_RESUMED:
			return "resumed";
		case OUTCOME_ALREADY_APPLIED:
			return "already_applied";
		case OUTCOME_UNCHANGED:
			return "unchanged";
		case OUTCOME_HEALED:
			return "healed";
	}
	pg_unreachable();
}

void
migration_require_argument(FunctionCallInfo fcinfo, int argument,
						   const char *name)
{
	if (!PG_ARGISNULL(argument))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("argument \"%s\" of remigrate.%s must not be null",
					name, get_func_name(fcinfo->flinfo->fn_oid)),
			 errhidestmt(true)));
}

char *
migration_text_argument(FunctionCallInfo fcinfo, int argument, const char *name)
{
	migration_require_argument(fcinfo, argument, name);
	return text_to_cstring(PG_GETARG_TEXT_PP(argument));
}

void
migration_check_name(const char *name)
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

	/* In a search_path, quoted or not, "$user" is the caller's own schema. */
	if (IsReservedName(schema) || strcmp(schema, "information_schema") == 0 ||
		strcmp(schema, "remigrate") == 0 || strcmp(schema, "$user") == 0)
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

char *
migration_subject(const char *name)
{
	return psprintf("migration \"%s\"", name);
}

static void
check_resume_at(const Migration *migration)
{
	int			count = migration->script->statement_count;
	int			resume_at = migration->policy.resume_at;

	if (resume_at <= count + 1)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg_plural("%s was not run: \"resume_at\" cannot be %d, its script has %d statement",
						   "%s was not run: \"resume_at\" cannot be %d, its script has %d statements",
						   count, migration->script->subject, resume_at, count),
			 errhint("It is the number of the first statement to run, as remigrate.statements(script) counts them."),
			 errhidestmt(true)));
}

Migration *
migration_for_script(const char *name, const char *schema, Oid schema_oid,
					 Script *script, Policy policy)
{
	Migration  *migration = palloc0(sizeof(Migration));

	migration->started_at = GetCurrentTimestamp();
	migration->name = name;
	migration->schema = schema;
	migration->schema_oid = schema_oid;
	migration->script = script;
	migration->policy = policy;
	return migration;
}

void
migration_parse(const Migration *migration)
{
	script_parse(migration->script);
	statement_check_script(migration->script);
	check_resume_at(migration);
}

Script *
migration_script_argument(FunctionCallInfo fcinfo, int argument,
						  const char *subject)
{
	Oid		   *types;
	int			count;

	migration_require_argument(fcinfo, argument, "script");
	/* Not by the call's expression: a fast-path call has none. */
	(void) get_func_signature(fcinfo->flinfo->fn_oid, &types, &count);
	return script_decode(subject, PG_GETARG_DATUM(argument),
						 types[argument] == BYTEAOID);
}

Script *
migration_kept_script(const RegistryEntry *entry)
{
	size_t		length;
	const char *bytes = registry_script_bytes(entry->checksum, &length);

	if (bytes == NULL)
		return NULL;
	return script_decode_bytes(migration_subject(entry->name), bytes, length);
}

Migration *
migration_from_call(FunctionCallInfo fcinfo)
{
	char	   *name = migration_text_argument(fcinfo, 0, "name");
	char	   *schema;
	Script	   *script;

	migration_require_argument(fcinfo, 1, "script");
	schema = migration_text_argument(fcinfo, 2, "target_schema");
	migration_check_name(name);
	script = migration_script_argument(fcinfo, 1, migration_subject(name));
	return migration_for_script(name, schema, migration_schema(schema), script,
								policy_from_call(fcinfo, 3));
}

/*
 * Whether the script that a journal's checksum stands for is known, and
 * differs from this one in comments and white space alone.
 */
static bool
differs_in_comments_alone(Script *script, const char *checksum)
{
	char	   *known = registry_script_text(checksum);
	int			guc_level;
	bool		same;

	if (known == NULL)
		return false;
	/* What the parser takes has no token that the scanner stumbles over. */
	script_parse(script);
	guc_level = NewGUCNestLevel();
	session_set("standard_conforming_strings", "on", GUC_ACTION_SAVE);
	same = scan_same_tokens(known, script->text);
	AtEOXact_GUC(false, guc_level);
	pfree(known);
	return same;
}

void
migration_report_edited(const Migration *migration, const JournalRow *row)
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

static JournalVerdict
judge_finished_row(Script *script, const JournalRow *row)
{
	switch (checksum_compare(row->checksum, script->bytes, script->byte_count))
	{
		case CHECKSUM_MATCHES:
			return JOURNAL_MATCHES;
		case CHECKSUM_LACKS_NEWLINE:
			return JOURNAL_LACKS_NEWLINE;
		case CHECKSUM_IS_NONE:
			return JOURNAL_CLAIMS;
		case CHECKSUM_DIFFERS:
			return differs_in_comments_alone(script, row->checksum) ?
				JOURNAL_MATCHES : JOURNAL_EDITED;
	}
	pg_unreachable();
}

/* Of several rows the one counts that says the most, or the latest such. */
static bool
outweighs(JournalVerdict verdict, JournalVerdict other)
{
	static const int weight[] = {
		[JOURNAL_SILENT] = 0,
		[JOURNAL_CLAIMS] = 1,
		[JOURNAL_EDITED] = 2,
		[JOURNAL_LACKS_NEWLINE] = 3,
		[JOURNAL_MATCHES] = 4
	};

	return weight[verdict] >= weight[other];
}

JournalFinding
migration_find(Migration *migration, const Journal *journal)
{
	JournalFinding finding = {.verdict = JOURNAL_SILENT};
	JournalSurvey survey = journal_survey(journal, migration->name);
	ListCell   *cell;

	finding.failed_name = survey.failed_name;
	finding.any_applied = survey.any_applied;
	finding.last_not_run = survey.last_not_run;
	foreach(cell, survey.rows)
	{
		const JournalRow *row = lfirst(cell);
		JournalVerdict verdict;

		if (row->rolled_back)
			continue;
		if (!row->finished)
		{
			finding.unfinished = row;
			continue;
		}
		verdict = judge_finished_row(migration->script, row);
		if (outweighs(verdict, finding.verdict))
		{
			finding.verdict = verdict;
			finding.row = row;
		}
		if (verdict == JOURNAL_CLAIMS)
			migration->is_claimed = true;
	}
	return finding;
}

static void
refuse_failed(const Migration *migration, const char *failed_name)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s was not run: migration \"%s\" failed before it and is not resolved",
					migration->script->subject, failed_name),
			 errhint("Finish it with CALL remigrate.migrate() or deploy(), or mark it as rolled back or as applied, as \"prisma migrate resolve\" does; then try again."),
			 errhidestmt(true)));
}

void
migration_refuse_unfinished(const Migration *migration, const char *way_on)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s was not run: an earlier attempt failed and is not resolved",
					migration->script->subject),
			 errhint("%s, or mark it as rolled back or as applied, as \"prisma migrate resolve\" does; then try again.",
					 way_on),
			 errhidestmt(true)));
}

bool
migration_is_known(const Migration *migration, const Journal *journal,
				   const JournalFinding *finding)
{
	switch (finding->verdict)
	{
		case JOURNAL_MATCHES:
			return true;
		case JOURNAL_LACKS_NEWLINE:
			journal_correct_checksum(journal, finding->row->id,
									 migration->script->checksum);
			return true;
		case JOURNAL_EDITED:
			migration_report_edited(migration, finding->row);
			return true;
		case JOURNAL_CLAIMS:
		case JOURNAL_SILENT:
			break;
	}
	if (finding->failed_name != NULL)
		refuse_failed(migration, finding->failed_name);
	return false;
}

static void
record_event(const Migration *migration, Outcome outcome, int statements,
			 const char *logs, const char *evidence)
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

	registry_record_applied(migration->schema, migration->name,
							migration->script, migration->entry);
	event_record(&event);
}

void
migration_record(const Migration *migration, const Journal *journal,
				 Outcome outcome, int statements, const char *unfinished_id,
				 const char *logs, const char *evidence)
{
	JournalRow	row = {
		.id = unconstify(char *, unfinished_id),
		.name = unconstify(char *, migration->name),
		.checksum = migration->script->checksum,
		.logs = unconstify(char *, logs),
		.started_at = migration->started_at,
		.finished_at = GetCurrentTimestamp(),
		.finished = true,
		.applied_steps_count = outcome == OUTCOME_ALREADY_APPLIED ? 0 : 1
	};

	/* What was claimed before was not true then. */
	if (migration->is_claimed)
		journal_correct_claims(journal, migration->name,
							   migration->script->checksum, true);
	if (unfinished_id == NULL)
		(void) journal_insert(journal, &row);
	else if (!journal_end_row(journal, &row))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("%s could not be recorded as applied: its unfinished journal row was changed or removed meanwhile",
						migration->script->subject),
				 errhint("remigrate.event_log tells how many of its statements are done. Go on from there with resume_at."),
				 errhidestmt(true)));
	record_event(migration, outcome, statements, logs, evidence);
}

void
migration_record_healed(const Migration *migration, const Journal *journal,
						const char *logs, const char *evidence)
{
	journal_correct_claims(journal, migration->name,
						   migration->script->checksum, false);
	record_event(migration, OUTCOME_HEALED, 0, logs, evidence);
}

void
migration_log(const Migration *migration, Outcome outcome, int statements)
{
	Event		event = {
		.action = outcome_name(outcome),
		.schema = migration->schema,
		.migration = migration->name,
		.statements = statements,
		.started_at = migration->started_at
	};

	event_log_line(&event);
}
