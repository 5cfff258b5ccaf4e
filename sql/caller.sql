--
-- caller: a procedure commits, and yet the caller's session is as it was
--
SET client_min_messages = warning;
CREATE SCHEMA caller;
CREATE SCHEMA caller_path;
CREATE ROLE regress_remigrate_low;
GRANT USAGE, CREATE ON SCHEMA caller TO regress_remigrate_low;
SET search_path = caller_path, public;
SET work_mem = '5MB';
SET application_name = 'caller test';
SET custom.setting = 'mine';

CREATE TABLE caller_path.before (name text, setting text, source text);
CREATE FUNCTION caller_path.now_is() RETURNS SETOF caller_path.before LANGUAGE sql AS $$
	SELECT name, setting, source FROM pg_settings
	UNION ALL VALUES ('current_user', current_user::text, ''), ('session_user', session_user::text, ''),
		('custom.setting', current_setting('custom.setting', true), ''),
		('other.setting', nullif(current_setting('other.setting', true), ''), '')
	UNION ALL SELECT 'cursor', name, '' FROM pg_cursors WHERE name <> ''
	UNION ALL SELECT 'prepared', name, '' FROM pg_prepared_statements
	UNION ALL SELECT 'lock', objid::text, '' FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()
$$;
CREATE FUNCTION caller_path.changed() RETURNS TABLE (change text, name text, setting text, source text) LANGUAGE sql AS $$
	(SELECT 'was', * FROM caller_path.before EXCEPT ALL SELECT 'was', * FROM caller_path.now_is())
	UNION ALL
	(SELECT 'is', * FROM caller_path.now_is() EXCEPT ALL SELECT 'is', * FROM caller_path.before)
$$;
-- (Loads the module, and with it its settings.)
CALL remigrate.migrate('first', 'DO $$ BEGIN END $$', 'caller');
INSERT INTO before SELECT * FROM now_is();
-- The test would notice.
SET work_mem = '6MB';
SELECT * FROM changed();
SET work_mem = '5MB';
SELECT * FROM changed();

-- Settings ------------------------------------------------------------------------------

CREATE FUNCTION caller.sets() RETURNS text LANGUAGE sql AS $$ SELECT $script$
SET work_mem = '7MB';
SET LOCAL maintenance_work_mem = '70MB';
SET search_path = pg_catalog;
SET SESSION lock_timeout = 77777;
SET statement_timeout = 77777;
SET timezone = 'Asia/Kathmandu';
SET client_min_messages = error;
SET check_function_bodies = off;
SET session_replication_role = replica;
SET row_security = off;
SET custom.setting = 'changed';
SET other.setting = 'new';
SET application_name = 'migration';
SELECT set_config('datestyle', 'german', false), set_config('role', 'regress_remigrate_low', false);
SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE;
SET default_transaction_deferrable = on;
SET idle_in_transaction_session_timeout = 77777;
SET remigrate.on_edited = warning;
$script$ $$;
\set VERBOSITY terse
SELECT format('CALL remigrate.migrate(%L, %L, %L)', 'sets', caller.sets(), 'caller') AS call \gset
:call;
SELECT * FROM changed();
SELECT format('CALL remigrate.migrate(%L, %L, %L)', 'sets, commits', caller.sets() || 'COMMIT; SELECT 1', 'caller') AS call \gset
:call;
SELECT * FROM changed();
SELECT format('CALL remigrate.migrate(%L, %L, %L)', 'sets, vacuums', caller.sets() || 'RESET role; VACUUM pg_am', 'caller') AS call \gset
:call;
SELECT * FROM changed();
SELECT format('CALL remigrate.migrate(%L, %L, %L)', 'sets, fails', caller.sets() || 'SELECT 1 / 0', 'caller') AS call \gset
:call;
SELECT * FROM changed();
SELECT format('CALL remigrate.migrate(%L, %L, %L)', 'sets, commits, fails', caller.sets() || 'COMMIT; SELECT 1 / 0', 'caller') AS call \gset
:call;
SELECT * FROM changed();
SELECT format('CALL remigrate.migrate(%L, %L, %L)', 'sets, commits, fails', caller.sets() || 'COMMIT; SELECT 1 / 1', 'caller') AS call \gset
:call;
SELECT * FROM changed();
\set VERBOSITY default
CALL remigrate.migrate('resets', 'RESET ALL; COMMIT; RESET work_mem; RESET search_path; SET TIME ZONE DEFAULT', 'caller');
SELECT * FROM changed();
-- Each script begins with the caller's, not with the one before it.
SELECT remigrate.stage_all('{"s1": "SET work_mem = ''9MB''; SET search_path = pg_catalog; SET ROLE regress_remigrate_low; SET custom.setting = ''s1''; CREATE TABLE caller.by_low ()",
	"s2": "CREATE TABLE seen AS SELECT current_setting(''work_mem'') AS work_mem, current_setting(''search_path'') AS path, current_user = session_user AS is_caller, current_setting(''custom.setting'') AS custom"}', 'caller');
