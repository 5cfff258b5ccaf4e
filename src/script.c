/*-------------------------------------------------------------------------
 *
 * script.c
 *	  The text of one migration: decoded, parsed, located.
 *
 * A script is parsed once and as a whole, before anything of it runs: a
 * syntax error in its last line must not leave its first half behind, and
 * nothing the script sets can change how the rest of it is read.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "parser/parser.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "compat.h"
#include "failure.h"
#include "scan.h"
#include "script.h"
#include "session.h"
#include "statement.h"

/* How much of a script an error shows on each side of its cursor. */
#define ERROR_CONTEXT_BYTES 1000

#define BYTE_ORDER_MARK "\xEF\xBB\xBF"

static int
count_newlines(const char *bytes, size_t length)
{
	int			count = 0;

	for (size_t i = 0; i < length; i++)
		if (bytes[i] == '\n')
			count++;
	return count;
}

/* Refuses what is no UTF-8 text that PostgreSQL could read. */
static void
check_bytes(const char *subject, const char *bytes, size_t length)
{
	int			valid;

	if (length > SCRIPT_SIZE_LIMIT)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s was refused: its script has %zu bytes, the limit is %d",
						subject, length, SCRIPT_SIZE_LIMIT),
				 errhint("Load bulk data outside of migrations, or split the script."),
				 errhidestmt(true)));
	if (length >= 3 && memcmp(bytes, BYTE_ORDER_MARK, 3) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("%s was refused: its script begins with a byte order mark",
						subject),
				 errhint("Save the file as UTF-8 without a byte order mark. Prisma can't run it as it is either."),
				 errhidestmt(true)));
	valid = pg_encoding_verifymbstr(PG_UTF8, bytes, length);
	if (valid < length)
		ereport(ERROR,
				(errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
				 errmsg("%s was refused (line %d): byte %d of its script, 0x%02x, is not valid UTF-8",
						subject, count_newlines(bytes, valid) + 1, valid + 1,
						(unsigned char) bytes[valid]),
				 errhint("A migration's script is a text file in UTF-8 without zero bytes."),
				 errhidestmt(true)));
}

/* The server's own message would not say which script. */
static char *
convert(const char *subject, const char *bytes, size_t length, bool to_utf8)
{
	MemoryContext context = CurrentMemoryContext;
	char	   *converted = NULL;

	PG_TRY();
	{
		converted = to_utf8 ?
			pg_server_to_any(bytes, length, PG_UTF8) :
			pg_any_to_server(bytes, length, PG_UTF8);
	}
	PG_CATCH();
	{
		ErrorData  *error = failure_catch(context);

		error->message = psprintf("%s was refused: %s", subject,
								  error->message);
		failure_throw(error);
	}
	PG_END_TRY();
	return converted;
}

Script *
script_decode_bytes(const char *subject, const char *bytes, size_t length)
{
	Script	   *script = palloc0(sizeof(Script));
	const char *text;

	check_bytes(subject, bytes, length);
	script->subject = subject;
	script->bytes = bytes;
	script->byte_count = length;
	checksum_compute(bytes, length, script->checksum);

	/* The same bytes, where the server's encoding is that of the file. */
	text = convert(subject, bytes, length, false);
	script->text = text;
	script->length = strlen(text);
	return script;
}

Script *
script_decode(const char *subject, Datum value, bool is_bytea)
{
	struct varlena *argument = PG_DETOAST_DATUM_PACKED(value);
	size_t		length = VARSIZE_ANY_EXHDR(argument);
	char	   *bytes = MemoryContextAllocHuge(CurrentMemoryContext, length + 1);

	memcpy(bytes, VARDATA_ANY(argument), length);
	bytes[length] = '\0';
	if (argument != (struct varlena *) DatumGetPointer(value))
		pfree(argument);
	if (!is_bytea)
	{
		char	   *utf8 = convert(subject, bytes, length, true);

		if (utf8 != bytes)
		{
			bytes = utf8;
			length = strlen(utf8);
		}
	}
	return script_decode_bytes(subject, bytes, length);
}

/* The line, counted from 1, that holds a byte offset of the text. */
static int
line_at(const Script *script, int offset)
{
	return count_newlines(script->text, Min(offset, script->length)) + 1;
}

static const ScriptStatement *
statement_at(const Script *script, int offset)
{
	for (int i = script->statement_count - 1; i >= 0; i--)
		if (script->statements[i].start <= offset)
			return &script->statements[i];
	return NULL;
}

