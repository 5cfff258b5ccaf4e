# A journal that was prepared to run its maker's code runs none of it, as
# whoever uses remigrate with it; nor does one that is changed meanwhile.
#
# mallory owns the schema app and what is in it; boss, a superuser, deploys.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Roles;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('hostile_journal');
$node->init;
$node->start;
$node->safe_psql('postgres', <<'END');
CREATE EXTENSION remigrate;
CREATE ROLE boss SUPERUSER LOGIN;
-- He waits for as long as the test has him wait.
ALTER ROLE boss SET remigrate.lock_timeout = '5min';
CREATE ROLE mallory LOGIN;
DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO mallory', current_database()); END $$;
CREATE SCHEMA trap AUTHORIZATION mallory;
SET ROLE mallory;
CREATE FUNCTION trap.spring(what text) RETURNS text LANGUAGE plpgsql IMMUTABLE
AS $$ BEGIN RAISE WARNING 'tripped: % as %', what, current_user; RETURN what; END $$;
CREATE FUNCTION trap.spring_on_row() RETURNS trigger LANGUAGE plpgsql
AS $$ BEGIN PERFORM trap.spring(TG_NAME); RETURN coalesce(NEW, OLD); END $$;
CREATE FUNCTION trap.spring_if() RETURNS boolean LANGUAGE plpgsql IMMUTABLE
AS $$ BEGIN PERFORM trap.spring('condition'); RETURN true; END $$;
CREATE DOMAIN trap.text AS pg_catalog.text CHECK (trap.spring_if());
CREATE TYPE trap.pair AS (a trap.text, b int);
RESET ROLE;
CREATE FOREIGN DATA WRAPPER nowhere;
CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
END

sub as
{
	return join "\n", output_as($node, @_);
}

my $columns = "id varchar(36) NOT NULL PRIMARY KEY, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count int NOT NULL DEFAULT 0";
my $journal = "CREATE TABLE _prisma_migrations ($columns)";
my $failed = "'6f0b7ee5-5f0b-4c0e-8f80-8d8a1c5f0001'";
my $rows = "INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, logs, rolled_back_at, started_at, applied_steps_count) SELECT *"
  . " FROM (VALUES ('6f0b7ee5-5f0b-4c0e-8f80-8d8a1c5f0000', 'remote-migration', now(), '0 claimed', NULL, NULL::timestamptz, now(), 1),"
  . " ($failed, encode(sha256('SELECT 2'), 'hex'), NULL, '0 failed', NULL, NULL, now(), 0)) r";

# What mallory has made of schema app.
sub prepare
{
	my ($sql) = @_;
	$node->safe_psql('postgres', <<'END');
SET client_min_messages = error;
DROP SCHEMA IF EXISTS app CASCADE;
DROP SCHEMA IF EXISTS app_good CASCADE;
DELETE FROM remigrate.registry;
CREATE SCHEMA app AUTHORIZATION mallory;
END
	my $said = as('mallory', "SET client_min_messages = error; SET search_path = app; $sql");
	die $said if $said =~ /ERROR/;
	return;
}

# Every call there is, each for itself.
my @calls = (
	"SELECT * FROM remigrate.status('app')",
	"SELECT remigrate.require(ARRAY['0 claimed'], 'app')",
	"SELECT remigrate.require(NULL, 'app')",
	"SELECT remigrate.require_checksums('{\"0 claimed\": \"x\"}', 'app')",
	"SELECT remigrate.stage('0 claimed', 'CREATE TABLE claimed (a int)', 'app')",
	"SELECT remigrate.stage_all('{\"1\": \"SELECT 1\"}', 'app', prune => true)",
	"SELECT remigrate.stage('1', 'SELECT 1', 'app')",
	"SELECT remigrate.unstage('1', 'app')",
	"SELECT * FROM remigrate.look('CREATE TABLE claimed (a int)', 'app')",
	"SELECT * FROM remigrate.seam('CREATE TABLE claimed (a int)', 'app')",
	"SELECT * FROM remigrate.repair('app')",
	"SELECT remigrate.baseline(NULL, 'app')",
	"SELECT remigrate.resolve('0 failed', 'rolled_back', target_schema => 'app')",
	"SELECT remigrate.resolve('0 claimed', 'edited', 'SELECT 3', 'app')",
	"SELECT remigrate.resolve('4', 'applied', 'SELECT 4', 'app')",
	"SELECT remigrate.apply('0 claimed', 'CREATE TABLE claimed (a int)', 'app')",
	"SELECT remigrate.apply('5', 'SELECT 5', 'app')",
	"CALL remigrate.migrate('6', 'SELECT 6', 'app')",
	"CALL remigrate.migrate('7', 'SELECT 7; COMMIT; SELECT 1 / 0', 'app')",
	"SELECT remigrate.stage('8', 'SELECT 8', 'app')",
	"CALL remigrate.deploy(target_schema => 'app')",
	'CALL remigrate.reconcile()',
	'SELECT * FROM remigrate.overview',
	'SELECT * FROM remigrate.activity');

