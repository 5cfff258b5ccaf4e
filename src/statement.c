/*-------------------------------------------------------------------------
 *
 * statement.c
 *	  What kind of statement it is, and which ones a migration may not hold.
 *
 * The server refuses much of this itself, but only when the statement runs,
 * or only for statements that come through SPI: run directly, a ROLLBACK
 * inside a function ends the session, and a COPY FROM STDIN leaves client
 * and server out of step.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "nodes/parsenodes.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/builtins.h"

#include "compat.h"
#include "statement.h"

const char *
statement_command_name(const ScriptStatement *statement)
{
	return GetCommandTagName(CreateCommandTag((Node *) statement->raw));
}

DefElem *
statement_option(const List *options, const char *name)
{
	DefElem    *found = NULL;
	ListCell   *cell;

	foreach(cell, options)
	{
		if (strcmp(lfirst_node(DefElem, cell)->defname, name) == 0)
			found = lfirst(cell);
	}
	return found;
}

/*
 * The value that a list of DefElem gives an option, or "otherwise".  One that
 * is no boolean is an error of the statement's own, when it runs.
 */
static bool
boolean_option(const List *options, const char *name, bool otherwise)
{
	DefElem    *option = statement_option(options, name);
	bool		value;

	if (option == NULL)
		return otherwise;
	if (option->arg == NULL)
		return true;
	return parse_bool(defGetString(option), &value) ? value : otherwise;
}

static bool
detaches_concurrently(const AlterTableStmt *statement)
{
	ListCell   *cell;

	foreach(cell, statement->cmds)
	{
		AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

		if (command->subtype == AT_DetachPartition &&
			castNode(PartitionCmd, command->def)->concurrent)
			return true;
	}
	return false;
}

static bool
reindexes_many(const ReindexStmt *statement)
{
	return statement->kind == REINDEX_OBJECT_SCHEMA ||
		statement->kind == REINDEX_OBJECT_SYSTEM ||
		statement->kind == REINDEX_OBJECT_DATABASE;
}

static bool
subscription_needs_outside(const CreateSubscriptionStmt *statement)
{
	/* Without a slot to make on the other server nothing keeps it out. */
	return boolean_option(statement->options, "connect", true) &&
		boolean_option(statement->options, "create_slot", true);
}

static bool
is_concurrent(const Node *parse_tree)
{
	switch (nodeTag(parse_tree))
	{
		case T_IndexStmt:
			return ((const IndexStmt *) parse_tree)->concurrent;
		case T_DropStmt:
			return ((const DropStmt *) parse_tree)->concurrent;
		case T_ReindexStmt:
			return boolean_option(((const ReindexStmt *) parse_tree)->params,
								  "concurrently", false);
		case T_AlterTableStmt:
			return detaches_concurrently((const AlterTableStmt *) parse_tree);
		default:
			return false;
	}
}

static bool
runs_outside(const Node *parse_tree)
{
	switch (nodeTag(parse_tree))
	{
		case T_ReindexStmt:
			return reindexes_many((const ReindexStmt *) parse_tree) ||
				is_concurrent(parse_tree);
		case T_VacuumStmt:
			return ((const VacuumStmt *) parse_tree)->is_vacuumcmd;
		case T_ClusterStmt:
			return ((const ClusterStmt *) parse_tree)->relation == NULL;
		case T_AlterDatabaseStmt:
			return statement_option(((const AlterDatabaseStmt *) parse_tree)->options,
									"tablespace") != NULL;
		case T_CreateSubscriptionStmt:
			return subscription_needs_outside((const CreateSubscriptionStmt *) parse_tree);
		case T_CreatedbStmt:
		case T_DropdbStmt:
		case T_CreateTableSpaceStmt:
		case T_DropTableSpaceStmt:
		case T_AlterSystemStmt:
		case T_DropSubscriptionStmt:
			return true;
		default:
			return is_concurrent(parse_tree);
	}
}

static bool
is_set_transaction(const Node *parse_tree)
{
	const VariableSetStmt *set = (const VariableSetStmt *) parse_tree;

	return IsA(parse_tree, VariableSetStmt) &&
		set->kind == VAR_SET_MULTI && strcmp(set->name, "TRANSACTION") == 0;
}

