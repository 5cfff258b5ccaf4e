--
-- known: migrations that the journal has already, in whatever form
--
SET timezone = 'UTC';
CREATE SCHEMA known;
SET search_path = known;
SELECT remigrate.apply('first', 'SELECT 1', 'known');

-- A finished row with the given checksum, as somebody else has written it.
CREATE FUNCTION remember(name text, checksum text) RETURNS void
LANGUAGE sql AS $$
	INSERT INTO _prisma_migrations (id, checksum, started_at, finished_at, migration_name, applied_steps_count)
	VALUES (name, checksum, '2024-01-01', '2024-01-01 00:00:01', name, 1)
$$;
CREATE FUNCTION sha(script text) RETURNS text
LANGUAGE sql AS $$ SELECT encode(sha256(convert_to(script, 'UTF8')), 'hex') $$;
-- As Prisma's engines wrote it before: each byte without a leading zero.
CREATE FUNCTION unpadded(checksum text) RETURNS text LANGUAGE sql AS $$
	SELECT string_agg(to_hex(get_byte(decode(checksum, 'hex'), i)), '' ORDER BY i) FROM generate_series(0, 31) i
$$;
CREATE VIEW rows AS
SELECT migration_name, checksum, applied_steps_count FROM _prisma_migrations ORDER BY migration_name COLLATE "C";

-- Every one of these would fail if it ran.
SELECT remember('as is', sha(E'SELECT 1/0;\nSELECT 2;\n'));
SELECT remigrate.apply('as is', E'SELECT 1/0;\nSELECT 2;\n', 'known');
SELECT remember('stored with LF', sha(E'SELECT 1/0;\nSELECT 2;\n'));
SELECT remigrate.apply('stored with LF', E'SELECT 1/0;\r\nSELECT 2;\r\n', 'known');
SELECT remember('stored with CRLF', sha(E'SELECT 1/0;\r\nSELECT 2;\r\n'));
SELECT remigrate.apply('stored with CRLF', E'SELECT 1/0;\nSELECT 2;\n', 'known');
SELECT length(unpadded(sha(E'SELECT 1/0;\nSELECT 2;\n'))) < 64 AS is_shorter;
SELECT remember('unpadded', unpadded(sha(E'SELECT 1/0;\nSELECT 2;\n')));
SELECT remigrate.apply('unpadded', E'SELECT 1/0;\nSELECT 2;\n', 'known');
SELECT remember('unpadded, CRLF', unpadded(sha(E'SELECT 1/0;\r\nSELECT 2;\r\n')));
SELECT remigrate.apply('unpadded, CRLF', E'SELECT 1/0;\nSELECT 2;\n', 'known');
-- The checksums are left as they were.
SELECT migration_name, checksum = sha(E'SELECT 1/0;\nSELECT 2;\n') AS is_script FROM rows WHERE migration_name <> 'first';

-- A shell's $(cat file) loses the newline: ours is the better checksum.
SELECT remember('cut', sha('SELECT 1/0;'));
SELECT remigrate.apply('cut', E'SELECT 1/0;\n', 'known');
SELECT checksum = sha(E'SELECT 1/0;\n') AS corrected FROM rows WHERE migration_name = 'cut';
SELECT remigrate.apply('cut', E'SELECT 1/0;\n', 'known');
-- ... unless it is the script that lost it on its way here.
SELECT remember('cut on its way', sha(E'SELECT 1/0;\n'));
SELECT remigrate.apply('cut on its way', E'SELECT 1/0;', 'known');
SELECT checksum = sha(E'SELECT 1/0;\n') AS kept FROM rows WHERE migration_name = 'cut on its way';
SELECT remember('cut CRLF', sha('SELECT 1/0;'));
SELECT remigrate.apply('cut CRLF', E'SELECT 1/0;\r\n', 'known');
SELECT checksum = sha(E'SELECT 1/0;\r\n') AS corrected FROM rows WHERE migration_name = 'cut CRLF';

-- Edited -----------------------------------------------------------------------

SELECT remember('edited', sha('SELECT 1/0'));
SELECT remigrate.apply('edited', 'SELECT 1/1', 'known');
\echo :LAST_ERROR_SQLSTATE
SELECT remigrate.apply('edited', 'SELECT 1/1', 'known', on_edited => 'error');
SELECT remigrate.apply('edited', 'SELECT 1/1', 'known', on_edited => 'warning');
SET remigrate.on_edited = warning;
SELECT remigrate.apply('edited', 'SELECT 1/1', 'known');
SELECT remigrate.apply('edited', 'SELECT 1/1', 'known', on_edited => 'ERROR');
RESET remigrate.on_edited;
SELECT count(*), bool_and(checksum = sha('SELECT 1/0')) AS kept FROM rows WHERE migration_name = 'edited';
-- One of several rows is enough.
SELECT remember('edited twice', sha('SELECT 1'));
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name)
VALUES ('its second row', sha('SELECT 2'), '2024-01-02', 'edited twice');
SELECT remigrate.apply('edited twice', 'SELECT 1', 'known');
SELECT remigrate.apply('edited twice', 'SELECT 2', 'known');
SELECT remigrate.apply('edited twice', 'SELECT 3', 'known');
-- Upper case is an edit, as for Prisma.
SELECT remember('upper case', upper(sha('SELECT 1')));
SELECT remigrate.apply('upper case', 'SELECT 1', 'known');

