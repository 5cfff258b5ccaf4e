/*-------------------------------------------------------------------------
 *
 * look.c
 *	  Compares what a script says with the catalog.
 *
 * One table by kind of fact: how to find it, how to compare it.  What needs
 * the server's parser runs in a subtransaction that is rolled back whatever
 * happens: an expression that can't be analysed any more (its column is
 * gone) raises an error, and to us that is an answer.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

#include "look.h"
#include "look_kind.h"
#include "session.h"
#include "transaction.h"

typedef struct LookRule
{
	const char *noun;
	LookCompare compare;		/* NULL: presence is all there is to it */
	bool		analyses;		/* needs the parser, which may raise errors */
} LookRule;

static const LookRule look_rules[FACT_KIND_COUNT];

/* --- results --- */

void
look_differs(Looking *looking, const char *format,...)
{
	StringInfoData text;

	initStringInfo(&text);
	for (;;)
	{
		va_list		arguments;
		int			needed;

		va_start(arguments, format);
		needed = appendStringInfoVA(&text, format, arguments);
		va_end(arguments);
		if (needed == 0)
			break;
		enlargeStringInfo(&text, needed);
	}
	looking->look->result = LOOK_DIFFERS;
	looking->look->found = text.data;
}

bool
look_presence(Looking *looking, bool there, const char *found)
{
	looking->look->found = found;
	if (looking->expected->presence == PRESENT)
		looking->look->result = there ? LOOK_AGREES : LOOK_MISSING;
	else if (looking->expected->presence == ABSENT)
		looking->look->result = there ? LOOK_EXTRA : LOOK_AGREES;
	return there && looking->expected->presence == PRESENT;
}

bool
look_stands(const Look *look)
{
	return look->result == LOOK_AGREES || look->result == LOOK_UNCOMPARED;
}

/* --- relations --- */

static const char *
relation_noun(char relkind)
{
	switch (relkind)
	{
		case RELKIND_RELATION:
			return "table";
		case RELKIND_PARTITIONED_TABLE:
			return "partitioned table";
		case RELKIND_INDEX:
		case RELKIND_PARTITIONED_INDEX:
			return "index";
		case RELKIND_VIEW:
			return "view";
		case RELKIND_MATVIEW:
			return "materialized view";
		case RELKIND_SEQUENCE:
			return "sequence";
		case RELKIND_FOREIGN_TABLE:
			return "foreign table";
		default:
			return "relation";
	}
}

static void
look_pg_class(Looking *looking)
{
	char		relkind = get_rel_relkind(looking->address.objectId);
	char		expected = looking->definition->relkind;

	if (relkind == RELKIND_PARTITIONED_INDEX)
		relkind = RELKIND_INDEX;
	if (expected != '\0' && relkind != expected)
		look_differs(looking, "a %s of this name", relation_noun(relkind));
	else if (relkind == RELKIND_SEQUENCE && looking->definition->table != NULL)
		look_owned_sequence(looking);
	else if (looking->definition->node == NULL && relkind == RELKIND_INDEX)
		look_index_table(looking);
	else if (looking->definition->node == NULL)
		return;
	else if (relkind == RELKIND_INDEX)
		look_index(looking);
	else if (relkind == RELKIND_PARTITIONED_TABLE)
		look_partition_key(looking);
	else if (relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW)
	{
		look_view(looking);
		if (relkind == RELKIND_VIEW && look_stands(looking->look))
			look_view_options(looking);
	}
}

/*
 * Whether an index was never finished: neither there nor not there, except to
 * a statement that drops it.
 */
static bool
is_invalid_index(Oid relation)
{
	HeapTuple	tuple;
	bool		invalid;

	if (get_rel_relkind(relation) != RELKIND_INDEX)
		return false;
	tuple = SearchSysCache1(INDEXRELID, ObjectIdGetDatum(relation));
	if (!HeapTupleIsValid(tuple))
		return false;
	invalid = !((Form_pg_index) GETSTRUCT(tuple))->indisvalid ||
		!((Form_pg_index) GETSTRUCT(tuple))->indisready ||
		!((Form_pg_index) GETSTRUCT(tuple))->indislive;
	ReleaseSysCache(tuple);
	return invalid;
}

