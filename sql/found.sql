-- What test/fuzz and real projects have found of the look: scripts whose seam was another one
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

-- Who owns a sequence counts.
BEGIN;
CREATE TABLE t (a serial);
SELECT show_all('ALTER SEQUENCE t_a_seq OWNED BY NONE');
ROLLBACK;

-- Names that the server makes up
BEGIN;
SELECT show_all('CREATE TABLE t (a int, b int, UNIQUE (b, a) INCLUDE (a))');
SELECT show_all('CREATE TABLE u (a int, CONSTRAINT k UNIQUE (a), PRIMARY KEY (a))');
ROLLBACK;

-- A constraint and its index
BEGIN;
CREATE TABLE t (a int PRIMARY KEY, b int UNIQUE, c int CHECK (c > 0));
CREATE TABLE other (a int PRIMARY KEY);
SELECT show_all('COMMENT ON INDEX t_pkey IS NULL', 'ALTER TABLE t DROP CONSTRAINT t_pkey');
SELECT show_all('ALTER INDEX t_b_key SET (fillfactor = 50)', 'ALTER TABLE t RENAME CONSTRAINT t_b_key TO u', 'COMMENT ON INDEX u IS NULL');
SELECT show_all('ALTER INDEX u RENAME TO v', 'ALTER TABLE t RENAME CONSTRAINT v TO w', 'ALTER TABLE t DROP CONSTRAINT w');
SELECT show_all('ALTER TABLE other RENAME CONSTRAINT other_pkey TO k', 'ALTER INDEX k RENAME TO l');
SELECT show_all('ALTER TABLE t RENAME CONSTRAINT t_c_check TO c', 'ALTER TABLE t DROP COLUMN c');
ROLLBACK;
BEGIN;
CREATE TABLE t (a int PRIMARY KEY);
SELECT show_all('ALTER INDEX t_pkey SET (fillfactor = 50)', 'DROP TABLE t');
ROLLBACK;

-- What a statement may have made that nobody can follow
BEGIN;
SELECT show_all('CREATE TABLE a ()', 'DO $do$ BEGIN CREATE TABLE b (); END $do$', 'ALTER TABLE b ADD COLUMN c int');
SELECT show_all('DO $do$ BEGIN CREATE TABLE d (); END $do$', 'CREATE TABLE e ()', 'DROP TABLE d');
SELECT show_all('CREATE TABLE f ()', 'ALTER TABLE f ADD COLUMN IF NOT EXISTS g int CHECK (g > 0)', 'ALTER TABLE f RENAME CONSTRAINT f_g_check TO h');
ROLLBACK;

-- What goes with a table, or by CASCADE
BEGIN;
CREATE TABLE t (a int);
CREATE TABLE child () INHERITS (t);
SELECT show_all('ALTER TABLE child ALTER a SET NOT NULL', 'DROP TABLE t CASCADE');
SELECT show_all('CREATE TABLE t (a int)', 'CREATE TABLE child () INHERITS (t)', 'DROP TABLE t CASCADE');
SELECT show_all('CREATE TABLE t (a int) PARTITION BY LIST (a)', 'CREATE TABLE part PARTITION OF t DEFAULT', 'CREATE INDEX part_a ON part (a)', 'DROP TABLE t');
SELECT show_all('CREATE TABLE t (a int) PARTITION BY LIST (a)', 'CREATE TABLE part (a int)', 'ALTER TABLE t ATTACH PARTITION part DEFAULT', 'ALTER TABLE t DETACH PARTITION part', 'DROP TABLE t');
ROLLBACK;

-- Defaults
BEGIN;
SELECT show_all('CREATE TABLE t (a timestamptz DEFAULT ''2026-01-01'', b varchar DEFAULT '''')', 'ALTER TABLE t ALTER a TYPE varchar(20), ALTER b TYPE char(3)');
SELECT show($$CREATE TABLE t (a timestamptz DEFAULT '2026-01-02', b varchar DEFAULT ''); ALTER TABLE t ALTER a TYPE varchar(20), ALTER b TYPE char(3)$$);
SELECT show_all('CREATE TYPE mood AS ENUM (''sad'')', 'CREATE TABLE u (a mood DEFAULT ''sad'', CHECK (a = ''sad''))', 'ALTER TYPE mood RENAME VALUE ''sad'' TO ''blue''');
SELECT show_all('CREATE TABLE v (a int DEFAULT 1)', 'ALTER TABLE v ALTER a DROP EXPRESSION IF EXISTS');
SELECT show_all('CREATE TABLE w (a int GENERATED ALWAYS AS IDENTITY)', 'ALTER TABLE w RENAME TO x', 'ALTER TABLE x ALTER a DROP IDENTITY');
ROLLBACK;

