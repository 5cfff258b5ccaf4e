# The server's log: a line for each outcome, and nobody's call in it; and what
# is left of a migration that is cancelled or whose backend is ended.

use strict;
use warnings;

use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('server_log');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', <<'END');
log_statement = none
log_min_error_statement = error
log_min_messages = warning
log_line_prefix = '%p '
END
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION remigrate');

# What was logged while it ran.
sub logged
{
	my ($sql) = @_;
	my $offset = -s $node->logfile;
	$node->psql('postgres', $sql);
	return substr(slurp_file($node->logfile), $offset);
}

sub call
{
	my ($name, $script, $more) = @_;
	return "SELECT remigrate.apply('$name', decode('"
	  . encode_base64($script, '') . "', 'base64')" . ($more || '') . ')';
}

is(logged(call('plain', "SELECT 1;\nSELECT 2")) =~ s/^\d+ //r =~ s/\d+ ms/N ms/r,
	"LOG:  remigrate: applied \"plain\" in \"public\": 2 statements, N ms\n",
	'one line for what was applied');
is(logged(call('plain', "SELECT 1;\nSELECT 2")), '', 'none for what is unchanged');
is(logged(call('exists', 'CREATE TABLE _prisma_migrations ()', ", on_duplicate => 'skip'"))
	  =~ /^\d+ LOG:  remigrate: already_applied "exists" in "public": 0 statements, \d+ ms\n\z/,
	1, 'one line for what was there');
like(logged(call("two\nlines", 'SELECT 1')), qr/^\d+ LOG:  remigrate: applied "two\n\tlines" in/,
	'a name with a line break can\'t look like another line');

# Errors of every kind
my %failing = (
	'a failing statement' => call('m', 'SELECT missing'),
	'an error in DO' => call('m', 'DO $$ BEGIN PERFORM 1 / 0; END $$'),
	'a syntax error' => call('m', 'SELEC'),
	'a refused statement' => call('m', 'SELECT 1; ROLLBACK'),
	'CONCURRENTLY' => call('m', 'CREATE INDEX CONCURRENTLY i ON t (a)'),
	'an edited script' => call('plain', 'SELECT 3'),
	'a byte order mark' => call('m', "\xEF\xBB\xBFSELECT 1"),
	'no UTF-8' => call('m', "SELECT '\xFF'"),
	'no schema' => call('m', 'SELECT 1', ", 'nowhere'"),
	'a bad time limit' => call('m', 'SELECT 1', ", lock_timeout => '-1 s'"),
	'a bad policy' => call('m', 'SELECT 1', ", on_edited => 'maybe'"),
	'resume_at' => call('m', 'SELECT 1', ', resume_at => 7'),
	'no name' => call('', 'SELECT 1'),
	'a long name' => call('n' x 300, 'SELECT 1'),
	'a statement time-out' => call('m', "SET statement_timeout = 10; SELECT pg_sleep(9)"),
	'an inner call' => call('m', "SELECT remigrate.apply('x', 'SELECT 1')"),
	'a dropped journal' => call('m', 'DROP TABLE _prisma_migrations'),
	'a read-only transaction' => 'BEGIN READ ONLY; ' . call('m', 'SELECT 1'),
	'another isolation level' => 'BEGIN ISOLATION LEVEL SERIALIZABLE; ' . call('m', 'SELECT 1'),
	'no script' => "SELECT remigrate.apply('m', NULL::bytea)",
	'as text' => "SELECT remigrate.apply('m', 'SELECT ''a secret'', missing')",
);
for my $what (sort keys %failing)
{
	my $log = logged($failing{$what});
	like($log, qr/^\d+ ERROR:  \S/m, "$what is logged");
	unlike($log, qr/STATEMENT|base64|remigrate\.apply\('/, '... without the call');
}

# Cancelled and ended
sub interrupt
{
	my ($function, $name) = @_;
	my ($in, $out, $err) = ('', '', '');
	my $psql = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
			call($name, "CREATE TABLE $name (); SELECT pg_sleep(600)") ],
		'<', \$in, '>', \$out, '2>', \$err);
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity
		WHERE query LIKE 'remigrate: migration \"$name\", statement 2 of 2: SELECT pg_sleep%' AND wait_event = 'PgSleep'")
	  or die 'it does not run';
	is($node->safe_psql('postgres', "SELECT $function(pid) FROM pg_stat_activity
		WHERE query LIKE 'remigrate: migration \"$name\"%'"), 't', "$function");
	$psql->finish;
	$node->poll_query_until('postgres',
		"SELECT count(*) = 0 FROM pg_locks WHERE locktype = 'advisory'");
	is($node->safe_psql('postgres', "SELECT count(*) FROM _prisma_migrations WHERE migration_name = '$name'"),
		0, '... leaves no row');
	is($node->safe_psql('postgres', "SELECT to_regclass('$name') IS NULL"), 't', '... and no table');
	return $err;
}
like(interrupt('pg_cancel_backend', 'cancelled'),
	qr/^ERROR:  migration "cancelled" failed at statement 2 of 2 \(line 1\): canceling statement due to user request$/m,
	'... and says where');
interrupt('pg_terminate_backend', 'ended');
is($node->safe_psql('postgres', "SELECT remigrate.apply('ended', 'SELECT 1')"), 'applied',
	'it can be sent again');

# A lost server comes back without half a migration.
{
	my ($in, $out, $err) = ('', '', '');
	my $psql = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $node->connstr('postgres'), '-c',
			call('crashed', "CREATE TABLE crashed (); SELECT pg_sleep(600)") ],
		'<', \$in, '>', \$out, '2>', \$err);
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity
		WHERE query LIKE 'remigrate: migration \"crashed\", statement 2%'");
	$node->stop('immediate');
	$psql->finish;
	$node->start;
	is($node->safe_psql('postgres', "SELECT count(*) FROM remigrate.status() WHERE migration_name = 'crashed'"),
		0, 'a crash leaves no row');
	is($node->safe_psql('postgres', "SELECT remigrate.apply('crashed', 'CREATE TABLE crashed ()')"),
		'applied', '... and it can be sent again');
}

# While it runs, who looks sees the migration, and then the caller's query.
like($node->safe_psql('postgres', call('sees', 'SELECT 1')
		  . ', (SELECT query FROM pg_stat_activity WHERE pid = pg_backend_pid())'),
	qr/^applied\|SELECT remigrate\.apply\('sees', decode/, 'the activity is the caller\'s again');

# A prepared transaction can be in the way, too, and has no pid.
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 2');
$node->restart;
$node->safe_psql('postgres', "CREATE TABLE t (); BEGIN; LOCK TABLE t; PREPARE TRANSACTION 'x'");
my ($status, $stdout, $stderr) = $node->psql('postgres', call('m', 'ALTER TABLE t ADD a int', ", lock_timeout => '200 ms'"));
like($stderr, qr/canceling statement due to lock timeout, blocked by a prepared transaction, "x", prepared for \d+ s$/m,
	'a prepared transaction in the way is named as one');
# Read back from disk, it is another session's no more.
$node->restart;
($status, $stdout, $stderr) = $node->psql('postgres', call('m', 'ALTER TABLE t ADD a int', ", lock_timeout => '200 ms'"));
like($stderr, qr/blocked by a prepared transaction, "x", prepared for \d+ s$/m, '... after a restart, too');
$node->safe_psql('postgres', "ROLLBACK PREPARED 'x'");

$node->stop;
done_testing();
