--
-- migrate: a script in transactions of its own
--
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA migrate;
SET search_path = migrate;
CREATE TABLE seen (id bigint);
CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count int NOT NULL DEFAULT 0);
-- What became of it: journal, registry and event log side by side
CREATE VIEW outcome AS
SELECT e.migration_name, e.action, e.statements AS n, e.sqlstate,
	j.applied_steps_count AS steps, j.finished_at IS NOT NULL AS finished, j.rolled_back_at IS NOT NULL AS rolled_back,
	r.state AS registry
FROM remigrate.event_log e
LEFT JOIN LATERAL (SELECT * FROM migrate._prisma_migrations j WHERE j.migration_name = e.migration_name ORDER BY started_at DESC LIMIT 1) j ON true
LEFT JOIN remigrate.registry r ON r.target_schema = e.target_schema AND r.migration_name = e.migration_name
WHERE e.target_schema = 'migrate'
AND e.id > (SELECT coalesce(max(id), 0) FROM migrate.seen) ORDER BY e.id;

-- One transaction, and its row exactly as Prisma would have it
CALL remigrate.migrate('one', 'CREATE TABLE one AS SELECT txid_current() AS x; INSERT INTO one SELECT txid_current()', 'migrate');
SELECT count(DISTINCT x) AS transactions FROM one;
SELECT id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' AS id,
	checksum = encode(sha256('CREATE TABLE one AS SELECT txid_current() AS x; INSERT INTO one SELECT txid_current()'), 'hex') AS checksum,
	migration_name, logs, rolled_back_at, applied_steps_count, started_at <= finished_at AS in_order, clock_timestamp() - started_at < '1 hour' AS is_now
FROM _prisma_migrations;
SELECT xmin::text::bigint = (SELECT max(x) FROM one) AS recorded_in_the_same_transaction FROM _prisma_migrations;
CALL remigrate.migrate('one', 'CREATE TABLE one AS SELECT txid_current() AS x; INSERT INTO one SELECT txid_current()', 'migrate');
CALL remigrate.migrate('one', '\x435245415445'::bytea, 'migrate');
CALL remigrate.migrate('bytea', '\x435245415445205441424c4520622829'::bytea, 'migrate');
CALL remigrate.migrate(name => 'no statement', script => E'-- nothing\n', target_schema => 'migrate');
CALL remigrate.migrate('empty', '', 'migrate');
SELECT * FROM outcome;
INSERT INTO seen SELECT max(id) FROM remigrate.event_log;

-- BEGIN and COMMIT -------------------------------------------------------------------

CALL remigrate.migrate('commits', $script$
CREATE TABLE commits (i int, x bigint, at timestamptz);
INSERT INTO commits VALUES (1, txid_current(), now());
COMMIT;
INSERT INTO commits VALUES (2, txid_current(), now());
INSERT INTO commits VALUES (3, txid_current(), now());
BEGIN;
INSERT INTO commits VALUES (4, txid_current(), now());
END;
START TRANSACTION;
INSERT INTO commits VALUES (5, txid_current(), now());
COMMIT WORK;
$script$, 'migrate');
SELECT dense_rank() OVER (ORDER BY x) AS transaction, array_agg(i ORDER BY i), count(DISTINCT at) AS times FROM commits GROUP BY x ORDER BY 1;
SELECT count(DISTINCT at) AS times FROM commits;
CALL remigrate.migrate('just wrapped', 'BEGIN; CREATE TABLE wrapped AS SELECT txid_current() AS x; INSERT INTO wrapped SELECT txid_current(); COMMIT;', 'migrate');
SELECT count(DISTINCT x) FROM wrapped;
CALL remigrate.migrate('nothing but', 'BEGIN; COMMIT; BEGIN; COMMIT', 'migrate');
CALL remigrate.migrate('never closed', 'BEGIN; CREATE TABLE never_closed ()', 'migrate');
SELECT to_regclass('never_closed');
CALL remigrate.migrate('only closed', 'CREATE TABLE only_closed (); COMMIT; COMMIT', 'migrate');
CALL remigrate.migrate('rolls back', 'CREATE TABLE no (); ROLLBACK', 'migrate');
CALL remigrate.migrate('chains', 'CREATE TABLE no (); COMMIT AND CHAIN', 'migrate');
CALL remigrate.migrate('saves', 'SAVEPOINT s; CREATE TABLE no ()', 'migrate');
CALL remigrate.migrate('prepares', 'CREATE TABLE no (); PREPARE TRANSACTION ''t''', 'migrate');
SELECT to_regclass('no');
SELECT * FROM outcome;
INSERT INTO seen SELECT max(id) FROM remigrate.event_log;

