/*-------------------------------------------------------------------------
 *
 * model_names.c
 *	  The names inside a definition, as of another seam.
 *
 * A CHECK says "price > 0"; three statements later the column is called
 * "amount".  What the catalog holds then is the same constraint, and to
 * compare the two the column references of the raw expression are renamed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_class.h"
#include "nodes/nodeFuncs.h"
#include "utils/builtins.h"
#include "utils/varlena.h"

#include "model.h"

const char *
model_column_name(const Model *model, const Definition *definition,
				  const Object *table, const char *name, int seam)
{
	Object	   *column;

	if (table == NULL || !table->columns_renamed)
		return name;
	column = model_bearer(model, FACT_COLUMN, unconstify(Object *, table),
						  NULL, name, definition->statement);
	return column == NULL ? name : model_name_at(column, seam, NULL);
}

static bool
is_named_alike(const Object *object, int from, int to)
{
	const char *schema_from = NULL;
	const char *schema_to = NULL;

	return strcmp(model_name_at(object, from, &schema_from),
				  model_name_at(object, to, &schema_to)) == 0 &&
		(schema_from == NULL || strcmp(schema_from, schema_to) == 0);
}

const Object *
model_renamed(const Model *model, int statement, int from, int to)
{
	ListCell   *cell;

	foreach(cell, model->statements[statement].facts)
	{
		const StatementFact *entry = lfirst(cell);
		const Object *object = entry->change->after.object;

		if (entry->fact->kind < FIRST_PROPERTY && object != NULL &&
			model_is_alive(object, from) && model_is_alive(object, to) &&
			!is_named_alike(object, from, to))
			return object;
	}
	return NULL;
}

/* --- types --- */

Object *
model_type_meant(const Model *model, const Definition *definition,
				 const TypeName *name)
{
	Object	   *type;
	const char *schema = list_length(name->names) > 1 ?
		strVal(linitial(name->names)) :
		definition->path != NIL ? linitial(definition->path) : NULL;

	if (schema == NULL || list_length(name->names) > 2)
		return NULL;
	type = model_bearer(model, FACT_TYPE, NULL, schema,
						strVal(llast(name->names)), definition->statement);
	/* A table is a type, too. */
	return type != NULL ? type :
		model_bearer(model, FACT_RELATION, NULL, schema,
					 strVal(llast(name->names)), definition->statement);
}

List *
model_type_names(const Model *model, const Definition *definition,
				 const TypeName *name, int seam)
{
	const Object *type = model_type_meant(model, definition, name);
	const char *schema;
	const char *name_at_seam;

	if (type == NULL)
		return name->names;
	if (!model_is_alive(type, seam))
		return NIL;
	if (list_length(type->names) < 2)
		return name->names;
	name_at_seam = model_name_at(type, seam, &schema);
	return list_make2(makeString(pstrdup(schema)),
					  makeString(pstrdup(name_at_seam)));
}

/* --- names in raw expressions --- */

static bool
last_is(const List *names, const char *name)
{
	return names != NIL && strcmp(strVal(llast(names)), name) == 0;
}

typedef struct Renaming
{
	const Model *model;
	const Definition *definition;
	int			seam;
} Renaming;

/* The column's name in a reference that may be qualified; NULL for a star. */
static String *
reference_column(const ColumnRef *reference)
{
	Node	   *last = llast(reference->fields);

	return IsA(last, String) ? (String *) last : NULL;
}

/* "t"."a" follows the table's name, too; but "new"."a" doesn't. */
static void
rename_qualifier(ColumnRef *reference, const Renaming *renaming)
{
	const Object *table = renaming->definition->table;
	String	   *qualifier = linitial(reference->fields);

	if (table != NULL && list_length(reference->fields) == 2 &&
		strcmp(strVal(qualifier),
			   model_name_at(table, renaming->definition->statement, NULL)) == 0)
		qualifier->sval = pstrdup(model_name_at(table, renaming->seam, NULL));
}

