/*-------------------------------------------------------------------------
 *
 * query.h
 *	  remigrate's own SQL, run through SPI with parameters.
 *
 * A unit of work is query_begin, any number of query_run, query_end.  What
 * query_run returns in SPI_tuptable lasts until query_end; what is to last
 * longer is copied to QueryScope.caller_context.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_QUERY_H
#define REMIGRATE_QUERY_H

#include "executor/spi.h"

typedef enum QueryIdentity
{
	QUERY_AS_CALLER,			/* the journal: the caller's own rights */
	QUERY_AS_OWNER				/* registry and event log */
} QueryIdentity;

typedef struct QueryScope
{
	MemoryContext caller_context;
	int			guc_level;
	Oid			saved_user;
	int			saved_security_context;
} QueryScope;

#define QUERY_MAX_PARAMETERS 20

typedef struct QueryParameters
{
	int			count;
	Oid			types[QUERY_MAX_PARAMETERS];
	Datum		values[QUERY_MAX_PARAMETERS];
	char		nulls[QUERY_MAX_PARAMETERS];
} QueryParameters;

/*
 * Connects to SPI under a fresh snapshot, with search_path = pg_catalog,
 * pg_temp, as the caller or as the owner of remigrate's tables.  On an error
 * the end of the (sub)transaction puts everything back.  Raises 55000 where
 * the owner is asked for and the extension is gone.
 */
extern void query_begin(QueryScope *scope, QueryIdentity identity);
extern void query_end(QueryScope *scope);

/* Adds a parameter; a null pointer is an SQL null. */
extern void query_add_text(QueryParameters *parameters, const char *value);
extern void query_add_bytea(QueryParameters *parameters, const char *bytes,
							size_t length);
extern void query_add_int(QueryParameters *parameters, int value);
extern void query_add_oid(QueryParameters *parameters, Oid value);
extern void query_add_bool(QueryParameters *parameters, bool value);
extern void query_add_time(QueryParameters *parameters, TimestampTz value);

/* For a column without a time zone, whose times are UTC. */
extern void query_add_utc_time(QueryParameters *parameters, TimestampTz value);
extern void query_add_null(QueryParameters *parameters, Oid type);

/*
 * Runs one statement and returns how many rows it processed.  "read_only"
 * makes it usable on a standby and in a read-only transaction.  Its plan is
 * kept, so the same text must always come with parameters of the same types.
 */
extern uint64 query_run(const char *sql, QueryParameters *parameters,
						bool read_only);

/*
 * The same as a unit of work of its own, for a statement whose rows nobody
 * reads.
 */
extern uint64 query_run_once(QueryIdentity identity, const char *sql,
							 QueryParameters *parameters, bool read_only);

/*
 * Runs one INSERT, UPDATE or DELETE of a table that is named in it and that
 * somebody else may rename, as the caller, and returns how many rows it has
 * written.  Raises 55000 where that name has come to stand for another
 * relation than this one, before anything of that one is used.
 */
extern uint64 query_change(const char *sql, QueryParameters *parameters,
						   Oid relation);

/* A column of a result row as text in the current context, or NULL. */
extern char *query_text(uint64 row, int column);

/* A column of a result row; *is_null may be a null pointer. */
extern Datum query_value(uint64 row, int column, bool *is_null);

#endif							/* REMIGRATE_QUERY_H */
