# The GRANTs that README.md shows for a deployer, an application and an
# observer, just as they stand there: what each of these roles can do, what it
# can't, and what it learns of others.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Roles;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('roles');
$node->init;
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 5');
$node->start;

sub as
{
	my ($out, $err) = output_as($node, @_);
	$err =~ s/^psql:<stdin>:\d+: //mg;
	return join("\n", grep { $_ ne '' } $out, $err);
}

sub value
{
	return $node->safe_psql('postgres', shift);
}

# The journal is another role's, and so are the tables.
value('CREATE ROLE installer LOGIN; CREATE ROLE owner LOGIN; CREATE ROLE nobody LOGIN; GRANT ALL ON SCHEMA public TO owner');
value(q{DO $$ BEGIN EXECUTE format('GRANT CREATE ON DATABASE %I TO installer', current_database()); END $$});
as('installer', 'CREATE EXTENSION remigrate');
value('GRANT USAGE ON SCHEMA remigrate TO owner; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA remigrate TO owner');
as('owner', "SELECT remigrate.apply('0', 'CREATE TABLE things (secret text)')");

my $readme = slurp_file('README.md');
my @examples = grep { /^GRANT/m } $readme =~ /^```sql\n(.*?)^```$/msg;
my @roles = map { /^CREATE ROLE (\w+);$/mg } @examples;
is("@roles", 'shop_deployer shop_application shop_observer', 'the README has GRANTs for these roles');
for my $example (@examples)
{
	# The roles need to be made by somebody else, the journal's rights to be
	# given by who made it; all that is the extension's, by the installer.
	for my $statement ($example =~ /^[A-Z].*?;$/msg)
	{
		my $who = $statement =~ /_prisma_migrations/ ? 'owner' : $statement =~ /^CREATE ROLE|SCHEMA (remigrate, )?public/ ? 'postgres' : 'installer';
		is(as($who, $statement), '', "$who: " . $statement =~ s/\s+/ /gr);
	}
}
value("ALTER ROLE $_ LOGIN") for @roles;

# --- Who can call what -------------------------------------------------------------

my $checksums = as('owner', "SELECT jsonb_build_object('0', remigrate.checksum('CREATE TABLE things (secret text)'))");
my %calls = (
	apply => "SELECT remigrate.apply('a', 'CREATE TABLE a ()')",
	migrate => "CALL remigrate.migrate('b', 'CREATE TABLE b ()')",
	stage => "SELECT remigrate.stage('c', 'CREATE TABLE c ()')",
	stage_all => q{SELECT remigrate.stage_all('{"d": "CREATE TABLE d ()"}')},
	unstage => "SELECT remigrate.unstage('nothing')",
	deploy => 'CALL remigrate.deploy()',
	reconcile => 'CALL remigrate.reconcile()',
	resolve => "SELECT remigrate.resolve('e', 'applied', 'SELECT 1')",
	baseline => "SELECT remigrate.baseline('c')",
	repair => 'SELECT count(*) FROM remigrate.repair()',
	status => 'SELECT count(*) > 0 FROM remigrate.status()',
	require => "SELECT remigrate.require('{0}')",
	require_checksums => "SELECT remigrate.require_checksums('$checksums')",
	look => "SELECT count(*) FROM remigrate.look('SELECT 1')",
	seam => "SELECT count(*) FROM remigrate.seam('SELECT 1')",
	statements => "SELECT count(*) FROM remigrate.statements('SELECT 1')",
	checksum => "SELECT remigrate.checksum('x') IS NOT NULL",
	# Further than their rights they don't come here.
	schedule => 'SELECT remigrate.schedule()',
	unschedule => 'SELECT remigrate.unschedule()',
	overview => 'SELECT count(*) FROM remigrate.overview',
	activity => 'SELECT count(*) FROM remigrate.activity',
	event_log => 'SELECT count(*) > 0 FROM remigrate.event_log',
	registry => 'SELECT count(*) FROM remigrate.registry',
	script => 'SELECT count(*) FROM remigrate.script',
);
my @routines = split /\n/, value("SELECT DISTINCT proname FROM pg_proc WHERE pronamespace = 'remigrate'::regnamespace");
my @relations = split /\n/, value("SELECT relname FROM pg_class WHERE relnamespace = 'remigrate'::regnamespace AND relkind IN ('r', 'v')");
is(join(' ', sort keys %calls), join(' ', sort @routines, @relations), 'all that there is to call or read is tried');