void
look_compare(Looking *looking)
{
	const LookRule *rule = &look_rules[looking->fact->kind];

	if (looking->definition != NULL && rule->compare != NULL)
		rule->compare(looking);
	if (looking->look->result == LOOK_AGREES && looking->definition != NULL &&
		!looking->definition->whole)
		looking->look->result = LOOK_UNCOMPARED;
}

static void
look_at_invalid(Looking *looking, const Object *bearer)
{
	/* What IF NOT EXISTS would have made is known, too. */
	if (looking->definition == NULL && bearer != NULL)
		looking->definition = bearer->likely;
	look_compare(looking);
	if (looking->definition != NULL && look_stands(looking->look))
		looking->look->invalid_index = looking->address.objectId;
	looking->look->result = LOOK_INVALID;
	looking->look->found = looking->look->invalid_index != InvalidOid ?
		"the index, but invalid" : "an invalid index of this name";
}

/*
 * Whether an expectation minds that an index is invalid.  A statement that
 * drops an index, or only names one that was there before, doesn't.
 */
static bool
minds_invalid(const State *expected, const Object *bearer)
{
	if (expected->presence == NOT_INVALID)
		return true;
	return expected->presence == PRESENT &&
		(expected->definition != NULL || bearer == NULL ||
		 bearer->born != 0 || bearer->likely != NULL);
}

/* --- looking --- */

/*
 * Whether an object isn't there and needn't be: ALTER TABLE IF EXISTS has done
 * nothing then.
 */
static bool
is_needless(const Looking *looking, const Object *owner)
{
	ObjectAddress address;
	const Fact *fact;
	State		state;

	if (owner == NULL || look_find(looking, owner, &address))
		return false;
	fact = model_existence_at(looking->model, owner, looking->seam);
	if (fact == NULL)
		return true;
	(void) model_expected(fact, looking->seam, &state);
	return state.presence != PRESENT || is_needless(looking, owner->parent);
}

static bool
is_void(const Looking *looking)
{
	return is_needless(looking, looking->fact->object) ||
		(looking->definition != NULL &&
		 is_needless(looking, looking->definition->table));
}

static bool
is_view(const ObjectAddress *address)
{
	char		relkind = address->classId == RelationRelationId ?
		get_rel_relkind(address->objectId) : '\0';

	return relkind == RELKIND_VIEW || relkind == RELKIND_MATVIEW;
}

/*
 * What is in the way of something that the script creates may go before, with
 * a table or column that it drops, or by CASCADE.
 */
static bool
will_make_way(const Looking *looking)
{
	const Fact *fact = looking->fact;
	ListCell   *cell;

	foreach(cell, looking->model->sheddings)
	{
		const Object *object = lfirst(cell);
		bool		cascades = model_comes_before(fact, object->cascades,
												  looking->seam);
		ObjectAddress address;

		if (!cascades && !model_comes_before(fact, object->sheds, looking->seam))
			continue;
		if (!model_is_alive(object, looking->seam) ||
			!look_find(looking, object, &address))
			continue;
		if ((cascades && is_view(&looking->address)) ||
			look_depends(&looking->address, &address, cascades))
			return true;
	}
	return false;
}

/* Some object that bears the fact's name at some time. */
static const Object *
some_bearer(const Fact *fact)
{
	ListCell   *cell;

	foreach(cell, fact->changes)
	{
		const Change *change = lfirst(cell);

		if (change->before.object != NULL)
			return change->before.object;
		if (change->after.object != NULL)
			return change->after.object;
	}
	return NULL;
}

static void
look_at_existence(Looking *looking)
{
	const Fact *fact = looking->fact;
	const State *expected = looking->expected;
	const Object *bearer = expected->object;
	Look	   *look = looking->look;

	if (bearer == NULL)
		bearer = some_bearer(fact);
	if (!look_find_fact(looking, fact, looking->definition, bearer,
						&looking->address))
	{
		look->found = "absent";
		look->is_void = is_void(looking);
		if (expected->presence == PRESENT && !look->is_void)
			look->result = LOOK_MISSING;
		return;
	}
	look->is_there = true;
	if (fact->kind == FACT_RELATION && minds_invalid(expected, bearer) &&
		is_invalid_index(looking->address.objectId))
	{
		look_at_invalid(looking, bearer);
		return;
	}
	look->found = "present";
	if (expected->presence == PRESENT)
		look_compare(looking);
	else if (expected->presence == ABSENT && !will_make_way(looking))
		look->result = LOOK_EXTRA;
}

