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

#endif							/* REMIGRATE_ERRORS_H */
