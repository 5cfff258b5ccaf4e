# reconcile, run after run: what it tries again and how often, what it holds
# and until when, and that it does not say the same thing twice.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('reconcile');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 5');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION remigrate');

sub sql
{
	my ($sql) = @_;
	my ($status, $out, $err) = $node->psql('postgres', $sql, on_error_stop => 0);
	$err =~ s/^psql:<stdin>:\d+: //mg;
	return join("\n", grep { $_ ne '' } $out, $err);
}

sub value
{
	return $node->safe_psql('postgres', shift);
}

sub fresh
{
	value('SET client_min_messages = error; DROP SCHEMA IF EXISTS app CASCADE; DELETE FROM remigrate.registry; TRUNCATE remigrate.event_log; CREATE SCHEMA app');
	return;
}

sub reconcile
{
	return sql('SET client_min_messages = warning; SET remigrate.lock_timeout = \'50 ms\'; CALL remigrate.reconcile()');
}

# Journal rows and events of migration m
sub records
{
	return value("SELECT (SELECT count(*) FROM app._prisma_migrations WHERE migration_name = 'm') || ' rows, ' || (SELECT count(*) FROM remigrate.event_log WHERE migration_name = 'm') || ' events'");
}

sub state_of
{
	my ($name) = @_;
	return value("SELECT state FROM remigrate.status('app') WHERE migration_name = '$name'");
}

# --- Held after one try -------------------------------------------------------

my $warning = qr/WARNING:  1 migration is held: "app": migration "m" failed at statement 2 of 2 \(line 1\): division by zero\nHINT:  Correct the migration and stage it again, resolve it, or deploy it by hand\./;
fresh();
sql("SELECT remigrate.stage_all('{\"l\": \"CREATE TABLE l ()\", \"m\": \"CREATE TABLE m (); SELECT 1 / 0\", \"n\": \"CREATE TABLE n ()\"}', 'app')");
like(reconcile(), qr/\A$warning\z/, 'a failing migration is said to be held, and that is all that is said');
is(state_of('m'), 'held', '... and is');
is(records(), '1 rows, 1 events', '... with one row and one event');
is(state_of('l') . ' ' . state_of('n'), 'applied pending', '... after those before it, and before those after it');
for my $run (2 .. 4)
{
	like(reconcile(), qr/\A$warning\z/, "run $run says the same");
}
is(records(), '1 rows, 1 events', '... and leaves no more on record');
is(value('SELECT attempts FROM remigrate.registry WHERE migration_name = \'m\''), 1, '... nor tries it again');
like(sql("\\set VERBOSITY sqlstate\nCALL remigrate.reconcile()"), qr/RM005/, 'the warning has its SQLSTATE');
like(sql("CALL remigrate.reconcile('app')"), $warning, 'one schema alone');
like(sql("CALL remigrate.reconcile('nowhere')"), qr/\AWARNING:  could not reconcile "nowhere": target schema "nowhere" does not exist\z/, 'one that is not there');
is(sql("CALL remigrate.reconcile('public')"), '', 'one with nothing staged says nothing');

# --- Until somebody does something ----------------------------------------------

my %releases = (
	'staged anew' => [ "SELECT remigrate.stage('m', 'CREATE TABLE m ()', 'app')", 'applied', 'applied' ],
	'staged anew as it was' => [ "SELECT remigrate.unstage('m', 'app'); SELECT remigrate.stage('m', 'CREATE TABLE m (); SELECT 1 / 0', 'app')", 'held', 'pending' ],
	'resolved as rolled back' => [ "SELECT remigrate.resolve('m', 'rolled_back', target_schema => 'app')", 'held', 'pending' ],
	'resolved as applied' => [ "SELECT remigrate.resolve('m', 'applied', target_schema => 'app')", 'applied', 'applied' ],
	'deployed by hand, as another script' => [ "CALL remigrate.migrate('m', 'CREATE TABLE m ()', 'app')", 'applied', 'applied' ],
	'deployed by hand, after what was wrong is right' => [ "UPDATE app.divisor SET by = 1; CALL remigrate.deploy(target_schema => 'app')", 'applied', 'applied' ],
	'deployed by hand, in vain' => [ "CALL remigrate.deploy(target_schema => 'app')", 'held', 'pending' ],
	'unstaged' => [ "SELECT remigrate.unstage('m', 'app')", 'rolled_back', 'applied' ],
	'nothing' => [ 'SELECT 1', 'held', 'pending' ]);
for my $how (sort keys %releases)
{
	my ($sql, $state, $next) = @{ $releases{$how} };
	fresh();
	value('CREATE TABLE app.divisor AS SELECT 0 AS by');
	value("SELECT remigrate.apply('0', 'SELECT 1', 'app')");
	my $division = $how =~ /is right/ ? '(SELECT by FROM divisor)' : '0';
	sql("SELECT remigrate.stage_all('{\"m\": \"CREATE TABLE m (); SELECT 1 / $division\", \"n\": \"CREATE TABLE n ()\"}', 'app')");
	reconcile();
	is(state_of('m'), 'held', 'held');
	sql($sql);
	reconcile();
	is(state_of('m') . ', ' . state_of('n'), "$state, $next", "... and then: $how");
}

