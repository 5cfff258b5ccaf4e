--
-- status: journal and registry together, one row per migration
--
SET timezone = 'UTC';
CREATE SCHEMA status;
SET search_path = status;

-- Before there is a journal
SELECT * FROM remigrate.status('status');

-- What is what: its columns, exactly
SELECT remigrate.apply('20240101000000_init', 'CREATE TABLE t ()', 'status');
UPDATE _prisma_migrations SET started_at = '2024-01-01 10:00:00', finished_at = '2024-01-01 10:00:01.5';
SELECT * FROM remigrate.status('status') \gx

CREATE FUNCTION row_of(name text, checksum text, started timestamptz, finished timestamptz, rolled_back timestamptz, steps int DEFAULT 0, logs text DEFAULT NULL)
RETURNS void LANGUAGE sql AS $$
	INSERT INTO _prisma_migrations VALUES (gen_random_uuid(), checksum, finished, name, logs, rolled_back, started, steps)
$$;
CREATE FUNCTION sha(script text) RETURNS text
LANGUAGE sql AS $$ SELECT encode(sha256(convert_to(script, 'UTF8')), 'hex') $$;

-- Prisma's rows
DO $$ BEGIN
PERFORM row_of('20240102_prisma', sha('x'), '2024-01-02 00:00', '2024-01-02 00:01', NULL, 1);
PERFORM row_of('20240103_failed', sha('x'), '2024-01-03 00:00', NULL, NULL, 0, 'ERROR: no');
PERFORM row_of('20240104_rolled_back', sha('x'), '2024-01-04 00:00', NULL, '2024-01-04 00:05', 0, 'ERROR: no');
PERFORM row_of('20240105_second_try', sha('x'), '2024-01-05 00:00', NULL, '2024-01-05 00:05', 0, 'ERROR: no');
PERFORM row_of('20240105_second_try', sha('y'), '2024-01-05 00:10', '2024-01-05 00:11', NULL, 1);
PERFORM row_of('20240106_failed_again', sha('x'), '2024-01-06 00:00', '2024-01-06 00:01', NULL, 1);
PERFORM row_of('20240106_failed_again', sha('y'), '2024-01-06 00:10', NULL, NULL, 0, 'ERROR: again');
PERFORM row_of('20240107_claimed', 'remote-migration', '2024-01-07 00:00', '2024-01-07 00:00', NULL, 1);
PERFORM row_of('20240107_claimed', 'remote-migration', '2024-01-07 01:00', '2024-01-07 01:00', NULL, 1);
PERFORM row_of('20240107_claimed', 'remote-migration', '2024-01-07 02:00', '2024-01-07 02:00', NULL, 1);
-- A claim beside what is known, at the same time and later
PERFORM row_of('20240107_known', sha('x'), '2024-01-07 00:00', '2024-01-07 00:00', NULL, 1);
PERFORM row_of('20240107_known', 'remote-migration', '2024-01-07 00:00', '2024-01-07 00:00', NULL, 1);
PERFORM row_of('20240107_known', 'remote-migration', '2024-01-07 02:00', '2024-01-07 02:00', NULL, 1);
PERFORM row_of('20240108_resolved', sha('x'), '2024-01-08 00:00', NULL, '2024-01-08 00:10', 0, 'ERROR: no');
PERFORM row_of('20240108_resolved', sha('x'), '2024-01-08 00:10', '2024-01-08 00:10', NULL, 0, '');
PERFORM row_of('20240109_undone', sha('x'), '2024-01-09 00:00', '2024-01-09 00:01', '2024-01-09 00:02', 1);
PERFORM row_of('20240110_old_engine', rtrim(sha('x'), '0123456789'), '2024-01-10 00:00', '2024-01-10 00:01', NULL, 1);
-- The clock went back, and the rows came in another order.
PERFORM row_of('20240111_any_order', sha('y'), '2024-01-11 00:10', '2024-01-11 00:11', NULL, 1);
PERFORM row_of('20240111_any_order', sha('x'), '2024-01-11 00:00', NULL, '2024-01-11 00:05', 0, 'ERROR: no');
END $$;
SELECT migration_name, state, staged, attempts AS n, applied_steps_count AS steps, duration, logs FROM remigrate.status('status');
SELECT migration_name, checksum = sha('x') AS x, checksum = sha('y') AS y, started_at, finished_at FROM remigrate.status('status');

-- Names in byte order, whatever the database's collation
DO $$ BEGIN
PERFORM row_of(name, sha('x'), '2024-02-01', '2024-02-01', NULL, 1)
FROM unnest(ARRAY['b', 'B', 'a', '_', 'ä', '20240101000000_init2', '20240101000000', 'A b', 'a"; DROP TABLE t', '']) name;
END $$;
SELECT migration_name FROM remigrate.status('status') WHERE migration_name !~ '^202401(0[2-9]|1)';

-- What apply does is seen in the same transaction, and gone with it.
DELETE FROM _prisma_migrations;
SELECT migration_name, staged, attempts FROM remigrate.status('status');
BEGIN;
SELECT remigrate.apply('20240301000000_new', 'SELECT 1', 'status');
SELECT migration_name, state FROM remigrate.status('status') WHERE attempts > 0;
ROLLBACK;
SELECT migration_name FROM remigrate.status('status');
SELECT remigrate.apply('skipped', 'CREATE TABLE t ()', 'status', on_duplicate => 'skip');
SELECT migration_name, state, attempts, applied_steps_count, logs FROM remigrate.status('status') WHERE migration_name = 'skipped';

-- Where nothing may be written
BEGIN READ ONLY;
SELECT count(*) FROM remigrate.status('status');
SELECT count(*) FROM remigrate.status('pg_nothing');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE;
SELECT count(*) FROM remigrate.status('status');
COMMIT;

-- In a join, in a cursor, with and without its argument
SELECT n.nspname, s.migration_name FROM pg_namespace n, LATERAL remigrate.status(n.nspname) s WHERE n.nspname = 'status' ORDER BY 1, 2;
BEGIN;
DECLARE c CURSOR FOR SELECT migration_name FROM remigrate.status('status');
FETCH 1 FROM c;
SELECT remigrate.apply('later', 'SELECT 1', 'status');
FETCH ALL FROM c;
COMMIT;
SELECT count(*) >= 0 AS has_default FROM remigrate.status();
SELECT * FROM remigrate.status(NULL);
SELECT * FROM remigrate.status('nowhere');
SELECT * FROM remigrate.status('remigrate');
SELECT remigrate.status('status') IS NOT NULL AS in_target_list LIMIT 1;

-- A caller without rights on the journal
CREATE ROLE regress_remigrate_reader;
GRANT USAGE ON SCHEMA status, remigrate TO regress_remigrate_reader;
GRANT EXECUTE ON FUNCTION remigrate.status(text) TO regress_remigrate_reader;
SET ROLE regress_remigrate_reader;
\set VERBOSITY terse
SELECT count(*) FROM remigrate.status('status');
\set VERBOSITY default
RESET ROLE;
GRANT SELECT ON _prisma_migrations TO regress_remigrate_reader;
SET ROLE regress_remigrate_reader;
SELECT count(*) FROM remigrate.status('status');
SELECT current_user;
RESET ROLE;

SET client_min_messages = warning;
DROP OWNED BY regress_remigrate_reader;
DROP ROLE regress_remigrate_reader;
DROP SCHEMA status CASCADE;