int
script_move_error_position(const Script *script)
{
	int			position = geterrposition();
	int			offset;
	int			from = 0;
	int			to = script->length;
	const ScriptStatement *statement;

	if (position <= 0)
		return 0;
	offset = pg_mbcharcliplen(script->text, script->length, position - 1);
	statement = statement_at(script, offset);
	if (statement != NULL)
	{
		from = statement->start;
		to = Max(statement->start + statement->length, offset);
	}

	/* Of a very long statement only the text around the error is shown. */
	if (offset - from > ERROR_CONTEXT_BYTES)
		from += pg_mbcliplen(script->text + from, offset - from,
							 offset - from - ERROR_CONTEXT_BYTES);
	if (to - offset > ERROR_CONTEXT_BYTES)
		to = offset + pg_mbcliplen(script->text + offset, to - offset,
								   ERROR_CONTEXT_BYTES);

	errposition(0);
	internalerrposition(pg_mbstrlen_with_len(script->text + from,
											 offset - from) + 1);
	internalerrquery(pnstrdup(script->text + from, to - from));
	return line_at(script, offset);
}

/* What the error context callback of parse_text needs and finds out. */
typedef struct ParseContext
{
	const Script *script;
	int			error_line;
	bool		at_backslash;
} ParseContext;

static void
parse_error_callback(void *arg)
{
	ParseContext *context = arg;
	int			position = geterrposition();

	if (position > 0)
	{
		const Script *script = context->script;
		int			offset = pg_mbcharcliplen(script->text, script->length,
											  position - 1);

		context->at_backslash = script->text[offset] == '\\';
	}
	context->error_line = script_move_error_position(context->script);
}

static List *
parse_text(const Script *script)
{
	List	   *raw_statements = NIL;
	MemoryContext context = CurrentMemoryContext;
	ParseContext parse_context = {.script = script};
	ErrorContextCallback callback;

	callback.callback = parse_error_callback;
	callback.arg = &parse_context;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	PG_TRY();
	{
		raw_statements = raw_parser(script->text, RAW_PARSE_DEFAULT);
	}
	PG_CATCH();
	{
		ErrorData  *error = failure_catch(context);

		if (parse_context.error_line > 0)
			error->message = psprintf("%s was refused (line %d): %s",
									  script->subject,
									  parse_context.error_line,
									  error->message);
		else
			error->message = psprintf("%s was refused: %s",
									  script->subject, error->message);
		if (parse_context.at_backslash && error->hint == NULL)
			error->hint = "Commands of psql such as \\i or \\connect are not SQL; take them out of the script.";
		failure_throw(error);
	}
	PG_END_TRY();

	error_context_stack = callback.previous;
	return raw_statements;
}

void
script_parse(Script *script)
{
	List	   *raw_statements;
	MemoryContext old_context;
	int			guc_level;
	ListCell   *cell;

	if (script->statements != NULL)
		return;
	old_context = MemoryContextSwitchTo(GetMemoryChunkContext(script));
	guc_level = NewGUCNestLevel();
	/* On an error, the caller's (sub)transaction ends this nest level. */
	session_set("standard_conforming_strings", "on", GUC_ACTION_SAVE);
	raw_statements = parse_text(script);
	script->statement_count = list_length(raw_statements);
	script->statements = palloc0_array(ScriptStatement,
									   Max(script->statement_count, 1));
	foreach(cell, raw_statements)
	{
		int			i = foreach_current_index(cell);
		ScriptStatement *statement = &script->statements[i];

		statement->raw = lfirst_node(RawStmt, cell);
		statement->number = i + 1;
		statement->kind = statement_kind(statement->raw->stmt);
	}
	scan_locate_statements(script);
	AtEOXact_GUC(false, guc_level);
	MemoryContextSwitchTo(old_context);
}

char *
script_statement_text(const Script *script, const ScriptStatement *statement)
{
	return pnstrdup(script->text + statement->start, statement->length);
}

void
script_prefix_checksum(const Script *script, int count, char *hex)
{
	StringInfoData prefix;

	/*
	 * Statement by statement, so that a comment added between two of them
	 * does not make them other statements.
	 */
	initStringInfo(&prefix);
	for (int i = 0; i < count; i++)
	{
		const ScriptStatement *statement = &script->statements[i];

		appendBinaryStringInfo(&prefix, script->text + statement->start,
							   statement->length);
		appendStringInfoString(&prefix, ";\n");
	}
	checksum_compute(prefix.data, prefix.len, hex);
	pfree(prefix.data);
}
