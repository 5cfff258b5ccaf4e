# Out of locks, out of temporary space, and others who meddle with the journal
# while a migration runs: the error is the true one, and the record, too.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Deployment;

my $node = PostgreSQL::Test::Cluster->new('limits');
$node->init;
# The lock table is shared out loosely: it holds some more than that.
$node->append_conf('postgresql.conf', q{
max_locks_per_transaction = 10
max_connections = 10
shared_buffers = 16MB
autovacuum = off
});
$node->start;
$node->safe_psql('postgres', q{
	CREATE EXTENSION remigrate;
	CALL remigrate.migrate('0', 'CREATE TABLE counter (n int); INSERT INTO counter VALUES (0)');
});

sub state_of
{
	return $node->safe_psql('postgres', "SELECT state, attempts, applied_steps_count FROM remigrate.status() WHERE migration_name = '$_[0]'");
}

sub call
{
	my ($sql) = @_;
	my ($status, $stdout, $stderr) = $node->psql('postgres', "\\set VERBOSITY verbose\n$sql");
	return $stderr;
}

sub no_locks
{
	is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, "$_[0]: no lock is left");
}

# Out of locks -----------------------------------------------------------------

my $tables = 3000;
my $many = "DO \$\$ BEGIN FOR i IN 1 .. $tables LOOP EXECUTE format('CREATE TABLE public.locks%s ()', i); END LOOP; END \$\$";
(my $quoted = "UPDATE counter SET n = n + 1; $many; UPDATE counter SET n = n + 1") =~ s/'/''/g;

like(call("SELECT remigrate.apply('1', '$quoted')"),
	qr/ERROR:  53200: migration "1" failed at statement 2 of 3 \(line 1\): out of shared memory\nHINT:  You might need to increase "?max_locks_per_transaction/,
	'apply: out of locks');
is(state_of('1'), '', '... leaves nothing');
like(call("CALL remigrate.migrate('1', '$quoted')"),
	qr/ERROR:  53200: migration "1" failed at statement 2 of 3 \(line 1\): out of shared memory/,
	'migrate: out of locks');
is(state_of('1'), 'rolled_back|1|0', '... is on record');
unlike(call("CALL remigrate.migrate('1', '$quoted')"), qr/WARNING/, '... and another time without a warning');
is($node->safe_psql('postgres', "SELECT n, (SELECT count(*) FROM pg_class WHERE relname LIKE 'locks%') FROM counter"), '0|0', '... and nothing of it is there');
# In smaller portions it works, from where the first portion ended.
$quoted = "UPDATE counter SET n = n + 1; COMMIT; " . join('; COMMIT; ',
	map { my $from = 1 + 50 * $_; my $to = $from + 49;
		"DO \$\$ BEGIN FOR i IN $from .. $to LOOP EXECUTE format(''CREATE TABLE public.locks%s ()'', i); END LOOP; END \$\$" } 0 .. 9);
call("CALL remigrate.migrate('1', '$quoted')");
is(state_of('1'), 'applied|3|1', 'in portions that fit it is applied');
is($node->safe_psql('postgres', "SELECT n, (SELECT count(*) FROM pg_class WHERE relname LIKE 'locks%') FROM counter"), '1|500', '... once');
no_locks('out of locks');

# Out of temporary space ---------------------------------------------------------

my $sorts = 'UPDATE counter SET n = n + 1; COMMIT; UPDATE counter SET n = n + 1; CREATE TABLE sorted AS SELECT i FROM generate_series(1, 200000) i ORDER BY -i';
$node->safe_psql('postgres', "ALTER DATABASE postgres SET temp_file_limit = '1MB'; ALTER DATABASE postgres SET work_mem = '64kB'");
like(call("CALL remigrate.migrate('2', '$sorts')"),
	qr/ERROR:  53400: migration "2" failed at statement 4 of 4 \(line 1\): temporary file size exceeds "?temp_file_limit/,
	'out of temporary space');
is(state_of('2'), 'failed|1|2', '... is on record');
my $build = 'CREATE TABLE big AS SELECT generate_series(1, 200000) AS i; CREATE INDEX CONCURRENTLY big_i ON big (i)';
$node->safe_psql('postgres', "ALTER DATABASE postgres RESET temp_file_limit");
call("CALL remigrate.migrate('2', '$sorts')");
is(state_of('2'), 'applied|1|1', 'with more of it, it goes on');
is($node->safe_psql('postgres', 'SELECT n FROM counter'), 3, '... without doing a thing twice');
# In the middle of an index
$node->safe_psql('postgres', "ALTER DATABASE postgres SET temp_file_limit = '1MB'; ALTER DATABASE postgres SET maintenance_work_mem = '1MB'; ALTER DATABASE postgres SET max_parallel_maintenance_workers = 0");
like(call("CALL remigrate.migrate('3', '$build')"),
	qr/ERROR:  53400: migration "3" failed at statement 2 of 2 \(line 1\): temporary file size exceeds "?temp_file_limit/,
	'out of temporary space in the middle of an index');
