/*-------------------------------------------------------------------------
 *
 * look_sql.c
 *	  SQL functions that show what the look at a schema finds.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "seam.h"

PG_FUNCTION_INFO_V1(remigrate_look);
PG_FUNCTION_INFO_V1(remigrate_seam);
PG_FUNCTION_INFO_V1(remigrate_history);

static Script *
script_argument(FunctionCallInfo fcinfo, int number)
{
	Script	   *script;
	bool		is_bytea = get_fn_expr_argtype(fcinfo->flinfo, number) == BYTEAOID;

	script = script_decode("script", PG_GETARG_DATUM(number), is_bytea);
	script_parse(script);
	return script;
}

/* One row for each statement of a script. */
Datum
remigrate_look(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Script	   *script = script_argument(fcinfo, 0);
	Seam	   *seam = seam_find(script, text_to_cstring(PG_GETARG_TEXT_PP(1)), 0);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < script->statement_count; i++)
	{
		const ScriptStatement *statement = &script->statements[i];
		const SeamEvidence *evidence = &seam->evidence[i];
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = Int32GetDatum(statement->number);
		values[1] = Int32GetDatum(statement->line);
		values[2] = CStringGetTextDatum(script_command_name(statement));
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
	Seam	   *seam = seam_find(script, text_to_cstring(PG_GETARG_TEXT_PP(1)), 0);
	TupleDesc	descriptor;
	Datum		values[5];
	bool		nulls[5] = {false};

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(seam_verdict_name(seam->verdict));
	values[1] = Int32GetDatum(seam->resume_from);
	values[2] = Int32GetDatum(seam->smallest);
	values[3] = Int32GetDatum(seam->largest);
	values[4] = CStringGetTextDatum(seam->reason);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values,
											 nulls));
}

/* One row for each script of a history, given as an array. */
Datum
remigrate_history(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	List	   *scripts = NIL;
	Datum	   *elements;
	int			count;
	ListCell   *cell;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(0), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, NULL, &count);
	for (int i = 0; i < count; i++)
	{
		Script	   *script = script_decode(psprintf("script %d", i + 1),
										   elements[i], false);

		script_parse(script);
		scripts = lappend(scripts, script);
	}
	InitMaterializedSRF(fcinfo, 0);
	foreach(cell, seam_check_history(scripts, text_to_cstring(PG_GETARG_TEXT_PP(1))))
	{
		SeamHistory *entry = lfirst(cell);
		Datum		values[3];
		bool		nulls[3] = {false};

		values[0] = Int32GetDatum(foreach_current_index(cell) + 1);
		values[1] = BoolGetDatum(entry->contradicted);
		nulls[2] = entry->reason == NULL;
		values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(entry->reason);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
