/*-------------------------------------------------------------------------
 *
 * journal_open.c
 *	  Opens the journal, or makes it, and looks at what it is.
 *
 * The journal lies in the application's schema, so whoever may create things
 * there can prepare one that runs his code as whoever writes to it: by a
 * trigger, a rule, a policy, a CHECK, a default, an index or statistics
 * expression.  It is therefore opened by OID, locked, and looked at before it
 * is used.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/relcache.h"
#include "utils/rls.h"
#include "utils/syscache.h"

#include "compat.h"
#include "journal.h"
#include "query.h"
#include "session.h"

typedef struct JournalColumn
{
	const char *name;
	Oid			type;
	Oid			other_type;		/* also accepted, as Prisma does */
} JournalColumn;

static const JournalColumn journal_columns[JOURNAL_COLUMNS] = {
	[JOURNAL_ID] = {"id", VARCHAROID, TEXTOID},
	[JOURNAL_CHECKSUM] = {"checksum", VARCHAROID, TEXTOID},
	[JOURNAL_FINISHED_AT] = {"finished_at", TIMESTAMPTZOID, TIMESTAMPOID},
	[JOURNAL_MIGRATION_NAME] = {"migration_name", VARCHAROID, TEXTOID},
	[JOURNAL_LOGS] = {"logs", TEXTOID, VARCHAROID},
	[JOURNAL_ROLLED_BACK_AT] = {"rolled_back_at", TIMESTAMPTZOID, TIMESTAMPOID},
	[JOURNAL_STARTED_AT] = {"started_at", TIMESTAMPTZOID, TIMESTAMPOID},
	[JOURNAL_APPLIED_STEPS_COUNT] = {"applied_steps_count", INT4OID, InvalidOid},
};

static const char *const create_query =
"CREATE TABLE %s ("
" id pg_catalog.varchar(36) PRIMARY KEY NOT NULL,"
" checksum pg_catalog.varchar(64) NOT NULL,"
" finished_at pg_catalog.timestamptz,"
" migration_name pg_catalog.varchar(255) NOT NULL,"
" logs pg_catalog.text,"
" rolled_back_at pg_catalog.timestamptz,"
" started_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.now(),"
" applied_steps_count pg_catalog.int4 NOT NULL DEFAULT 0)";

static char *
journal_name(Oid schema)
{
	return quote_qualified_identifier(get_namespace_name(schema), JOURNAL_TABLE);
}

static void
refuse_journal(Relation relation, const char *reason)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("cannot use the journal %s: %s",
					quote_qualified_identifier(get_namespace_name(RelationGetNamespace(relation)),
											   RelationGetRelationName(relation)),
					reason),
			 errhint("The journal must be a plain table as Prisma makes it. Remove what was added, or rename the table if it is not Prisma's."),
			 errhidestmt(true)));
}

/* Which of Prisma's columns has this name, or JOURNAL_COLUMNS for none. */
static int
expected_column(const char *name)
{
	int			i;

	for (i = 0; i < JOURNAL_COLUMNS; i++)
		if (strcmp(journal_columns[i].name, name) == 0)
			break;
	return i;
}

static bool
has_default(TupleDesc columns, int number)
{
	for (int i = 0; columns->constr && i < columns->constr->num_defval; i++)
		if (columns->constr->defval[i].adnum == number)
			return true;
	return false;
}

static void
check_additional_column(Relation relation, const FormData_pg_attribute *column)
{
	/* We write no value into it, so nothing may compute one. */
	if (has_default(RelationGetDescr(relation), column->attnum) ||
		column->attidentity != '\0' ||
		get_typ_typrelid(column->atttypid) != InvalidOid ||
		column->atttypid >= FirstNormalObjectId)
		refuse_journal(relation,
					   psprintf("its additional column \"%s\" has a default or a type of its own",
								NameStr(column->attname)));
}

