--
-- deploy: staged migrations, in name order, up to the first that fails
--
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA deploy;
SET search_path = deploy;
CREATE VIEW registry AS
SELECT migration_name, state, staged_at IS NOT NULL AND staged_by = current_user AS staged, checksum
FROM remigrate.registry WHERE target_schema = 'deploy' ORDER BY 1;
CREATE VIEW states AS
SELECT migration_name, state, staged, attempts FROM remigrate.status('deploy');

-- Staging ------------------------------------------------------------------------------

SET client_min_messages = notice;
CALL remigrate.deploy(target_schema => 'deploy');
SET client_min_messages = warning;
SELECT remigrate.stage('b', 'CREATE TABLE b ()', 'deploy');
SELECT remigrate.stage('b', 'CREATE TABLE b ()', 'deploy');
SELECT remigrate.stage('b', 'CREATE TABLE b (i int)', 'deploy');
SELECT remigrate.stage('b', 'CREATE TABLE b ()'::bytea, 'deploy');
SELECT migration_name, state, staged, checksum = encode(sha256('CREATE TABLE b ()'), 'hex') AS is_last FROM registry;
-- Scripts are kept once each; one goes with the last migration that has it.
SELECT count(*) FROM remigrate.script WHERE checksum IN (remigrate.checksum('CREATE TABLE b ()'), remigrate.checksum('CREATE TABLE b (i int)'));
SELECT remigrate.stage('c', 'CREATE TABLE b ()', 'deploy');
SELECT count(*) FROM remigrate.script WHERE checksum = remigrate.checksum('CREATE TABLE b ()');
SELECT remigrate.unstage('c', 'deploy');
SELECT remigrate.unstage('c', 'deploy');
SELECT count(*) FROM remigrate.script WHERE checksum = remigrate.checksum('CREATE TABLE b ()');
SELECT remigrate.unstage('b', 'deploy');
SELECT count(*) FROM remigrate.script WHERE checksum = remigrate.checksum('CREATE TABLE b ()');
SELECT * FROM registry;
-- Nothing that can't run gets in.
SELECT remigrate.stage('m', 'CREATE TABLE', 'deploy');
SELECT remigrate.stage('m', 'ROLLBACK', 'deploy');
SELECT remigrate.stage('m', '\xff'::bytea, 'deploy');
SELECT remigrate.stage('', 'SELECT 1', 'deploy');
SELECT remigrate.stage(repeat('x', 256), 'SELECT 1', 'deploy');
SELECT remigrate.stage(NULL, 'SELECT 1', 'deploy');
SELECT remigrate.stage('m', NULL::text, 'deploy');
SELECT remigrate.stage('m', 'SELECT 1', NULL);
SELECT remigrate.stage('m', 'SELECT 1', 'nowhere');
SELECT remigrate.stage('m', 'SELECT 1', 'pg_catalog');
SELECT remigrate.unstage(NULL, 'deploy');
BEGIN READ ONLY;
SELECT remigrate.stage('m', 'SELECT 1', 'deploy');
ROLLBACK;
SELECT remigrate.stage_all('[]', 'deploy');
SELECT remigrate.stage_all('"m"', 'deploy');
SELECT remigrate.stage_all('null', 'deploy');
SELECT remigrate.stage_all(NULL, 'deploy');
SELECT remigrate.stage_all('{"m": 1}', 'deploy');
SELECT remigrate.stage_all('{"m": null}', 'deploy');
SELECT remigrate.stage_all('{"m": {"script": "SELECT 1"}}', 'deploy');
SELECT remigrate.stage_all('{"a": "SELECT 1", "b": "SELECT", "c": "SELEKT"}', 'deploy');
SELECT * FROM registry;
SELECT remigrate.stage_all('{}', 'deploy');
SELECT remigrate.stage_all('{"b": "CREATE TABLE b ()", "a": "CREATE TABLE a ()", "B": "CREATE TABLE \"B\" ()", "aa": "CREATE TABLE aa (t text DEFAULT ''ä\\n'')"}', 'deploy');
SELECT remigrate.stage_all('{"b": "CREATE TABLE b ()", "a": "CREATE TABLE a ()"}', 'deploy');
SELECT migration_name FROM registry;
SELECT remigrate.stage_all('{"b": "CREATE TABLE b ()", "a": "CREATE TABLE a (i int)", "d": "SELECT 1"}', 'deploy', prune => true);
SELECT migration_name FROM registry;
SELECT remigrate.stage_all('{"b": "CREATE TABLE b ()", "d": "SELECT 1", "c": "SELEKT"}', 'deploy', prune => true);
SELECT migration_name FROM registry;
SELECT remigrate.stage_all('{}', 'deploy', prune => true);
SELECT * FROM registry;
-- In a transaction it is the caller's to keep or not.
BEGIN;
SELECT remigrate.stage('m', 'SELECT 1', 'deploy');
ROLLBACK;
SELECT * FROM registry;

