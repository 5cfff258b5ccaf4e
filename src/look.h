/*-------------------------------------------------------------------------
 *
 * look.h
 *	  Whether the catalog agrees with what a script says.
 *
 * Looking reads the catalog and analyses expressions against the tables as
 * they are; it executes nothing of the script, takes no lock stronger than
 * AccessShareLock and keeps none.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_LOOK_H
#define REMIGRATE_LOOK_H

#include "model.h"

typedef enum LookResult
{
	LOOK_AGREES,
	LOOK_UNCOMPARED,			/* there, but its definition wasn't compared */
	LOOK_MISSING,				/* expected and not there */
	LOOK_EXTRA,					/* there and expected not to be */
	LOOK_DIFFERS,				/* there, but not as defined */
	LOOK_INVALID				/* an index that was never finished */
} LookResult;

typedef struct Look
{
	LookResult	result;
	const char *found;			/* in words, for people */
	Oid			invalid_index;	/* of LOOK_INVALID, where it is the script's
								 * own: its table, its definition */
	bool		is_there;		/* something of the name, for existence facts */
	bool		is_void;		/* nothing to be said: what it belongs to
								 * isn't there, and needn't be */
} Look;

/*
 * Begins a number of looks: names resolve in the target schema alone, as they
 * do for the script.  Returns what look_end needs to put the search_path back;
 * after an error the caller's subtransaction does that.
 */
extern int	look_begin(const char *target_schema);
extern void look_end(int guc_level);

/*
 * Compares one expected state of a fact with the catalog.  "seam" is where it
 * is expected, for the names.  The result belongs to the current memory
 * context.  Raises only what must not be swallowed: cancel, shutdown, out of
 * memory, serialization failures.
 */
extern void look_at(const Model *model, const Fact *fact,
					const State *expected, int seam, Look *look);

/* Whether a result lets the expectation stand. */
extern bool look_stands(const Look *look);

/* Whether something of an object's name, as of a seam, is there at all. */
extern bool look_exists(const Model *model, const Object *object, int seam);

/*
 * Whether an INSERT with ON CONFLICT DO NOTHING adds nothing when it is run a
 * second time: the table, named with its schema, has a key, and the statement
 * gives its columns values that no function makes up, and writes nothing else.
 */
extern bool look_insert_repeats(const InsertStmt *statement);

/* A state in words, such as: table "a", column "b" of "a". */
extern char *look_subject(const Fact *fact, const State *state, int seam);

#endif							/* REMIGRATE_LOOK_H */
