-- Objects of which the look knows no more than whether they are there.  Every
-- case ends with ROLLBACK.

SET client_min_messages = error;

-- Where the schema stands in a script before its first statement and after
-- each of them.
CREATE FUNCTION show_all(VARIADIC statements text[]) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	script text = array_to_string(statements, ';');
BEGIN
	FOR i IN 0 .. cardinality(statements) LOOP
		EXECUTE coalesce(statements[i], '');
		RETURN QUERY SELECT format('%s: %s from %s (%s to %s)', i, verdict,
			resume_from, smallest, largest) FROM remigrate.seam(script);
	END LOOP;
END $$;

-- Made and dropped.
BEGIN;
SELECT show_all('CREATE TABLE t (a int)',
	'CREATE PUBLICATION p FOR TABLE t',
	'CREATE COLLATION german (provider = libc, locale = ''C'')',
	'CREATE TEXT SEARCH CONFIGURATION plain (COPY = pg_catalog.simple)',
	'CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = pg_catalog.simple)',
	'CREATE AGGREGATE total (int) (sfunc = int4pl, stype = int)',
	'CREATE TYPE c AS (a int)',
	'CREATE FUNCTION to_c(int) RETURNS c LANGUAGE sql AS ''SELECT ROW($1)::c''',
	'CREATE CAST (int AS c) WITH FUNCTION to_c(int)',
	'CREATE FOREIGN DATA WRAPPER w',
	'CREATE SERVER s FOREIGN DATA WRAPPER w',
	'CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS ''BEGIN END''',
	'CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION note()',
	'COMMENT ON PUBLICATION p IS ''all of it''',
	'DROP SERVER s',
	'DROP CAST (int AS c)',
	'DROP AGGREGATE total (int)',
	'DROP TEXT SEARCH CONFIGURATION plain',
	'DROP COLLATION german',
	'DROP EVENT TRIGGER e',
	'DROP PUBLICATION p',
	'CREATE TABLE last ()');
ROLLBACK;

-- Names in a schema are those that the script means.
BEGIN;
SELECT show_all('CREATE TEXT SEARCH CONFIGURATION english (COPY = pg_catalog.simple)', 'CREATE TABLE t ()');
ROLLBACK;
BEGIN;
SELECT show_all('CREATE SCHEMA o',
	'CREATE COLLATION o.german (provider = libc, locale = ''C'')',
	'CREATE TABLE t ()', 'DROP SCHEMA o CASCADE');
ROLLBACK;

-- Another name isn't followed.
BEGIN;
SELECT show_all('CREATE PUBLICATION p', 'ALTER PUBLICATION p RENAME TO q', 'CREATE TABLE t ()');
ROLLBACK;

-- IF EXISTS and the like
BEGIN;
SELECT show_all('CREATE TABLE t ()', 'DROP PUBLICATION IF EXISTS p', 'CREATE PUBLICATION p',
	'CREATE COLLATION IF NOT EXISTS german (provider = libc, locale = ''C'')',
	'CREATE OR REPLACE AGGREGATE total (int) (sfunc = int4pl, stype = int)', 'CREATE TABLE u ()');
ROLLBACK;

-- One that is there already is gone on behind; one that is gone is missed.
BEGIN;
CREATE PUBLICATION p;
SELECT remigrate.apply('1', 'CREATE PUBLICATION p; CREATE TABLE t (a int)');
DROP PUBLICATION p;
SELECT remigrate.apply('2', 'CREATE TABLE t (a int); CREATE PUBLICATION p');
SELECT pubname FROM pg_publication;
-- Of these it is an index of the catalog that says so.
CREATE TEXT SEARCH CONFIGURATION plain (COPY = pg_catalog.simple);
SELECT remigrate.apply('3', 'CREATE TEXT SEARCH CONFIGURATION plain (COPY = pg_catalog.simple); CREATE TABLE v ()');
CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = pg_catalog.simple);
SELECT remigrate.apply('4', 'CREATE TEXT SEARCH DICTIONARY words (TEMPLATE = pg_catalog.simple); CREATE TABLE w ()');
ROLLBACK;

-- What has no kind in the model raises its own error.
BEGIN;
CREATE OPERATOR <+> (leftarg = int, rightarg = int, function = int4pl);
SELECT remigrate.apply('1', 'CREATE OPERATOR <+> (leftarg = int, rightarg = int, function = int4pl)');
ROLLBACK;

DROP FUNCTION show_all;
