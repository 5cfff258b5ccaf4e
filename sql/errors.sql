--
-- errors: what a failing migration says, and where it points
--
CREATE SCHEMA errors;
SET search_path = errors;
SELECT remigrate.apply('base', $script$
CREATE TABLE customer (id int PRIMARY KEY, name text NOT NULL, age int CONSTRAINT adult CHECK (age > 17));
CREATE TABLE invoice (customer int CONSTRAINT invoice_customer REFERENCES customer, total numeric(4, 2));
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
INSERT INTO customer VALUES (1, 'Ann', 30);
CREATE FUNCTION fail() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	RAISE EXCEPTION 'it is so' USING ERRCODE = 'UE001', DETAIL = 'a detail', HINT = 'a hint',
		SCHEMA = 's', TABLE = 't', COLUMN = 'c', CONSTRAINT = 'k', DATATYPE = 'd';
END $$;
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	PERFORM no_such_column;
END $$;
CREATE FUNCTION in_sql() RETURNS int LANGUAGE sql AS 'SELECT 1 / (SELECT 0)';
$script$, 'errors');

-- Where ------------------------------------------------------------------------

SELECT remigrate.apply('m', 'SELECT * FROM missing', 'errors');
\echo :LAST_ERROR_SQLSTATE
-- The statement, and not the script, is shown; the line is the script's.
SELECT remigrate.apply('m', $script$
-- CreateTable
CREATE TABLE "One" (
	a int
);

-- AddForeignKey
ALTER TABLE "One"
	ADD COLUMN b int,
	ADD COLUMN c no_such_type,
	ADD COLUMN d int;

-- CreateTable
CREATE TABLE "Three" ();
$script$, 'errors');
-- The same as bytes: no trace of base64.
SELECT remigrate.apply('m', decode('Q1JFQVRFIFRBQkxFIGEgKCk7ClNFTEVDVCAqCkZST00gYgpXSEVSRSBj', 'base64'), 'errors');
-- Several on a line, a comment before, a semicolon in it
SELECT remigrate.apply('m', 'SELECT 1; /* ; */ SELECT '';''; SELECT $$;$$, missing; SELECT 4', 'errors');
SELECT remigrate.apply('m', E'\n\n\t  -- a comment\n/* another\n */ SELECT\n\n\n missing', 'errors');
SELECT remigrate.apply('m', E'SELECT 1;\r\n\r\nSELECT missing;\r\n', 'errors');
-- An error that points nowhere: the line is the statement's first.
SELECT remigrate.apply('m', E'SELECT 1;\n\nSELECT\n1 /\n0;\nSELECT 3;', 'errors');
-- Syntax errors
SELECT remigrate.apply('m', E'SELECT 1;\n\nCREATE TABEL x (\n\ta int\n);\nSELECT 1', 'errors');
SELECT remigrate.apply('m', E'CREATE TABLE x (\n\ta int,\n);\n', 'errors');
SELECT remigrate.apply('m', E'CREATE TABLE x (\n\ta int\n', 'errors');
-- Other than ASCII before it: the caret is counted in characters.
SELECT remigrate.apply('Größe', E'-- Überschrift\nSELECT ''äöü €'' AS "größe"; SELECT ''日本語😀'', missing', 'errors');
SELECT remigrate.apply('😀', E'SELECT ''日本語😀'' ''x'' bad bad', 'errors');
-- A statement too long to be shown
SELECT remigrate.apply('long', 'SELECT ' || repeat('1 + ', 5000) || E'missing\n' || repeat(' + 1', 5000), 'errors');
SELECT remigrate.apply('long', 'SELECT ''' || repeat('ä', 3000) || E''',\n missing', 'errors');
SELECT remigrate.apply('long', repeat(E'SELECT 1;\n', 20000) || 'SELECT missing', 'errors');

-- A mistake in a function's body is found where it is in the script, though
-- the body stands in the caller's query too.
SELECT remigrate.apply('m', $script$SELECT 1;

CREATE FUNCTION bad() RETURNS int LANGUAGE sql AS $$
SELECT 1;
  SELEC 2;
$$;$script$, 'errors');
SELECT remigrate.apply('m', $script$-- CreateFunction
CREATE FUNCTION bad() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	foo bar;
END $$;
SELECT 1;$script$, 'errors');
SELECT remigrate.apply('m', convert_to($script$-- CreateFunction
CREATE FUNCTION bad() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
	foo bar;
END $$;
SELECT 1;$script$, 'UTF8'), 'errors');
DO $do$
BEGIN
	PERFORM remigrate.apply('m', 'SELECT 1; DO $$ BEGIN x y; END $$', 'errors');
END $do$;

-- What the cause said stays ----------------------------------------------------

CREATE FUNCTION said_by(script text) RETURNS TABLE (field text, value text)
LANGUAGE plpgsql AS $$
DECLARE
	code text; message text; detail text; hint text; s text; t text; c text; k text; d text;
BEGIN
	PERFORM remigrate.apply('m', script, 'errors');
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT,
		s = SCHEMA_NAME, t = TABLE_NAME, c = COLUMN_NAME, k = CONSTRAINT_NAME, d = PG_DATATYPE_NAME;
	RETURN QUERY SELECT * FROM (VALUES ('sqlstate', code), ('message', message), ('detail', detail),
		('hint', hint), ('schema', s), ('table', t), ('column', c), ('constraint', k),
		('data type', d)) AS said WHERE column2 <> '';
END $$;
\pset format unaligned
\pset tuples_only on
\pset fieldsep ': '
SELECT * FROM said_by($$INSERT INTO customer VALUES (1, 'Ben', 40)$$);
SELECT * FROM said_by($$INSERT INTO customer VALUES (2, NULL, 40)$$);
SELECT * FROM said_by($$INSERT INTO customer VALUES (2, 'Ben', 4)$$);
SELECT * FROM said_by('SELECT 1; INSERT INTO invoice VALUES (7)');
SELECT * FROM said_by('DELETE FROM customer; INSERT INTO invoice VALUES (1)');
SELECT * FROM said_by('SELECT 0::positive');
SELECT * FROM said_by('ALTER TABLE customer ALTER name TYPE int');
SELECT * FROM said_by('ALTER TABLE invoice ADD PRIMARY KEY (customer, total); INSERT INTO invoice VALUES (1)');
SELECT * FROM said_by('INSERT INTO invoice VALUES (1, 100)');
SELECT * FROM said_by('SELECT fail()');
SELECT * FROM said_by('DROP TABLE customer');
-- The server's hints are passed on (18 spells this one's setting otherwise).
SELECT field, replace(value, 'DateStyle', 'datestyle') AS value FROM said_by($$SELECT '2024-13-01'::date$$);
SELECT * FROM said_by('SELECT pg_sleep(a) FROM generate_series(1, 2) a, customer WHERE nmae = 1');
\pset format aligned
\pset tuples_only off

-- Context ------------------------------------------------------------------------

SELECT remigrate.apply('m', E'SELECT 1;\n\nSELECT fail();', 'errors');
SELECT remigrate.apply('m', 'CREATE TRIGGER refuse BEFORE INSERT ON invoice FOR EACH ROW EXECUTE FUNCTION refuse(); INSERT INTO invoice DEFAULT VALUES', 'errors');
SELECT remigrate.apply('m', E'\nDO $$\nBEGIN\n\tPERFORM 1 / 0;\nEND $$', 'errors');
SELECT remigrate.apply('m', 'SELECT in_sql()', 'errors');
SELECT remigrate.apply('m', $$DO 'BEGIN EXECUTE ''SELECT missing''; END'$$, 'errors');
-- As it comes to a caller who is a function himself
DO $$ BEGIN PERFORM remigrate.apply('m', 'SELECT missing', 'errors'); END $$;
-- Notices say nothing but what they say.
SELECT remigrate.apply('notice', $script$
DROP TABLE IF EXISTS missing;
DO $$ BEGIN RAISE NOTICE 'hello'; END $$;
$script$, 'errors');

-- What nobody can make sense of before the statement runs
SELECT remigrate.apply('option', E'SELECT 1;\nREINDEX (CONCURRENTLY maybe) TABLE customer', 'errors');
SELECT transactional, text FROM remigrate.statements('REINDEX (CONCURRENTLY maybe) TABLE customer');

-- Time and locks -------------------------------------------------------------------

SET statement_timeout = '1s';
SELECT remigrate.apply('slow', 'SELECT 1; SELECT pg_sleep(30)', 'errors');
RESET statement_timeout;
SELECT remigrate.apply('slow', E'SELECT 1;\nSET statement_timeout = ''50ms'';\nSELECT pg_sleep(30)', 'errors');

-- None of these has changed anything.
SELECT migration_name FROM _prisma_migrations ORDER BY started_at;
SELECT relname FROM pg_class WHERE relnamespace = 'errors'::regnamespace AND relkind = 'r' ORDER BY 1;

SET client_min_messages = warning;
DROP SCHEMA errors CASCADE;
