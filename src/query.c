/*-------------------------------------------------------------------------
 *
 * query.c
 *	  remigrate's own SQL, run through SPI with parameters.
 *
 * Registry and event log belong to the extension's owner, and no other role
 * can write them.  Their statements run under his identity, in a context that
 * is restricted to just that; nothing of the caller's runs in it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "tcop/tcopprot.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "query.h"
#include "session.h"

static Oid
owner_of_registry(void)
{
	Oid			schema = get_namespace_oid("remigrate", true);
	Oid			relation = InvalidOid;
	HeapTuple	tuple;
	Oid			owner;

	if (OidIsValid(schema))
		relation = get_relname_relid("registry", schema);
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relation));
	if (!HeapTupleIsValid(tuple))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the extension \"remigrate\" is not installed in this database any more"),
				 errhint("A migration cannot drop the extension that runs it.")));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

void
query_begin(QueryScope *scope, QueryIdentity identity)
{
	scope->caller_context = CurrentMemoryContext;
	GetUserIdAndSecContext(&scope->saved_user, &scope->saved_security_context);
	if (identity == QUERY_AS_OWNER)
		SetUserIdAndSecContext(owner_of_registry(),
							   scope->saved_security_context |
							   SECURITY_LOCAL_USERID_CHANGE |
							   SECURITY_RESTRICTED_OPERATION);
	scope->guc_level = NewGUCNestLevel();
	session_set("search_path", "pg_catalog, pg_temp", GUC_ACTION_SAVE);
	PushActiveSnapshot(GetTransactionSnapshot());
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "could not connect to SPI");
}

void
query_end(QueryScope *scope)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "could not disconnect from SPI");
	PopActiveSnapshot();
	AtEOXact_GUC(false, scope->guc_level);
	SetUserIdAndSecContext(scope->saved_user, scope->saved_security_context);
}

static void
add(QueryParameters *parameters, Oid type, Datum value, bool is_null)
{
	int			i = parameters->count++;

	Assert(i < QUERY_MAX_PARAMETERS);
	parameters->types[i] = type;
	parameters->values[i] = value;
	parameters->nulls[i] = is_null ? 'n' : ' ';
}

void
query_add_text(QueryParameters *parameters, const char *value)
{
	if (value == NULL)
		add(parameters, TEXTOID, (Datum) 0, true);
	else
		add(parameters, TEXTOID, CStringGetTextDatum(value), false);
}

void
query_add_bytea(QueryParameters *parameters, const char *bytes, size_t length)
{
	bytea	   *value = palloc(length + VARHDRSZ);

	SET_VARSIZE(value, length + VARHDRSZ);
	memcpy(VARDATA(value), bytes, length);
	add(parameters, BYTEAOID, PointerGetDatum(value), false);
}

void
query_add_int(QueryParameters *parameters, int value)
{
	add(parameters, INT4OID, Int32GetDatum(value), false);
}

void
query_add_oid(QueryParameters *parameters, Oid value)
{
	add(parameters, OIDOID, ObjectIdGetDatum(value), false);
}

void
query_add_bool(QueryParameters *parameters, bool value)
{
	add(parameters, BOOLOID, BoolGetDatum(value), false);
}

void
query_add_time(QueryParameters *parameters, TimestampTz value)
{
	add(parameters, TIMESTAMPTZOID, TimestampTzGetDatum(value), false);
}

void
query_add_utc_time(QueryParameters *parameters, TimestampTz value)
{
	/* Both types count microseconds, this one of a clock that shows UTC. */
	add(parameters, TIMESTAMPOID, TimestampGetDatum(value), false);
}

void
query_add_null(QueryParameters *parameters, Oid type)
{
	add(parameters, type, (Datum) 0, true);
}

/*
 * Plans last as long as the backend: a deployment runs the same few statements
 * for each migration.  The server's plan cache sees to it that they fit the
 * tables as they are now.
 */
typedef struct CachedQuery
{
	uint64		hash;			/* of the text; the key */
	char	   *sql;
	SPIPlanPtr	plan;
} CachedQuery;

/* So many that no set of target schemas fills memory with plans. */
#define QUERY_CACHE_LIMIT 500

static HTAB *cached_queries = NULL;

