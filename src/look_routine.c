/*-------------------------------------------------------------------------
 *
 * look_routine.c
 *	  Functions, triggers, policies and rules.
 *
 * The body of a function in the form BEGIN ATOMIC or RETURN isn't compared,
 * nor are defaults of parameters, SET, TRANSFORM and SUPPORT; a function that
 * has some counts as not compared.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/defrem.h"
#include "commands/proclang.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "nodes/makefuncs.h"
#include "parser/parse_func.h"
#include "parser/parse_relation.h"
#include "rewrite/prs2lock.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "look_kind.h"

/* --- functions --- */

/* What the options of CREATE FUNCTION say, with what the server fills in. */
typedef struct ScriptedFunction
{
	const char *language;
	const char *source;			/* as in prosrc, or NULL */
	char		volatility;
	char		parallel;
	bool		strict;
	bool		definer;
	bool		leakproof;
	double		cost;			/* -1: the language's */
	double		rows;
	bool		has_more;		/* that isn't compared */
} ScriptedFunction;

static char
volatility_of(const char *word)
{
	return strcmp(word, "immutable") == 0 ? PROVOLATILE_IMMUTABLE :
		strcmp(word, "stable") == 0 ? PROVOLATILE_STABLE : PROVOLATILE_VOLATILE;
}

static char
parallel_of(const char *word)
{
	return strcmp(word, "safe") == 0 ? PROPARALLEL_SAFE :
		strcmp(word, "restricted") == 0 ? PROPARALLEL_RESTRICTED :
		PROPARALLEL_UNSAFE;
}

static void
read_option(ScriptedFunction *function, DefElem *option)
{
	const char *name = option->defname;

	if (strcmp(name, "as") == 0)
		function->source = strVal(llast(castNode(List, option->arg)));
	else if (strcmp(name, "language") == 0)
		function->language = strVal(option->arg);
	else if (strcmp(name, "volatility") == 0)
		function->volatility = volatility_of(strVal(option->arg));
	else if (strcmp(name, "parallel") == 0)
		function->parallel = parallel_of(strVal(option->arg));
	else if (strcmp(name, "strict") == 0)
		function->strict = boolVal(option->arg);
	else if (strcmp(name, "security") == 0)
		function->definer = boolVal(option->arg);
	else if (strcmp(name, "leakproof") == 0)
		function->leakproof = boolVal(option->arg);
	else if (strcmp(name, "cost") == 0)
		function->cost = defGetNumeric(option);
	else if (strcmp(name, "rows") == 0)
		function->rows = defGetNumeric(option);
	else
		function->has_more = true;
}

static void
read_function(const CreateFunctionStmt *statement, ScriptedFunction *function)
{
	ListCell   *cell;

	memset(function, 0, sizeof(ScriptedFunction));
	function->language = "sql";
	function->volatility = PROVOLATILE_VOLATILE;
	function->parallel = PROPARALLEL_UNSAFE;
	function->cost = -1;
	function->rows = -1;
	foreach(cell, statement->options)
		read_option(function, lfirst_node(DefElem, cell));
	foreach(cell, statement->parameters)
	{
		if (lfirst_node(FunctionParameter, cell)->defexpr != NULL)
			function->has_more = true;
	}
}

/* Whether the parameters have the names and modes that the script gives. */
static bool
same_parameters(const CreateFunctionStmt *statement, HeapTuple tuple)
{
	Oid		   *types;
	char	  **names;
	char	   *modes;
	int			count = get_func_arg_info(tuple, &types, &names, &modes);
	ListCell   *cell;

	if (list_length(statement->parameters) != count)
		return false;
	foreach(cell, statement->parameters)
	{
		FunctionParameter *parameter = lfirst_node(FunctionParameter, cell);
		int			i = foreach_current_index(cell);
		char		mode = parameter->mode == FUNC_PARAM_DEFAULT ?
			FUNC_PARAM_IN : parameter->mode;
		const char *name = parameter->name != NULL ? parameter->name : "";

		if (strcmp(names != NULL ? names[i] : "", name) != 0 ||
			(modes != NULL ? modes[i] : FUNC_PARAM_IN) != mode)
			return false;
	}
	return true;
}

static bool
same_result(const Looking *looking, const CreateFunctionStmt *statement,
			Form_pg_proc form)
{
	Oid			type;
	int32		modifier;

	/* Without RETURNS it follows from the parameters. */
	if (statement->returnType == NULL)
		return true;
	return look_type_name(looking, looking->definition, statement->returnType,
						  &type, &modifier) &&
		type == form->prorettype &&
		statement->returnType->setof == form->proretset;
}