/* Its arguments are no list of options, unlike those of its sisters. */
static bool
is_set_snapshot(const Node *parse_tree)
{
	const VariableSetStmt *set = (const VariableSetStmt *) parse_tree;

	return IsA(parse_tree, VariableSetStmt) &&
		set->kind == VAR_SET_MULTI &&
		strcmp(set->name, "TRANSACTION SNAPSHOT") == 0;
}

StatementKind
statement_kind(const Node *parse_tree)
{
	if (IsA(parse_tree, TransactionStmt))
	{
		switch (((const TransactionStmt *) parse_tree)->kind)
		{
			case TRANS_STMT_BEGIN:
			case TRANS_STMT_START:
				return STATEMENT_BEGIN;
			case TRANS_STMT_COMMIT:
				return STATEMENT_COMMIT;
			default:
				/* statement_check_script refuses them. */
				return STATEMENT_TRANSACTIONAL;
		}
	}
	if (is_set_transaction(parse_tree))
		return STATEMENT_SET_TRANSACTION;
	return runs_outside(parse_tree) ? STATEMENT_OUTSIDE : STATEMENT_TRANSACTIONAL;
}

static List *
transaction_options(const Node *parse_tree)
{
	if (IsA(parse_tree, TransactionStmt))
		return ((const TransactionStmt *) parse_tree)->options;
	if (IsA(parse_tree, VariableSetStmt) &&
		((const VariableSetStmt *) parse_tree)->kind == VAR_SET_MULTI &&
		!is_set_snapshot(parse_tree))
		return ((const VariableSetStmt *) parse_tree)->args;
	return NIL;
}

bool
statement_has_transaction_options(const Node *parse_tree)
{
	return transaction_options(parse_tree) != NIL;
}

const A_Const *
statement_constant(const Node *node)
{
	while (node != NULL && IsA(node, TypeCast))
		node = ((const TypeCast *) node)->arg;
	return node != NULL && IsA(node, A_Const) ? (const A_Const *) node : NULL;
}

bool
statement_is_set_config(const Node *node)
{
	const FuncCall *call = (const FuncCall *) node;

	return IsA(node, FuncCall) && list_length(call->args) == 3 &&
		strcmp(strVal(llast(call->funcname)), "set_config") == 0;
}

/*
 * Whether it is set_config() of three constants, but for what would keep the
 * rest of the script from being recorded.
 */
static bool
sets_constant(const Node *node, bool *is_local)
{
	const FuncCall *call = (const FuncCall *) node;
	const A_Const *name;
	const A_Const *local;

	if (!statement_is_set_config(node))
		return false;
	name = statement_constant(linitial(call->args));
	local = statement_constant(lthird(call->args));
	if (name == NULL || name->isnull || !IsA(&name->val, String) ||
		strstr(name->val.sval.sval, "transaction_read_only") != NULL ||
		statement_constant(lsecond(call->args)) == NULL ||
		local == NULL || local->isnull || !IsA(&local->val, Boolean))
		return false;
	*is_local = local->val.boolval.boolval;
	return true;
}

bool
statement_is_setting(const Node *parse_tree, bool *is_local)
{
	const SelectStmt *select = (const SelectStmt *) parse_tree;

	if (IsA(parse_tree, VariableSetStmt))
	{
		*is_local = ((const VariableSetStmt *) parse_tree)->is_local;
		return !is_set_transaction(parse_tree);
	}
	if (!IsA(parse_tree, SelectStmt) || list_length(select->targetList) != 1 ||
		select->fromClause != NIL || select->whereClause != NULL ||
		select->intoClause != NULL || select->withClause != NULL)
		return false;
	return sets_constant(linitial_node(ResTarget, select->targetList)->val,
						 is_local);
}

/* The value of SET name = value, where it is one plain constant, or NULL. */
static const char *
set_value(const VariableSetStmt *set)
{
	A_Const    *constant;

	if (list_length(set->args) != 1 || !IsA(linitial(set->args), A_Const))
		return NULL;
	constant = linitial_node(A_Const, set->args);
	if (IsA(&constant->val, String))
		return strVal(&constant->val);
	if (IsA(&constant->val, Integer))
		return psprintf("%d", intVal(&constant->val));
	return NULL;
}

