--
-- locks: a migration that goes on after an error holds its locks again
--
SET client_min_messages = warning;
CREATE SCHEMA locks;
SET search_path = locks;
SELECT remigrate.apply('first', 'CREATE TABLE t (a int)', 'locks');
CREATE VIEW held AS SELECT CASE objid WHEN 72707369 THEN 'Prisma''s' ELSE 'remigrate''s' END AS lock
	FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();

-- An index that is there already: the error comes while Prisma's lock is lent.
CREATE INDEX i ON t (a);
CALL remigrate.migrate('lends', 'CREATE INDEX CONCURRENTLY i ON t (a);
CREATE TABLE after_error AS SELECT lock FROM held', 'locks');
SELECT * FROM after_error ORDER BY 1;
-- ... and all of it is there.
CALL remigrate.migrate('found', 'CREATE INDEX CONCURRENTLY i ON t (a)', 'locks');
SELECT migration_name, state, applied_steps_count FROM remigrate.status('locks') ORDER BY started_at;

-- What a script lets go of a rollback doesn't bring back.
CALL remigrate.migrate('runs', 'SELECT 1', 'locks');
CALL remigrate.migrate('loses', 'SELECT pg_advisory_unlock_all(); CREATE TABLE t (a int)', 'locks');
CALL remigrate.migrate('tries twice', 'CREATE TYPE e AS ENUM (); COMMIT;
SELECT pg_advisory_unlock_all(); ALTER TYPE e ADD VALUE ''x''; CREATE TABLE u (a e DEFAULT ''x'')', 'locks');
CALL remigrate.migrate('fails', 'SELECT pg_advisory_unlock_all(); SELECT 1/0', 'locks');
SELECT migration_name, state, applied_steps_count FROM remigrate.status('locks') ORDER BY started_at;
SELECT * FROM held;

DROP SCHEMA locks CASCADE;
