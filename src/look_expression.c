/*-------------------------------------------------------------------------
 *
 * look_expression.c
 *	  Whether an expression of the script is the one that the catalog holds.
 *
 * The server's own parser makes of the script's text what it would store, and
 * the two trees are compared.  Analysing executes nothing but the input
 * functions of constants.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/htup_details.h"
#include "catalog/dependency.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parse_coerce.h"
#include "parser/parse_collate.h"
#include "parser/parse_expr.h"
#include "parser/parse_relation.h"
#include "rewrite/prs2lock.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"

#include "compat.h"
#include "look_kind.h"

ParseState *
look_parse_state(Relation relation)
{
	ParseState *state = make_parsestate(NULL);
	ParseNamespaceItem *item = addRangeTableEntryForRelation(state, relation,
															 AccessShareLock,
															 NULL, false, true);

	addNSItemToQuery(state, item, true, true, true);
	return state;
}

/* --- comparing --- */

static bool
is_string_type(Oid type)
{
	return type == TEXTOID || type == VARCHAROID || type == UNKNOWNOID;
}

/*
 * ALTER COLUMN TYPE makes the server read its own text of an expression, with
 * the casts that it wrote into it.  What is left out here changes no value.
 */
static Node *
simplify_mutator(Node *node, void *context)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, RelabelType))
		return simplify_mutator((Node *) ((RelabelType *) node)->arg, context);
	node = expression_tree_mutator(node, simplify_mutator, context);
	if (IsA(node, Const) && is_string_type(((Const *) node)->consttype))
	{
		Const	   *constant = (Const *) node;

		constant->consttype = TEXTOID;
		constant->consttypmod = -1;
		constant->constcollid = InvalidOid;
	}
	return node;
}

bool
look_same_expression(Node *left, Node *right)
{
	if (equal(left, right))
		return true;
	return equal(simplify_mutator(left, NULL), simplify_mutator(right, NULL));
}

typedef struct ConditionPlace
{
	ParseExprKind kind;
	const char *construct;
} ConditionPlace;

static Node *
analyse_condition(ParseState *state, Node *raw, void *argument)
{
	const ConditionPlace *place = argument;
	Node	   *cooked = transformExpr(state, raw, place->kind);

	cooked = coerce_to_boolean(state, cooked, place->construct);
	assign_expr_collations(state, cooked);
	return cooked;
}

Node *
look_cook_condition(ParseState *state, Node *raw, ParseExprKind kind,
					const char *construct)
{
	ConditionPlace place = {kind, construct};

	return look_may_analyse(state, raw, analyse_condition, &place) ?
		analyse_condition(state, raw, &place) : NULL;
}

static char *
expression_text(Node *expression, Oid relation)
{
	char	   *stored = nodeToString(expression);

	return TextDatumGetCString(OidIsValid(relation) ?
							   DirectFunctionCall2(pg_get_expr,
												   CStringGetTextDatum(stored),
												   ObjectIdGetDatum(relation)) :
							   CStringGetTextDatum("another expression"));
}

/* --- defaults --- */

/* The stored expression of a column's default, or NULL. */
static Node *
stored_default(Relation relation, AttrNumber number)
{
	TupleConstr *constraints = RelationGetDescr(relation)->constr;

	for (int i = 0; constraints != NULL && i < constraints->num_defval; i++)
		if (constraints->defval[i].adnum == number)
			return stringToNode(constraints->defval[i].adbin);
	return NULL;
}

/* Whether an expression is nextval of the sequence that a column owns. */
static bool
is_own_nextval(Node *expression, const ObjectAddress *column)
{
	Node	   *argument;
	Oid			table;
	int32		number;

	expression = strip_implicit_coercions(expression);
	if (!IsA(expression, FuncExpr) ||
		((FuncExpr *) expression)->funcid != F_NEXTVAL)
		return false;
	argument = linitial(((FuncExpr *) expression)->args);
	if (!IsA(argument, Const))
		return false;
	return sequenceIsOwned(DatumGetObjectId(((Const *) argument)->constvalue),
						   DEPENDENCY_AUTO, &table, &number) &&
		table == column->objectId && number == column->objectSubId;
}

typedef struct ValuePlace
{
	Oid			type;
	int32		modifier;
	bool		generated;
} ValuePlace;

/*
 * As cookDefault does it, but for the test whether a generated column's
 * functions are immutable, which would evaluate some of them.
 */