/* Whether SET gives a boolean setting a value, which may be a prefix of it. */
static bool
sets_boolean(const VariableSetStmt *set, const char *name, bool value)
{
	const char *text;
	bool		parsed;

	if (set->kind != VAR_SET_VALUE || pg_strcasecmp(set->name, name) != 0)
		return false;
	text = set_value(set);
	return text != NULL && parse_bool(text, &parsed) && parsed == value;
}

/* READ ONLY among the characteristics of BEGIN or SET TRANSACTION. */
static bool
asks_for_read_only(const Node *parse_tree)
{
	ListCell   *cell;

	foreach(cell, transaction_options(parse_tree))
	{
		DefElem    *option = lfirst_node(DefElem, cell);

		if (strcmp(option->defname, "transaction_read_only") == 0 &&
			intVal(&castNode(A_Const, option->arg)->val) != 0)
			return true;
	}
	if (IsA(parse_tree, VariableSetStmt))
	{
		const VariableSetStmt *set = (const VariableSetStmt *) parse_tree;

		return sets_boolean(set, "transaction_read_only", true) ||
			sets_boolean(set, "default_transaction_read_only", true);
	}
	return false;
}

typedef struct Refusal
{
	const char *reason;			/* completes "statement 3 (line 12): ..." */
	const char *hint;
} Refusal;

static const char *const keep_session_hint =
"The session belongs to the caller; take the statement out of the script, or name the one thing that it is to end.";

/* Fills in a refusal; always true. */
static bool
refused(Refusal *refusal, const char *reason, const char *hint)
{
	refusal->reason = reason;
	refusal->hint = hint;
	return true;
}

static bool
refuse_transaction(const TransactionStmt *statement, Refusal *refusal)
{
	switch (statement->kind)
	{
		case TRANS_STMT_BEGIN:
		case TRANS_STMT_START:
			return false;
		case TRANS_STMT_COMMIT:
			return statement->chain &&
				refused(refusal,
						"COMMIT AND CHAIN is not possible in a migration",
						"Write COMMIT and then BEGIN.");
		case TRANS_STMT_PREPARE:
		case TRANS_STMT_COMMIT_PREPARED:
		case TRANS_STMT_ROLLBACK_PREPARED:
			return refused(refusal,
						   "prepared transactions are not possible in a migration",
						   "Take the statement out of the script.");
		default:
			return refused(refusal,
						   "ROLLBACK and savepoints are not possible in a migration",
						   "A migration either runs whole or fails; take the statement out of the script.");
	}
}

static bool
refuse_copy(const CopyStmt *statement, Refusal *refusal)
{
	return statement->filename == NULL &&
		refused(refusal, statement->is_from ?
				"COPY FROM STDIN is not possible in a migration" :
				"COPY TO STDOUT is not possible in a migration",
				"Use INSERT; pg_dump --inserts writes a dump that way.");
}

static bool
refuse_set(const VariableSetStmt *statement, Refusal *refusal)
{
	if (is_set_snapshot((const Node *) statement))
		return refused(refusal,
					   "SET TRANSACTION SNAPSHOT is not possible in a migration",
					   "A migration works on what is there when it runs; take the statement out of the script.");
	return sets_boolean(statement, "standard_conforming_strings", false) &&
		refused(refusal,
				"standard_conforming_strings cannot be turned off in a migration",
				"The script was parsed with it on; write E'...' where a backslash is meant to escape.");
}

