/*-------------------------------------------------------------------------
 *
 * statement.h
 *	  What kind of statement it is, and which ones a migration may not hold.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_STATEMENT_H
#define REMIGRATE_STATEMENT_H

#include "script.h"

/* The name of a statement's command, such as "CREATE TABLE"; static. */
extern const char *statement_command_name(const ScriptStatement *statement);

/* How a raw parse tree stands to transactions. */
extern StatementKind statement_kind(const Node *parse_tree);

/*
 * Refuses a script that holds a statement that no migration may hold,
 * whichever way it is run: transaction control other than BEGIN and COMMIT,
 * COPY through the client, what takes the caller's session apart.  Raises
 * 0A000 and names the statement.
 */
extern void statement_check_script(const Script *script);

/*
 * Refuses a script with a statement that can't run inside a transaction.
 * Raises 0A000 and names the way out.
 */
extern void statement_check_transactional(const Script *script);

/*
 * Takes CONCURRENTLY out of every statement of the script that can do
 * without, in its parse trees.  Those become transactional.
 */
extern void statement_inline_concurrently(Script *script);

/* The last option of a name in a list of DefElem, which counts, or NULL. */
extern DefElem *statement_option(const List *options, const char *name);

/*
 * The constant that an expression is, NULL included, with or without casts
 * around it; a null pointer for any other expression.
 */
extern const A_Const *statement_constant(const Node *node);

/* Whether an expression is a call of set_config(), with its three arguments. */
extern bool statement_is_set_config(const Node *node);

/*
 * Whether a statement only sets something for those that follow: SET or RESET,
 * or SELECT set_config() with constants, as pg_dump writes it.  *is_local is
 * whether it does so up to the end of its transaction.
 */
extern bool statement_is_setting(const Node *parse_tree, bool *is_local);

/*
 * Whether a BEGIN or SET TRANSACTION asks for other characteristics than a
 * transaction has by default.
 */
extern bool statement_has_transaction_options(const Node *parse_tree);

#endif							/* REMIGRATE_STATEMENT_H */