/* nextval('s') names a sequence in a constant, bare or cast to regclass. */
static void
rename_sequence(const FuncCall *call, const Renaming *renaming)
{
	const Definition *definition = renaming->definition;
	Node	   *argument = list_length(call->args) == 1 ? linitial(call->args) : NULL;
	List	   *names;
	const char *schema;
	const char *name;
	const Object *sequence;

	while (argument != NULL && IsA(argument, TypeCast))
		argument = ((TypeCast *) argument)->arg;
	if (argument == NULL || !IsA(argument, A_Const) ||
		!IsA(&((A_Const *) argument)->val, String))
		return;
	names = textToQualifiedNameList(cstring_to_text(strVal(&((A_Const *) argument)->val)));
	schema = list_length(names) > 1 ? strVal(linitial(names)) :
		definition->path != NIL ? linitial(definition->path) : NULL;
	if (schema == NULL || list_length(names) > 2)
		return;
	sequence = model_bearer(renaming->model, FACT_RELATION, NULL, schema,
							strVal(llast(names)), definition->statement);
	if (sequence == NULL || list_length(sequence->names) < 2)
		return;
	name = model_name_at(sequence, renaming->seam, &schema);
	((A_Const *) argument)->val.sval.sval = quote_qualified_identifier(schema, name);
}

static bool
rename_walker(Node *node, Renaming *renaming)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		ColumnRef  *reference = (ColumnRef *) node;
		String	   *column = reference_column(reference);
		const char *name;

		if (column == NULL)
			return false;
		name = model_column_name(renaming->model, renaming->definition,
								 renaming->definition->table, column->sval,
								 renaming->seam);
		column->sval = pstrdup(name);
		rename_qualifier(reference, renaming);
		return false;
	}
	if (IsA(node, TypeName))
	{
		TypeName   *type = (TypeName *) node;
		List	   *names = model_type_names(renaming->model,
											 renaming->definition, type,
											 renaming->seam);

		if (names != NIL)
			type->names = names;
	}
	if (IsA(node, FuncCall) && last_is(((FuncCall *) node)->funcname, "nextval"))
		rename_sequence((FuncCall *) node, renaming);
	return raw_expression_tree_walker(node, rename_walker, renaming);
}

Node *
model_expression_at(const Model *model, const Definition *definition,
					Node *expression, int seam)
{
	Node	   *copy = copyObject(expression);
	Renaming	renaming = {model, definition, seam};

	if (model->renames != NIL)
		(void) rename_walker(copy, &renaming);
	return copy;
}

static bool
collect_walker(Node *node, List **names)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
	{
		String	   *column = reference_column((ColumnRef *) node);

		if (column != NULL)
			*names = list_append_unique(*names, column);
		return false;
	}
	return raw_expression_tree_walker(node, collect_walker, names);
}

const char *
model_only_column(Node *expression)
{
	List	   *names = NIL;

	(void) collect_walker(expression, &names);
	return list_length(names) == 1 ? strVal(linitial(names)) : NULL;
}

/* --- which columns a definition mentions --- */

static void
collect_index_elements(List *elements, List **names)
{
	ListCell   *cell;

	foreach(cell, elements)
	{
		IndexElem  *element = lfirst_node(IndexElem, cell);

		if (element->name != NULL)
			*names = lappend(*names, makeString(element->name));
		(void) collect_walker(element->expr, names);
	}
}

static void
collect_constraint(const Constraint *constraint, List **names)
{
	ListCell   *cell;

	*names = list_concat(*names, constraint->keys);
	*names = list_concat(*names, constraint->including);
	*names = list_concat(*names, constraint->fk_attrs);
	(void) collect_walker(constraint->raw_expr, names);
	(void) collect_walker(constraint->where_clause, names);
	foreach(cell, constraint->exclusions)
		collect_index_elements(list_make1(linitial(lfirst_node(List, cell))),
							   names);
}

