--
-- apply: what comes of a migration, and what the journal then says
--
SET timezone = 'UTC';
CREATE SCHEMA apply;
SET search_path = apply;

-- The journal as Prisma's engine makes it.
CREATE TABLE by_prisma (
	id VARCHAR(36) PRIMARY KEY NOT NULL,
	checksum VARCHAR(64) NOT NULL,
	finished_at TIMESTAMPTZ,
	migration_name VARCHAR(255) NOT NULL,
	logs TEXT,
	rolled_back_at TIMESTAMPTZ,
	started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
	applied_steps_count INTEGER NOT NULL DEFAULT 0
);

-- Outcomes -----------------------------------------------------------------

SELECT remigrate.apply('20240101000000_init', $script$
-- CreateTable
CREATE TABLE "User" (id serial PRIMARY KEY, email text NOT NULL);

-- CreateIndex
CREATE UNIQUE INDEX "User_email_key" ON "User"(email);
$script$, 'apply');

-- Its rows, without what differs from run to run.
CREATE VIEW public.journal AS
SELECT migration_name AS name,
	applied_steps_count AS steps,
	finished_at IS NOT NULL AS finished,
	rolled_back_at IS NOT NULL AS rolled_back,
	logs
FROM _prisma_migrations ORDER BY started_at;

-- Nothing of ours stands in the application's schema but the journal, and
-- the journal is the one that Prisma would have made.
SELECT relname, relkind FROM pg_class
WHERE relnamespace = 'apply'::regnamespace AND relname ~ '^_prisma'
ORDER BY relname;

CREATE FUNCTION public.columns_of(relation regclass)
RETURNS TABLE (attname name, type text, not_null boolean, "default" text, collation_is_default boolean)
LANGUAGE sql AS $$
	SELECT a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
		pg_get_expr(d.adbin, d.adrelid), a.attcollation IN (0, 100)
	FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	WHERE a.attrelid = relation AND a.attnum > 0 ORDER BY a.attnum
$$;
SELECT * FROM public.columns_of('_prisma_migrations');
SELECT * FROM public.columns_of('_prisma_migrations')
EXCEPT SELECT * FROM public.columns_of('by_prisma');
SELECT pg_get_constraintdef(oid), conname FROM pg_constraint
WHERE conrelid = '_prisma_migrations'::regclass AND contype <> 'n';
SELECT count(*) AS indexes FROM pg_index WHERE indrelid = '_prisma_migrations'::regclass;
SELECT count(*) AS members_of_the_extension FROM pg_depend
WHERE objid = '_prisma_migrations'::regclass AND deptype = 'e';
DROP TABLE by_prisma;

SELECT * FROM public.journal;
SELECT id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' AS is_uuid_v4,
	checksum = encode(sha256(convert_to($script$
-- CreateTable
CREATE TABLE "User" (id serial PRIMARY KEY, email text NOT NULL);

-- CreateIndex
CREATE UNIQUE INDEX "User_email_key" ON "User"(email);
$script$, 'UTF8')), 'hex') AS is_sha256,
	started_at < finished_at AS in_order,
	finished_at BETWEEN now() - interval '1 min' AND clock_timestamp() AS is_recent
FROM _prisma_migrations;

-- The clock, not the transaction's start.
BEGIN;
SELECT pg_sleep(0.02);
SELECT remigrate.apply('20240101000001_clock', 'SELECT pg_sleep(0.02)', 'apply');
SELECT started_at >= now() + interval '20 ms' AS started_by_the_clock,
	finished_at >= started_at + interval '20 ms' AS finished_by_the_clock
FROM _prisma_migrations WHERE migration_name ~ 'clock';
ROLLBACK;
SELECT name FROM public.journal;

-- Again: nothing happens.
SELECT remigrate.apply('20240101000000_init', $script$
-- CreateTable
CREATE TABLE "User" (id serial PRIMARY KEY, email text NOT NULL);

-- CreateIndex
CREATE UNIQUE INDEX "User_email_key" ON "User"(email);
$script$, 'apply');
SELECT count(*) FROM public.journal;

-- As bytes, as a channel that cuts at every semicolon would carry it.
SELECT remigrate.apply('20240102000000_post',
	decode('Q1JFQVRFIFRBQkxFICJQb3N0IiAoaWQgaW50KTs=', 'base64'), 'apply');
SELECT remigrate.apply('20240102000000_post', 'CREATE TABLE "Post" (id int);', 'apply');
SELECT relname FROM pg_class
WHERE relnamespace = 'apply'::regnamespace AND relkind = 'r' ORDER BY 1;

-- Empty scripts and such that are only comments are recorded, as Prisma does.
SELECT remigrate.apply('20240103000000_empty', '', 'apply');
SELECT remigrate.apply('20240103000000_empty', ''::bytea, 'apply');
SELECT remigrate.apply('20240103000001_comment', E'-- This is an empty migration.\n', 'apply');
SELECT remigrate.apply('20240103000002_semicolons', ' ; ;; ', 'apply');
SELECT migration_name, checksum FROM _prisma_migrations WHERE migration_name ~ '^20240103' ORDER BY 1;

