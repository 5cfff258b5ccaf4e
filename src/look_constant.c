/*-------------------------------------------------------------------------
 *
 * look_constant.c
 *	  Analyses expressions and queries of a script without running anybody's
 *	  code.
 *
 * The server's analysis reads the constants in an expression by the input
 * functions of their types.  An array, a row or a range checks each value in
 * it whose type is a domain, by an expression that may call any function, and
 * would do so with the rights of whoever looks.  So where there are such
 * constants, the expression is analysed with parameters in their places
 * first, which shows what types they are to be of.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_node.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "look_kind.h"

/* Whether the analysis that goes on has met a type that it may not read. */
static bool would_run_code;

static bool contains_domain(Oid type);

/* Whether values of this type have ones of some domain in them. */
static bool
has_domain_within(Oid type)
{
	Oid			table = get_typ_typrelid(type);
	bool		found = false;

	if (OidIsValid(get_element_type(type)))
		return contains_domain(get_element_type(type));
	if (type_is_range(type))
		return contains_domain(get_range_subtype(type));
	if (type_is_multirange(type))
		return has_domain_within(get_multirange_range(type));
	if (OidIsValid(table))
	{
		Relation	relation = relation_open(table, AccessShareLock);
		TupleDesc	columns = RelationGetDescr(relation);

		for (int i = 0; i < columns->natts && !found; i++)
			if (!TupleDescAttr(columns, i)->attisdropped)
				found = contains_domain(TupleDescAttr(columns, i)->atttypid);
		relation_close(relation, AccessShareLock);
	}
	return found;
}

/* The server's own domains call nothing but the server's own functions. */
static bool
contains_domain(Oid type)
{
	check_stack_depth();
	if (type < FirstNormalObjectId)
		return false;
	return get_typtype(type) == TYPTYPE_DOMAIN || has_domain_within(type);
}

static Node *
read_parameter(ParseState *state, ParamRef *reference)
{
	Param	   *parameter = makeNode(Param);

	parameter->paramkind = PARAM_EXTERN;
	parameter->paramid = reference->number;
	parameter->paramtype = UNKNOWNOID;
	parameter->paramtypmod = -1;
	parameter->location = reference->location;
	return (Node *) parameter;
}

/* Of a domain itself the analysis reads a value as one of its base type. */
static Node *
coerce_parameter(ParseState *state, Param *parameter, Oid type, int32 modifier,
				 int location)
{
	Param	   *coerced = copyObject(parameter);

	if (has_domain_within(getBaseType(type)))
		would_run_code = true;
	coerced->paramtype = type;
	coerced->paramtypmod = modifier;
	coerced->paramcollid = get_typcollation(type);
	return (Node *) coerced;
}

/* Those that the input of an array, a row or a range finds values in. */
static bool
may_have_parts(const A_Const *constant)
{
	const char *text;

	if (constant->isnull || !IsA(&constant->val, String))
		return false;
	text = constant->val.sval.sval;
	text += strspn(text, " \t\n\r\v\f");
	return *text != '\0' && strchr("{[(", *text) != NULL &&
		strspn(text, "{} \t\n\r\v\f") < strlen(text);
}

/* Puts a parameter in the place of each, and counts them. */
static bool
replace_constants(Node *node, void *context)
{
	int		   *count = context;

	if (node == NULL)
		return false;
	if (IsA(node, A_Const))
	{
		ParamRef	reference = {
			.type = T_ParamRef,
			.location = ((A_Const *) node)->location
		};

		StaticAssertStmt(sizeof(A_Const) >= sizeof(ParamRef),
						 "a constant has room for a parameter");
		if (may_have_parts((A_Const *) node))
		{
			reference.number = ++*count;
			memcpy(node, &reference, sizeof(ParamRef));
		}
		return false;
	}
	return raw_expression_tree_walker(node, replace_constants, context);
}

bool
look_may_analyse(ParseState *state, const Node *raw, LookAnalysis analyse,
				 void *argument)
{
	int			count = 0;
	Node	   *trial = copyObject(unconstify(Node *, raw));

	(void) replace_constants(trial != NULL && IsA(trial, RawStmt) ?
							 ((RawStmt *) trial)->stmt : trial, &count);
	if (count == 0)
		return true;
	would_run_code = false;
	state->p_paramref_hook = read_parameter;
	state->p_coerce_param_hook = coerce_parameter;
	(void) analyse(state, trial, argument);
	return !would_run_code;
}
