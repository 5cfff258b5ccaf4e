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

-- A setting that the caller can't have back is no reason to fail.
SET temp_buffers = '4MB';
CALL remigrate.migrate('buffers', 'SET temp_buffers = ''16MB''; SET work_mem = ''5MB'';
CREATE TEMP TABLE x (a int); INSERT INTO x VALUES (1)', 'recording');
SELECT state, current_setting('temp_buffers'), current_setting('work_mem') = '5MB' AS script_s
	FROM remigrate.status('recording') WHERE migration_name = 'buffers';

DROP SCHEMA recording, by_hand CASCADE;
