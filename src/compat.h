/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  What differs between the server versions that remigrate builds on.
 *
 * Every test of PG_VERSION_NUM stands here, so that the other files read as
 * if there were one server.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_COMPAT_H
#define REMIGRATE_COMPAT_H

#include "executor/executor.h"
#include "fmgr.h"
#include "nodes/parsenodes.h"

#if PG_VERSION_NUM < 150000
#error "remigrate needs PostgreSQL 15 or newer"
#endif

/* PostgreSQL 16 moved the VARDATA family out of postgres.h. */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* PostgreSQL 18 spells it so, in front of the declaration. */
#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* PostgreSQL 18 dropped ExecutorRun's argument "run_once". */
#if PG_VERSION_NUM >= 180000
#define executor_run_to_end(query_desc) \
	ExecutorRun(query_desc, ForwardScanDirection, 0)
#else
#define executor_run_to_end(query_desc) \
	ExecutorRun(query_desc, ForwardScanDirection, 0, true)
#endif

/* PostgreSQL 16 has one function for all kinds of objects. */
#if PG_VERSION_NUM >= 160000
#define compat_schema_aclcheck(schema, role, mode) \
	object_aclcheck(NamespaceRelationId, schema, role, mode)
#else
#define compat_schema_aclcheck(schema, role, mode) \
	pg_namespace_aclcheck(schema, role, mode)
#endif

/* PostgreSQL 18 can tell a module's name and version to the server. */
#if PG_VERSION_NUM >= 180000
#define REMIGRATE_MODULE_MAGIC \
	PG_MODULE_MAGIC_EXT(.name = "remigrate", .version = "0.1.0")
#else
#define REMIGRATE_MODULE_MAGIC PG_MODULE_MAGIC
#endif

/* PostgreSQL 17 can limit the time of a transaction, too. */
#if PG_VERSION_NUM >= 170000
#define COMPAT_CALL_TIMEOUTS STATEMENT_TIMEOUT, TRANSACTION_TIMEOUT
#else
#define COMPAT_CALL_TIMEOUTS STATEMENT_TIMEOUT
#endif

/* PostgreSQL 16 hands out a copy of its list of settings. */
#if PG_VERSION_NUM >= 160000
#define compat_all_settings(count_pointer) get_guc_variables(count_pointer)
#else
#define compat_all_settings(count_pointer) \
	(*(count_pointer) = GetNumConfigOptions(), get_guc_variables())
#endif

/* PostgreSQL 17 can ask for stronger locks, too. */
#if PG_VERSION_NUM >= 170000
#define compat_lock_held_by_me(tag, mode) LockHeldByMe(tag, mode, false)
#else
#define compat_lock_held_by_me(tag, mode) LockHeldByMe(tag, mode)
#endif

/* PostgreSQL 19 no longer warns of a backslash in an ordinary string. */
#if PG_VERSION_NUM >= 190000
#define compat_no_escape_warning(extra) ((void) 0)
#else
#define compat_no_escape_warning(extra) \
	((extra).escape_string_warning = false)
#endif

/* PostgreSQL 16 has a letter for what was a word. */
#if PG_VERSION_NUM >= 160000
#define compat_partition_strategy(spec) ((char) (spec)->strategy)
#else
#define compat_partition_strategy(spec) ((spec)->strategy[0])
#endif

/* PostgreSQL 18 has generated columns that are not stored. */
#if PG_VERSION_NUM >= 180000
#define compat_generated_kind(constraint) ((constraint)->generated_kind)
#else
#define compat_generated_kind(constraint) ATTRIBUTE_GENERATED_STORED
#endif

/* PostgreSQL 18 says what ALTER CONSTRAINT changes in a node of its own. */
#if PG_VERSION_NUM < 180000
typedef struct Constraint ATAlterConstraint;
#define compat_alters_deferrability(change) true
#define compat_alters_inheritability(change) false
#else
#define compat_alters_deferrability(change) ((change)->alterDeferrability)
#define compat_alters_inheritability(change) ((change)->alterInheritability)
#endif

/* PostgreSQL 18 has constraints that are not enforced. */
#if PG_VERSION_NUM >= 180000
#define compat_is_unenforced(constraint) \
	(((constraint)->contype == CONSTR_CHECK || \
	  (constraint)->contype == CONSTR_FOREIGN) && !(constraint)->is_enforced)
#define compat_unenforce(constraint, unenforced) \
	((constraint)->is_enforced = !(unenforced))
#define compat_unenforces_column(constraint) \
	((constraint)->contype == CONSTR_ATTR_NOT_ENFORCED)
#define compat_alters_enforceability(change) ((change)->alterEnforceability)
#define compat_alter_unenforces(change) (!(change)->is_enforced)
#define compat_stored_unenforced(form) (!(form)->conenforced)
#else
#define compat_is_unenforced(constraint) false
#define compat_unenforce(constraint, unenforced) ((void) 0)
#define compat_unenforces_column(constraint) false
#define compat_alters_enforceability(change) false
#define compat_alter_unenforces(change) false
#define compat_stored_unenforced(form) false
#endif

/* PostgreSQL 19 made CLUSTER a case of REPACK. */
#if PG_VERSION_NUM >= 190000
#define T_ClusterStmt T_RepackStmt
typedef struct RepackStmt ClusterStmt;
#endif

#endif							/* REMIGRATE_COMPAT_H */
