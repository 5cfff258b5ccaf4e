/*-------------------------------------------------------------------------
 *
 * failure.c
 *	  Errors on their way to the client: caught, described, thrown on.
 *
 * Through most channels the primary message is all that arrives.  So it says
 * which migration, which statement, which line, and the cause in the server's
 * own words; SQLSTATE, DETAIL, HINT and the names of schema, table, column
 * and constraint stay those of the cause.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "failure.h"

/* What is left to say of an error for whose copy there is no memory. */
static ErrorData *
out_of_memory(void)
{
	static ErrorData error;

	error = (ErrorData)
	{
		.elevel = ERROR,
			.output_to_server = true,
			.output_to_client = true,
			.sqlerrcode = ERRCODE_OUT_OF_MEMORY,
			.message = "out of memory",
			.assoc_context = ErrorContext
	};
	return &error;
}

ErrorData *
failure_catch(MemoryContext context)
{
	ErrorData  *volatile error = NULL;

	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		error = CopyErrorData();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = out_of_memory();
	}
	PG_END_TRY();
	FlushErrorState();
	return error;
}

void
failure_throw(ErrorData *error)
{
	error->hide_stmt = true;
	ReThrowError(error);
}

void
failure_describe(ErrorData *error, const Script *script,
				 const ScriptStatement *statement, int error_line,
				 const char *blocker)
{
	error->message = psprintf("%s failed at statement %d of %d (line %d): %s%s%s",
							  script->subject, statement->number,
							  script->statement_count,
							  error_line > 0 ? error_line : statement->line,
							  error->message,
							  blocker ? ", blocked by " : "",
							  blocker ? blocker : "");
}

void
failure_name_subject(ErrorData *error, const char *subject)
{
	static const char migration[] = "migration \"";

	if (strncmp(error->message, migration, strlen(migration)) != 0 &&
		strncmp(error->message, subject, strlen(subject)) != 0)
		error->message = psprintf("%s failed: %s", subject,
								  error->message);
}

/* It has the SQLSTATE of a cancel, but concerns one statement alone. */
static bool
is_statement_timeout(const ErrorData *error)
{
	return error->message_id != NULL &&
		strcmp(error->message_id,
			   "canceling statement due to statement timeout") == 0;
}

void
failure_stop_if_ending(ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	if ((error->sqlerrcode == ERRCODE_QUERY_CANCELED &&
		 !is_statement_timeout(error)) ||
		error->sqlerrcode == ERRCODE_OUT_OF_MEMORY ||
		error->sqlerrcode == ERRCODE_ASSERT_FAILURE ||
		error->sqlerrcode == ERRCODE_ADMIN_SHUTDOWN ||
		error->sqlerrcode == ERRCODE_CRASH_SHUTDOWN ||
		category == ERRCODE_INTERNAL_ERROR)
		failure_throw(error);
}

void
failure_warn(const ErrorData *error, const char *what)
{
	/* Every report ends with a look for interrupts. */
	HOLD_INTERRUPTS();
	ereport(WARNING,
			(errcode(error->sqlerrcode),
			 errmsg("%s: %s", what, error->message)));
	RESUME_INTERRUPTS();
}

bool
failure_is_duplicate(const ErrorData *error)
{
	switch (error->sqlerrcode)
	{
		case ERRCODE_DUPLICATE_TABLE:
		case ERRCODE_DUPLICATE_COLUMN:
		case ERRCODE_DUPLICATE_OBJECT:
		case ERRCODE_DUPLICATE_SCHEMA:
		case ERRCODE_DUPLICATE_FUNCTION:
			return true;
		case ERRCODE_UNIQUE_VIOLATION:
			/* What text search is made of the catalog's own indexes find. */
			return error->schema_name != NULL &&
				strcmp(error->schema_name, "pg_catalog") == 0;
		default:
			return false;
	}
}
