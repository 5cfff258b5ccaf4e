--
-- toplevel: the procedures run as a CALL of their own, and nowhere else
--
SET client_min_messages = warning;
CREATE SCHEMA toplevel;
SET search_path = toplevel;
SELECT remigrate.stage('staged', 'CREATE TABLE deployed ()', 'toplevel');

-- What is there after each refusal: nothing of the migration, no lock, no
-- settings changed, and a session that goes on.
CREATE FUNCTION traces() RETURNS text LANGUAGE sql AS $$
	SELECT concat_ws(', ',
		(SELECT 'table ' || string_agg(relname, ' ') FROM pg_class
		 WHERE relnamespace = 'toplevel'::regnamespace AND relkind = 'r' AND relname <> 'caller'),
		(SELECT 'registry ' || string_agg(migration_name || ' ' || state, ' ') FROM remigrate.registry
		 WHERE target_schema = 'toplevel' AND state <> 'pending'),
		(SELECT 'event ' || string_agg(migration_name, ' ') FROM remigrate.event_log WHERE target_schema = 'toplevel'),
		(SELECT 'lock ' || string_agg(objid::text, ' ') FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()),
		'search_path ' || current_setting('search_path'))
$$;
CREATE TABLE caller (a int);

-- A transaction block
BEGIN;
CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel');
SELECT 'aborted, as after any error';
ROLLBACK;
SELECT traces();
\set VERBOSITY terse
BEGIN;
CALL remigrate.deploy(target_schema => 'toplevel');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
INSERT INTO caller VALUES (1);
CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel');
COMMIT;
SELECT traces(), (SELECT count(*) FROM caller) AS "caller's rows";

-- A savepoint: he can go on from it.
BEGIN;
INSERT INTO caller VALUES (1);
SAVEPOINT s;
CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel');
ROLLBACK TO s;
CALL remigrate.deploy(target_schema => 'toplevel');
ROLLBACK TO s;
INSERT INTO caller VALUES (2);
COMMIT;
SELECT traces(), (SELECT count(*) FROM caller) AS "caller's rows";

-- Several statements in one query: all of them or none, so none
SELECT 1 AS one\; CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel');
CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel')\; SELECT 1 AS one;
INSERT INTO caller VALUES (3)\; CALL remigrate.deploy(target_schema => 'toplevel')\; INSERT INTO caller VALUES (4);
CALL remigrate.deploy(target_schema => 'toplevel')\; CALL remigrate.deploy(target_schema => 'toplevel');
BEGIN\; CALL remigrate.deploy(target_schema => 'toplevel')\; COMMIT;
ROLLBACK;
SELECT traces(), (SELECT count(*) FROM caller) AS "caller's rows";

-- A DO block, of which each has a way of its own to get there
DO $$ BEGIN CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel'); END $$;
DO $$ BEGIN CALL remigrate.deploy(target_schema => 'toplevel'); END $$;
DO $$ BEGIN EXECUTE 'CALL remigrate.migrate(''m'', ''CREATE TABLE migrated ()'', ''toplevel'')'; END $$;
DO $$ BEGIN COMMIT; CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel'); END $$;
DO $$ BEGIN
	INSERT INTO toplevel.caller VALUES (5);
	COMMIT;
	CALL remigrate.deploy(target_schema => 'toplevel');
END $$;
DO $$ BEGIN
	CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel');
EXCEPTION WHEN invalid_transaction_termination THEN
	RAISE WARNING 'caught %: %', SQLSTATE, SQLERRM;
END $$;
DO $$ BEGIN
	BEGIN
		PERFORM 1 / 0;
	EXCEPTION WHEN division_by_zero THEN
		CALL remigrate.deploy(target_schema => 'toplevel');
	END;
END $$;
DO $$ DECLARE r record; BEGIN
	FOR r IN SELECT 1 LOOP
		CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel');
	END LOOP;
END $$;
SELECT traces(), (SELECT count(*) FROM caller) AS "caller's rows";

-- Another procedure, in PL/pgSQL, in SQL, and one that is called by another
CREATE PROCEDURE plain() LANGUAGE plpgsql AS $$ BEGIN CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel'); END $$;
CALL plain();
CREATE PROCEDURE with_commit() LANGUAGE plpgsql AS $$ BEGIN COMMIT; CALL remigrate.deploy(target_schema => 'toplevel'); END $$;
CALL with_commit();
CREATE PROCEDURE outer_one() LANGUAGE plpgsql AS $$ BEGIN CALL toplevel.plain(); END $$;
CALL outer_one();
CREATE PROCEDURE in_sql() LANGUAGE sql AS $$ CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel') $$;
CALL in_sql();
CREATE PROCEDURE with_setting() LANGUAGE plpgsql SET work_mem = '5MB' AS $$ BEGIN CALL remigrate.deploy(target_schema => 'toplevel'); END $$;
CALL with_setting();
CREATE PROCEDURE as_definer() LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN CALL remigrate.deploy(target_schema => 'toplevel'); END $$;
CALL as_definer();
SELECT traces();