/* What would take along more of the session than the script has made. */
static bool
refuse_all_of_session(const Node *parse_tree, Refusal *refusal)
{
	switch (nodeTag(parse_tree))
	{
		case T_DiscardStmt:
			return refused(refusal, "DISCARD is not possible in a migration",
						   keep_session_hint);
		case T_DeallocateStmt:
			return ((const DeallocateStmt *) parse_tree)->name == NULL &&
				refused(refusal,
						"DEALLOCATE ALL is not possible in a migration",
						keep_session_hint);
		case T_ClosePortalStmt:
			return ((const ClosePortalStmt *) parse_tree)->portalname == NULL &&
				refused(refusal, "CLOSE ALL is not possible in a migration",
						keep_session_hint);
		case T_UnlistenStmt:
			return ((const UnlistenStmt *) parse_tree)->conditionname == NULL &&
				refused(refusal, "UNLISTEN * is not possible in a migration",
						keep_session_hint);
		default:
			return false;
	}
}

static bool
refuse_statement(const Node *parse_tree, Refusal *refusal)
{
	if (IsA(parse_tree, TransactionStmt) &&
		refuse_transaction((const TransactionStmt *) parse_tree, refusal))
		return true;
	if (IsA(parse_tree, VariableSetStmt) &&
		refuse_set((const VariableSetStmt *) parse_tree, refusal))
		return true;
	if (IsA(parse_tree, CopyStmt))
		return refuse_copy((const CopyStmt *) parse_tree, refusal);
	if (asks_for_read_only(parse_tree))
		return refused(refusal, "a migration cannot be read-only",
					   "Its journal row is written in the same transaction; take READ ONLY out of the script.");
	return refuse_all_of_session(parse_tree, refusal);
}

static void
refuse(const Script *script, const ScriptStatement *statement,
	   const Refusal *refusal)
{
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("%s was refused at statement %d of %d (line %d): %s",
					script->subject, statement->number,
					script->statement_count, statement->line,
					refusal->reason),
			 errdetail("Nothing of it was run."),
			 errhint("%s", refusal->hint),
			 errhidestmt(true)));
}

void
statement_check_script(const Script *script)
{
	for (int i = 0; i < script->statement_count; i++)
	{
		const ScriptStatement *statement = &script->statements[i];
		Refusal		refusal;

		if (refuse_statement(statement->raw->stmt, &refusal))
			refuse(script, statement, &refusal);
	}
}

void
statement_check_transactional(const Script *script)
{
	for (int i = 0; i < script->statement_count; i++)
	{
		const ScriptStatement *statement = &script->statements[i];
		Refusal		refusal;

		if (statement->kind != STATEMENT_OUTSIDE)
			continue;
		refusal.reason = psprintf("%s%s cannot run in remigrate.apply",
								  statement_command_name(statement),
								  is_concurrent(statement->raw->stmt) ?
								  " CONCURRENTLY" : "");
		refusal.hint = "Use CALL remigrate.migrate(name, script), which runs it in the way it needs; indexes can also be built without CONCURRENTLY by apply(..., concurrently => 'inline').";
		refuse(script, statement, &refusal);
	}
}

static List *
without_option(List *options, const char *name)
{
	List	   *kept = NIL;
	ListCell   *cell;

	foreach(cell, options)
	{
		if (strcmp(lfirst_node(DefElem, cell)->defname, name) != 0)
			kept = lappend(kept, lfirst(cell));
	}
	return kept;
}

void
statement_inline_concurrently(Script *script)
{
	for (int i = 0; i < script->statement_count; i++)
	{
		ScriptStatement *statement = &script->statements[i];
		Node	   *parse_tree = statement->raw->stmt;

		if (IsA(parse_tree, IndexStmt))
			((IndexStmt *) parse_tree)->concurrent = false;
		else if (IsA(parse_tree, DropStmt))
			((DropStmt *) parse_tree)->concurrent = false;
		else if (IsA(parse_tree, ReindexStmt))
		{
			ReindexStmt *reindex = (ReindexStmt *) parse_tree;

			reindex->params = without_option(reindex->params, "concurrently");
		}
		else if (IsA(parse_tree, AlterTableStmt))
		{
			ListCell   *cell;

			foreach(cell, ((AlterTableStmt *) parse_tree)->cmds)
			{
				AlterTableCmd *command = lfirst_node(AlterTableCmd, cell);

				if (command->subtype == AT_DetachPartition)
					castNode(PartitionCmd, command->def)->concurrent = false;
			}
		}
		statement->kind = statement_kind(parse_tree);
	}
}