-- Comments and white space alone: known, because its script is.
SELECT remigrate.apply('commented', $script$
-- CreateTable
CREATE TABLE c (a int /* a */, b text DEFAULT '--not a comment');
$script$, 'known');
-- (Messages name the time it was applied.)
UPDATE _prisma_migrations SET finished_at = '2024-01-02' WHERE migration_name = 'commented';
SELECT remigrate.apply('commented', $script$/* What it
is for /* nested */ */ CREATE	TABLE c(a int,b text
DEFAULT '--not a comment');-- done$script$, 'known');
SELECT remigrate.apply('commented', $$CREATE TABLE c (a int, b text DEFAULT '-- not a comment');$$, 'known', on_edited => 'warning');
SELECT remigrate.apply('commented', $$CREATE TABLE c (a int, b text DEFAULT '--not a comment')$$, 'known', on_edited => 'warning');
SELECT remigrate.apply('commented', $$create table c (a int, b text default '--not a comment');$$, 'known', on_edited => 'warning');
SELECT remigrate.apply('commented', $$CREATE TABLE "c" (a int, b text DEFAULT '--not a comment');$$, 'known', on_edited => 'warning');
SELECT remigrate.apply('commented', $$CREATE TABLE c (a int, b text DEFAULT '--not a comment'); SELECT 1;$$, 'known', on_edited => 'warning');
SELECT remigrate.apply('commented', '', 'known', on_edited => 'warning');
-- What looks like a comment or like white space and is none.
SELECT remigrate.apply('minus', 'SELECT 2 - -1', 'known');
SELECT remigrate.apply('dollars', 'SELECT $$ a  b $$', 'known');
UPDATE _prisma_migrations SET finished_at = '2024-01-02' WHERE migration_name IN ('minus', 'dollars');
SELECT remigrate.apply('minus', 'SELECT 2 --1', 'known', on_edited => 'warning');
SELECT remigrate.apply('minus', 'SELECT 2--1
- -1', 'known');
SELECT remigrate.apply('dollars', 'SELECT $$ a b $$', 'known', on_edited => 'warning');
SELECT remigrate.apply('dollars', 'SELECT $x$ a  b $x$', 'known', on_edited => 'warning');
-- A script that nobody has seen can't be compared.
SELECT remember('unseen', sha('SELECT  1 -- unseen'));
SELECT remigrate.apply('unseen', 'SELECT 1', 'known', on_edited => 'warning');

-- Claims: what is no checksum says nothing ------------------------------------

SELECT remember('claim', 'remote-migration');
SELECT remigrate.apply('claim', 'SELECT 1/0', 'known');
\echo :LAST_ERROR_SQLSTATE
SELECT remember('claim, empty', '');
SELECT remigrate.apply('claim, empty', 'SELECT 1', 'known');
SELECT remember('claim, short', 'abcdef');
SELECT remigrate.apply('claim, short', 'SELECT 1', 'known');
SELECT remember('claim, 64 characters', rpad('', 64, 'xyz'));
SELECT remigrate.apply('claim, 64 characters', 'SELECT 1', 'known');
-- Rolled back, it claims nothing.
UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = 'claim';
SELECT remigrate.apply('claim', 'SELECT 1', 'known');
-- A true row beside it settles the matter.
SELECT remember('claim and truth', 'remote-migration');
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name)
VALUES ('the truth', sha('SELECT 1/0'), '2024-01-02', 'claim and truth');
SELECT remigrate.apply('claim and truth', 'SELECT 1/0', 'known');
-- Claims of others are not in the way.
SELECT remigrate.apply('unclaimed', 'SELECT 1', 'known');

-- Journals of tolerated shapes --------------------------------------------------

CREATE SCHEMA known_uuid;
CREATE TABLE known_uuid._prisma_migrations (
	note text, id uuid PRIMARY KEY, applied_steps_count int, started_at timestamptz, rolled_back_at timestamptz,
	logs varchar, migration_name text, finished_at timestamptz, dropped int, checksum text, more jsonb[]);
ALTER TABLE known_uuid._prisma_migrations DROP COLUMN dropped;
SELECT remigrate.apply('one', 'SELECT 1', 'known_uuid');
SELECT remigrate.apply('one', 'SELECT 1', 'known_uuid');
SELECT remigrate.apply('one', E'SELECT 1\n', 'known_uuid');
UPDATE known_uuid._prisma_migrations SET checksum = known.sha('SELECT 1');
SELECT remigrate.apply('one', E'SELECT 1\n', 'known_uuid');
SELECT note, id IS NOT NULL AS id, applied_steps_count, logs, migration_name, more,
	checksum = known.sha(E'SELECT 1\n') AS corrected
FROM known_uuid._prisma_migrations;
SELECT migration_name, state FROM remigrate.status('known_uuid');

SET client_min_messages = warning;
DROP SCHEMA known, known_uuid CASCADE;
