/*-------------------------------------------------------------------------
 *
 * look_find.c
 *	  Where in the catalog an object is, by the name it has at a seam.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "commands/extension.h"
#include "commands/policy.h"
#include "commands/trigger.h"
#include "rewrite/rewriteSupport.h"
#include "utils/builtins.h"
#include "utils/catcache.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "look_kind.h"

/* How many names the server may have tried before it found a free one. */
#define UNNAMED_PASSES 20

/*
 * Finds an object by name, inside "parent" for what lies in another one.
 * InvalidOid, or for columns 0, if there is none.
 */
typedef Oid (*LookFinder) (const Looking *looking, const ObjectAddress *parent,
						   const char *schema, const char *name,
						   const Object *object);

typedef struct Finder
{
	Oid			catalog;
	LookFinder	find;
} Finder;

static const Finder finders[FIRST_PROPERTY];

/* --- finding --- */

static Oid
find_schema(const Looking *looking, const ObjectAddress *parent,
			const char *schema, const char *name, const Object *object)
{
	return get_namespace_oid(name, true);
}

static Oid
find_extension(const Looking *looking, const ObjectAddress *parent,
			   const char *schema, const char *name, const Object *object)
{
	return get_extension_oid(name, true);
}

static Oid
find_relation(const Looking *looking, const ObjectAddress *parent,
			  const char *schema, const char *name, const Object *object)
{
	Oid			namespace = get_namespace_oid(schema, true);

	return OidIsValid(namespace) ? get_relname_relid(name, namespace) : InvalidOid;
}

static Oid
find_type(const Looking *looking, const ObjectAddress *parent,
		  const char *schema, const char *name, const Object *object)
{
	Oid			namespace = get_namespace_oid(schema, true);

	return !OidIsValid(namespace) ? InvalidOid :
		GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum(name),
						ObjectIdGetDatum(namespace));
}

/* The first function of a name, whatever its arguments. */
static Oid
find_any_function(const char *name, Oid namespace)
{
	CatCList   *list = SearchSysCacheList1(PROCNAMEARGSNSP,
										   CStringGetDatum(name));
	Oid			found = InvalidOid;

	for (int i = 0; i < list->n_members; i++)
	{
		Form_pg_proc procedure = (Form_pg_proc) GETSTRUCT(&list->members[i]->tuple);

		if (procedure->pronamespace == namespace)
			found = procedure->oid;
	}
	ReleaseSysCacheList(list);
	return found;
}

/* "name" is a signature; its types are resolved anew from the object. */
static Oid
find_function(const Looking *looking, const ObjectAddress *parent,
			  const char *schema, const char *name, const Object *object)
{
	Oid			namespace = get_namespace_oid(schema, true);
	const char *bracket = strrchr(name, '(');
	Oid			types[FUNC_MAX_ARGS];
	int			count = 0;
	ListCell   *cell;

	if (!OidIsValid(namespace))
		return InvalidOid;
	if (bracket == NULL)
		return find_any_function(name, namespace);
	if (object == NULL)
		return InvalidOid;
	foreach(cell, object->arguments)
	{
		int32		modifier;

		if (count == FUNC_MAX_ARGS ||
			!look_type_name(looking, object->signature, lfirst_node(TypeName, cell),
							&types[count++], &modifier))
			return InvalidOid;
	}
	return GetSysCacheOid3(PROCNAMEARGSNSP, Anum_pg_proc_oid,
						   CStringGetDatum(pnstrdup(name, bracket - name)),
						   PointerGetDatum(buildoidvector(types, count)),
						   ObjectIdGetDatum(namespace));
}

/* The pg_class row of a table, or of a composite type. */
static Oid
relation_of(const ObjectAddress *address)
{
	return address->classId == TypeRelationId ?
		get_typ_typrelid(address->objectId) : address->objectId;
}

static Oid
find_column(const Looking *looking, const ObjectAddress *parent,
			const char *schema, const char *name, const Object *object)
{
	Oid			relation = relation_of(parent);
	AttrNumber	number = OidIsValid(relation) ? get_attnum(relation, name) : 0;

	/* No table of a script has a system column of its own. */
	return number > 0 ? (Oid) number : InvalidOid;
}

static Oid
find_constraint(const Looking *looking, const ObjectAddress *parent,
				const char *schema, const char *name, const Object *object)
{
	return parent->classId == TypeRelationId ?
		get_domain_constraint_oid(parent->objectId, name, true) :
		get_relation_constraint_oid(parent->objectId, name, true);
}

static Oid
find_trigger(const Looking *looking, const ObjectAddress *parent,
			 const char *schema, const char *name, const Object *object)
{
	return get_trigger_oid(parent->objectId, name, true);
}

