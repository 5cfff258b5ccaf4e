-- Who may do what: an owner of the database who is no superuser installs the
-- extension and grants its use; nobody but the module writes its tables.

BEGIN;
SELECT no_plan();

DROP EXTENSION remigrate;
CREATE ROLE regress_remigrate_owner;
CREATE ROLE regress_remigrate_deployer;
CREATE ROLE regress_remigrate_reader;
CREATE ROLE regress_remigrate_nobody;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO regress_remigrate_owner', current_database()); END $$;
GRANT USAGE ON SCHEMA tap TO PUBLIC;
GRANT CREATE ON SCHEMA public TO regress_remigrate_deployer;
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
-- pgTAP counts in tables of its own, whoever asks.
DO $$
DECLARE
	relation regclass;
BEGIN
	FOR relation IN SELECT oid FROM pg_class WHERE relnamespace = pg_my_temp_schema() AND relkind IN ('r', 'S') LOOP
		EXECUTE format('GRANT ALL ON %s TO PUBLIC', relation);
	END LOOP;
END $$;

-- Installing ------------------------------------------------------------------------

SET ROLE regress_remigrate_nobody;
SELECT throws_ok('CREATE EXTENSION remigrate', '42501', NULL, 'not everybody installs it');
SET ROLE regress_remigrate_owner;
CREATE SCHEMA remigrate;
SELECT throws_ok('CREATE EXTENSION remigrate', '42P06', NULL, 'a schema made beforehand is an error');
DROP SCHEMA remigrate;
SELECT lives_ok('CREATE EXTENSION remigrate', 'who may create in the database installs it');
RESET ROLE;

SELECT set_eq($$SELECT DISTINCT pg_get_userbyid(proowner)::text FROM pg_proc WHERE pronamespace = 'remigrate'::regnamespace$$,
	ARRAY[pg_get_userbyid(10)::text], 'the functions belong to the bootstrap superuser');
SELECT set_eq($$SELECT DISTINCT pg_get_userbyid(relowner)::text FROM pg_class WHERE relnamespace = 'remigrate'::regnamespace$$,
	ARRAY[pg_get_userbyid(10)::text], 'the tables, too');
SELECT isnt(nspowner::regrole::text, 'regress_remigrate_owner', 'and the schema is not the installer''s to create in')
	FROM pg_namespace WHERE nspname = 'remigrate';

-- PUBLIC -------------------------------------------------------------------------------

SELECT is_empty($$SELECT p.oid::regprocedure FROM pg_proc p, LATERAL aclexplode(coalesce(proacl, acldefault('f', proowner))) a
		WHERE pronamespace = 'remigrate'::regnamespace AND a.grantee = 0$$, 'no function is open to PUBLIC');
SELECT is_empty($$SELECT c.oid::regclass FROM pg_class c, LATERAL aclexplode(coalesce(relacl, acldefault('r', relowner))) a
		WHERE relnamespace = 'remigrate'::regnamespace AND a.grantee = 0$$, 'no table or view is open to PUBLIC');
SELECT is_empty($$SELECT nspname FROM pg_namespace n, LATERAL aclexplode(coalesce(nspacl, acldefault('n', nspowner))) a
		WHERE nspname = 'remigrate' AND a.grantee = 0$$, 'nor is the schema');
SELECT is_empty($$SELECT c.oid::regclass, a.grantee::regrole, a.privilege_type
		FROM pg_class c, LATERAL aclexplode(coalesce(relacl, acldefault('r', relowner))) a
		WHERE relnamespace = 'remigrate'::regnamespace AND a.grantee <> relowner AND a.privilege_type <> 'SELECT'$$,
	'nobody but their owner has more than SELECT on the tables');

SET ROLE regress_remigrate_nobody;
SELECT throws_ok($$SELECT remigrate.apply('m', 'SELECT 1')$$, '42501', 'permission denied for schema remigrate', 'nobody applies');
SELECT throws_ok($$SELECT * FROM remigrate.status()$$, '42501', NULL, 'nobody asks');
SELECT throws_ok($$SELECT * FROM remigrate.event_log$$, '42501', NULL, 'nobody reads');
RESET ROLE;

-- Granting ---------------------------------------------------------------------------------

SET ROLE regress_remigrate_owner;
SELECT lives_ok('GRANT USAGE ON SCHEMA remigrate TO regress_remigrate_deployer, regress_remigrate_reader', 'the installer grants the schema');
SELECT lives_ok('GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA remigrate TO regress_remigrate_deployer', 'the functions');
SELECT lives_ok('GRANT EXECUTE ON FUNCTION remigrate.status(text) TO regress_remigrate_reader', 'a single one');
SELECT lives_ok('GRANT SELECT ON ALL TABLES IN SCHEMA remigrate TO regress_remigrate_reader', 'the tables, to read');
SELECT ok(has_table_privilege('regress_remigrate_reader', 'remigrate.event_log', 'SELECT'), 'which arrives');
SET LOCAL client_min_messages = error;
GRANT ALL ON ALL TABLES IN SCHEMA remigrate TO regress_remigrate_reader;
RESET client_min_messages;
SELECT ok(NOT has_table_privilege('regress_remigrate_reader', 'remigrate.event_log', 'INSERT, UPDATE, DELETE, TRUNCATE'),
	'more than he has he can''t grant');
