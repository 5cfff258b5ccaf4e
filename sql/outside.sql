--
-- outside: statements that run outside of transactions
--
SET client_min_messages = warning;
CREATE SCHEMA outside;
SET search_path = outside;
CREATE TABLE t (a int PRIMARY KEY, b int, c int);
INSERT INTO t SELECT i, i % 10, i % 7 FROM generate_series(1, 1000) i;
CREATE VIEW indexes AS
SELECT c.relname AS index, i.indrelid::regclass AS "table", i.indisvalid AS valid
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = 'outside'::regnamespace AND NOT i.indisprimary ORDER BY 1;
CALL remigrate.migrate('first', '', 'outside');
CREATE FUNCTION outcome(name text) RETURNS TABLE (state text, rolled_back bigint, steps int, registry text, done int, running int) LANGUAGE sql AS $$
	SELECT s.state, (SELECT count(*) FROM outside._prisma_migrations j WHERE j.migration_name = name AND rolled_back_at IS NOT NULL), s.applied_steps_count, r.state, r.statements_done, r.statement_running
	FROM remigrate.status('outside') s
	LEFT JOIN remigrate.registry r ON r.target_schema = 'outside' AND r.migration_name = name
	WHERE s.migration_name = name
$$;

-- Each kind, by itself and between others
CALL remigrate.migrate('alone', 'CREATE INDEX CONCURRENTLY alone ON t (b)', 'outside');
SELECT * FROM outcome('alone');
CALL remigrate.migrate('mixed', $script$
CREATE TABLE mixed (a int, x bigint);
INSERT INTO mixed SELECT i, txid_current() FROM generate_series(1, 10) i;
CREATE INDEX CONCURRENTLY mixed_a ON mixed (a);
CREATE UNIQUE INDEX CONCURRENTLY ON mixed (a, x);
INSERT INTO mixed VALUES (11, txid_current());
INSERT INTO mixed VALUES (12, txid_current());
VACUUM (ANALYZE) mixed;
DROP INDEX CONCURRENTLY alone;
REINDEX TABLE CONCURRENTLY mixed;
REINDEX INDEX CONCURRENTLY mixed_a;
VACUUM FULL mixed;
ANALYZE mixed;
INSERT INTO mixed VALUES (13, txid_current());
$script$, 'outside');
SELECT dense_rank() OVER (ORDER BY x) AS transaction, min(a), max(a) FROM mixed GROUP BY x ORDER BY 1;
SELECT * FROM indexes;
SELECT * FROM outcome('mixed');
SELECT action, statements FROM remigrate.event_log WHERE migration_name = 'mixed' AND target_schema = 'outside';
CALL remigrate.migrate('in a block', 'BEGIN; CREATE INDEX CONCURRENTLY in_a_block ON t (b); COMMIT; DROP INDEX CONCURRENTLY in_a_block', 'outside');
CALL remigrate.migrate('if exists', 'CREATE INDEX CONCURRENTLY IF NOT EXISTS mixed_a ON mixed (a); DROP INDEX CONCURRENTLY IF EXISTS in_a_block', 'outside');
CALL remigrate.migrate('settings', 'SET work_mem = ''3MB''; SET LOCAL work_mem = ''4MB''; VACUUM t; CREATE TABLE settings AS SELECT current_setting(''work_mem'')', 'outside');
SELECT * FROM settings;
CALL remigrate.migrate('partitions', $script$
CREATE TABLE p (a int) PARTITION BY RANGE (a);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (1) TO (10);
CREATE TABLE p2 PARTITION OF p FOR VALUES FROM (10) TO (20);
CREATE INDEX p_a ON p (a);
REINDEX TABLE p;
ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;
REINDEX INDEX p_a;
$script$, 'outside');
SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'p'::regclass;
CALL remigrate.migrate('databases', 'CREATE DATABASE regress_remigrate_outside; DROP DATABASE regress_remigrate_outside; CREATE TABLE after_it ()', 'outside');
SELECT * FROM outcome('databases');
-- The enum and the index in one script
CALL remigrate.migrate('enum', $script$
CREATE TYPE mood AS ENUM ('a');
CREATE TABLE moody (m mood);
COMMIT;
ALTER TYPE mood ADD VALUE 'b';
ALTER TABLE moody ALTER m SET DEFAULT 'b';
CREATE INDEX CONCURRENTLY moody_m ON moody (m) WHERE m = 'b';
ALTER TYPE mood ADD VALUE 'c';
CREATE INDEX CONCURRENTLY moody_c ON moody (m) WHERE m = 'c';
$script$, 'outside');
SELECT * FROM indexes WHERE index ~ 'moody';

-- A build that fails ------------------------------------------------------------------

