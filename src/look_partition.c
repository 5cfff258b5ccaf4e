/*-------------------------------------------------------------------------
 *
 * look_partition.c
 *	  Partitions: of what, with which bounds, and by what a table is divided.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/relation.h"
#include "access/transam.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_type.h"
#include "parser/parse_utilcmd.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/partcache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "look_kind.h"

/* --- bounds --- */

/* Whether nobody's code runs when a constant is made one of this type. */
static bool
is_plain_type(Oid type)
{
	return type < FirstNormalObjectId || get_typtype(type) == TYPTYPE_ENUM;
}

static bool
is_plain_key(PartitionKey key)
{
	for (int i = 0; i < key->partnatts; i++)
		if (!is_plain_type(key->parttypid[i]))
			return false;
	return true;
}

/* A constant, with or without a cast, or MINVALUE and its like. */
static bool
is_plain_value(const Looking *looking, const Node *value)
{
	while (IsA(value, TypeCast))
	{
		const TypeCast *cast = (const TypeCast *) value;
		Oid			type;
		int32		modifier;

		if (!look_type_name(looking, looking->definition, cast->typeName, &type,
							&modifier) ||
			!is_plain_type(type))
			return false;
		value = cast->arg;
	}
	return IsA(value, A_Const) || IsA(value, ColumnRef);
}

static bool
are_plain_values(const Looking *looking, const List *values)
{
	ListCell   *cell;

	foreach(cell, values)
	{
		if (!is_plain_value(looking, lfirst(cell)))
			return false;
	}
	return true;
}

/* As the catalog holds them, or NULL. */
static Node *
stored_bounds(Oid partition)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(partition));
	Node	   *bounds = NULL;
	Datum		stored;
	bool		is_null;

	if (!HeapTupleIsValid(tuple))
		return NULL;
	stored = SysCacheGetAttr(RELOID, tuple, Anum_pg_class_relpartbound,
							 &is_null);
	if (!is_null)
		bounds = stringToNode(TextDatumGetCString(stored));
	ReleaseSysCache(tuple);
	return bounds;
}

/* The server computes what the bounds are, and only of constants it does here. */
static void
compare_bounds(Looking *looking, Oid parent)
{
	PartitionBoundSpec *bounds = castNode(PartitionBoundSpec,
										  looking->definition->node);
	Relation	relation = relation_open(parent, AccessShareLock);
	PartitionKey key = RelationGetPartitionKey(relation);
	Node	   *stored = stored_bounds(looking->address.objectId);

	if (key == NULL || !is_plain_key(key) ||
		!are_plain_values(looking, bounds->listdatums) ||
		!are_plain_values(looking, bounds->lowerdatums) ||
		!are_plain_values(looking, bounds->upperdatums))
		looking->look->result = LOOK_UNCOMPARED;
	else if (!equal(transformPartitionBound(make_parsestate(NULL), relation,
											copyObject(bounds)), stored))
		look_differs(looking, "a partition %s",
					 TextDatumGetCString(DirectFunctionCall2(pg_get_expr,
															 CStringGetTextDatum(nodeToString(stored)),
															 ObjectIdGetDatum(parent))));
	relation_close(relation, AccessShareLock);
}

void
look_partition(Looking *looking)
{
	bool		is_partition = get_rel_relispartition(looking->address.objectId);
	Oid			parent;

	if (!look_presence(looking, is_partition,
					   is_partition ? "a partition" : "no partition") ||
		looking->definition == NULL || looking->definition->other == NULL ||
		!model_is_alive(looking->definition->other, looking->seam))
		return;
	parent = get_partition_parent(looking->address.objectId, true);
	if (parent != look_relation(looking, looking->definition->other))
		look_differs(looking, "a partition of \"%s\"", get_rel_name(parent));
	else if (looking->definition->node != NULL)
		compare_bounds(looking, parent);
}

/* --- keys --- */

/* Only by what and how a table is divided, not by which operator classes. */
void
look_partition_key(Looking *looking)
{
	const Definition *definition = looking->definition;
	const PartitionSpec *scripted =
		castNode(CreateStmt, definition->node)->partspec;
	HeapTuple	tuple = SearchSysCache1(PARTRELID,
										ObjectIdGetDatum(looking->address.objectId));
	Form_pg_partitioned_table form;
	ListCell   *cell;

	if (scripted == NULL || !HeapTupleIsValid(tuple))
	{
		if (HeapTupleIsValid(tuple))
			ReleaseSysCache(tuple);
		return;
	}
	form = (Form_pg_partitioned_table) GETSTRUCT(tuple);
	if (form->partstrat != compat_partition_strategy(scripted) ||
		form->partnatts != list_length(scripted->partParams))
		look_differs(looking, "a table that is partitioned in another way");
	else
	{
		foreach(cell, scripted->partParams)
		{
			const PartitionElem *element = lfirst_node(PartitionElem, cell);
			AttrNumber	number = form->partattrs.values[foreach_current_index(cell)];

			if (element->name == NULL ? number != 0 :
				number != get_attnum(looking->address.objectId,
									 model_column_name(looking->model, definition,
													   looking->expected->object,
													   element->name,
													   looking->seam)))
				look_differs(looking, "a table that is partitioned by other columns");
		}
	}
	ReleaseSysCache(tuple);
}
