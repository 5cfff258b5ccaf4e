# Through PgBouncer in transaction mode, where each statement may come to
# another connection, and each connection serves many clients.

use strict;
use warnings;

use File::Temp qw(tempdir);
use IPC::Run qw(start kill_kill);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);

use Deployment;

my ($pgbouncer) = grep { -x } map { "$_/pgbouncer" } split(/:/, $ENV{PATH}), '/usr/sbin';
plan skip_all => 'no pgbouncer here' unless $pgbouncer;

my $node = PostgreSQL::Test::Cluster->new('pooled');
$node->init;
$node->append_conf('postgresql.conf', "shared_buffers = 16MB");
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION remigrate; CREATE SCHEMA other');

my $folder = tempdir(CLEANUP => 1);
my $port = PostgreSQL::Test::Cluster::get_free_port();
my $user = $node->safe_psql('postgres', 'SELECT current_user');
append_to_file("$folder/pgbouncer.ini", sprintf q{[databases]
postgres = host=%s port=%s user=%s
[pgbouncer]
unix_socket_dir = %s
listen_port = %s
auth_type = any
pool_mode = transaction
default_pool_size = 3
max_client_conn = 100
server_reset_query =
logfile = %s/pgbouncer.log
}, $node->host, $node->port, $user, $folder, $port, $folder);
my $output = '';
my $pool = start([ $pgbouncer, "$folder/pgbouncer.ini" ], '<', \undef, '>&', \$output);

# What start_psql and psql need of a node.
{
	package Pool;
	sub connstr { return "host=$folder port=$port user=client dbname=$_[1]" }
}
my $pooled = bless {}, 'Pool';

sub query
{
	my $psql = start_psql($pooled, 'postgres', @_);
	return finish_psql($psql) ? $psql->{out} =~ s/\n\z//r : $psql->{err};
}

for (1 .. 600)
{
	last if query('SELECT 1') eq '1';
	sleep 0.1;
}
is(query('SELECT 1'), '1', 'PgBouncer is there') or diag($output, slurp_file("$folder/pgbouncer.log"));

# Each -c is a transaction to PgBouncer, and goes to whichever connection.
is(query(q{SELECT remigrate.apply('1', 'CREATE TABLE a (n int)')}), 'applied', 'apply');
is(query(q{SELECT remigrate.apply('1', decode('Q1JFQVRFIFRBQkxFIGEgKG4gaW50KQ==', 'base64'))}), 'unchanged', '... and once more');
is(query(q{CALL remigrate.migrate('2', 'INSERT INTO a VALUES (1); COMMIT; CREATE INDEX CONCURRENTLY a_n ON a (n); VACUUM a; INSERT INTO a VALUES (2)')},
	q{SELECT count(*) FROM a}), '2', 'migrate');
like(query(q{CALL remigrate.migrate('3', 'SET search_path = other; SET ROLE pg_monitor; SET lock_timeout = 7; SET custom.x = ''y''; RESET ROLE; COMMIT; SELECT 1 / 0')}),
	qr/ERROR:  22012: migration "3" failed at statement 7 of 7 \(line 1\): division by zero/, 'an error after a COMMIT');
for my $n (1 .. 6)
{
	like(query(q{SELECT current_setting('search_path'), current_setting('lock_timeout'), current_user = session_user, coalesce(current_setting('custom.x', true), '')}),
		qr/^"\$user", public\|0\|t\|$/, '... leaves nothing to the next client');
}
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, '... and no lock');
is(query(q{CALL remigrate.migrate('3', 'SET search_path = other; SET ROLE pg_monitor; SET lock_timeout = 7; SET custom.x = ''y''; RESET ROLE; COMMIT; SELECT 1 / 1')},
	q{SELECT state FROM remigrate.status() WHERE migration_name = '3'}), 'applied', '... and it goes on');
like(query(q{BEGIN; CALL remigrate.migrate('4', 'SELECT 1')}), qr/ERROR:  2D000/, 'in a block it is refused');
like(query('SELECT 1; CALL remigrate.deploy()'), qr/ERROR:  2D000/, 'beside another statement, too');

# More deployers than connections: they wait for each other, and for the pool.
is(query(q{SELECT remigrate.stage_all((SELECT jsonb_object_agg('m' || i,
	format('CREATE TABLE m%s (n int); CREATE INDEX CONCURRENTLY ON m%s (n); INSERT INTO a VALUES (%s)', i, i, i)) FROM generate_series(10, 39) i))}), 30, 'stage_all');
my @psql = map { start_psql($pooled, 'postgres', "CALL remigrate.deploy('m15', migration_lock_wait => '2 min')",
		"CALL remigrate.deploy(migration_lock_wait => '2 min')") } 1 .. 8;
is(scalar(grep { finish_psql($_) } @psql), 8, '8 deployers over 3 connections');
is(query(q{SELECT count(*), count(DISTINCT n), (SELECT count(*) FROM pg_index WHERE NOT indisvalid) FROM a WHERE n >= 10}), '30|30|0', '... each migration once');
is(query('SELECT remigrate.require()'), 30, '... which the gate confirms');

# A client that goes away: PgBouncer drops the connection, and the server ends
# what it is at.
my $control = start_idle_psql($node, 'postgres', "SELECT 'held', pg_advisory_lock(1)");
wait_for_output($control, qr/held/);
my $script = q{INSERT INTO a VALUES (100); COMMIT; SELECT pg_advisory_lock_shared(1), pg_advisory_unlock_shared(1); CREATE INDEX CONCURRENTLY a_n2 ON a (n)};
my $lost = start_psql($pooled, 'postgres', "CALL remigrate.migrate('5', '$script', lock_timeout => '0')");
wait_until($node, 'postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND objid = 1");
kill_kill($lost->{handle}, grace => 0);
my $next = start_psql($pooled, 'postgres', "CALL remigrate.migrate('5', '$script', lock_timeout => '0', migration_lock_wait => '2 min')");
wait_until($node, 'postgres', "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted");
finish_psql($control);
ok(finish_psql($next), 'a client is lost: the next call waits for what it has begun');
is(query(q{SELECT state, (SELECT count(*) FROM a WHERE n = 100), (SELECT indisvalid FROM pg_index WHERE indexrelid = 'a_n2'::regclass) FROM remigrate.status() WHERE migration_name = '5'}), 'applied|1|t', '... and all is done, once')
  or diag($next->{err});

kill_kill($pool, grace => 5);
$node->stop;
done_testing();