-- Deploying ------------------------------------------------------------------------------

-- A schema that somebody else has filled
CREATE TABLE strangers ();
SELECT remigrate.stage('a', 'CREATE TABLE a ()', 'deploy');
CALL remigrate.deploy(target_schema => 'deploy');
SELECT to_regclass('a'), to_regclass('_prisma_migrations');
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
-- A view, a sequence or a type fills no schema.
DROP TABLE strangers;
CALL remigrate.deploy(target_schema => 'deploy');
SELECT * FROM states;
-- Byte order, whatever the database's collation
CREATE TABLE ran (n serial, name text);
SELECT remigrate.stage_all(jsonb_object_agg(name, format('INSERT INTO ran (name) VALUES (%L)', name)), 'deploy')
FROM unnest(ARRAY['b', 'B', 'a ', '_', 'ä', 'z', 'aa', '10', '9', 'a"; DROP TABLE ran', '''']) name;
CALL remigrate.deploy(target_schema => 'deploy');
SELECT n, name FROM ran ORDER BY n;
SELECT count(*) FILTER (WHERE state = 'applied') AS applied, count(*) FILTER (WHERE staged) AS staged, count(*) FROM states;
SET client_min_messages = notice;
CALL remigrate.deploy(target_schema => 'deploy');
SET client_min_messages = warning;
-- Only staging makes pending: what came by itself is applied, and what
-- comes after a later name is run all the same.
CALL remigrate.migrate('0 by itself', 'CREATE TABLE by_itself ()', 'deploy');
SELECT remigrate.apply('0 applied', 'CREATE TABLE applied ()', 'deploy');
SELECT * FROM states WHERE migration_name ~ '^0';
SELECT remigrate.stage('0 late', 'INSERT INTO ran (name) VALUES (''late'')', 'deploy');
CALL remigrate.deploy(target_schema => 'deploy');
SELECT name FROM ran ORDER BY n DESC LIMIT 1;

-- What is applied stays so
UPDATE _prisma_migrations SET finished_at = '2024-01-01 00:00:01' WHERE migration_name = '0 by itself';
SELECT remigrate.stage('0 by itself', 'CREATE TABLE by_itself ()', 'deploy');
SELECT remigrate.stage('0 by itself', E'-- now with a comment\nCREATE TABLE by_itself ()\n', 'deploy');
SELECT remigrate.stage('0 by itself', 'CREATE TABLE by_itself_again ()', 'deploy');
SELECT remigrate.stage_all('{"0 by itself": "CREATE TABLE by_itself_again ()", "new": "SELECT 1"}', 'deploy');
SELECT remigrate.unstage('0 by itself', 'deploy');
SELECT remigrate.unstage('0 late', 'deploy');
SELECT remigrate.unstage('nobody', 'deploy');
SELECT remigrate.stage_all('{}', 'deploy', prune => true);
SELECT count(*) FILTER (WHERE state = 'applied') AS applied, count(*) FROM states;

-- upto
SELECT remigrate.stage_all('{"u1": "CREATE TABLE u1 ()", "u2": "CREATE TABLE u2 ()", "u3": "CREATE TABLE u3 ()"}', 'deploy');
CALL remigrate.deploy('u2', 'deploy');
SELECT to_regclass('u1'), to_regclass('u2'), to_regclass('u3');
CALL remigrate.deploy('u2', 'deploy');
CALL remigrate.deploy('u', 'deploy');
CALL remigrate.deploy('u25', 'deploy');
CALL remigrate.deploy('', 'deploy');
SELECT to_regclass('u3');
CALL remigrate.deploy(upto => 'u3', target_schema => 'deploy', lock_timeout => '1 s', migration_lock_wait => '0');
SELECT to_regclass('u3');
CALL remigrate.deploy(target_schema => 'nowhere');
CALL remigrate.deploy(target_schema => NULL);
CALL remigrate.deploy(target_schema => 'deploy', lock_timeout => '-1 s');

-- The first failure stops it, on record; then it goes on from there.
SELECT remigrate.stage_all('{"v1": "CREATE TABLE v1 ()", "v2": "CREATE TABLE v2 (); SELECT 1 / 0", "v3": "CREATE TABLE v3 ()"}', 'deploy');
CALL remigrate.deploy(target_schema => 'deploy');
SELECT to_regclass('v1'), to_regclass('v2'), to_regclass('v3');
SELECT * FROM states WHERE migration_name ~ '^v';
SELECT action, migration_name, statements, sqlstate, message FROM remigrate.event_log WHERE target_schema = 'deploy' AND migration_name ~ '^v' ORDER BY id;
CALL remigrate.deploy(target_schema => 'deploy');
SELECT * FROM states WHERE migration_name ~ '^v';
SELECT remigrate.stage('v2', 'CREATE TABLE v2 (); SELECT 1 / 1', 'deploy');
CALL remigrate.deploy(target_schema => 'deploy');
SELECT * FROM states WHERE migration_name ~ '^v';
-- A part of it remains: another script that begins the same, and one that doesn't
SELECT remigrate.stage_all('{"w1": "CREATE TABLE w1 (); COMMIT; SELECT 1 / 0", "w2": "CREATE TABLE w2 ()"}', 'deploy');
CALL remigrate.deploy(target_schema => 'deploy');
SELECT * FROM states WHERE migration_name ~ '^w';
CALL remigrate.migrate('w2', 'CREATE TABLE w2 ()', 'deploy');
SELECT remigrate.unstage('w1', 'deploy');
SELECT remigrate.stage('w1', 'CREATE TABLE w1 (i int); COMMIT; SELECT 1 / 1', 'deploy');
CALL remigrate.deploy(target_schema => 'deploy');
SELECT remigrate.stage('w1', 'CREATE TABLE w1 (); COMMIT; SELECT 1 / 1', 'deploy');
CALL remigrate.deploy(target_schema => 'deploy');
SELECT * FROM states WHERE migration_name ~ '^w';
SELECT action, migration_name, statements FROM remigrate.event_log WHERE target_schema = 'deploy' AND migration_name ~ '^w' ORDER BY id;
-- It is gone on with before one whose name comes first, staged since.
SELECT remigrate.stage('w4', 'CREATE TABLE w4 (); COMMIT; SELECT 1 / 0', 'deploy');
CALL remigrate.deploy(target_schema => 'deploy');
SELECT remigrate.stage_all('{"w3": "CREATE TABLE w3 ()", "w4": "CREATE TABLE w4 (); COMMIT; SELECT 1 / 1"}', 'deploy');
CALL remigrate.deploy('w3', 'deploy');
CALL remigrate.deploy(target_schema => 'deploy');
SELECT action, migration_name, statements FROM remigrate.event_log WHERE target_schema = 'deploy' AND migration_name IN ('w3', 'w4') ORDER BY id;

-- Edited, which is said, and keeps nobody waiting
SELECT remigrate.stage_all('{"x1": "CREATE TABLE x1 ()", "x2": "CREATE TABLE x2 ()"}', 'deploy');
INSERT INTO _prisma_migrations VALUES ('x1', remigrate.checksum('CREATE TABLE x1 (i int)'), '2024-01-01 00:00:01', 'x1', NULL, NULL, '2024-01-01', 1);
CALL remigrate.deploy(target_schema => 'deploy');
SELECT to_regclass('x1'), to_regclass('x2');
SELECT * FROM states WHERE migration_name ~ '^x';
SELECT remigrate.stage('x1', 'CREATE TABLE x1 (j int)', 'deploy');
DELETE FROM _prisma_migrations WHERE id = 'x1';
SELECT remigrate.unstage('x1', 'deploy');
-- Applied by Prisma meanwhile
SELECT remigrate.stage('x3', 'CREATE TABLE x3 ()', 'deploy');
INSERT INTO _prisma_migrations VALUES ('x3', remigrate.checksum('CREATE TABLE x3 ()'), '2024-01-01 00:00:01', 'x3', NULL, NULL, '2024-01-01', 1);
SELECT * FROM states WHERE migration_name = 'x3';
CALL remigrate.deploy(target_schema => 'deploy');
SELECT to_regclass('x3'), state FROM registry WHERE migration_name = 'x3';
SELECT remigrate.stage('x4', 'CREATE TABLE x4 ()', 'deploy');
INSERT INTO _prisma_migrations VALUES ('x4', remigrate.checksum('CREATE TABLE x4 ()'), '2024-01-01 00:00:01', 'x4', NULL, NULL, '2024-01-01', 1);
SELECT remigrate.stage('x4', 'CREATE TABLE x4 ();', 'deploy');
SELECT remigrate.stage('x4', 'CREATE TABLE x4 ()', 'deploy');
SELECT state FROM registry WHERE migration_name = 'x4';
-- Failed by Prisma meanwhile: nothing goes on before that is resolved.
INSERT INTO _prisma_migrations VALUES ('p', remigrate.checksum('SELECT 1'), NULL, 'prisma''s own', 'ERROR', NULL, now(), 0);
SELECT remigrate.stage('y1', 'CREATE TABLE y1 ()', 'deploy');
CALL remigrate.deploy(target_schema => 'deploy');
UPDATE _prisma_migrations SET rolled_back_at = now() WHERE id = 'p';
CALL remigrate.deploy(target_schema => 'deploy');
SELECT to_regclass('y1');
-- A placeholder's claim is not believed.
SELECT remigrate.stage('y2', 'CREATE TABLE y2 ()', 'deploy');
INSERT INTO _prisma_migrations VALUES ('y2', 'remote-migration', now(), 'y2', NULL, NULL, now(), 1);
CALL remigrate.deploy(target_schema => 'deploy');
SELECT * FROM states WHERE migration_name = 'y2';
DELETE FROM _prisma_migrations WHERE id = 'y2';

-- The journal forgets ------------------------------------------------------------------

CREATE TABLE kept AS SELECT * FROM _prisma_migrations WHERE migration_name = 'u2';
DELETE FROM _prisma_migrations WHERE migration_name = 'u2';
CALL remigrate.deploy(target_schema => 'deploy');
SELECT to_regclass('y2');
UPDATE kept SET rolled_back_at = now();
INSERT INTO _prisma_migrations SELECT * FROM kept;
CALL remigrate.deploy(target_schema => 'deploy');
UPDATE _prisma_migrations SET rolled_back_at = NULL, finished_at = NULL WHERE migration_name = 'u2';
CALL remigrate.deploy(target_schema => 'deploy');
UPDATE _prisma_migrations SET finished_at = now() WHERE migration_name = 'u2';
CALL remigrate.deploy(target_schema => 'deploy');
SELECT to_regclass('y2');
-- What has another name since is forgotten by hand, and only that.
UPDATE _prisma_migrations SET migration_name = 'u2_renamed' WHERE migration_name = 'u2';
SELECT remigrate.unstage('u2', 'deploy');
SELECT remigrate.unstage('u2', 'deploy');
SELECT remigrate.stage('u2_renamed', 'CREATE TABLE u2 ()', 'deploy');
SELECT remigrate.unstage('u2_renamed', 'deploy');
CALL remigrate.deploy(target_schema => 'deploy');
-- All of it
SELECT remigrate.stage('y3', 'CREATE TABLE y3 ()', 'deploy');
CREATE TABLE all_rows AS SELECT * FROM _prisma_migrations;
TRUNCATE _prisma_migrations;
CALL remigrate.deploy(target_schema => 'deploy');
SELECT to_regclass('y3'), count(*) FROM _prisma_migrations;
INSERT INTO _prisma_migrations SELECT * FROM all_rows;
CALL remigrate.deploy(target_schema => 'deploy');
SELECT to_regclass('y3');
DROP TABLE _prisma_migrations;
CALL remigrate.deploy(target_schema => 'deploy');

RESET search_path;
DROP SCHEMA deploy CASCADE;
-- A schema of that name, made anew, is another one; nobody told us.
CREATE SCHEMA deploy;
CALL remigrate.deploy(target_schema => 'deploy');
SELECT count(*) > 0, bool_and(remigrate.unstage(migration_name, 'deploy')) FROM remigrate.status('deploy') WHERE state = 'unproven';
CALL remigrate.deploy(target_schema => 'deploy');
SELECT migration_name FROM remigrate.registry WHERE target_schema = 'deploy' AND state = 'applied';
DROP SCHEMA deploy;
DELETE FROM remigrate.registry WHERE target_schema = 'deploy';

-- Whose script it is ---------------------------------------------------------------------

CREATE SCHEMA deploy;
CREATE ROLE regress_remigrate_stager;
CREATE ROLE regress_remigrate_deployer;
CREATE ROLE regress_remigrate_super SUPERUSER;
GRANT USAGE ON SCHEMA remigrate TO PUBLIC;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA remigrate TO regress_remigrate_stager, regress_remigrate_deployer;
GRANT ALL ON SCHEMA deploy TO regress_remigrate_stager, regress_remigrate_deployer;
SET ROLE regress_remigrate_stager;
SELECT remigrate.stage('s', 'CREATE TABLE deploy.s ()', 'deploy');
RESET ROLE;
SELECT staged_by FROM remigrate.registry WHERE target_schema = 'deploy';
\set VERBOSITY terse
-- As the superuser, and as whoever he makes himself, which a script can undo
SET SESSION AUTHORIZATION regress_remigrate_super;
CALL remigrate.deploy(target_schema => 'deploy');
RESET SESSION AUTHORIZATION;
SET SESSION AUTHORIZATION regress_remigrate_super;
SET ROLE regress_remigrate_deployer;
CALL remigrate.deploy(target_schema => 'deploy');
SET ROLE regress_remigrate_stager;
CALL remigrate.deploy(target_schema => 'deploy');
RESET SESSION AUTHORIZATION;
SELECT count(*) AS nothing_ran FROM pg_class WHERE relnamespace = 'deploy'::regnamespace;
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
-- Staged anew by whom it is to be deployed by
SET SESSION AUTHORIZATION regress_remigrate_super;
SELECT remigrate.stage('s', 'CREATE TABLE deploy.s ()', 'deploy');
RESET SESSION AUTHORIZATION;
SELECT staged_by FROM remigrate.registry WHERE target_schema = 'deploy';
CALL remigrate.deploy(target_schema => 'deploy');
SELECT tablename FROM pg_tables WHERE schemaname = 'deploy' ORDER BY 1;
-- One who is gone
GRANT SELECT ON deploy._prisma_migrations TO regress_remigrate_stager;
SET SESSION AUTHORIZATION regress_remigrate_stager;
SELECT remigrate.stage('t', 'CREATE TABLE deploy.t ()', 'deploy');
RESET SESSION AUTHORIZATION;
DROP OWNED BY regress_remigrate_stager;
DROP ROLE regress_remigrate_stager;
CALL remigrate.deploy(target_schema => 'deploy');
SELECT migration_name, state FROM remigrate.status('deploy');
SELECT remigrate.stage('t', 'CREATE TABLE deploy.t ()', 'deploy');
CALL remigrate.deploy(target_schema => 'deploy');
SELECT migration_name, state FROM remigrate.status('deploy');
-- Who deploys needs the journal's rights himself.
SELECT remigrate.stage('u', 'CREATE TABLE deploy.u ()', 'deploy');
GRANT SELECT ON deploy._prisma_migrations TO regress_remigrate_deployer;
SET SESSION AUTHORIZATION regress_remigrate_deployer;
CALL remigrate.migrate('v', 'CREATE TABLE deploy.v ()', 'deploy');
CALL remigrate.migrate('w', 'CREATE TABLE deploy.w (); COMMIT; SELECT 1', 'deploy');
RESET SESSION AUTHORIZATION;
SELECT tablename FROM pg_tables WHERE schemaname = 'deploy' ORDER BY 1;
SELECT migration_name, state FROM remigrate.status('deploy');
\set VERBOSITY default
DROP OWNED BY regress_remigrate_deployer;
DROP ROLE regress_remigrate_deployer, regress_remigrate_super;
REVOKE USAGE ON SCHEMA remigrate FROM PUBLIC;
DROP SCHEMA deploy CASCADE;
DELETE FROM remigrate.registry WHERE target_schema = 'deploy';

-- Many, and long ones ---------------------------------------------------------------------

CREATE SCHEMA deploy;
SELECT remigrate.stage_all((SELECT jsonb_object_agg('m' || to_char(i, 'FM0000'), format(E'CREATE TABLE t%s (i int);\nINSERT INTO t%s VALUES (%s)', i, i, i)) FROM generate_series(1, 1000) i), 'deploy');
SELECT remigrate.stage_all((SELECT jsonb_object_agg('m' || to_char(i, 'FM0000'), format(E'CREATE TABLE t%s (i int);\nINSERT INTO t%s VALUES (%s)', i, i, i)) FROM generate_series(1, 1000) i), 'deploy');
CALL remigrate.deploy('m0002', 'deploy');
SELECT state, count(*) FROM remigrate.status('deploy') GROUP BY 1 ORDER BY 1;
CALL remigrate.deploy(target_schema => 'deploy');
SELECT state, count(*) FROM remigrate.status('deploy') GROUP BY 1 ORDER BY 1;
SELECT count(*) FROM deploy._prisma_migrations;
SELECT (SELECT i FROM deploy.t1) + (SELECT i FROM deploy.t1000) AS "1001";
SELECT remigrate.stage('n', 'CREATE TABLE long AS SELECT $long$' || repeat('0123456789', 1000000) || '$long$::text AS t', 'deploy');
CALL remigrate.deploy(target_schema => 'deploy');
SELECT length(t) FROM deploy.long;
SELECT remigrate.stage('o', '/*' || repeat(' ', 64 * 1024 * 1024) || '*/', 'deploy');
SET client_min_messages = warning;
DROP SCHEMA deploy CASCADE;
DELETE FROM remigrate.registry WHERE target_schema = 'deploy';
