# pg_upgrade: journal, registry, event log, rights, the pg_cron job, staged
# migrations and one that a crash has interrupted, before and after.
#
# The older server is the one below OLD_INSTALL, which `make test-upgrade` sets;
# else the version is the same, and what is tried is the rest of it.

use strict;
use warnings;

use File::Copy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Catalog;
use Deployment;

my $pg_config = $ENV{PG_CONFIG} || 'pg_config';
my ($sharedir, $pkglibdir) = map { chomp(my $folder = `'$pg_config' --$_`); $folder }
  qw(sharedir pkglibdir);
my $cron = -e "$sharedir/extension/pg_cron.control"
  && !($ENV{OLD_INSTALL} && !glob "$ENV{OLD_INSTALL}/pg/share/postgresql/*/extension/pg_cron.control");

sub new_node
{
	my ($name, @install) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, @install);
	# From 18 on a cluster has checksums unless it is told not to.
	$node->init(extra => [ '--encoding=UTF8', '--locale=C',
			$node->pg_version >= 18 ? '--no-data-checksums' : () ]);
	$node->append_conf('postgresql.conf', <<'END' . ($cron ? <<'END' : ''));
fsync = off
max_worker_processes = 20
log_min_messages = warning
END
shared_preload_libraries = 'pg_cron'
cron.database_name = 'shop'
cron.use_background_workers = on
END
	return $node;
}

# --- Before --------------------------------------------------------------------

my $old = new_node('old', $ENV{OLD_INSTALL} ? (install_path => $ENV{OLD_INSTALL}) : ());
$old->start;
$old->safe_psql('postgres', <<'END');
CREATE ROLE owner LOGIN;
CREATE ROLE deployer LOGIN;
CREATE DATABASE shop OWNER owner;
ALTER DATABASE shop SET remigrate.lock_timeout = '60 s';
END
my @as_owner = (extra_params => [ '-U', 'owner' ]);
$old->safe_psql('shop', 'GRANT ALL ON SCHEMA public TO owner');
# Prisma's own rows are there first.
$old->safe_psql('shop', <<'END', @as_owner);
CREATE TABLE _prisma_migrations (
    id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL,
    finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL, logs TEXT,
    rolled_back_at TIMESTAMPTZ, started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0);
