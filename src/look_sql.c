/*-------------------------------------------------------------------------
 *
 * look_sql.c
 *	  SQL functions that show what the look at a schema finds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "migration.h"
#include "seam.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(remigrate_look);
PG_FUNCTION_INFO_V1(remigrate_seam);

static Script *
script_argument(FunctionCallInfo fcinfo, int number)
{
	Script	   *script = migration_script_argument(fcinfo, number, "script");

	script_parse(script);
	return script;
}

static char *
schema_argument(FunctionCallInfo fcinfo, int number)
{
	char	   *schema = migration_text_argument(fcinfo, number,
												 "target_schema");

	(void) migration_schema(schema);
	return schema;
}

/* One row for each statement of a script. */
Datum
remigrate_look(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Script	   *script = script_argument(fcinfo, 0);
	Seam	   *seam = seam_find(script, schema_argument(fcinfo, 1), 0);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < script->statement_count; i++)
	{
		const ScriptStatement *statement = &script->statements[i];
		const SeamEvidence *evidence = &seam->evidence[i];
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = Int32GetDatum(statement->number);
		values[1] = Int32GetDatum(statement->line);
		values[2] = CStringGetTextDatum(statement_command_name(statement));
		values[3] = CStringGetTextDatum(seam_state_name(evidence->state));
		nulls[4] = evidence->expected == NULL;
		values[4] = nulls[4] ? (Datum) 0 : CStringGetTextDatum(evidence->expected);
		nulls[5] = evidence->found == NULL;
		values[5] = nulls[5] ? (Datum) 0 : CStringGetTextDatum(evidence->found);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* The decision, as one row. */
Datum
remigrate_seam(PG_FUNCTION_ARGS)
{
	Script	   *script = script_argument(fcinfo, 0);
	Seam	   *seam = seam_find(script, schema_argument(fcinfo, 1), 0);
	TupleDesc	descriptor;
	Datum		values[8];
	bool		nulls[8] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(seam_verdict_name(seam->verdict));
	values[1] = Int32GetDatum(seam->resume_from);
	values[2] = Int32GetDatum(seam->smallest);
	values[3] = Int32GetDatum(seam->largest);
	values[4] = CStringGetTextDatum(seam->reason);
	values[5] = CStringGetTextDatum(seam_summary(script, seam));
	values[6] = CStringGetTextDatum(seam_report(script, seam));
	values[7] = DirectFunctionCall1(jsonb_in,
									CStringGetDatum(seam_evidence_json(script,
																	   seam)));
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values,
											 nulls));
}
