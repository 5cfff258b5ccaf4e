/*-------------------------------------------------------------------------
 *
 * model_statement.h
 *	  What the files that read statements for the model share.
 *
 * All functions take the raw parse tree of one statement, or a part of it,
 * and put down what it says in the model.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_MODEL_STATEMENT_H
#define REMIGRATE_MODEL_STATEMENT_H

#include "model.h"

/* Puts down what one statement says, the model's current one. */
extern void model_read_statement(Model *model, Node *node);

/* --- model_statement.c: names --- */

/* A relation that a statement names; NULL where its schema can't be told. */
extern Object *model_relation(Model *model, const RangeVar *name, Need need);

/* The same for a name that comes as a list of String. */
extern Object *model_relation_list(Model *model, List *name, Need need);

/*
 * Splits a name that comes as a list of String.  The schema is the explicit
 * one or NULL.
 */
extern void model_split_name(List *names, const char **schema,
							 const char **name);

/* A type that a statement names; NULL where its schema can't be told. */
extern Object *model_type(Model *model, List *names, Need need);

/* The signature under which a function is known: its name and its types. */
extern const char *model_signature(const char *name, List *types,
								   bool any_arguments);

/* A function that a statement names; NULL where its schema can't be told. */
extern Object *model_function(Model *model, const ObjectWithArgs *name,
							  Need need);

/*
 * The object that COMMENT, DROP or SET SCHEMA names in its way; NULL where
 * the model has none of that kind, or can't tell the schema.
 */
extern Object *model_named(Model *model, ObjectType type, Node *name,
						   Need need);

/* --- model_create.c --- */

extern void model_create_table(Model *model, Node *node);
extern void model_create_table_as(Model *model, Node *node);

/* SELECT INTO is CREATE TABLE AS; any other SELECT says nothing. */
extern void model_select_into(Model *model, SelectStmt *select);

extern void model_create_composite(Model *model, Node *node);
extern void model_create_index(Model *model, Node *node);

/* --- model_table.c --- */

/* What the server puts between a table's name and "idx", palloc'd. */
extern char *model_index_name_middle(List *elements);

/* Columns of CREATE TABLE, ADD COLUMN and composite types. */
extern void model_add_column(Model *model, Object *table, ColumnDef *column,
							 bool missing_ok);

/* A constraint of a table or domain; "column" is whose it is, or NULL. */
extern void model_add_constraint(Model *model, Object *table,
								 Constraint *constraint, const char *column,
								 bool is_new_table);

/* --- model_alter.c --- */

extern void model_alter_table(Model *model, Node *node);

/*
 * The statement makes a table a partition of its ancestor, with these bounds
 * or NULL, or of none.
 */
extern void model_set_partition(Model *model, Object *table,
								Presence presence, PartitionBoundSpec *bound);

/* --- model_object.c --- */

extern void model_rename_object(Model *model, Node *node);
extern void model_set_schema(Model *model, Node *node);
extern void model_drop_objects(Model *model, Node *node);
extern void model_comment(Model *model, Node *node);

extern void model_create_schema(Model *model, Node *node);
extern void model_create_extension(Model *model, Node *node);

/* --- model_type.c --- */

extern void model_create_enum(Model *model, Node *node);
extern void model_alter_enum(Model *model, Node *node);

/*
 * Says that an enum, one that the script hasn't made and whose name this one
 * takes now, has had other labels: else there was nothing to replace it for.
 */
extern void model_exclude_labels(Model *model, Object *type);

extern void model_create_range(Model *model, Node *node);
extern void model_create_domain(Model *model, Node *node);
extern void model_alter_domain(Model *model, Node *node);

/* --- model_routine.c: sequences, views, functions and what calls them --- */

extern void model_create_sequence(Model *model, Node *node);
extern void model_alter_sequence(Model *model, Node *node);
extern void model_create_view(Model *model, Node *node);
extern void model_create_function(Model *model, Node *node);
extern void model_alter_function(Model *model, Node *node);
extern void model_create_trigger(Model *model, Node *node);
extern void model_create_policy(Model *model, Node *node);
extern void model_alter_policy(Model *model, Node *node);
extern void model_create_rule(Model *model, Node *node);

/* --- model_named.c: what the server finds by its name --- */

extern void model_create_publication(Model *model, Node *node);
extern void model_create_event_trigger(Model *model, Node *node);
extern void model_create_wrapper(Model *model, Node *node);
extern void model_create_server(Model *model, Node *node);
extern void model_create_cast(Model *model, Node *node);
extern void model_define_object(Model *model, Node *node);

/* Whether objects of a kind are among them. */
extern bool model_is_named(ObjectType type);

/* The one that a statement names; NULL where its schema can't be told. */
extern Object *model_named_object(Model *model, ObjectType type, Node *name,
								  Need need);

/* The statement gives it another name or schema, which isn't followed. */
extern void model_lose_track(Model *model, Object *object);

/* --- model_session.c: statements that change how others are read --- */

extern void model_set_variable(Model *model, Node *node);
extern void model_transaction(Model *model, Node *node);
extern void model_select(Model *model, Node *node);
extern void model_insert(Model *model, Node *node);

/* --- model_do.c --- */

extern void model_do(Model *model, Node *node);

#endif							/* REMIGRATE_MODEL_STATEMENT_H */