static void
look_at_property(Looking *looking)
{
	if (!look_find(looking, looking->fact->object, &looking->address))
	{
		looking->look->is_void = is_void(looking);
		if (!looking->look->is_void)
			look_presence(looking, false, "absent");
		return;
	}
	look_rules[looking->fact->kind].compare(looking);
}

static bool
is_target_path(const Model *model, const List *path)
{
	return list_length(path) == 1 &&
		strcmp(linitial(path), model->target_schema) == 0;
}

static int
enter_path(List *schemas)
{
	StringInfoData path;
	int			guc_level = NewGUCNestLevel();
	ListCell   *cell;

	initStringInfo(&path);
	foreach(cell, schemas)
		appendStringInfo(&path, "%s, ", quote_identifier(lfirst(cell)));
	appendStringInfoString(&path, "pg_temp");
	session_set("search_path", path.data, GUC_ACTION_SAVE);
	return guc_level;
}

int
look_begin(const char *target_schema)
{
	return enter_path(list_make1(unconstify(char *, target_schema)));
}

void
look_end(int guc_level)
{
	AtEOXact_GUC(false, guc_level);
}

static void
look_now(Looking *looking)
{
	int			guc_level = -1;

	if (looking->definition != NULL &&
		!is_target_path(looking->model, looking->definition->path))
		guc_level = enter_path(looking->definition->path);
	if (looking->fact->kind < FIRST_PROPERTY)
		look_at_existence(looking);
	else
		look_at_property(looking);
	if (guc_level >= 0)
		AtEOXact_GUC(false, guc_level);
}

/* Errors that are no answer to whether two definitions are the same. */
static bool
must_throw_on(const ErrorData *error)
{
	int			category = ERRCODE_TO_CATEGORY(error->sqlerrcode);

	return error->elevel > ERROR ||
		error->sqlerrcode == ERRCODE_QUERY_CANCELED ||
		error->sqlerrcode == ERRCODE_ASSERT_FAILURE ||
		error->sqlerrcode == ERRCODE_OUT_OF_MEMORY ||
		error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_INTERNAL_ERROR) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_T_R_SERIALIZATION_FAILURE) ||
		category == ERRCODE_TO_CATEGORY(ERRCODE_ADMIN_SHUTDOWN);
}

/* What the parser couldn't make sense of isn't what is there. */
static void
conclude_from_error(Looking *looking, const ErrorData *error)
{
	const Definition *definition = looking->definition;

	if (must_throw_on(error))
		ReThrowError(unconstify(ErrorData *, error));
	looking->look->result = LOOK_DIFFERS;
	looking->look->found = psprintf("not comparable: %s", error->message);

	/* Names in a view's query can't be followed through a rename. */
	if (definition != NULL && looking->fact->kind == FACT_RELATION &&
		model_renames_between(looking->model, definition->statement,
							  looking->seam))
		looking->look->result = LOOK_UNCOMPARED;

	/* Nor can a label, which a constant may be, through its own. */
	if (error->sqlerrcode == ERRCODE_INVALID_TEXT_REPRESENTATION &&
		model_renames_labels_between(looking->model, definition == NULL ? 0 :
									 definition->statement, looking->seam))
		looking->look->result = LOOK_UNCOMPARED;
}

static void
look_as_work(void *argument)
{
	look_now(argument);
}

/*
 * Looks in a subtransaction that is rolled back in any case, so that the
 * locks of the tables that expressions name are let go.
 */
static void
look_carefully(Looking *looking)
{
	ErrorData  *error = transaction_try(look_as_work, looking);

	if (error != NULL)
		conclude_from_error(looking, error);
}

/* A comparison that only reads system caches needs no such care. */
static bool
needs_care(const Looking *looking)
{
	const Definition *definition = looking->definition;

	if (definition == NULL)
		return looking->fact->kind == FACT_FUNCTION ||
			looking->fact->kind == FACT_NAMED ||
			looking->fact->kind == FACT_VALIDATED ||
			looking->fact->kind == FACT_ENABLED;
	if (!is_target_path(looking->model, definition->path))
		return true;
	if (looking->fact->kind == FACT_RELATION &&
		definition->relkind == RELKIND_RELATION)
		return false;
	if (looking->fact->kind == FACT_CONSTRAINT &&
		looking->expected->presence == ABSENT && !looking->fact->unnamed)
		return false;
	return look_rules[looking->fact->kind].analyses;
}

