# A deployment is interrupted at every one of its statements, and goes on from
# there with the next call: cancelled, out of its time, ended, or with nobody
# to tell any more.

use strict;
use warnings;

use IPC::Run qw(kill_kill);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);

use Deployment;

my $node = PostgreSQL::Test::Cluster->new('cancelled');
$node->init;
$node->append_conf('postgresql.conf', "shared_buffers = 16MB\nautovacuum = off");
$node->start;
$node->safe_psql('postgres', q{CREATE DATABASE history});
$node->safe_psql('history', q{
	CREATE EXTENSION remigrate;
	-- Waits while the test holds advisory lock k; the index function, too.
	CREATE FUNCTION wait_for(k int) RETURNS void LANGUAGE sql AS $$ SELECT pg_advisory_lock_shared(k), pg_advisory_unlock_shared(k) $$;
	CREATE FUNCTION waiting(i int, k int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS $$ BEGIN
		IF i = 500 THEN PERFORM pg_advisory_xact_lock_shared(k); END IF; RETURN i;
	END $$;
	SELECT remigrate.stage_all(jsonb_build_object(
		'1', 'CREATE TABLE counter (n int); INSERT INTO counter VALUES (0); CREATE TABLE a (i int); INSERT INTO a SELECT generate_series(1, 1000)',
		'2', 'UPDATE counter SET n = n + 1; SELECT wait_for(1); COMMIT; UPDATE counter SET n = n + 1; SELECT wait_for(2)',
		'3', 'UPDATE counter SET n = n + 10; CREATE INDEX CONCURRENTLY a_i ON a (waiting(i, 3)); UPDATE counter SET n = n + 10',
		'4', 'UPDATE counter SET n = n + 100; CREATE UNIQUE INDEX CONCURRENTLY a_i2 ON a (i, waiting(i, 4)); SELECT wait_for(5); DROP INDEX CONCURRENTLY a_i; UPDATE counter SET n = n + 100; SELECT wait_for(6)',
		'5', 'VACUUM a; CREATE TYPE e AS ENUM (''a''); COMMIT; ALTER TYPE e ADD VALUE ''b''; CREATE TABLE t AS SELECT ''b''::e, wait_for(7)::text; UPDATE counter SET n = n + 1000',
		'6', 'BEGIN ISOLATION LEVEL REPEATABLE READ; UPDATE counter SET n = n + 10000; SELECT wait_for(8); COMMIT; SELECT wait_for(9); UPDATE counter SET n = n + 10000'));
});
my $points = 9;

sub fresh_database
{
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS d (FORCE)');
	$node->safe_psql('postgres', 'CREATE DATABASE d TEMPLATE history');
}

fresh_database();
my $started = time;
$node->safe_psql('d', 'CALL remigrate.deploy()');
my $duration = time - $started;
my $undisturbed = fingerprint($node, 'd');
is($node->safe_psql('d', 'SELECT n FROM counter'), 21222, 'an undisturbed deployment');

my $journal = q{SELECT migration_name, applied_steps_count, rolled_back_at IS NOT NULL, logs
	FROM _prisma_migrations WHERE finished_at IS NULL ORDER BY started_at DESC LIMIT 1};

# What is on record after the first interruption at each point: done in a
# transaction of its own, a migration leaves nothing.
my %recorded = (
	1 => '2|0|t', 2 => '2|3|f', 3 => '3|1|f', 4 => '4|1|f', 5 => '4|2|f',
	6 => '4|4|f', 7 => '5|4|f', 8 => '6|0|t', 9 => '6|4|f');

# Time enough for any statement that is not kept waiting, on this machine.
my $time_out = int(1000 * (0.5 + 2 * $duration));

my %disturb = (
	'cancelled' => {
		act => sub { $node->safe_psql('d', "SELECT pg_cancel_backend($_[0])") },
		error => qr/ERROR:  57014: migration "\d" failed at statement \d of \d \(line 1\): canceling statement due to user request/,
		leaves_record => 1,
	},
	'out of time' => {
		before => "SET statement_timeout = '${time_out}ms'",
		act => sub { },
		error => qr/ERROR:  57014: migration "\d" failed at statement \d of \d \(line 1\): canceling statement due to statement timeout/,
		leaves_record => 1,
	},
	'out of patience for a lock' => {
		call => "CALL remigrate.deploy(lock_timeout => '200ms')",
		act => sub { },
		error => qr/ERROR:  55P03: migration "\d" failed at statement \d of \d \(line 1\): canceling statement due to lock timeout, blocked by pid \d+, "control"/,
		leaves_record => 1,
	},
	'ended' => {
		act => sub { $node->safe_psql('d', "SELECT pg_terminate_backend($_[0], 60000)") },
		error => qr/FATAL:  57P01: terminating connection due to administrator command/,
	},
	'with its client gone' => {
		before => "SET client_connection_check_interval = '50ms'",
		act => sub { kill_kill($_[1]->{handle}, grace => 0) },
	},
);

sub backend
{
	my ($psql) = @_;

	wait_for_output($psql, qr/(\d+)\n/);
	return $psql->{out} =~ /(\d+)/;
}

# Holds one lock, until it is finished; without a snapshot, for which an index
# would wait.
sub hold
{
	my ($point) = @_;
	my $control = start_idle_psql($node, 'd', "SET application_name = 'control'",
		"SELECT 'held', pg_advisory_lock($point)");

	wait_for_output($control, qr/held/);
	return $control;
}

for my $kind (sort keys %disturb)
{
	my $how = $disturb{$kind};
	my $call = $how->{call} // "CALL remigrate.deploy(lock_timeout => '0')";

	fresh_database();
	for my $point (1 .. $points)
	{
		my $control = hold($point);
		my $psql = start_psql($node, 'd', $how->{before} // 'SELECT',
			'SELECT pg_backend_pid()', $call);
		my ($pid) = backend($psql);

		if ($how->{call} || $kind eq 'out of time')
		{
			# It comes by itself.
		}
		else
		{
			wait_until($node, 'd', "SELECT EXISTS (SELECT FROM pg_locks WHERE pid = $pid AND NOT granted AND locktype = 'advisory' AND objid = $point)
				OR NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $pid)");
		}
		$how->{act}->($pid, $psql);
		my $ended_well = eval { finish_psql($psql) };
		wait_until($node, 'd', "SELECT count(*) = 0 FROM pg_stat_activity WHERE pid = $pid");
		finish_psql($control);

		ok(!$ended_well, "$kind at point $point");
		like($psql->{err}, $how->{error}, '... it says so') if $how->{error};
		unlike($psql->{err}, qr/WARNING/, '... and nothing else');
		like($node->safe_psql('d', $journal), qr/^\Q$recorded{$point}\E\|migration "\d" failed at/, '... and it is on record')
		  if $how->{leaves_record};
		is($node->safe_psql('d', 'SELECT count(*) FROM remigrate.event_log e WHERE migration_name > (SELECT max(migration_name) FROM _prisma_migrations)'), 0, '... and it stopped there');
	}
	my ($status, $stdout, $stderr) = $node->psql('d', 'CALL remigrate.deploy()');
	is($status, 0, "$kind: the last call ends well") or diag($stderr);
	(my $found = fingerprint($node, 'd')) =~ s/^journal\|\d\|\w+\|f\|[^|]+\|0\|.*\n//mg;
	is($found, $undisturbed, "$kind: all of it is as if nobody had disturbed it")
	  or diag($node->safe_psql('d', 'SELECT action, migration_name, statements, sqlstate, message FROM remigrate.event_log ORDER BY id'));
}

# Without a look at the connection now and then, the server goes on to the end.
fresh_database();
my $control = hold(3);
my $psql = start_psql($node, 'd', 'SELECT pg_backend_pid()', "CALL remigrate.deploy(lock_timeout => '0')");
my ($pid) = backend($psql);
wait_until($node, 'd', "SELECT count(*) = 1 FROM pg_locks WHERE pid = $pid AND NOT granted AND objid = 3");
kill_kill($psql->{handle}, grace => 0);
my $next = start_psql($node, 'd', 'SELECT pg_backend_pid()', "CALL remigrate.deploy(migration_lock_wait => '3 min')");
backend($next);
finish_psql($control);
ok(finish_psql($next), 'after a lost client the next one waits for the first to end');
is(fingerprint($node, 'd'), $undisturbed, '... and all of it is done, once');
like($node->safe_psql('d', "SELECT string_agg(action, ' ' ORDER BY id) FROM remigrate.event_log WHERE process_id = $pid"),
	qr/^applied applied applied/, '... the one at work by the first');

$node->stop;
done_testing();
