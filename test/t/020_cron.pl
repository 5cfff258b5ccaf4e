# reconcile as pg_cron calls it, with the real pg_cron.
#
# Jobs run at the turn of a minute, or each second since pg_cron 1.5.  All that
# is to be seen is prepared first, and the test waits once.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $share = `"$ENV{PG_CONFIG}" --sharedir` if $ENV{PG_CONFIG};
$share = `pg_config --sharedir` unless $share;
chomp $share;
plan skip_all => 'pg_cron is not installed' unless -e "$share/extension/pg_cron.control";

my $node = PostgreSQL::Test::Cluster->new('cron');
$node->init;
$node->start;

sub sql
{
	my ($sql, $role, $database) = @_;
	my ($status, $out, $err) = $node->psql(
		$database || 'postgres', $sql,
		on_error_stop => 0,
		extra_params => [ '-U', $role || 'boss' ]);
	return join("\n", grep { $_ ne '' } $out, $err);
}

sub value
{
	my ($sql, $database) = @_;
	return $node->safe_psql($database || 'postgres', $sql);
}

value('CREATE ROLE boss SUPERUSER LOGIN; CREATE ROLE deployer LOGIN; CREATE ROLE mallory LOGIN');
value(q{CREATE DATABASE "other 'db"});
for my $database ('postgres', "other 'db")
{
	value('CREATE EXTENSION remigrate; GRANT USAGE ON SCHEMA remigrate TO deployer, mallory; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA remigrate TO deployer, mallory', $database);
}

# --- Where there is none -------------------------------------------------------

like(sql('SELECT remigrate.schedule()'),
	qr/ERROR:  pg_cron is not loaded on this server\nHINT:  Add it to shared_preload_libraries, restart, and CREATE EXTENSION pg_cron; or run CALL remigrate.reconcile\(\) at intervals/,
	'pg_cron that is missing is an error that says what to do');
like(sql('SELECT remigrate.unschedule()'), qr/ERROR:  pg_cron is not loaded/, '... for unschedule, too');

$node->append_conf('postgresql.conf', <<'END');
shared_preload_libraries = 'pg_cron'
cron.database_name = 'postgres'
cron.use_background_workers = on
max_worker_processes = 20
log_min_messages = warning
END
$node->restart;
like(sql('SELECT remigrate.schedule()'),
	qr/ERROR:  pg_cron is not installed in database "postgres"\nHINT:  CREATE EXTENSION pg_cron first/,
	'pg_cron that is only loaded is an error that says what to do');
value('CREATE EXTENSION pg_cron');
my $seconds = value("SELECT extversion !~ '^1\\.[0-4]\\M' FROM pg_extension WHERE extname = 'pg_cron'") eq 't';
my $now = $seconds ? '1 second' : '* * * * *';

# --- schedule and unschedule ---------------------------------------------------

my $jobs = "SELECT string_agg(concat_ws(' ', jobname, schedule, command, database, username, active), '; ' ORDER BY jobid) FROM cron.job";
my $job = sql("SELECT remigrate.schedule()");
like($job, qr/^\d+$/, 'schedule returns the job\'s number');
is(value($jobs), 'remigrate */5 * * * * CALL remigrate.reconcile() postgres boss t', 'the job calls reconcile every five minutes');
is(sql('SELECT remigrate.schedule()'), $job, 'scheduling again changes nothing');
is(sql("SELECT remigrate.schedule('0 3 * * *')"), $job, 'another schedule is the same job\'s');
is(value($jobs), 'remigrate 0 3 * * * CALL remigrate.reconcile() postgres boss t', '... which has it then');
like(sql("SELECT remigrate.schedule('whenever')"), qr/ERROR:  invalid schedule: whenever/, 'what pg_cron can\'t read is its error');
like(sql('SELECT remigrate.schedule(NULL)'), qr/ERROR:  argument "cron_expression" of remigrate.schedule must not be null/, 'no schedule is an error');
is(value($jobs), 'remigrate 0 3 * * * CALL remigrate.reconcile() postgres boss t', '... and changes nothing');
# pg_cron before 1.5 overlooks what follows.
sql("SELECT remigrate.schedule('*/5 * * * *'', ''DROP TABLE x'') --')");
like(value($jobs), qr/ CALL remigrate\.reconcile\(\) postgres boss t$/, 'a schedule is no place for SQL');
is(sql('SELECT remigrate.unschedule()'), 't', 'unschedule says that there was a job');
is(value('SELECT count(*) FROM cron.job'), 0, '... and there is none any more');
is(sql('SELECT remigrate.unschedule()'), 'f', 'unscheduling again says that there was none');

