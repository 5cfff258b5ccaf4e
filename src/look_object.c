/*-------------------------------------------------------------------------
 *
 * look_object.c
 *	  Extensions, types and labels, sequences, flags of tables and options of
 *	  views.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_sequence.h"
#include "catalog/pg_type.h"
#include "commands/comment.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "look_kind.h"
#include "statement.h"

/* --- extensions --- */

static char *
extension_version(Oid extension)
{
	Relation	catalog = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	char	   *version = NULL;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(catalog, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		bool		is_null;
		Datum		datum = heap_getattr(tuple, Anum_pg_extension_extversion,
										 RelationGetDescr(catalog), &is_null);

		version = is_null ? NULL : TextDatumGetCString(datum);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return version;
}

void
look_extension(Looking *looking)
{
	CreateExtensionStmt *statement = castNode(CreateExtensionStmt,
											  looking->definition->node);
	DefElem    *option = statement_option(statement->options, "new_version");
	char	   *version;

	if (option == NULL)
		return;
	version = extension_version(looking->address.objectId);
	if (version == NULL || strcmp(version, defGetString(option)) != 0)
		look_differs(looking, "version %s", version);
}

/* --- types --- */

static char
scripted_type_kind(const Node *node)
{
	switch (nodeTag(node))
	{
		case T_CreateEnumStmt:
			return TYPTYPE_ENUM;
		case T_CreateDomainStmt:
			return TYPTYPE_DOMAIN;
		case T_CreateRangeStmt:
			return TYPTYPE_RANGE;
		default:
			return TYPTYPE_COMPOSITE;
	}
}

static void
compare_domain(Looking *looking)
{
	CreateDomainStmt *statement = (CreateDomainStmt *) looking->definition->node;
	HeapTuple	tuple = SearchSysCache1(TYPEOID,
										ObjectIdGetDatum(looking->address.objectId));
	Form_pg_type form;
	Oid			type;
	int32		modifier;

	if (!HeapTupleIsValid(tuple))
		return;
	form = (Form_pg_type) GETSTRUCT(tuple);
	if (!look_type_name(looking, looking->definition, statement->typeName,
						&type, &modifier) ||
		type != form->typbasetype || modifier != form->typtypmod)
		look_differs(looking, "a domain over %s",
					 format_type_with_typemod(form->typbasetype, form->typtypmod));
	else if (form->typcollation !=
			 (statement->collClause == NULL ? get_typcollation(type) :
			  get_collation_oid(statement->collClause->collname, true)))
		look_differs(looking, "a domain of another collation");
	ReleaseSysCache(tuple);
}

void
look_type(Looking *looking)
{
	char		expected = scripted_type_kind(looking->definition->node);
	char		kind = get_typtype(looking->address.objectId);
	Oid			relation = get_typ_typrelid(looking->address.objectId);

	if (kind != expected ||
		(OidIsValid(relation) &&
		 get_rel_relkind(relation) != RELKIND_COMPOSITE_TYPE))
		look_differs(looking, "another kind of type");
	else if (kind == TYPTYPE_DOMAIN)
		compare_domain(looking);
	else if (kind == TYPTYPE_RANGE)
		looking->look->result = LOOK_UNCOMPARED;
}

/* --- labels --- */

/* The labels (char *) of an enum in their order. */
static List *
stored_labels(Oid type)
{
	Relation	catalog = table_open(EnumRelationId, AccessShareLock);
	Relation	index = index_open(EnumTypIdSortOrderIndexId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *labels = NIL;

	ScanKeyInit(&key, Anum_pg_enum_enumtypid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(type));
	scan = systable_beginscan_ordered(catalog, index, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext_ordered(scan,
															 ForwardScanDirection)))
		labels = lappend(labels,
						 pstrdup(NameStr(((Form_pg_enum) GETSTRUCT(tuple))->enumlabel)));
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(catalog, AccessShareLock);
	return labels;
}

static char *
label_list(const List *labels)
{
	StringInfoData list;
	ListCell   *cell;

	initStringInfo(&list);
	foreach(cell, labels)
		appendStringInfo(&list, "%s%s", cell == list_head(labels) ? "" : ", ",
						 (char *) lfirst(cell));
	return list.data;
}

void
look_labels(Looking *looking)
{
	List	   *expected = looking->definition != NULL ?
		looking->definition->names : NIL;
	List	   *stored = stored_labels(looking->address.objectId);
	bool		same = list_length(expected) == list_length(stored);

	for (int i = 0; same && i < list_length(expected); i++)
		same = strcmp(list_nth(expected, i), list_nth(stored, i)) == 0;
	if (!same)
		look_differs(looking, "%s", label_list(stored));
}

/* A label that is added before or after another one stands there. */
void
look_label(Looking *looking)
{
	AlterEnumStmt *statement = (AlterEnumStmt *) looking->definition->node;
	ObjectAddress type;
	int			label = -1;
	int			neighbour = -1;
	ListCell   *cell;

	if (statement == NULL || statement->newValNeighbor == NULL ||
		!look_find(looking, looking->fact->object, &type))
		return;
	foreach(cell, stored_labels(type.objectId))
	{
		if (strcmp(lfirst(cell), looking->fact->name) == 0)
			label = foreach_current_index(cell);
		if (strcmp(lfirst(cell), statement->newValNeighbor) == 0)
			neighbour = foreach_current_index(cell);
	}
	/* The neighbour may have been renamed since. */
	if (neighbour >= 0 && (label > neighbour) != statement->newValIsAfter)
		look_differs(looking, "the label in another place");
}

/* --- sequences --- */

void
look_owned_sequence(Looking *looking)
{
	Oid			table = look_relation(looking, looking->definition->table);
	const char *column = model_column_name(looking->model, looking->definition,
										   looking->definition->table,
										   linitial(looking->definition->names),
										   looking->seam);
	Oid			owner;
	int32		number;
	bool		owned;

	owned = sequenceIsOwned(looking->address.objectId,
							DEPENDENCY_AUTO, &owner, &number) ||
		sequenceIsOwned(looking->address.objectId, DEPENDENCY_INTERNAL, &owner,
						&number);

	if (!owned || owner != table || get_attnum(table, column) != number)
		look_differs(looking, "a sequence of something else");
}

static bool
same_option(const Looking *looking, const DefElem *option,
			Form_pg_sequence form)
{
	DefElem    *element = unconstify(DefElem *, option);
	const char *name = option->defname;
	bool		is_set = option->arg != NULL;

	if (strcmp(name, "as") == 0)
	{
		Oid			type;
		int32		modifier;

		return look_type_name(looking, looking->definition,
							  castNode(TypeName, option->arg), &type, &modifier) &&
			type == form->seqtypid;
	}
	if (strcmp(name, "increment") == 0)
		return defGetInt64(element) == form->seqincrement;
	if (strcmp(name, "start") == 0)
		return defGetInt64(element) == form->seqstart;
	if (strcmp(name, "cache") == 0)
		return defGetInt64(element) == form->seqcache;
	if (strcmp(name, "cycle") == 0)
		return defGetBoolean(element) == form->seqcycle;
	if (strcmp(name, "minvalue") == 0)
		return !is_set || defGetInt64(element) == form->seqmin;
	if (strcmp(name, "maxvalue") == 0)
		return !is_set || defGetInt64(element) == form->seqmax;
	/* OWNED BY and RESTART are none of the sequence's parameters. */
	return true;
}

/* Of what the script doesn't say, what doesn't depend on anything else. */
static void
compare_defaults(Looking *looking, Form_pg_sequence form)
{
	const List *options = (const List *) looking->definition->node;

	if (statement_option(options, "increment") == NULL && form->seqincrement != 1)
		look_differs(looking, "another value of \"increment\"");
	else if (statement_option(options, "cache") == NULL && form->seqcache != 1)
		look_differs(looking, "another value of \"cache\"");
	else if (statement_option(options, "cycle") == NULL && form->seqcycle)
		look_differs(looking, "another value of \"cycle\"");
}

void
look_sequence(Looking *looking)
{
	HeapTuple	tuple = SearchSysCache1(SEQRELID,
										ObjectIdGetDatum(looking->address.objectId));
	ListCell   *cell;

	if (!look_presence(looking, HeapTupleIsValid(tuple), "present"))
		return;
	Assert(HeapTupleIsValid(tuple));
	if (looking->definition != NULL)
	{
		foreach(cell, (List *) looking->definition->node)
		{
			DefElem    *option = lfirst_node(DefElem, cell);

			if (!same_option(looking, option, (Form_pg_sequence) GETSTRUCT(tuple)))
				look_differs(looking, "another value of \"%s\"", option->defname);
		}
	}
	if (looking->definition != NULL && looking->definition->whole)
		compare_defaults(looking, (Form_pg_sequence) GETSTRUCT(tuple));
	ReleaseSysCache(tuple);
}

/* --- flags of tables --- */

void
look_inheritance(Looking *looking)
{
	Oid			parent;

	if (!model_is_alive(looking->definition->other, looking->seam))
		return;
	parent = look_relation(looking, looking->definition->other);
	look_presence(looking, OidIsValid(parent) &&
				  typeInheritsFrom(get_rel_type_id(looking->address.objectId),
								   get_rel_type_id(parent)),
				  "another ancestry");
}

void
look_logged(Looking *looking)
{
	bool		logged = get_rel_persistence(looking->address.objectId) ==
		RELPERSISTENCE_PERMANENT;

	look_presence(looking, logged, logged ? "logged" : "unlogged");
}

void
look_row_security(Looking *looking)
{
	HeapTuple	tuple = SearchSysCache1(RELOID,
										ObjectIdGetDatum(looking->address.objectId));
	bool		on = false;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		on = looking->fact->kind == FACT_ROW_SECURITY ?
			form->relrowsecurity : form->relforcerowsecurity;
		ReleaseSysCache(tuple);
	}
	look_presence(looking, on, on ? "on" : "off");
}