is(state_of('3') . ' ' . $node->safe_psql('postgres', "SELECT indisvalid FROM pg_index WHERE indexrelid = 'big_i'::regclass"), 'failed|1|1 f', '... is on record, and leaves an invalid one');
$node->safe_psql('postgres', "ALTER DATABASE postgres RESET ALL");
like(call("CALL remigrate.migrate('3', '$build')"), qr/NOTICE:  00000: migration "3", statement 2 of 2 \(line 1\): index "big_i" is invalid, left by an interrupted build; it is dropped and built anew\n/, 'the next one says that it is built anew');
is(state_of('3') . ' ' . $node->safe_psql('postgres', "SELECT indisvalid FROM pg_index WHERE indexrelid = 'big_i'::regclass"), 'applied|1|1 t', '... and does so');
no_locks('out of temporary space');

# The journal is changed while a migration runs ----------------------------------------

my $script = 'UPDATE counter SET n = n + 1; COMMIT; SELECT pg_advisory_lock_shared(1), pg_advisory_unlock_shared(1); UPDATE counter SET n = n + 1';

sub meddle
{
	my ($name, $change) = @_;
	my $control = start_idle_psql($node, 'postgres', "SELECT 'held', pg_advisory_lock(1)");
	wait_for_output($control, qr/held/);
	my $psql = start_psql($node, 'postgres', "CALL remigrate.migrate('$name', '$script', lock_timeout => '0')");
	wait_until($node, 'postgres', "SELECT count(*) = 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory' AND objid = 1");
	$node->safe_psql('postgres', $change);
	finish_psql($control);
	finish_psql($psql);
	return $psql->{err};
}

like(meddle('4', "DELETE FROM _prisma_migrations WHERE migration_name = '4'"),
	qr/ERROR:  55000: migration "4" could not be recorded as applied: its unfinished journal row was changed or removed meanwhile\n/,
	'its row is deleted meanwhile: an error');
is($node->safe_psql('postgres', "SELECT n, (SELECT count(*) FROM _prisma_migrations WHERE migration_name = '4' AND finished_at IS NOT NULL) FROM counter"),
	'4|0', '... and what is not on record is undone');
like(meddle('5', "UPDATE _prisma_migrations SET rolled_back_at = now() WHERE migration_name = '5'"),
	qr/ERROR:  55000: migration "5" could not be recorded as applied/,
	'its row is marked as rolled back meanwhile: an error');
is($node->safe_psql('postgres', "SELECT n, (SELECT count(*) FROM _prisma_migrations WHERE migration_name = '5' AND finished_at IS NOT NULL) FROM counter"),
	'5|0', '... and what is not on record is undone');
like(meddle('6', "ALTER TABLE _prisma_migrations RENAME TO elsewhere"),
	qr/ERROR:  55000: migration "6" /, 'the journal is renamed meanwhile: an error');
$node->safe_psql('postgres', 'DROP TABLE IF EXISTS _prisma_migrations; ALTER TABLE elsewhere RENAME TO _prisma_migrations');
is($node->safe_psql('postgres', "SELECT n FROM counter"), 6, '... and what is not on record is undone');
is(state_of('6'), 'failed|1|0', '... and the row that is there again tells that it is not done');
call("CALL remigrate.migrate('6', '$script', resume_at => 3)");
is(state_of('6') . ' ' . $node->safe_psql('postgres', "SELECT n FROM counter"), 'applied|1|1 7', 'an operator says where to go on');
no_locks('meddling');

# The extension is dropped meanwhile: it can't be, in use.
like(meddle('7', "SET lock_timeout = '100ms'; DO \$\$ BEGIN DROP EXTENSION remigrate; EXCEPTION WHEN OTHERS THEN NULL; END \$\$"),
	qr/NOTICE:  00000: migration "7": applied|ERROR:  55000: .*the extension "remigrate" is not installed/, 'the extension is dropped meanwhile: it is said');

$node->stop;
done_testing();