static Node *
analyse_value(ParseState *state, Node *raw, void *argument)
{
	const ValuePlace *place = argument;
	Node	   *cooked = transformExpr(state, raw, place->generated ?
									   EXPR_KIND_GENERATED_COLUMN :
									   EXPR_KIND_COLUMN_DEFAULT);

	cooked = coerce_to_target_type(state, cooked, exprType(cooked), place->type,
								   place->modifier, COERCION_ASSIGNMENT,
								   COERCE_IMPLICIT_CAST, -1);
	if (cooked != NULL)
		assign_expr_collations(state, cooked);
	return cooked;
}

/* NULL where that would run somebody's code. */
static Node *
cook_value(ParseState *state, Node *raw, Oid type, int32 modifier,
		   bool generated)
{
	ValuePlace	place = {
		.type = type,
		.modifier = modifier,
		.generated = generated
	};

	return look_may_analyse(state, raw, analyse_value, &place) ?
		analyse_value(state, raw, &place) : NULL;
}

/*
 * The types that the script has given a column between the definition of its
 * default and the looking's seam (Definition *), behind the one that it had
 * then: NULL where the script doesn't say.
 */
static List *
types_since(const Looking *looking)
{
	const Definition *before = NULL;
	List	   *types = NIL;
	ListCell   *cell;

	foreach(cell, model_changes(looking->fact->object, FACT_COLUMN_TYPE))
	{
		const Change *change = lfirst(cell);

		if (change->statement <= looking->definition->statement)
			before = change->after.definition;
		else if (change->statement <= looking->seam)
			types = lappend(types, change->after.definition);
	}
	return types == NIL ? NIL : lcons(unconstify(Definition *, before), types);
}

/* NULL where an expression can't be brought to a type. */
static Node *
convert_value(Node *value, Oid type, int32 modifier)
{
	value = strip_implicit_coercions(value);
	return coerce_to_target_type(NULL, value, exprType(value), type, modifier,
								 COERCION_ASSIGNMENT, COERCE_IMPLICIT_CAST, -1);
}

/*
 * What a definition of a default makes of the type that is there.  ALTER
 * COLUMN TYPE brings what is stored to the new type; a literal is of the old
 * one by then.  *known is false where the old type isn't.
 */
static Node *
scripted_value(const Looking *looking, ParseState *state, Oid type,
			   int32 modifier, bool *known)
{
	const Definition *definition = looking->definition;
	Constraint *constraint;
	Node	   *value = NULL;
	Node	   *raw;
	List	   *types;
	ListCell   *cell;

	*known = true;
	if (definition == NULL || definition->node == NULL)
		return NULL;
	constraint = castNode(Constraint, definition->node);
	raw = model_expression_at(looking->model, definition, constraint->raw_expr,
							  looking->seam);
	types = constraint->contype == CONSTR_GENERATED ? NIL : types_since(looking);
	if (types == NIL)
		return cook_value(state, raw, type, modifier,
						  constraint->contype == CONSTR_GENERATED);
	foreach(cell, types)
	{
		const Definition *step = lfirst(cell);

		if (step == NULL ||
			!look_type_name(looking, step,
							castNode(ColumnDef, step->node)->typeName,
							&type, &modifier))
		{
			*known = false;
			return NULL;
		}
		value = foreach_current_index(cell) == 0 ?
			cook_value(state, raw, type, modifier, false) :
			convert_value(value, type, modifier);
		if (value == NULL)
			return NULL;
	}
	return value;
}

static bool
is_null_constant(const Node *expression)
{
	return expression != NULL && IsA(expression, Const) &&
		((const Const *) expression)->constisnull;
}

/*
 * Whether two expressions are the same before they are brought to the column's
 * type: ALTER COLUMN TYPE does that in its own way.
 */
static bool
same_value(Node *scripted, Node *stored)
{
	return scripted != NULL &&
		(look_same_expression(scripted, stored) ||
		 look_same_expression(strip_implicit_coercions(scripted),
							  strip_implicit_coercions(stored)));
}

/* As in pg_attribute. */
static char
generated_kind(const Definition *definition)
{
	const Constraint *value = (const Constraint *) definition->node;

	return value != NULL && value->contype == CONSTR_GENERATED ?
		compat_generated_kind(value) : '\0';
}