static bool
same_attributes(const ScriptedFunction *function, Form_pg_proc form)
{
	return form->provolatile == function->volatility &&
		form->proparallel == function->parallel &&
		form->proisstrict == function->strict &&
		form->prosecdef == function->definer &&
		form->proleakproof == function->leakproof &&
		(function->cost < 0 || form->procost == (float4) function->cost) &&
		(function->rows < 0 || form->prorows == (float4) function->rows);
}

static void
compare_function(Looking *looking, HeapTuple tuple)
{
	CreateFunctionStmt *statement = castNode(CreateFunctionStmt,
											 looking->definition->node);
	Form_pg_proc form = (Form_pg_proc) GETSTRUCT(tuple);
	ScriptedFunction function;
	bool		is_null;
	bool		has_settings = !heap_attisnull(tuple, Anum_pg_proc_proconfig, NULL);
	Datum		source = SysCacheGetAttr(PROCOID, tuple, Anum_pg_proc_prosrc,
										 &is_null);

	read_function(statement, &function);
	if (form->prokind != (statement->is_procedure ?
						  PROKIND_PROCEDURE : PROKIND_FUNCTION) &&
		form->prokind != PROKIND_WINDOW)
		look_differs(looking, "another kind of routine");
	else if (get_language_oid(function.language, true) != form->prolang)
		look_differs(looking, "a function in another language");
	else if (!same_result(looking, statement, form))
		look_differs(looking, "a function that returns %s",
					 format_type_be(form->prorettype));
	else if (looking->definition->whole && !same_attributes(&function, form))
		look_differs(looking, "a function with other attributes");
	else if (!same_parameters(statement, tuple))
		look_differs(looking, "a function with other parameters");
	else if ((statement->sql_body != NULL) ==
			 heap_attisnull(tuple, Anum_pg_proc_prosqlbody, NULL))
		look_differs(looking, "a function with another body");
	else if (function.source == NULL)
		looking->look->result = LOOK_UNCOMPARED;
	else if (is_null || strcmp(TextDatumGetCString(source), function.source) != 0)
		look_differs(looking, "a function with another body");
	else if (function.has_more || form->pronargdefaults > 0 || has_settings)
		looking->look->result = LOOK_UNCOMPARED;
}

void
look_function(Looking *looking)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID,
										ObjectIdGetDatum(looking->address.objectId));

	if (!HeapTupleIsValid(tuple))
	{
		looking->look->result = LOOK_MISSING;
		looking->look->found = "absent";
		return;
	}
	compare_function(looking, tuple);
	ReleaseSysCache(tuple);
}

/* --- triggers --- */

static const Trigger *
find_trigger(Relation relation, Oid oid)
{
	TriggerDesc *triggers = relation->trigdesc;

	for (int i = 0; triggers != NULL && i < triggers->numtriggers; i++)
		if (triggers->triggers[i].tgoid == oid)
			return &triggers->triggers[i];
	return NULL;
}

static bool
same_arguments(const CreateTrigStmt *statement, const Trigger *trigger)
{
	ListCell   *cell;

	if (list_length(statement->args) != trigger->tgnargs)
		return false;
	foreach(cell, statement->args)
	{
		if (strcmp(strVal(lfirst(cell)),
				   trigger->tgargs[foreach_current_index(cell)]) != 0)
			return false;
	}
	return true;
}

static bool
same_columns(const Looking *looking, const CreateTrigStmt *statement,
			 const Trigger *trigger, Oid table)
{
	ListCell   *cell;

	if (list_length(statement->columns) != trigger->tgnattr)
		return false;
	foreach(cell, statement->columns)
	{
		const char *name = model_column_name(looking->model,
											 looking->definition,
											 looking->definition->table,
											 strVal(lfirst(cell)),
											 looking->seam);

		if (get_attnum(table, name) !=
			trigger->tgattr[foreach_current_index(cell)])
			return false;
	}
	return true;
}

