-- Tables that are made of something else: of a query, like another table, from
-- a parent; and unlogged ones.  Every case ends with ROLLBACK.

SET client_min_messages = error;

-- Where a schema in which setup has run stands in a script.
CREATE FUNCTION show(setup text, script text) RETURNS SETOF text
LANGUAGE plpgsql AS $$
BEGIN
	EXECUTE setup;
	RETURN QUERY SELECT format('%s from %s (%s to %s): %s', verdict, resume_from,
			smallest, largest, reason)
		FROM remigrate.seam(script)
		UNION ALL
		SELECT format('  %s %s: %s%s', statement, command, state,
			CASE WHEN state = 'differs'
				THEN format(' (expected %s, found %s)', l.expected, l.found) END)
		FROM remigrate.look(script) l;
END $$;

-- The same for every number of a script's statements.
CREATE FUNCTION show_all(VARIADIC statements text[]) RETURNS SETOF text
LANGUAGE plpgsql AS $$
DECLARE
	script text = array_to_string(statements, ';');
BEGIN
	FOR i IN 0 .. cardinality(statements) LOOP
		RETURN QUERY SELECT i || ': ' || line FROM
			(SELECT show(coalesce(statements[i], ''), script) AS line LIMIT 1) l;
	END LOOP;
END $$;

-- A query gives the columns their names.
BEGIN;
SELECT show('CREATE TABLE copy (a int, b text)',
	'CREATE TABLE copy AS SELECT 1 AS a, ''x''::text AS b');
ROLLBACK;
BEGIN;
SELECT show('CREATE TABLE copy (a int)',
	'CREATE TABLE copy AS SELECT 1 AS a, ''x''::text AS b');
ROLLBACK;
-- ... or the column that it reads, or the function that it calls,
BEGIN;
SELECT show('CREATE TABLE copy AS SELECT c.oid, lower(relname), count(*) FROM pg_class c GROUP BY 1, 2',
	'CREATE TABLE copy AS SELECT c.oid, lower(relname), count(*) FROM pg_class c GROUP BY 1, 2');
SELECT show('', 'CREATE TABLE copy AS SELECT c.oid, lower(relname), min(oid) FROM pg_class c GROUP BY 1, 2');
ROLLBACK;
-- ... or else the statement, from the left;
BEGIN;
SELECT show('CREATE TABLE copy (x, y) AS SELECT * FROM (VALUES (1, 2, 3)) v (a, b, c)',
	'CREATE TABLE copy (x, y) AS SELECT * FROM (VALUES (1, 2, 3)) v (a, b, c)');
SELECT show('', 'CREATE TABLE copy (x, z) AS SELECT 1, 2');
ROLLBACK;
-- the first of several queries counts, and VALUES have names of their own.
BEGIN;
SELECT 1 AS a INTO other UNION SELECT 2 AS b;
SELECT show('CREATE TABLE copy AS VALUES (1, 2)',
	'CREATE TABLE copy AS VALUES (1, 2); SELECT 1 AS a INTO other UNION SELECT 2 AS b');
SELECT show('', 'CREATE TABLE copy AS VALUES (1, 2, 3); SELECT 1 AS a INTO other UNION SELECT 2 AS b');
SELECT show('', 'CREATE TABLE copy AS VALUES (1, 2); SELECT 1 AS b INTO other UNION SELECT 2 AS b');
ROLLBACK;
-- What "*" stands for isn't followed, neither are types.
BEGIN;
SELECT show('CREATE TABLE copy (a int)',
	'CREATE TABLE copy AS SELECT 1::text AS a, v.*, 3 AS c FROM (VALUES (2)) v (b)');
ROLLBACK;
-- The columns live on.
BEGIN;
SELECT show_all('CREATE TABLE copy AS SELECT 1 AS a, 2 AS b, 3 AS c',
	'ALTER TABLE copy RENAME a TO x',
	'ALTER TABLE copy DROP COLUMN b',
	'ALTER TABLE copy ALTER c SET NOT NULL');
ROLLBACK;
-- Two steps of the same making.
BEGIN;
SELECT show_all('CREATE TABLE t (id serial PRIMARY KEY, a text NOT NULL)',
	'CREATE TABLE t_backup AS TABLE t',
	'CREATE TABLE t_new AS SELECT id, a::int AS a FROM t',
	'DROP TABLE t',
	'ALTER TABLE t_new RENAME TO t');
ROLLBACK;

-- LIKE brings along what the script knows of the other table.
BEGIN;
SELECT show_all('CREATE TABLE t (id int NOT NULL, a text DEFAULT ''x'')',
	'CREATE TABLE copy (LIKE t INCLUDING ALL, b int)',
	'ALTER TABLE copy DROP COLUMN a',
	'ALTER TABLE t ALTER a TYPE varchar');
ROLLBACK;
BEGIN;
SELECT show('CREATE TABLE t (id int NOT NULL, a text); CREATE TABLE copy (id int NOT NULL, a int)',
	'CREATE TABLE t (id int NOT NULL, a text); CREATE TABLE copy (LIKE t)');
ROLLBACK;
BEGIN;
SELECT show('CREATE TABLE t (id int NOT NULL, a text); CREATE TABLE copy (id int, a text)',
	'CREATE TABLE t (id int NOT NULL, a text); CREATE TABLE copy (LIKE t)');
ROLLBACK;
BEGIN;
SELECT show('CREATE TABLE t (a text DEFAULT ''x''); CREATE TABLE copy (LIKE t INCLUDING DEFAULTS)',
	'CREATE TABLE t (a text DEFAULT ''x''); CREATE TABLE copy (LIKE t)');
ROLLBACK;
-- Of a type, nothing; nor of one that was there before.
BEGIN;
SELECT show_all('CREATE TYPE c AS (a int)', 'CREATE TABLE copy (LIKE c)', 'ALTER TABLE copy ADD COLUMN b int');
ROLLBACK;
BEGIN;
CREATE TABLE t (a int);
SELECT show_all('CREATE TABLE copy (LIKE t)', 'ALTER TABLE copy ADD COLUMN b int');
ROLLBACK;

-- The parent counts.
BEGIN;
SELECT show_all('CREATE TABLE p (a int)', 'CREATE TABLE q (b int)',
	'CREATE TABLE c () INHERITS (p)', 'ALTER TABLE p RENAME TO p2',
	'ALTER TABLE c NO INHERIT p2', 'CREATE TABLE last ()');
ROLLBACK;
BEGIN;
SELECT show('CREATE TABLE p (a int); CREATE TABLE c (a int)',
	'CREATE TABLE p (a int); CREATE TABLE c () INHERITS (p)');
ROLLBACK;

-- So does what survives a crash.
BEGIN;
SELECT show_all('CREATE UNLOGGED TABLE t (a int)', 'ALTER TABLE t SET LOGGED',
	'CREATE UNLOGGED TABLE copy AS SELECT 1 AS a');
ROLLBACK;
BEGIN;
SELECT show('CREATE TABLE t (a int)', 'CREATE UNLOGGED TABLE t (a int)');
ROLLBACK;
BEGIN;
SELECT show('CREATE UNLOGGED TABLE t (a int)', 'CREATE TABLE t (a int)');
SELECT remigrate.apply('1', 'CREATE TABLE t (a int)');
ROLLBACK;

DROP FUNCTION show_all, show;
