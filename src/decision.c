/*-------------------------------------------------------------------------
 *
 * decision.c
 *	  What it means that a statement of a script failed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/elog.h"

#include "decision.h"
#include "failure.h"

/*
 * Whether the statement's own effect can be what raised a duplicate: in a
 * query, a DO block or a procedure it came from something that was called.
 */
static bool
defines_objects(const ScriptStatement *statement)
{
	switch (nodeTag(statement->raw->stmt))
	{
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
		case T_SelectStmt:
		case T_DoStmt:
		case T_CallStmt:
		case T_ExecuteStmt:
		case T_ExplainStmt:
			return false;
		default:
			return true;
	}
}

Decision
decide_after_error(const Migration *migration, const ScriptPosition *position,
				   const ErrorData *error, char **logs)
{
	if (migration->policy.on_duplicate != DUPLICATE_SKIP ||
		!failure_is_duplicate(error) ||
		!defines_objects(position->statement))
		return DECISION_FAILED;

	*logs = psprintf("remigrate: taken as already applied, by on_duplicate => skip: statement %d of %d (line %d): %s (SQLSTATE %s)",
					 position->statement->number,
					 position->script->statement_count,
					 position->statement->line, error->message,
					 unpack_sql_state(error->sqlerrcode));
	return DECISION_ALREADY_APPLIED;
}
