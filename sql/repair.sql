-- What a journal claims falsely, put right: repair, healed, baseline
\set VERBOSITY terse
CREATE SCHEMA repair;
SET search_path = repair;

-- A database that a script has deployed by hand, three times over: each file
-- counted as applied once it said "already exists", the last one half-way.
CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY NOT NULL, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0);
CREATE TABLE "User" (id int PRIMARY KEY, name text);
ALTER TABLE "User" RENAME COLUMN name TO "fullName";
CREATE TABLE "Post" (id int PRIMARY KEY);
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
SELECT format('%s-%s', name, run), 'remote-migration', time, name, time, 1
FROM unnest(ARRAY['1_user', '2_rename', '3_post']) name, generate_series(1, 3) run,
	LATERAL (SELECT timestamptz '2024-01-01 00:00:00Z' + make_interval(mins => run)) t(time);
SELECT remigrate.stage_all(jsonb_build_object(
	'1_user', 'CREATE TABLE "User" (id int PRIMARY KEY, name text);',
	'2_rename', 'ALTER TABLE "User" RENAME COLUMN name TO "fullName";',
	'3_post', 'CREATE TABLE "Post" (id int PRIMARY KEY); CREATE INDEX post_idx ON "Post" (id);'), 'repair');
SELECT migration_name, state, attempts FROM remigrate.status('repair');

-- The first migration's column has another name by now, and yet it is true:
-- the last word on it is the second one's.
SELECT * FROM remigrate.repair('repair');
SELECT * FROM remigrate.repair('repair');
SELECT migration_name, state, attempts, checksum FROM remigrate.status('repair');
-- Nothing is lost
SELECT migration_name, evidence ->> 'id' AS id, evidence ->> 'checksum' AS checksum FROM remigrate.event_log WHERE target_schema = 'repair' AND action = 'removed row' ORDER BY id;

-- What was not true is put right by deploying it.
\c
\set VERBOSITY terse
SET search_path = repair;
DO $$ BEGIN PERFORM remigrate.apply('3_post', 'CREATE TABLE "Post" (id int PRIMARY KEY); CREATE INDEX post_idx ON "Post" (id);', 'repair'); END $$;
SELECT to_regclass('post_idx');
SELECT migration_name, state, attempts FROM remigrate.status('repair');
SELECT rolled_back_at IS NOT NULL AS rolled_back, checksum <> 'remote-migration' AS corrected, applied_steps_count FROM _prisma_migrations WHERE migration_name = '3_post' ORDER BY started_at;
SELECT * FROM remigrate.repair('repair');

-- A claim by itself, true: only its checksum is corrected.
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name) VALUES ('4', '', now(), '4_tag');
CREATE TABLE "Tag" (id int);
SELECT remigrate.apply('4_tag', 'CREATE TABLE "Tag" (id int);', 'repair');
SELECT remigrate.apply('4_tag', 'CREATE TABLE "Tag" (id int);', 'repair');
SELECT id, checksum = remigrate.checksum('CREATE TABLE "Tag" (id int);') AS corrected, applied_steps_count, logs FROM _prisma_migrations WHERE migration_name = '4_tag';
-- One whose script nobody has
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name) VALUES ('5', 'x', now(), '5_unknown');
SELECT * FROM remigrate.repair('repair');
SELECT * FROM remigrate.repair('repair');
-- Beside what is known claims say nothing, whoever has the script.
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name) VALUES ('5a', repeat('a', 64), now(), '5_known'), ('5b', 'x', now() + '1 s', '5_known');
SELECT migration_name, state FROM remigrate.status('repair') WHERE migration_name = '5_known';
SELECT * FROM remigrate.repair('repair');
SELECT id FROM _prisma_migrations WHERE migration_name = '5_known';
-- One that leaves no trace: nobody can tell.
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name) VALUES ('6', 'x', now(), '6_data');
SELECT remigrate.apply('6_data', 'UPDATE "Tag" SET id = id + 1;', 'repair');
SELECT remigrate.resolve('6_data', 'edited', 'UPDATE "Tag" SET id = id + 1;', 'repair');
SELECT remigrate.apply('6_data', 'UPDATE "Tag" SET id = id + 1;', 'repair');
-- Comments alone: nothing to be in doubt about
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name) VALUES ('7', 'x', now(), '7_empty');
SELECT remigrate.apply('7_empty', '-- nothing', 'repair');