# By role
like(sql('SELECT remigrate.schedule()', 'deployer'), qr/ERROR:  permission denied for schema cron/, 'who may not use pg_cron schedules nothing');
value('GRANT USAGE ON SCHEMA cron TO deployer');
like(sql('SELECT remigrate.schedule()', 'deployer'), qr/^\d+$/, 'who may schedules for himself');
is(sql('SELECT remigrate.unschedule()'), 'f', 'nobody unschedules another\'s job, not even a superuser');
is(value($jobs), 'remigrate */5 * * * * CALL remigrate.reconcile() postgres deployer t', '... which stays');
is(sql('SELECT remigrate.unschedule()', 'deployer'), 't', 'he unschedules it himself');

# In another database
my $error = sql("SELECT remigrate.schedule('$now')", 'boss', "other 'db");
like($error, qr/ERROR:  pg_cron is not installed in database "other 'db" but can be in "postgres"; run there: SELECT/,
	'in another database the error says where to');
my ($statement) = $error =~ /run there: (SELECT .*)$/m;
like(sql($statement), qr/^\d+$/, '... and by which statement, which works');
is(value($jobs), "remigrate in other 'db $now CALL remigrate.reconcile() other 'db boss t", '... and makes the job for that database');
like(sql("SELECT remigrate.schedule('0 3 * * *')"), qr/^\d+$/, 'pg_cron\'s own database can have one besides');
is(value('SELECT count(*) FROM cron.job'), 2, '... which does not take the other\'s place');
sql('SELECT remigrate.unschedule()');

# --- What is to be done ------------------------------------------------------------

my $low = 'CREATE TABLE low_ran AS SELECT current_user AS who';
value(<<'END');
LOAD 'remigrate';
ALTER SYSTEM SET remigrate.lock_timeout = '1 s';
SELECT pg_reload_conf();
CREATE SCHEMA a_bad;
CREATE SCHEMA b_good;
CREATE SCHEMA c_busy;
CREATE TABLE c_busy.locked ();
SELECT remigrate.apply('0', 'SELECT 1', 'c_busy', on_duplicate => 'error');
CREATE SCHEMA d_strange;
CREATE TABLE d_strange.things ();
CREATE SCHEMA e_low;
GRANT ALL ON SCHEMA e_low TO mallory;
CREATE SCHEMA f_last;
END
sql(<<'END');
SELECT remigrate.stage('1', 'CREATE TABLE one (); SELECT 1 / 0', 'a_bad');
SELECT remigrate.stage('2', 'CREATE TABLE two ()', 'a_bad');
SELECT remigrate.stage('1', 'CREATE TABLE one (a int); INSERT INTO one SELECT generate_series(1, 1000)', 'b_good');
SELECT remigrate.stage('2', 'CREATE INDEX CONCURRENTLY one_a ON one (a); VACUUM one; ALTER TABLE one ADD b int', 'b_good');
SELECT remigrate.stage('3', 'SELECT pg_sleep(3); CREATE TABLE long AS SELECT current_user AS who, current_setting(''search_path'') AS path', 'b_good');
SELECT remigrate.stage('1', 'ALTER TABLE locked ADD a int', 'c_busy');
SELECT remigrate.stage('1', 'CREATE TABLE one ()', 'd_strange');
SELECT remigrate.stage('1', 'CREATE TABLE one ()', 'f_last');
END
sql("SELECT remigrate.stage('1', '$low', 'e_low')", 'mallory');
sql("SELECT remigrate.stage('1', 'CREATE TABLE elsewhere ()')", 'boss', "other 'db");

