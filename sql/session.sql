--
-- session: whatever a migration does to it, the caller's is as it was
--
CREATE SCHEMA session;
CREATE SCHEMA session_path;
CREATE ROLE regress_remigrate_low;
GRANT USAGE, CREATE ON SCHEMA session TO regress_remigrate_low;
SET search_path = session_path, public;
SET work_mem = '5MB';
SET application_name = 'session test';
SET custom.setting = 'mine';

CREATE TEMP TABLE before (name text, setting text, source text);
CREATE FUNCTION pg_temp.now_is() RETURNS SETOF before LANGUAGE sql AS $$
	SELECT name, setting, source FROM pg_settings
	WHERE name NOT IN ('transaction_isolation', 'transaction_read_only', 'transaction_deferrable')
	UNION ALL VALUES ('current_user', current_user::text, ''), ('session_user', session_user::text, ''),
		('custom.setting', current_setting('custom.setting', true), ''),
		('other.setting', nullif(current_setting('other.setting', true), ''), '')
	UNION ALL SELECT 'cursor', name, '' FROM pg_cursors WHERE name <> ''
	UNION ALL SELECT 'prepared', name, '' FROM pg_prepared_statements
$$;
CREATE FUNCTION pg_temp.changed() RETURNS TABLE (change text, name text, setting text, source text) LANGUAGE sql AS $$
	(SELECT 'was', * FROM before EXCEPT ALL SELECT 'was', * FROM pg_temp.now_is())
	UNION ALL
	(SELECT 'is', * FROM pg_temp.now_is() EXCEPT ALL SELECT 'is', * FROM before)
$$;
-- (Loads the module, and with it its settings.)
SELECT remigrate.apply('first', 'DO $$ BEGIN END $$', 'session');
INSERT INTO before SELECT * FROM pg_temp.now_is();

-- The test would notice.
SET work_mem = '6MB';
SELECT * FROM pg_temp.changed();
SET work_mem = '5MB';
SELECT * FROM pg_temp.changed();

-- Settings ------------------------------------------------------------------------

SELECT remigrate.apply('sets', $script$
SET work_mem = '7MB';
SET LOCAL maintenance_work_mem = '70MB';
SET search_path = pg_catalog;
SET SESSION lock_timeout = 77;
SET statement_timeout = 7777;
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
SET remigrate.on_edited = warning;
$script$, 'session');
SELECT * FROM pg_temp.changed();
SELECT remigrate.apply('resets', 'RESET work_mem; RESET ALL; RESET search_path; SET TIME ZONE DEFAULT', 'session');
SELECT * FROM pg_temp.changed();
-- A failure after it
SELECT remigrate.apply('m', $script$
SET work_mem = '7MB'; SET search_path = pg_catalog; SET custom.setting = 'changed'; SET ROLE regress_remigrate_low; RESET ALL; SELECT 1 / 0
$script$, 'session');
SELECT * FROM pg_temp.changed();
-- A failure caught by the caller, within his transaction
BEGIN;
SET LOCAL work_mem = '8MB';
SET lock_timeout = '88ms';
DO $$
BEGIN
	PERFORM remigrate.apply('m', 'SET work_mem = ''7MB''; SET lock_timeout = 1; SET search_path = pg_catalog; SELECT 1 / 0', 'session');
EXCEPTION WHEN division_by_zero THEN
END $$;
SELECT current_setting('work_mem') AS work_mem, current_setting('lock_timeout') AS lock_timeout, current_setting('search_path') AS search_path;
SELECT remigrate.apply('sets in a transaction', 'SET work_mem = ''7MB''; SET lock_timeout = 1; RESET lock_timeout; SET LOCAL search_path = pg_catalog', 'session');
SELECT current_setting('work_mem') AS work_mem, current_setting('lock_timeout') AS lock_timeout, current_setting('search_path') AS search_path;
COMMIT;
SELECT current_setting('work_mem') AS work_mem, current_setting('lock_timeout') AS lock_timeout;
RESET lock_timeout;
-- A setting that comes from the function around the call
CREATE FUNCTION session.around() RETURNS text LANGUAGE plpgsql SET search_path = session SET work_mem = '9MB' AS $$
BEGIN
	PERFORM remigrate.apply('in a function', 'SET work_mem = ''7MB''; SET search_path = pg_catalog; RESET ALL', 'session');
	RETURN current_setting('work_mem') || ' ' || current_setting('search_path');
