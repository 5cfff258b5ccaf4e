--
-- reconcile: what is pending is run unattended, and nothing said twice
--
SET client_min_messages = warning;
-- Other tests' schemas would be reconciled, too.
DELETE FROM remigrate.registry;
CREATE SCHEMA recon;
CREATE SCHEMA recon2;
SET search_path = recon;
CREATE VIEW registered AS SELECT target_schema, migration_name, state, held, attempts, next_attempt_at > now() AS waits,
	last_sqlstate FROM remigrate.registry WHERE target_schema LIKE 'recon%' ORDER BY target_schema, migration_name;
CREATE VIEW said AS SELECT target_schema, migration_name, action, sqlstate FROM remigrate.event_log
	WHERE target_schema LIKE 'recon%' ORDER BY id;
\set VERBOSITY terse

SELECT remigrate.stage('1', 'CREATE TABLE t (a int)', 'recon');
SELECT remigrate.stage('2', 'INSERT INTO t SELECT a FROM lacking', 'recon');
SELECT remigrate.stage('3', 'CREATE TABLE u ()', 'recon');
SELECT remigrate.stage('1', 'CREATE TABLE t (a int)', 'recon2');

-- One failing schema doesn't stop the next. What is held stays so, and is
-- said again by the warning alone.
CALL remigrate.reconcile();
CALL remigrate.reconcile();
SELECT * FROM registered;
SELECT * FROM said;
SELECT migration_name, state, attempts FROM remigrate.status('recon');

-- The script is right and its place was not: staged anew it is tried again.
CREATE TABLE lacking (a int);
CALL remigrate.reconcile();
SELECT remigrate.stage('2', 'INSERT INTO t SELECT a FROM lacking', 'recon');
SELECT remigrate.stage('2', 'INSERT INTO t SELECT a FROM lacking', 'recon');
CALL remigrate.reconcile();
SELECT * FROM registered;

-- What may pass is not held, and not tried at once.
SELECT remigrate.stage('4', $$DO 'BEGIN RAISE ''full'' USING ERRCODE = ''53100''; END'$$, 'recon');
CALL remigrate.reconcile();
CALL remigrate.reconcile('recon');
SELECT * FROM registered WHERE migration_name = '4';
SELECT * FROM said WHERE migration_name = '4';
SELECT remigrate.unstage('4', 'recon');

-- Schemas that nothing can be done for
CREATE SCHEMA recon_full;
CREATE TABLE recon_full.t ();
SELECT remigrate.stage('1', 'CREATE TABLE t ()', 'recon_full');
CALL remigrate.reconcile();
SELECT remigrate.stage('5', 'SELECT 1 / 0', 'recon');
CALL remigrate.reconcile();
CALL remigrate.reconcile('recon_missing');
SELECT remigrate.unstage('5', 'recon');
SELECT remigrate.unstage('1', 'recon_full');
DROP SCHEMA recon_full CASCADE;

-- A dropped schema lacks what is pending in it, and is no matter otherwise.
SELECT remigrate.stage('2', 'SELECT 1', 'recon2');
DROP SCHEMA recon2 CASCADE;
CALL remigrate.reconcile();
SELECT remigrate.unstage('2', 'recon2');
CALL remigrate.reconcile();

-- One that lets go of the locks does not leave the next schema without
CREATE SCHEMA recon3;
SELECT remigrate.stage('5', 'SELECT pg_advisory_unlock_all()', 'recon'),
	remigrate.stage('1', 'CREATE TABLE held AS SELECT count(*) FROM pg_locks WHERE locktype = ''advisory'' AND pid = pg_backend_pid()', 'recon3');
CALL remigrate.reconcile();
TABLE recon3.held;
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();

DROP SCHEMA recon, recon3 CASCADE;
DELETE FROM remigrate.registry;