# A job that is there before the server stops is there after it.
sql("SELECT remigrate.schedule('$now')");
$node->restart;
# Idle, without the snapshot that an index build would wait for.
my ($in, $out) = ("BEGIN;\nLOCK TABLE c_busy.locked;\n", '');
my $holder = IPC::Run::start(
	[ 'psql', '-XAtq', '-U', 'boss', '-d', $node->connstr('postgres') ],
	'<', \$in, '>', \$out, '2>&1');
$holder->pump_nb;
$node->poll_query_until('postgres', "SELECT EXISTS (SELECT FROM pg_locks WHERE relation = 'c_busy.locked'::regclass AND granted)")
  or die 'nobody holds the lock';
is(value("SELECT count(*) FROM cron.job WHERE schedule = '$now'"), 2, 'jobs survive a restart');

$node->poll_query_until('postgres',
	"SELECT EXISTS (SELECT FROM cron.job_run_details WHERE database = 'postgres' AND status = 'succeeded') AND EXISTS (SELECT FROM remigrate.registry WHERE target_schema = 'f_last' AND state = 'applied')")
  or die 'pg_cron did not run the job';
$node->poll_query_until("other 'db", "SELECT to_regclass('elsewhere') IS NOT NULL")
  or die 'pg_cron did not run the other job';

# --- What was done -------------------------------------------------------------------

sub states
{
	my ($schema) = @_;
	return value("SELECT string_agg(concat_ws(' ', migration_name, state, attempts), ', ' ORDER BY migration_name) FROM remigrate.status('$schema')");
}
is(states('b_good'), '1 applied 1, 2 applied 1, 3 applied 1', 'what was staged is applied');
is(value(q{SELECT indisvalid FROM pg_index WHERE indexrelid = 'b_good.one_a'::regclass}), 't', '... an index built concurrently with it');
is(value('SELECT who, path FROM b_good.long'), 'boss|b_good, pg_temp', '... as the role that scheduled it');
is(value("SELECT string_agg(DISTINCT role_name || ' ' || session_role_name, ', ') FROM remigrate.event_log WHERE target_schema = 'b_good'"),
	'boss boss', '... and the event log says so');
is(states('f_last'), '1 applied 1', 'broken schemas stop no other one');
is(value('SELECT count(*) FROM remigrate.event_log', "other 'db"), 1, 'the other database\'s job has done its work there');

is(states('a_bad'), '1 held 1, 2 pending 0', 'a failing migration is held, and the next one waits');
is(value(q{SELECT to_regclass('a_bad.one') IS NULL}), 't', '... without a trace in the schema');
is(states('c_busy'), '0 applied 1, 1 rolled_back 1', 'one that met a lock is not held');
is(value(q{SELECT held, attempts, next_attempt_at > now() - interval '1 min', last_error ~ 'blocked by pid \d+' FROM remigrate.registry WHERE target_schema = 'c_busy' AND migration_name = '1'}),
	'f|1|t|t', '... but waits for its next try');
is(value(q{SELECT held FROM remigrate.registry WHERE target_schema = 'd_strange'}), 'f', 'tables without a journal are nobody\'s fault');
is(value(q{SELECT to_regclass('d_strange.one') IS NULL AND to_regclass('d_strange._prisma_migrations') IS NULL}), 't', '... and nothing is done there');
is(states('e_low'), '1 held 0', 'what a low role has staged is held');
is(value(q{SELECT to_regclass('e_low.low_ran') IS NULL}), 't', '... and does not run');
my $log = slurp_file($node->logfile);
like($log, qr/WARNING:  2 migrations are held: "a_bad": migration "1" failed at statement 2 of 2 \(line 1\): division by zero; "d_strange": schema "d_strange" has tables but no journal[^;]*; "e_low": migration "1" was not run: role "mallory", who staged it, does not have the privileges of "boss", who would run it/,
	'one warning names all that is held');

# A role's own job, and the other's not running any more
sql('SELECT remigrate.unschedule()');
($statement) = sql('SELECT remigrate.unschedule()', 'boss', "other 'db") =~ /run there: (SELECT .*)$/m;
is(sql($statement), 't', 'in another database the error of unschedule has the statement, too');
is(value('SELECT count(*) FROM cron.job'), 0, '... and then there is no job');

$holder->finish;
unlike($log, qr/terminated by signal|PANIC|TRAP/, 'nothing crashed');

$node->stop;
done_testing();
