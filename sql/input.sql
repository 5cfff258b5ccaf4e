--
-- input: what apply makes of arguments, sessions and journals that are no good
--
SET timezone = 'UTC';
CREATE SCHEMA input;
SET search_path = input;

-- Arguments -----------------------------------------------------------------------

SELECT remigrate.apply(NULL, 'SELECT 1', 'input');
SELECT remigrate.apply('m', NULL::text, 'input');
SELECT remigrate.apply('m', NULL::bytea, 'input');
SELECT remigrate.apply('m', NULL, 'input');
SELECT remigrate.apply('m', 'SELECT 1', NULL);
\echo :LAST_ERROR_SQLSTATE
-- Null policies are not given.
SELECT remigrate.apply('nulls', 'SELECT 1', 'input', NULL, NULL, NULL, NULL, NULL, NULL);
SELECT remigrate.apply('', 'SELECT 1', 'input');
\echo :LAST_ERROR_SQLSTATE
-- As long as Prisma's column is wide, counted in characters
SELECT remigrate.apply(repeat('n', 255), 'SELECT 1', 'input');
SELECT remigrate.apply(repeat('n', 256), 'SELECT 1', 'input');
SELECT remigrate.apply(repeat('ü', 255), 'SELECT 1', 'input');
SELECT remigrate.apply(repeat('ü', 256), 'SELECT 1', 'input');
SELECT remigrate.apply('m', 'SELECT 1', 'input', on_edited => 'shrug');
SELECT remigrate.apply('m', 'SELECT 1', 'input', concurrently => '');
SELECT remigrate.apply('m', 'SELECT 1', 'input', on_duplicate => 'skip ');
SELECT remigrate.apply('m', 'SELECT 1', 'input', lock_timeout => '-1 ms');
SELECT remigrate.apply('m', 'SELECT 1', 'input', lock_timeout => '25 days');
SELECT remigrate.apply('m', 'SELECT 1', 'input', migration_lock_wait => '178000000 years');
SELECT remigrate.apply('no wait', 'SELECT 1', 'input', migration_lock_wait => '0', lock_timeout => '0');
-- Less than can be counted is not zero, which would be no limit.
SELECT remigrate.apply('very short', 'DO $$ BEGIN RAISE ''%'', current_setting(''lock_timeout''); END $$', 'input', lock_timeout => '1 us');
SET remigrate.no_such_setting = 1;
SET remigrate.on_edited = shrug;
\set VERBOSITY sqlstate
SET remigrate.lock_timeout = -1;
\set VERBOSITY default

-- Hostile names
SELECT remigrate.apply(E'\'; DROP TABLE x; --"\\', 'SELECT 1', 'input');
SELECT remigrate.apply(E'two\nlines', 'SELECT missing', 'input');
SELECT remigrate.apply('%s %n %1$s', 'SELECT missing', 'input');
SELECT remigrate.apply('   ', 'SELECT 1', 'input');

-- Schemas
SELECT remigrate.apply('m', 'SELECT 1', 'nowhere');
\echo :LAST_ERROR_SQLSTATE
SELECT remigrate.apply('m', 'SELECT 1', 'INPUT');
SELECT remigrate.apply('m', 'SELECT 1', '');
SELECT remigrate.apply('m', 'SELECT 1', 'input, public');
SELECT remigrate.apply('m', 'SELECT 1', 'pg_catalog');
SELECT remigrate.apply('m', 'SELECT 1', 'information_schema');
SELECT remigrate.apply('m', 'SELECT 1', 'pg_temp');
SELECT remigrate.apply('m', 'SELECT 1', 'pg_toast');
SELECT remigrate.apply('m', 'SELECT 1', 'remigrate');
-- In a search_path this name is none, but the caller's own schema.
CREATE SCHEMA "$user";
SELECT remigrate.apply('m', 'CREATE TABLE astray ()', '$user');
DROP SCHEMA "$user";

