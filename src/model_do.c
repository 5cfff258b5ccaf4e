/*-------------------------------------------------------------------------
 *
 * model_do.c
 *	  DO blocks that make one thing unless it is there:
 *
 *		BEGIN CREATE TYPE ...; EXCEPTION WHEN duplicate_object THEN NULL; END
 *
 *	  It is what people write for types and constraints, which know no IF NOT
 *	  EXISTS.  Any other block may do anything.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "commands/defrem.h"
#include "parser/parser.h"

#include "compat.h"
#include "failure.h"
#include "model.h"
#include "model_statement.h"
#include "scan.h"
#include "statement.h"
#include "transaction.h"

typedef struct Block
{
	const char *text;
	List	   *tokens;			/* ScanToken * */
	int			next;
} Block;

static const ScanToken *
token_at(const Block *block, int number)
{
	return number < list_length(block->tokens) ?
		list_nth(block->tokens, number) : NULL;
}

static bool
token_is(const Block *block, const ScanToken *token, const char *word)
{
	return token != NULL && token->length == strlen(word) &&
		pg_strncasecmp(block->text + token->start, word, token->length) == 0;
}

/* Steps over the next token, if it is this one. */
static bool
take(Block *block, const char *word)
{
	if (!token_is(block, token_at(block, block->next), word))
		return false;
	block->next++;
	return true;
}

static bool
accept_handler(Block *block)
{
	return take(block, "exception") && take(block, "when") &&
		take(block, "duplicate_object") && take(block, "then") &&
		take(block, "null") && take(block, ";");
}

static bool
accept_end(Block *block)
{
	if (!take(block, "end"))
		return false;
	(void) take(block, ";");
	return block->next == list_length(block->tokens);
}

/* The text between BEGIN and the handler of duplicates, or NULL. */
static const char *
guarded_text(const char *text)
{
	Block		block = {text, scan_tokens(text), 0};
	const ScanToken *first;
	const ScanToken *behind;

	if (!take(&block, "begin"))
		return NULL;
	first = token_at(&block, block.next);
	while ((behind = token_at(&block, block.next)) != NULL &&
		   !token_is(&block, behind, "exception"))
		block.next++;
	return behind != NULL && accept_handler(&block) && accept_end(&block) ?
		pnstrdup(text + first->start, behind->start - first->start) : NULL;
}

/* Whether a statement raises duplicate_object where what it makes is there. */
static bool
makes_one_thing(const Node *node)
{
	const AlterTableStmt *alter = (const AlterTableStmt *) node;
	const AlterTableCmd *command;
	const Constraint *constraint;

	if (IsA(node, CreateEnumStmt) || IsA(node, CreateDomainStmt))
		return true;
	if (!IsA(node, AlterTableStmt) || list_length(alter->cmds) != 1 ||
		alter->missing_ok)
		return false;
	command = linitial_node(AlterTableCmd, alter->cmds);
	if (command->subtype != AT_AddConstraint)
		return false;
	constraint = castNode(Constraint, command->def);
	return constraint->conname != NULL &&
		(constraint->contype == CONSTR_FOREIGN ||
		 constraint->contype == CONSTR_CHECK);
}

typedef struct Reading
{
	const char *text;			/* of the block */
	Node	   *guarded;
} Reading;

/* The statement that a block guards, as the parser gives it, or NULL. */
static void
read_guarded(void *argument)
{
	Reading    *reading = argument;
	const char *text = guarded_text(reading->text);
	List	   *parsed;
	Node	   *node;

	if (text == NULL)
		return;
	parsed = raw_parser(text, RAW_PARSE_DEFAULT);
	if (list_length(parsed) != 1)
		return;
	node = linitial_node(RawStmt, parsed)->stmt;
	if (makes_one_thing(node))
		reading->guarded = node;
}

void
model_do(Model *model, Node *node)
{
	StatementModel *current = model_current(model);
	const List *options = ((DoStmt *) node)->args;
	const DefElem *language = statement_option(options, "language");
	const DefElem *body = statement_option(options, "as");
	Reading		reading = {0};
	ErrorData  *error;

	if (body != NULL && (language == NULL ||
						 strcmp(strVal(language->arg), "plpgsql") == 0))
	{
		reading.text = strVal(body->arg);
		/* A block that can't be parsed fails when it runs, not here. */
		error = transaction_try(read_guarded, &reading);
		if (error != NULL)
			failure_stop_if_ending(error);
	}
	if (reading.guarded == NULL)
	{
		current->opaque = true;
		return;
	}
	model->guarded = true;
	model_read_statement(model, reading.guarded);
	model->guarded = false;
	current->repeatable = true;
}