/* Names (String *) of all columns that a definition mentions. */
static List *
mentioned_columns(const Definition *definition)
{
	List	   *names = NIL;
	ListCell   *cell;

	if (definition->relkind == RELKIND_SEQUENCE)
	{
		foreach(cell, definition->names)
			names = lappend(names, makeString(lfirst(cell)));
	}
	else if (definition->node != NULL && IsA(definition->node, IndexStmt))
	{
		IndexStmt  *index = (IndexStmt *) definition->node;

		collect_index_elements(index->indexParams, &names);
		collect_index_elements(index->indexIncludingParams, &names);
		(void) collect_walker(index->whereClause, &names);
	}
	else if (definition->node != NULL && IsA(definition->node, Constraint))
		collect_constraint((Constraint *) definition->node, &names);
	return names;
}

bool
model_mentions(const Model *model, const Definition *definition,
			   const Object *column)
{
	ListCell   *cell;

	foreach(cell, mentioned_columns(definition))
	{
		Object	   *bearer = model_bearer(model, FACT_COLUMN, column->parent,
										  NULL, strVal(lfirst(cell)),
										  definition->statement);

		if (bearer == column)
			return true;
	}
	return false;
}

/* --- expressions that the server has written anew --- */

static List *
columns_in_expressions(const Definition *definition)
{
	List	   *names = NIL;
	ListCell   *cell;

	if (definition->node != NULL && IsA(definition->node, IndexStmt))
	{
		const IndexStmt *index = (const IndexStmt *) definition->node;

		foreach(cell, index->indexParams)
			(void) collect_walker(lfirst_node(IndexElem, cell)->expr, &names);
		(void) collect_walker(index->whereClause, &names);
	}
	else if (definition->node != NULL && IsA(definition->node, Constraint))
		(void) collect_walker(((const Constraint *) definition->node)->raw_expr,
							  &names);
	return names;
}

List *
model_retypings(const Model *model, const Definition *definition)
{
	List	   *statements = NIL;
	ListCell   *name;

	if (definition->table == NULL)
		return NIL;
	foreach(name, columns_in_expressions(definition))
	{
		const Object *column = model_bearer(model, FACT_COLUMN,
											definition->table, NULL,
											strVal(lfirst(name)),
											definition->statement);
		ListCell   *cell;

		foreach(cell, column == NULL ? NIL :
				model_changes(column, FACT_COLUMN_TYPE))
		{
			int			statement = ((const Change *) lfirst(cell))->statement;

			if (statement > definition->statement)
				statements = lappend_int(statements, statement);
		}
	}
	return statements;
}

bool
model_is_retyped(const Model *model, const Definition *definition, int seam)
{
	ListCell   *cell;

	foreach(cell, model_retypings(model, definition))
	{
		if (lfirst_int(cell) <= seam)
			return true;
	}
	return false;
}

/* --- what a definition names at all --- */

static bool
name_walker(Node *node, const char *name)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeVar) && strcmp(((RangeVar *) node)->relname, name) == 0)
		return true;
	if (IsA(node, TypeName) && last_is(((TypeName *) node)->names, name))
		return true;
	if (IsA(node, FuncCall) && last_is(((FuncCall *) node)->funcname, name))
		return true;
	return raw_expression_tree_walker(node, name_walker,
									  unconstify(char *, name));
}

static bool
elements_name(List *elements, const char *name)
{
	ListCell   *cell;

	foreach(cell, elements)
	{
		if (name_walker(lfirst_node(IndexElem, cell)->expr, name))
			return true;
	}
	return false;
}

