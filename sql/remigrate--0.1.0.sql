/* remigrate--0.1.0.sql: the schema, the tables and the functions of remigrate. */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION remigrate" to load this file. \quit

-- The schema is made here and not by the control file, which would accept one
-- that another user had made, with functions of his in it.
CREATE SCHEMA remigrate;
COMMENT ON SCHEMA remigrate IS
'remigrate: runs Prisma migrations from inside the database';

-- Tables --------------------------------------------------------------------
-- Written by the module alone, as their owner; read by whom the installer lets.

CREATE TABLE remigrate.script (
	checksum text PRIMARY KEY,
	content bytea NOT NULL
);
COMMENT ON TABLE remigrate.script IS
'Scripts that were staged or run, once per checksum, as the bytes of their UTF-8 files.';

CREATE TABLE remigrate.registry (
	target_schema text NOT NULL,
	migration_name text COLLATE "C" NOT NULL,
	checksum text NOT NULL,
	state text NOT NULL CHECK (state IN ('pending', 'running', 'applied')),
	held boolean NOT NULL DEFAULT false,
	staged_at timestamptz,
	staged_by text,
	journal_id text,
	process_id integer,
	statements_done integer NOT NULL DEFAULT 0,
	statement_running integer,
	prefix_checksum text,
	attempts integer NOT NULL DEFAULT 0,
	next_attempt_at timestamptz,
	last_sqlstate text,
	last_error text,
	PRIMARY KEY (target_schema, migration_name)
);
COMMENT ON TABLE remigrate.registry IS
'Migrations that were staged or run: which script, and how far it is.';
CREATE INDEX registry_checksum_idx ON remigrate.registry (checksum);

CREATE TABLE remigrate.event_log (
	id bigint PRIMARY KEY,
	at timestamptz NOT NULL,
	action text NOT NULL,
	target_schema text NOT NULL,
	migration_name text NOT NULL,
	checksum text,
	statements integer,
	duration interval,
	sqlstate text,
	message text,
	evidence jsonb,
	role_name text NOT NULL,
	session_role_name text NOT NULL,
	application_name text,
	client_address text,
	process_id integer NOT NULL
);
COMMENT ON TABLE remigrate.event_log IS
'What came of each migration: when, who, what, how long, and why it was decided so. Append-only.';
CREATE INDEX event_log_migration_idx
	ON remigrate.event_log (target_schema, migration_name);

SELECT pg_catalog.pg_extension_config_dump('remigrate.script', '');
SELECT pg_catalog.pg_extension_config_dump('remigrate.registry', '');
SELECT pg_catalog.pg_extension_config_dump('remigrate.event_log', '');

-- Functions -----------------------------------------------------------------

