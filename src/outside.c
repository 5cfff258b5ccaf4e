/*-------------------------------------------------------------------------
 *
 * outside.c
 *	  Statements that run outside of transactions: whether one has happened.
 *
 * When a server dies while CREATE INDEX CONCURRENTLY runs, the record says
 * "about to run" and no more.  The catalog then knows whether it came to an
 * end.  An invalid index is no index: what an interrupted build leaves behind
 * is dropped and built anew.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/partition.h"
#include "catalog/pg_inherits.h"
#include "tcop/utility.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "outside.h"
#include "query.h"
#include "seam.h"
#include "transaction.h"

static bool
index_is_being_built(Oid index)
{
	QueryParameters parameters = {0};

	query_add_oid(&parameters, index);
	return query_run_once(QUERY_AS_OWNER,
						  "SELECT 1 FROM pg_catalog.pg_stat_progress_create_index"
						  " WHERE index_relid = $1"
						  " AND datname = pg_catalog.current_database()",
						  &parameters, true) > 0;
}

/*
 * The script with one statement's IF NOT EXISTS left out: that would accept
 * any index of the name, an invalid one too.
 */
static Script *
without_if_not_exists(const Script *script, const ScriptStatement *statement)
{
	Script	   *copy = palloc(sizeof(Script));
	RawStmt    *raw = copyObject(statement->raw);

	castNode(IndexStmt, raw->stmt)->if_not_exists = false;
	*copy = *script;
	copy->statements = palloc_array(ScriptStatement, script->statement_count);
	memcpy(copy->statements, script->statements,
		   script->statement_count * sizeof(ScriptStatement));
	copy->statements[statement->number - 1].raw = raw;
	return copy;
}

/* An index is what its definition says, whatever its name. */
static OutsideLook
look_at_create_index(const Script *script, const ScriptStatement *statement,
					 const char *schema)
{
	Seam	   *seam = seam_find(without_if_not_exists(script, statement),
								 schema, 0);
	const SeamEvidence *evidence = &seam->evidence[statement->number - 1];
	OutsideLook look = {.state = OUTSIDE_NOT_DONE};

	if (evidence->state == STATEMENT_DONE)
		look.state = OUTSIDE_DONE;
	else if (evidence->state == STATEMENT_OPAQUE)
		look.state = OUTSIDE_UNKNOWN;
	else if (evidence->state == STATEMENT_INVALID &&
			 OidIsValid(evidence->invalid_index))
	{
		look.index = evidence->invalid_index;
		look.state = index_is_being_built(look.index) ?
			OUTSIDE_BEING_DONE : OUTSIDE_LEFTOVER;
	}
	else if (evidence->state == STATEMENT_INVALID)
		look.state = OUTSIDE_IN_THE_WAY;
	return look;
}

static OutsideState
look_at_drop_index(const DropStmt *drop)
{
	ListCell   *cell;

	/* Other kinds are transactional, and name their objects in other ways. */
	if (drop->removeType != OBJECT_INDEX)
		return OUTSIDE_UNKNOWN;
	foreach(cell, drop->objects)
	{
		RangeVar   *name = makeRangeVarFromNameList(lfirst_node(List, cell));

		if (OidIsValid(RangeVarGetRelid(name, NoLock, true)))
			return OUTSIDE_NOT_DONE;
	}
	return OUTSIDE_DONE;
}

static OutsideState
look_at_detach(const AlterTableStmt *alter)
{
	AlterTableCmd *command = linitial_node(AlterTableCmd, alter->cmds);
	Oid			partition;
	Oid			parent;

	if (list_length(alter->cmds) != 1 ||
		command->subtype != AT_DetachPartition)
		return OUTSIDE_UNKNOWN;
	partition = RangeVarGetRelid(castNode(PartitionCmd, command->def)->name,
								 NoLock, true);
	if (!OidIsValid(partition))
		return OUTSIDE_UNKNOWN;
	if (!get_rel_relispartition(partition))
		return OUTSIDE_DONE;
	parent = get_partition_parent(partition, true);
	return PartitionHasPendingDetach(partition) || !OidIsValid(parent) ?
		OUTSIDE_UNKNOWN : OUTSIDE_NOT_DONE;
}

