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

#include "journal.h"
#include "policy.h"
#include "script.h"

typedef struct Migration
{
	const char *name;
	const char *schema;			/* target schema */
	Oid			schema_oid;
	Script	   *script;
	Policy		policy;
	TimestampTz started_at;
} Migration;

typedef enum Outcome
{
	OUTCOME_APPLIED,
	OUTCOME_ALREADY_APPLIED,	/* found in the schema */
	OUTCOME_UNCHANGED			/* found in the journal */
} Outcome;

/* The word that a call returns for an outcome; static. */
extern const char *outcome_name(Outcome outcome);

/*
 * Reads name, script, target_schema and the policies from the first nine
 * arguments of a call, decodes and parses the script, and refuses what no
 * migration may hold.  All of it belongs to the current memory context.
 * Raises 22004, 22023 and 3F000 for arguments that are no good, and what
 * script_decode, script_parse and statement_check_script raise.
 */
extern Migration *migration_from_call(FunctionCallInfo fcinfo);

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
 * What the journal says about the migration: true where it is known to be
 * applied and there is nothing to do.  Raises RM001 for one that was edited,
 * RM002 for a claim without a checksum, 55000 where a failed migration is in
 * the way.
 */
extern bool migration_is_known(const Migration *migration,
							   const Journal *journal);

/*
 * Writes down, in the current transaction, that a migration is applied:
 * journal, registry, event log, and a line in the server's log.  "logs" and
 * "evidence" may be NULL.
 */
extern void migration_record(const Migration *migration,
							 const Journal *journal, Outcome outcome,
							 int statements, const char *logs,
							 const char *evidence);

#endif							/* REMIGRATE_MIGRATION_H */
