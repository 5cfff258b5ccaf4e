/*-------------------------------------------------------------------------
 *
 * migration.h
 *	  One migration, as a call asks for it, and how it came out.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_MIGRATION_H
#define REMIGRATE_MIGRATION_H

#include "datatype/timestamp.h"
#include "fmgr.h"

#include "compat.h"
#include "journal.h"
#include "policy.h"
#include "registry.h"
#include "script.h"

typedef struct Migration
{
	const char *name;
	const char *schema;			/* target schema */
	Oid			schema_oid;
	Script	   *script;
	Policy		policy;
	TimestampTz started_at;
	bool		is_claimed;		/* the journal calls it applied, with no
								 * checksum */
	const RegistryEntry *entry; /* the registry's, if there is one that was
								 * read */
} Migration;

typedef enum Outcome
{
	OUTCOME_APPLIED,
	OUTCOME_RESUMED,			/* the rest of it was run */
	OUTCOME_ALREADY_APPLIED,	/* found in the schema */
	OUTCOME_UNCHANGED,			/* found in the journal */
	OUTCOME_HEALED				/* claimed by the journal, and true */
} Outcome;

/* The word that a call returns for an outcome; static. */
extern const char *outcome_name(Outcome outcome);

/*
 * Reads name, script, target_schema and the policies from the arguments of a
 * call and decodes the script.  All of it belongs to the current memory
 * context.  Raises 22004, 22023 and 3F000 for arguments that are no good, and
 * what script_decode raises.
 */
extern Migration *migration_from_call(FunctionCallInfo fcinfo);

/* Raises 22004 where a required argument of a call is null. */
extern void migration_require_argument(FunctionCallInfo fcinfo, int argument,
									   const char *name);

/*
 * Decodes the script that is an argument of a call, text or bytea.  Raises
 * 22004 for a null, and what script_decode raises.
 */
extern Script *migration_script_argument(FunctionCallInfo fcinfo, int argument,
										 const char *subject);

/*
 * The script that the registry keeps for an entry, decoded, in the current
 * memory context; NULL where it keeps none.  Raises what script_decode_bytes
 * raises.
 */
extern Script *migration_kept_script(const RegistryEntry *entry);

/*
 * A required argument of a call as a string.  Raises 22004 for a null.
 */
extern char *migration_text_argument(FunctionCallInfo fcinfo, int argument,
									 const char *name);

/*
 * The OID of a target schema.  Raises 3F000 where it is missing and 22023
 * for one of the server's own, or remigrate's.
 */
extern Oid	migration_schema(const char *schema);

/*
 * Parses a migration's script, if that was not done before, and refuses what
 * no migration may hold.  A migration that is known to be applied need not go
 * through this.  Raises what script_parse and statement_check_script raise,
 * and 22023 for a resume_at behind the script's end.
 */
extern void migration_parse(const Migration *migration);

/*
 * A migration whose script the caller has decoded, for this schema.
 */
extern Migration *migration_for_script(const char *name, const char *schema,
									   Oid schema_oid, Script *script,
									   Policy policy);

/* What opens every message about a migration: migration "N"; palloc'd. */
extern char *migration_subject(const char *name);

/*
 * Raises 22023 for a name that the journal could not hold.
 */
extern void migration_check_name(const char *name);

typedef enum JournalVerdict
{
	JOURNAL_SILENT,				/* not applied, as far as it knows */
	JOURNAL_MATCHES,			/* applied, with this script */
	JOURNAL_LACKS_NEWLINE,		/* the same, its checksum to be corrected */
	JOURNAL_EDITED,				/* applied, with another script */
	JOURNAL_CLAIMS				/* called applied, without a checksum */
} JournalVerdict;

typedef struct JournalFinding
{
	JournalVerdict verdict;
	const JournalRow *row;		/* that the verdict rests on, or NULL */
	const JournalRow *unfinished;	/* left by an earlier attempt, or NULL */
	const char *failed_name;	/* of another migration, unfinished, or NULL */
	bool		any_applied;	/* these two as in JournalSurvey */
	bool		last_not_run;
} JournalFinding;

/*
 * What the journal says about a migration; changes nothing but is_claimed.
 */
extern JournalFinding migration_find(Migration *migration,
									 const Journal *journal);

/*
 * Reports a migration that was edited after it was applied, as an error with
 * RM001 or as a warning, as the migration's policy says.
 */
extern void migration_report_edited(const Migration *migration,
									const JournalRow *row);

/*
 * Whether the journal knows the migration as applied, so that there is
 * nothing to do; corrects a checksum that lacks the final newline.  Raises
 * RM001 for one that was edited unless its policy is to warn, 55000 where
 * another failed migration is in the way.
 */
extern bool migration_is_known(const Migration *migration,
							   const Journal *journal,
							   const JournalFinding *finding);

/*
 * Refuses a migration with an earlier attempt in its way; raises 55000.
 * "way_on" is what the hint names first.
 */
pg_noreturn extern void migration_refuse_unfinished(const Migration *migration,
													const char *way_on);

/*
 * Writes down, in the current transaction, that a migration is applied:
 * journal, registry and event log.  The journal row is a new one, or where
 * "unfinished_id" is not NULL the one with that id.  "logs" and "evidence"
 * may be NULL.  Raises 55000 where that row is no longer unfinished.
 */
extern void migration_record(const Migration *migration,
							 const Journal *journal, Outcome outcome,
							 int statements, const char *unfinished_id,
							 const char *logs, const char *evidence);

/*
 * The same for one that the journal has called applied all along: its rows
 * get the script's checksum.
 */
extern void migration_record_healed(const Migration *migration,
									const Journal *journal,
									const char *logs, const char *evidence);

/* Writes the line about it to the server's log. */
extern void migration_log(const Migration *migration, Outcome outcome,
						  int statements);

#endif							/* REMIGRATE_MIGRATION_H */