static OutsideState
look_at_other(const Node *parse_tree)
{
	switch (nodeTag(parse_tree))
	{
		case T_DropStmt:
			return look_at_drop_index((const DropStmt *) parse_tree);
		case T_AlterTableStmt:
			return look_at_detach((const AlterTableStmt *) parse_tree);
		case T_VacuumStmt:
		case T_ReindexStmt:
		case T_ClusterStmt:
			return OUTSIDE_NOT_DONE;	/* doing it twice does no harm */
		default:
			return OUTSIDE_UNKNOWN;
	}
}

/* One that has raised an error itself has then not happened. */
static bool
is_undone_by_error(const Node *parse_tree)
{
	switch (nodeTag(parse_tree))
	{
		case T_AlterSystemStmt:
		case T_AlterDatabaseStmt:
		case T_CreatedbStmt:
		case T_DropdbStmt:
		case T_CreateTableSpaceStmt:
		case T_DropTableSpaceStmt:
			return true;
		default:
			return false;
	}
}

OutsideLook
outside_look(const Script *script, const ScriptStatement *statement,
			 const char *schema, bool raised_error)
{
	const Node *parse_tree = statement->raw->stmt;
	OutsideLook look = {.state = OUTSIDE_NOT_DONE};

	if (IsA(parse_tree, IndexStmt))
		return look_at_create_index(script, statement, schema);
	if (!raised_error || !is_undone_by_error(parse_tree))
		look.state = look_at_other(parse_tree);
	return look;
}

void
outside_drop_leftover(const Script *script, const ScriptStatement *statement,
					  Oid index)
{
	DropStmt   *drop = makeNode(DropStmt);
	PlannedStmt *planned = makeNode(PlannedStmt);
	MemoryContext context = CurrentMemoryContext;
	char	   *name = get_rel_name(index);
	char	   *schema = get_namespace_name(get_rel_namespace(index));

	if (name == NULL || schema == NULL)
		return;					/* somebody else was faster */
	ereport(NOTICE,
			(errmsg("%s, statement %d of %d (line %d): index \"%s\" is invalid, left by an interrupted build; it is dropped and built anew",
					script->subject, statement->number,
					script->statement_count, statement->line, name)));
	drop->removeType = OBJECT_INDEX;
	drop->objects = list_make1(list_make2(makeString(schema),
										  makeString(name)));
	drop->behavior = DROP_RESTRICT;
	drop->concurrent = true;
	planned->commandType = CMD_UTILITY;
	planned->utilityStmt = (Node *) drop;
	planned->canSetTag = true;

	PushActiveSnapshot(GetTransactionSnapshot());
	ProcessUtility(planned, script->text, false, PROCESS_UTILITY_TOPLEVEL,
				   NULL, NULL, CreateDestReceiver(DestNone), NULL);
	transaction_pop_snapshot();
	/* Its commits have left us in the memory of the last transaction. */
	MemoryContextSwitchTo(context);
}

void
outside_report_invalid_indexes(Oid schema, int elevel)
{
	QueryScope	scope;
	QueryParameters parameters = {0};
	uint64		count;

	query_begin(&scope, QUERY_AS_OWNER);
	query_add_oid(&parameters, schema);
	count = query_run("SELECT c.relname, t.relname FROM pg_catalog.pg_index i"
					  " JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid"
					  " JOIN pg_catalog.pg_class t ON t.oid = i.indrelid"
					  " WHERE NOT i.indisvalid AND c.relkind = 'i'"
					  " AND c.relnamespace = $1"
					  " AND NOT EXISTS (SELECT FROM"
					  "  pg_catalog.pg_stat_progress_create_index p"
					  "  WHERE p.index_relid = i.indexrelid)"
					  " ORDER BY 1", &parameters, true);
	for (uint64 i = 0; i < count; i++)
		ereport(elevel,
				(errmsg("index \"%s\" on table \"%s\" is invalid, left by an interrupted build",
						query_text(i, 1), query_text(i, 2)),
				 errhint("Drop it, unless a migration that builds it is to be sent again: that drops it and builds it anew.")));
	query_end(&scope);
}
