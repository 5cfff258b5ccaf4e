# A deployer is killed at random moments: by SIGKILL, which makes the server
# begin anew, by an immediate stop of the server, and by a request to end.
# The next deployment then makes it what an undisturbed one makes it.
#
# KILLS and SEED in the environment make other moments, and more.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

use Deployment;

my $kills = $ENV{KILLS} || 50;
my $seed = $ENV{SEED} || 1;
srand($seed);

my $node = PostgreSQL::Test::Cluster->new('killed');
$node->init;
$node->append_conf('postgresql.conf', q{
restart_after_crash = on
shared_buffers = 16MB
autovacuum = off
});
$node->start;
$node->safe_psql('postgres', 'CREATE DATABASE history');
stage_history($node, 'history');

sub fresh_database
{
	$node->safe_psql('postgres', 'DROP DATABASE IF EXISTS d');
	$node->safe_psql('postgres', 'CREATE DATABASE d TEMPLATE history');
}

# How it is when nobody disturbs it, and how long that takes
fresh_database();
my $psql = start_psql($node, 'd', 'SELECT pg_backend_pid()', 'CALL remigrate.deploy()');
wait_for_output($psql, qr/\d+\n/);
my $started = time;
ok(finish_psql($psql), 'an undisturbed deployment');
my $duration = time - $started;
my $undisturbed = fingerprint($node, 'd');
is($node->safe_psql('d', 'SELECT n FROM counter'), 1211221, 'did each thing once')
  or diag($undisturbed);

sub wait_for_server
{
	for (1 .. 1800)
	{
		return if $node->psql('postgres', 'SELECT 1', timeout => 10) == 0;
		sleep 0.05;
	}
	die 'the server does not come back';
}

# The server is as before until the postmaster has heard of the death.
sub kill_and_wait
{
	kill 'KILL', $_[0];
	for (1 .. 1800)
	{
		last if !kill 0, $_[0];
		sleep 0.05;
	}
	sleep 0.05;
	wait_for_server();
}

my %disturb = (
	'SIGKILL' => \&kill_and_wait,
	'immediate stop' => sub { $node->stop('immediate'); $node->start },
	'termination' => sub { $node->safe_psql('postgres', "SELECT pg_terminate_backend($_[0])") },
);
my @kinds = sort keys %disturb;

my ($in_time, @resumed) = (0);
for my $n (1 .. $kills)
{
	# Twice in each database, the second time while it goes on.
	my $kind = $kinds[ $n % @kinds ];
	my $delay = rand($duration * 1.05);

	fresh_database() if $n % 2;
	$psql = start_psql($node, 'd', 'SELECT pg_backend_pid()', 'CALL remigrate.deploy()');
	wait_for_output($psql, qr/(\d+)\n/);
	my ($pid) = $psql->{out} =~ /(\d+)/;
	sleep $delay;
	$disturb{$kind}->($pid);
	if (!finish_psql($psql))
	{
		$in_time++;
	}
	elsif ($n % 2 && $delay < $duration)
	{
		# The machine was slower when it was measured.
		$duration = $delay;
	}
	next if $n % 2 && $n < $kills;

	my ($status, $stdout, $stderr) = $node->psql('d', 'CALL remigrate.deploy()');
	my $found = fingerprint($node, 'd');
	my $what = sprintf '%s after %.0f ms (number %d)', $kind, $delay * 1000, $n;
	is($status, 0, "$what: the next deployment ends well") or diag($stderr);
	is($found, $undisturbed, '... and leaves what an undisturbed one does')
	  or diag($stderr, $node->safe_psql('d', 'SELECT action, migration_name, statements, message FROM remigrate.event_log ORDER BY id'));
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, '... and no lock');
}
cmp_ok($in_time, '>', $kills / 5, "$in_time of $kills came in time");

$node->stop;
done_testing();
