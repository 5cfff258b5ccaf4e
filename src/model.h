/*-------------------------------------------------------------------------
 *
 * model.h
 *	  What the statements of a script say about the schema.
 *
 * The model follows objects, not names: an object is born and dies at a
 * statement, and its name may change in between.  What is said of it are
 * facts.  A fact has a timeline of changes, one for each statement that needs
 * or alters it, and so an expected state at every seam: seam k lies behind
 * statement k, seam 0 before the first one.
 *
 * Nothing in here reads the catalog; look.h compares a state with it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_MODEL_H
#define REMIGRATE_MODEL_H

#include "nodes/parsenodes.h"
#include "utils/hsearch.h"

#include "script.h"

/* An object that no statement of the script drops. */
#define NEVER PG_INT32_MAX

typedef enum FactKind
{
	/* That an object of a name is there. */
	FACT_SCHEMA,
	FACT_EXTENSION,
	FACT_RELATION,				/* all that pg_class holds, indexes too */
	FACT_TYPE,
	FACT_FUNCTION,
	FACT_COLUMN,				/* of a relation or a composite type */
	FACT_CONSTRAINT,			/* of a table or a domain */
	FACT_TRIGGER,
	FACT_POLICY,
	FACT_RULE,
	FACT_NAMED,					/* what only the server finds by its name */
	FACT_LABEL,					/* of an enum whose other labels are unknown */

	/* What an object is like. */
	FACT_COLUMN_TYPE,
	FACT_NOT_NULL,
	FACT_DEFAULT,				/* or the expression of a generated column */
	FACT_IDENTITY,
	FACT_VALIDATED,
	FACT_LABELS,				/* all labels of an enum, in order */
	FACT_SEQUENCE,				/* the parameters of a sequence */
	FACT_PARTITION,				/* whether a table is one */
	FACT_INHERITANCE,			/* from the one table that it was made with */
	FACT_LOGGED,				/* a table, in the WAL */
	FACT_ROW_SECURITY,
	FACT_FORCED_ROW_SECURITY,
	FACT_ENABLED,				/* a trigger */
	FACT_OWNER,
	FACT_COMMENT
} FactKind;

#define FIRST_PROPERTY FACT_COLUMN_TYPE
#define FACT_KIND_COUNT (FACT_COMMENT + 1)

typedef enum Presence
{
	UNKNOWN,					/* nothing is said */
	NOT_INVALID,				/* nothing, except that it's no broken index */
	OTHER,						/* a property that is not as defined */
	ABSENT,
	PRESENT
} Presence;

typedef struct Object Object;
typedef struct Fact Fact;

/*
 * What a statement defines something as: a piece of its raw parse tree, and
 * what is needed to read the names in it at another seam.
 */
typedef struct Definition
{
	Node	   *node;			/* by kind of fact; see the table in look.c */
	char		relkind;		/* as in pg_class, for FACT_RELATION */
	bool		serial;			/* the default or sequence of a serial column */
	bool		whole;			/* false: the node does not say everything */
	int			statement;		/* the one whose names it uses */
	List	   *path;			/* schemas (char *) that names resolve in */
	Object	   *table;			/* that an index, say, belongs to, or NULL */
	Object	   *other;			/* that a foreign key refers to, or NULL */
	List	   *names;			/* the labels (char *) of an enum, the column
								 * of a serial */
} Definition;

typedef struct State
{
	Presence	presence;
	Object	   *object;			/* bearer of the name, if an existence fact */
	Definition *definition;		/* NULL: any will do */
} State;

typedef struct Change
{
	int			statement;
	State		before;			/* what the statement needs */
	State		after;			/* what it leaves */
	bool		reference;		/* it only says which object is meant */
} Change;

struct Fact
{
	FactKind	kind;
	Object	   *object;			/* whose it is: the parent of what is named,
								 * or the bearer of a property; NULL for what
								 * is in no other object */
	const char *schema;			/* of an existence fact without parent */
	const char *name;			/* of an existence fact */
	bool		unnamed;		/* the server chose the name: this one, or
								 * with digits behind it */
	const char *name_parts[3];	/* of such a name, for makeObjectName */
	int			first_pass;		/* the number to begin with */
	ObjectType	type;			/* of FACT_NAMED ... */
	Node	   *written;		/* ... and its name for get_object_address */
	List	   *changes;		/* Change *, in order of their statements */
};

typedef struct ObjectName
{
	int			seam;			/* from this one on */
	const char *schema;
	const char *name;
} ObjectName;

struct Object
{
	FactKind	kind;			/* of the facts that it exists */
	Object	   *parent;
	int			born;			/* there from this seam on ... */
	int			died;			/* ... and before this one */
	List	   *names;			/* ObjectName *, in order */
	List	   *arguments;		/* TypeName *, of a function ... */
	Definition *signature;		/* ... and where they are written */
	bool		any_arguments;	/* a function named without its arguments */
	List	   *properties;		/* Fact * */
	List	   *children;		/* Fact *, existence of what belongs to it */
	Object	   *companion;		/* the index of a constraint, and back */
	Definition *likely;			/* of IF NOT EXISTS, if it made the object */
	bool		belongs;		/* an index or a sequence, of some table */
	bool		columns_renamed;
	Object	   *ancestor;		/* that a table inherits from, or is part of */
	int			vague;			/* a statement that made it, or a part of it,
								 * if it wasn't there */
	List	   *sheds;			/* numbers of statements that may take along
								 * what belongs to a table */
	List	   *cascades;		/* and of those that drop it with CASCADE */
	bool		lost;			/* it died, or was never there: nobody knows */
};