static void
check_column(Relation relation, const FormData_pg_attribute *column,
			 const JournalColumn *expected, Journal *journal)
{
	if (strcmp(expected->name, "id") == 0 && column->atttypid == UUIDOID)
		journal->id_is_uuid = true;
	else if (column->atttypid != expected->type &&
			 column->atttypid != expected->other_type)
		refuse_journal(relation,
					   psprintf("its column \"%s\" has the type %s",
								expected->name,
								format_type_be(column->atttypid)));
	if (column->attidentity != '\0')
		refuse_journal(relation,
					   psprintf("its column \"%s\" is an identity column",
								expected->name));
}

static void
check_columns(Relation relation, Journal *journal)
{
	TupleDesc	columns = RelationGetDescr(relation);
	int			found = 0;

	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);
		int			which;

		if (column->attisdropped)
			continue;
		if (column->attgenerated != '\0')
			refuse_journal(relation, "it has a generated column");
		which = expected_column(NameStr(column->attname));
		if (which == JOURNAL_COLUMNS)
			check_additional_column(relation, column);
		else
		{
			check_column(relation, column, &journal_columns[which], journal);
			journal->columns[which] = column->attnum;
			journal->types[which] = column->atttypid;
			found++;
		}
	}
	if (found < JOURNAL_COLUMNS)
		refuse_journal(relation, "it lacks columns that Prisma's has");
}

static void
check_indexes(Relation relation)
{
	List	   *indexes = RelationGetIndexList(relation);
	ListCell   *cell;

	foreach(cell, indexes)
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID,
											ObjectIdGetDatum(lfirst_oid(cell)));
		bool		runs_code;

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for index %u", lfirst_oid(cell));
		runs_code = !heap_attisnull(tuple, Anum_pg_index_indexprs, NULL) ||
			!heap_attisnull(tuple, Anum_pg_index_indpred, NULL) ||
			((Form_pg_index) GETSTRUCT(tuple))->indisexclusion;
		ReleaseSysCache(tuple);
		if (runs_code)
			refuse_journal(relation,
						   psprintf("its index \"%s\" has an expression, a condition or an operator",
									get_rel_name(lfirst_oid(cell))));
	}
	list_free(indexes);
}

/* The planner computes what is constant in a statistics expression. */
static void
check_statistics(Relation relation)
{
	List	   *all = RelationGetStatExtList(relation);
	ListCell   *cell;

	foreach(cell, all)
	{
		HeapTuple	tuple = SearchSysCache1(STATEXTOID,
											ObjectIdGetDatum(lfirst_oid(cell)));
		bool		has_expression;

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for statistics object %u",
				 lfirst_oid(cell));
		has_expression = !heap_attisnull(tuple, Anum_pg_statistic_ext_stxexprs,
										 NULL);
		ReleaseSysCache(tuple);
		if (has_expression)
			refuse_journal(relation, "it has statistics on an expression");
	}
	list_free(all);
}

static void
check_journal(Relation relation, Journal *journal)
{
	const TupleConstr *constraints = RelationGetDescr(relation)->constr;

	if (relation->rd_rel->relkind != RELKIND_RELATION)
		refuse_journal(relation, "it is not a plain table");
	if (relation->rd_rel->relpersistence != RELPERSISTENCE_PERMANENT)
		refuse_journal(relation, "it is not a permanent table");
	if (relation->rd_rel->relispartition ||
		has_superclass(RelationGetRelid(relation)) ||
		relation->rd_rel->relhassubclass)
		refuse_journal(relation, "it is part of an inheritance tree");
	/* Policies are for others than its owner, unless they are forced on him. */
	if (check_enable_rls(RelationGetRelid(relation), InvalidOid, true) == RLS_ENABLED)
		refuse_journal(relation,
					   psprintf("its row-level security applies to role \"%s\"",
								GetUserNameFromId(GetUserId(), false)));
	if (relation->trigdesc != NULL)
		refuse_journal(relation, "it has a trigger or a foreign key");
	if (relation->rd_rules != NULL)
		refuse_journal(relation, "it has a rule");
	if (constraints && constraints->num_check > 0)
		refuse_journal(relation, "it has a CHECK constraint");
	check_columns(relation, journal);
	check_indexes(relation);
	check_statistics(relation);
}