-- Scripts
SELECT remigrate.apply('bom', E'\uFEFFSELECT 1', 'input');
SELECT remigrate.apply('bom', '\xefbbbf'::bytea, 'input');
SELECT remigrate.apply('bom within', E'SELECT 1; -- \uFEFF', 'input');
SELECT remigrate.apply('latin1', 'SELECT 1;
-- '::bytea || '\xfc'::bytea, 'input');
\echo :LAST_ERROR_SQLSTATE
SELECT remigrate.apply('cut', 'SELECT 1; --'::bytea || '\xe282'::bytea, 'input');
SELECT remigrate.apply('overlong', '\xc080'::bytea, 'input');
SELECT remigrate.apply('surrogate', '\xeda080'::bytea, 'input');
SELECT remigrate.apply('zero', 'SELECT 1;'::bytea || '\x00'::bytea || 'SELECT 2'::bytea, 'input');
SELECT remigrate.apply('utf16', '\xfffe5300'::bytea, 'input');
SELECT remigrate.apply('big', convert_to(repeat('--', 32 * 1024 * 1024) || '-', 'UTF8'), 'input');
\echo :LAST_ERROR_SQLSTATE
-- 16 MB are no problem.
SELECT remigrate.apply('16 MB', '-- ' || repeat('x', 16 * 1024 * 1024) || E'\nSELECT missing', 'input');
\set VERBOSITY terse
SELECT remigrate.apply('deep', repeat('(', 50000), 'input');
\set VERBOSITY default
SELECT remigrate.apply('deep', 'SELECT ' || repeat('(', 500) || '1' || repeat(')', 500), 'input');

-- The caller's transaction ----------------------------------------------------------

BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT remigrate.apply('m', 'SELECT 1', 'input');
ROLLBACK;
\echo :LAST_ERROR_SQLSTATE
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT remigrate.apply('m', 'SELECT 1', 'input');
ROLLBACK;
BEGIN READ ONLY;
SELECT remigrate.apply('m', 'SELECT 1', 'input');
ROLLBACK;
\echo :LAST_ERROR_SQLSTATE
BEGIN;
SELECT 1 / 0;
SELECT remigrate.apply('m', 'SELECT 1', 'input');
ROLLBACK;
-- Read uncommitted is read committed here.
BEGIN ISOLATION LEVEL READ UNCOMMITTED;
SELECT remigrate.apply('m', 'SELECT 1', 'input');
ROLLBACK;
-- A savepoint takes it back like anything else.
BEGIN;
SAVEPOINT s;
SELECT remigrate.apply('in a savepoint', 'CREATE TABLE in_a_savepoint ()', 'input');
ROLLBACK TO s;
SELECT remigrate.apply('in a savepoint', 'CREATE TABLE in_a_savepoint ()', 'input');
COMMIT;
-- In a block that catches the error, again and again
DO $$
BEGIN
	FOR i IN 1 .. 100 LOOP
		BEGIN
			PERFORM remigrate.apply('caught', 'CREATE TABLE caught (); SELECT 1 / 0', 'input');
		EXCEPTION WHEN division_by_zero THEN
		END;
	END LOOP;
	RAISE NOTICE '%', remigrate.apply('caught', 'CREATE TABLE caught ()', 'input');
END $$;
SELECT to_regclass('caught');
-- Within what may not have side effects
CREATE MATERIALIZED VIEW restricted AS SELECT remigrate.apply('m', 'SELECT 1', 'input');
CREATE TABLE indexed (a int);
INSERT INTO indexed VALUES (1);
CREATE FUNCTION by_index(int) RETURNS int IMMUTABLE LANGUAGE plpgsql
	AS $$ BEGIN PERFORM remigrate.apply('m', 'SELECT 1', 'input'); RETURN 1; END $$;
CREATE INDEX ON indexed (by_index(a));
-- In a cursor, in a trigger, by a prepared statement, in a CTE
BEGIN;
DECLARE c CURSOR FOR SELECT remigrate.apply('by cursor ' || i, 'SELECT 1', 'input') FROM generate_series(1, 3) i;
FETCH 1 FROM c;
FETCH 2 FROM c;
COMMIT;
CREATE FUNCTION by_trigger() RETURNS trigger LANGUAGE plpgsql
	AS $$ BEGIN PERFORM remigrate.apply('by trigger', 'CREATE TABLE by_trigger ()', 'input'); RETURN NEW; END $$;
CREATE TRIGGER t AFTER INSERT ON indexed FOR EACH ROW EXECUTE FUNCTION by_trigger();
INSERT INTO indexed VALUES (2);
PREPARE p(text, bytea) AS SELECT remigrate.apply($1, $2, 'input');
EXECUTE p('prepared', 'SELECT 1');
EXECUTE p('prepared', 'SELECT 1');
EXECUTE p('prepared', '\xff');
EXECUTE p('prepared 2', 'SELECT missing');
DEALLOCATE p;
WITH w AS MATERIALIZED (SELECT remigrate.apply('by CTE', 'SELECT 1', 'input') AS outcome) SELECT * FROM w;

-- Scripts that reach for what runs them -----------------------------------------------

SELECT remigrate.apply('inner', $$SELECT remigrate.apply('other', 'SELECT 1', 'input')$$, 'input');
SELECT remigrate.apply('inner', $$DO 'BEGIN PERFORM remigrate.apply(''other'', ''SELECT 1''); EXCEPTION WHEN OTHERS THEN RAISE NOTICE ''%'', SQLERRM; END'$$, 'input');
SELECT remigrate.apply('after inner', 'SELECT 1', 'input');
SELECT remigrate.apply('reads', $$SELECT * FROM remigrate.status('input'); SELECT remigrate.checksum('x')$$, 'input');
SELECT remigrate.apply('drops journal', 'DROP TABLE _prisma_migrations', 'input');
SELECT remigrate.apply('moves journal', 'ALTER TABLE _prisma_migrations SET SCHEMA public', 'input');
SELECT remigrate.apply('renames journal', 'ALTER TABLE _prisma_migrations RENAME TO x', 'input');
SELECT remigrate.apply('replaces journal', 'CREATE TABLE x (LIKE _prisma_migrations INCLUDING ALL); DROP TABLE _prisma_migrations; ALTER TABLE x RENAME TO _prisma_migrations', 'input');
SELECT remigrate.apply('drops schema', 'SET client_min_messages = warning; DROP SCHEMA input CASCADE', 'input');
SELECT remigrate.apply('renames schema', 'ALTER SCHEMA input RENAME TO output', 'input');
\set VERBOSITY sqlstate
SELECT remigrate.apply('drops the extension', 'DROP EXTENSION remigrate', 'input');
SELECT remigrate.apply('cripples journal', 'ALTER TABLE _prisma_migrations DROP COLUMN logs', 'input');
\set VERBOSITY default
SELECT remigrate.apply('empties journal', 'TRUNCATE _prisma_migrations', 'input');
SELECT migration_name FROM _prisma_migrations;

-- Journals of other shapes --------------------------------------------------------------

CREATE FUNCTION trap() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the trap snapped'; END $$;
CREATE FUNCTION trap(text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE EXCEPTION 'the trap snapped'; END $$;
CREATE FUNCTION trap_trigger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the trap snapped'; END $$;
CREATE DOMAIN trapped AS text CHECK (input.trap(VALUE) IS NULL);

-- Makes a journal in a schema of its own, changes it so, and applies.
CREATE FUNCTION with_journal(change text, make text DEFAULT NULL) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
	code text; message text;
BEGIN
	CREATE SCHEMA odd;
	SET LOCAL search_path = odd, input;
	EXECUTE coalesce(make, 'CREATE TABLE _prisma_migrations (
		id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL, finished_at TIMESTAMPTZ,
		migration_name VARCHAR(255) NOT NULL, logs TEXT, rolled_back_at TIMESTAMPTZ,
		started_at TIMESTAMPTZ NOT NULL DEFAULT now(), applied_steps_count INTEGER NOT NULL DEFAULT 0)');
	EXECUTE coalesce(change, '');
	message := remigrate.apply('m', 'SELECT 1', 'odd');
	RAISE EXCEPTION USING ERRCODE = '00001', MESSAGE = message;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
	RETURN code || ' ' || replace(replace(message, 'migration "m" was not run: ', ''), 'migration "m" was undone: ', '');
END $$;
\pset format unaligned
\pset tuples_only on
SELECT with_journal('');
SELECT with_journal('', 'CREATE VIEW _prisma_migrations AS SELECT 1 AS id');
SELECT with_journal('', 'CREATE MATERIALIZED VIEW _prisma_migrations AS SELECT 1 AS id');
SELECT with_journal('', 'CREATE SEQUENCE _prisma_migrations');
SELECT with_journal('', 'CREATE TYPE _prisma_migrations AS (id int)');
SELECT with_journal('', 'CREATE TABLE x (id int); CREATE INDEX _prisma_migrations ON x (id)');
SELECT with_journal('', 'CREATE TABLE _prisma_migrations (id varchar(36)) PARTITION BY LIST (id)');
SELECT with_journal('', 'CREATE TABLE _prisma_migrations (id int)');
SELECT with_journal('', 'CREATE TABLE _prisma_migrations ()');
SELECT with_journal('ALTER TABLE _prisma_migrations SET UNLOGGED');
SELECT with_journal('CREATE TRIGGER t BEFORE INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION trap_trigger()');
SELECT with_journal('CREATE TRIGGER t AFTER INSERT ON _prisma_migrations EXECUTE FUNCTION trap_trigger(); ALTER TABLE _prisma_migrations DISABLE TRIGGER t');
SELECT with_journal('CREATE TABLE x (id varchar(36) REFERENCES _prisma_migrations)');
SELECT with_journal('CREATE RULE r AS ON INSERT TO _prisma_migrations DO ALSO SELECT trap()');
SELECT with_journal('ALTER TABLE _prisma_migrations ENABLE ROW LEVEL SECURITY');
SELECT with_journal('ALTER TABLE _prisma_migrations ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY; CREATE POLICY p ON _prisma_migrations USING (trap(id) IS NULL)');
SELECT with_journal('ALTER TABLE _prisma_migrations FORCE ROW LEVEL SECURITY');
SELECT with_journal('ALTER TABLE _prisma_migrations ADD CHECK (trap(checksum) IS NULL)');
SELECT with_journal('ALTER TABLE _prisma_migrations ADD CHECK (true) NOT VALID');
SELECT with_journal('ALTER TABLE _prisma_migrations ADD extra text DEFAULT trap()');
SELECT with_journal('ALTER TABLE _prisma_migrations ADD extra text GENERATED ALWAYS AS (trap(checksum)) STORED');
SELECT with_journal('ALTER TABLE _prisma_migrations ADD extra int GENERATED BY DEFAULT AS IDENTITY');
SELECT with_journal('ALTER TABLE _prisma_migrations ADD extra trapped');
SELECT with_journal('ALTER TABLE _prisma_migrations ADD extra trapped[]');
SELECT with_journal('ALTER TABLE _prisma_migrations ADD extra indexed');
SELECT with_journal('ALTER TABLE _prisma_migrations ALTER logs TYPE trapped');
SELECT with_journal('ALTER TABLE _prisma_migrations ALTER logs SET DEFAULT trap()');
SELECT with_journal('ALTER TABLE _prisma_migrations ALTER started_at SET DEFAULT trap()::timestamptz');
SELECT with_journal('ALTER TABLE _prisma_migrations ALTER applied_steps_count TYPE bigint');
SELECT with_journal('ALTER TABLE _prisma_migrations ALTER applied_steps_count DROP DEFAULT, ALTER applied_steps_count ADD GENERATED ALWAYS AS IDENTITY');
SELECT with_journal('ALTER TABLE _prisma_migrations ALTER started_at TYPE timestamp');
SELECT with_journal('ALTER TABLE _prisma_migrations ALTER started_at TYPE date');
SELECT with_journal('ALTER TABLE _prisma_migrations RENAME logs TO log');
SELECT with_journal('CREATE INDEX i ON _prisma_migrations (trap(checksum))');
SELECT with_journal('CREATE INDEX i ON _prisma_migrations (checksum) WHERE trap(checksum) IS NULL');
SELECT with_journal('ALTER TABLE _prisma_migrations ADD EXCLUDE (checksum WITH =)');
SELECT with_journal('CREATE INDEX i ON _prisma_migrations (checksum, started_at)');
SELECT with_journal('CREATE TABLE x () INHERITS (_prisma_migrations)');
SELECT with_journal('CREATE TABLE x (); ALTER TABLE _prisma_migrations INHERIT x');
SELECT with_journal('ALTER TABLE _prisma_migrations ADD extra int NOT NULL');
SELECT with_journal('ALTER TABLE _prisma_migrations ADD UNIQUE (migration_name); INSERT INTO _prisma_migrations (id, checksum, migration_name, rolled_back_at) VALUES (''1'', '''', ''m'', now())');
SELECT with_journal('ALTER TABLE _prisma_migrations ADD extra int');
SELECT with_journal('ALTER TABLE _prisma_migrations ALTER checksum TYPE varchar(40)');
SELECT with_journal('ALTER TABLE _prisma_migrations ALTER started_at DROP NOT NULL; INSERT INTO _prisma_migrations (id, checksum, migration_name, started_at, finished_at) VALUES (''n'', '''', ''n'', NULL, now())');
-- Operators that the caller's search_path would find first
SELECT with_journal('CREATE OPERATOR = (LEFTARG = text, RIGHTARG = text, FUNCTION = pg_catalog.textne); SET LOCAL search_path = odd, pg_catalog');
\pset format aligned
\pset tuples_only off
-- Times without a zone are UTC, as they are to Prisma.
CREATE SCHEMA odd;
CREATE TABLE odd._prisma_migrations (LIKE _prisma_migrations INCLUDING ALL);
ALTER TABLE odd._prisma_migrations ALTER started_at TYPE timestamp, ALTER finished_at TYPE timestamp(3), ALTER rolled_back_at TYPE timestamp(0);
INSERT INTO odd._prisma_migrations (id, checksum, migration_name, started_at, finished_at) VALUES ('c', 'made-up', 'claimed', '2024-05-01 10:00', '2024-05-01 10:00');
SET TimeZone = 'Asia/Tokyo';
SELECT remigrate.apply('claimed', 'CREATE TABLE claimed ()', 'odd');
CALL remigrate.migrate('fails', 'SELECT 1 / 0', 'odd');
SELECT migration_name, started_at AT TIME ZONE 'UTC' BETWEEN now() - interval '1 h' AND clock_timestamp() AS started,
	finished_at AT TIME ZONE 'UTC' BETWEEN now() - interval '1 h' AND clock_timestamp() + interval '1 s' AS finished,
	rolled_back_at AT TIME ZONE 'UTC' BETWEEN now() - interval '1 h' AND clock_timestamp() + interval '1 s' AS rolled_back
FROM odd._prisma_migrations ORDER BY odd._prisma_migrations.started_at;
SELECT migration_name, now() - finished_at BETWEEN '-1 s' AND '1 h' AS finished FROM remigrate.status('odd');
RESET TimeZone;
SET client_min_messages = warning;
DROP SCHEMA odd CASCADE;
RESET client_min_messages;
-- status doesn't touch them either.
CREATE SCHEMA odd CREATE VIEW _prisma_migrations AS SELECT 1 AS id;
SELECT * FROM remigrate.status('odd');
DROP VIEW odd._prisma_migrations;
CREATE TABLE odd._prisma_migrations (LIKE _prisma_migrations INCLUDING ALL);
ALTER TABLE odd._prisma_migrations ADD CHECK (input.trap(checksum) IS NULL);
SELECT * FROM remigrate.status('odd');
ALTER TABLE odd._prisma_migrations DROP CONSTRAINT _prisma_migrations_checksum_check;
-- Row-level security is for others than its owner: a script may turn it on.
SELECT remigrate.apply('guards all', $$DO 'DECLARE t regclass; BEGIN
	FOR t IN SELECT oid FROM pg_class WHERE relkind = ''r'' AND relnamespace = ''odd''::regnamespace LOOP
		EXECUTE format(''ALTER TABLE %s ENABLE ROW LEVEL SECURITY'', t);
	END LOOP; END'$$, 'odd');
SELECT remigrate.apply('after', 'CREATE TABLE after_it ()', 'odd');
CREATE ROLE regress_input_reader;
GRANT USAGE ON SCHEMA odd, remigrate TO regress_input_reader;
GRANT EXECUTE ON FUNCTION remigrate.status(text) TO regress_input_reader;
GRANT SELECT ON odd._prisma_migrations TO regress_input_reader;
SET ROLE regress_input_reader;
SELECT * FROM remigrate.status('odd');
RESET ROLE;
DROP OWNED BY regress_input_reader;
DROP ROLE regress_input_reader;

SET client_min_messages = warning;
DROP SCHEMA input, odd CASCADE;
