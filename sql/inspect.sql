--
-- inspect: checksum and statements, which run nothing
--

-- checksum -----------------------------------------------------------------------

SELECT remigrate.checksum('');
SELECT remigrate.checksum('abc');
SELECT remigrate.checksum('abc'::bytea);
SELECT remigrate.checksum(E'SELECT \'Größe €😀\';\n') = remigrate.checksum(convert_to(E'SELECT \'Größe €😀\';\n', 'UTF8')) AS same,
	remigrate.checksum(E'SELECT \'Größe €😀\';\n') = encode(sha256(convert_to(E'SELECT \'Größe €😀\';\n', 'UTF8')), 'hex') AS is_sha256;
-- Line endings and final newlines count.
SELECT count(DISTINCT remigrate.checksum(s)) FROM unnest(ARRAY[E'a\n', 'a', E'a\r\n', E'a\r']) s;
-- Any bytes at all
SELECT remigrate.checksum('\xff00fe'::bytea) = encode(sha256('\xff00fe'), 'hex') AS is_sha256;
SELECT remigrate.checksum(NULL::text) IS NULL AS of_text, remigrate.checksum(NULL::bytea) IS NULL AS of_bytea, remigrate.checksum(NULL) IS NULL AS unknown;
-- Toasted, compressed and short values
CREATE TEMP TABLE scripts (t text, b bytea);
INSERT INTO scripts SELECT s, convert_to(s, 'UTF8') FROM unnest(ARRAY['x', repeat('long ', 100000), (SELECT string_agg(md5(i::text), ' ') FROM generate_series(1, 5000) i)]) s;
SELECT remigrate.checksum(t) = encode(sha256(b), 'hex') AS of_text, remigrate.checksum(b) = encode(sha256(b), 'hex') AS of_bytea FROM scripts;
-- It can be indexed, and computed where only the stable may be.
CREATE INDEX ON scripts (remigrate.checksum(b));
\set VERBOSITY sqlstate
CREATE INDEX ON scripts (remigrate.checksum(t));
\set VERBOSITY default

-- statements ---------------------------------------------------------------------

SELECT * FROM remigrate.statements('SELECT 1');
SELECT * FROM remigrate.statements('SELECT 1'::bytea);
SELECT * FROM remigrate.statements('');
SELECT * FROM remigrate.statements(' ; -- nothing
;;');
SELECT * FROM remigrate.statements(NULL::text);
SELECT * FROM remigrate.statements(NULL::bytea);
\pset format unaligned
SELECT number, line, command, transactional, text FROM remigrate.statements($script$
-- Comments before a statement are not its own; /* these neither */
  /* nor
	these */ CREATE TABLE "A" (
	a int /* but these; */, -- and these;
	b text DEFAULT 'it''s; --' -- a comment at the end
)   ;; -- after it
SELECT 1;SELECT 2	;
CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $body$
BEGIN
	RETURN 1; -- ;
END;
$body$;
CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC; SELECT 1; SELECT 2; END;
CREATE RULE r AS ON INSERT TO a DO (SELECT 1; SELECT 2);
CREATE SCHEMA s CREATE TABLE t (a int) CREATE VIEW v AS SELECT 1;
SELECT U&'d\0061t\+000061' UESCAPE '\', E'\';', $$;$$, $x$ $$;$$ $x$, B'1', "quoted;name", U&"q;";
SELECT 'continued'
	';here';
BEGIN;
COMMIT;
DO $$ BEGIN ; END $$;
CREATE INDEX CONCURRENTLY i ON a (a);
VACUUM a;
ALTER TABLE a DETACH PARTITION b CONCURRENTLY;
ANALYZE a;
REINDEX TABLE a;
ALTER TYPE e ADD VALUE 'x';
INSERT INTO a SELECT 1; UPDATE a SET a = 1; DELETE FROM a; MERGE INTO a USING b ON true WHEN MATCHED THEN DELETE;
WITH w AS (SELECT 1) INSERT INTO a TABLE w; TABLE a; VALUES (1); SELECT 1 INTO x;
COPY a FROM STDIN;
SELECT 'the last one has no semicolon' /* but a comment */ -- or two
$script$);
-- Windows, old Macs and other than ASCII
SELECT number, line, length(text) FROM remigrate.statements(E'SELECT 1;\r\n\r\nSELECT 2;\r\n');
SELECT number, line, text FROM remigrate.statements(E'SELECT 1;\rSELECT 2;');
SELECT number, line, text FROM remigrate.statements(E'-- Überschrift\nSELECT ''日本語;😀'';\n SELECT "größe";');
\pset format aligned
-- Many and large ones
SELECT count(*), max(line), sum(length(text)) FROM remigrate.statements(repeat(E'SELECT 1;\n', 100000));
SELECT number, line, length(text) FROM remigrate.statements('SELECT ''' || repeat(E'x\n', 1000000) || '''; SELECT 2');
SELECT count(*), min(line), max(line) FROM remigrate.statements(repeat(E'\n', 1000000) || 'SELECT 1');
-- Whatever the session says of strings
-- From 19 on it is always on.
DO $$
BEGIN
	SET standard_conforming_strings = off;
EXCEPTION WHEN feature_not_supported THEN
END $$;
SELECT text FROM remigrate.statements($$SELECT 'a\'; SELECT 2$$);
RESET standard_conforming_strings;
-- What can't be parsed
SELECT * FROM remigrate.statements(E'SELECT 1;\nSELEC 2');
SELECT * FROM remigrate.statements('\d');
SELECT * FROM remigrate.statements('\xff'::bytea);
SELECT * FROM remigrate.statements(E'\uFEFFSELECT 1');
\set VERBOSITY terse
SELECT count(*) FROM remigrate.statements(repeat(' ', 64 * 1024 * 1024 + 1));
\set VERBOSITY default
-- Nothing of it runs, and it needs no transaction to write in.
BEGIN READ ONLY;
SELECT command FROM remigrate.statements('DROP SCHEMA public CASCADE; CREATE TABLE x ()');
COMMIT;
