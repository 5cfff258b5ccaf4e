/*-------------------------------------------------------------------------
 *
 * insert.h
 *	  One row into a table, without a query.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_INSERT_H
#define REMIGRATE_INSERT_H

#include "utils/relcache.h"

/*
 * Whether what an INSERT would do to such a row is no more than insert_row
 * does: the caller has the right to it, and nothing changes the values that
 * "values" and "nulls" hold, by the number of their column less one.
 */
extern bool insert_is_plain(Relation relation, const Datum *values,
							const bool *nulls);

/*
 * Inserts it, with the table's constraints, triggers and indexes.  The table
 * must be open, with a lock that keeps it as it is.
 */
extern void insert_row(Relation relation, const Datum *values,
					   const bool *nulls);

#endif							/* REMIGRATE_INSERT_H */
