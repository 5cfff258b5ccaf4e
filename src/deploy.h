/*-------------------------------------------------------------------------
 *
 * deploy.h
 *	  Every pending migration of a schema, in name order.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_DEPLOY_H
#define REMIGRATE_DEPLOY_H

#include "nodes/pg_list.h"

#include "policy.h"
#include "session.h"

typedef struct Deployment
{
	const char *schema;
	Oid			schema_oid;
	const char *upto;			/* last migration to run, or NULL */
	Policy		policy;
} Deployment;

/*
 * All of these need the migration locks, a new transaction without a snapshot
 * and a memory context that outlives transactions; they leave the session in
 * another such transaction.
 */

/*
 * The names of the migrations to run, in the current memory context.  Raises
 * RM003 for a schema with tables and no journal, 55000 where the journal has
 * forgotten a migration, 42704 for an upto that isn't staged.
 */
extern List *deploy_list(const Deployment *deployment);

/*
 * Runs one of them, unless it has changed meanwhile and is not to be run any
 * more.  Raises what migrate_run raises, and 42501 or 42704 for a stager who
 * lacks the caller's privileges or is gone.
 */
extern void deploy_one(const Deployment *deployment,
					   const SessionSettings *session, const char *name);

/* Runs them all, up to the first that fails. */
extern void deploy_schema(const Deployment *deployment,
						  const SessionSettings *session);

#endif							/* REMIGRATE_DEPLOY_H */