static void
compare_column_default(Looking *looking, Relation relation, Node *stored)
{
	Form_pg_attribute attribute = TupleDescAttr(RelationGetDescr(relation),
												looking->address.objectSubId - 1);
	const Definition *definition = looking->definition;
	bool		known;
	Node	   *scripted = scripted_value(looking, look_parse_state(relation),
										  attribute->atttypid,
										  attribute->atttypmod, &known);

	/* The server stores no default where it is plain NULL. */
	if (stored == NULL && generated_kind(definition) == '\0' && is_null_constant(scripted))
		look_presence(looking, true, "NULL");
	else if (!look_presence(looking, stored != NULL,
							stored != NULL ? "present" : "absent"))
		return;
	else if (generated_kind(definition) != attribute->attgenerated)
		look_differs(looking, attribute->attgenerated != '\0' ?
					 "a generated column" : "no generated column");
	else if (!known)
		looking->look->result = LOOK_UNCOMPARED;
	else if (definition->serial ?
			 !is_own_nextval(stored, &looking->address) :
			 !same_value(scripted, stored))
		look_differs(looking, "%s",
					 expression_text(stored, RelationGetRelid(relation)));
}

static void
look_column_default(Looking *looking)
{
	Relation	relation = try_relation_open(looking->address.objectId,
											 AccessShareLock);
	Node	   *stored;

	if (relation == NULL)
	{
		look_presence(looking, false, "absent");
		return;
	}
	stored = stored_default(relation, looking->address.objectSubId);
	if (looking->definition != NULL)
		compare_column_default(looking, relation, stored);
	else
		look_presence(looking, stored != NULL,
					  stored == NULL ? "absent" :
					  expression_text(stored, RelationGetRelid(relation)));
	relation_close(relation, AccessShareLock);
}

static void
look_domain_default(Looking *looking)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID,
										ObjectIdGetDatum(looking->address.objectId));
	Form_pg_type type;
	Datum		stored;
	bool		is_null;
	Node	   *scripted;
	bool		known;

	if (!HeapTupleIsValid(tuple))
	{
		look_presence(looking, false, "absent");
		return;
	}
	type = (Form_pg_type) GETSTRUCT(tuple);
	stored = SysCacheGetAttr(TYPEOID, tuple, Anum_pg_type_typdefaultbin,
							 &is_null);
	scripted = scripted_value(looking, make_parsestate(NULL),
							  type->typbasetype, type->typtypmod, &known);
	if (is_null && is_null_constant(scripted))
		look_presence(looking, true, "NULL");
	else if (look_presence(looking, !is_null, is_null ? "absent" : "present") &&
			 looking->definition != NULL &&
			 !same_value(scripted, stringToNode(TextDatumGetCString(stored))))
		look_differs(looking, "another default");
	ReleaseSysCache(tuple);
}

void
look_default(Looking *looking)
{
	if (looking->address.classId == TypeRelationId)
		look_domain_default(looking);
	else
		look_column_default(looking);
}

/* --- CHECK --- */

/* VALUE, in the CHECK of a domain, stands for the value being checked. */
static Node *
replace_value(ParseState *state, ColumnRef *reference)
{
	CoerceToDomainValue *value = state->p_ref_hook_state;

	if (list_length(reference->fields) == 1 &&
		IsA(linitial(reference->fields), String) &&
		strcmp(strVal(linitial(reference->fields)), "value") == 0)
		return copyObject((Node *) value);
	return NULL;
}

static ParseState *
domain_parse_state(Oid domain)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(domain));
	ParseState *state = make_parsestate(NULL);
	CoerceToDomainValue *value = makeNode(CoerceToDomainValue);
	Form_pg_type type;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", domain);
	type = (Form_pg_type) GETSTRUCT(tuple);
	value->typeId = type->typbasetype;
	value->typeMod = type->typtypmod;
	value->collation = get_typcollation(value->typeId);
	value->location = -1;
	ReleaseSysCache(tuple);
	state->p_pre_columnref_hook = replace_value;
	state->p_ref_hook_state = value;
	return state;
}

void
look_check(Looking *looking, Datum stored)
{
	const Definition *definition = looking->definition;
	Constraint *constraint = (Constraint *) definition->node;
	Node	   *raw = model_expression_at(looking->model, definition,
										  constraint->raw_expr, looking->seam);
	Node	   *actual = stringToNode(TextDatumGetCString(stored));
	ObjectAddress parent;
	Relation	relation = NULL;
	ParseState *state;
	Node	   *cooked;

	if (!look_find(looking, definition->table, &parent))
		return;
	if (parent.classId == TypeRelationId)
		state = domain_parse_state(parent.objectId);
	else
	{
		relation = relation_open(parent.objectId, AccessShareLock);
		state = look_parse_state(relation);
	}
	cooked = look_cook_condition(state, raw, relation != NULL ?
								 EXPR_KIND_CHECK_CONSTRAINT :
								 EXPR_KIND_DOMAIN_CHECK, "CHECK");
	if (model_is_retyped(looking->model, definition, looking->seam))
		looking->look->result = LOOK_UNCOMPARED;
	else if (cooked == NULL || !look_same_expression(cooked, actual))
		look_differs(looking, "CHECK (%s)",
					 expression_text(actual, relation != NULL ?
									 parent.objectId : InvalidOid));
	if (relation != NULL)
		relation_close(relation, AccessShareLock);
}