/* A parse state in which OLD and NEW can be named, as CreateTrigger has it. */
static ParseState *
trigger_parse_state(Relation relation)
{
	ParseState *state = make_parsestate(NULL);
	ParseNamespaceItem *item;

	item = addRangeTableEntryForRelation(state, relation, AccessShareLock,
										 makeAlias("old", NIL), false, false);
	addNSItemToQuery(state, item, false, true, true);
	item = addRangeTableEntryForRelation(state, relation, AccessShareLock,
										 makeAlias("new", NIL), false, false);
	addNSItemToQuery(state, item, false, true, true);
	return state;
}

static bool
same_when(const Looking *looking, const CreateTrigStmt *statement,
		  const Trigger *trigger, Relation relation)
{
	Node	   *cooked;

	if (statement->whenClause == NULL || trigger->tgqual == NULL)
		return statement->whenClause == NULL && trigger->tgqual == NULL;
	cooked = look_cook_condition(trigger_parse_state(relation),
								 model_expression_at(looking->model,
													 looking->definition,
													 statement->whenClause,
													 looking->seam),
								 EXPR_KIND_TRIGGER_WHEN, "WHEN");
	return cooked != NULL &&
		look_same_expression(cooked, stringToNode(trigger->tgqual));
}

static bool
same_name(const char *left, const char *right)
{
	return left == NULL || right == NULL ? left == right :
		strcmp(left, right) == 0;
}

static bool
same_transitions(const CreateTrigStmt *statement, const Trigger *trigger)
{
	const char *old_table = NULL;
	const char *new_table = NULL;
	ListCell   *cell;

	foreach(cell, statement->transitionRels)
	{
		const TriggerTransition *transition = lfirst_node(TriggerTransition, cell);

		if (transition->isNew)
			new_table = transition->name;
		else
			old_table = transition->name;
	}
	return same_name(old_table, trigger->tgoldtable) &&
		same_name(new_table, trigger->tgnewtable);
}

static void
compare_trigger(Looking *looking, Relation relation, const Trigger *trigger)
{
	CreateTrigStmt *statement = castNode(CreateTrigStmt,
										 looking->definition->node);
	int16		type = statement->timing | statement->events |
		(statement->row ? TRIGGER_TYPE_ROW : 0);

	if (trigger->tgtype != type)
		look_differs(looking, "a trigger of another time or event");
	else if (LookupFuncName(statement->funcname, 0, NULL, true) != trigger->tgfoid)
		look_differs(looking, "a trigger that calls %s",
					 get_func_name(trigger->tgfoid));
	else if (!same_arguments(statement, trigger) ||
			 !same_columns(looking, statement, trigger,
						   RelationGetRelid(relation)))
		look_differs(looking, "a trigger with other columns or arguments");
	else if (!same_when(looking, statement, trigger, relation))
		look_differs(looking, "a trigger with another WHEN");
	else if ((trigger->tgconstraint != InvalidOid) != statement->isconstraint)
		look_differs(looking, "%s constraint trigger",
					 statement->isconstraint ? "no" : "a");
	else if (!same_transitions(statement, trigger))
		look_differs(looking, "a trigger with other transition tables");
	else if (trigger->tgdeferrable != statement->deferrable ||
			 trigger->tginitdeferred != statement->initdeferred)
		look_differs(looking, "a trigger of other deferrability");
}

/* The table of a trigger that was found, opened; NULL if it has gone. */
static Relation
open_table(Looking *looking, const Object *table)
{
	Oid			relation = look_relation(looking, table);

	return OidIsValid(relation) ?
		try_relation_open(relation, AccessShareLock) : NULL;
}

void
look_trigger(Looking *looking)
{
	Relation	relation = open_table(looking, looking->fact->object);
	const Trigger *trigger;

	if (relation == NULL)
		return;
	trigger = find_trigger(relation, looking->address.objectId);
	if (trigger != NULL)
		compare_trigger(looking, relation, trigger);
	relation_close(relation, AccessShareLock);
}

void
look_enabled(Looking *looking)
{
	Relation	relation = open_table(looking, looking->fact->object->parent);
	const Trigger *trigger;
	bool		enabled = false;

	if (relation != NULL)
	{
		trigger = find_trigger(relation, looking->address.objectId);
		enabled = trigger != NULL && trigger->tgenabled != TRIGGER_DISABLED;
		relation_close(relation, AccessShareLock);
	}
	look_presence(looking, enabled, enabled ? "enabled" : "disabled");
}

/* --- policies --- */

