/*-------------------------------------------------------------------------
 *
 * bundle.h
 *	  Several migrations in one jsonb object: {"name": "text", ...}.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_BUNDLE_H
#define REMIGRATE_BUNDLE_H

#include "nodes/pg_list.h"

typedef struct BundleEntry
{
	char	   *name;
	char	   *text;			/* in the server's encoding */
} BundleEntry;

/*
 * Reads an object whose values are all strings: a list of BundleEntry by name
 * in byte order, in the current memory context.  "argument" names it in
 * messages.  Raises 22023 for jsonb of another form.
 */
extern List *bundle_read(Datum bundle, const char *argument);

#endif							/* REMIGRATE_BUNDLE_H */
