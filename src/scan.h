/*-------------------------------------------------------------------------
 *
 * scan.h
 *	  Tokens of a script, as the server's own scanner sees them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_SCAN_H
#define REMIGRATE_SCAN_H

#include "script.h"

/*
 * Sets start, length and line of every statement of a parsed script.  Must
 * run under the standard_conforming_strings that the script was parsed with.
 */
extern void scan_locate_statements(Script *script);

/*
 * Whether two texts have the same tokens, that is, differ in comments and
 * white space only.  Both must have been through the parser.  Raises the
 * scanner's errors.
 */
extern bool scan_same_tokens(const char *left, const char *right);

/* A token's place in a text, in bytes. */
typedef struct ScanToken
{
	int			start;
	int			length;
} ScanToken;

/*
 * The tokens of a text (ScanToken *), in the current memory context.  Raises
 * the scanner's errors.
 */
extern List *scan_tokens(const char *text);

#endif							/* REMIGRATE_SCAN_H */