static char
command_of(const char *name)
{
	if (name == NULL || strcmp(name, "all") == 0)
		return '*';
	if (strcmp(name, "select") == 0)
		return ACL_SELECT_CHR;
	if (strcmp(name, "insert") == 0)
		return ACL_INSERT_CHR;
	return strcmp(name, "update") == 0 ? ACL_UPDATE_CHR : ACL_DELETE_CHR;
}

static bool
same_roles(List *roles, Datum stored)
{
	ArrayType  *array = DatumGetArrayTypePCopy(stored);
	const Oid  *oids = (const Oid *) ARR_DATA_PTR(array);
	int			count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	ListCell   *cell;

	if (roles == NIL)
		return count == 1 && oids[0] == ACL_ID_PUBLIC;
	foreach(cell, roles)
	{
		RoleSpec   *role = lfirst_node(RoleSpec, cell);
		Oid			oid = role->roletype == ROLESPEC_PUBLIC ? ACL_ID_PUBLIC :
			get_rolespec_oid(role, true);
		bool		found = false;

		for (int i = 0; i < count; i++)
			found = found || oids[i] == oid;
		if (!found)
			return false;
	}
	return list_length(roles) == count;
}

static bool
same_condition(const Looking *looking, Relation relation, Node *raw,
			   HeapTuple tuple, Relation catalog, AttrNumber number)
{
	bool		is_null;
	Datum		stored = heap_getattr(tuple, number, RelationGetDescr(catalog),
									  &is_null);
	Node	   *cooked;

	if (raw == NULL || is_null)
		return raw == NULL && is_null;
	cooked = look_cook_condition(look_parse_state(relation),
								 model_expression_at(looking->model,
													 looking->definition, raw,
													 looking->seam),
								 EXPR_KIND_POLICY, "POLICY");
	return cooked != NULL &&
		look_same_expression(cooked,
							 stringToNode(TextDatumGetCString(stored)));
}

static void
compare_policy(Looking *looking, Relation relation, Relation catalog,
			   HeapTuple tuple)
{
	CreatePolicyStmt *statement = castNode(CreatePolicyStmt,
										   looking->definition->node);
	bool		whole = looking->definition->whole;
	Form_pg_policy form = (Form_pg_policy) GETSTRUCT(tuple);
	bool		is_null;
	Datum		roles = heap_getattr(tuple, Anum_pg_policy_polroles,
									 RelationGetDescr(catalog), &is_null);

	if (whole && (form->polcmd != command_of(statement->cmd_name) ||
				  form->polpermissive != statement->permissive))
		look_differs(looking, "a policy for another command");
	else if ((whole || statement->roles != NIL) &&
			 !same_roles(statement->roles, roles))
		look_differs(looking, "a policy for other roles");
	else if ((whole || statement->qual != NULL) &&
			 !same_condition(looking, relation, statement->qual, tuple, catalog,
							 Anum_pg_policy_polqual))
		look_differs(looking, "a policy with another USING");
	else if ((whole || statement->with_check != NULL) &&
			 !same_condition(looking, relation, statement->with_check, tuple,
							 catalog, Anum_pg_policy_polwithcheck))
		look_differs(looking, "a policy with another WITH CHECK");
}

void
look_policy(Looking *looking)
{
	Relation	relation = open_table(looking, looking->fact->object);
	Relation	catalog;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	if (relation == NULL)
		return;
	catalog = table_open(PolicyRelationId, AccessShareLock);
	ScanKeyInit(&key, Anum_pg_policy_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(looking->address.objectId));
	scan = systable_beginscan(catalog, PolicyOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		compare_policy(looking, relation, catalog, tuple);
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	relation_close(relation, AccessShareLock);
}

/* --- rules --- */

/* What a rule does instead, or besides, is not compared. */
void
look_rule(Looking *looking)
{
	RuleStmt   *statement = castNode(RuleStmt, looking->definition->node);
	Relation	relation = open_table(looking, looking->fact->object);
	const RuleLock *rules = relation != NULL ? relation->rd_rules : NULL;

	for (int i = 0; rules != NULL && i < rules->numLocks; i++)
	{
		const RewriteRule *rule = rules->rules[i];

		if (rule->ruleId != looking->address.objectId)
			continue;
		if (rule->event != statement->event ||
			rule->isInstead != statement->instead ||
			(rule->qual != NULL) != (statement->whereClause != NULL))
			look_differs(looking, "a rule of another event or condition");
		else
			looking->look->result = LOOK_UNCOMPARED;
	}
	if (relation != NULL)
		relation_close(relation, AccessShareLock);
}