-- Arguments by name, in any order.
SELECT remigrate.apply(target_schema => 'apply', script => 'SELECT 1', name => '20240104000000_named');

-- Several in one transaction, and in one statement.
BEGIN;
SELECT remigrate.apply('20240105000000_one', 'CREATE TABLE one ()', 'apply');
SELECT remigrate.apply('20240105000001_two', 'CREATE TABLE two ()', 'apply');
SELECT remigrate.apply('20240105000000_one', 'CREATE TABLE one ()', 'apply');
ROLLBACK;
SELECT remigrate.apply('20240105000002_three', 'CREATE TABLE three ()', 'apply') FROM generate_series(1, 3);
SELECT count(*) FROM public.journal WHERE name ~ '^20240105';

-- Objects that are there already --------------------------------------------

CREATE TABLE early (a int);
SELECT remigrate.apply('20240201000000_early', E'CREATE TABLE late ();\nCREATE TABLE early (a int)', 'apply', on_duplicate => 'skip');
SELECT * FROM public.journal WHERE name ~ '^20240201';
SELECT to_regclass('late') AS what_ran_before_it_is_undone;
SELECT remigrate.apply('20240201000000_early', E'CREATE TABLE late ();\nCREATE TABLE early (a int)', 'apply');
SELECT remigrate.apply('20240201000001_early', 'CREATE TABLE early (a int)', 'apply', on_duplicate => 'error');
-- 42701, 42710, 42P06, 42723
SELECT remigrate.apply('20240201000002_column', 'ALTER TABLE early ADD COLUMN a int', 'apply', on_duplicate => 'skip');
CREATE TYPE mood AS ENUM ('sad');
SELECT remigrate.apply('20240201000003_type', $$CREATE TYPE mood AS ENUM ('glad')$$, 'apply', on_duplicate => 'skip');
SELECT remigrate.apply('20240201000004_schema', 'CREATE SCHEMA apply', 'apply', on_duplicate => 'skip');
CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT remigrate.apply('20240201000005_function', $$CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'$$, 'apply', on_duplicate => 'skip');
SELECT name, steps, finished, logs FROM public.journal WHERE name ~ '^2024020100000[2345]' ORDER BY 1;
-- What something else raised is no evidence of the statement's own effect.
SELECT remigrate.apply('20240201000006_do', 'DO $$ BEGIN CREATE TABLE early (); END $$', 'apply', on_duplicate => 'skip');
CREATE PROCEDURE duplicate() LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE early (); END $$;
SELECT remigrate.apply('20240201000007_call', 'CALL duplicate()', 'apply', on_duplicate => 'skip');
-- A unique violation is no duplicate object.
SELECT remigrate.apply('20240201000008_unique', 'CREATE TABLE u (a int PRIMARY KEY); INSERT INTO u VALUES (1), (1)', 'apply', on_duplicate => 'skip');
SELECT name FROM public.journal WHERE name ~ '^2024020100000[678]';

-- resume_at: an operator's word
SELECT remigrate.apply('20240202000000_resume', E'CREATE TABLE early (a int);\nCREATE TABLE resumed ()', 'apply', resume_at => 2);
SELECT * FROM public.journal WHERE name ~ 'resume';
SELECT to_regclass('resumed');
SELECT remigrate.apply('20240202000001_resume', E'CREATE TABLE early (a int);\nCREATE TABLE resumed ()', 'apply', resume_at => 3);
SELECT remigrate.apply('20240202000002_resume', 'SELECT 1', 'apply', resume_at => 0);
SELECT remigrate.apply('20240202000002_resume', 'SELECT 1', 'apply', resume_at => 3);
SELECT remigrate.apply('20240202000002_resume', 'SELECT 1', 'apply', resume_at => -2147483648);
SELECT remigrate.apply('20240202000002_resume', 'SELECT 1', 'apply', resume_at => 2147483647);

-- Failed rows (Prisma's P3009) ----------------------------------------------

INSERT INTO _prisma_migrations (id, checksum, migration_name, logs)
VALUES ('failed', 'x', '20240203000000_failed', 'ERROR: something');
SELECT remigrate.apply('20240203000001_after', 'SELECT 1', 'apply');
SELECT remigrate.apply('20240203000000_failed', 'SELECT 1', 'apply');
-- What is applied stays so.
SELECT remigrate.apply('20240104000000_named', 'SELECT 1', 'apply');
UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = 'failed';
SELECT remigrate.apply('20240203000001_after', 'SELECT 1', 'apply');
SELECT remigrate.apply('20240203000000_failed', 'SELECT 1', 'apply');
SELECT * FROM public.journal WHERE name ~ '^20240203' ORDER BY name, rolled_back DESC;
-- A finished row beside a failed one, as Prisma's append-only history has it.
INSERT INTO _prisma_migrations (id, checksum, migration_name)
VALUES ('failed 2', 'x', '20240203000000_failed');
SELECT remigrate.apply('20240203000000_failed', 'SELECT 1', 'apply');
SELECT remigrate.apply('20240203000002_after', 'SELECT 1', 'apply');
DELETE FROM _prisma_migrations WHERE id = 'failed 2';
-- Finished, and rolled back afterwards: it runs again.
UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '20240203000001_after';
SELECT remigrate.apply('20240203000001_after', 'SELECT 1', 'apply');

-- The target schema ----------------------------------------------------------

CREATE SCHEMA "Other ""schema"", x";
CREATE TABLE public.apply_shadow (a int);
CREATE FUNCTION public.apply_nothing() RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT remigrate.apply('20240301000000_elsewhere', $$
CREATE TABLE t (path text DEFAULT current_setting('search_path'), visible text[] DEFAULT current_schemas(true));
INSERT INTO t DEFAULT VALUES;
$$, 'Other "schema", x');
SELECT path, visible FROM "Other ""schema"", x".t;
SELECT migration_name FROM "Other ""schema"", x"._prisma_migrations;
-- Nothing but the target schema is searched, not even public.
SELECT remigrate.apply('20240301000001_public', 'SELECT * FROM apply_shadow', 'Other "schema", x');
\set VERBOSITY terse
SELECT remigrate.apply('20240301000001_public', 'SELECT apply_nothing()', 'Other "schema", x');
\set VERBOSITY default
SELECT remigrate.apply('20240301000001_public', 'SELECT * FROM public.apply_shadow', 'Other "schema", x');
-- A temporary table comes last: it can't stand in for the schema's own.
CREATE TEMP TABLE t (temporary int);
CREATE TEMP TABLE only_temporary (a int);
SELECT remigrate.apply('20240301000002_temp', 'INSERT INTO t VALUES (''not the temporary one''); INSERT INTO only_temporary VALUES (1)', 'Other "schema", x');
SELECT count(*) FROM pg_temp.t;
SELECT count(*) FROM "Other ""schema"", x".t;
DROP TABLE pg_temp.t, pg_temp.only_temporary;
-- public, unless named
SELECT remigrate.apply('20240301000003_public', 'CREATE TABLE apply_in_public ()');
SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename IN ('apply_in_public', '_prisma_migrations') ORDER BY 1;
DROP TABLE public.apply_in_public, public._prisma_migrations, public.apply_shadow;
DROP FUNCTION public.apply_nothing;
DROP SCHEMA "Other ""schema"", x" CASCADE;

-- BEGIN and COMMIT ----------------------------------------------------------

SELECT remigrate.apply('20240401000000_begin', 'BEGIN; CREATE TABLE b1 (); COMMIT; START TRANSACTION; CREATE TABLE b2 (); END', 'apply');
SELECT to_regclass('b1'), to_regclass('b2');
SELECT remigrate.apply('20240401000001_undone', 'BEGIN; CREATE TABLE b3 (); COMMIT; SELECT 1 / 0', 'apply');
SELECT to_regclass('b3') AS undone;
SELECT remigrate.apply('20240401000002_options', 'BEGIN ISOLATION LEVEL SERIALIZABLE; SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE; SELECT 1; COMMIT', 'apply');
BEGIN;
SELECT remigrate.apply('20240401000003_caller', 'COMMIT; BEGIN; CREATE TABLE b4 ()', 'apply');
ROLLBACK;
SELECT to_regclass('b4') AS undone, count(*) FROM public.journal WHERE name ~ 'caller';

-- Deferred constraints fire at the caller's COMMIT, and take the row along.
BEGIN;
SELECT remigrate.apply('20240401000004_deferred', '
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
INSERT INTO child VALUES (1);', 'apply');
COMMIT;
SELECT to_regclass('child') AS undone, count(*) FROM public.journal WHERE name ~ 'deferred';
SELECT remigrate.apply('20240401000004_deferred', '
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
INSERT INTO child VALUES (1);
INSERT INTO parent VALUES (1);', 'apply');

-- What is written down besides -------------------------------------------------

SELECT r.migration_name, r.state, s.content = convert_to('CREATE TABLE "Post" (id int);', 'UTF8') AS has_its_script
FROM remigrate.registry r JOIN remigrate.script s USING (checksum)
WHERE r.target_schema = 'apply' AND r.migration_name ~ '^2024010[12]'
ORDER BY 1;
SELECT action, migration_name, statements, sqlstate, message, evidence,
	at - duration <= at AS has_duration,
	role_name = current_user AND session_role_name = session_user AS has_role,
	application_name = current_setting('application_name') AS has_application,
	process_id = pg_backend_pid() AS has_pid
FROM remigrate.event_log
WHERE target_schema = 'apply' AND migration_name ~ '^2024010[123]|_early|resume'
ORDER BY id;

SET client_min_messages = warning;
DROP VIEW public.journal;
DROP FUNCTION public.columns_of;
DROP SCHEMA apply CASCADE;
