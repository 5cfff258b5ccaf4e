# Sixteen deployers at once over two hundred migrations: each migration runs
# exactly once, and every deployer is told that all went well.  Two schemas
# at once, and who is in the way.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Deployment;

my $deployers = 16;
my $count = 200;

my $node = PostgreSQL::Test::Cluster->new('deployers');
$node->init;
$node->append_conf('postgresql.conf', "max_connections = 40\nshared_buffers = 32MB");
$node->start;
$node->safe_psql('postgres', qq{
	CREATE EXTENSION remigrate;
	CREATE TABLE ran (n serial, name text, pid int DEFAULT pg_backend_pid());
	CREATE PROCEDURE others_wait() LANGUAGE plpgsql AS \$\$
		BEGIN
			WHILE (SELECT count(*) FROM remigrate.activity WHERE activity = 'waits') < $deployers - 1 LOOP
				PERFORM pg_sleep(0.02);
			END LOOP;
		END \$\$;
	CALL remigrate.migrate('m000', '');
	SELECT remigrate.stage_all(jsonb_object_agg('m' || to_char(i, 'FM000'),
		CASE WHEN i = 1 THEN 'CALL others_wait(); ' ELSE '' END || CASE i % 4
		WHEN 0 THEN format('INSERT INTO ran (name) VALUES (%L); CREATE TABLE t%s (a int); CREATE INDEX CONCURRENTLY ON t%s (a)', 'm' || to_char(i, 'FM000'), i, i)
		WHEN 1 THEN format('INSERT INTO ran (name) VALUES (%L); COMMIT; CREATE TABLE t%s (a int)', 'm' || to_char(i, 'FM000'), i)
		ELSE format('CREATE TABLE t%s (a int); INSERT INTO ran (name) VALUES (%L)', i, 'm' || to_char(i, 'FM000')) END))
	FROM generate_series(1, $count) i;
});

# The first one, who has a quarter of the way to go, stays in its first
# migration until all others wait for it.  They go up in steps, so that they
# get in each other's way all along.
my @psql = start_psql($node, 'postgres', "CALL remigrate.deploy('m050')");
wait_until($node, 'postgres', q{SELECT EXISTS (SELECT FROM remigrate.activity WHERE activity = 'holds')});
for my $i (2 .. $deployers)
{
	my @steps = grep { $_ % (5 + $i) == 0 } 1 .. $count;
	my @calls = map { sprintf "CALL remigrate.deploy('m%03d', migration_lock_wait => '3 min')", $_ } @steps;
	push @psql, start_psql($node, 'postgres', @calls,
		"CALL remigrate.deploy(migration_lock_wait => '3 min')");
}
is(scalar(grep { finish_psql($_) } @psql), $deployers, "$deployers deployers end well");
unlike(join('', map { $_->{err} } @psql), qr/ERROR|WARNING/, 'without an error or a warning');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT name) FROM ran'),
	"$count|$count", 'each migration was run exactly once');
is($node->safe_psql('postgres', 'SELECT bool_and(a.name < b.name) FROM ran a JOIN ran b ON b.n = a.n + 1'),
	't', 'in their order');
cmp_ok($node->safe_psql('postgres', 'SELECT count(DISTINCT pid) FROM ran'), '>', 1,
	'by more than one of them');
is($node->safe_psql('postgres', 'SELECT count(*), count(DISTINCT migration_name), count(finished_at), count(rolled_back_at) FROM _prisma_migrations'),
	join('|', $count + 1, $count + 1, $count + 1, 0), 'and is in the journal once');
is($node->safe_psql('postgres', "SELECT action, count(*) FROM remigrate.event_log GROUP BY 1"),
	'applied|' . ($count + 1), 'and in the event log');
is($node->safe_psql('postgres', 'SELECT count(*) FROM pg_index WHERE NOT indisvalid'), 0,
	'no index is invalid');
my $notices = join '', map { $_->{err} } @psql;
like($notices, qr/NOTICE:  00000: migration "m004": applied, 3 statements, \d+ ms/, 'a NOTICE says what was done');
is(() = $notices =~ /NOTICE:  00000: migration "m\d+": applied/g, $count, '... once for each');

