/*-------------------------------------------------------------------------
 *
 * look_depend.c
 *	  What goes with what, by pg_depend.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/pg_depend.h"
#include "utils/fmgroids.h"

#include "look_kind.h"

/* An index depends on its constraint, that on its column, that on its type. */
#define DEPTH 4

static bool
is_reference_to(const FormData_pg_depend *depend, const ObjectAddress *other)
{
	return depend->refclassid == other->classId &&
		depend->refobjid == other->objectId &&
		(other->objectSubId == 0 || depend->refobjsubid == other->objectSubId);
}

/* The objects that an object depends on, as a list of ObjectAddress. */
static List *
references_of(const ObjectAddress *object, const ObjectAddress *other,
			  bool cascades, bool *found)
{
	Relation	catalog = table_open(DependRelationId, AccessShareLock);
	ScanKeyData keys[3];
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *references = NIL;

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(object->classId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(object->objectId));
	ScanKeyInit(&keys[2], Anum_pg_depend_objsubid, BTEqualStrategyNumber,
				F_INT4EQ, Int32GetDatum(object->objectSubId));
	scan = systable_beginscan(catalog, DependDependerIndexId, true, NULL, 3,
							  keys);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		FormData_pg_depend *depend = (FormData_pg_depend *) GETSTRUCT(tuple);
		ObjectAddress *reference;

		if (depend->deptype == DEPENDENCY_NORMAL && !cascades)
			continue;
		if (is_reference_to(depend, other))
			*found = true;
		reference = palloc(sizeof(ObjectAddress));
		ObjectAddressSubSet(*reference, depend->refclassid, depend->refobjid,
							depend->refobjsubid);
		references = lappend(references, reference);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return references;
}

static bool
depends_within(const ObjectAddress *object, const ObjectAddress *other,
			   bool cascades, int depth)
{
	bool		found = false;
	List	   *references = references_of(object, other, cascades, &found);
	ListCell   *cell;

	if (found || depth == 0)
		return found;
	foreach(cell, references)
	{
		if (depends_within(lfirst(cell), other, cascades, depth - 1))
			return true;
	}
	return false;
}

bool
look_depends(const ObjectAddress *object, const ObjectAddress *other,
			 bool cascades)
{
	return depends_within(object, other, cascades, DEPTH);
}
