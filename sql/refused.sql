--
-- refused: what no migration may hold, and what apply can't run
--
-- Every script here begins with a statement whose effect no rollback undoes.
--
CREATE SCHEMA refused;
SET search_path = refused;
CREATE SEQUENCE ran;

CREATE FUNCTION attempt(script text, policy text DEFAULT '',
	OUT code text, OUT message text)
LANGUAGE plpgsql AS $$
DECLARE
	detail text;
	hint text;
BEGIN
	EXECUTE format('SELECT remigrate.apply(''m'', $1, ''refused''%s)', policy)
	INTO message USING E'SELECT nextval(''ran'');\n' || script;
	RAISE EXCEPTION USING errcode = 'ZZZZZ', MESSAGE = message;
EXCEPTION WHEN OTHERS THEN
	GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
		detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
	IF detail <> '' THEN
		message := message || E'\n' || detail;
	END IF;
	message := message || E'\n' || hint;
END
$$;
\pset format unaligned
\pset tuples_only on
\pset fieldsep ' '

-- Transactions
SELECT * FROM attempt('ROLLBACK');
SELECT * FROM attempt('ABORT;');
SELECT * FROM attempt('BEGIN; ROLLBACK');
SELECT * FROM attempt('SAVEPOINT s');
SELECT * FROM attempt('RELEASE SAVEPOINT s');
SELECT * FROM attempt('ROLLBACK TO SAVEPOINT s');
SELECT * FROM attempt('ROLLBACK AND CHAIN');
SELECT * FROM attempt('COMMIT AND CHAIN');
SELECT * FROM attempt($$PREPARE TRANSACTION 'p'$$);
SELECT * FROM attempt($$COMMIT PREPARED 'p'$$);
SELECT * FROM attempt($$ROLLBACK PREPARED 'p'$$);
SELECT * FROM attempt('BEGIN READ ONLY; COMMIT');
SELECT * FROM attempt('START TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE');
SELECT * FROM attempt('SET TRANSACTION READ ONLY');
SELECT * FROM attempt('SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY');
SELECT * FROM attempt('SET transaction_read_only = on');
SELECT * FROM attempt('SET LOCAL "Transaction_Read_Only" = 1');
SELECT * FROM attempt('SET default_transaction_read_only TO true');
SELECT * FROM attempt($$SET TRANSACTION SNAPSHOT '00000003-0000001B-1'$$);

-- The protocol
SELECT * FROM attempt('COPY mark FROM STDIN');
SELECT * FROM attempt('COPY mark TO STDOUT');
SELECT * FROM attempt('COPY (SELECT 1) TO STDOUT WITH (FORMAT csv)');
SELECT * FROM attempt(E'COPY mark FROM STDIN;\n1\n\\.\n');

-- The session
SELECT * FROM attempt('DISCARD ALL');
SELECT * FROM attempt('DISCARD TEMP');
SELECT * FROM attempt('DISCARD PLANS');
SELECT * FROM attempt('DISCARD SEQUENCES');
SELECT * FROM attempt('DEALLOCATE ALL');
SELECT * FROM attempt('CLOSE ALL');
SELECT * FROM attempt('UNLISTEN *');
SELECT * FROM attempt('SET standard_conforming_strings = off');
SELECT * FROM attempt('SET LOCAL standard_conforming_strings TO fals');
SELECT * FROM attempt('SET "Standard_Conforming_Strings" = 0');

-- psql's commands, and what is no SQL
SELECT * FROM attempt('\i other.sql');
SELECT * FROM attempt('\connect other');
SELECT * FROM attempt(E'SELECT 1 \\gexec\n');
SELECT * FROM attempt(E'\\restrict abc\nSELECT 1;');
SELECT * FROM attempt('SELECT :variable');
SELECT * FROM attempt('SELECT 1 / ; CREATE TABLE x ()');
SELECT * FROM attempt('SELECT ''not closed');
SELECT * FROM attempt('SELECT $$ not closed');
SELECT * FROM attempt('SELECT "not closed');
SELECT * FROM attempt('/* not closed');
SELECT * FROM attempt('SELECT 1 +');
SELECT * FROM attempt('SELECT U&''\00zz''');
-- The last one decides, wherever it is: all of it is parsed beforehand.
SELECT * FROM attempt(E'SELECT 1/0;\n\n\n   SELEC 2;\n');

-- Not in a transaction
SELECT * FROM attempt('CREATE INDEX CONCURRENTLY i ON mark ((1))');
SELECT * FROM attempt('CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON mark ((1))');
SELECT * FROM attempt('DROP INDEX CONCURRENTLY i');
SELECT * FROM attempt('REINDEX INDEX CONCURRENTLY i');
SELECT * FROM attempt('REINDEX (CONCURRENTLY, VERBOSE) TABLE mark');
SELECT * FROM attempt('REINDEX SCHEMA refused');
SELECT * FROM attempt('REINDEX DATABASE d');
SELECT * FROM attempt('REINDEX SYSTEM d');
SELECT * FROM attempt('ALTER TABLE mark DETACH PARTITION p CONCURRENTLY');
SELECT * FROM attempt('VACUUM');
SELECT * FROM attempt('VACUUM (ANALYZE) mark');
SELECT * FROM attempt('CLUSTER');
SELECT * FROM attempt('CREATE DATABASE d');
SELECT * FROM attempt('DROP DATABASE d');
SELECT * FROM attempt('ALTER DATABASE d SET TABLESPACE pg_default');
SELECT * FROM attempt($$CREATE TABLESPACE t LOCATION '/nowhere'$$);
SELECT * FROM attempt('DROP TABLESPACE t');
SELECT * FROM attempt($$ALTER SYSTEM SET work_mem = '1MB'$$);
SELECT * FROM attempt($$CREATE SUBSCRIPTION s CONNECTION 'dbname=nowhere' PUBLICATION p$$);
SELECT * FROM attempt('DROP SUBSCRIPTION s');
-- inline makes indexes, not the rest
SELECT * FROM attempt('VACUUM', $$, concurrently => 'inline'$$);
SELECT * FROM attempt('REINDEX SCHEMA CONCURRENTLY refused', $$, concurrently => 'inline'$$);
SELECT * FROM attempt('CREATE INDEX CONCURRENTLY i ON mark ((1))', $$, concurrently => 'error'$$);