void
journal_check_schema(Oid schema)
{
	AclResult	result = compat_schema_aclcheck(schema, GetUserId(), ACL_USAGE);

	if (result != ACLCHECK_OK)
		aclcheck_error(result, OBJECT_SCHEMA, get_namespace_name(schema));
}

Journal *
journal_open(Oid schema, LOCKMODE lock_mode)
{
	Journal    *journal;
	Relation	relation;
	Oid			relid;

	journal_check_schema(schema);
	/* Whoever renames it while we wait for its lock makes us look again. */
	for (;;)
	{
		relid = get_relname_relid(JOURNAL_TABLE, schema);
		if (!OidIsValid(relid))
			return NULL;
		LockRelationOid(relid, lock_mode);
		if (get_relname_relid(JOURNAL_TABLE, schema) == relid)
			break;
		UnlockRelationOid(relid, lock_mode);
	}

	journal = palloc0(sizeof(Journal));
	journal->relation = relid;
	journal->table = journal_name(schema);
	relation = relation_open(relid, NoLock);
	check_journal(relation, journal);
	relation_close(relation, NoLock);
	return journal;
}

Relation
journal_relation(Journal *journal)
{
	Relation	relation = try_relation_open(journal->relation, NoLock);

	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the journal %s is gone", journal->table),
				 errhidestmt(true)));
	check_journal(relation, journal);
	return relation;
}

/*
 * Every name in the statement is qualified.  The search_path is the one that a
 * script has for those who watch with an event trigger.
 */
static void
create_journal(Oid schema)
{
	QueryParameters parameters = {0};
	QueryScope	scope;

	query_begin(&scope, QUERY_AS_CALLER);
	session_set("search_path",
				psprintf("%s, pg_temp",
						 quote_identifier(get_namespace_name(schema))),
				GUC_ACTION_SAVE);
	query_run(psprintf(create_query, journal_name(schema)), &parameters, false);
	query_end(&scope);
}

Journal *
journal_open_or_create(Oid schema)
{
	Journal    *journal = journal_open(schema, JOURNAL_WRITE_LOCK);

	if (journal == NULL)
	{
		create_journal(schema);
		journal = journal_open(schema, JOURNAL_WRITE_LOCK);
		if (journal == NULL)
			elog(ERROR, "the journal that was just made is gone");
	}
	return journal;
}

void
journal_check_still_there(const Journal *journal, Oid schema,
						  const char *subject)
{
	/* Dropping the schema drops the journal, so its name need not be there. */
	if (get_relname_relid(JOURNAL_TABLE, schema) == journal->relation &&
		strcmp(journal_name(schema), journal->table) == 0)
		return;
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("%s was undone: its script drops or moves the journal %s",
					subject, journal->table),
			 errhint("The journal is Prisma's; take the statement out of the script."),
			 errhidestmt(true)));
}

bool
journal_schema_has_tables(Oid schema)
{
	QueryParameters parameters = {0};

	query_add_oid(&parameters, schema);
	query_add_text(&parameters, JOURNAL_TABLE);
	/* An extension's tables are nobody's application. */
	return query_run_once(QUERY_AS_CALLER,
						  "SELECT 1 FROM pg_catalog.pg_class c"
						  " WHERE c.relnamespace = $1 AND c.relkind IN ('r', 'p')"
						  " AND c.relname <> $2 AND NOT EXISTS"
						  " (SELECT FROM pg_catalog.pg_depend d"
						  "  WHERE d.classid = 'pg_catalog.pg_class'::regclass"
						  "  AND d.objid = c.oid AND d.deptype = 'e') LIMIT 1",
						  &parameters, true) > 0;
}