/* --- views --- */

/* The query that a view, or a materialized one, stands for; NULL if none. */
static Query *
stored_query(Relation view)
{
	RuleLock   *rules = view->rd_rules;

	for (int i = 0; rules != NULL && i < rules->numLocks; i++)
		if (rules->rules[i]->event == CMD_SELECT)
			return copyObject(linitial_node(Query, rules->rules[i]->actions));
	return NULL;
}

/* CREATE VIEW v (a, b) names the columns from the left. */
static void
apply_aliases(Query *query, List *aliases)
{
	ListCell   *alias = list_head(aliases);
	ListCell   *cell;

	foreach(cell, query->targetList)
	{
		TargetEntry *entry = lfirst_node(TargetEntry, cell);

		if (alias == NULL)
			break;
		if (entry->resjunk)
			continue;
		entry->resname = pstrdup(strVal(lfirst(alias)));
		alias = lnext(aliases, alias);
	}
}

static Node *
analyse_query(ParseState *state, Node *raw, void *argument)
{
	return (Node *) transformTopLevelStmt(state, castNode(RawStmt, raw));
}

/* NULL where its analysis would run somebody's code. */
static Query *
scripted_query(const Definition *definition)
{
	RawStmt    *raw = makeNode(RawStmt);
	List	   *aliases;
	Query	   *query;

	if (IsA(definition->node, ViewStmt))
	{
		raw->stmt = copyObject(((ViewStmt *) definition->node)->query);
		aliases = ((ViewStmt *) definition->node)->aliases;
	}
	else
	{
		CreateTableAsStmt *statement = castNode(CreateTableAsStmt,
												definition->node);

		raw->stmt = copyObject(statement->query);
		aliases = statement->into->colNames;
	}
	if (!look_may_analyse(make_parsestate(NULL), (Node *) raw, analyse_query,
						  NULL))
		return NULL;
	query = transformTopLevelStmt(make_parsestate(NULL), raw);
	apply_aliases(query, aliases);
	return query;
}

/*
 * A query as text.  Before PostgreSQL 16 a stored one has two tables more than
 * it says, and a query with one table alone is written without its name; one
 * more makes the two alike.
 */
static char *
query_text(Query *query)
{
	RangeTblEntry *filler = makeNode(RangeTblEntry);

	filler->rtekind = RTE_RESULT;
	filler->eref = makeAlias("*filler*", NIL);
	query->rtable = lappend(query->rtable, filler);
	return pg_get_querydef(query, false);
}

/* Those of a materialized view aren't compared. */
static bool
has_uncompared_options(const Node *node, bool has_options)
{
	return IsA(node, CreateTableAsStmt) &&
		(has_options ||
		 ((const CreateTableAsStmt *) node)->into->options != NIL);
}

void
look_view(Looking *looking)
{
	Relation	view = relation_open(looking->address.objectId,
									 AccessShareLock);
	Query	   *actual = stored_query(view);
	bool		has_options = view->rd_options != NULL;
	Query	   *scripted;

	relation_close(view, AccessShareLock);
	if (actual == NULL)
	{
		look_differs(looking, "a view without a query");
		return;
	}
	scripted = scripted_query(looking->definition);
	if (scripted != NULL &&
		strcmp(query_text(scripted), query_text(actual)) == 0)
	{
		if (has_uncompared_options(looking->definition->node, has_options))
			looking->look->result = LOOK_UNCOMPARED;
		return;
	}
	look_differs(looking, "a view of another query");

	/*
	 * Names in its query can't be followed through a rename, and "*" meant
	 * fewer columns when it was read.
	 */
	if (model_view_is_renamed(looking->model, looking->definition,
							  looking->seam) ||
		model_star_is_stale(looking->model, looking->definition, looking->seam))
		looking->look->result = LOOK_UNCOMPARED;
}