CREATE FUNCTION remigrate.apply(name text, script text,
	target_schema text DEFAULT 'public',
	lock_timeout interval DEFAULT NULL,
	migration_lock_wait interval DEFAULT NULL,
	on_edited text DEFAULT NULL,
	resume_at integer DEFAULT NULL,
	on_duplicate text DEFAULT NULL,
	concurrently text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_apply';

CREATE FUNCTION remigrate.apply(name text, script bytea,
	target_schema text DEFAULT 'public',
	lock_timeout interval DEFAULT NULL,
	migration_lock_wait interval DEFAULT NULL,
	on_edited text DEFAULT NULL,
	resume_at integer DEFAULT NULL,
	on_duplicate text DEFAULT NULL,
	concurrently text DEFAULT NULL)
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_apply';

DO $comments$
DECLARE
	form regtype;
BEGIN
	FOREACH form IN ARRAY ARRAY['text', 'bytea']::regtype[] LOOP
		EXECUTE pg_catalog.format($$
COMMENT ON FUNCTION remigrate.apply(text, %s, text, interval, interval, text, integer, text, text) IS %L
$$, form, pg_catalog.format($$Runs one Prisma migration in a subtransaction of the caller's transaction and records it in _prisma_migrations.
name: the migration's name, that of its folder. script: its migration.sql, as %s. target_schema: the schema of the journal, in which unqualified names resolve. lock_timeout: how long each statement may wait for a lock. migration_lock_wait: how long to wait for another deployer. on_edited: error or warning. concurrently: error, or inline to build indexes without CONCURRENTLY. resume_at: the number of the first statement to run, those before it being done. on_duplicate: resume (the default) looks, when an object is there already or not any more, which beginning of the script the schema shows, and runs the rest; skip takes it for proof that the whole script was applied; error for an error. What is null comes from the setting of that name.
Returns applied, resumed (the rest of it was run), already_applied (found in the schema), unchanged (found in the journal), or healed (called applied by the journal, without a checksum, and found to be).
Raises the failing statement's own SQLSTATE; 55P03 where the migration lock is busy, 55000 where a failed migration is in the way, 0A000 for a statement that a migration cannot hold, 25001 under another isolation level than READ COMMITTED, RM001 for a script edited after it was applied, RM002 where nobody can tell how much of it is applied.$$,
			CASE form WHEN 'text'::regtype THEN 'text' ELSE 'the bytes of the UTF-8 file' END));
	END LOOP;
END
$comments$;

CREATE PROCEDURE remigrate.migrate(name text, script text,
	target_schema text DEFAULT 'public',
	lock_timeout interval DEFAULT NULL,
	migration_lock_wait interval DEFAULT NULL,
	on_edited text DEFAULT NULL,
	resume_at integer DEFAULT NULL,
	on_duplicate text DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'remigrate_migrate';

CREATE PROCEDURE remigrate.migrate(name text, script bytea,
	target_schema text DEFAULT 'public',
	lock_timeout interval DEFAULT NULL,
	migration_lock_wait interval DEFAULT NULL,
	on_edited text DEFAULT NULL,
	resume_at integer DEFAULT NULL,
	on_duplicate text DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'remigrate_migrate';

DO $comments$
DECLARE
	form regtype;
BEGIN
	FOREACH form IN ARRAY ARRAY['text', 'bytea']::regtype[] LOOP
		EXECUTE pg_catalog.format($$
COMMENT ON PROCEDURE remigrate.migrate(text, %s, text, interval, interval, text, integer, text) IS %L
$$, form, pg_catalog.format($$Runs one Prisma migration in transactions of its own and records it in _prisma_migrations: CREATE INDEX CONCURRENTLY, VACUUM, COMMIT, isolation levels and enum values used in the script that adds them all work. A failure is on record before its error is raised.
name: the migration's name, that of its folder. script: its migration.sql, as %s. target_schema: the schema of the journal, in which unqualified names resolve. lock_timeout: how long each statement may wait for a lock. migration_lock_wait: how long to wait for another deployer. on_edited: error or warning. resume_at: the number of the first statement to run, those before it being done. on_duplicate: resume (the default) looks, when an object is there already or not any more, which beginning of the script the schema shows, and runs the rest; skip takes it for proof that the whole script was applied; error for an error. What is null comes from the setting of that name.
Reports the outcome by a NOTICE: applied, resumed (the rest of it was run), already_applied (found in the schema), unchanged (found in the journal), or healed (called applied by the journal, without a checksum, and found to be).
Raises the failing statement's own SQLSTATE; 2D000 anywhere but in a CALL by itself, 55P03 where the migration lock is busy, 55000 where a failed migration is in the way, 0A000 for a statement that a migration cannot hold, RM001 for a script edited after it was applied, RM002 where nobody can tell whether a part of it has happened.$$,
			CASE form WHEN 'text'::regtype THEN 'text' ELSE 'the bytes of the UTF-8 file' END));
	END LOOP;
END
$comments$;

CREATE PROCEDURE remigrate.deploy(upto text DEFAULT NULL,
	target_schema text DEFAULT 'public',
	lock_timeout interval DEFAULT NULL,
	migration_lock_wait interval DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'remigrate_deploy';
COMMENT ON PROCEDURE remigrate.deploy(text, text, interval, interval) IS
'Runs every staged migration that is pending, in name order, one that is half-way first, each in transactions of its own, and stops at the first that fails.
upto: the name of the last migration to run; null for all. target_schema: the schema of the journal. lock_timeout, migration_lock_wait: as for migrate.
Reports each migration by a NOTICE: its outcome, how many statements, how long; one that was edited by a WARNING.
Raises what migrate raises; 42704 for an upto that is not staged, 42501 where the stager of a script lacks privileges of the caller, RM003 for a schema with tables and no journal, 55000 where the journal no longer shows a migration that was applied.';

CREATE FUNCTION remigrate.stage(name text, script text,
	target_schema text DEFAULT 'public')
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_stage';

CREATE FUNCTION remigrate.stage(name text, script bytea,
	target_schema text DEFAULT 'public')
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_stage';

DO $comments$
DECLARE
	form regtype;
BEGIN
	FOREACH form IN ARRAY ARRAY['text', 'bytea']::regtype[] LOOP
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION remigrate.stage(text, %s, text) IS %L', form,
'Makes a migration pending, for CALL remigrate.deploy() to run. Takes no migration lock.
name: the migration''s name. script: its migration.sql, as text or as the bytes of its UTF-8 file. target_schema: the schema of the journal.
Returns staged, or unchanged where the migration is pending with this script or applied with it.
Raises RM001 where it is applied with another script, 42601 for a syntax error, 0A000 for a statement that a migration cannot hold.');
	END LOOP;
END
$comments$;

CREATE FUNCTION remigrate.stage_all(bundle jsonb,
	target_schema text DEFAULT 'public', prune boolean DEFAULT false)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_stage_all';
COMMENT ON FUNCTION remigrate.stage_all(jsonb, text, boolean) IS
'Makes several migrations pending, all of them or none.
bundle: an object of names and scripts, {"name": "script", ...}. target_schema: the schema of the journal. prune: whether to unstage what is pending and not in the bundle.
Returns how many migrations were staged or unstaged. Raises what stage raises, and 22023 for a bundle of another form.';

CREATE FUNCTION remigrate.unstage(name text,
	target_schema text DEFAULT 'public')
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_unstage';
COMMENT ON FUNCTION remigrate.unstage(text, text) IS
'Forgets a staged migration that is pending or held, or one that was applied and that the journal does not show any more.
name: the migration''s name. target_schema: the schema of the journal.
Returns whether there was one. Raises 55000 for a migration that is applied, running or half done.';

CREATE FUNCTION remigrate.require(names text[] DEFAULT NULL,
	target_schema text DEFAULT 'public')
RETURNS integer
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'remigrate_require';
COMMENT ON FUNCTION remigrate.require(text[], text) IS
'Raises an error unless migrations are applied: a gate for deployments, and an answer through channels that return no rows.
names: which migrations; null for all that are staged. target_schema: the schema of the journal.
Returns how many were required. Raises RM004 with how many are missing, the first ten of them, their state and last error, and where none is staged. Works on a standby.';

CREATE FUNCTION remigrate.require_checksums(checksums jsonb,
	target_schema text DEFAULT 'public')
RETURNS integer
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'remigrate_require_checksums';
COMMENT ON FUNCTION remigrate.require_checksums(jsonb, text) IS
'Raises an error unless these migrations are applied with these scripts.
checksums: an object of names and checksums, {"name": "sha-256", ...}. target_schema: the schema of the journal.
Returns how many were required. Raises RM004 as require does, where a migration applied with another script counts as edited, and 22023 for an object of another form. Works on a standby.';

CREATE FUNCTION remigrate.resolve(name text, action text,
	script text DEFAULT NULL, target_schema text DEFAULT 'public')
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_resolve';

-- Without a default for the script, so that a call without one is no question.
CREATE FUNCTION remigrate.resolve(name text, action text,
	script bytea, target_schema text DEFAULT 'public')
RETURNS text
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_resolve';

DO $comments$
DECLARE
	form regtype;
BEGIN
	FOREACH form IN ARRAY ARRAY['text', 'bytea']::regtype[] LOOP
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION remigrate.resolve(text, text, %s, text) IS %L', form,
'An operator''s word about a migration, as "prisma migrate resolve" gives it.
name: the migration''s name. action: applied, to record it as applied without running it; rolled_back, to say that a failed attempt was undone by hand; edited, to accept this script in place of the one that was applied. script: its migration.sql, as text or as the bytes of its UTF-8 file; for applied, a staged one is found by itself. target_schema: the schema of the journal.
Returns the action. rolled_back names the invalid indexes of the schema by NOTICEs.
Raises 55000 under Prisma''s own conditions: P3008 for one that is applied already, P3011 for one that never was, P3012 for one that has not failed, P3017 for one whose script is not known; 55P03 where the migration lock is busy.');
	END LOOP;
END
$comments$;

CREATE FUNCTION remigrate.baseline(upto text,
	target_schema text DEFAULT 'public', force boolean DEFAULT false)
RETURNS integer
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_baseline';
COMMENT ON FUNCTION remigrate.baseline(text, text, boolean) IS
'Marks staged migrations as applied without running them: for a schema that was made from them by other means.
upto: the name of the last one; null for all that are staged. target_schema: the schema of the journal. force: whether to go on, with a warning, where the schema lacks what the migrations make.
Returns how many were marked; those that are applied already are passed over.
Raises RM002 with what the history says should exist and does not, 42704 for an upto that is not staged, 55000 where a failed migration is in the way, 55P03 where the migration lock is busy.';

CREATE FUNCTION remigrate.repair(target_schema text DEFAULT 'public',
	OUT migration_name text, OUT action text, OUT detail text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_repair';
COMMENT ON FUNCTION remigrate.repair(text) IS
'Checks what a journal claims and puts right what can be: checksums that are none, rows that older scripts have doubled, attempts that were interrupted.
target_schema: the schema of the journal.
Returns one row per thing done or found: migration_name; action: corrected checksum, removed row or rolled back for what was done, unproven, unfinished or forgotten for what was found; detail. A second call returns none. What is unproven is put right by deploying it.
Raises 55P03 where the migration lock is busy, 42809 for a journal that is not a plain table.';

CREATE PROCEDURE remigrate.reconcile(target_schema text DEFAULT NULL)
LANGUAGE C
AS 'MODULE_PATHNAME', 'remigrate_reconcile';
COMMENT ON PROCEDURE remigrate.reconcile(text) IS
'Runs what is staged and pending, unattended: the procedure for pg_cron to call.
target_schema: the schema of the journal; null for every schema that has staged migrations.
A failure that may pass (a lock time-out, a deadlock, a cancel, a lack of resources) is tried again, after a minute at first and an hour at the most. Any other one holds the migration, and those after it, until it is staged anew, resolved or deployed by hand. One schema''s failure does not stop the next one''s. A run that finds something held ends with one WARNING, RM005.
Raises 2D000 anywhere but in a CALL by itself, 55P03 where the migration lock is busy.';

CREATE FUNCTION remigrate.schedule(cron_expression text DEFAULT '*/5 * * * *')
RETURNS bigint
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_schedule';
COMMENT ON FUNCTION remigrate.schedule(text) IS
'Makes pg_cron call remigrate.reconcile() on a schedule, in this database and as this role; changes the schedule of a job that is there.
cron_expression: when, as pg_cron reads it.
Returns the job''s number. Raises 42704 where pg_cron is not installed in this database, with the statement to run elsewhere, and what cron.schedule raises.';

CREATE FUNCTION remigrate.unschedule()
RETURNS boolean
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_unschedule';
COMMENT ON FUNCTION remigrate.unschedule() IS
'Removes the job that schedule has made as this role.
Returns whether there was one. Raises 42704 where pg_cron is not installed in this database.';

CREATE FUNCTION remigrate.status(target_schema text DEFAULT 'public',
	OUT migration_name text, OUT state text, OUT staged boolean,
	OUT checksum text, OUT started_at timestamptz, OUT finished_at timestamptz,
	OUT duration interval, OUT attempts integer,
	OUT applied_steps_count integer, OUT logs text)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL RESTRICTED
AS 'MODULE_PATHNAME', 'remigrate_status';
COMMENT ON FUNCTION remigrate.status(text) IS
'Where each migration stands, journal and registry together, one row per migration in name order.
target_schema: the schema of the journal.
Returns migration_name; state: applied, pending, running, failed, rolled_back, edited, unproven or held; staged: whether its script is in the registry, waiting or run; checksum, started_at, finished_at, applied_steps_count and logs of the journal row that makes the state what it is: the failed one, else the finished one, else the last; duration between the two; attempts: how many journal rows it has.
Raises 3F000 for a schema that is not there, 42809 for a journal that is not a plain table. Works without a journal, in a read-only transaction and on a standby.';

CREATE FUNCTION remigrate.checksum(script text) RETURNS text
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'remigrate_checksum';
COMMENT ON FUNCTION remigrate.checksum(text) IS
'Prisma''s checksum of a script: the SHA-256 of its UTF-8 form, as 64 lower-case hexadecimal digits.
script: the text of a migration.sql. Returns null for null. Raises 22021 for text that is not valid.';

CREATE FUNCTION remigrate.checksum(script bytea) RETURNS text
LANGUAGE C IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'remigrate_checksum';
COMMENT ON FUNCTION remigrate.checksum(bytea) IS
'Prisma''s checksum of a script: the SHA-256 of its bytes, as 64 lower-case hexadecimal digits.
script: the bytes of a migration.sql. Returns null for null. Raises nothing.';

CREATE FUNCTION remigrate.statements(script text,
	OUT number integer, OUT line integer, OUT command text,
	OUT transactional boolean, OUT text text)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'remigrate_statements';

CREATE FUNCTION remigrate.statements(script bytea,
	OUT number integer, OUT line integer, OUT command text,
	OUT transactional boolean, OUT text text)
RETURNS SETOF record
LANGUAGE C STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'remigrate_statements';

DO $comments$
DECLARE
	form regtype;
BEGIN
	FOREACH form IN ARRAY ARRAY['text', 'bytea']::regtype[] LOOP
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION remigrate.statements(%s) IS %L', form,
'What the server''s parser sees in a script, one row per statement; nothing is run.
script: the text of a migration.sql, or the bytes of its UTF-8 file.
Returns number: 1 for the first; line: where the statement begins; command: its command tag; transactional: whether it can run inside a transaction; text: the statement without its semicolon. No row for null.
Raises 42601 for a syntax error, 22021 for bytes that are not UTF-8, 54000 for a script over 64 MB.');
	END LOOP;
END
$comments$;

-- What the look at a schema finds; nothing of the script is run.

CREATE FUNCTION remigrate.look(script text,
	target_schema text DEFAULT 'public',
	OUT statement integer, OUT line integer, OUT command text, OUT state text,
	OUT expected text, OUT found text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_look';

CREATE FUNCTION remigrate.look(script bytea,
	target_schema text DEFAULT 'public',
	OUT statement integer, OUT line integer, OUT command text, OUT state text,
	OUT expected text, OUT found text)
RETURNS SETOF record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_look';

CREATE FUNCTION remigrate.seam(script text,
	target_schema text DEFAULT 'public',
	OUT verdict text, OUT resume_from integer, OUT smallest integer,
	OUT largest integer, OUT reason text, OUT summary text,
	OUT report text, OUT evidence jsonb)
RETURNS record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_seam';

CREATE FUNCTION remigrate.seam(script bytea,
	target_schema text DEFAULT 'public',
	OUT verdict text, OUT resume_from integer, OUT smallest integer,
	OUT largest integer, OUT reason text, OUT summary text,
	OUT report text, OUT evidence jsonb)
RETURNS record
LANGUAGE C VOLATILE PARALLEL UNSAFE
AS 'MODULE_PATHNAME', 'remigrate_seam';

DO $comments$
DECLARE
	form regtype;
BEGIN
	FOREACH form IN ARRAY ARRAY['text', 'bytea']::regtype[] LOOP
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION remigrate.look(%s, text) IS %L', form,
'Compares each statement of a script with the schema, running none of it.
script: the text of a migration.sql, or the bytes of its UTF-8 file. target_schema: the schema in which unqualified names resolve.
Returns one row per statement: statement: its number; line and command; state: done, not done, differs, invalid (an index whose build was interrupted), opaque (the catalog cannot show whether it ran) or no evidence (it would have changed nothing); expected: the fact that decided; found: what is there.
Raises 42601 for a syntax error, 3F000 for a schema that is not there.');
		EXECUTE pg_catalog.format('COMMENT ON FUNCTION remigrate.seam(%s, text) IS %L', form,
'Tells which beginning of a script the schema looks like, running none of it: what apply and migrate would decide after "already exists".
script: the text of a migration.sql, or the bytes of its UTF-8 file. target_schema: the schema in which unqualified names resolve.
Returns verdict: fresh (run all of it), complete (all of it is there), resume (the first resume_from statements are done), undecidable (the catalog cannot show whether a statement at the seam ran) or contradicts (the schema looks like no beginning of it); smallest and largest: the numbers of statements after which the schema could look like this; reason and summary: one line each; report: one line per statement; evidence: all of it.
Raises 42601 for a syntax error, 3F000 for a schema that is not there.');
	END LOOP;
END
$comments$;

-- Views ---------------------------------------------------------------------

CREATE VIEW remigrate.overview AS
SELECT r.target_schema,
	count(*) FILTER (WHERE s.state = 'applied') AS applied,
	count(*) FILTER (WHERE s.state = 'pending') AS pending,
	count(*) FILTER (WHERE s.state = 'running') AS running,
	count(*) FILTER (WHERE s.state = 'failed') AS failed,
	count(*) FILTER (WHERE s.state = 'rolled_back') AS rolled_back,
	count(*) FILTER (WHERE s.state = 'edited') AS edited,
	count(*) FILTER (WHERE s.state = 'unproven') AS unproven,
	count(*) FILTER (WHERE s.state = 'held') AS held,
	max(s.finished_at) AS last_finished_at
FROM (SELECT DISTINCT g.target_schema FROM remigrate.registry g
	JOIN pg_catalog.pg_namespace n ON n.nspname = g.target_schema) r,
	LATERAL remigrate.status(r.target_schema) s
GROUP BY r.target_schema;
COMMENT ON VIEW remigrate.overview IS
'One row per target schema that the registry knows: how many migrations are in each state, and when the last one finished.';

CREATE VIEW remigrate.activity AS
SELECT l.pid AS process_id,
	CASE WHEN bool_or(l.waits) THEN 'waits' ELSE 'holds' END AS activity,
	array_agg(DISTINCT l.lock ORDER BY l.lock) AS locks,
	a.usename AS role_name, a.application_name, a.state,
	CASE WHEN a.state LIKE 'idle%' THEN a.state_change
		ELSE coalesce(a.xact_start, a.query_start) END AS since,
	a.query,
	pg_catalog.pg_blocking_pids(l.pid) AS blocked_by
FROM (SELECT k.pid,
		CASE k.key WHEN 72707369 THEN 'prisma' ELSE 'remigrate' END AS lock,
		NOT k.granted OR k.key = 7270736972707370 AS waits
	FROM (SELECT pid, granted,
			(classid::pg_catalog.int8 << 32) | objid::pg_catalog.int8 AS key
		FROM pg_catalog.pg_locks
		WHERE locktype = 'advisory' AND objsubid = 1 AND database =
			(SELECT oid FROM pg_catalog.pg_database
			WHERE datname = pg_catalog.current_database())) k
	WHERE k.key IN (72707369, 7270736972707369, 7270736972707370)) l
	LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid
GROUP BY l.pid, a.usename, a.application_name, a.state, a.state_change,
	a.xact_start, a.query_start, a.query;
COMMENT ON VIEW remigrate.activity IS
'Who holds the migration locks and who waits for them, since when, what they run, and who blocks them. The query of other roles shows to members of pg_read_all_stats alone.';

-- Rights --------------------------------------------------------------------
-- The owner of all this is the bootstrap superuser; whoever installed it gets
-- the use of it, and may hand it on. Nothing that writes is open to PUBLIC.

REVOKE ALL ON ALL ROUTINES IN SCHEMA remigrate FROM PUBLIC;
GRANT USAGE ON SCHEMA remigrate TO @extowner@ WITH GRANT OPTION;
GRANT SELECT ON ALL TABLES IN SCHEMA remigrate TO @extowner@ WITH GRANT OPTION;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA remigrate TO @extowner@ WITH GRANT OPTION;
