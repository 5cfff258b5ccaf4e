/*-------------------------------------------------------------------------
 *
 * script.h
 *	  The text of one migration: decoded, parsed, located.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_SCRIPT_H
#define REMIGRATE_SCRIPT_H

#include "nodes/parsenodes.h"

#include "checksum.h"

/* The parser can't be interrupted, so what it is given has an end. */
#define SCRIPT_SIZE_LIMIT (64 * 1024 * 1024)

/* How a statement stands to transactions. */
typedef enum StatementKind
{
	STATEMENT_TRANSACTIONAL,	/* runs inside a transaction */
	STATEMENT_OUTSIDE,			/* refuses to run inside one */
	STATEMENT_BEGIN,			/* BEGIN or START TRANSACTION */
	STATEMENT_COMMIT,			/* COMMIT or END */
	STATEMENT_SET_TRANSACTION	/* SET TRANSACTION, of this transaction only */
} StatementKind;

typedef struct ScriptStatement
{
	RawStmt    *raw;			/* positions in it count from Script.text */
	int			number;			/* 1 for the first */
	int			start;			/* byte offset of its first token */
	int			length;			/* up to its last token, without the ";" */
	int			line;			/* of its first token, 1 for the first */
	StatementKind kind;
} ScriptStatement;

typedef struct Script
{
	const char *subject;		/* for messages: migration "N", or script */
	const char *text;			/* in the server's encoding, zero-terminated */
	int			length;
	const char *bytes;			/* as in the file, in UTF-8 */
	size_t		byte_count;
	char		checksum[CHECKSUM_SIZE];
	int			statement_count;
	ScriptStatement *statements;	/* NULL before script_parse */
} Script;

/*
 * Decodes a script that came as bytea (the bytes of a UTF-8 file) or as text.
 * "subject" opens every message about it.  The result and all that it points
 * to belong to the current memory context.  Raises 22021 for bytes that are
 * no UTF-8 text, 22P05 for characters the database can't hold, 54000 for a
 * script over SCRIPT_SIZE_LIMIT.
 */
extern Script *script_decode(const char *subject, Datum value, bool is_bytea);

/*
 * The same for a script that the registry holds.  The bytes must be followed
 * by a zero and outlive the result.
 */
extern Script *script_decode_bytes(const char *subject, const char *bytes,
								   size_t length);

/*
 * Parses a decoded script as one whole, with standard_conforming_strings on,
 * and fills in its statements; they belong to the script's memory context.
 * Does nothing for one that is parsed already.
 * Raises the parser's own errors, with a message that names the script and
 * the line.
 */
extern void script_parse(Script *script);

/* A copy of a statement's text, palloc'd. */
extern char *script_statement_text(const Script *script,
								   const ScriptStatement *statement);

/*
 * For an error context callback: where the error being raised points into the
 * script's text, moves its cursor from the caller's query into the statement
 * around it, which becomes the error's internal query.  Returns the line it
 * points at, or 0 where it points nowhere.
 */
extern int	script_move_error_position(const Script *script);

/*
 * A hash of the script from its beginning to the end of statement number
 * "count", as a checksum in hexadecimal.
 */
extern void script_prefix_checksum(const Script *script, int count, char *hex);

#endif							/* REMIGRATE_SCRIPT_H */