# A part of it stays: the record tells where to go on, when it is staged anew.
fresh();
sql("SELECT remigrate.stage('m', 'CREATE TABLE m (); COMMIT; SELECT 1 / 0', 'app')");
reconcile() for 1 .. 3;
is(state_of('m'), 'held', 'one of which a part remains is held');
is(records(), '1 rows, 2 events', '... with one row, and one event besides what repair has found');
sql("SELECT remigrate.stage('m', 'CREATE TABLE m (); COMMIT; SELECT 1', 'app')");
is(reconcile(), '', 'the rest of it runs when it was corrected');
is(state_of('m'), 'applied', '... and it is applied');

# --- Tried again ---------------------------------------------------------------------

# Who holds the lock is a prepared transaction, which needs no session.
fresh();
value("SELECT remigrate.apply('0', 'CREATE TABLE t ()', 'app')");
value("BEGIN; LOCK TABLE app.t; PREPARE TRANSACTION 'holder'");
sql("SELECT remigrate.stage('m', 'ALTER TABLE t ADD a int', 'app'); SELECT remigrate.stage('n', 'CREATE TABLE n ()', 'app')");
is(reconcile(), '', 'a lock time-out is nothing to speak of');
is(value("SELECT concat_ws(' ', held, attempts, last_sqlstate) FROM remigrate.registry WHERE migration_name = 'm'"), 'f 1 55P03', '... but counts');
is(reconcile(), '', 'the next run comes too early');
is(value("SELECT attempts FROM remigrate.registry WHERE migration_name = 'm'"), 1, '... and does not try');
my @waits;
for my $try (1 .. 8)
{
	push @waits, value("SELECT round(extract(epoch FROM next_attempt_at - clock_timestamp()) / 60) FROM remigrate.registry WHERE migration_name = 'm'");
	value("UPDATE remigrate.registry SET next_attempt_at = clock_timestamp() - interval '1 s' WHERE migration_name = 'm'");
	reconcile();
}
is("@waits", '1 2 4 8 16 32 60 60', 'it waits twice as long each time, and an hour at the most');
is(value("SELECT attempts FROM remigrate.registry WHERE migration_name = 'm'"), 9, '... as often as it was tried');
is(records(), '1 rows, 1 events', '... with one row and one event');
is(state_of('m') . ' ' . state_of('n'), 'rolled_back pending', '... and those after it wait for it');
value("COMMIT PREPARED 'holder'");
is(reconcile(), '', 'when the lock is gone, it still waits its time');
is(state_of('m'), 'rolled_back', '... untried');
value("UPDATE remigrate.registry SET next_attempt_at = clock_timestamp() - interval '1 s' WHERE migration_name = 'm'");
is(reconcile(), '', 'then it is tried');
is(state_of('m') . ' ' . state_of('n'), 'applied applied', '... and applied, and the next one, too');
is(value("SELECT concat_ws(' ', held, attempts, next_attempt_at, last_sqlstate, last_error) FROM remigrate.registry WHERE migration_name = 'm'"), 'f 0', '... and nothing is left of the tries');

# A hand is not bound by the wait.
fresh();
value("SELECT remigrate.apply('0', 'CREATE TABLE t ()', 'app')");
value("BEGIN; LOCK TABLE app.t; PREPARE TRANSACTION 'holder'");
sql("SELECT remigrate.stage('m', 'ALTER TABLE t ADD a int', 'app')");
reconcile();
value("COMMIT PREPARED 'holder'");
sql("CALL remigrate.deploy(target_schema => 'app')");
is(state_of('m'), 'applied', 'a deploy by hand does not wait');

# What else may pass, and what not. Those of them that end the statement that
# they happen to end the run, on record.
my %errors = (
	'40001' => 'f', '40P01' => 'f', '55P03' => 'f', '57014' => 'f', '53100' => 'f', '53200' => 'f', '08006' => 'f',
	'23505' => 't', '42P01' => 't', '22012' => 't', '42501' => 't', 'P0001' => 't', '25P02' => 't', 'XX000' => 't', '0A000' => 't');
for my $sqlstate (sort keys %errors)
{
	fresh();
	sql("SELECT remigrate.stage('m', \$\$DO 'BEGIN RAISE SQLSTATE ''$sqlstate''; END'\$\$, 'app')");
	reconcile();
	is(value("SELECT concat_ws(' ', held, attempts, last_sqlstate) FROM remigrate.registry WHERE migration_name = 'm'"),
		"$errors{$sqlstate} 1 $sqlstate", "$sqlstate is " . ($errors{$sqlstate} eq 't' ? 'held' : 'tried again'));
}