static void
create_cache(void)
{
	HASHCTL		control = {
		.keysize = sizeof(uint64),
		.entrysize = sizeof(CachedQuery),
		.hcxt = TopMemoryContext
	};

	cached_queries = hash_create("remigrate queries", 64, &control,
								 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static SPIPlanPtr
prepare(const char *sql, QueryParameters *parameters)
{
	SPIPlanPtr	plan = SPI_prepare(sql, parameters->count,
								   parameters->types);

	if (plan == NULL)
		elog(ERROR, "could not prepare \"%s\": %s", sql,
			 SPI_result_code_string(SPI_result));
	return plan;
}

static SPIPlanPtr
find_plan(const char *sql, QueryParameters *parameters)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) sql,
										   strlen(sql), 0);
	CachedQuery *cached;
	SPIPlanPtr	plan;

	if (cached_queries == NULL)
		create_cache();
	cached = hash_search(cached_queries, &hash, HASH_FIND, NULL);
	if (cached != NULL && strcmp(cached->sql, sql) == 0)
		return cached->plan;

	plan = prepare(sql, parameters);
	if (cached == NULL &&
		hash_get_num_entries(cached_queries) < QUERY_CACHE_LIMIT)
	{
		char	   *copy = MemoryContextStrdup(TopMemoryContext, sql);

		SPI_keepplan(plan);
		cached = hash_search(cached_queries, &hash, HASH_ENTER, NULL);
		cached->sql = copy;
		cached->plan = plan;
	}
	return plan;
}

uint64
query_run(const char *sql, QueryParameters *parameters, bool read_only)
{
	int			result = SPI_execute_plan(find_plan(sql, parameters),
										  parameters->values,
										  parameters->nulls, read_only, 0);

	if (result < 0)
		elog(ERROR, "could not run \"%s\": %s", sql,
			 SPI_result_code_string(result));
	return SPI_processed;
}

uint64
query_run_once(QueryIdentity identity, const char *sql,
			   QueryParameters *parameters, bool read_only)
{
	QueryScope	scope;
	uint64		count;

	query_begin(&scope, identity);
	count = query_run(sql, parameters, read_only);
	query_end(&scope);
	return count;
}

static ParamListInfo
parameter_list(const QueryParameters *parameters)
{
	ParamListInfo list = makeParamList(parameters->count);

	for (int i = 0; i < parameters->count; i++)
	{
		list->params[i].value = parameters->values[i];
		list->params[i].isnull = parameters->nulls[i] == 'n';
		list->params[i].pflags = PARAM_FLAG_CONST;
		list->params[i].ptype = parameters->types[i];
	}
	return list;
}

/* The name in a query may have come to stand for another relation. */
static void
check_relation(List *queries, Oid relation)
{
	ListCell   *cell;

	if (list_length(queries) == 1)
	{
		bool		found = true;

		foreach(cell, linitial_node(Query, queries)->rtable)
		{
			RangeTblEntry *entry = lfirst_node(RangeTblEntry, cell);

			if (entry->rtekind != RTE_RELATION || entry->relid != relation)
				found = false;
		}
		if (found)
			return;
	}
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the journal was replaced by another relation meanwhile"),
			 errhidestmt(true)));
}

uint64
query_change(const char *sql, QueryParameters *parameters, Oid relation)
{
	List	   *queries;
	List	   *plans;
	ParamListInfo list = parameter_list(parameters);
	QueryDesc  *query;
	uint64		count;

	queries = pg_analyze_and_rewrite_fixedparams(linitial_node(RawStmt,
															   pg_parse_query(sql)),
												 sql, parameters->types,
												 parameters->count, NULL);
	check_relation(queries, relation);
	plans = pg_plan_queries(queries, sql, 0, list);

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	query = CreateQueryDesc(linitial_node(PlannedStmt, plans), sql,
							GetActiveSnapshot(), InvalidSnapshot,
							CreateDestReceiver(DestNone), list, NULL, 0);
	ExecutorStart(query, 0);
	executor_run_to_end(query);
	ExecutorFinish(query);
	count = query->estate->es_processed;
	ExecutorEnd(query);
	FreeQueryDesc(query);
	PopActiveSnapshot();
	CommandCounterIncrement();
	return count;
}

char *
query_text(uint64 row, int column)
{
	/* SPI_getvalue allocates in the current context. */
	return SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);
}

Datum
query_value(uint64 row, int column, bool *is_null)
{
	bool		ignored;

	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
						 column, is_null ? is_null : &ignored);
}
