--
-- require: an error unless migrations are applied
--
SET client_min_messages = warning;
CREATE SCHEMA required;
SET search_path = required;

-- None staged shows nothing.
SELECT remigrate.require(target_schema => 'required');
SELECT remigrate.require('{}', 'required');
SELECT remigrate.require_checksums('{}', 'required');
SELECT remigrate.require('{nobody}', 'required');

SELECT remigrate.stage_all('{"a": "CREATE TABLE a ()", "b": "CREATE TABLE b ()", "c": "CREATE TABLE c (); SELECT 1 / 0", "d": "CREATE TABLE d (); COMMIT; SELECT 1 / 0 AS \"no\""}', 'required');
SELECT remigrate.require(target_schema => 'required');
CALL remigrate.deploy('b', 'required');
SELECT remigrate.require('{a,b}', 'required');
SELECT remigrate.require('{a,a}', 'required');
SELECT remigrate.require(ARRAY['a', 'b']::varchar[], target_schema => 'required');
SELECT remigrate.require(target_schema => 'required');
SELECT remigrate.require('{a,c}', 'required');
\set VERBOSITY terse
CALL remigrate.deploy(target_schema => 'required');
SELECT remigrate.require('{a,c}', 'required');
SELECT remigrate.stage('c', 'CREATE TABLE c ()', 'required');
SELECT remigrate.require('{a,c}', 'required');
CALL remigrate.deploy(target_schema => 'required');
SELECT remigrate.require(target_schema => 'required');
SELECT remigrate.stage('d', E'CREATE TABLE d (); COMMIT; SELECT 1', 'required');
CALL remigrate.deploy(target_schema => 'required');
SELECT remigrate.require(target_schema => 'required');
-- What came by itself is not required unless it is named.
SELECT remigrate.apply('e', 'CREATE TABLE e ()', 'required');
SELECT remigrate.require(target_schema => 'required');
SELECT remigrate.require('{e}', 'required');
SELECT remigrate.require('{e,NULL}', 'required');
SELECT remigrate.require('{{a,b},{c,e}}', 'required');
SELECT remigrate.require('{a}', NULL);
SELECT remigrate.require('{a}', 'nowhere');

-- States: edited, a claim, rolled back, failed by Prisma with a row of its own
SELECT remigrate.stage('f', 'CREATE TABLE f ()', 'required');
INSERT INTO _prisma_migrations VALUES
	('f', remigrate.checksum('CREATE TABLE f (i int)'), '2024-01-01', 'f', NULL, NULL, '2024-01-01', 1),
	('g', 'remote-migration', '2024-01-01', 'g', NULL, NULL, '2024-01-01', 1),
	('h', remigrate.checksum('h'), NULL, 'h', 'Prisma''s error', '2024-01-01', '2024-01-01', 0),
	('i', remigrate.checksum('i'), NULL, 'i', E'Prisma''s\nlong error: ' || repeat('ä', 300), NULL, '2024-01-01', 0),
	('j', remigrate.checksum('j'), '2024-01-01', 'j', '', NULL, '2024-01-01', 0);
SELECT remigrate.require('{f,g,h}', 'required');
SELECT remigrate.require('{i}', 'required');
SELECT remigrate.require('{j}', 'required');
-- The first ten of them, and how many more
SELECT remigrate.require((SELECT array_agg('m' || i ORDER BY i) FROM generate_series(1, 10) i), 'required');
SELECT remigrate.require((SELECT array_agg('m' || i ORDER BY i) FROM generate_series(1, 1000) i) || '{a}', 'required');

-- With checksums
SELECT remigrate.require_checksums(jsonb_build_object('a', remigrate.checksum('CREATE TABLE a ()'), 'b', remigrate.checksum('CREATE TABLE b ()')), 'required');
SELECT remigrate.require_checksums(jsonb_build_object('a', remigrate.checksum('CREATE TABLE a ()'), 'b', remigrate.checksum('CREATE TABLE b (i int)')), 'required');
SELECT remigrate.require_checksums(jsonb_build_object('a', upper(remigrate.checksum('CREATE TABLE a ()'))), 'required');
SELECT remigrate.require_checksums('{"a": ""}', 'required');
SELECT remigrate.require_checksums('{"nobody": "x"}', 'required');
SELECT remigrate.require_checksums('{"a": 1}', 'required');
SELECT remigrate.require_checksums('["a"]', 'required');
SELECT remigrate.require_checksums(NULL, 'required');
DELETE FROM _prisma_migrations WHERE id IN ('f', 'g', 'h', 'i', 'j');
-- Another form of the script, which is known as applied
SELECT remigrate.apply('k', E'CREATE TABLE k ()\n', 'required');
SELECT remigrate.stage('k', E'-- k\nCREATE TABLE k ()\n', 'required');
SELECT remigrate.require_checksums(jsonb_build_object('k', remigrate.checksum(E'CREATE TABLE k ()\n')), 'required'),
	remigrate.require_checksums(jsonb_build_object('k', remigrate.checksum(E'-- k\nCREATE TABLE k ()\n')), 'required');
\set VERBOSITY default

-- Where nothing may be written, and in the transaction that has not committed
BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE;
SELECT remigrate.require('{a,b}', 'required');
COMMIT;
BEGIN;
SELECT remigrate.apply('l', 'CREATE TABLE l ()', 'required');
SELECT remigrate.require('{l}', 'required');
ROLLBACK;
SELECT remigrate.require('{l}', 'required');
-- A gate in a script
DO $$ BEGIN
	PERFORM remigrate.require('{l}', 'required');
EXCEPTION WHEN SQLSTATE 'RM004' THEN
	RAISE WARNING 'not yet: %', SQLSTATE;
END $$;

RESET search_path;
DROP SCHEMA required CASCADE;
DELETE FROM remigrate.registry WHERE target_schema = 'required';