typedef struct StatementFact
{
	Fact	   *fact;
	Change	   *change;
} StatementFact;

typedef struct StatementModel
{
	const Script *script;
	const ScriptStatement *statement;
	const InsertStmt *insert;	/* ON CONFLICT DO NOTHING: repeatable where a
								 * key keeps the rows out */
	bool		opaque;			/* may do what the model can't follow */
	bool		repeatable;		/* running it twice is running it once */
	bool		pure;			/* its facts are all that it does */
	bool		session;		/* later statements need it in the session */
	bool		impossible;		/* the script itself keeps it from succeeding */
	List	   *facts;			/* StatementFact * */
	List	   *losses;			/* Object *: what it drops and data with it */
} StatementModel;

typedef struct Model
{
	const char *target_schema;
	List	   *path;			/* char *; NIL with path_known: no schema */
	bool		path_known;
	bool		path_local;
	int			statement;		/* being read; 1 for the first */
	int			statement_count;
	bool		guarded;		/* what it makes may be there already */
	StatementModel *statements; /* statement_count + 1, the first unused */
	int			last_opaque;	/* or one that may have made an object */
	int			last_unseen;	/* one that may have done anything */
	List	   *facts;			/* Fact *, in order of appearance */
	List	   *renames;		/* numbers of statements that rename */
	List	   *old_names;		/* ObjectName *: what was renamed from, and
								 * where */
	List	   *label_renames;	/* numbers of those that rename a label of an
								 * enum */
	List	   *index_renames;	/* ObjectName *, of indexes that a constraint
								 * may own */
	List	   *type_changes;	/* numbers of those that make or drop a type */
	List	   *additions;		/* and that add columns to a table */
	List	   *sheddings;		/* Object *: those with sheds or cascades */
	List	   *temporary;		/* names (char *) of temporary tables */
	HTAB	   *by_name;
} Model;

/* How a statement creates. */
typedef enum CreateMode
{
	CREATE_NEW,
	CREATE_IF_NOT_EXISTS,
	CREATE_OR_REPLACE
} CreateMode;

/* How a statement drops. */
typedef enum DropFlag
{
	DROP_CASCADES = 1,
	DROP_DATA = 2				/* rows or values go with it */
} DropFlag;

/* What a statement needs of something that it names. */
typedef enum Need
{
	NEED_PRESENT,				/* it fails without it */
	NEED_ANY,					/* IF EXISTS */
	NEED_NOTHING				/* only to know which one is meant */
} Need;

/*
 * Reads a list of Scripts as one sequence of statements.  Everything belongs
 * to the current memory context and points into the scripts' parse trees,
 * which must be as the parser left them.  Raises nothing of its own but a
 * cancel.
 */
extern Model *model_build(List *scripts, const char *target_schema);

/*
 * What the script expects of a fact at a seam; false if it says nothing.
 */
extern bool model_expected(const Fact *fact, int seam, State *state);

/* Whether a state of a fact can mean anything at a seam. */
extern bool model_applies(const Fact *fact, const State *state, int seam);

/* Whether an object is there at a seam, as far as the script says. */
extern bool model_is_alive(const Object *object, int seam);

/* An object's name at a seam; *schema is set where it is in one. */
extern const char *model_name_at(const Object *object, int seam,
								 const char **schema);

/* The fact that an object exists under the name it has at a seam, or NULL. */
extern Fact *model_existence_at(const Model *model, const Object *object,
								int seam);

/* The object that bears a name behind a statement, or NULL. */
extern Object *model_bearer(const Model *model, FactKind kind, Object *parent,
							const char *schema, const char *name, int statement);

/*
 * The name at a seam of what a definition calls "name" in its table: the
 * column may have been renamed since, or not yet.
 */
extern const char *model_column_name(const Model *model,
									 const Definition *definition,
									 const Object *table,
									 const char *name, int seam);

/*
 * The names at a seam of a type that a definition names: as they are written,
 * unless the script renames the type.  NIL where the script says that it isn't
 * there at that seam, whatever else may bear its name.
 */
extern List *model_type_names(const Model *model,
							  const Definition *definition,
							  const TypeName *name, int seam);

/* The type that a definition's TypeName means, if the script knows it. */
extern Object *model_type_meant(const Model *model,
								const Definition *definition,
								const TypeName *name);

/*
 * A copy of a raw expression over a definition's table, the names of columns
 * and types in it as of a seam.
 */
extern Node *model_expression_at(const Model *model,
								 const Definition *definition,
								 Node *expression, int seam);

/*
 * What a statement renames that is there at both of two seams, under different
 * names, or NULL.
 */
extern const Object *model_renamed(const Model *model, int statement,
								   int from, int to);

