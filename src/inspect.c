/*-------------------------------------------------------------------------
 *
 * inspect.c
 *	  What a script is, without running it: remigrate.checksum and
 *	  remigrate.statements.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "compat.h"
#include "migration.h"
#include "statement.h"

PG_FUNCTION_INFO_V1(remigrate_checksum);
PG_FUNCTION_INFO_V1(remigrate_statements);

/* SQL: checksum(script text | bytea) returns text */
Datum
remigrate_checksum(PG_FUNCTION_ARGS)
{
	struct varlena *script;
	const char *bytes;
	size_t		length;
	char		hex[CHECKSUM_SIZE];

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	script = PG_GETARG_VARLENA_PP(0);
	bytes = VARDATA_ANY(script);
	length = VARSIZE_ANY_EXHDR(script);
	if (get_fn_expr_argtype(fcinfo->flinfo, 0) != BYTEAOID)
	{
		char	   *utf8 = pg_server_to_any(bytes, length, PG_UTF8);

		if (utf8 != bytes)
		{
			bytes = utf8;
			length = strlen(utf8);
		}
	}
	checksum_compute(bytes, length, hex);
	PG_RETURN_TEXT_P(cstring_to_text(hex));
}

/* SQL: statements(script text | bytea) returns setof record */
Datum
remigrate_statements(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	Script	   *script;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	script = migration_script_argument(fcinfo, 0, "script");
	script_parse(script);
	for (int i = 0; i < script->statement_count; i++)
	{
		const ScriptStatement *statement = &script->statements[i];
		Datum		values[5];
		bool		nulls[5] = {false};

		values[0] = Int32GetDatum(statement->number);
		values[1] = Int32GetDatum(statement->line);
		values[2] = CStringGetTextDatum(statement_command_name(statement));
		values[3] = BoolGetDatum(statement->kind != STATEMENT_OUTSIDE);
		values[4] = PointerGetDatum(cstring_to_text_with_len(script->text + statement->start,
															 statement->length));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}