\set VERBOSITY terse
CALL remigrate.migrate('unique', 'CREATE TABLE by_unique (); CREATE UNIQUE INDEX CONCURRENTLY u ON t (b); CREATE TABLE after_unique ()', 'outside');
SELECT * FROM indexes WHERE index = 'u';
SELECT * FROM outcome('unique');
SELECT to_regclass('by_unique'), to_regclass('after_unique');
-- The invalid index goes, and is built anew, as often as it takes.
CALL remigrate.migrate('unique', 'CREATE TABLE by_unique (); CREATE UNIQUE INDEX CONCURRENTLY u ON t (b); CREATE TABLE after_unique ()', 'outside');
UPDATE t SET b = a;
CALL remigrate.migrate('unique', 'CREATE TABLE by_unique (); CREATE UNIQUE INDEX CONCURRENTLY u ON t (b); CREATE TABLE after_unique ()', 'outside');
SELECT * FROM indexes WHERE index = 'u';
SELECT * FROM outcome('unique');
SELECT to_regclass('by_unique'), to_regclass('after_unique');

-- First statement of its script: the leftover alone is in the way.
CALL remigrate.migrate('leftover', 'CREATE UNIQUE INDEX CONCURRENTLY leftover ON t (c)', 'outside');
SELECT * FROM indexes WHERE index = 'leftover';
SELECT * FROM outcome('leftover');
CALL remigrate.migrate('another', 'CREATE TABLE another ()', 'outside');
SELECT remigrate.apply('another', 'CREATE TABLE another ()', 'outside');
SELECT remigrate.apply('leftover', 'CREATE UNIQUE INDEX leftover ON t (c)', 'outside');
CALL remigrate.migrate('leftover', 'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS leftover ON t (a, c)', 'outside');
SELECT * FROM indexes WHERE index = 'leftover';
SELECT remigrate.apply('leftover', 'CREATE UNIQUE INDEX IF NOT EXISTS leftover ON t (a, c)', 'outside');
DROP INDEX leftover;
CALL remigrate.migrate('leftover', 'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS leftover ON t (a, c)', 'outside');
SELECT * FROM indexes WHERE index = 'leftover';
SELECT * FROM outcome('leftover');
-- Its own is built anew, though IF NOT EXISTS would leave it.
CALL remigrate.migrate('if not exists', 'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS anew ON t ((a % 3))', 'outside');
CALL remigrate.migrate('if not exists', 'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS anew ON t ((a % 3))', 'outside');
DELETE FROM t WHERE a > 2;
CALL remigrate.migrate('if not exists', 'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS anew ON t ((a % 3))', 'outside');
SELECT * FROM indexes WHERE index = 'anew';
DROP INDEX anew;
INSERT INTO t SELECT i, i, i % 7 FROM generate_series(3, 1000) i;
-- One that was there before, by another's hand, is no leftover; and a valid one
CREATE UNIQUE INDEX CONCURRENTLY before ON t (c);
CALL remigrate.migrate('before', 'CREATE INDEX CONCURRENTLY before ON t (c)', 'outside');
DROP INDEX before;
CREATE INDEX before ON t (c);
CALL remigrate.migrate('valid', 'CREATE INDEX CONCURRENTLY before ON t (c)', 'outside', on_duplicate => 'error');
SELECT * FROM indexes WHERE index = 'before';
SELECT * FROM outcome('valid');
-- One of that name on another table is not touched.
CREATE TABLE other (c int);
INSERT INTO other VALUES (1), (1);
CREATE UNIQUE INDEX CONCURRENTLY elsewhere ON other (c);
CALL remigrate.migrate('elsewhere', 'CREATE INDEX CONCURRENTLY elsewhere ON t (c)', 'outside', on_duplicate => 'error');
SELECT * FROM indexes WHERE index = 'elsewhere';
SELECT * FROM outcome('elsewhere');
\set VERBOSITY default

-- The last transaction of a build fails, so that only its commit is missing.
CREATE FUNCTION fail() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not today'; END $$;
CREATE EVENT TRIGGER outside_fail ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION fail();
CALL remigrate.migrate('at the end', 'CREATE INDEX CONCURRENTLY at_the_end ON t (b); CREATE TABLE at_the_end_too ()', 'outside');
DROP EVENT TRIGGER outside_fail;
SELECT * FROM indexes WHERE index = 'at_the_end';
SELECT * FROM outcome('at the end');
CALL remigrate.migrate('at the end', 'CREATE INDEX CONCURRENTLY at_the_end ON t (b); CREATE TABLE at_the_end_too ()', 'outside');
SELECT * FROM indexes WHERE index = 'at_the_end';
SELECT * FROM outcome('at the end');

-- Other statements that fail ------------------------------------------------------------

