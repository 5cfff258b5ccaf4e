# No memory, at whatever moment: the call ends with an error, the session and
# the journal are as they should be, and the next call works.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Wire;

plan skip_all => 'no prlimit here' if system('prlimit --version >/dev/null 2>&1') != 0;
plan skip_all => 'a wrapped server needs its memory' if $ENV{TEST_WRAP};

my $node = PostgreSQL::Test::Cluster->new('memory');
$node->init;
# Each lack of memory would put a table of all memory into the log.
$node->append_conf('postgresql.conf', "log_min_messages = log\nautovacuum = off\nrestart_after_crash = on");
$node->start;
if ($node->safe_psql('postgres', 'SHOW debug_assertions') eq 'on')
{
	$node->stop;
	plan skip_all => 'a server with assertions fails one when it lacks the memory to abort, whatever ran';
}
$node->safe_psql('postgres', q{
	CREATE EXTENSION remigrate;
	CALL remigrate.migrate('0', 'CREATE TABLE counter (n int); INSERT INTO counter VALUES (0)');
});

sub limit
{
	my ($wire, $bytes) = @_;
	system('prlimit', '--pid', $wire->{pid}, "--as=$bytes:unlimited") == 0 or die 'prlimit failed';
}

# How much it has now.
sub size_of
{
	my ($wire) = @_;
	my ($kilobytes) = slurp_file("/proc/$wire->{pid}/status") =~ /^VmSize:\s+(\d+) kB/m;
	return $kilobytes * 1024;
}

# All that a session can be left with, in one line.
sub rest
{
	my ($wire) = @_;
	return join ' ', map { $_ // '' } @{ $wire->must(q{
		SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),
			current_setting('search_path'), current_setting('lock_timeout'),
			current_setting('statement_timeout'), current_user}) ->[0] };
}

my %calls = (
	'an error with a long message, in a transaction of the caller' => q{
		SELECT remigrate.apply('%s', $m$UPDATE counter SET n = n + 1;
			DO $$ BEGIN RAISE EXCEPTION '%%', repeat('x', 20000000); END $$$m$)},
	'an error with a long message, where nothing stays' => q{
		CALL remigrate.migrate('%s', $m$UPDATE counter SET n = n + 1;
			DO $$ BEGIN RAISE EXCEPTION '%%', repeat('x', 20000000); END $$$m$)},
	'an error with a long message, where a part stays' => q{
		CALL remigrate.migrate('%s', $m$CREATE TABLE IF NOT EXISTS part (); COMMIT; UPDATE counter SET n = n + 1;
			DO $$ BEGIN RAISE EXCEPTION '%%', repeat('x', 20000000); END $$$m$)},
	'a long script' => q{
		CALL remigrate.migrate('%s', repeat('CREATE TABLE IF NOT EXISTS long (n int);', 20000) || 'UPDATE counter SET n = n / 0')},
	'a long script that is looked at' => q{
		CALL remigrate.migrate('%s', repeat('COMMENT ON TABLE counter IS ''x'';', 2000) || 'CREATE TABLE counter ()')},
	'a staged one' => q{SELECT remigrate.stage('%s', repeat('SELECT 1;', 200000))},
);

my %sqlstate = (
	'a staged one' => qr/^$/,
	'a long script' => qr/^22012$/,
	'a long script that is looked at' => qr/^42P07$/,
);

for my $what (sort keys %calls)
{
	my ($out, $true, @wrong) = (0, 0);
	# From less than any call needs, to more than enough.
	for (my $extra = 1024 * 128; $extra < 512 * 1024 * 1024; $extra = int($extra * 1.45))
	{
		my $wire = Wire->new(host => $node->host, port => $node->port, user => scalar getpwuid($<), database => 'postgres');
		my $before = rest($wire);
		# Libraries that can't be loaded are the server's affair.
		$wire->must("LOAD 'remigrate'; LOAD 'plpgsql'");
		my $name = "m$extra";
		limit($wire, size_of($wire) + $extra);
		my $answer = $wire->query(sprintf $calls{$what}, $name);
		if ($answer->{lost})
		{
			my @reasons = grep { /PANIC|terminated by signal/ } split /\n/, slurp_file($node->logfile);
			# What the server does by itself where it lacks the memory to
			# tidy up, behind a commit or again and again behind an error.
			push @wrong, "$extra: the server has gone: @reasons"
			  if "@reasons" !~ /PANIC:  (?:cannot abort transaction \d+, it was already committed|ERRORDATA_STACK_SIZE exceeded)/;
			$node->poll_query_until('postgres', 'SELECT true') or die 'the server does not come back';
			next;
		}
		limit($wire, 'unlimited');
		my $code = $answer->{error} ? $answer->{error}{C} : '';
		if ($code eq '53200') { $out++ }
		elsif ($code =~ ($sqlstate{$what} // qr/^P0001$/)) { $true++ }
		else { push @wrong, "$extra: $code " . substr($answer->{error}{M}, 0, 200) }
		push @wrong, "$extra: in a transaction" if $answer->{status} ne 'I';
		my $after = rest($wire);
		push @wrong, "$extra: $after, not $before"
		  if $after ne $before && !grep { $_->{M} =~ /^could not put the session's settings back/ } @{ $answer->{notices} };
		# Whatever it is, the next call in this session says it, too.
		my $resolved = $wire->query("SELECT remigrate.resolve('$name', 'rolled_back')");
		push @wrong, "$extra: " . substr($resolved->{error}{M}, 0, 200)
		  if $resolved->{error} && $resolved->{error}{M} !~ /cannot be resolved as rolled_back/;
		$wire->must("SELECT remigrate.unstage('$name')") if $what eq 'a staged one' && !$answer->{error};
		my $next = $wire->query("SELECT remigrate.apply('next$extra-$what', 'SELECT 1')");
		push @wrong, "$extra: then $next->{error}{M}" if $next->{error};
		$wire->close;
	}
	is(join("\n", @wrong), '', $what);
	cmp_ok($out, '>', 3, '... where there is not enough memory');
	cmp_ok($true, '>', 0, '... and where there is');
}
is($node->safe_psql('postgres', 'SELECT n FROM counter'), 0, 'nothing of them is left');

$node->stop;
done_testing();
