# Damaged scripts: the sample project's, cut, doubled, with bytes flipped and
# with things put in, each sent through apply in one session.  Whatever comes
# of one, the server lives, and the session is as it was.
#
# MUTATIONS and SEED in the environment make other ones, and more.

use strict;
use warnings;

use File::Basename qw(dirname);
use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $count = $ENV{MUTATIONS} || 500;
my $seed = $ENV{SEED} || 1;
my $sample = dirname(__FILE__) . '/../sample/prisma/migrations';

# What breaks a parser, a transaction or a protocol, for putting in.
my @pieces = (
	"'", '"', '$$', '$x$', '/*', '*/', '--', ';', '(', ')', "\\", "\\d\n",
	"\0", "\xFF", "\xC3", "\xEF\xBB\xBF", "\r", "E'\\'", "U&'\\00'",
	map { "; $_; " } (
		'BEGIN', 'COMMIT', 'ROLLBACK', 'SAVEPOINT a', 'ROLLBACK TO a',
		'COMMIT AND CHAIN', "PREPARE TRANSACTION 'x'",
		'SET TRANSACTION ISOLATION LEVEL SERIALIZABLE',
		"SET TRANSACTION SNAPSHOT '0-1'", 'BEGIN READ ONLY',
		'SET search_path = pg_catalog', 'SET ROLE pg_read_all_data',
		'SET SESSION AUTHORIZATION DEFAULT', 'RESET ALL', 'DISCARD ALL',
		"SET work_mem = '1MB'", 'SET standard_conforming_strings = off',
		'COPY "Member" FROM STDIN', 'COPY "Member" TO STDOUT', 'VACUUM',
		'CREATE INDEX CONCURRENTLY x ON "Member" (id)', 'SELECT 1 / 0',
		'DROP TABLE _prisma_migrations', 'TRUNCATE _prisma_migrations',
		'DROP SCHEMA public CASCADE', 'DROP EXTENSION remigrate',
		"SELECT remigrate.apply('x', 'SELECT 1')", 'LISTEN x', 'UNLISTEN *',
		'DECLARE c CURSOR WITH HOLD FOR SELECT 1', 'CLOSE ALL',
		'PREPARE p AS SELECT 1', 'DEALLOCATE ALL', 'EXECUTE p',
		'SELECT pg_advisory_xact_lock(1)', 'CREATE TEMP TABLE x ()',
		'SET CONSTRAINTS ALL DEFERRED', 'DO $d$ BEGIN COMMIT; END $d$',
		'DO $d$ BEGIN PERFORM 1 / 0; EXCEPTION WHEN OTHERS THEN END $d$',
		'EXPLAIN ANALYZE SELECT 1', 'LOCK TABLE _prisma_migrations',
		"ALTER TABLE _prisma_migrations ADD x int DEFAULT 1",
		'CREATE RULE r AS ON INSERT TO _prisma_migrations DO NOTHING',
		'CREATE VIEW v AS SELECT 1; CREATE VIEW v AS SELECT 1'));

sub piece_of
{
	my ($script) = @_;
	my $start = int(rand(length($script) + 1));
	return ($start, int(rand(length($script) - $start + 1)));
}

sub mutate
{
	my ($script) = @_;
	my $kind = int(rand(6));

	if ($kind == 0)
	{
		return substr($script, 0, int(rand(length $script)));
	}
	elsif ($kind == 1)
	{
		my ($start, $length) = piece_of($script);
		substr($script, $start, $length) = '';
	}
	elsif ($kind == 2)
	{
		my ($start, $length) = piece_of($script);
		substr($script, $start, 0) = substr($script, $start, $length);
	}
	elsif ($kind == 3)
	{
		$script .= $script;
	}
	elsif ($kind == 4)
	{
		for (0 .. int(rand(5)))
		{
			my $at = int(rand(length $script));
			substr($script, $at, 1) =
			  chr(ord(substr($script, $at, 1)) ^ (1 << int(rand(8))));
		}
	}
	else
	{
		# Anywhere, or between two statements.
		my $at = int(rand(length $script));
		my $end = index($script, ";\n", $at);
		$at = $end + 1 if $end >= 0 && rand() < 0.7;
		substr($script, $at, 0) = $pieces[ rand @pieces ];
	}
	return $script;
}

