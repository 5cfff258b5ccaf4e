/*-------------------------------------------------------------------------
 *
 * registry.h
 *	  The scripts that were staged or run, and what became of each.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_REGISTRY_H
#define REMIGRATE_REGISTRY_H

#include "nodes/pg_list.h"

#include "script.h"

/* As in the column of that name. */
typedef enum RegistryState
{
	REGISTRY_PENDING,
	REGISTRY_RUNNING,			/* an attempt has begun, and has not ended
								 * well */
	REGISTRY_APPLIED
} RegistryState;

typedef struct RegistryEntry
{
	char	   *name;
	char	   *checksum;
	RegistryState state;
	bool		held;			/* reconcile leaves it alone */
	bool		is_due;			/* its next attempt need not wait any more */
	char	   *staged_by;		/* or NULL: it came with its call */
	char	   *journal_id;		/* the journal row of a running attempt */
	int			process_id;		/* of that attempt, 0 for none */
	bool		is_at_work;		/* it holds the lock still */
	int			statements_done;	/* of that attempt, committed */
	int			statement_running;	/* outside a transaction; 0 for none */
	char	   *prefix_checksum;	/* of those done, and the one running */
	char	   *last_sqlstate;	/* or NULL */
	char	   *last_error;		/* or NULL */
} RegistryEntry;

/* The word for a state; static. */
extern const char *registry_state_name(RegistryState state);

/*
 * Keeps a script that was run, and that its migration is applied in this
 * schema.  "entry" is the registry's, where it was read before, or NULL.
 * Raises what the insertion raises, as do all that follow.
 */
extern void registry_record_applied(const char *schema, const char *name,
									const Script *script,
									const RegistryEntry *entry);

/*
 * Keeps that an attempt has begun whose journal row is committed before the
 * script is done.
 */
extern void registry_record_running(const char *schema, const char *name,
									const Script *script,
									const char *journal_id);

/*
 * Keeps how far a running attempt is: "done" statements are committed, and
 * statement number "running" is about to run outside a transaction, or 0.
 */
extern void registry_record_progress(const char *schema, const char *name,
									 const Script *script, int done,
									 int running);

/* Keeps the error that stopped an attempt. */
extern void registry_record_error(const char *schema, const char *name,
								  const char *sqlstate, const char *error);

/*
 * Keeps that reconcile has tried and failed: "held" makes it leave the
 * migration alone from now on, else it waits before the next try, twice as
 * long each time.
 */
extern void registry_record_attempt(const char *schema, const char *name,
									bool held);

/*
 * Forgets an attempt of which nothing remains: the migration is pending
 * again if it was staged, and unknown if it was not.
 */
extern void registry_record_undone(const char *schema, const char *name);

/*
 * Forgets all attempts at a migration, an applied one too: an operator has
 * said that nothing of it is there.
 */
extern void registry_record_resolved(const char *schema, const char *name);

/*
 * Makes a script pending.  It must not be known as applied.
 */
extern void registry_stage(const char *schema, const char *name,
						   const Script *script);

/*
 * Forgets a migration that is pending.  Returns false where there is
 * none such.
 */
extern bool registry_unstage(const char *schema, const char *name);

/* Forgets one that is applied, likewise. */
extern bool registry_forget_applied(const char *schema, const char *name);

/* The registry's entry, in the current memory context, or NULL. */
extern RegistryEntry *registry_entry(const char *schema, const char *name);

/* The schemas that have staged migrations, by name: a list of strings. */
extern List *registry_schemas(void);

/* The bytes of a script that is kept, in the current memory context. */
extern const char *registry_script_bytes(const char *checksum, size_t *length);

/*
 * The text of the script with this checksum, in the server's encoding and
 * the current memory context, or NULL where no such script was ever kept.
 */
extern char *registry_script_text(const char *checksum);

/*
 * The registry's entries for a schema, by name in byte order: a list of
 * RegistryEntry in the current memory context.
 */
extern List *registry_entries(const char *schema);

#endif							/* REMIGRATE_REGISTRY_H */