static Oid
find_policy(const Looking *looking, const ObjectAddress *parent,
			const char *schema, const char *name, const Object *object)
{
	return get_relation_policy_oid(parent->objectId, name, true);
}

static Oid
find_rule(const Looking *looking, const ObjectAddress *parent,
		  const char *schema, const char *name, const Object *object)
{
	return get_rewrite_oid(parent->objectId, name, true);
}

static Oid
find_label(const Looking *looking, const ObjectAddress *parent,
		   const char *schema, const char *name, const Object *object)
{
	return GetSysCacheOid2(ENUMTYPOIDNAME, Anum_pg_enum_oid,
						   ObjectIdGetDatum(parent->objectId),
						   CStringGetDatum(name));
}

/* Fills in the address of what a finder has found; false if nothing. */
static bool
set_address(FactKind kind, Oid found, const ObjectAddress *parent,
			ObjectAddress *address)
{
	if (!OidIsValid(found))
		return false;
	if (kind == FACT_COLUMN)
		ObjectAddressSubSet(*address, RelationRelationId, relation_of(parent),
							(int32) found);
	else
		ObjectAddressSet(*address, finders[kind].catalog, found);
	return true;
}

/* By a name of our choice, in the place where the fact is. */
static bool
find_name(const Looking *looking, const Fact *fact, const char *name,
		  const Object *object, ObjectAddress *address)
{
	ObjectAddress parent = InvalidObjectAddress;

	if (fact->object != NULL && !look_find(looking, fact->object, &parent))
		return false;
	return set_address(fact->kind,
					   finders[fact->kind].find(looking, &parent, fact->schema, name, object),
					   &parent, address);
}

/*
 * An object that the server has named: under the name that it would get in an
 * empty schema, or with a number behind it, and as defined.
 */
static bool
find_unnamed(const Looking *looking, const Fact *fact,
			 const Definition *definition, const Object *object,
			 ObjectAddress *address)
{
	for (int pass = fact->first_pass; pass < UNNAMED_PASSES; pass++)
	{
		char	   *label = pass == 0 ? pstrdup(fact->name_parts[2]) :
			psprintf("%s%d", fact->name_parts[2], pass);
		char	   *name = makeObjectName(fact->name_parts[0],
										  fact->name_parts[1], label);
		Look		look = {LOOK_AGREES};
		Looking		candidate = *looking;

		if (!find_name(looking, fact, name, object, address))
			continue;
		if (definition == NULL)
			return true;
		candidate.fact = fact;
		candidate.definition = definition;
		candidate.address = *address;
		candidate.look = &look;
		look_compare(&candidate);
		if (look_stands(&look) || look.result == LOOK_INVALID)
			return true;
	}
	return false;
}

/* The caller's subtransaction lets go of the lock. */
static bool
find_named(const Fact *fact, ObjectAddress *address)
{
	Relation	relation = NULL;

	*address = get_object_address(fact->type, copyObject(fact->written),
								  &relation, AccessShareLock, true);
	Assert(relation == NULL);
	return OidIsValid(address->objectId);
}

bool
look_find_fact(const Looking *looking, const Fact *fact,
			   const Definition *definition, const Object *object,
			   ObjectAddress *address)
{
	if (fact->kind == FACT_NAMED)
		return find_named(fact, address);
	if (fact->unnamed)
		return find_unnamed(looking, fact, definition, object, address);
	return find_name(looking, fact, fact->name, object, address);
}

bool
look_find(const Looking *looking, const Object *object, ObjectAddress *address)
{
	Fact	   *fact = model_existence_at(looking->model, object, looking->seam);
	State		state;

	if (fact == NULL)
		return false;
	(void) model_expected(fact, looking->seam, &state);
	return look_find_fact(looking, fact, state.definition, object, address);
}

Oid
look_relation(const Looking *looking, const Object *object)
{
	ObjectAddress address;

	if (object == NULL || !look_find(looking, object, &address))
		return InvalidOid;
	return relation_of(&address);
}

static const Finder finders[FIRST_PROPERTY] = {
	[FACT_SCHEMA] = {NamespaceRelationId, find_schema},
	[FACT_EXTENSION] = {ExtensionRelationId, find_extension},
	[FACT_RELATION] = {RelationRelationId, find_relation},
	[FACT_TYPE] = {TypeRelationId, find_type},
	[FACT_FUNCTION] = {ProcedureRelationId, find_function},
	[FACT_COLUMN] = {RelationRelationId, find_column},
	[FACT_CONSTRAINT] = {ConstraintRelationId, find_constraint},
	[FACT_TRIGGER] = {TriggerRelationId, find_trigger},
	[FACT_POLICY] = {PolicyRelationId, find_policy},
	[FACT_RULE] = {RewriteRelationId, find_rule},
	[FACT_LABEL] = {EnumRelationId, find_label},
};