my $node = PostgreSQL::Test::Cluster->new('mutations');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', 'max_prepared_transactions = 5');
$node->start;

my $sql = <<'END';
CREATE EXTENSION remigrate;
SET statement_timeout = '20s';
SET work_mem = '5MB';
SET client_min_messages = error;
PREPARE mine AS SELECT 1;
SELECT remigrate.apply('first', '');

CREATE SCHEMA check_session;
-- All that a script could leave behind, in one value each.
CREATE FUNCTION check_session.state() RETURNS TABLE (what text, value text)
LANGUAGE sql STABLE SET search_path = public AS $$
	SELECT 'settings', md5(string_agg(name || '=' || setting, ' ' ORDER BY name))
	FROM pg_settings WHERE name !~ '^(transaction_|search_path|plpgsql)'
	UNION ALL SELECT 'users', concat_ws(' ', current_user, session_user, current_setting('role'))
	-- Those to read are this function's own; how many, its plan's age decides.
	UNION ALL SELECT 'locks', count(*)::text FROM pg_locks
		WHERE pid = pg_backend_pid() AND (locktype = 'advisory'
			OR locktype = 'relation' AND mode <> 'AccessShareLock' AND relation::regclass::text !~ '^pg_|^check_session')
	UNION ALL SELECT 'prepared', string_agg(name, ' ') FROM pg_prepared_statements
	UNION ALL SELECT 'cursors', string_agg(name, ' ') FROM pg_cursors WHERE name NOT LIKE '<%' AND name <> ''
	UNION ALL SELECT 'listening', string_agg(c, ' ') FROM pg_listening_channels() c
	UNION ALL SELECT 'journal', md5(string_agg(j::text, ' ' ORDER BY id)) FROM _prisma_migrations j
	UNION ALL SELECT 'registry', count(*)::text FROM remigrate.registry
	UNION ALL SELECT 'events', count(*)::text FROM remigrate.event_log
	UNION ALL SELECT 'relations', count(*)::text FROM pg_class WHERE relnamespace = 'public'::regnamespace
$$;
CREATE TABLE check_session.before (what text, value text);
CREATE PROCEDURE check_session.remember() LANGUAGE sql
	AS $$ DELETE FROM check_session.before; INSERT INTO check_session.before SELECT * FROM check_session.state() $$;
CREATE TABLE check_session.sequences AS SELECT * FROM pg_sequences LIMIT 0;
-- A sequence goes on through a rollback; the sound script counts on its start.
CREATE FUNCTION check_session.rewind() RETURNS void LANGUAGE sql AS $$
	SELECT setval(format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), last_value IS NOT NULL)
	FROM check_session.sequences
$$;
CREATE FUNCTION check_session.changed(mutation int) RETURNS SETOF text LANGUAGE sql AS $$
	SELECT format('CHANGED by %s: %s was %s, is %s', mutation, b.what, b.value, s.value)
	FROM check_session.before b JOIN check_session.state() s USING (what)
	WHERE b.value IS DISTINCT FROM s.value
$$;
-- The server's caches grow with whatever was ever made, rolled back or not.
CREATE FUNCTION check_session.memory() RETURNS text LANGUAGE sql
	AS $$ SELECT 'MEMORY ' || sum(total_bytes) FROM pg_backend_memory_contexts
		WHERE name !~* '(cache|hash|index info|function|plan|rules|sequence|partition)'
		AND name <> 'WAL record construction' $$;
\set ON_ERROR_STOP 0
END