SELECT throws_ok('CREATE TABLE remigrate.mine ()', '42501', NULL, 'nothing can be put into the schema');
SELECT throws_ok($$CREATE FUNCTION remigrate.checksum(x varchar) RETURNS text LANGUAGE sql AS 'SELECT 1::text'$$, '42501', NULL, 'no overload either');
RESET ROLE;

-- Using ------------------------------------------------------------------------------------------

SET ROLE regress_remigrate_deployer;
SELECT is(remigrate.apply('1', 'CREATE TABLE public.made (a int)'), 'applied', 'a deployer applies');
SELECT is(remigrate.apply('1', 'CREATE TABLE public.made (a int)'), 'unchanged', 'and again');
SELECT is((SELECT string_agg(migration_name || ' ' || state, ', ') FROM remigrate.status()), '1 applied', 'and asks');
SELECT throws_ok($$SELECT * FROM remigrate.event_log$$, '42501', NULL, 'he was not let to read the event log');
SELECT is(current_user::text, 'regress_remigrate_deployer', 'he is himself afterwards');
SELECT is(remigrate.apply('2', 'CREATE TABLE who AS SELECT current_user::text AS who, session_user::text AS session'), 'applied', 'a script runs');
SELECT is((SELECT who FROM who), 'regress_remigrate_deployer', 'as its caller');
SELECT throws_ok(format('SELECT remigrate.apply(''m'', %L)', statement), '42501', NULL, 'not in a script: ' || statement)
FROM unnest(ARRAY[
	'INSERT INTO remigrate.registry (target_schema, migration_name, checksum, state) VALUES (''public'', ''x'', ''x'', ''applied'')',
	'UPDATE remigrate.registry SET state = ''applied''',
	'DELETE FROM remigrate.registry',
	'TRUNCATE remigrate.script CASCADE',
	'INSERT INTO remigrate.event_log (id, at, action, target_schema, migration_name, role_name, session_role_name, process_id) VALUES (1, now(), ''x'', ''x'', ''x'', ''x'', ''x'', 1)',
	'UPDATE remigrate.event_log SET message = NULL',
	'DELETE FROM remigrate.event_log',
	'ALTER TABLE remigrate.registry DISABLE TRIGGER ALL',
	'DROP TABLE remigrate.event_log',
	'DROP EXTENSION remigrate',
	'CREATE TABLE remigrate.x ()']) statement;
RESET ROLE;

SELECT is((SELECT string_agg(DISTINCT tableowner::text, ', ') || count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename IN ('made', 'who', '_prisma_migrations')),
	'regress_remigrate_deployer3', 'what he made is his, the journal, too');
SELECT is((SELECT string_agg(concat_ws(' ', migration_name, action, role_name), ', ' ORDER BY id) FROM remigrate.event_log),
	'1 applied regress_remigrate_deployer, 2 applied regress_remigrate_deployer',
	'the event log says who it was');
SELECT is((SELECT count(DISTINCT session_role_name)::int FROM remigrate.event_log WHERE session_role_name = session_user), 1, 'and who he had logged in as');

SET ROLE regress_remigrate_reader;
SELECT is((SELECT count(*)::int FROM remigrate.event_log), 2, 'a reader reads');
SELECT throws_ok($$SELECT remigrate.apply('m', 'SELECT 1')$$, '42501', 'permission denied for function apply', 'and does not apply');
SELECT throws_ok($$SELECT * FROM remigrate.status()$$, '42501', NULL, 'status shows a journal only to whom may read it');
RESET ROLE;

-- Another's schema and another's journal
SET ROLE regress_remigrate_owner;
CREATE SCHEMA regress_remigrate_private;
SET ROLE regress_remigrate_deployer;
SELECT throws_ok($$SELECT remigrate.apply('m', 'SELECT 1', 'regress_remigrate_private')$$, '42501',
	'migration "m" failed: permission denied for schema regress_remigrate_private', 'a schema of somebody else is not open');
RESET ROLE;
SET ROLE regress_remigrate_owner;
SELECT remigrate.apply('m', 'SELECT 1', 'regress_remigrate_private');
GRANT USAGE, CREATE ON SCHEMA regress_remigrate_private TO regress_remigrate_deployer;
SET ROLE regress_remigrate_deployer;
SELECT throws_ok($$SELECT remigrate.apply('m2', 'SELECT 1', 'regress_remigrate_private')$$, '42501',
	'migration "m2" failed: permission denied for table _prisma_migrations', 'nor is its journal');
RESET ROLE;
GRANT SELECT ON regress_remigrate_private._prisma_migrations TO regress_remigrate_deployer;
SET ROLE regress_remigrate_deployer;
SELECT throws_ok($$SELECT remigrate.apply('m2', 'CREATE TABLE t ()', 'regress_remigrate_private')$$, '42501', NULL, 'who may read it may not write it');
SELECT is(remigrate.apply('m', 'SELECT 1', 'regress_remigrate_private'), 'unchanged', 'but finds what is known');
RESET ROLE;
SELECT hasnt_table('regress_remigrate_private', 't', 'and the script was undone with it');

-- The installer drops it, and what was his goes on.
SET ROLE regress_remigrate_owner;
SELECT lives_ok('DROP EXTENSION remigrate', 'the installer drops it');
RESET ROLE;
SELECT hasnt_schema('remigrate', 'the schema goes');
SELECT is((SELECT count(*)::int FROM public._prisma_migrations), 2, 'the journal stays');

SELECT * FROM finish();
ROLLBACK;