-- A function, in a query, in a default, in a trigger, in a view
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel'); RETURN 1; END $$;
SELECT f();
CREATE FUNCTION g() RETURNS int LANGUAGE plpgsql AS $$ BEGIN CALL remigrate.deploy(target_schema => 'toplevel'); RETURN 1; END $$;
SELECT g() FROM caller;
CREATE FUNCTION in_sql_too() RETURNS void LANGUAGE sql AS $$ CALL remigrate.deploy(target_schema => 'toplevel') $$;
SELECT in_sql_too();
CREATE VIEW v AS SELECT f();
SELECT * FROM v;
CREATE TABLE "default" (a int DEFAULT toplevel.g());
INSERT INTO "default" DEFAULT VALUES;
DROP TABLE "default";
CREATE FUNCTION on_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel'); RETURN NEW; END $$;
CREATE TRIGGER t AFTER INSERT ON caller FOR EACH ROW EXECUTE FUNCTION on_row();
INSERT INTO caller VALUES (6);
DROP TRIGGER t ON caller;
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON caller DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION on_row();
BEGIN;
INSERT INTO caller VALUES (7);
COMMIT;
DROP TRIGGER t ON caller;
CALL remigrate.migrate((SELECT 'm' || f()), 'CREATE TABLE migrated ()', 'toplevel');
SELECT remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel');
SELECT traces(), (SELECT count(*) FROM caller) AS "caller's rows";

-- An event trigger's function
CREATE FUNCTION on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN CALL remigrate.deploy(target_schema => 'toplevel'); END $$;
CREATE EVENT TRIGGER toplevel_event ON ddl_command_end WHEN TAG IN ('CREATE SEQUENCE') EXECUTE FUNCTION on_ddl();
CREATE SEQUENCE made;
DROP EVENT TRIGGER toplevel_event;
SELECT to_regclass('made'), traces();

-- A script of ours, of both kinds
SELECT remigrate.apply('outer', 'CALL remigrate.migrate(''m'', ''CREATE TABLE migrated ()'', ''toplevel'')', 'toplevel');
SELECT remigrate.apply('outer', 'CALL remigrate.deploy(target_schema => ''toplevel'')', 'toplevel');
SELECT remigrate.apply('outer', 'DO $$ BEGIN CALL remigrate.deploy(); END $$', 'toplevel');
SELECT traces();
\set VERBOSITY default
CALL remigrate.migrate('outer', 'CALL remigrate.migrate(''m'', ''CREATE TABLE migrated ()'', ''toplevel'')', 'toplevel');
\set VERBOSITY terse
CALL remigrate.migrate('outer', 'CALL remigrate.deploy(target_schema => ''toplevel'')', 'toplevel');
CALL remigrate.migrate('outer', 'SELECT remigrate.apply(''m'', ''CREATE TABLE migrated ()'', ''toplevel'')', 'toplevel');
CALL remigrate.migrate('outer', 'SELECT remigrate.stage(''m'', ''CREATE TABLE migrated ()'', ''toplevel'')', 'toplevel');
CALL remigrate.migrate('outer', 'DO $$ BEGIN COMMIT; CALL remigrate.migrate(''m'', ''SELECT 1'', ''toplevel''); END $$', 'toplevel');
SELECT to_regclass('migrated'), to_regclass('deployed'), state FROM remigrate.status('toplevel') WHERE migration_name = 'outer';
SELECT migration_name FROM remigrate.status('toplevel') WHERE migration_name = 'm';
DELETE FROM _prisma_migrations;
DELETE FROM remigrate.registry WHERE target_schema = 'toplevel' AND state = 'running';

-- Where nothing may be written, or the rights are limited
BEGIN READ ONLY;
CALL remigrate.deploy(target_schema => 'toplevel');
ROLLBACK;
SET default_transaction_read_only = on;
CALL remigrate.deploy(target_schema => 'toplevel');
CALL remigrate.migrate('m', 'CREATE TABLE migrated ()', 'toplevel');
RESET default_transaction_read_only;
SELECT to_regclass('migrated'), to_regclass('deployed');

-- The other isolation levels are no hindrance to a procedure, which begins anew.
SET default_transaction_isolation = serializable;
CALL remigrate.migrate('m', 'CREATE TABLE migrated AS SELECT current_setting(''transaction_isolation'')', 'toplevel');
CALL remigrate.deploy(target_schema => 'toplevel');
SHOW default_transaction_isolation;
RESET default_transaction_isolation;
SELECT to_regclass('migrated'), to_regclass('deployed'), * FROM migrated;

-- At top level it works: by itself, prepared on the client's side, by a
-- psql variable, with a comment before it.
CALL remigrate.migrate('by itself', 'CREATE TABLE by_itself ()', 'toplevel');
/* deploy */ CALL remigrate.migrate('commented', 'CREATE TABLE commented ()', 'toplevel') -- now
;
SELECT format('CALL remigrate.migrate(%L, %L, %L)', 'by gexec', 'CREATE TABLE by_gexec ()', 'toplevel') \gexec
\set AUTOCOMMIT off
CALL remigrate.deploy(target_schema => 'toplevel');
ROLLBACK;
\set AUTOCOMMIT on
SELECT migration_name, state FROM remigrate.status('toplevel');
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();

RESET search_path;
DROP SCHEMA toplevel CASCADE;
DELETE FROM remigrate.registry WHERE target_schema = 'toplevel';