my %may = (
	shop_deployer => \@routines,
	shop_application => [qw(require require_checksums)],
	shop_observer => [qw(status require require_checksums overview activity event_log)],
	nobody => []);
for my $role (sort keys %may)
{
	my %allowed = map { $_ => 1 } @{ $may{$role} };
	for my $call (qw(apply migrate stage stage_all unstage deploy), sort keys %calls)
	{
		my $said = as($role, $calls{$call});
		if (!$allowed{$call})
		{
			like($said, qr/^ERROR:  permission denied for (schema|function|procedure|table|view) (remigrate|$call)$/m, "$role may not: $call");
		}
		elsif ($call =~ /schedule/)
		{
			like($said, qr/^ERROR:  pg_cron is not loaded/, "$role may: $call");
		}
		else
		{
			unlike($said, qr/ERROR|permission/, "$role may: $call");
		}
	}
	next if $role eq 'nobody';
	for my $forbidden (
		'UPDATE remigrate.registry SET staged_by = NULL',
		'DELETE FROM remigrate.event_log',
		q{INSERT INTO remigrate.script VALUES ('x', 'x')},
		'TRUNCATE remigrate.script CASCADE',
		'SELECT content FROM remigrate.script',
		'CREATE TABLE remigrate.mine ()',
		'CREATE FUNCTION remigrate.mine() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
		'ALTER FUNCTION remigrate.checksum(text) RENAME TO other',
		'COMMENT ON SCHEMA remigrate IS $$mine$$',
		'GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA remigrate TO nobody',
		'DROP EXTENSION remigrate',
		'DROP TABLE things',
		'SELECT secret FROM things',
		'DROP TABLE _prisma_migrations',
		'ALTER TABLE _prisma_migrations ADD mine text')
	{
		like(as($role, $forbidden), qr/^(ERROR:  (permission denied|must be owner)|WARNING:  no privileges were granted)/, "$role may not: $forbidden");
	}
	next if $role eq 'shop_deployer';
	like(as($role, $_), qr/^ERROR:  permission denied/, "$role may not: $_")
	  for ("UPDATE _prisma_migrations SET finished_at = NULL", 'DELETE FROM _prisma_migrations', 'CREATE TABLE mine ()');
}
is(value(q{SELECT string_agg(tablename || ' ' || tableowner, ', ' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public' AND tablename ~ '^.$'}),
	'a shop_deployer, b shop_deployer, c shop_deployer, d shop_deployer', 'what a deployer\'s scripts make is his');
like(as('shop_deployer', "CALL remigrate.migrate('f', 'SELECT secret FROM things')"), qr/^ERROR:  migration "f" failed at statement 1 of 1 \(line 1\): permission denied for table things$/m,
	'in a script he has no more rights than else');
is(as('shop_application', "SELECT remigrate.require('{0,a,b,c}')"), 4, 'an application can wait for what was deployed');
like(as('shop_application', "SELECT remigrate.require('{f,g}')"), qr/^ERROR:  2 of 2 required migrations are not applied in schema "public": "f" \(rolled_back: migration "f" failed at statement 1 of 1 \(line 1\): permission denied for table things\), "g" \(unknown\)$/m,
	'... and learns what is missing, and why');

# --- What they learn of others -----------------------------------------------------------

value('CREATE SCHEMA private AUTHORIZATION owner');
as('owner', "SELECT remigrate.stage('the takeover of Acme', 'CREATE TABLE hidden ()', 'private')");
for my $there ('before there is a journal', 'with a journal')
{
	for my $call (
		[ shop_observer => "SELECT * FROM remigrate.status('private')" ],
		[ shop_application => "SELECT remigrate.require(NULL, 'private')" ],
		[ shop_application => "SELECT remigrate.require('{x}', 'private')" ],
		[ shop_deployer => "SELECT remigrate.stage('x', 'SELECT 1', 'private')" ],
		[ shop_deployer => "SELECT remigrate.stage_all('{\"x\": \"SELECT 1\"}', 'private', prune => true)" ],
		[ shop_deployer => "SELECT remigrate.stage_all('{}', 'private', prune => true)" ],
		[ shop_deployer => "SELECT remigrate.unstage('the takeover of Acme', 'private')" ],
		[ shop_deployer => "SELECT remigrate.apply('x', 'SELECT 1', 'private')" ],
		[ shop_deployer => "CALL remigrate.migrate('x', 'SELECT 1', 'private')" ],
		[ shop_deployer => "CALL remigrate.deploy(target_schema => 'private')" ],
		[ shop_deployer => "SELECT remigrate.resolve('the takeover of Acme', 'applied', target_schema => 'private')" ],
		[ shop_deployer => "SELECT remigrate.baseline(NULL, 'private')" ],
		[ shop_deployer => "SELECT * FROM remigrate.repair('private')" ],
		[ shop_observer => 'SELECT * FROM remigrate.overview' ])
	{
		my ($role, $sql) = @$call;
		my $said = as($role, $sql);
		like($said, qr/permission denied for schema private/, "a schema that is not open, $there: $sql");
		unlike($said, qr/Acme/, '... and nothing is said of what is in it');
	}
	like(as('shop_deployer', 'CALL remigrate.reconcile()'), qr/^WARNING:  .*"private": .*permission denied for schema private$/m, "reconcile says so, $there");
	as('owner', "SELECT remigrate.apply('0', 'SELECT 1', 'private')");
}
is(value("SELECT held OR attempts > 0 FROM remigrate.registry WHERE target_schema = 'private' AND state = 'pending'"), 'f', 'another\'s reconcile counts for nothing there');

# Who is in the way: which process, what it calls itself, for how long; not
# who it is nor what it runs.
my ($in, $out) = ("SET application_name = 'billing';\nBEGIN;\nLOCK TABLE public.a;\nSELECT 'card number 4711' AS secret;\n", '');
my $blocker = IPC::Run::start([ 'psql', '-XAtq', '-U', 'postgres', '-d', $node->connstr('postgres') ], '<', \$in, '>', \$out);
$blocker->pump until $out =~ /4711/;
for my $call ("SELECT remigrate.apply('h', 'ALTER TABLE a ADD x int', lock_timeout => '50 ms')", "CALL remigrate.migrate('h', 'ALTER TABLE a ADD x int', lock_timeout => '50 ms')")
{
	my $said = as('shop_deployer', "\\set VERBOSITY verbose\n$call");
	like($said, qr/canceling statement due to lock timeout, blocked by pid \d+, "billing", idle in transaction for \d+ s$/m, 'who is in the way is named');
	unlike($said, qr/postgres"|card number/, '... but not as whom and with what');
}
$in = "SELECT pg_advisory_xact_lock(72707369);\nSELECT 'locked';\n";
$blocker->pump until $out =~ /locked/;
my $busy = as('shop_deployer', "SELECT remigrate.apply('i', 'SELECT 1', migration_lock_wait => '50 ms')");
like($busy, qr/the migration lock is held by pid \d+, "billing", idle in transaction for \d+ s/, 'who holds the migration lock is named');
unlike($busy, qr/card number/, '... but not what it does');
is(as('shop_observer', 'SELECT activity, role_name, query FROM remigrate.activity'), 'holds|postgres|<insufficient privilege>', 'an observer sees no other role\'s query');
value('GRANT pg_read_all_stats TO shop_observer');
is(as('shop_observer', 'SELECT activity, role_name, query FROM remigrate.activity'), "holds|postgres|SELECT 'locked';", '... unless it may see them anyway');
$blocker->finish;

# The log of events, which an observer may read, tells of outcomes, and not
# what a script said.
like(as('shop_observer', 'SELECT * FROM remigrate.event_log'), qr/permission denied for table things/, 'the event log has the messages of errors');
unlike(as('shop_observer', 'SELECT * FROM remigrate.event_log'), qr/CREATE TABLE|SELECT secret/, '... and no script');

$node->stop;
done_testing();