-- The rest stays where a later part fails; it is asked of nobody to do it twice.
CALL remigrate.migrate('half', $script$
CREATE TABLE half (i int);
COMMIT;
INSERT INTO half VALUES (1);
SELECT 1 / 0;
$script$, 'migrate');
SELECT * FROM half;
SELECT * FROM outcome;
SELECT logs FROM _prisma_migrations WHERE migration_name = 'half';
CALL remigrate.migrate('half', $script$
CREATE TABLE half (i int);
COMMIT;
INSERT INTO half VALUES (2);
SELECT 1 / 1;
$script$, 'migrate');
SELECT * FROM half;
SELECT * FROM outcome;
SELECT migration_name, logs, checksum = encode(sha256(convert_to(E'\nCREATE TABLE half (i int);\nCOMMIT;\nINSERT INTO half VALUES (2);\nSELECT 1 / 1;\n', 'UTF8')), 'hex') AS has_new_checksum FROM _prisma_migrations WHERE migration_name = 'half';
INSERT INTO seen SELECT max(id) FROM remigrate.event_log;

-- Isolation ------------------------------------------------------------------------------

CREATE TABLE iso (n int, isolation text, "deferrable" text, read_only text);
CREATE FUNCTION iso(n int) RETURNS void LANGUAGE sql AS $$
	INSERT INTO migrate.iso VALUES (n, current_setting('transaction_isolation'), current_setting('transaction_deferrable'), current_setting('transaction_read_only'))
$$;
CALL remigrate.migrate('iso 1', 'SELECT iso(1)', 'migrate');
CALL remigrate.migrate('iso 2', 'BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT iso(2); COMMIT; SELECT iso(3)', 'migrate');
CALL remigrate.migrate('iso 4', 'SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, DEFERRABLE; SET TRANSACTION READ WRITE; SELECT iso(4); COMMIT; SELECT iso(5)', 'migrate');
CALL remigrate.migrate('iso 6', 'SELECT iso(6); BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT iso(7)', 'migrate');
CALL remigrate.migrate('iso 8', 'BEGIN; SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT iso(8); COMMIT', 'migrate');
CALL remigrate.migrate('iso 9', 'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT iso(9); COMMIT; SELECT iso(10)', 'migrate');
CALL remigrate.migrate('iso 11', 'SELECT iso(11)', 'migrate');
CALL remigrate.migrate('iso 12', 'CREATE TABLE iso12 (); SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT iso(12)', 'migrate');
SET default_transaction_isolation = 'repeatable read';
SET default_transaction_deferrable = on;
CALL remigrate.migrate('iso 13', 'SELECT iso(13); COMMIT; SELECT iso(14)', 'migrate');
SHOW default_transaction_isolation;
SHOW default_transaction_deferrable;
RESET default_transaction_isolation;
RESET default_transaction_deferrable;
SELECT * FROM iso ORDER BY n;
SELECT to_regclass('iso12');
CALL remigrate.migrate('ro 1', 'BEGIN READ ONLY; SELECT 1', 'migrate');
CALL remigrate.migrate('ro 2', 'SET TRANSACTION READ ONLY', 'migrate');
CALL remigrate.migrate('ro 3', 'SELECT iso(15); SELECT set_config(''transaction_read_only'', ''on'', true)', 'migrate');
CALL remigrate.migrate('ro 4', 'SELECT iso(16); SELECT set_config(''default_transaction_read_only'', ''on'', false); COMMIT; SELECT iso(17)', 'migrate');
SHOW default_transaction_read_only;
SELECT n FROM iso WHERE n > 14;
SELECT * FROM outcome WHERE action = 'failed';
CALL remigrate.migrate('ro 4', 'SELECT iso(16); SELECT set_config(''default_transaction_read_only'', ''on'', false); COMMIT; SELECT iso(17)', 'migrate');
SELECT n FROM iso WHERE n > 14;
INSERT INTO seen SELECT max(id) FROM remigrate.event_log;

