/*-------------------------------------------------------------------------
 *
 * insert.c
 *	  One row into a table, without a query.
 *
 * A deployment writes the same few rows for each migration.  To parse, plan
 * and start a query for each would take longer than to write it, and the
 * planner looks at more of a table than is needed to add a row.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "insert.h"

/* Whether a value is in its column as it is, by its length or precision. */
static bool
fits(const FormData_pg_attribute *column, Datum value)
{
	const text *string;

	if (column->atttypmod < 0)
		return true;
	if (column->atttypid != VARCHAROID)
		return false;
	string = DatumGetTextPP(value);
	return pg_mbstrlen_with_len(VARDATA_ANY(string),
								VARSIZE_ANY_EXHDR(string)) <=
		   column->atttypmod - VARHDRSZ;
}

bool
insert_is_plain(Relation relation, const Datum *values, const bool *nulls)
{
	TupleDesc columns = RelationGetDescr(relation);

	if (pg_class_aclcheck(RelationGetRelid(relation), GetUserId(),
						  ACL_INSERT) != ACLCHECK_OK)
		return false;
	if (relation->rd_rel->relkind != RELKIND_RELATION ||
		relation->rd_rel->relrowsecurity || relation->rd_rules != NULL)
		return false;
	for (int i = 0; i < columns->natts; i++)
	{
		Form_pg_attribute column = TupleDescAttr(columns, i);

		if (!column->attisdropped && !nulls[i] && !fits(column, values[i]))
			return false;
	}
	return true;
}

void
insert_row(Relation relation, const Datum *values, const bool *nulls)
{
	int				count = RelationGetNumberOfAttributes(relation);
	ResultRelInfo  *result = makeNode(ResultRelInfo);
	EState		   *estate;
	TupleTableSlot *slot;

	PreventCommandIfReadOnly("INSERT");
	PreventCommandIfParallelMode("INSERT");
	LockRelationOid(RelationGetRelid(relation), RowExclusiveLock);

	estate = CreateExecutorState();
	InitResultRelInfo(result, relation, 0, NULL, 0);
	ExecOpenIndices(result, false);
	slot = ExecInitExtraTupleSlot(estate, RelationGetDescr(relation),
								  &TTSOpsVirtual);
	memcpy(slot->tts_values, values, sizeof(Datum) * count);
	memcpy(slot->tts_isnull, nulls, sizeof(bool) * count);
	ExecStoreVirtualTuple(slot);

	CommandCounterIncrement();
	PushActiveSnapshot(GetTransactionSnapshot());
	AfterTriggerBeginQuery();
	ExecSimpleRelationInsert(result, estate, slot);
	AfterTriggerEndQuery(estate);
	PopActiveSnapshot();

	ExecCloseIndices(result);
	ExecResetTupleTable(estate->es_tupleTable, false);
	FreeExecutorState(estate);
	CommandCounterIncrement();
}