CREATE TABLE "User" (id int);
INSERT INTO _prisma_migrations (id, checksum, started_at, migration_name)
VALUES (gen_random_uuid(), encode(sha256('CREATE TABLE "User" (id int)'), 'hex'), now(), '1_prisma');
UPDATE _prisma_migrations SET finished_at = clock_timestamp(), applied_steps_count = 1;
CREATE EXTENSION remigrate;
SELECT remigrate.apply('2_ours', 'ALTER TABLE "User" ADD name text');
INSERT INTO "User" SELECT i, 'name ' || i FROM generate_series(1, 1000) i;
SELECT remigrate.stage('3_interrupted', 'ALTER TABLE "User" ADD age int;
CREATE INDEX CONCURRENTLY "User_name_idx" ON "User" (name);
ALTER TABLE "User" ADD size int;');
SELECT remigrate.stage('4_staged', 'CREATE TABLE "Order" (id int); VACUUM "User"');
CREATE SCHEMA tenant;
SELECT remigrate.apply('1_init', 'CREATE TABLE t (a int)', 'tenant');
SELECT remigrate.stage('2_ours', 'ALTER TABLE t ADD b int', 'tenant');
CREATE SCHEMA broken;
SELECT remigrate.stage('1_fails', 'CREATE TABLE t (a int); COMMIT; SELECT 1 / 0', 'broken');
GRANT USAGE ON SCHEMA remigrate TO deployer;
GRANT EXECUTE ON FUNCTION remigrate.status(text) TO deployer;
GRANT SELECT ON _prisma_migrations TO deployer;
END
if ($cron)
{
	$old->restart;
	$old->safe_psql('shop', 'CREATE EXTENSION pg_cron; GRANT USAGE ON SCHEMA cron TO owner');
	$old->safe_psql('shop', "SELECT remigrate.schedule('0 3 1 1 *')", @as_owner);
}
my (undef, undef, $error) = $old->psql('shop', q{CALL remigrate.deploy(target_schema => 'broken')}, @as_owner);
like($error, qr/ERROR:  migration "1_fails" failed at statement 3 of 3/, 'a migration has failed half-way');

# The index build waits for one who has an older snapshot; the server crashes.
my ($user, $deployer);
{
	local $ENV{PGUSER} = 'owner';
	$user = start_idle_psql($old, 'shop', 'BEGIN ISOLATION LEVEL REPEATABLE READ', q{SELECT 'sees'});
	wait_for_output($user, qr/sees/);
	$deployer = start_psql($old, 'shop', 'CALL remigrate.deploy()');
}
wait_until($old, 'shop', <<'END');
SELECT EXISTS (SELECT FROM remigrate.registry WHERE migration_name = '3_interrupted' AND statement_running = 2)
AND EXISTS (SELECT FROM pg_class WHERE relname = 'User_name_idx')
END
$old->stop('immediate');
finish_psql($_) for $user, $deployer;
$old->start;

my $records = <<'END';
SELECT * FROM remigrate.script ORDER BY 1;
SELECT * FROM remigrate.registry ORDER BY 1, 2;
SELECT * FROM remigrate.event_log ORDER BY id;
SELECT * FROM _prisma_migrations ORDER BY started_at;
SELECT * FROM tenant._prisma_migrations ORDER BY started_at;
SELECT * FROM broken._prisma_migrations ORDER BY started_at;
SELECT * FROM remigrate.status();
SELECT * FROM remigrate.status('tenant');
SELECT * FROM remigrate.status('broken');
SELECT * FROM remigrate.overview ORDER BY 1;
SELECT current_setting('remigrate.lock_timeout');
END
my $jobs = 'SELECT jobid, schedule, command, database, username, active, jobname FROM cron.job';
my $before = $old->safe_psql('shop', $records, @as_owner);
my $indexes = q{SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = '"User"'::regclass};
is($old->safe_psql('shop', $indexes), '"User_name_idx"|f', 'an index build was interrupted');
like($before, qr/3_interrupted\|failed.*4_staged\|pending.*1_fails\|failed/s, 'there is something to lose');
my $jobs_before = $cron && $old->safe_psql('shop', $jobs);
$old->stop;

# --- pg_upgrade ------------------------------------------------------------------

# A server that doesn't have the extension yet.
my $copy = PostgreSQL::Test::Utils::tempdir() . '/server';
{
	local $ENV{PG_CONFIG} = $pg_config;
	system_or_bail('test/server', 'copy', $copy);
}
my $new = new_node('new', install_path => $copy);
my $old_bindir = $ENV{OLD_INSTALL} ? "$ENV{OLD_INSTALL}/bin" : `'$pg_config' --bindir` =~ s/\n//r;
my $folder = PostgreSQL::Test::Utils::tempdir();
my @pg_upgrade = ("$copy/bin/pg_upgrade", '--no-sync', '--old-bindir', $old_bindir, '--new-bindir', "$copy/bin",
	'--old-datadir', $old->data_dir, '--new-datadir', $new->data_dir,
	'--socketdir', PostgreSQL::Test::Utils::tempdir_short());

# From where it may write.
sub pg_upgrade
{
	my ($output, $ok) = ('');
	$ok = IPC::Run::run([ @pg_upgrade, @_ ], '<', \undef, '>&', \$output,
		init => sub { chdir $folder or die "$folder: $!" });
	return ($ok, $output);
}

my ($ok, $output) = pg_upgrade('--check');
ok(!$ok, 'without the extension in the new server pg_upgrade does nothing');
like($output, qr/required libraries.*loadable_libraries\.txt/s, '... and says what it lacks');
my ($list) = glob $new->data_dir . '/pg_upgrade_output.d/*/loadable_libraries.txt';
like(slurp_file($list), qr/could not load library "remigrate"/, '... which is remigrate');

# From 18 on it may lie where the server is told to look for it, as in an
# extension image.
my ($extensions, $libraries);
if ($new->pg_version >= 18)
{
	my $image = PostgreSQL::Test::Utils::tempdir();
	($extensions, $libraries) = ("$image/share/extension", "$image/lib");
	system_or_bail('mkdir', '-p', $extensions, $libraries);
	$new->append_conf('postgresql.conf', <<"END");
extension_control_path = '\$system:$image/share'
dynamic_library_path = '\$libdir:$libraries'
END
}
else
{
	chomp($extensions = `$copy/bin/pg_config --sharedir`);
	$extensions .= '/extension';
	chomp($libraries = `$copy/bin/pg_config --pkglibdir`);
}
copy($_, $extensions) or die "$_: $!" for glob "$sharedir/extension/remigrate*";
copy("$pkglibdir/remigrate.so", $libraries) or die "remigrate.so: $!";
($ok, $output) = pg_upgrade('--check');
ok($ok, 'with the extension there it can') or diag($output);
($ok, $output) = pg_upgrade();
if (!ok($ok, 'pg_upgrade from ' . $old->pg_version . ' to ' . $new->pg_version))
{
	diag($output);
	diag(`tail -n 30 @{[ $new->data_dir ]}/pg_upgrade_output.d/*/log/pg_upgrade_dump_*.log`);
	BAIL_OUT('nothing can be looked at');
}

# --- Afterwards --------------------------------------------------------------------

$new->start;
is($new->safe_psql('shop', $records, @as_owner), $before, 'everything is as it was');
is($new->safe_psql('shop', $indexes), '', '... but for the invalid index, which pg_upgrade leaves behind');
is($new->safe_psql('shop', 'SELECT migration_name FROM remigrate.status()',
		extra_params => [ '-U', 'deployer' ]), "1_prisma\n2_ours\n3_interrupted\n4_staged",
	'... also for those who were let in');

# pg_upgrade hands extensions to the superuser, and nothing else.
$new->safe_psql('postgres', 'CREATE DATABASE fresh OWNER owner');
$new->safe_psql('fresh', <<'END', @as_owner);
CREATE EXTENSION remigrate;
GRANT USAGE ON SCHEMA remigrate TO deployer;
GRANT EXECUTE ON FUNCTION remigrate.status(text) TO deployer;
END
my $superuser = $new->safe_psql('postgres', 'SELECT current_user');
is(difference(catalog_of($new, 'fresh', only => 'remigrate') =~ s/(extension: \S+) owner /$1 $superuser /r,
		catalog_of($new, 'shop', only => 'remigrate')),
	'', 'the extension is what a fresh installation is, but for its owner');

my $prisma = 'SELECT * FROM _prisma_migrations WHERE finished_at IS NOT NULL ORDER BY started_at';
my $finished = $new->safe_psql('shop', $prisma);
is($new->safe_psql('shop', <<'END', @as_owner), <<'END' =~ s/\n\z//r, 'repair finds what is unfinished');
SELECT migration_name, action FROM remigrate.repair();
SELECT migration_name, action FROM remigrate.repair('tenant');
END
3_interrupted|unfinished
END
is($new->safe_psql('shop', <<'END', @as_owner), "4\nage size", 'deploy goes on where the crash was');
CALL remigrate.deploy();
SELECT count(*) FROM remigrate.status() WHERE state = 'applied';
SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
	WHERE attrelid = '"User"'::regclass AND attnum > 2;
END
is($new->safe_psql('shop', $indexes), '"User_name_idx"|t', '... and builds the index');
is($new->safe_psql('shop', "$prisma LIMIT 2"), $finished, "... and leaves the others' rows alone");
is($new->safe_psql('shop', 'SELECT * FROM remigrate.repair()', @as_owner), '', '... so repair finds nothing');
is($new->safe_psql('shop', q{SELECT remigrate.resolve('1_fails', 'rolled_back', target_schema => 'broken')},
		@as_owner), 'rolled_back', 'resolve');

if ($cron)
{
	is($new->safe_psql('shop', $jobs), $jobs_before, "pg_cron's job is there");
	$new->safe_psql('shop', 'ALTER EXTENSION pg_cron UPDATE');
	my $each_second = $new->safe_psql('shop',
		"SELECT extversion !~ '^1\\.[0-4]\\M' FROM pg_extension WHERE extname = 'pg_cron'") eq 't';
	if ($each_second)
	{
		$new->safe_psql('shop', q{SELECT remigrate.schedule('1 second')}, @as_owner);
		ok($new->poll_query_until('shop',
				q{SELECT state = 'applied' FROM remigrate.status('tenant') WHERE migration_name = '2_ours'}),
			'... and runs what is staged');
	}
	is($new->safe_psql('shop', 'SELECT remigrate.unschedule()', @as_owner), 't', '... and is unscheduled');
}
(undef, undef, $error) = $new->psql('shop', 'CALL remigrate.reconcile()', @as_owner);
unlike($error, qr/ERROR/, 'reconcile');
is($new->safe_psql('shop', <<'END', @as_owner), '2', '... has everything that can be applied');
SELECT remigrate.require(ARRAY['1_init', '2_ours'], 'tenant');
END
is($new->safe_psql('shop', <<'END'), "remigrate\n0", 'the superuser updates and drops the extension');
ALTER EXTENSION remigrate UPDATE;
SELECT extname FROM pg_extension WHERE extname = 'remigrate';
DROP EXTENSION remigrate;
SELECT count(*) FROM pg_namespace WHERE nspname = 'remigrate';
END
$new->stop;
done_testing();