-- Enum values ------------------------------------------------------------------------------

CALL remigrate.migrate('enum', 'CREATE TYPE mood AS ENUM (''a''); CREATE TABLE moody (m mood)', 'migrate');
CALL remigrate.migrate('enum used', $script$
ALTER TYPE mood ADD VALUE 'b';
INSERT INTO moody VALUES ('b');
ALTER TYPE mood ADD VALUE 'c';
ALTER TABLE moody ALTER m SET DEFAULT 'c';
INSERT INTO moody DEFAULT VALUES;
$script$, 'migrate');
CALL remigrate.migrate('enum not used', 'ALTER TYPE mood ADD VALUE ''unused''; CREATE TABLE unused AS SELECT txid_current() AS x; INSERT INTO unused SELECT txid_current()', 'migrate');
SELECT count(DISTINCT x) AS transactions FROM unused;
CALL remigrate.migrate('enum in a block', 'BEGIN; ALTER TYPE mood ADD VALUE ''d''; INSERT INTO moody VALUES (''d''); COMMIT', 'migrate');
CALL remigrate.migrate('enum in a DO', $$DO $do$ BEGIN EXECUTE 'ALTER TYPE mood ADD VALUE ''do'''; END $do$; INSERT INTO moody VALUES ('do')$$, 'migrate');
CALL remigrate.migrate('enum in its transaction', $$CREATE TYPE young AS ENUM ('x'); ALTER TYPE young ADD VALUE 'y'; CREATE TABLE y AS SELECT 'y'::young AS y$$, 'migrate');
CALL remigrate.migrate('enum then error', 'CREATE TABLE before_it (); ALTER TYPE mood ADD VALUE ''e''; INSERT INTO moody VALUES (''e''); SELECT 1 / 0', 'migrate');
SELECT * FROM moody;
SELECT to_regclass('before_it'), enum_range(NULL::mood);
SELECT * FROM outcome;
CALL remigrate.migrate('enum then error', 'CREATE TABLE before_it (); ALTER TYPE mood ADD VALUE ''e''; INSERT INTO moody VALUES (''e''); SELECT 1 / 1', 'migrate');
SELECT * FROM moody WHERE m = 'e';
CALL remigrate.migrate('enum renamed', 'ALTER TYPE mood RENAME VALUE ''a'' TO ''A''; INSERT INTO moody VALUES (''A'')', 'migrate');
SELECT * FROM outcome OFFSET 7;
INSERT INTO seen SELECT max(id) FROM remigrate.event_log;

-- At COMMIT -------------------------------------------------------------------------------

CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (parent int REFERENCES parent DEFERRABLE INITIALLY DEFERRED);
CALL remigrate.migrate('deferred', 'INSERT INTO child VALUES (1); INSERT INTO parent VALUES (1)', 'migrate');
CALL remigrate.migrate('deferred, fails', 'CREATE TABLE no (); INSERT INTO child VALUES (2)', 'migrate');
SELECT to_regclass('no'), count(*) FROM child;
CALL remigrate.migrate('deferred, fails in the middle', 'CREATE TABLE yes (); COMMIT; INSERT INTO child VALUES (2); COMMIT; CREATE TABLE no ()', 'migrate');
SELECT to_regclass('yes'), to_regclass('no'), count(*) FROM child;
SELECT * FROM outcome;
CALL remigrate.migrate('deferred, fails in the middle', 'CREATE TABLE yes (); COMMIT; INSERT INTO child VALUES (1); COMMIT; CREATE TABLE no ()', 'migrate');
SELECT to_regclass('no'), count(*) FROM child;
-- A trigger's function that is put off has the script's role and search_path, not the caller's.
CREATE ROLE regress_remigrate_script;
GRANT USAGE ON SCHEMA migrate TO regress_remigrate_script;
CREATE TABLE told (i int, who text, path text);
CREATE TABLE telling (i int);
GRANT INSERT ON told, telling TO regress_remigrate_script;
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
	INSERT INTO migrate.told VALUES (NEW.i, current_user, current_setting('search_path')); RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER t AFTER INSERT ON telling DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tell();
CALL remigrate.migrate('put off', 'SET ROLE regress_remigrate_script; INSERT INTO telling VALUES (1); COMMIT; INSERT INTO telling VALUES (2)', 'migrate');
CALL remigrate.migrate('put off too', 'SET ROLE regress_remigrate_script; INSERT INTO telling VALUES (3)', 'migrate');
SELECT * FROM told ORDER BY i;
INSERT INTO seen SELECT max(id) FROM remigrate.event_log;

