--
-- adopted: what comes after a migration that was found in the schema, not run
--
SET client_min_messages = warning;
CREATE SCHEMA adopted;
CREATE FUNCTION adopted.new_schema() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
	DROP TABLE IF EXISTS adopted._prisma_migrations, adopted.t, adopted.u;
	DELETE FROM remigrate.registry WHERE target_schema = 'adopted';
	CREATE TABLE adopted.t (id int PRIMARY KEY, price int);
	INSERT INTO adopted.t VALUES (1, 100);
END $$;

-- By other means the schema has got the first two. To run the second one again would lose data.
SELECT adopted.new_schema();
SELECT remigrate.apply('1', 'CREATE TABLE t (id int PRIMARY KEY, price int)', 'adopted');
SELECT remigrate.apply('2', 'ALTER TABLE t DROP price, ADD price int', 'adopted');
CALL remigrate.migrate('2', 'ALTER TABLE t DROP price, ADD price int', 'adopted');
SELECT remigrate.resolve('2', 'applied', 'ALTER TABLE t DROP price, ADD price int', 'adopted');
-- From there on it is an operator's word.
SELECT remigrate.apply('3', 'ALTER TABLE t DROP price, ADD price int', 'adopted');
SELECT * FROM adopted.t;

-- The one that has to be run shows where the schema was.
SELECT adopted.new_schema();
CALL remigrate.migrate('1', 'CREATE TABLE t (id int PRIMARY KEY, price int)', 'adopted');
CALL remigrate.migrate('2', 'CREATE TABLE u (a int)', 'adopted');
CALL remigrate.migrate('3', 'ALTER TABLE t DROP price, ADD price int', 'adopted');
SELECT migration_name, state, applied_steps_count FROM remigrate.status('adopted');

-- So does a baseline.
SELECT adopted.new_schema();
SELECT remigrate.stage_all('{"1": "CREATE TABLE t (id int PRIMARY KEY, price int)", "2": "ALTER TABLE t DROP price, ADD price int"}', 'adopted');
SELECT remigrate.baseline('1', 'adopted');
CALL remigrate.deploy(target_schema => 'adopted');
SELECT migration_name, state, applied_steps_count FROM remigrate.status('adopted');

-- A journal in which nothing is applied tells no more than none.
SELECT adopted.new_schema();
CALL remigrate.migrate('0', 'SELECT 1/0', 'adopted');
CALL remigrate.migrate('2', 'ALTER TABLE t DROP price, ADD price int', 'adopted');

-- Whoever wants no look has none.
SELECT remigrate.apply('1', 'CREATE TABLE t (id int PRIMARY KEY, price int)', 'adopted');
SELECT remigrate.apply('2', 'ALTER TABLE t DROP price, ADD price int', 'adopted', on_duplicate => 'error');

-- What only sets something is run.
SELECT adopted.new_schema();
SELECT remigrate.apply('1', 'CREATE TABLE t (id int PRIMARY KEY, price int)', 'adopted');
SELECT remigrate.apply('2', 'SET work_mem = ''1MB''', 'adopted');

DROP SCHEMA adopted CASCADE;
DELETE FROM remigrate.registry WHERE target_schema = 'adopted';