/* In its signature, or in a body that the server has analysed. */
static bool
function_names(const CreateFunctionStmt *function, const char *name)
{
	ListCell   *cell;

	if (name_walker((Node *) function->returnType, name))
		return true;
	if (function->sql_body != NULL &&
		(!IsA(function->sql_body, ReturnStmt) ||
		 name_walker(((ReturnStmt *) function->sql_body)->returnval, name)))
		return true;
	foreach(cell, function->parameters)
	{
		FunctionParameter *parameter = lfirst_node(FunctionParameter, cell);

		if (last_is(parameter->argType->names, name) ||
			name_walker(parameter->defexpr, name))
			return true;
	}
	return false;
}

bool
model_names(const Definition *definition, const char *name)
{
	Node	   *node = definition->node;

	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_ViewStmt:
			return name_walker(((ViewStmt *) node)->query, name);
		case T_CreateTableAsStmt:
			return name_walker(((CreateTableAsStmt *) node)->query, name);
		case T_Constraint:
			return name_walker(((Constraint *) node)->raw_expr, name);
		case T_CreateStmt:
			return name_walker((Node *) ((CreateStmt *) node)->inhRelations,
							   name);
		case T_ColumnDef:
			return last_is(((ColumnDef *) node)->typeName->names, name);
		case T_IndexStmt:
			return elements_name(((IndexStmt *) node)->indexParams, name) ||
				name_walker(((IndexStmt *) node)->whereClause, name);
		case T_CreateTrigStmt:
			return last_is(((CreateTrigStmt *) node)->funcname, name) ||
				name_walker(((CreateTrigStmt *) node)->whenClause, name);
		case T_CreatePolicyStmt:
			return name_walker(((CreatePolicyStmt *) node)->qual, name) ||
				name_walker(((CreatePolicyStmt *) node)->with_check, name);
		case T_CreateDomainStmt:
			return last_is(((CreateDomainStmt *) node)->typeName->names, name);
		case T_CreateFunctionStmt:
			return function_names((CreateFunctionStmt *) node, name);
		default:
			return false;
	}
}

/* Whether some part of a name, qualified or not, is this one. */
static bool
part_walker(Node *node, const char *name)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef) &&
		list_member(((ColumnRef *) node)->fields, makeString(pstrdup(name))))
		return true;
	if (IsA(node, RangeVar))
	{
		const RangeVar *relation = (const RangeVar *) node;

		return strcmp(relation->relname, name) == 0 ||
			(relation->schemaname != NULL &&
			 strcmp(relation->schemaname, name) == 0);
	}
	if (IsA(node, TypeName) &&
		list_member(((TypeName *) node)->names, makeString(pstrdup(name))))
		return true;
	if (IsA(node, FuncCall) &&
		list_member(((FuncCall *) node)->funcname, makeString(pstrdup(name))))
		return true;
	return raw_expression_tree_walker(node, part_walker,
									  unconstify(char *, name));
}

static Node *
view_query(const Definition *definition)
{
	if (IsA(definition->node, ViewStmt))
		return ((ViewStmt *) definition->node)->query;
	if (IsA(definition->node, CreateTableAsStmt))
		return ((CreateTableAsStmt *) definition->node)->query;
	return NULL;
}

bool
model_view_is_renamed(const Model *model, const Definition *definition,
					  int seam)
{
	ListCell   *cell;

	if (!model_renames_between(model, definition->statement, seam))
		return false;
	if (model_has_star(definition))
		return true;
	foreach(cell, model->old_names)
	{
		const ObjectName *old = lfirst(cell);
		const char *bracket = strchr(old->name, '(');

		if (old->seam > definition->statement && old->seam <= seam &&
			part_walker(view_query(definition), bracket == NULL ? old->name :
						pnstrdup(old->name, bracket - old->name)))
			return true;
	}
	return false;
}

static bool
star_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, ColumnRef))
		return IsA(llast(((ColumnRef *) node)->fields), A_Star);
	return raw_expression_tree_walker(node, star_walker, context);
}

bool
model_has_star(const Definition *definition)
{
	return star_walker(view_query(definition), NULL);
}
