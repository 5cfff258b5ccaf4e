/*-------------------------------------------------------------------------
 *
 * seam.h
 *	  Which prefix of a script does the schema look like?
 *
 * Seam k lies behind statement k; it is consistent when the catalog agrees
 * with all that the script says of the schema there: what the first k
 * statements have left, and what the others need.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_SEAM_H
#define REMIGRATE_SEAM_H

#include "nodes/pg_list.h"

#include "script.h"

/* How a single statement, by itself, stands to the catalog. */
typedef enum StatementState
{
	STATEMENT_DONE,				/* what it leaves is there */
	STATEMENT_NOT_DONE,			/* what it needs is there, what it leaves
								 * isn't */
	STATEMENT_DIFFERS,			/* neither */
	STATEMENT_INVALID,			/* its index is there, but invalid */
	STATEMENT_OPAQUE,			/* the catalog can't show whether it ran */
	STATEMENT_NO_EVIDENCE		/* it would have changed nothing */
} StatementState;

typedef struct SeamEvidence
{
	StatementState state;
	bool		repeatable;		/* running it twice is running it once */
	bool		session;		/* SET, BEGIN and the like: statements behind
								 * it need it run again when a script goes on
								 * after it */
	bool		skippable;		/* where what it leaves is there, running it
								 * would change nothing */
	bool		drops_existing; /* it drops data that is there */
	bool		swaps;			/* it renames what is there, and its name is
								 * another one's in the end */
	Oid			invalid_index;	/* of STATEMENT_INVALID: an invalid index of
								 * the script's own table and definition, else
								 * 0 */
	const char *expected;		/* the fact that decided, and ... */
	const char *found;			/* ... what is there; may be NULL */
} SeamEvidence;

typedef enum SeamVerdict
{
	SEAM_FRESH,					/* run it from its beginning */
	SEAM_COMPLETE,				/* all of it is there */
	SEAM_RESUME,				/* go on from statement resume_from + 1 */
	SEAM_UNDECIDABLE,			/* RM002 */
	SEAM_CONTRADICTS			/* no seam is consistent */
} SeamVerdict;

typedef struct Seam
{
	SeamVerdict verdict;
	int			resume_from;	/* statements up to this one are done: 0 .. n */
	int			smallest;		/* of the consistent seams, or -1 */
	int			largest;
	SeamEvidence *evidence;		/* by statement, the first at 0 */
	const char *reason;			/* one line, without a period */
} Seam;

typedef struct SeamHistory
{
	const Script *script;
	bool		contradicted;
	const char *reason;			/* NULL where it isn't */
	const ScriptStatement *unseen;	/* the first of those at its end that no
									 * catalog shows, or NULL */
} SeamHistory;

/*
 * Decides by the catalog as it is now.  "at_least" statements are known to be
 * done, usually 0.  The parse trees must be as the parser left them.  Needs a
 * transaction and an active snapshot; keeps no locks.  The result belongs to
 * the current memory context.  Raises only what must not be swallowed: cancel,
 * lock time-out, shutdown, out of memory, serialization failures.
 */
extern Seam *seam_find(const Script *script, const char *target_schema,
					   int at_least);

/*
 * For every script of a history in its order (Script *), whether the catalog
 * contradicts the last word that it has on any object.  A list of
 * SeamHistory *; memory, needs and errors as of seam_find.
 */
extern List *seam_check_history(List *scripts, const char *target_schema);

/*
 * Whether what a script's statements behind the first "from" would make has
 * been undone or changed since by later scripts (Script *), all of which are
 * applied: then it is not to be made now.  Says by which statement of which
 * script, the last to do so.  Looks at no catalog; memory as of seam_find.
 */
typedef struct SeamOvertaken
{
	const ScriptStatement *statement;
	const Script *by;			/* one of the later scripts */
} SeamOvertaken;

extern bool seam_is_overtaken(const Script *script, int from, List *later,
							  const char *target_schema,
							  SeamOvertaken *overtaken);

/* The word for a statement's state, such as "not done"; static. */
extern const char *seam_state_name(StatementState state);

/* The word for a verdict, such as "resume"; static. */
extern const char *seam_verdict_name(SeamVerdict verdict);

/*
 * Texts, palloc'd: the list of statements for a DETAIL, the evidence as the
 * text of a jsonb, one line for a journal's logs.
 */
extern char *seam_report(const Script *script, const Seam *seam);
extern char *seam_evidence_json(const Script *script, const Seam *seam);
extern char *seam_summary(const Script *script, const Seam *seam);

#endif							/* REMIGRATE_SEAM_H */