# Two schemas at once: one waits for the other, and both get there.
$node->safe_psql('postgres', qq{
	CREATE SCHEMA one; CREATE SCHEMA two;
	SELECT remigrate.stage_all(jsonb_object_agg('m' || i, format('CREATE TABLE t%s (a int); CREATE INDEX CONCURRENTLY ON t%s (a)', i, i)), s)
	FROM generate_series(1, 20) i, unnest('{one,two}'::text[]) s GROUP BY s;
});
@psql = map { start_psql($node, 'postgres', "CALL remigrate.deploy(target_schema => '$_')") } qw(one two one two);
is(scalar(grep { finish_psql($_) } @psql), 4, 'two schemas at once, by two deployers each');
for my $schema (qw(one two))
{
	is($node->safe_psql('postgres', "SELECT state, count(*) FROM remigrate.status('$schema') GROUP BY 1"),
		'applied|20', "schema $schema has all of its migrations");
	is($node->safe_psql('postgres', "SELECT count(*) FROM $schema._prisma_migrations"), 20, '... once each');
}

# Who is in the way is named, whichever of the two locks he has.
$node->safe_psql('postgres', "SELECT remigrate.stage('n1', 'SELECT pg_sleep(600)')");
my $holder = start_psql($node, 'postgres', "SET application_name = 'the holder'", 'CALL remigrate.deploy()');
wait_until($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'remigrate: migration \"n1\", statement 1 of 1: SELECT pg_sleep%'");
my $waiter = start_psql($node, 'postgres', "CALL remigrate.deploy(migration_lock_wait => '100 ms')");
ok(!finish_psql($waiter), 'a deployer does not wait for longer than he was told to');
like($waiter->{err}, qr/ERROR:  55P03: deployment of schema "public" was not run: the migration lock is held by pid \d+, "the holder", active for \d+ s; waited \d+\.\d s\n/, '... and names who is in the way');
$waiter = start_psql($node, 'postgres', "SELECT remigrate.apply('n2', 'SELECT 1', migration_lock_wait => '100 ms')");
ok(!finish_psql($waiter), 'nor does apply');
like($waiter->{err}, qr/ERROR:  55P03: migration "n2" was not run: the migration lock is held by pid \d+, "the holder", active/, '... who names him, too');
$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'the holder'");
ok(!finish_psql($holder), 'he is cancelled');
like($holder->{err}, qr/ERROR:  57014: migration "n1" failed at statement 1 of 1 \(line 1\): canceling statement due to user request/, '... and is told so');

my $prisma = start_psql($node, 'postgres', "SET application_name = 'prisma'",
	'SELECT pg_advisory_lock(72707369)', 'SELECT pg_sleep(600)');
wait_until($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND application_name = 'prisma'");
$waiter = start_psql($node, 'postgres', "CALL remigrate.migrate('n2', 'SELECT 1', migration_lock_wait => '100 ms')");
ok(!finish_psql($waiter), 'beside Prisma, too, a deployer does not wait for ever');
like($waiter->{err}, qr/ERROR:  55P03: migration "n2" was not run: the migration lock is held by pid \d+, "prisma", active/, '... and names it');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid <> 72707369"), 0, '... and lets go of his own lock');
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'prisma'");
ok(!finish_psql($prisma), 'it is ended');
is($node->safe_psql('postgres', "CALL remigrate.migrate('n2', 'SELECT 1'); SELECT state FROM remigrate.status() WHERE migration_name = 'n2'"), 'applied', 'and then it goes on');

# Who can't have Prisma's lock back after an index gives up, and keeps nothing.
$node->safe_psql('postgres', 'CREATE TABLE late (a int)');
my $writer = start_idle_psql($node, 'postgres', 'BEGIN', 'INSERT INTO late VALUES (1)', "SELECT 'wrote'");
wait_for_output($writer, qr/wrote/);
$waiter = start_psql($node, 'postgres', '\set ON_ERROR_STOP off',
	"CALL remigrate.migrate('n3', 'CREATE INDEX CONCURRENTLY late_a ON late (a); SELECT 1', migration_lock_wait => '100 ms')",
	"SELECT 'locks: ' || count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()");
wait_until($node, 'postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE 'remigrate: migration \"n3\", statement 1 %' AND wait_event_type = 'Lock'");
$prisma = start_idle_psql($node, 'postgres', 'SELECT pg_advisory_lock(72707369)', "SELECT 'locked'");
wait_for_output($prisma, qr/locked/);
ok(finish_psql($writer), 'the index can be finished');
ok(finish_psql($waiter), '... by who goes on with something else then');
like($waiter->{err}, qr/ERROR:  55P03: migration "n3" cannot go on: the migration lock is held by pid \d+/, '... because he cannot go on');
like($waiter->{out}, qr/^locks: 0$/m, '... and has no lock left');
ok(finish_psql($prisma), 'Prisma ends');
is($node->safe_psql('postgres', "CALL remigrate.migrate('n3', 'CREATE INDEX CONCURRENTLY late_a ON late (a); SELECT 1'); SELECT state FROM remigrate.status() WHERE migration_name = 'n3'"), 'applied', 'and then it goes on');

$node->stop;
done_testing();