-- None of all this has run so much as its first statement.
SELECT is_called FROM ran;

-- Where the parser can't see it the server refuses, when the statement runs.
SELECT * FROM attempt('SELECT $1');
CREATE PROCEDURE commits() LANGUAGE plpgsql AS $$ BEGIN COMMIT; END $$;
SELECT * FROM attempt('CALL commits()');
SELECT * FROM attempt('DO $$ BEGIN ROLLBACK; END $$');
SELECT * FROM attempt($$DO 'BEGIN EXECUTE ''COPY mark TO STDOUT''; END'$$);
SELECT is_called FROM ran;
SELECT setval('ran', 1, false);

-- Outside of any block, where the server would not even be in a transaction
\pset format aligned
\pset tuples_only off
SELECT remigrate.apply('m', 'SELECT nextval(''ran''); ROLLBACK', 'refused');
SELECT remigrate.apply('m', 'SELECT nextval(''ran''); COPY mark FROM STDIN', 'refused');
SELECT remigrate.apply('m', 'SELECT nextval(''ran''); COPY mark TO STDOUT', 'refused');
SELECT remigrate.apply('m', E'SELECT nextval(''ran'');\n  \\d', 'refused');
SELECT 'client and server still agree' AS answer, is_called FROM ran;

-- What looks like it and may stand there
SELECT remigrate.apply('allowed', $script$
	PREPARE refused_p AS SELECT 1;
	DEALLOCATE refused_p;
	DECLARE refused_c CURSOR FOR SELECT 1;
	CLOSE refused_c;
	LISTEN refused_l;
	UNLISTEN refused_l;
	SET LOCAL standard_conforming_strings = on;
	SET default_transaction_read_only = off;
	ANALYZE pg_catalog.pg_class;
	REINDEX TABLE pg_catalog.pg_opclass;
	SELECT E'\\i';
	SELECT $$\i$$; -- \i
	CREATE TABLE mark (a int, b int);
	CREATE INDEX mark_a ON mark (a);
	CREATE FUNCTION rolls_back() RETURNS void LANGUAGE plpgsql AS $$ BEGIN ROLLBACK; END $$;
	LOCK TABLE mark;
	EXPLAIN SELECT 1;
	EXPLAIN ANALYZE SELECT 1;
	SHOW search_path;
	TABLE mark;
	VALUES (1);
	MERGE INTO mark USING (VALUES (1)) v ON false WHEN NOT MATCHED THEN INSERT VALUES (1, 2);
	WITH w AS (UPDATE mark SET a = 3 RETURNING a) SELECT * FROM w;
	INSERT INTO mark VALUES (4, 5) RETURNING *;
	SELECT * INTO mark_copy FROM mark;
	CREATE TABLE mark_copy_2 AS TABLE mark;
	CREATE MATERIALIZED VIEW mark_view AS TABLE mark;
	NOTIFY refused_l;
	CHECKPOINT
$script$, 'refused');
SELECT * FROM mark_copy ORDER BY 1;

-- Indexes without CONCURRENTLY (which is a keyword, hence the quotes in SET)
SELECT remigrate.apply('inline', $script$
	CREATE INDEX CONCURRENTLY mark_b ON mark (b);
	CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS mark_b ON mark (b);
	REINDEX INDEX CONCURRENTLY mark_b;
	REINDEX (CONCURRENTLY) TABLE mark;
	REINDEX (CONCURRENTLY off, VERBOSE off) TABLE mark;
	DROP INDEX CONCURRENTLY mark_a;
	CREATE TABLE whole (a int) PARTITION BY LIST (a);
	CREATE TABLE part PARTITION OF whole FOR VALUES IN (1);
	ALTER TABLE whole DETACH PARTITION part CONCURRENTLY;
$script$, 'refused', concurrently => 'inline');
SELECT relname, indisvalid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE indrelid = 'mark'::regclass;
SELECT relispartition FROM pg_class WHERE oid = 'part'::regclass;
SET remigrate."concurrently" = inline;
SELECT remigrate.apply('inline by setting', 'CREATE INDEX CONCURRENTLY mark_c ON mark (a, b)', 'refused');
RESET remigrate."concurrently";
-- Known as what was sent, with CONCURRENTLY and all
SELECT remigrate.apply('inline by setting', 'CREATE INDEX CONCURRENTLY mark_c ON mark (a, b)', 'refused', concurrently => 'inline');

SET client_min_messages = warning;
DROP SCHEMA refused CASCADE;