-- It has not happened, so there is nothing to ask about.
CALL remigrate.migrate('system', 'ALTER SYSTEM SET nonsense = 1', 'outside');
SELECT * FROM outcome('system');
CALL remigrate.migrate('system', 'ALTER SYSTEM RESET nonsense', 'outside');
CALL remigrate.migrate('database', 'CREATE TABLE by_database (); DROP DATABASE regress_remigrate_outside; CREATE TABLE after_database ()', 'outside');
SELECT * FROM outcome('database');
CALL remigrate.migrate('database', 'CREATE TABLE by_database (); DROP DATABASE IF EXISTS regress_remigrate_outside; CREATE TABLE after_database ()', 'outside');
SELECT * FROM outcome('database');
CALL remigrate.migrate('drop', 'DROP INDEX CONCURRENTLY nowhere', 'outside');
SELECT * FROM outcome('drop');
CALL remigrate.migrate('drop if exists', 'DROP INDEX CONCURRENTLY IF EXISTS nowhere', 'outside');
CALL remigrate.migrate('vacuum', 'SELECT 1; VACUUM nowhere', 'outside');
SELECT * FROM outcome('vacuum');
CALL remigrate.migrate('vacuum', 'SELECT 1; VACUUM t', 'outside');
CALL remigrate.migrate('no table', 'CREATE INDEX CONCURRENTLY i ON nowhere (a)', 'outside');
SELECT * FROM outcome('no table');
CALL remigrate.migrate('partitioned', 'CREATE INDEX CONCURRENTLY p_a_too ON p (a)', 'outside');
SELECT * FROM outcome('partitioned');
CALL remigrate.migrate('lies', 'BEGIN ISOLATION LEVEL SERIALIZABLE; VACUUM t; SELECT 1 / 0; COMMIT', 'outside');
SELECT * FROM outcome('lies');
CALL remigrate.migrate('lies', 'BEGIN ISOLATION LEVEL SERIALIZABLE; VACUUM t; SELECT 1 / 1; COMMIT', 'outside');

-- What a crash leaves on record, and what the next call makes of it -----------------------------

-- As if the server had died while a statement was running, the first one
CREATE FUNCTION crashed(name text, script text, running integer DEFAULT 1) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
	journal_id text := gen_random_uuid();
	begun text := string_agg(s.text || E';\n', '' ORDER BY number) FROM remigrate.statements(script) s WHERE number <= running;
BEGIN
	INSERT INTO outside._prisma_migrations (id, checksum, migration_name, started_at) VALUES (journal_id, remigrate.checksum(script), name, clock_timestamp());
	INSERT INTO remigrate.script VALUES (remigrate.checksum(script), convert_to(script, 'UTF8')) ON CONFLICT DO NOTHING;
	INSERT INTO remigrate.registry (target_schema, migration_name, checksum, state, journal_id, statements_done, statement_running, prefix_checksum)
	VALUES ('outside', name, remigrate.checksum(script), 'running', journal_id, running - 1, running, encode(sha256(convert_to(begun, 'UTF8')), 'hex'));
