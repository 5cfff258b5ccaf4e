-- What test/fuzz has found of the look: scripts whose seam was another one
-- than the number of statements that had run.  Every case ends with ROLLBACK.

SET client_min_messages = error;

CREATE FUNCTION show(script text) RETURNS text LANGUAGE sql AS $$
	SELECT format('%s from %s (%s to %s): %s', verdict, resume_from, smallest,
		largest, reason)
	FROM remigrate.seam(script)
$$;
-- Before the first statement and after each of them.
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

-- A table that was dropped, if it was there, and made anew has rows by now.
BEGIN;
SELECT show_all('CREATE TABLE a ()', 'DROP TABLE IF EXISTS t', 'CREATE TABLE IF NOT EXISTS t (a int)');
ROLLBACK;
BEGIN;
CREATE TABLE t (a int);
SELECT show_all('CREATE TABLE a ()', 'ALTER TABLE t DROP COLUMN IF EXISTS a', 'ALTER TABLE t ADD COLUMN IF NOT EXISTS a int');
ROLLBACK;

-- A schema with nothing but a partitioned table is not empty.
CREATE SCHEMA found;
CREATE TABLE found.t (a int NOT NULL) PARTITION BY HASH (a);
SELECT remigrate.apply('1', 'CREATE INDEX ON t (a)', 'found');
DROP SCHEMA found CASCADE;
CREATE SCHEMA found;
CREATE TABLE found.t (a int NOT NULL) PARTITION BY HASH (a);
CREATE INDEX ON found.t (a);
SELECT remigrate.apply('1', 'CREATE INDEX ON t (a)', 'found');
DROP SCHEMA found CASCADE;

DROP FUNCTION show_all(text[]), show(text);
