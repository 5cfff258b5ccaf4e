# Scenarios of test/e2e/prisma: Prisma and remigrate at the same time.
use strict;
use warnings;
use utf8;
use JSON::PP;
use Project;
use Scenarios;

my $waits_for_lock = q{EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory'
	AND objid = 72707369 AND NOT granted
	AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))};

scenario 'Prisma deploys while remigrate holds the lock' => sub {
	my ($p) = @_;
	my ($name) = first($p, 1);
	my $apply = $p->apply_call($name);
	my $holder = $p->begin(sub { ($p->psql(<<SQL))[0] });
BEGIN;
$apply;
DO \$\$ BEGIN FOR i IN 1 .. 600 LOOP EXIT WHEN $waits_for_lock; PERFORM pg_sleep(0.1); END LOOP; END \$\$;
COMMIT;
SQL
	$p->until_true('EXISTS (SELECT FROM remigrate.activity)');
	$p->like($p->prisma(qw(migrate deploy)), qr/^No pending migrations to apply\.$/m,
		'Prisma waits, and finds it done');
	$p->wait_for($holder);
	$p->agrees;
};

scenario 'Prisma waits too long' => sub {
	my ($p) = @_;
	my ($name) = first($p, 1);
	my $holder = $p->sleeper($p->apply_call($name));
	my $said = $p->prisma(qw(migrate deploy));
	$p->like($said, qr/^Error: P1002\n/m, 'it gives up with P1002');
	$p->end_sleeper($holder);
	$p->like($p->prisma(qw(migrate deploy)), qr/successfully applied/, 'and deploys later');
	$p->agrees;
};

scenario 'remigrate deploys while Prisma does' => sub {
	my ($p) = @_;
	first($p, 2);
	my $gate = $p->sleeper('SELECT pg_advisory_lock(42)');
	$p->migration($email, "SELECT pg_advisory_xact_lock(42);\n$step{$email}[0]");
	my $prisma = $p->begin(sub { $p->prisma(qw(migrate deploy)) });
	$p->until_true(q{EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory'
		AND objid = 42 AND NOT granted)});
	$p->like($p->error_of($p->migrate_call($email, "migration_lock_wait => '100ms'")),
		qr/the migration lock is held by pid \d+/, 'it says who is in the way');
	my $waiting = $p->begin(
		sub { ($p->psql($p->migrate_call($email, "migration_lock_wait => '2min'")))[0] });
	$p->until_true(q{EXISTS (SELECT FROM remigrate.activity WHERE activity = 'waits')});
	$p->end_sleeper($gate);
	$p->like($p->wait_for($prisma), qr/successfully applied/, 'Prisma finishes');
	$p->like($p->wait_for($waiting), qr/: unchanged/, 'and remigrate finds it done');
	$p->agrees;
};

scenario 'Prisma deploys during CONCURRENTLY' => sub {
	my ($p) = @_;
	first($p, 3);
	$p->migrate($_) for $init, $email;
	my $writer = $p->sleeper('LOCK TABLE "User" IN ROW EXCLUSIVE MODE');
	my $building = $p->begin(
		sub { ($p->psql($p->migrate_call($name_index, "lock_timeout => '0'")))[0] });
	$p->until_true(q{EXISTS (SELECT FROM pg_stat_progress_create_index
		WHERE datname = current_database())});
	$p->like($p->prisma(qw(migrate deploy)), qr/^Error: P3009\n/m, 'Prisma stops with P3009');
	$p->end_sleeper($writer);
	$p->like($p->wait_for($building), qr/: applied/, 'and the index is built');
	$p->up_to_date;
};

1;