END $$;
SELECT crashed('c1', 'CREATE INDEX CONCURRENTLY c1 ON t (b)');
CALL remigrate.migrate('c1', 'CREATE INDEX CONCURRENTLY c1 ON t (b)', 'outside');
SELECT * FROM outcome('c1');
CREATE INDEX c2 ON t (b);
SELECT crashed('c2', 'CREATE INDEX CONCURRENTLY c2 ON t (b); CREATE TABLE c2_after ()');
CALL remigrate.migrate('c2', 'CREATE INDEX CONCURRENTLY c2 ON t (b); CREATE TABLE c2_after ()', 'outside', on_duplicate => 'error');
SELECT * FROM outcome('c2');
\set VERBOSITY terse
DROP INDEX u;
UPDATE t SET b = b % 10;
CREATE UNIQUE INDEX CONCURRENTLY c3 ON t (b);
\set VERBOSITY default
UPDATE t SET b = a;
SELECT crashed('c3', 'CREATE UNIQUE INDEX CONCURRENTLY c3 ON t (b)');
CALL remigrate.migrate('c3', 'CREATE UNIQUE INDEX CONCURRENTLY c3 ON t (b)', 'outside');
SELECT * FROM indexes WHERE index ~ '^c\d';
SELECT crashed('c4', 'DROP INDEX CONCURRENTLY c3; SELECT 1');
CALL remigrate.migrate('c4', 'DROP INDEX CONCURRENTLY c3; SELECT 1', 'outside');
SELECT crashed('c5', 'DROP INDEX CONCURRENTLY c3; CREATE TABLE c5 ()');
CALL remigrate.migrate('c5', 'DROP INDEX CONCURRENTLY c3; CREATE TABLE c5 ()', 'outside');
SELECT to_regclass('c3'), to_regclass('c5');
SELECT crashed('c6', 'VACUUM t; REINDEX TABLE CONCURRENTLY t');
CALL remigrate.migrate('c6', 'VACUUM t; REINDEX TABLE CONCURRENTLY t', 'outside');
SELECT crashed('c7', 'CREATE DATABASE regress_remigrate_outside');
CALL remigrate.migrate('c7', 'CREATE DATABASE regress_remigrate_outside', 'outside');
SELECT * FROM outcome('c7');
CALL remigrate.migrate('c7', 'CREATE DATABASE regress_remigrate_outside', 'outside', resume_at => 2);
SELECT count(*) FROM pg_database WHERE datname = 'regress_remigrate_outside';
SELECT crashed('c8', 'CREATE INDEX CONCURRENTLY ON t (b)');
CALL remigrate.migrate('c8', 'CREATE INDEX CONCURRENTLY ON t (b)', 'outside');
CALL remigrate.migrate('c8', 'CREATE INDEX CONCURRENTLY ON t (b)', 'outside', resume_at => 1);
SELECT * FROM indexes WHERE index ~ 't_b';
SELECT crashed('c9', 'ALTER TABLE p DETACH PARTITION p2 CONCURRENTLY');
CALL remigrate.migrate('c9', 'ALTER TABLE p DETACH PARTITION p2 CONCURRENTLY', 'outside');
SELECT crashed('c10', 'ALTER TABLE p DETACH PARTITION p2 CONCURRENTLY; SELECT 1');
CALL remigrate.migrate('c10', 'ALTER TABLE p DETACH PARTITION p2 CONCURRENTLY; SELECT 1', 'outside');
SELECT count(*) FROM pg_inherits WHERE inhparent = 'p'::regclass;
-- An index that nobody finishes is named
CREATE TABLE c16 (a int);
CREATE INDEX c16_a ON c16 (a);
CREATE INDEX c16_a_ccnew ON c16 (a);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'c16_a_ccnew'::regclass;
SELECT crashed('c16', 'REINDEX INDEX CONCURRENTLY c16_a');
\set VERBOSITY terse
CALL remigrate.migrate('c16', 'REINDEX INDEX CONCURRENTLY c16_a', 'outside');
\set VERBOSITY default
DROP TABLE c16;
-- What it names is what it named then, and what follows is in the same session
CREATE SCHEMA outside2;
CREATE TABLE outside2.t2 (a int);
CREATE INDEX c11 ON outside2.t2 (a);
SELECT crashed('c11', 'SET search_path = outside2; DROP INDEX CONCURRENTLY c11; CREATE TABLE c11_after ()', 2);
CALL remigrate.migrate('c11', 'SET search_path = outside2; DROP INDEX CONCURRENTLY c11; CREATE TABLE c11_after ()', 'outside');
SELECT to_regclass('outside2.c11'), to_regclass('outside2.c11_after');
SELECT crashed('c12', 'SELECT set_config(''search_path'', ''outside2'', false); DROP INDEX CONCURRENTLY IF EXISTS nix; CREATE TABLE c12_after ()', 2);
CALL remigrate.migrate('c12', 'SELECT set_config(''search_path'', ''outside2'', false); DROP INDEX CONCURRENTLY IF EXISTS nix; CREATE TABLE c12_after ()', 'outside');
SELECT to_regclass('outside2.c12_after');
-- SET LOCAL holds for the rest of its transaction, and for no other
CALL remigrate.migrate('c13', 'BEGIN; SET LOCAL search_path = outside2; CREATE TABLE c13 (); CREATE TABLE c13_more (); COMMIT; VACUUM outside.t', 'outside', resume_at => 4);
CALL remigrate.migrate('c14', 'BEGIN; SET LOCAL search_path = outside2; CREATE TABLE c14 (); COMMIT; CREATE TABLE c14_more ()', 'outside', resume_at => 5);
SELECT c.oid::regclass FROM pg_class c WHERE relname ~ '^c1[34]' ORDER BY relname;
-- Nobody can tell whether a statement has happened that is not in the script any more
SELECT crashed('c15', 'VACUUM t; SELECT 1');
CALL remigrate.migrate('c15', 'DROP FUNCTION IF EXISTS nix(int); SELECT 1', 'outside');
CALL remigrate.migrate('c15', 'VACUUM t; SELECT 2', 'outside');

SELECT migration_name, action, statements FROM remigrate.event_log WHERE target_schema = 'outside' AND migration_name ~ '^c\d' ORDER BY id;

SELECT migration_name, state FROM remigrate.status('outside') WHERE state NOT IN ('applied', 'rolled_back');
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
RESET search_path;
DROP SCHEMA outside, outside2 CASCADE;
DELETE FROM remigrate.registry WHERE target_schema = 'outside';
