/*-------------------------------------------------------------------------
 *
 * errors.h
 *	  The SQLSTATEs that are remigrate's own.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_ERRORS_H
#define REMIGRATE_ERRORS_H

#include "utils/elog.h"

/* The script is not the one that was applied. */
#define ERRCODE_REMIGRATE_EDITED MAKE_SQLSTATE('R', 'M', '0', '0', '1')

/* Nobody can tell whether the migration is applied. */
#define ERRCODE_REMIGRATE_UNDECIDABLE MAKE_SQLSTATE('R', 'M', '0', '0', '2')

/* The schema has tables, but no journal to tell where they come from. */
#define ERRCODE_REMIGRATE_NO_JOURNAL MAKE_SQLSTATE('R', 'M', '0', '0', '3')

/* What was required to be applied is not. */
#define ERRCODE_REMIGRATE_REQUIRED MAKE_SQLSTATE('R', 'M', '0', '0', '4')

/* A migration waits for somebody to look at it. */
#define ERRCODE_REMIGRATE_HELD MAKE_SQLSTATE('R', 'M', '0', '0', '5')

#endif							/* REMIGRATE_ERRORS_H */