void
look_owner(Looking *looking)
{
	RoleSpec   *role = castNode(RoleSpec, looking->definition->node);
	HeapTuple	tuple = SearchSysCache1(RELOID,
										ObjectIdGetDatum(looking->address.objectId));
	Oid			owner;

	if (!HeapTupleIsValid(tuple))
		return;
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	if (get_rolespec_oid(role, true) != owner)
		look_differs(looking, "\"%s\"", GetUserNameFromId(owner, true));
}

void
look_comment(Looking *looking)
{
	char	   *comment = GetComment(looking->address.objectId,
									 looking->address.classId,
									 looking->address.objectSubId);

	if (look_presence(looking, comment != NULL,
					  comment != NULL ? "present" : "absent") &&
		looking->definition != NULL)
	{
		Assert(comment != NULL);
		if (strcmp(strVal(looking->definition->node), comment) != 0)
			look_differs(looking, "another comment");
	}
}

/* --- options of views --- */

static bool
scripted_flag(const ViewStmt *statement, const char *name)
{
	DefElem    *option = statement_option(statement->options, name);

	return option != NULL && defGetBoolean(option);
}

static ViewCheckOption
scripted_check_option(const ViewStmt *statement)
{
	DefElem    *option = statement_option(statement->options, "check_option");

	if (option == NULL)
		return statement->withCheckOption;
	return pg_strcasecmp(defGetString(option), "local") == 0 ?
		LOCAL_CHECK_OPTION : CASCADED_CHECK_OPTION;
}

static ViewCheckOption
stored_check_option(Relation view)
{
	return !RelationHasCheckOption(view) ? NO_CHECK_OPTION :
		RelationHasLocalCheckOption(view) ? LOCAL_CHECK_OPTION :
		CASCADED_CHECK_OPTION;
}

/* With whose rights a view reads, and what can be written through it. */
void
look_view_options(Looking *looking)
{
	const ViewStmt *statement = castNode(ViewStmt, looking->definition->node);
	Relation	view;

	/* ALTER VIEW has changed them since. */
	if (!looking->definition->whole)
		return;
	view = relation_open(looking->address.objectId, AccessShareLock);
	if (RelationHasSecurityInvoker(view) !=
		scripted_flag(statement, "security_invoker") ||
		RelationIsSecurityView(view) !=
		scripted_flag(statement, "security_barrier") ||
		stored_check_option(view) != scripted_check_option(statement))
		look_differs(looking, "a view with other options");
	relation_close(view, AccessShareLock);
}