/* Whether some statement in (from, to] renames anything. */
extern bool model_renames_between(const Model *model, int from, int to);

/* Whether some statement in (from, to] renames a label of an enum. */
extern bool model_renames_labels_between(const Model *model, int from, int to);

/*
 * Whether between a seam and the first statement that says something of a fact
 * one of these statements stands.
 */
extern bool model_comes_before(const Fact *fact, const List *statements,
							   int seam);

/*
 * The numbers of statements behind a definition that give a column in an
 * expression of it another type: the server writes the expression anew then,
 * with casts.  And whether one of them stands before a seam.
 */
extern List *model_retypings(const Model *model, const Definition *definition);
extern bool model_is_retyped(const Model *model, const Definition *definition,
							 int seam);

/*
 * Whether a view's query says a name that some statement since its definition
 * has changed, or "*".
 */
extern bool model_view_is_renamed(const Model *model,
								  const Definition *definition, int seam);

/*
 * Whether a view's query says "*" and some statement since its definition has
 * added a column to some table.
 */
extern bool model_star_is_stale(const Model *model,
								const Definition *definition, int seam);

/* --- for the files that read statements --- */

/* A state. */
extern State state_of(Presence presence, Object *object, Definition *definition);

/* A definition by the statement being read. */
extern Definition *model_define(const Model *model, Node *node);

/*
 * The schema of a name: the explicit one, else by the search path.  Where
 * that can't be told the statement becomes opaque and the result is NULL.
 */
extern const char *model_schema(Model *model, FactKind kind,
								const char *schema, const char *name,
								bool create);

/*
 * The statement creates an object.  NULL if it might be an old one of which
 * nothing is known (IF NOT EXISTS).
 */
extern Object *model_create(Model *model, FactKind kind, Object *parent,
							const char *schema, const char *name,
							CreateMode mode, Definition *definition);

/*
 * The same for an object whose name the server makes of these parts, as
 * makeObjectName does.
 */
extern Object *model_create_unnamed(Model *model, FactKind kind,
									Object *parent, const char *schema,
									const char *name1, const char *name2,
									const char *label, Definition *definition);

/*
 * A function is about to be created by its signature.  What the script said
 * before of any function of the name may have been about this one, and is
 * true no longer.
 */
extern void model_reopen_function(Model *model, const char *schema,
								  const char *name, const char *signature);

/* The statement names an object.  Never NULL. */
extern Object *model_refer(Model *model, FactKind kind, Object *parent,
						   const char *schema, const char *name, Need need);

/*
 * The statement drops an object, with what is known to go with it.  "flags"
 * are of DropFlag.
 */
extern void model_drop(Model *model, Object *object, int flags);

/* The statement drops the sequence that comes with a column, if there is one. */
extern void model_drop_sequence(Model *model, Object *column);

/* The statement may take along what belongs to a relation or column. */
extern void model_shed(Model *model, Object *object);

/* The statement gives an object another name, or another schema. */
extern void model_rename(Model *model, Object *object, const char *schema,
						 const char *name);

/*
 * Says that a column, before this statement, is not of a type that the script
 * itself has made since the column was there.
 */
extern void model_exclude_type(Model *model, Object *column,
							   const TypeName *type, Definition *definition);

/*
 * The statement may do away with an object of which the script has only said
 * that it is there, such as the index of a constraint.
 */
extern void model_forget(Model *model, Object *object);

/*
 * The statement may give a relation this name, or take it from one, of which
 * the script has said nothing.
 */
extern void model_expect(Model *model, const char *schema, const char *name);

/*
 * A partition becomes a table of its own, and its indexes no longer belong to
 * those of its parent.
 */
extern void model_detach_indexes(Model *model, const Object *table);

/* Nothing is left under a schema's name. */
extern void model_empty_schema(Model *model, const char *schema);

/* The statement gives an object a property. */
extern void model_set(Model *model, Object *object, FactKind kind,
					  Presence presence, Definition *definition);

/* The same, needing something before. */
extern void model_change(Model *model, Object *object, FactKind kind,
						 State before, State after);

/* The changes of a property, in order. */
extern List *model_changes(const Object *object, FactKind kind);

/* What is known of a property, or of an object's existence, so far. */
extern State model_property(const Object *object, FactKind kind);
extern State model_existence(const Model *model, const Object *object);

/* Replaces the definition of an object that goes on under its name. */
extern void model_redefine(Model *model, Object *object, Definition *definition);

/* The statement being read. */
extern StatementModel *model_current(Model *model);

/*
 * Whether a definition names a relation, a type or a function by this name
 * somewhere: what it then is, only the server knows.
 */
extern bool model_names(const Definition *definition, const char *name);

/* Whether the query of a view says "*" somewhere. */
extern bool model_has_star(const Definition *definition);

/* Whether a definition of an index or a constraint mentions a column. */
extern bool model_mentions(const Model *model, const Definition *definition,
						   const Object *column);

/*
 * The one column that a raw expression mentions, or NULL for none or several.
 */
extern const char *model_only_column(Node *expression);

#endif							/* REMIGRATE_MODEL_H */