-- DO and CALL that commit --------------------------------------------------------------------

CREATE TABLE does (i int, x bigint DEFAULT txid_current());
CREATE PROCEDURE commits(first int) LANGUAGE plpgsql AS $$ BEGIN
	FOR i IN 1 .. 3 LOOP INSERT INTO migrate.does VALUES (first + i); COMMIT; END LOOP;
END $$;
CALL remigrate.migrate('do', 'INSERT INTO does VALUES (0); DO $$ BEGIN FOR i IN 1 .. 3 LOOP INSERT INTO does VALUES (i); COMMIT; END LOOP; END $$; INSERT INTO does VALUES (4)', 'migrate');
CALL remigrate.migrate('call', 'CALL commits(10); CALL commits(20)', 'migrate');
CALL remigrate.migrate('rolls back inside', 'DO $$ BEGIN INSERT INTO does VALUES (30); ROLLBACK; INSERT INTO does VALUES (31); END $$', 'migrate');
CALL remigrate.migrate('does not', 'DO $$ BEGIN INSERT INTO does VALUES (40); END $$; INSERT INTO does VALUES (41)', 'migrate');
SELECT array_agg(i) FROM (SELECT i FROM does ORDER BY i) s;
SELECT count(DISTINCT x) AS one FROM does WHERE i IN (40, 41);
-- How far it got nobody can know.
CALL remigrate.migrate('do fails', 'DO $$ BEGIN INSERT INTO does VALUES (50); COMMIT; PERFORM 1 / 0; END $$; INSERT INTO does VALUES (51)', 'migrate');
CALL remigrate.migrate('do fails', 'DO $$ BEGIN INSERT INTO does VALUES (50); COMMIT; PERFORM 1 / 0; END $$; INSERT INTO does VALUES (51)', 'migrate');
SELECT * FROM outcome;
CALL remigrate.migrate('do fails', 'DO $$ BEGIN INSERT INTO does VALUES (50); COMMIT; PERFORM 1 / 0; END $$; INSERT INTO does VALUES (51)', 'migrate', resume_at => 2);
SELECT i FROM does WHERE i >= 50 ORDER BY i;
SELECT * FROM outcome OFFSET 5;
INSERT INTO seen SELECT max(id) FROM remigrate.event_log;

-- Ours, out of a script's reach -----------------------------------------------------------------

CALL remigrate.migrate('drops the journal', 'CREATE TABLE no2 (); DROP TABLE _prisma_migrations CASCADE', 'migrate');
CALL remigrate.migrate('drops it and commits', 'CREATE TABLE no2 (); DROP TABLE _prisma_migrations CASCADE; COMMIT; CREATE TABLE no3 ()', 'migrate');
CALL remigrate.migrate('replaces it', 'ALTER TABLE _prisma_migrations RENAME TO old; CREATE TABLE _prisma_migrations (LIKE old INCLUDING ALL)', 'migrate');
CALL remigrate.migrate('renames its schema', 'ALTER SCHEMA migrate RENAME TO migrate2', 'migrate');
CALL remigrate.migrate('drops the extension', 'CREATE TABLE no2 (); DROP EXTENSION remigrate CASCADE', 'migrate');
CALL remigrate.migrate('lets go of the lock', 'CREATE TABLE no2 (); SELECT pg_advisory_unlock_all()', 'migrate');
CALL remigrate.migrate('lets go and commits', 'CREATE TABLE no2 (); SELECT pg_advisory_unlock(72707369); COMMIT; CREATE TABLE no3 ()', 'migrate');
CALL remigrate.migrate('empties it', 'COMMIT; CREATE TABLE no2 (); DELETE FROM _prisma_migrations', 'migrate');
SELECT to_regclass('no2'), to_regclass('no3'), to_regclass('old');
SELECT * FROM outcome;
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT migration_name, state FROM remigrate.status('migrate') WHERE state NOT IN ('applied', 'rolled_back');

RESET search_path;
DROP SCHEMA migrate CASCADE;
DROP ROLE regress_remigrate_script;
DELETE FROM remigrate.registry WHERE target_schema = 'migrate';
