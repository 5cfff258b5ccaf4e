# Nobody gets at rights that he hasn't: a script that a role with few rights
# has staged never runs as one with many, and no script runs as the owner of
# the extension.
#
# mallory may do with the extension and with schema app all that a deployer
# may; boss is a superuser; the extension belongs to neither of them.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Roles;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('attacks');
$node->init;
$node->start;
$node->safe_psql('postgres', <<'END');
CREATE EXTENSION remigrate;
CREATE ROLE boss SUPERUSER LOGIN;
CREATE ROLE mallory LOGIN;
CREATE ROLE alice LOGIN;
CREATE ROLE worker LOGIN;
CREATE ROLE ops LOGIN NOINHERIT;
GRANT alice TO mallory, ops;
GRANT USAGE ON SCHEMA remigrate TO mallory, worker, alice, ops;
GRANT EXECUTE ON ALL ROUTINES IN SCHEMA remigrate TO mallory, worker, alice, ops;
END

# What a role's session prints, errors and all.
sub as
{
	return join "\n", output_as($node, @_);
}

sub value
{
	return $node->safe_psql('postgres', shift);
}

# A schema app with a journal that both may write.
sub fresh_schema
{
	$node->safe_psql('postgres', <<'END');
SET client_min_messages = error;
DROP SCHEMA IF EXISTS app CASCADE;
DO $$ BEGIN PERFORM remigrate.unstage(migration_name, 'app') FROM remigrate.registry WHERE target_schema = 'app' AND state = 'pending'; END $$;
DELETE FROM remigrate.registry WHERE target_schema = 'app';
CREATE SCHEMA app;
GRANT ALL ON SCHEMA app TO mallory, worker, alice, ops;
SELECT remigrate.apply('0', 'SELECT 1', 'app');
GRANT ALL ON app._prisma_migrations TO mallory, worker, alice, ops;
END
	return;
}

# A script that shows who it ran as, and takes what it can get.
my $grab = 'CREATE TABLE app.grabbed AS SELECT current_user::text AS who';

sub is_not_run
{
	my ($what) = @_;
	is(value("SELECT to_regclass('app.grabbed') IS NULL"), 't', $what);
	return;
}

my %deployers = (
	'a superuser\'s deploy' => [ 'boss', "CALL remigrate.deploy(target_schema => 'app')" ],
	'a superuser\'s reconcile' => [ 'boss', 'CALL remigrate.reconcile()' ],
	'a superuser who has set another role' =>
	  [ 'boss', "SET ROLE mallory; CALL remigrate.deploy(target_schema => 'app')" ],
	'a superuser who has set another session role' =>
	  [ 'boss', "SET SESSION AUTHORIZATION mallory; CALL remigrate.deploy(target_schema => 'app')" ],
	'another role\'s deploy' => [ 'worker', "CALL remigrate.deploy(target_schema => 'app')" ],
	'another role\'s reconcile' => [ 'worker', 'CALL remigrate.reconcile()' ],
);

# --- What a low role has staged -------------------------------------------

for my $deployer (sort keys %deployers)
{
	my ($role, $call) = @{ $deployers{$deployer} };
	fresh_schema();
	as('mallory', "SELECT remigrate.stage('m', '$grab', 'app')");
	like(as($role, $call),
		qr/migration "m" was not run: role "mallory", who staged it, does not have the privileges of "\Q$role\E"/,
		"$deployer names the stager of a script and itself");
	is_not_run('... and does not run it');
}

fresh_schema();
as('mallory', "SELECT remigrate.stage('m', '$grab', 'app')");
unlike(as('mallory', "CALL remigrate.deploy(target_schema => 'app')"), qr/ERROR/,
	'who staged it may run it');
is(value('SELECT who FROM app.grabbed'), 'mallory', '... as himself');

# A member of the deployer's role has all that it has, and a superuser, too.
fresh_schema();
as('mallory', "SELECT remigrate.stage('m', '$grab', 'app')");
unlike(as('alice', "CALL remigrate.deploy(target_schema => 'app')"), qr/ERROR/,
	'a member of the deployer\'s role may stage for it');
is(value('SELECT who FROM app.grabbed'), 'alice', '... and it runs as the deployer');
fresh_schema();
as('boss', "SELECT remigrate.stage('m', '$grab', 'app')");
unlike(as('worker', "CALL remigrate.deploy(target_schema => 'app')"), qr/ERROR/,
	'a superuser may stage for anybody');
is(value('SELECT who FROM app.grabbed'), 'worker', '... and it runs as the deployer');

# ops could go back to what he is by RESET ROLE in the script.
fresh_schema();
as('alice', "SELECT remigrate.stage('m', '$grab', 'app')");
like(as('ops', "SET ROLE alice; CALL remigrate.deploy(target_schema => 'app')"),
	qr/role "alice", who staged it, does not have the privileges of "ops"/,
	'a deployer counts for all that he can become');
# A member who does not inherit can't answer for the role either.
fresh_schema();
as('ops', "SELECT remigrate.stage('m', '$grab', 'app')");
like(as('alice', "CALL remigrate.deploy(target_schema => 'app')"),
	qr/role "ops", who staged it, does not have the privileges of "alice"/,
	'nor is a member without the privileges of the role a stager for it');

# --- The stager cannot be forged -------------------------------------------