CALL remigrate.deploy(target_schema => 'caller');
SELECT * FROM caller.seen;
SELECT * FROM changed();
SELECT tableowner FROM pg_tables WHERE tablename = 'by_low';
-- Transaction by transaction a SET holds, a SET LOCAL doesn't.
CALL remigrate.migrate('holds', $$
CREATE TABLE held AS SELECT 1 AS n, current_setting('work_mem') AS work_mem, current_setting('search_path') AS path, current_setting('lock_timeout') AS lock_timeout, current_setting('statement_timeout') AS statement_timeout;
SET LOCAL work_mem = '8MB'; SET search_path = caller, caller_path; SET LOCAL lock_timeout = 7;
INSERT INTO held SELECT 2, current_setting('work_mem'), current_setting('search_path'), current_setting('lock_timeout');
COMMIT;
INSERT INTO held SELECT 3, current_setting('work_mem'), current_setting('search_path'), current_setting('lock_timeout');
SET work_mem = '9MB'; SET lock_timeout = 0;
VACUUM held;
INSERT INTO held SELECT 4, current_setting('work_mem'), current_setting('search_path'), current_setting('lock_timeout');
$$, 'caller', lock_timeout => '1234 ms');
SELECT * FROM caller.held;
SELECT * FROM changed();
-- From 19 on they are always as they should be.
DO $$
BEGIN
	SET escape_string_warning = off;
	SET standard_conforming_strings = off;
