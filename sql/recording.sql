--
-- recording: what goes wrong while a migration's progress is written down
--
SET client_min_messages = warning;
CREATE SCHEMA recording;
SET search_path = recording;
\set VERBOSITY terse
CREATE TABLE t (a int);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN RAISE 'the registry''s disk is full'; END $$;

-- The registry refuses what is to be noted before a statement that runs
-- outside of transactions, the first of its script or not: that error
-- comes with a context, but not with that of a statement of the script.
CREATE TRIGGER refuse BEFORE UPDATE ON remigrate.registry
	FOR EACH ROW WHEN (new.statement_running IS NOT NULL) EXECUTE FUNCTION refuse();
CALL remigrate.migrate('first', 'CREATE INDEX CONCURRENTLY i ON t (a)', 'recording');
CALL remigrate.migrate('second', 'CREATE TABLE u ();
CREATE INDEX CONCURRENTLY i ON t (a)', 'recording');
DROP TRIGGER refuse ON remigrate.registry;
SELECT migration_name, state, applied_steps_count, logs FROM remigrate.status('recording');
CALL remigrate.migrate('second', 'CREATE TABLE u ();
CREATE INDEX CONCURRENTLY i ON t (a)', 'recording');

-- An index that is refused before its statement runs, in somebody's function.
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'i'::regclass;
DO $$ BEGIN
	PERFORM remigrate.apply('third', 'SELECT 1;
CREATE INDEX IF NOT EXISTS i ON t (a)', 'recording');
END $$;

-- A journal that somebody made by hand, and let have rows without an id
CREATE SCHEMA by_hand;
CREATE TABLE by_hand._prisma_migrations (id text, checksum text, finished_at timestamptz, migration_name text,
	logs text, rolled_back_at timestamptz, started_at timestamptz, applied_steps_count int);
CALL remigrate.migrate('m', 'CREATE TABLE by_hand.t (); COMMIT; SELECT 1/0', 'by_hand');
UPDATE by_hand._prisma_migrations SET id = NULL;
CALL remigrate.migrate('m', 'CREATE TABLE by_hand.t (); COMMIT; SELECT 1/0', 'by_hand');
SELECT * FROM remigrate.repair('by_hand');
SELECT remigrate.resolve('m', 'rolled_back', target_schema => 'by_hand');

-- What is put off until the commit runs as whoever the script made itself,
-- and not as the caller who writes the record: deferred triggers, those that
-- one of them puts off, and cursors that outlive the transaction.
CREATE ROLE regress_remigrate_low;
GRANT USAGE, CREATE ON SCHEMA recording TO regress_remigrate_low;
SET ROLE regress_remigrate_low;
CREATE TABLE ran (what text, who name DEFAULT current_user);
CREATE TABLE low (depth int);
CREATE FUNCTION put_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO ran VALUES ('trigger ' || new.depth);
	SET CONSTRAINTS ALL DEFERRED;
	INSERT INTO low SELECT new.depth + 1 WHERE new.depth < 3;
	RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER put_off AFTER INSERT ON low DEFERRABLE INITIALLY DEFERRED
	FOR EACH ROW EXECUTE FUNCTION put_off();
CREATE FUNCTION fetched() RETURNS int LANGUAGE sql AS
	$$ INSERT INTO ran VALUES ('cursor'); INSERT INTO low VALUES (3); SELECT 1 $$;
RESET ROLE;
CALL remigrate.migrate('low', 'SET ROLE regress_remigrate_low; INSERT INTO low VALUES (1);
DECLARE held CURSOR WITH HOLD FOR SELECT fetched(); DECLARE gone CURSOR FOR SELECT 1', 'recording');
SELECT * FROM ran;
SELECT current_user = session_user AS caller_s;
FETCH held;
CLOSE held;
DROP OWNED BY regress_remigrate_low;
DROP ROLE regress_remigrate_low;

-- A setting that the caller can't have back is no reason to fail.
SET temp_buffers = '4MB';
CALL remigrate.migrate('buffers', 'SET temp_buffers = ''16MB''; SET work_mem = ''5MB'';
CREATE TEMP TABLE x (a int); INSERT INTO x VALUES (1)', 'recording');
SELECT state, current_setting('temp_buffers'), current_setting('work_mem') = '5MB' AS script_s
	FROM remigrate.status('recording') WHERE migration_name = 'buffers';

-- What fails before anything of it is committed is on record, too.
CALL remigrate.migrate('setting', 'SET work_mem = ''much''; VACUUM pg_namespace', 'recording', resume_at => 2);
SELECT state, logs FROM remigrate.status('recording') WHERE migration_name = 'setting';

-- An attempt of which the registry knows nothing: Prisma's, or ours before a
-- DROP EXTENSION.
INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('lost', 'x', 'lost');
\set VERBOSITY default
CALL remigrate.migrate('lost', 'CREATE TABLE lost1 (); CREATE TABLE lost2 ()', 'recording');
\set VERBOSITY terse
CALL remigrate.migrate('lost', 'CREATE TABLE lost1 (); CREATE TABLE lost2 ()', 'recording', resume_at => 2);
SELECT state, to_regclass('lost1'), to_regclass('lost2') FROM remigrate.status('recording') WHERE migration_name = 'lost';

DROP SCHEMA recording, by_hand CASCADE;