-- A body that the server has analysed is none in quotes.
BEGIN;
CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1;
SELECT show('CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1');
SELECT show($$CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'$$);
CREATE OR REPLACE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';
SELECT show('CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1');
ROLLBACK;

-- What is left out of a comparison is no proof that nothing would change.
BEGIN;
SELECT show_all('CREATE TABLE t (a int GENERATED BY DEFAULT AS IDENTITY)', 'ALTER TABLE t ALTER a SET GENERATED ALWAYS', 'ALTER TABLE t ALTER a SET INCREMENT 2');
CREATE VIEW v AS SELECT a FROM t;
SELECT show_all('CREATE OR REPLACE VIEW v WITH (security_barrier) AS SELECT a FROM t');
SELECT show_all('CREATE OR REPLACE VIEW v AS SELECT a FROM t');
ROLLBACK;

-- Statistics, or a function that says nothing of a table, go their own ways.
BEGIN;
CREATE TABLE t (a int, b int);
CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1;
CREATE STATISTICS s ON a, b FROM t;
SELECT show('CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1; CREATE STATISTICS s ON a, b FROM t; DROP TABLE t CASCADE');
DROP TABLE t CASCADE;
SELECT show('CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1; CREATE STATISTICS s ON a, b FROM t; DROP TABLE t CASCADE');
DROP FUNCTION f();
SELECT show('CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1; CREATE STATISTICS s ON a, b FROM t; DROP TABLE t CASCADE');
ROLLBACK;

-- A function whose argument's type gets another name
BEGIN;
CREATE TYPE mood AS ENUM ('sad');
SELECT show_all('CREATE FUNCTION f(a mood) RETURNS int LANGUAGE sql AS ''SELECT 1''', 'ALTER TYPE mood RENAME TO temper', 'DROP FUNCTION f');
ROLLBACK;

-- A view of another query is that, whatever its query doesn't name is renamed.
BEGIN;
CREATE TABLE t (a int, b int);
CREATE VIEW v AS SELECT 1 AS other;
CREATE FUNCTION view_of(query text, renaming text) RETURNS text LANGUAGE sql AS $$
	SELECT show('CREATE VIEW v AS ' || query || ';' || renaming)
$$;
ALTER TABLE t RENAME TO u;
SELECT view_of('SELECT 2 AS other', 'ALTER TABLE t RENAME TO u');
SELECT view_of('SELECT a AS other FROM t', 'ALTER TABLE t RENAME TO u');
ALTER TABLE u RENAME b TO c;
SELECT view_of('SELECT a AS other FROM u', 'ALTER TABLE u RENAME b TO c');
SELECT view_of('SELECT b AS other FROM u', 'ALTER TABLE u RENAME b TO c');
SELECT view_of('SELECT * FROM u', 'ALTER TABLE u RENAME b TO c');
ROLLBACK;

-- With a column's type the server writes anew what says the column's name.
BEGIN;
SELECT show_all('CREATE TABLE t (a numeric, n varchar(10), CONSTRAINT c CHECK (a BETWEEN 0 AND 100))', 'CREATE INDEX i ON t (a) WHERE a > 5', 'CREATE INDEX j ON t (lower(n))', 'ALTER TABLE t ALTER a TYPE int', 'ALTER TABLE t ALTER n TYPE text', 'CREATE TABLE u ()');
-- What else there is to it counts.
DROP INDEX i;
CREATE UNIQUE INDEX i ON t (a) WHERE a > 5;
SELECT show('CREATE TABLE t (a numeric, n varchar(10)); CREATE INDEX i ON t (a) WHERE a > 5; ALTER TABLE t ALTER a TYPE int');
ROLLBACK;

-- A table made anew under its name and with its key's: the old one's key is
-- renamed with its constraint, or before that, or as an index.
BEGIN;
CREATE TABLE t (a int, b text, CONSTRAINT t_pkey PRIMARY KEY (a));
SELECT show_all('ALTER TABLE t RENAME TO was', 'ALTER TABLE was RENAME CONSTRAINT t_pkey TO was_pkey', 'CREATE TABLE t (a int, c text, CONSTRAINT t_pkey PRIMARY KEY (a))', 'INSERT INTO t (a) SELECT a FROM was', 'DROP TABLE was');
ROLLBACK;
BEGIN;
CREATE TABLE t (a int, b text, CONSTRAINT t_pkey PRIMARY KEY (a));
SELECT show_all('ALTER TABLE t RENAME CONSTRAINT t_pkey TO was_pkey', 'ALTER TABLE t RENAME TO was', 'CREATE TABLE t (a int, CONSTRAINT t_pkey PRIMARY KEY (a))', 'INSERT INTO t SELECT a FROM was', 'DROP TABLE was');
ROLLBACK;
BEGIN;
CREATE TABLE t (a int, b int, CONSTRAINT t_key UNIQUE (a));
SELECT show_all('ALTER INDEX t_key RENAME TO old_key', 'ALTER TABLE t ADD CONSTRAINT t_key UNIQUE (a, b)', 'ALTER TABLE t ADD COLUMN c int');
ROLLBACK;

-- What was in a schema is not there under its old name.
BEGIN;
SELECT show_all('CREATE SCHEMA s', 'CREATE TABLE s.t (a int PRIMARY KEY)', 'CREATE INDEX i ON s.t (a)', 'ALTER SCHEMA s RENAME TO r', 'ALTER TABLE r.t ADD COLUMN b int', 'CREATE SCHEMA s', 'CREATE TABLE s.t (c int)');
ROLLBACK;

-- What is there already may be of another kind than what made room for it.
BEGIN;
CREATE TABLE t (a int);
CREATE MATERIALIZED VIEW v AS SELECT a FROM t;
SELECT remigrate.apply('1', 'DROP VIEW v; CREATE MATERIALIZED VIEW v AS SELECT a FROM t; CREATE UNIQUE INDEX v_a ON v (a)');
SELECT migration_name, logs FROM remigrate.status();
ROLLBACK;
BEGIN;
CREATE TABLE t (a int);
SELECT remigrate.apply('1', 'DROP VIEW t; CREATE TABLE u ()');
ROLLBACK;

DROP FUNCTION show_all(text[]), show(text);