EXCEPTION WHEN undefined_object OR feature_not_supported THEN
END $$;
SHOW standard_conforming_strings \gset was_
CALL remigrate.migrate('backslashes', $$CREATE TABLE backslashes AS SELECT 'a\' AS a; COMMIT; INSERT INTO backslashes VALUES ('b\n')$$, 'caller');
SELECT length(a) FROM caller.backslashes;
SELECT current_setting('standard_conforming_strings') = :'was_standard_conforming_strings' AS as_it_was;
DO $$
BEGIN
	RESET standard_conforming_strings;
	RESET escape_string_warning;
EXCEPTION WHEN undefined_object THEN
END $$;

-- Role and session authorization -------------------------------------------------------------

CALL remigrate.migrate('roles', 'SET ROLE regress_remigrate_low; CREATE TABLE r1 (); COMMIT; CREATE TABLE r2 (); SET SESSION AUTHORIZATION regress_remigrate_low; COMMIT; CREATE TABLE r3 (); RESET SESSION AUTHORIZATION; COMMIT; CREATE TABLE r4 (); SET LOCAL ROLE regress_remigrate_low; CREATE TABLE r5 (); COMMIT; CREATE TABLE r6 ()', 'caller');
SELECT tablename, tableowner = current_user AS is_mine, tableowner = 'regress_remigrate_low' AS is_low FROM pg_tables WHERE schemaname = 'caller' AND tablename ~ '^r\d' ORDER BY 1;
SELECT * FROM changed();
CALL remigrate.migrate('fails as low', 'SET SESSION AUTHORIZATION regress_remigrate_low; SET ROLE NONE; COMMIT; CREATE TABLE caller_path.no ()', 'caller');
SELECT * FROM changed();
CALL remigrate.migrate('fails as low', 'SET SESSION AUTHORIZATION regress_remigrate_low; SET ROLE NONE; COMMIT; CREATE TABLE caller.yes ()', 'caller');
SELECT role_name = current_user AS as_caller, count(*) FROM remigrate.event_log WHERE target_schema = 'caller' GROUP BY 1;
-- A caller who has taken another role keeps it.
GRANT USAGE ON SCHEMA remigrate, caller_path TO regress_remigrate_low;
GRANT SELECT ON before TO regress_remigrate_low;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA remigrate TO regress_remigrate_low;
GRANT ALL ON caller._prisma_migrations TO regress_remigrate_low;
SET ROLE regress_remigrate_low;
CALL remigrate.migrate('low', 'CREATE TABLE low1 (); RESET ROLE; CREATE TABLE low2 (); COMMIT; CREATE TABLE low3 ()', 'caller');
SELECT current_user;
CALL remigrate.migrate('low fails', 'RESET ROLE; COMMIT; SELECT 1 / 0', 'caller');
SELECT current_user;
CALL remigrate.migrate('low fails', 'RESET ROLE; COMMIT; SELECT 1 / 1', 'caller');
SELECT current_user;
RESET ROLE;
SELECT tablename, tableowner = 'regress_remigrate_low' AS is_low FROM pg_tables WHERE schemaname = 'caller' AND tablename ~ '^low\d' ORDER BY 1;

-- Cursors, prepared statements, temporary tables, locks ----------------------------------------------

PREPARE mine AS SELECT 'mine';
DECLARE held CURSOR WITH HOLD FOR SELECT i FROM generate_series(1, 5) i;
FETCH 1 FROM held;
CREATE TEMP TABLE kept (a serial);
SELECT pg_advisory_lock(1);
CALL remigrate.migrate('cursors', 'CREATE TABLE cursors (); DECLARE c CURSOR FOR SELECT 1; FETCH c; COMMIT; DECLARE d CURSOR FOR SELECT 1; INSERT INTO kept DEFAULT VALUES', 'caller');
FETCH 1 FROM held;
CALL remigrate.migrate('cursors, fails', 'CREATE TABLE no (); COMMIT; DECLARE d CURSOR FOR SELECT 1; SELECT 1 / 0', 'caller');
CALL remigrate.migrate('cursors, fails', 'CREATE TABLE no (); COMMIT; DECLARE d CURSOR FOR SELECT 1; SELECT 1 / 1', 'caller');
FETCH 1 FROM held;
EXECUTE mine;
SELECT count(*) FROM kept;
CALL remigrate.migrate('indexes', 'CREATE INDEX CONCURRENTLY indexed ON held (n); VACUUM held', 'caller');
FETCH ALL FROM held;
CLOSE held;
SELECT name FROM pg_cursors;
SELECT objid FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT pg_advisory_unlock(1);
DEALLOCATE mine;
DROP TABLE kept;
SELECT * FROM changed();
-- Held by the session already: his hold outlasts ours.
SELECT pg_advisory_lock(72707369);
CALL remigrate.migrate('locked by himself', 'CREATE TABLE himself (a int); CREATE INDEX CONCURRENTLY himself_a ON himself (a)', 'caller');
SELECT objid, mode FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT pg_advisory_unlock(72707369);

-- statement_timeout counts for each statement of a script -----------------------------------------------

SET statement_timeout = '1s';
CALL remigrate.migrate('naps', 'SELECT pg_sleep(0.3); SELECT pg_sleep(0.3); COMMIT; SELECT pg_sleep(0.3); SELECT pg_sleep(0.3)', 'caller');
SELECT remigrate.stage_all('{"t1": "SELECT pg_sleep(0.3); SELECT pg_sleep(0.3)", "t2": "SELECT pg_sleep(0.3); SELECT pg_sleep(0.3)", "t3": "SELECT pg_sleep(0.1); SELECT pg_sleep(30)"}', 'caller');
CALL remigrate.deploy(target_schema => 'caller');
SELECT migration_name, state FROM remigrate.status('caller') WHERE migration_name ~ '^t';
SELECT pg_sleep(30);
CALL remigrate.migrate('sets its own', 'SET statement_timeout = 0; SELECT pg_sleep(1.1); COMMIT; SELECT pg_sleep(1.1)', 'caller');
SHOW statement_timeout;
RESET statement_timeout;
CALL remigrate.migrate('sets one', 'SET statement_timeout = ''1s''; SELECT 1; COMMIT; SELECT pg_sleep(30)', 'caller');
SELECT pg_sleep(1.1) IS NOT NULL AS outlived;
CALL remigrate.migrate('sets one', 'SET statement_timeout = ''1s''; SELECT 1; COMMIT; SELECT pg_sleep(0)', 'caller');
SELECT * FROM changed();

SELECT migration_name, state FROM remigrate.status('caller') WHERE state <> 'applied';
SET client_min_messages = warning;
RESET search_path;
DROP SCHEMA caller, caller_path CASCADE;
DROP OWNED BY regress_remigrate_low;
DROP ROLE regress_remigrate_low;
DELETE FROM remigrate.registry WHERE target_schema = 'caller';
