# Procedures in a database whose transactions are SERIALIZABLE by default:
# their own are not, and say so before their first snapshot.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Deployment;

my $node = PostgreSQL::Test::Cluster->new('defaults');
$node->init;
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION remigrate;
	CREATE TABLE t (a int);
	SELECT remigrate.apply('first', 'SELECT 1');
	ALTER DATABASE postgres SET default_transaction_isolation = 'serializable';
});

# What a call says, on both channels
sub ask
{
	my ($status, $stdout, $stderr) = $node->psql('postgres', $_[0]);
	return $stdout . $stderr;
}

sub state_of
{
	return $node->safe_psql('postgres',
		"SELECT state FROM remigrate.status() WHERE migration_name = '$_[0]'");
}

# A failure that has a blocker to look for
{
	my ($in, $out, $err) = ('', '', '');
	my $holder = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
			'BEGIN; LOCK TABLE t; SELECT pg_sleep(600)' ],
		'<', \$in, '>', \$out, '2>', \$err);
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_locks
		WHERE relation = 't'::regclass AND mode = 'AccessExclusiveLock'");
	my $answer = ask("CALL remigrate.migrate('blocked', 'ALTER TABLE t ADD b int', lock_timeout => '500 ms')");
	like($answer, qr/ERROR:  migration "blocked" failed at .*, blocked by pid \d+/, 'a blocker is named');
	unlike($answer, qr/WARNING/, '... and the failure recorded');
	is(state_of('blocked'), 'rolled_back', '... as rolled back');
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%'");
	$holder->finish;
}

# A time limit that ends before migration_lock_wait does: who waits gives up
# in time to say what for.
my @limits = ('statement_timeout');
push @limits, 'transaction_timeout' if $node->safe_psql('postgres', 'SHOW server_version_num') >= 170000;
my $control = start_idle_psql($node, 'postgres', "SELECT 'held', pg_advisory_lock(72707369)");
wait_for_output($control, qr/held/);
for my $limit (@limits)
{
	$node->safe_psql('postgres', "ALTER DATABASE postgres SET $limit = '500 ms'");
	like(ask("CALL remigrate.migrate('waits', 'SELECT 1')"),
		qr/ERROR:  migration "waits" was not run: the migration lock is held by pid \d+.*; waited 0\.\d s\nHINT:  .* time limit/,
		"$limit: who holds the lock is named");
	is(ask("BEGIN ISOLATION LEVEL READ COMMITTED; SELECT remigrate.apply('waits', 'SELECT 1')") =~ /the migration lock is held by pid/, 1,
		'... by apply, too');
	$node->safe_psql('postgres', "ALTER DATABASE postgres RESET $limit");
}
finish_psql($control);

# One that nobody blocks, and success
like(ask("CALL remigrate.migrate('failing', 'SELECT 1/0')"), qr/^psql:<stdin>:1: ERROR:  migration "failing" failed at [^\n]*division by zero$/,
	'a failure');
is(state_of('failing'), 'rolled_back', '... is recorded');
like(ask("CALL remigrate.migrate('steps', 'CREATE TABLE s (); COMMIT; CREATE INDEX CONCURRENTLY ON t (a)')"),
	qr/NOTICE:  migration "steps": applied, /, 'a migration in several transactions');
is(ask("SELECT remigrate.stage('staged', 'CREATE TABLE u ()')"), 'staged', 'stage');
is(ask('CALL remigrate.reconcile()') =~ s/, \d+ ms//r, 'psql:<stdin>:1: NOTICE:  migration "staged": applied, 1 statement',
	'reconcile');
is(ask("SELECT remigrate.stage('tomorrow', 'CREATE TABLE v ()')"), 'staged', 'stage');
like(ask("CALL remigrate.deploy()"), qr/NOTICE:  migration "tomorrow": applied, /, 'deploy');
like(ask("SELECT remigrate.apply('m', 'SELECT 1')"), qr/ERROR:  remigrate.apply needs the isolation level READ COMMITTED/,
	'apply, which has no transaction of its own');

$node->stop;
done_testing();