# What shows that the trap is one, where boss goes near it without remigrate.
my $approach = "INSERT INTO app._prisma_migrations (id, checksum, migration_name) VALUES ('x', 'x', 'x'); UPDATE app._prisma_migrations SET logs = 'x'; SELECT * FROM app._prisma_migrations WHERE id = 'x'; DELETE FROM app._prisma_migrations; SET CONSTRAINTS ALL IMMEDIATE";

my @traps = (
	[ 'a trigger on INSERT', 'has a trigger',
		"$journal; $rows; CREATE TRIGGER t BEFORE INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION trap.spring_on_row()" ],
	[ 'a trigger on UPDATE', 'has a trigger',
		"$journal; $rows; CREATE TRIGGER t AFTER UPDATE ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION trap.spring_on_row()" ],
	[ 'a trigger on DELETE', 'has a trigger',
		"$journal; $rows; CREATE TRIGGER t AFTER DELETE ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION trap.spring_on_row()" ],
	[ 'a deferred trigger', 'has a trigger',
		"$journal; $rows; CREATE CONSTRAINT TRIGGER t AFTER INSERT ON _prisma_migrations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trap.spring_on_row()" ],
	[ 'a foreign key', 'has a trigger or a foreign key',
		"$journal; $rows; CREATE TABLE app.other (m varchar(36) REFERENCES _prisma_migrations ON DELETE CASCADE); CREATE TRIGGER t AFTER DELETE ON app.other FOR EACH ROW EXECUTE FUNCTION trap.spring_on_row(); INSERT INTO app.other VALUES ($failed)" ],
	[ 'a rule', 'has a rule',
		"$journal; $rows; CREATE RULE r AS ON INSERT TO _prisma_migrations DO ALSO SELECT trap.spring('rule')" ],
	[ 'a CHECK', 'has a CHECK',
		"$journal; $rows; ALTER TABLE _prisma_migrations ADD CHECK (trap.spring_if()) NOT VALID" ],
	[ 'a column with a domain as its type', 'column "logs" has the type trap.text',
		($journal =~ s/logs text/logs trap.text/r) . "; $rows" ],
	[ 'an additional column with a domain as its type', 'additional column "more"',
		"$journal; $rows; ALTER TABLE _prisma_migrations ADD more trap.text" ],
	[ 'an additional column with a row type', 'additional column "more"',
		"$journal; $rows; ALTER TABLE _prisma_migrations ADD more trap.pair", 'runs nothing' ],
	[ 'an additional column with a default', 'additional column "more"',
		"$journal; $rows; ALTER TABLE _prisma_migrations ADD more text DEFAULT trap.spring('default')" ],
	[ 'an additional identity column', 'additional column "more"',
		"$journal; $rows; ALTER TABLE _prisma_migrations ADD more int GENERATED ALWAYS AS IDENTITY", 'runs nothing' ],
	[ 'a generated column', 'has a generated column',
		"$journal; $rows; ALTER TABLE _prisma_migrations ADD more text GENERATED ALWAYS AS (trap.spring(id)) STORED" ],
	[ 'a child table', 'inheritance tree',
		"$journal; $rows; CREATE TABLE app.child () INHERITS (_prisma_migrations); INSERT INTO app.child SELECT * FROM _prisma_migrations; CREATE TRIGGER t AFTER UPDATE OR DELETE ON app.child FOR EACH ROW EXECUTE FUNCTION trap.spring_on_row()" ],
	[ 'a parent table', 'inheritance tree',
		"CREATE TABLE app.parent (logs text CHECK (trap.spring_if())); CREATE TABLE _prisma_migrations ($columns) INHERITS (app.parent); $rows" ],
	[ 'an index on an expression', 'index "i" has an expression',
		"$journal; $rows; CREATE INDEX i ON _prisma_migrations (trap.spring(logs))" ],
	[ 'an index with a condition', 'index "i" has an expression',
		"$journal; $rows; CREATE INDEX i ON _prisma_migrations (logs) WHERE trap.spring(logs) IS NULL" ],
	[ 'an exclusion constraint', 'index "i" has an expression',
		"$journal; $rows; ALTER TABLE _prisma_migrations ADD CONSTRAINT i EXCLUDE (trap.spring(id) WITH =)" ],
	[ 'statistics on an expression', 'has statistics on an expression',
		"$journal; $rows; CREATE STATISTICS s ON (trap.spring('statistics') || id), checksum FROM _prisma_migrations" ],
	[ 'a view', 'is not a plain table',
		"CREATE TABLE app.base ($columns); CREATE VIEW _prisma_migrations AS SELECT b.*, trap.spring('view') FROM app.base b; CREATE TRIGGER t INSTEAD OF INSERT OR UPDATE OR DELETE ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION trap.spring_on_row()" ],
	[ 'a materialized view', 'is not a plain table',
		"CREATE MATERIALIZED VIEW _prisma_migrations AS SELECT 'x' AS id", 'runs nothing' ],
	[ 'a partitioned table', 'is not a plain table',
		"CREATE TABLE _prisma_migrations (" . ($columns =~ s/ PRIMARY KEY//r) . ") PARTITION BY LIST (trap.spring(id)); CREATE TABLE app.part PARTITION OF _prisma_migrations DEFAULT; CREATE TRIGGER t BEFORE INSERT ON app.part FOR EACH ROW EXECUTE FUNCTION trap.spring_on_row()" ],
	[ 'a partition', 'inheritance tree',
		"CREATE TABLE app.whole (" . ($columns =~ s/ PRIMARY KEY//r) . ") PARTITION BY LIST (trap.spring(id)); CREATE TABLE app.part PARTITION OF app.whole FOR VALUES IN ('y'); CREATE TABLE _prisma_migrations PARTITION OF app.whole DEFAULT" ],
	[ 'a sequence', 'is not a plain table', 'CREATE SEQUENCE _prisma_migrations', 'runs nothing' ],
	[ 'an unlogged table', 'is not a permanent table',
		($journal =~ s/CREATE/CREATE UNLOGGED/r) . "; $rows", 'runs nothing' ],
	[ 'too few columns', 'lacks columns',
		"$journal; ALTER TABLE _prisma_migrations DROP logs", 'runs nothing' ],
	[ 'a column of another type', 'column "applied_steps_count" has the type',
		($journal =~ s/applied_steps_count int/applied_steps_count bigint/r), 'runs nothing' ],
);

for my $trap (@traps)
{
	my ($what, $reason, $sql, $no_trap) = @$trap;
	prepare($sql);
	# Since 18 what a foreign key's action sets off runs as the table's owner.
	like(as('boss', "BEGIN; $approach"), qr/tripped: .* as (boss|mallory)/, "$what is a trap") unless $no_trap;
	my $said = as('boss', join(";\n", @calls));
	unlike($said, qr/tripped/, "$what runs nothing");
	like($said, qr/cannot use the journal app._prisma_migrations: it.*\Q$reason\E|cannot use the journal app._prisma_migrations: .*\Q$reason\E/,
		'... and is said to be the reason');
}

# A foreign table, which a low role can't make without a server.
prepare('SELECT');
$node->safe_psql('postgres', 'CREATE FOREIGN TABLE app._prisma_migrations ('
	  . ($columns =~ s/ PRIMARY KEY//r) . ') SERVER nowhere; ALTER TABLE app._prisma_migrations OWNER TO mallory');
my $said = as('boss', join(";\n", @calls));
unlike($said, qr/foreign-data wrapper "nowhere" has no handler/, 'a foreign table is not asked');
like($said, qr/is not a plain table/, '... but said to be one');

# A type in the journal's place keeps it from being made, and that is all.
prepare('CREATE TYPE _prisma_migrations AS ENUM ()');
like(as('boss', join(";\n", @calls)), qr/ERROR:  migration "5" .*: type "_prisma_migrations" already exists/,
	'a type in the journal\'s place is an error');

# What is no trap is not refused: what Prisma makes, a uuid, plain indexes.
my %fine = (
	'Prisma\'s own' => $journal,
	'a uuid for its id' => $journal =~ s/id varchar\(36\)/id uuid/r,
	'a plain index' => "$journal; CREATE INDEX ON _prisma_migrations (migration_name, started_at)",
	'statistics on columns' => "$journal; CREATE STATISTICS app.s ON id, checksum FROM _prisma_migrations",
	'additional columns' => "$journal; ALTER TABLE _prisma_migrations ADD note text, ADD tags text[], ADD data jsonb",
	'columns in another order' => "$journal; ALTER TABLE _prisma_migrations DROP logs, ADD logs text");
for my $what (sort keys %fine)
{
	prepare($fine{$what});
	my $said = as('boss', "SELECT remigrate.apply('1', 'CREATE TABLE one ()', 'app'); CALL remigrate.migrate('2', 'SELECT 1; COMMIT; CREATE TABLE two ()', 'app'); CALL remigrate.migrate('3', 'SELECT 1; COMMIT; SELECT 1 / 0', 'app'); SELECT remigrate.resolve('3', 'rolled_back', target_schema => 'app'); SELECT string_agg(migration_name || ' ' || state, ', ') FROM remigrate.status('app')");
	like($said, qr/^1 applied, 2 applied, 3 rolled_back$/m, "fine: $what");
}

# Policies are for those to whom they apply: not for superusers, nor for the
# owner, unless they are forced on him.
$node->safe_psql('postgres', <<'END');
CREATE ROLE clerk LOGIN;
GRANT USAGE ON SCHEMA remigrate, trap TO clerk, mallory;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA remigrate TO clerk, mallory;
GRANT SELECT ON remigrate.event_log, remigrate.overview, remigrate.activity TO clerk;
END
my $guarded = "$journal; $rows; CREATE POLICY p ON _prisma_migrations USING (trap.spring_if()); ALTER TABLE _prisma_migrations ENABLE ROW LEVEL SECURITY; GRANT ALL ON SCHEMA app TO clerk; GRANT ALL ON _prisma_migrations TO clerk";
for my $case (
	[ 'clerk', '', 0 ],
	[ 'mallory', ', FORCE ROW LEVEL SECURITY', 0 ],
	[ 'mallory', ', NO FORCE ROW LEVEL SECURITY', 1 ],
	[ 'boss', ', FORCE ROW LEVEL SECURITY', 1 ])
{
	my ($role, $force, $exempt) = @$case;
	prepare("$guarded; ALTER TABLE _prisma_migrations ENABLE ROW LEVEL SECURITY$force");
	like(as($role, "BEGIN; $approach"), qr/tripped: condition as $role/, "a policy is a trap for $role") unless $exempt;
	my $said = as($role, join(";\n", @calls));
	unlike($said, qr/tripped/, "... and runs nothing as $role$force");
	if ($exempt)
	{
		unlike($said, qr/cannot use the journal/, '... who may use the journal');
		like($said, qr/^applied$/m, '... and writes to it');
	}
	else
	{
		like($said, qr/cannot use the journal app._prisma_migrations: its row-level security applies to role "$role"/,
			'... and is said to be the reason');
		unlike($said, qr/^(applied|healed|staged)$/m, '... for doing nothing');
	}
}

# boss's own temporary table of that name is not taken for the journal.
prepare($journal);
like(as('boss', "CREATE TEMP TABLE _prisma_migrations (LIKE app._prisma_migrations INCLUDING ALL); SELECT remigrate.apply('1', 'SELECT 1', 'app'); SELECT 'rows ' || (SELECT count(*) FROM app._prisma_migrations) || (SELECT count(*) FROM pg_temp._prisma_migrations)"),
	qr/rows 10/, 'a temporary table is no journal');
like(as('boss', "SELECT remigrate.apply('1', 'SELECT 1', 'pg_temp')"), qr/ERROR:  schema "pg_temp" cannot be a target schema/,
	'nor is the temporary schema a target');

# --- Changed while it is in use ---------------------------------------------

sub start
{
	my ($role, $sql, $said) = @_;
	return IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=0', '-U', $role, '-d', $node->connstr('postgres'), '-c', $sql ],
		'<', \undef, '>', $said, '2>&1');
}

sub wait_for
{
	my ($condition) = @_;
	$node->poll_query_until('postgres', "SELECT $condition") or die "not: $condition";
	return;
}

my $waits_in_script = "EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted)";

# Holds something until release() lets it go.
my $holding = '';
my $holder;
sub hold
{
	my ($role, $sql) = @_;
	$holder = start($role, "BEGIN; $sql; SELECT pg_advisory_lock(43); SELECT pg_sleep(600)", \$holding);
	wait_for("EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 43 AND granted)");
	return;
}

sub release
{
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = 43");
	$holder->finish;
	return;
}

my %changes = (
	'an index' => "CREATE INDEX CONCURRENTLY ON _prisma_migrations ((trap.spring('index') || id))",
	'statistics' => "CREATE STATISTICS s ON (trap.spring('statistics') || id), checksum FROM _prisma_migrations",
	'a child table' => 'CREATE TABLE child () INHERITS (_prisma_migrations)',
	'a trigger' => 'CREATE TRIGGER t BEFORE INSERT ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION trap.spring_on_row()',
	'a column' => "ALTER TABLE _prisma_migrations ADD more text DEFAULT trap.spring('default')",
	'another name' => 'ALTER TABLE _prisma_migrations RENAME TO renamed');
for my $call (
	"SELECT remigrate.apply('m', 'SELECT pg_advisory_xact_lock(42)', 'app')",
	"CALL remigrate.migrate('m', 'SELECT pg_advisory_xact_lock(42)', 'app')")
{
	# A migrate that has not begun to write yet holds nothing; what was changed
	# by then is looked at before it does.
	my $holds = $call =~ /apply/;
	for my $what (sort keys %changes)
	{
		prepare($journal);
		hold('boss', 'SELECT pg_advisory_lock(42)');
		my $said = '';
		my $running = start('boss', $call, \$said);
		wait_for($waits_in_script);
		my $changed = as('mallory', "SET search_path = app; SET lock_timeout = '300 ms'; $changes{$what}");
		like($changed, qr/canceling statement due to lock timeout/, "nobody gives a journal $what while apply uses it")
		  if $holds;
		release();
		$running->finish;
		unlike($said, qr/tripped/, "$what that is added meanwhile runs nothing: $call");
	}
}

# The look at what is applied already can be made to wait, by a lock on what it
# looks at.  Then another schema, with another journal, gets the first one's
# name.
for my $case (
	[ 'found by an error', $journal, "SELECT remigrate.apply('m', 'CREATE TABLE t (a int)', 'app')" ],
	[ 'claimed', "$journal; INSERT INTO _prisma_migrations VALUES ('x', 'remote-migration', now(), 'm', NULL, NULL, now(), 1)",
		"SELECT remigrate.apply('m', 'CREATE TABLE t (a int)', 'app')" ],
	[ 'claimed, by migrate', "$journal; INSERT INTO _prisma_migrations VALUES ('x', 'remote-migration', now(), 'm', NULL, NULL, now(), 1)",
		"CALL remigrate.migrate('m', 'CREATE TABLE t (a int)', 'app')" ],
	[ 'repaired', "$journal; INSERT INTO _prisma_migrations VALUES ('x', 'remote-migration', now(), 'm', NULL, NULL, now(), 1)",
		"SELECT remigrate.stage('m', 'CREATE TABLE t (a int)', 'app'); SELECT * FROM remigrate.repair('app')" ],
	[ 'run', $journal, "SELECT remigrate.apply('m', 'ALTER TABLE t ADD b int', 'app')" ],
	[ 'run, by migrate', $journal, "CALL remigrate.migrate('m', 'ALTER TABLE t ADD b int', 'app')" ])
{
	my ($what, $sql, $call) = @$case;
	prepare("$sql; CREATE TABLE t (a int)");
	$node->safe_psql('postgres', 'CREATE SCHEMA app_evil AUTHORIZATION mallory');
	as('mallory', "SET search_path = app_evil; $journal; INSERT INTO _prisma_migrations VALUES ('x', 'remote-migration', now(), 'm', NULL, NULL, now(), 1); CREATE TRIGGER t BEFORE INSERT OR UPDATE OR DELETE ON _prisma_migrations FOR EACH ROW EXECUTE FUNCTION trap.spring_on_row()");
	hold('mallory', 'LOCK TABLE app.t IN ACCESS EXCLUSIVE MODE');
	my $said = '';
	my $running = start('boss', $call, \$said);
	wait_for("EXISTS (SELECT FROM pg_locks WHERE relation = 'app.t'::regclass AND NOT granted)");
	unlike(as('mallory', 'ALTER SCHEMA app RENAME TO app_good; ALTER SCHEMA app_evil RENAME TO app'), qr/ERROR/,
		'a schema is replaced');
	release();
	$running->finish;
	unlike($said, qr/tripped/, "... and its journal runs nothing for what is $what");
	is($node->safe_psql('postgres', "SELECT count(*) FROM app._prisma_migrations WHERE checksum <> 'remote-migration' OR rolled_back_at IS NOT NULL"),
		0, '... nor is anything written there');
}

$node->stop;
done_testing();