/* What isn't to be as defined is looked at as if it were to be. */
static void
turn_around(Looking *looking)
{
	if (looking->look->result == LOOK_AGREES)
		looking->look->result = LOOK_EXTRA;
	else
		looking->look->result = LOOK_AGREES;
}

void
look_at(const Model *model, const Fact *fact, const State *expected,
		int seam, Look *look)
{
	State		present = state_of(PRESENT, expected->object,
								   expected->definition);
	bool		is_other = expected->presence == OTHER;
	Looking		looking = {
		.model = model,
		.fact = fact,
		.expected = is_other ? &present : expected,
		.definition = expected->definition,
		.seam = seam,
		.look = look
	};

	CHECK_FOR_INTERRUPTS();
	memset(look, 0, sizeof(Look));
	look->result = LOOK_AGREES;
	look->found = "";
	if (expected->presence == UNKNOWN)
		return;
	if (needs_care(&looking))
		look_carefully(&looking);
	else
		look_now(&looking);
	if (is_other && !look->is_void)
		turn_around(&looking);
}

bool
look_exists(const Model *model, const Object *object, int seam)
{
	const Fact *fact = model_existence_at(model, object, seam);
	State		expected = state_of(PRESENT, unconstify(Object *, object), NULL);
	Look		look;

	if (fact == NULL)
		return false;
	look_at(model, fact, &expected, seam, &look);
	return look.is_there;
}

/* --- in words --- */

char *
look_subject(const Fact *fact, const State *state, int seam)
{
	const char *noun = look_rules[fact->kind].noun;
	const char *name = fact->name;
	const Object *owner = fact->object;

	if (fact->kind == FACT_NAMED)
		return pstrdup(name);
	if (fact->kind == FACT_RELATION && state->definition != NULL)
		noun = relation_noun(state->definition->relkind);
	if (fact->kind < FIRST_PROPERTY && owner == NULL)
		return psprintf("%s \"%s\"", noun, name);
	if (fact->kind < FIRST_PROPERTY)
		return psprintf("%s \"%s\" of \"%s\"", noun, name,
						model_name_at(owner, seam, NULL));
	if (owner->parent == NULL)
		return psprintf("%s of \"%s\"", noun, model_name_at(owner, seam, NULL));
	return psprintf("%s of \"%s\".\"%s\"", noun,
					model_name_at(owner->parent, seam, NULL),
					model_name_at(owner, seam, NULL));
}

static const LookRule look_rules[FACT_KIND_COUNT] = {
	[FACT_SCHEMA] = {"schema", NULL, false},
	[FACT_EXTENSION] = {"extension", look_extension, false},
	[FACT_RELATION] = {"relation", look_pg_class, true},
	[FACT_TYPE] = {"type", look_type, true},
	[FACT_FUNCTION] = {"function", look_function, true},
	[FACT_COLUMN] = {"column", NULL, false},
	[FACT_CONSTRAINT] = {"constraint", look_constraint, true},
	[FACT_TRIGGER] = {"trigger", look_trigger, true},
	[FACT_POLICY] = {"policy", look_policy, true},
	[FACT_RULE] = {"rule", look_rule, true},
	[FACT_NAMED] = {NULL, NULL, true},
	[FACT_LABEL] = {"label", look_label, false},
	[FACT_COLUMN_TYPE] = {"type", look_column_type, true},
	[FACT_NOT_NULL] = {"not-null", look_not_null, false},
	[FACT_DEFAULT] = {"default", look_default, true},
	[FACT_IDENTITY] = {"identity", look_identity, false},
	[FACT_VALIDATED] = {"validation", look_validated, true},
	[FACT_LABELS] = {"labels", look_labels, false},
	[FACT_SEQUENCE] = {"parameters", look_sequence, true},
	[FACT_PARTITION] = {"partition", look_partition, true},
	[FACT_INHERITANCE] = {"inheritance", look_inheritance, false},
	[FACT_LOGGED] = {"logging", look_logged, false},
	[FACT_ROW_SECURITY] = {"row security", look_row_security, false},
	[FACT_FORCED_ROW_SECURITY] = {"forced row security", look_row_security, false},
	[FACT_ENABLED] = {"activity", look_enabled, true},
	[FACT_OWNER] = {"owner", look_owner, true},
	[FACT_COMMENT] = {"comment", look_comment, true},
};