# --- Several schemas -------------------------------------------------------------------

fresh();
value('CREATE SCHEMA b_strange; CREATE TABLE b_strange.t (); CREATE SCHEMA c_gone; CREATE SCHEMA d_good; CREATE SCHEMA e_hostile; CREATE TABLE e_hostile._prisma_migrations (); CREATE SCHEMA f_forgotten; CREATE SCHEMA g_good');
value("SELECT remigrate.stage('1', 'CREATE TABLE one ()', s) FROM unnest('{app,b_strange,c_gone,d_good,f_forgotten,g_good}'::text[]) s");
value("CALL remigrate.deploy(target_schema => 'f_forgotten')");
value("SELECT remigrate.stage('2', 'CREATE TABLE two ()', 'f_forgotten'); DELETE FROM f_forgotten._prisma_migrations; DROP TABLE f_forgotten.one");
value("SELECT remigrate.stage('1', 'SELECT 1 / 0', 'app'); INSERT INTO remigrate.registry SELECT 'e_hostile', migration_name, checksum, state, held, staged_at, staged_by FROM remigrate.registry WHERE target_schema = 'd_good'; DROP SCHEMA c_gone");
my $said = reconcile();
my $one = qr/1 migration is held: "app": migration "1" failed at statement 1 of 1 \(line 1\): division by zero/;
like($said, qr/\AWARNING:  $one; "b_strange": schema "b_strange" has tables but no journal: [^;]*; "c_gone": target schema "c_gone" does not exist; "e_hostile": cannot use the journal e_hostile._prisma_migrations: it lacks columns [^;]*; "f_forgotten": migration "1" was applied in schema "f_forgotten", but the journal does not show it any more\nHINT:/,
	'each schema\'s trouble is in the one warning');
is(value("SELECT string_agg(target_schema || ' ' || state, ', ' ORDER BY target_schema) FROM remigrate.registry WHERE migration_name = '1' AND target_schema ~ 'good'"),
	'd_good applied, g_good applied', '... and keeps no other schema waiting');
is(value("SELECT to_regclass('f_forgotten.one') IS NULL AND to_regclass('f_forgotten.two') IS NULL"), 't', 'what the journal forgot is not done again');
value("SET client_min_messages = error; SELECT remigrate.resolve('1', 'applied', target_schema => 'f_forgotten'); DROP TABLE e_hostile._prisma_migrations; DELETE FROM remigrate.registry WHERE target_schema IN ('b_strange', 'c_gone')");
like(reconcile(), qr/\AWARNING:  $one\nHINT:.*\z/, 'what was put right goes on');
is(value("SELECT to_regclass('e_hostile.one') IS NOT NULL AND to_regclass('f_forgotten.two') IS NOT NULL"), 't', '... at the next run');

# --- Out of time --------------------------------------------------------------------

fresh();
value('CREATE SCHEMA after');
value("SELECT remigrate.stage('m', 'SELECT pg_sleep(60)', 'app'), remigrate.stage('m', 'CREATE TABLE m ()', 'after')");
is(sql("SET client_min_messages = warning; SET statement_timeout = '2s'; CALL remigrate.reconcile()"), '',
	'a statement that takes too long is tried again later');
is(value("SELECT string_agg(concat_ws(' ', target_schema, state, last_sqlstate, attempts), ', ' ORDER BY target_schema) FROM remigrate.registry"),
	'after applied 0, app pending 57014 1', '... and keeps no other schema waiting');
value('DROP SCHEMA after CASCADE');

# --- In the way -----------------------------------------------------------------------------

fresh();
value("SELECT remigrate.apply('0', 'SELECT 1', 'app'); INSERT INTO app._prisma_migrations VALUES ('p', 'x', NULL, 'prisma''s', NULL, NULL, now(), 0)");
sql("SELECT remigrate.stage('m', 'CREATE TABLE m ()', 'app')");
like(reconcile(), qr/WARNING:  1 migration is held: "app": migration "m" was not run: migration "prisma's" failed before it and is not resolved/,
	'a migration that Prisma has left unfinished is in the way');
# A busy migration lock is an error of the run, and nobody's fault.
fresh();
sql("SELECT remigrate.stage('m', 'CREATE TABLE m ()', 'app')");
value("BEGIN; SELECT pg_advisory_xact_lock(72707369); PREPARE TRANSACTION 'holder'");
like(sql("SET remigrate.migration_lock_wait = '100 ms'; CALL remigrate.reconcile()"), qr/ERROR:  reconciliation was not run: the migration lock is held by a prepared transaction/,
	'a busy migration lock is an error');
is(value("SELECT concat_ws(' ', held, attempts) FROM remigrate.registry"), 'f 0', '... that counts for no migration');
value("ROLLBACK PREPARED 'holder'");
is(reconcile(), '', 'the next run goes on');
is(state_of('m'), 'applied', '... where nothing was done yet');

$node->stop;
done_testing();
