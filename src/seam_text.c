/*-------------------------------------------------------------------------
 *
 * seam_text.c
 *	  A seam and its evidence in words.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/json.h"

#include "seam.h"
#include "statement.h"

/* A DETAIL longer than this helps nobody. */
#define REPORT_LINES 40

/* So many statements of one state in a row are one line. */
#define REPORT_RUN 4

const char *
seam_state_name(StatementState state)
{
	switch (state)
	{
		case STATEMENT_DONE:
			return "done";
		case STATEMENT_NOT_DONE:
			return "not done";
		case STATEMENT_DIFFERS:
			return "differs";
		case STATEMENT_INVALID:
			return "invalid";
		case STATEMENT_OPAQUE:
			return "opaque";
		case STATEMENT_NO_EVIDENCE:
			return "no evidence";
	}
	return "unknown";
}

const char *
seam_verdict_name(SeamVerdict verdict)
{
	switch (verdict)
	{
		case SEAM_FRESH:
			return "fresh";
		case SEAM_COMPLETE:
			return "complete";
		case SEAM_RESUME:
			return "resume";
		case SEAM_UNDECIDABLE:
			return "undecidable";
		case SEAM_CONTRADICTS:
			return "contradicts";
	}
	return "unknown";
}

/* How many statements from here on are of one state that needs no words. */
static int
run_length(const Script *script, const Seam *seam, int from)
{
	StatementState state = seam->evidence[from].state;
	int			to = from + 1;

	if (state != STATEMENT_DONE && state != STATEMENT_NOT_DONE)
		return 1;
	while (to < script->statement_count && seam->evidence[to].state == state)
		to++;
	return to - from >= REPORT_RUN ? to - from : 1;
}

static void
append_statement(StringInfo report, const Script *script, const Seam *seam,
				 int i)
{
	const ScriptStatement *statement = &script->statements[i];
	const SeamEvidence *evidence = &seam->evidence[i];

	appendStringInfo(report, "%d (line %d) %s: %s", statement->number,
					 statement->line, statement_command_name(statement),
					 seam_state_name(evidence->state));
	if ((evidence->state == STATEMENT_DIFFERS ||
		 evidence->state == STATEMENT_INVALID) && evidence->expected != NULL)
		appendStringInfo(report, "; expected %s, found %s", evidence->expected,
						 evidence->found);
}

char *
seam_report(const Script *script, const Seam *seam)
{
	StringInfoData report;
	int			lines = 0;

	initStringInfo(&report);
	for (int i = 0; i < script->statement_count;)
	{
		int			run = run_length(script, seam, i);

		if (lines > 0)
			appendStringInfoChar(&report, '\n');
		if (lines++ == REPORT_LINES)
		{
			appendStringInfo(&report, "... and %d more",
							 script->statement_count - i);
			break;
		}
		if (run > 1)
			appendStringInfo(&report, "%d to %d (lines %d to %d): %s",
							 i + 1, i + run, script->statements[i].line,
							 script->statements[i + run - 1].line,
							 seam_state_name(seam->evidence[i].state));
		else
			append_statement(&report, script, seam, i);
		i += run;
	}
	return report.data;
}

static void
append_member(StringInfo json, const char *name, const char *value)
{
	if (value == NULL)
		return;
	appendStringInfo(json, ", \"%s\": ", name);
	escape_json(json, value);
}

char *
seam_evidence_json(const Script *script, const Seam *seam)
{
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json,
					 "{\"verdict\": \"%s\", \"resume_from\": %d, \"smallest\": %d, \"largest\": %d",
					 seam_verdict_name(seam->verdict), seam->resume_from,
					 seam->smallest, seam->largest);
	append_member(&json, "reason", seam->reason);
	appendStringInfoString(&json, ", \"statements\": [");
	for (int i = 0; i < script->statement_count; i++)
	{
		const ScriptStatement *statement = &script->statements[i];
		const SeamEvidence *evidence = &seam->evidence[i];

		appendStringInfo(&json, "%s{\"statement\": %d, \"line\": %d",
						 i == 0 ? "" : ", ", statement->number, statement->line);
		append_member(&json, "command", statement_command_name(statement));
		append_member(&json, "state", seam_state_name(evidence->state));
		append_member(&json, "expected", evidence->expected);
		append_member(&json, "found", evidence->found);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoString(&json, "]}");
	return json.data;
}

char *
seam_summary(const Script *script, const Seam *seam)
{
	int			counts[STATEMENT_NO_EVIDENCE + 1] = {0};

	for (int i = 0; i < script->statement_count; i++)
		counts[seam->evidence[i].state]++;
	return psprintf("%s; of %d statement%s %d done, %d not done, %d different, %d not visible",
					seam->reason, script->statement_count,
					script->statement_count == 1 ? "" : "s",
					counts[STATEMENT_DONE], counts[STATEMENT_NOT_DONE],
					counts[STATEMENT_DIFFERS] + counts[STATEMENT_INVALID],
					counts[STATEMENT_OPAQUE] + counts[STATEMENT_NO_EVIDENCE]);
}
