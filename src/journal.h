/*-------------------------------------------------------------------------
 *
 * journal.h
 *	  _prisma_migrations, the journal that Prisma and remigrate share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef REMIGRATE_JOURNAL_H
#define REMIGRATE_JOURNAL_H

#include "datatype/timestamp.h"
#include "nodes/pg_list.h"
#include "storage/lockdefs.h"
#include "utils/relcache.h"

#define JOURNAL_TABLE "_prisma_migrations"

/* The most characters that a migration's name can have in it. */
#define JOURNAL_NAME_LIMIT 255

/*
 * Readers and writers of rows go past it, but not whoever would add an index,
 * a child table or statistics to the journal after it was looked at: each of
 * these can run code as whoever writes to the table.
 */
#define JOURNAL_WRITE_LOCK ShareUpdateExclusiveLock

typedef enum JournalColumnName
{
	JOURNAL_ID,
	JOURNAL_CHECKSUM,
	JOURNAL_FINISHED_AT,
	JOURNAL_MIGRATION_NAME,
	JOURNAL_LOGS,
	JOURNAL_ROLLED_BACK_AT,
	JOURNAL_STARTED_AT,
	JOURNAL_APPLIED_STEPS_COUNT,
	JOURNAL_COLUMNS				/* how many there are */
} JournalColumnName;

typedef struct Journal
{
	Oid			relation;
	const char *table;			/* qualified and quoted */
	bool		id_is_uuid;		/* Prisma's own is text */
	int			columns[JOURNAL_COLUMNS];	/* their numbers in the table */
	Oid			types[JOURNAL_COLUMNS];
} Journal;

typedef struct JournalRow
{
	char	   *id;
	char	   *name;
	char	   *checksum;
	char	   *logs;			/* or NULL */
	TimestampTz started_at;
	TimestampTz finished_at;	/* valid if finished */
	TimestampTz rolled_back_at; /* valid if rolled_back */
	bool		finished;
	bool		rolled_back;
	int			applied_steps_count;
} JournalRow;

/* Whether a row calls its migration applied. */
extern bool journal_row_is_live(const JournalRow *row);

/* Whether it does so with a word that is no checksum, and so could not know. */
extern bool journal_row_is_claim(const JournalRow *row);

/*
 * Raises 42501 for a schema that is not open to the caller, as the server does
 * for whoever names a table of it.
 */
extern void journal_check_schema(Oid schema);

/*
 * Opens the journal of a schema for reading, with AccessShareLock, or for
 * writing, with JOURNAL_WRITE_LOCK, and keeps that lock until the end of the
 * transaction.  Returns NULL where the schema has none.  Raises 42501 for a
 * schema that is not open to the caller, and 42809 for a relation of that
 * name that would run somebody's code when it is used, or that is not what
 * Prisma makes.
 */
extern Journal *journal_open(Oid schema, LOCKMODE lock_mode);

/*
 * The table of a journal that is open, looked at anew: the script may have
 * changed it.  Raises 42809 as journal_open does, and 55000 where it is gone.
 */
extern Relation journal_relation(Journal *journal);

/* Opens it for writing, and makes it just as Prisma does where there is none. */
extern Journal *journal_open_or_create(Oid schema);

/*
 * Raises 55000 if the journal that was opened earlier in this transaction is
 * not the schema's journal any more.
 */
extern void journal_check_still_there(const Journal *journal, Oid schema,
									  const char *subject);

/*
 * The journal's rows by start time, of one migration or, with a null pointer
 * for its name, of all: a list of JournalRow in the current memory context.
 * Raises 42809 for a row without an id.
 */
extern List *journal_rows(const Journal *journal, const char *name);

/* For list_sort: by name in byte order, and those of one name as above. */
extern int	journal_compare_by_name(const ListCell *left, const ListCell *right);

/* What one scan tells besides a migration's own rows. */
typedef struct JournalSurvey
{
	List	   *rows;			/* of the migration, as journal_rows gives
								 * them */
	char	   *failed_name;	/* of another one that failed and is in
								 * everybody's way (Prisma's P3009), or NULL */
	bool		any_applied;
	bool		last_not_run;	/* what was applied last of all, by anybody,
								 * was not run by whoever recorded it */
} JournalSurvey;

/* In the current memory context; raises what journal_rows raises. */
extern JournalSurvey journal_survey(const Journal *journal, const char *name);

/* The name of a migration that failed, or NULL. */
extern char *journal_failed_migration(const Journal *journal);

/*
 * Writes a new row with all that "row" says but its id, which the server
 * makes.  Returns the id, palloc'd.
 */
extern char *journal_insert(const Journal *journal, const JournalRow *row);

/*
 * Ends the unfinished row with row->id: finished_at or rolled_back_at, logs,
 * count, and unless it is NULL checksum, as "row" says.  Returns false where
 * there is no such row that is still unfinished.
 */
extern bool journal_end_row(const Journal *journal, const JournalRow *row);

/* Whether the row with this id is there, neither finished nor rolled back. */
extern bool journal_row_is_unfinished(const Journal *journal, const char *id);

/* Deletes a row and returns it, whole, as json. */
extern char *journal_delete_row(const Journal *journal, const char *id);

/* Takes an unfinished row of ours back. */
extern void journal_delete_unfinished(const Journal *journal, const char *id);

/*
 * Puts right what was only claimed: every finished row of the migration that
 * has no checksum gets this one, and where the claim was "false_claim" is
 * marked as rolled back.
 */
extern void journal_correct_claims(const Journal *journal, const char *name,
								   const char *checksum, bool false_claim);

/* Puts a row's checksum right. */
extern void journal_correct_checksum(const Journal *journal, const char *id,
									 const char *checksum);

/* Whether a schema has tables, the journal and extensions' ones apart. */
extern bool journal_schema_has_tables(Oid schema);

#endif							/* REMIGRATE_JOURNAL_H */
