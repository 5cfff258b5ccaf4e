/*-------------------------------------------------------------------------
 *
 * model_fact.h
 *	  Facts and objects, for the files that put them down.
 *
 * model.h is what everybody else needs.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_MODEL_FACT_H
#define REMIGRATE_MODEL_FACT_H

#include "model.h"

/* The table of existence facts, in the current memory context. */
extern HTAB *fact_create_table(void);

/* The fact that an object of a name exists; NULL where nothing is said. */
extern Fact *fact_find(const Model *model, FactKind kind, Object *parent,
					   const char *schema, const char *name);

/* The same, made where it is new. */
extern Fact *fact_existence(Model *model, FactKind kind, Object *parent,
							const char *schema, const char *name);

/* The fact of an object's present name. */
extern Fact *fact_of_object(const Model *model, const Object *object);

/* A property, made where it is new. */
extern Fact *fact_property(Model *model, Object *object, FactKind kind);

/* The state that the statements so far have left. */
extern State fact_state(const Fact *fact);
extern State state_unknown(void);

/*
 * Puts down what the current statement needs and leaves of a fact; of several
 * actions of one statement the first need and the last result count.
 */
extern void fact_record(Model *model, Fact *fact, State before, State after);

/* The same for another statement, which this isn't evidence of. */
extern void fact_append(Fact *fact, int statement, State before, State after);

/* Whether two names are the same; either may be NULL. */
extern bool fact_same_text(const char *left, const char *right);

/* An object that is there from a seam on. */
extern Object *object_new(FactKind kind, Object *parent, const char *schema,
						  const char *name, int born);
extern ObjectName *object_name(int seam, const char *schema, const char *name);
extern void object_add_name(Object *object, int seam, const char *schema,
							const char *name);

#endif							/* REMIGRATE_MODEL_FACT_H */