fresh_schema();
as('boss', "SELECT remigrate.stage('m', 'CREATE TABLE app.good ()', 'app')");
for my $forgery (
	"UPDATE remigrate.registry SET staged_by = 'boss'",
	"INSERT INTO remigrate.registry (target_schema, migration_name, checksum, state, staged_at, staged_by) SELECT target_schema, 'forged', checksum, state, staged_at, staged_by FROM remigrate.registry",
	"UPDATE remigrate.script SET content = 'ALTER ROLE mallory SUPERUSER'",
	'DELETE FROM remigrate.event_log',
	'ALTER TABLE remigrate.registry DROP COLUMN staged_by',
	'CREATE TRIGGER t BEFORE INSERT ON remigrate.registry FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
	'GRANT ALL ON remigrate.registry TO mallory',
	'SET ROLE boss',
	'SET SESSION AUTHORIZATION boss')
{
	like(as('mallory', $forgery), qr/ERROR:  (permission denied|must be owner|no privileges)/,
		"not by: $forgery");
}
as('mallory', "SET application_name = 'boss'; SELECT set_config('remigrate.staged_by', 'boss', false); SELECT remigrate.stage('n', '$grab', 'app')");
is(value("SELECT staged_by FROM remigrate.registry WHERE migration_name = 'n'"),
	'mallory', 'the server says who staged it');
as('boss', "SET ROLE mallory; SELECT remigrate.stage('o', '$grab', 'app')");
is(value("SELECT staged_by FROM remigrate.registry WHERE migration_name = 'o'"),
	'mallory', '... whoever he is at the time');

# Whoever stages it anew, or sends another script by himself, answers for that.
my $failing = "VACUUM app.missing; $grab";
my %replacements = (
	'staged anew' => "SELECT remigrate.stage('m', '$grab', 'app')",
	'in a bundle' => "SELECT remigrate.stage_all('{\"m\": \"$grab\"}', 'app')",
	'sent by migrate, to fail before it did anything' =>
	  "CALL remigrate.migrate('m', '$failing', 'app'); CREATE TABLE app.missing ()",
	'sent by migrate, to fail half-way' =>
	  "CALL remigrate.migrate('m', 'SELECT 1; COMMIT; VACUUM app.missing; $grab', 'app'); CREATE TABLE app.missing ()",
	'applied, and resolved as rolled back' =>
	  "SELECT remigrate.apply('m', '$grab', 'app'); DELETE FROM app._prisma_migrations WHERE migration_name = 'm'; DROP TABLE app.grabbed; SELECT remigrate.resolve('m', 'rolled_back', target_schema => 'app')",
	'resolved as applied, and as rolled back' =>
	  "SELECT remigrate.resolve('m', 'applied', '$grab', 'app'); DELETE FROM app._prisma_migrations WHERE migration_name = 'm'; SELECT remigrate.resolve('m', 'rolled_back', target_schema => 'app')",
	'resolved as edited, and as rolled back' =>
	  "SELECT remigrate.resolve('m', 'applied', target_schema => 'app'); SELECT remigrate.resolve('m', 'edited', '$grab', 'app'); DELETE FROM app._prisma_migrations WHERE migration_name = 'm'; SELECT remigrate.resolve('m', 'rolled_back', target_schema => 'app')",
);
for my $how (sort keys %replacements)
{
	fresh_schema();
	as('boss', "SELECT remigrate.stage('m', 'CREATE TABLE app.good ()', 'app')");
	as('mallory', $replacements{$how});
	is(value("SELECT concat_ws(' ', state <> 'applied', staged_by) FROM remigrate.registry WHERE target_schema = 'app' AND migration_name = 'm'"),
		't mallory', "a superuser's script that a low role has replaced is that role's: $how");
	like(as('boss', 'CALL remigrate.reconcile()'), qr/role "mallory", who staged it/,
		'... and a superuser\'s reconcile does not run it');
	like(as('boss', "CALL remigrate.deploy(target_schema => 'app')"), qr/role "mallory", who staged it/,
		'... nor his deploy');
	is_not_run('... at all');
}
# The same script by another hand remains what the first one said.
fresh_schema();
as('boss', "SELECT remigrate.stage('m', '$failing', 'app')");
as('mallory', "CALL remigrate.migrate('m', '$failing', 'app')");
is(value("SELECT staged_by FROM remigrate.registry WHERE target_schema = 'app' AND migration_name = 'm'"),
	'boss', 'a script that was only run by another role remains its stager\'s');

# --- A role that is gone -----------------------------------------------------

fresh_schema();
value('CREATE ROLE leaver LOGIN; GRANT boss TO leaver; GRANT USAGE ON SCHEMA remigrate TO leaver; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA remigrate TO leaver; GRANT ALL ON app._prisma_migrations TO leaver; GRANT USAGE ON SCHEMA app TO leaver');
as('leaver', "SELECT remigrate.stage('m', '$grab', 'app')");
value('DROP OWNED BY leaver; DROP ROLE leaver');
like(as('boss', "CALL remigrate.deploy(target_schema => 'app')"),
	qr/migration "m" was not run: role "leaver", who staged it, does not exist any more/,
	'a stager who is gone is an error');
is_not_run('... and nothing is run');
value('CREATE ROLE leaver LOGIN');
like(as('boss', "CALL remigrate.deploy(target_schema => 'app')"), qr/role "leaver", who staged it, does not have/,
	'one who comes after him by that name has the rights that he has, and no more');
value('DROP ROLE leaver');

$node->stop;
done_testing();