-- Attempts whose holder is gone
INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('8', repeat('a', 64), '8_prisma');
SELECT * FROM remigrate.repair('repair');
SELECT * FROM remigrate.repair('repair');
SELECT remigrate.resolve('8_prisma', 'rolled_back', target_schema => 'repair');
-- Ours, of which nothing was committed
INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('9', repeat('a', 64), '9_ours');
SELECT remigrate.stage('9_ours', 'SELECT 9', 'repair');
UPDATE remigrate.registry SET state = 'running', journal_id = '9' WHERE migration_name = '9_ours';
SELECT * FROM remigrate.repair('repair');
SELECT state, logs FROM remigrate.status('repair') WHERE migration_name = '9_ours';
SELECT remigrate.apply('9_ours', 'SELECT 9', 'repair');
-- A row that was deleted behind our back
DELETE FROM _prisma_migrations WHERE migration_name = '9_ours';
SELECT * FROM remigrate.repair('repair');
SELECT * FROM remigrate.repair('repair');
SELECT state FROM remigrate.status('repair') WHERE migration_name = '9_ours';
SELECT remigrate.resolve('9_ours', 'applied', target_schema => 'repair');
SELECT * FROM remigrate.repair('repair');

-- What is missing of a false claim may be missing because a later migration
-- has done away with it: then it is not made again.
CREATE SCHEMA repair_order;
SET search_path = repair_order;
CREATE TABLE a (id int PRIMARY KEY, x int);
CREATE TABLE b (id int PRIMARY KEY, label text DEFAULT 'new');
CREATE TABLE _prisma_migrations (LIKE repair._prisma_migrations INCLUDING ALL);
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name)
SELECT name, 'remote-migration', now(), name FROM unnest(ARRAY['1_init', '2_columns', '3_drop', '4_default', '5_default']) name;
SELECT remigrate.stage_all(jsonb_build_object(
	'1_init', 'CREATE TABLE a (id int PRIMARY KEY); CREATE TABLE b (id int PRIMARY KEY, label text)',
	'2_columns', 'ALTER TABLE a ADD x int; ALTER TABLE b ADD y int; CREATE INDEX a_x_idx ON a (x)',
	'3_drop', 'ALTER TABLE b DROP COLUMN IF EXISTS y',
	'4_default', $$ALTER TABLE b ALTER label SET DEFAULT 'old'; ALTER TABLE a ADD z int$$,
	'5_default', $$ALTER TABLE b ALTER label SET DEFAULT 'new'$$), 'repair_order');
SELECT * FROM remigrate.repair('repair_order');
CALL remigrate.deploy(target_schema => 'repair_order');
SELECT count(*) FROM pg_attribute WHERE attrelid = 'b'::regclass AND attname = 'y';
-- An operator's word goes before it.
SET client_min_messages = warning;
CALL remigrate.migrate('2_columns', 'ALTER TABLE a ADD x int; ALTER TABLE b ADD y int; CREATE INDEX a_x_idx ON a (x)', 'repair_order', resume_at => 3);
CALL remigrate.deploy(target_schema => 'repair_order');
RESET client_min_messages;
SELECT column_default FROM information_schema.columns WHERE table_schema = 'repair_order' AND table_name = 'b' AND column_name = 'label';
-- Put right by hand it is true.
ALTER TABLE a ADD z int;
SELECT * FROM remigrate.repair('repair_order');
SELECT migration_name, state FROM remigrate.status('repair_order');

-- Without a claim no script is read: one that the server does not take any
-- more is in nobody's way.
BEGIN;
UPDATE remigrate.script SET content = 'CREATE TABEL' WHERE checksum = (SELECT checksum FROM remigrate.registry WHERE target_schema = 'repair_order' AND migration_name = '1_init');
SELECT * FROM remigrate.repair('repair_order');
ROLLBACK;

