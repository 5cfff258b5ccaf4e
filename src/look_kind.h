/*-------------------------------------------------------------------------
 *
 * look_kind.h
 *	  What the files that compare one kind of fact share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_LOOK_KIND_H
#define REMIGRATE_LOOK_KIND_H

#include "catalog/objectaddress.h"
#include "parser/parse_node.h"
#include "utils/rel.h"

#include "look.h"

/* One comparison under way. */
typedef struct Looking
{
	const Model *model;
	const Fact *fact;
	const State *expected;
	const Definition *definition;	/* the expected one, or NULL */
	int			seam;
	ObjectAddress address;		/* what was found: of the object that the fact
								 * names, or whose property it is */
	Look	   *look;
} Looking;

/* Compares what was found with looking->definition, which is not NULL. */
typedef void (*LookCompare) (Looking *looking);

/* Sets the result to LOOK_DIFFERS, and what was found. */
extern void look_differs(Looking *looking, const char *format,...) pg_attribute_printf(2, 3);

/*
 * For a property that is there or not: sets the result and what was found.
 * True where it is there as expected, and its definition is to be compared.
 */
extern bool look_presence(Looking *looking, bool there, const char *found);

/* Where an object is at the looking's seam; false if nowhere. */
extern bool look_find(const Looking *looking, const Object *object,
					  ObjectAddress *address);

/* The same, for its pg_class row: of a relation or a composite type. */
extern Oid	look_relation(const Looking *looking, const Object *object);

/* Compares what was found with the definition that is expected, if any. */
extern void look_compare(Looking *looking);

/* --- look_find.c --- */

/* Where what bears a fact's name is; false if nowhere. */
extern bool look_find_fact(const Looking *looking, const Fact *fact,
						   const Definition *definition, const Object *object,
						   ObjectAddress *address);

/* --- look_depend.c --- */

/*
 * Whether an object would go with another one: when that is dropped, or when
 * it is dropped with CASCADE.
 */
extern bool look_depends(const ObjectAddress *object,
						 const ObjectAddress *other, bool cascades);

/* --- look_constant.c --- */

/* One of the server's ways to analyse a raw expression or query. */
typedef Node *(*LookAnalysis) (ParseState *state, Node *raw, void *argument);

/*
 * Whether this analysis would run nobody's code; if it would, it is to be left
 * alone.  The state can be used for the analysis afterwards unless that adds
 * tables to it.
 */
extern bool look_may_analyse(ParseState *state, const Node *raw,
							 LookAnalysis analyse, void *argument);

/* --- look_expression.c --- */

/* A parse state in which the relation's columns can be named. */
extern ParseState *look_parse_state(Relation relation);

/* Whether two cooked expressions mean the same. */
extern bool look_same_expression(Node *left, Node *right);

extern void look_default(Looking *looking);
extern void look_check(Looking *looking, Datum stored);
extern void look_view(Looking *looking);

/*
 * A raw condition of an index, a policy or a trigger cooked, for
 * look_same_expression, or NULL where that would run somebody's code.
 */
extern Node *look_cook_condition(ParseState *state, Node *raw,
								 ParseExprKind kind, const char *construct);

/* --- look_column.c --- */

/*
 * The type that a definition's TypeName means at the looking's seam; false if
 * there is none.
 */
extern bool look_type_name(const Looking *looking, const Definition *definition,
						   const TypeName *name, Oid *type, int32 *modifier);
extern void look_column_type(Looking *looking);
extern void look_not_null(Looking *looking);
extern void look_identity(Looking *looking);

/* --- look_constraint.c --- */

extern void look_constraint(Looking *looking);
extern void look_validated(Looking *looking);

/* --- look_index.c --- */

extern void look_index(Looking *looking);

/* Only whether it is an index of the definition's table. */
extern void look_index_table(Looking *looking);

/* --- look_object.c --- */

extern void look_extension(Looking *looking);
extern void look_type(Looking *looking);
extern void look_label(Looking *looking);
extern void look_labels(Looking *looking);
extern void look_sequence(Looking *looking);
extern void look_owned_sequence(Looking *looking);
extern void look_inheritance(Looking *looking);
extern void look_logged(Looking *looking);
extern void look_view_options(Looking *looking);
extern void look_row_security(Looking *looking);
extern void look_owner(Looking *looking);
extern void look_comment(Looking *looking);

/* --- look_partition.c --- */

extern void look_partition(Looking *looking);
extern void look_partition_key(Looking *looking);

/* --- look_routine.c --- */

extern void look_function(Looking *looking);
extern void look_trigger(Looking *looking);
extern void look_enabled(Looking *looking);
extern void look_policy(Looking *looking);
extern void look_rule(Looking *looking);

#endif							/* REMIGRATE_LOOK_KIND_H */