END $$;
SELECT session.around();
SELECT * FROM pg_temp.changed();

-- A script sees its settings from statement to statement, and the caller's.
SELECT remigrate.apply('sees', $script$
CREATE TABLE seen AS SELECT current_setting('work_mem') AS work_mem, current_setting('search_path') AS path, current_setting('lock_timeout') AS lock_timeout,
	current_setting('standard_conforming_strings') AS strings;
SET search_path = session_path;
CREATE TABLE elsewhere ();
SET work_mem = '7MB';
INSERT INTO session.seen VALUES (current_setting('work_mem'), current_setting('search_path'), current_setting('lock_timeout'));
$script$, 'session', lock_timeout => '1234 ms');
SELECT * FROM session.seen;
SELECT to_regclass('session_path.elsewhere');
-- From 19 on they are always as they should be.
DO $$
BEGIN
	SET escape_string_warning = off;
	SET standard_conforming_strings = off;
EXCEPTION WHEN undefined_object OR feature_not_supported THEN
END $$;
SHOW standard_conforming_strings \gset was_
SELECT remigrate.apply('backslashes', $$CREATE TABLE backslashes AS SELECT 'a\' AS a, 'b\n' AS b$$, 'session');
SELECT length(a), length(b) FROM session.backslashes;
SELECT current_setting('standard_conforming_strings') = :'was_standard_conforming_strings' AS as_it_was;
DO $$
BEGIN
	RESET standard_conforming_strings;
	RESET escape_string_warning;
EXCEPTION WHEN undefined_object THEN
END $$;

-- Role and session authorization --------------------------------------------------------

SELECT remigrate.apply('roles', $script$
SET ROLE regress_remigrate_low;
CREATE TABLE by_low ();
SET SESSION AUTHORIZATION regress_remigrate_low;
CREATE TABLE by_low_too ();
$script$, 'session');
SELECT tablename, tableowner = current_user AS is_mine, tableowner = 'regress_remigrate_low' AS is_low FROM pg_tables WHERE schemaname = 'session' AND tablename ~ 'by_low' ORDER BY 1;
SELECT current_user = session_user AS as_before, role_name = current_user AS recorded
FROM remigrate.event_log WHERE target_schema = 'session' AND migration_name = 'roles';
SELECT remigrate.apply('m', 'SET SESSION AUTHORIZATION regress_remigrate_low; SET ROLE NONE; SELECT 1 / 0', 'session');
SELECT * FROM pg_temp.changed();
SELECT remigrate.apply('m', 'SET LOCAL ROLE regress_remigrate_low; SET LOCAL SESSION AUTHORIZATION regress_remigrate_low; CREATE TABLE session_path.x ()', 'session');
SELECT * FROM pg_temp.changed();

-- Cursors, prepared statements, transactions -----------------------------------------------

PREPARE mine AS SELECT 'mine';
DECLARE held CURSOR WITH HOLD FOR SELECT i FROM generate_series(1, 5) i;
FETCH 1 FROM held;
DELETE FROM before;
INSERT INTO before SELECT * FROM pg_temp.now_is();
BEGIN;
DECLARE open CURSOR FOR SELECT i FROM generate_series(1, 5) i;
FETCH 1 FROM open;
SELECT remigrate.apply('cursors', 'CREATE TABLE cursors (); DECLARE inner_one CURSOR FOR SELECT 1; FETCH inner_one; CLOSE inner_one', 'session');
FETCH 1 FROM open;
SAVEPOINT s;
SELECT remigrate.apply('m', 'CREATE TABLE x (); DECLARE inner_one CURSOR FOR SELECT 1; SELECT 1 / 0', 'session');
ROLLBACK TO s;
FETCH 1 FROM open;
FETCH 1 FROM held;
SELECT remigrate.apply('already', 'DECLARE inner_one CURSOR FOR SELECT 1; CREATE TABLE cursors ()', 'session', on_duplicate => 'skip');
FETCH 1 FROM open;
SELECT name FROM pg_cursors WHERE name = 'inner_one';
COMMIT;
FETCH 1 FROM held;
EXECUTE mine;
SELECT * FROM pg_temp.changed();
CLOSE held;
BEGIN ISOLATION LEVEL READ COMMITTED, READ WRITE, DEFERRABLE;
SELECT remigrate.apply('characteristics', 'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SET SESSION CHARACTERISTICS AS TRANSACTION NOT DEFERRABLE', 'session');
SELECT current_setting('transaction_isolation') AS isolation, current_setting('transaction_read_only') AS read_only, current_setting('transaction_deferrable') AS "deferrable";
COMMIT;
-- Temporary tables are as the script leaves them.
CREATE TEMP TABLE kept (a serial);
INSERT INTO kept DEFAULT VALUES;
SELECT remigrate.apply('temp', 'CREATE TEMP TABLE left_behind (a int); INSERT INTO kept DEFAULT VALUES', 'session');
SELECT currval('kept_a_seq'), count(*) FROM kept;
SELECT * FROM left_behind;

-- statement_timeout counts for each statement of a script ------------------------------------

SET statement_timeout = '1s';
SELECT remigrate.apply('four naps', 'SELECT pg_sleep(0.3); SELECT pg_sleep(0.3); SELECT pg_sleep(0.3); SELECT pg_sleep(0.3)', 'session');
SELECT remigrate.apply('a long nap', 'SELECT pg_sleep(0.1); SELECT pg_sleep(30)', 'session');
-- What the script sets holds for it, and then the caller's again.
SELECT remigrate.apply('sets its own', 'SET statement_timeout = 0; SELECT pg_sleep(1.1)', 'session');
SELECT pg_sleep(30);
RESET statement_timeout;
SELECT remigrate.apply('sets one', 'SET statement_timeout = ''1s''; SELECT 1', 'session') AS outcome, pg_sleep(1.1) IS NOT NULL AS outlived;
SET lock_timeout = '50ms';
SELECT remigrate.apply('lock_timeout is not the caller''s', 'CREATE TABLE lt AS SELECT current_setting(''lock_timeout'') AS lt', 'session');
SELECT lt FROM session.lt;
RESET lock_timeout;

-- Advisory locks: the migration's are gone with the transaction, others are the caller's.
SELECT pg_advisory_lock(1);
SELECT remigrate.apply('locks', 'SELECT pg_advisory_lock(2)', 'session');
SELECT objid, mode, granted FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid() ORDER BY 1;
SELECT pg_advisory_unlock_all();
BEGIN;
SELECT remigrate.apply('locks again', 'SELECT 1', 'session');
SELECT bool_or(objid = 72707369 AND classid = 0 AND objsubid = 1) AS prisma_is_kept_out FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
COMMIT;
SELECT remigrate.apply('m', 'SELECT 1 / 0', 'session');
SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
-- Held by the session already, as in a script that locks Prisma out itself
SELECT pg_advisory_lock(72707369);
SELECT remigrate.apply('locked by himself', 'SELECT 1', 'session');
SELECT pg_advisory_unlock(72707369);

SET client_min_messages = warning;

-- Rights on the journal are the caller's affair, not that of a role that the script takes on.
REVOKE ALL ON SCHEMA session FROM regress_remigrate_low;
GRANT USAGE, CREATE ON SCHEMA session_path TO regress_remigrate_low;
ALTER TABLE session._prisma_migrations ENABLE ROW LEVEL SECURITY;
CALL remigrate.migrate('as another', 'SET ROLE regress_remigrate_low; CREATE TABLE session_path.low (a int)', 'session');
CALL remigrate.migrate('as another, step by step', $script$
SET ROLE regress_remigrate_low;
ALTER TABLE session_path.low ADD b int;
CREATE INDEX CONCURRENTLY ON session_path.low (a);
SET SESSION AUTHORIZATION regress_remigrate_low;
ALTER TABLE session_path.low ADD c text DEFAULT session_user || ' ' || current_user;
COMMIT;
INSERT INTO session_path.low DEFAULT VALUES;
VACUUM session_path.low;
$script$, 'session');
SELECT current_user = session_user AS is_himself, c FROM session_path.low;
ALTER TABLE session._prisma_migrations DISABLE ROW LEVEL SECURITY;

RESET search_path;
DROP SCHEMA session, session_path CASCADE;
DROP ROLE regress_remigrate_low;