-- A later statement that can't be followed excuses what it names, and no more:
-- neither a column by its table's name, nor anything by rows that change.
CREATE SCHEMA repair_excuse;
SET search_path = repair_excuse;
CREATE TABLE person (id int PRIMARY KEY, old_name text, full_name text);
CREATE TABLE _prisma_migrations (LIKE repair._prisma_migrations INCLUDING ALL);
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name)
SELECT name, 'remote-migration', now(), name FROM unnest(ARRAY['1_init', '2_phone', '3_name', '4_key', '5_rows', '6_do']) name;
SELECT remigrate.stage_all(jsonb_build_object(
	'1_init', 'CREATE TABLE person (id int PRIMARY KEY, old_name text, boss int)',
	'2_phone', 'ALTER TABLE person ADD phone text',
	'3_name', 'ALTER TABLE person ADD name text',
	'4_key', 'ALTER TABLE person ADD CONSTRAINT boss_fkey FOREIGN KEY (boss) REFERENCES person',
	'5_rows', $$UPDATE person SET phone = '' WHERE phone IS NULL; INSERT INTO person (id, phone) SELECT 1, '' WHERE false$$,
	'6_do', 'DO $do$ BEGIN ALTER TABLE person RENAME name TO full_name; ALTER TABLE person DROP COLUMN boss; END $do$'), 'repair_excuse');
SELECT * FROM remigrate.repair('repair_excuse');

-- With a partition its indexes leave those of its parent.
CREATE SCHEMA repair_parts;
SET search_path = repair_parts;
CREATE TABLE parted (a int) PARTITION BY LIST (a);
CREATE INDEX parted_a ON parted (a);
CREATE TABLE parted_1 (a int);
CREATE INDEX parted_1_a ON parted_1 (a);
CREATE TABLE _prisma_migrations (LIKE repair._prisma_migrations INCLUDING ALL);
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name)
SELECT name, 'remote-migration', now(), name FROM unnest(ARRAY['1_init', '2_index', '3_detach']) name;
SELECT remigrate.stage_all(jsonb_build_object(
	'1_init', 'CREATE TABLE parted (a int) PARTITION BY LIST (a); CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1)',
	'2_index', 'CREATE INDEX parted_a ON ONLY parted (a); CREATE INDEX parted_1_a ON parted_1 (a); ALTER INDEX parted_a ATTACH PARTITION parted_1_a',
	'3_detach', 'ALTER TABLE parted DETACH PARTITION parted_1'), 'repair_parts');
SELECT * FROM remigrate.repair('repair_parts');

SET search_path = repair;

-- No journal, no script, another's journal
CREATE SCHEMA repair_empty;
SELECT * FROM remigrate.repair('repair_empty');
SELECT remigrate.repair(NULL);
SELECT remigrate.repair('nowhere');

-- Baseline ------------------------------------------------------------------
CREATE SCHEMA baseline;
SET search_path = baseline;
CREATE TABLE a (id int PRIMARY KEY);
CREATE TABLE b (id int);
SELECT remigrate.baseline(NULL, 'baseline');
SELECT remigrate.stage_all('{"1_a": "CREATE TABLE a (id int);", "2_key": "ALTER TABLE a ADD PRIMARY KEY (id);", "3_b": "CREATE TABLE b (id int);", "4_c": "CREATE TABLE c (id int);"}', 'baseline');
SELECT remigrate.baseline('3', 'baseline');
SELECT remigrate.baseline(NULL, 'baseline');
SELECT to_regclass('_prisma_migrations');
SELECT remigrate.baseline('2_key', 'baseline');
SELECT remigrate.baseline('3_b', 'baseline');
SELECT remigrate.baseline('3_b', 'baseline');
SELECT migration_name, state, applied_steps_count, logs, duration FROM remigrate.status('baseline');
SELECT remigrate.baseline('4_c', 'baseline');
SELECT remigrate.baseline('4_c', 'baseline', force => true);
SELECT action, migration_name, message FROM remigrate.event_log WHERE target_schema = 'baseline' ORDER BY id;
INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES ('5', repeat('a', 64), '5_failed');
SELECT remigrate.baseline('4_c', 'baseline');
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT remigrate.baseline('4_c', 'baseline');
ROLLBACK;

RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA repair, repair_order, repair_excuse, repair_parts, repair_empty, baseline CASCADE;
DELETE FROM remigrate.registry WHERE target_schema IN ('repair', 'repair_order', 'repair_excuse', 'repair_parts', 'baseline');
