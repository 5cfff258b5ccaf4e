-- DO blocks that make a type or a constraint unless it is there, which have no IF NOT EXISTS of
-- their own: how far a script with such blocks is.  Every case ends with ROLLBACK.

SET client_min_messages = error;

CREATE FUNCTION show(script text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s from %s (%s to %s): %s', verdict, resume_from, smallest,
		largest, reason)
	FROM remigrate.seam(script)
$$;
CREATE FUNCTION show_all(VARIADIC statements text[]) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	script text = array_to_string(statements, ';');
BEGIN
	RETURN NEXT '0: ' || show(script);
	FOR i IN 1 .. cardinality(statements) LOOP
		EXECUTE statements[i];
		RETURN NEXT i || ': ' || show(script);
	END LOOP;
END $$;
CREATE FUNCTION guard(statement text) RETURNS text LANGUAGE sql AS $$
	SELECT format('DO $do$ BEGIN %s; EXCEPTION WHEN duplicate_object THEN null; END $do$', statement)
$$;

-- A type, a table that uses it, a constraint, in any order of done and not done.
BEGIN;
SELECT show_all(guard('CREATE TYPE mood AS ENUM (''a'', ''b'')'), 'CREATE TABLE t (id int PRIMARY KEY, m mood)', 'CREATE TABLE u (t int)', guard('ALTER TABLE u ADD CONSTRAINT u_t_fkey FOREIGN KEY (t) REFERENCES t (id)'), guard('CREATE DOMAIN small AS int CHECK (VALUE < 9)'));
ROLLBACK;
BEGIN;
CREATE TYPE mood AS ENUM ('a', 'b');
SELECT show_all(guard('CREATE TYPE mood AS ENUM (''a'', ''b'')'), 'CREATE TABLE t (id int, m mood)', guard('ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 0)'), 'CREATE INDEX t_m ON t (m)');
ROLLBACK;

-- Another one of the name is as good to such a block as to IF NOT EXISTS.
BEGIN;
CREATE TYPE mood AS ENUM ('c');
SELECT show_all(guard('CREATE TYPE mood AS ENUM (''a'', ''b'')'), 'CREATE TABLE t (m mood)');
ROLLBACK;
-- But not where the script itself has seen to it that there is none.
BEGIN;
CREATE TYPE mood AS ENUM ('a');
SELECT show_all('DROP TYPE mood', guard('CREATE TYPE mood AS ENUM (''a'', ''b'')'), 'CREATE TABLE t (m mood)');
ROLLBACK;
-- Renamed and dropped behind it
BEGIN;
SELECT show_all(guard('CREATE TYPE mood AS ENUM (''a'', ''b'')'), 'ALTER TYPE mood RENAME TO humour', 'CREATE TABLE t (m humour)');
ROLLBACK;
BEGIN;
SELECT show_all(guard('CREATE TYPE mood AS ENUM (''a'', ''b'')'), 'DROP TYPE mood', 'CREATE TABLE t ()');
ROLLBACK;

-- A false claim, nothing of which has run, or half of it; and one that a later
-- migration has gone on from.
CREATE SCHEMA guarded;
SET search_path = guarded, public;
CALL remigrate.migrate('0', 'CREATE TABLE zero ()', 'guarded');
CREATE FUNCTION claim(name text) RETURNS void LANGUAGE sql AS $$
	INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name)
	VALUES (name, 'remote-migration', now(), name)
$$;
SELECT claim('1');
SELECT remigrate.stage('1', guard('CREATE TYPE mood AS ENUM (''a'')') || '; CREATE TABLE t (m mood); CREATE INDEX t_m ON t (m)', 'guarded');
CALL remigrate.deploy(target_schema => 'guarded');
CREATE TABLE u (m mood);
SELECT claim('2');
SELECT remigrate.stage('2', guard('ALTER TABLE u ADD CONSTRAINT c CHECK (m = ''a'')') || '; CREATE INDEX u_m ON u (m)', 'guarded');
CALL remigrate.deploy(target_schema => 'guarded');
SELECT migration_name, state, logs FROM remigrate.status('guarded');
SELECT conname FROM pg_constraint WHERE conname = 'c';
SELECT claim('3');
SELECT remigrate.stage('3', guard('CREATE TYPE gone AS ENUM (''a'')') || '; CREATE TABLE v ()', 'guarded');
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name)
VALUES ('4', remigrate.checksum('DROP TYPE IF EXISTS gone'), now(), '4');
SELECT remigrate.stage('4', 'DROP TYPE IF EXISTS gone', 'guarded');
CALL remigrate.deploy(target_schema => 'guarded');
SELECT to_regtype('gone'), to_regclass('v');
RESET search_path;
DROP SCHEMA guarded CASCADE;
DELETE FROM remigrate.registry WHERE target_schema = 'guarded';

-- Blocks that may do something else say nothing; nor is it an error if one is broken.
SELECT body, (SELECT state FROM remigrate.look('DO $do$' || body || '$do$; CREATE TABLE t ()') LIMIT 1)
FROM unnest(ARRAY[
	'BEGIN CREATE TYPE mood AS ENUM (); EXCEPTION WHEN duplicate_object THEN NULL; END;',
	'begin -- quietly
	create type mood as enum (''exception''); exception when duplicate_object then null; end',
	'BEGIN CREATE TYPE mood AS ENUM (); EXCEPTION WHEN others THEN NULL; END',
	'BEGIN CREATE TYPE mood AS ENUM (); EXCEPTION WHEN duplicate_object THEN DROP TYPE mood; END',
	'BEGIN CREATE TYPE mood AS ENUM (); CREATE TYPE more AS ENUM (); EXCEPTION WHEN duplicate_object THEN NULL; END',
	'BEGIN CREATE TYPE mood AS ENUM (); EXCEPTION WHEN duplicate_object THEN NULL; END; SELECT 1',
	'BEGIN INSERT INTO t DEFAULT VALUES; EXCEPTION WHEN duplicate_object THEN NULL; END',
	'BEGIN ALTER TABLE t ADD CHECK (true); EXCEPTION WHEN duplicate_object THEN NULL; END',
	'BEGIN ALTER TABLE t ADD CONSTRAINT k UNIQUE (a); EXCEPTION WHEN duplicate_object THEN NULL; END',
	'BEGIN ALTER TABLE t ADD CONSTRAINT c CHECK (true), DROP COLUMN a; EXCEPTION WHEN duplicate_object THEN NULL; END',
	'BEGIN IF true THEN CREATE TYPE mood AS ENUM (); END IF; EXCEPTION WHEN duplicate_object THEN NULL; END',
	'DECLARE a int; BEGIN CREATE TYPE mood AS ENUM (); EXCEPTION WHEN duplicate_object THEN NULL; END',
	'BEGIN CREATE TYPE ''mood; EXCEPTION WHEN duplicate_object THEN NULL; END',
	'BEGIN; EXCEPTION WHEN duplicate_object THEN NULL; END', 'BEGIN', ''
]) WITH ORDINALITY AS b (body, n) ORDER BY n;
SELECT state FROM remigrate.look($do$DO LANGUAGE sql 'BEGIN CREATE TYPE mood AS ENUM (); EXCEPTION WHEN duplicate_object THEN NULL; END'$do$);

DROP FUNCTION guard(text), show_all(text[]), show(text);