srand($seed);
my @scripts = sort glob "$sample/*/migration.sql";
my %sent;
my $mutation = 0;
for my $i (0 .. $#scripts)
{
	my $script = slurp_file($scripts[$i]);
	my $until = int($count * ($i + 1) / @scripts);

	$sql .= "TRUNCATE check_session.sequences;\n"
	  . "INSERT INTO check_session.sequences SELECT * FROM pg_sequences WHERE schemaname = 'public';\n";
	for (; $mutation < $until; $mutation++)
	{
		my $bytes = mutate($script);
		my $form = sprintf "decode('%s', 'base64')", encode_base64($bytes, '');

		# A mutation that succeeds is undone; it is the next one's turn.
		$form = "convert_from($form, 'UTF8')" if $mutation % 4 == 3;
		$sent{$mutation} = $bytes;
		$sql .= "CALL check_session.remember();\nBEGIN;\n"
		  . "SELECT 'OUTCOME ' || remigrate.apply('mutation $mutation', $form);\n"
		  . "\\if :ERROR\n\\echo OUTCOME :LAST_ERROR_SQLSTATE\n\\endif\n"
		  . "ROLLBACK;\n"
		  . "SELECT check_session.changed($mutation);\n";
		# Whatever a script may leave to the session is not its next's fault.
		$sql .= "DEALLOCATE ALL; PREPARE mine AS SELECT 1; CLOSE ALL; UNLISTEN *;\n";
		$sql .= "SELECT check_session.memory();\n" if $mutation % 50 == 49;
	}
	$sql .= "SELECT check_session.rewind();\n";
	$sql .= sprintf "SELECT 'OUTCOME ORIGINAL ' || remigrate.apply('%d', decode('%s', 'base64')) || ' %d';\n",
	  $i, encode_base64($script, ''), $i;
}
$sql .= "SELECT 'SURVIVED';\n";

my ($stdout, $stderr) = ('', '');
my $status = $node->psql('postgres', $sql, stdout => \$stdout, stderr => \$stderr,
	extra_params => [ '-v', 'VERBOSITY=terse' ], on_error_stop => 0);

is($status, 0, 'psql went through');
like($stdout, qr/SURVIVED/, 'the session lived to the end');
is_deeply([ $stdout =~ /OUTCOME ORIGINAL (.*)/g ], [ map { "applied $_" } 0 .. $#scripts ],
	'the scripts themselves are sound');
$stdout =~ s/OUTCOME ORIGINAL.*//g;

# Prepared statements, LISTEN and the like stay as a script leaves them.
my @changed = grep { !/: (prepared|cursors|listening) was/ } $stdout =~ /CHANGED .*/g;
is_deeply(\@changed, [], 'nothing else was changed');

my %outcomes;
$outcomes{$_}++ for $stdout =~ /OUTCOME (\w+)/g;
my $outcomes = 0;
$outcomes += $_ for values %outcomes;
is($outcomes, $count, 'each mutation had an outcome');
note join ', ', map { "$_ $outcomes{$_}" } sort keys %outcomes;
cmp_ok(scalar keys %outcomes, '>=', 8, 'they did not all fail alike');
cmp_ok($outcomes{applied} || 0, '>', $count / 50, 'some are still sound');
is_deeply([ grep { /^XX/ } keys %outcomes ], [], 'no internal error');

# Every message stands by itself, but for those about the arguments.
my @bare = grep { !/ERROR:  (migration "mutation \d+" |invalid byte sequence for encoding)/ }
  grep { /ERROR: / } split /\n/, $stderr;
is_deeply(\@bare, [], 'every message names its migration');

my @memory = $stdout =~ /MEMORY (\d+)/g;
note "memory: @memory";
cmp_ok($memory[-1] - $memory[0], '<', 512 * 1024,
	'memory does not grow');

my $log = slurp_file($node->logfile);
unlike($log, qr/TRAP|terminated by signal|PANIC|WARNING:  (you don't own|.*leak)/,
	'the log has nothing bad to tell');
if (my ($last) = $log =~ /mutation (\d+)(?!.*mutation \d)/s)
{
	diag "the last was $last:\n$sent{$last}" if $stdout !~ /SURVIVED/;
}

$node->stop;
done_testing();
