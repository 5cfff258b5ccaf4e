/*-------------------------------------------------------------------------
 *
 * scan.c
 *	  Tokens of a script, as the server's own scanner sees them.
 *
 * The parser tells where a statement's text lies only roughly: before
 * PostgreSQL 18 it begins right after the previous semicolon, comments
 * included.  Whether two scripts differ in comments alone, or a block of code
 * has a certain form, are questions about tokens.  All are answered by one pass
 * of the scanner.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/keywords.h"
#include "miscadmin.h"
#include "parser/scanner.h"

#include "compat.h"
#include "scan.h"

typedef struct TokenStream
{
	core_yyscan_t scanner;
	core_yy_extra_type extra;
	int			code;			/* of the current token, 0 at the end */
	int			start;			/* byte offset */
	int			length;
} TokenStream;

static void
tokens_begin(TokenStream *tokens, const char *text)
{
	tokens->scanner = scanner_init(text, &tokens->extra, &ScanKeywords,
								   ScanKeywordTokens);
	/* What there was to warn of was said when the script was parsed. */
	compat_no_escape_warning(tokens->extra);
}

/* Steps to the next token; false at the end of the text. */
static bool
tokens_next(TokenStream *tokens)
{
	core_YYSTYPE value;
	YYLTYPE		location;

	CHECK_FOR_INTERRUPTS();
	tokens->code = core_yylex(&value, &location, tokens->scanner);
	if (tokens->code == 0)
		return false;
	tokens->start = location;
	/* The scanner keeps a zero byte right behind its current token. */
	tokens->length = strlen(tokens->extra.scanbuf + location);
	return true;
}

static void
tokens_end(TokenStream *tokens)
{
	scanner_finish(tokens->scanner);
}

/* Whether a byte offset lies behind a statement's text. */
static bool
is_behind(const RawStmt *raw, int offset)
{
	return raw->stmt_len > 0 && offset >= raw->stmt_location + raw->stmt_len;
}

void
scan_locate_statements(Script *script)
{
	TokenStream tokens;
	int			line = 1;
	int			counted = 0;	/* newlines before this offset are in line */
	int			i = 0;
	bool		inside = false;

	tokens_begin(&tokens, script->text);
	while (i < script->statement_count && tokens_next(&tokens))
	{
		ScriptStatement *statement;

		while (i < script->statement_count &&
			   is_behind(script->statements[i].raw, tokens.start))
		{
			i++;
			inside = false;
		}
		if (i == script->statement_count)
			break;
		statement = &script->statements[i];
		if (tokens.start < statement->raw->stmt_location)
			continue;
		if (!inside)
		{
			inside = true;
			for (; counted < tokens.start; counted++)
				if (script->text[counted] == '\n')
					line++;
			statement->start = tokens.start;
			statement->line = line;
		}
		/* The last statement may lack a stmt_len, yet end in a semicolon. */
		if (tokens.code != ';')
			statement->length = tokens.start + tokens.length - statement->start;
	}
	tokens_end(&tokens);
}

bool
scan_same_tokens(const char *left, const char *right)
{
	TokenStream ours;
	TokenStream theirs;
	bool		same = true;

	tokens_begin(&ours, left);
	tokens_begin(&theirs, right);
	for (;;)
	{
		bool		more = tokens_next(&ours);

		if (tokens_next(&theirs) != more)
			same = false;
		if (!more || !same)
			break;
		if (ours.code != theirs.code || ours.length != theirs.length ||
			memcmp(ours.extra.scanbuf + ours.start,
				   theirs.extra.scanbuf + theirs.start, ours.length) != 0)
		{
			same = false;
			break;
		}
	}
	tokens_end(&ours);
	tokens_end(&theirs);
	return same;
}

List *
scan_tokens(const char *text)
{
	TokenStream stream;
	List	   *tokens = NIL;

	tokens_begin(&stream, text);
	while (tokens_next(&stream))
	{
		ScanToken  *token = palloc_object(ScanToken);

		token->start = stream.start;
		token->length = stream.length;
		tokens = lappend(tokens, token);
	}
	tokens_end(&stream);
	return tokens;
}
