# The extended protocol, message by message: as the drivers speak it, with
# parameters and named statements, and as a pipeline, where a CALL that commits
# would tear the pipeline's transaction in two.

use strict;
use warnings;

use IO::Socket::UNIX;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('protocol');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION remigrate; CREATE TABLE t (n int); CREATE TABLE u (n int)');

my $socket;

sub send_message
{
	my ($type, $body) = @_;
	$socket->syswrite($type . pack('N', 4 + length $body) . $body);
}

sub read_exactly
{
	my ($length) = @_;
	my $bytes = '';
	while (length $bytes < $length)
	{
		sysread($socket, $bytes, $length - length $bytes, length $bytes)
		  or return;
	}
	return $bytes;
}

# What comes up to ReadyForQuery: the types that matter, and the errors'
# SQLSTATEs and messages.
sub answer
{
	my @answer;
	while (defined(my $head = read_exactly(5)))
	{
		my ($type, $length) = unpack 'aN', $head;
		my $body = read_exactly($length - 4) // '';

		if ($type eq 'E' || $type eq 'N')
		{
			my %fields = map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $body;
			push @answer, "$fields{C} $fields{M}" if $type eq 'E';
			push @answer, 'NOTICE ' . ($fields{M} =~ s/\d+ ms$/N ms/r) if $type eq 'N';
		}
		elsif ($type eq 'C') { push @answer, $body =~ s/\0//r }
		elsif ($type eq 'D') { push @answer, 'row' }
		elsif ($type eq 'Z') { push @answer, "ready $body"; last }
	}
	return \@answer;
}

sub connect_to
{
	$socket = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port)
	  or die "cannot connect: $!";
	my $body = pack('N', 196608) . join("\0", user => $node->safe_psql('postgres', 'SELECT current_user'), database => 'postgres') . "\0\0";
	$socket->syswrite(pack('N', 4 + length $body) . $body);
	is(answer()->[-1], 'ready I', 'connected');
}

sub parse { send_message('P', "$_[1]\0$_[0]\0" . pack('n', 0)) }

sub bind_execute
{
	my ($name, @parameters) = @_;
	send_message('B', "\0$name\0" . pack('n n', 0, scalar @parameters)
		  . join('', map { pack('N', length) . $_ } @parameters) . pack('n', 0));
	send_message('E', "\0" . pack('N', 0));
}

sub execute { parse($_[0], ''); bind_execute('', @_[ 1 .. $#_ ]) }
sub sync { send_message('S', ''); return answer() }

sub query { send_message('Q', "$_[0]\0"); return answer() }

sub applied
{
	return $node->safe_psql('postgres', 'SELECT string_agg(migration_name, \' \' ORDER BY migration_name) FROM remigrate.status() WHERE state = \'applied\'');
}

my $refused = qr/^2D000 remigrate\.(migrate|deploy) runs only as a CALL of its own, outside of a transaction block$/;

connect_to();
# The tables are older than the journal.
is_deeply(query("SELECT remigrate.apply('0', 'SELECT 1')"), [ 'row', 'SELECT 1', 'ready I' ], 'the simple protocol: apply');
is_deeply(query("CALL remigrate.migrate('a', 'INSERT INTO t VALUES (1); COMMIT; CREATE INDEX CONCURRENTLY t_n ON t (n)')"),
	[ 'NOTICE migration "a": applied, 3 statements, N ms', 'CALL', 'ready I' ], 'migrate');
is_deeply(query('CALL remigrate.deploy()'), [ 'NOTICE no migration of schema "public" is pending', 'CALL', 'ready I' ], 'deploy');

execute("CALL remigrate.migrate('b', 'INSERT INTO t VALUES (2); COMMIT; SELECT 1')");
is_deeply(sync(), [ 'NOTICE migration "b": applied, 3 statements, N ms', 'CALL', 'ready I' ], 'the extended protocol');
execute('CALL remigrate.migrate($1, $2, migration_lock_wait => $3)', 'c', 'INSERT INTO t VALUES (3); COMMIT; VACUUM t', '1 s');
is_deeply(sync(), [ 'NOTICE migration "c": applied, 3 statements, N ms', 'CALL', 'ready I' ], 'with parameters');
parse('CALL remigrate.migrate($1, $2)', 'named');
is_deeply(sync(), ['ready I'], 'a named statement');
for my $name (qw(d e))
{
	bind_execute('named', $name, "INSERT INTO t VALUES (4); COMMIT; CREATE INDEX CONCURRENTLY $name ON t (n)");
	is_deeply(sync(), [ "NOTICE migration \"$name\": applied, 3 statements, N ms", 'CALL', 'ready I' ], "... executed for $name");
}
bind_execute('named', 'e', 'INSERT INTO t VALUES (4); COMMIT; CREATE INDEX CONCURRENTLY e ON t (n)');
is_deeply(sync(), [ 'NOTICE migration "e": unchanged, 0 statements, N ms', 'CALL', 'ready I' ], '... and once more');
bind_execute('named', 'f', 'CREATE TABLE f (); COMMIT; SELECT 1 / 0');
is_deeply(sync(), [ '22012 migration "f" failed at statement 3 of 3 (line 1): division by zero', 'ready I' ], '... and with an error after a commit');
bind_execute('named', 'f', 'CREATE TABLE f (); COMMIT; SELECT 1 / 1');
is_deeply(sync(), [ 'NOTICE migration "f": resumed, 1 statement, N ms', 'CALL', 'ready I' ], '... which it goes on after');
bind_execute('named', 'f', 'CREATE TABLE f ();');
like(sync()->[0], qr/^RM001 /, '... and an error before anything is done');
is_deeply(query('SELECT 1'), [ 'row', 'SELECT 1', 'ready I' ], '... and the session goes on');

# A pipeline: whatever came before the CALL is not to be committed by it.
execute('INSERT INTO u VALUES (1)');
execute("CALL remigrate.migrate('p1', 'CREATE TABLE p1 ()')");
my $answer = sync();
is_deeply([ $answer->[0], $answer->[2] ], [ 'INSERT 0 1', 'ready I' ], 'a pipeline: INSERT, CALL');
like($answer->[1], $refused, '... is refused');
is($node->safe_psql('postgres', 'SELECT count(*) FROM u'), 0, '... and its INSERT undone');

execute("CALL remigrate.migrate('p2', 'CREATE TABLE p2 ()')");
execute("CALL remigrate.migrate('p3', 'CREATE TABLE p3 ()')");
$answer = sync();
is_deeply([ @$answer[ 0, 1, 3 ] ], [ 'NOTICE migration "p2": applied, 1 statement, N ms', 'CALL', 'ready I' ], 'CALL, CALL: the first is run');
like($answer->[2], $refused, '... and the second refused');
execute("CALL remigrate.migrate('p4', 'CREATE TABLE p4 (); COMMIT; SELECT 1')");
execute('INSERT INTO u VALUES (2)');
execute('SELECT 1 / 0');
is_deeply(sync(), [ 'NOTICE migration "p4": applied, 3 statements, N ms', 'CALL', 'INSERT 0 1', '22012 division by zero', 'ready I' ],
	'CALL, INSERT, error: the CALL stands');
is($node->safe_psql('postgres', 'SELECT count(*) FROM u'), 0, '... and the INSERT is undone');
execute('BEGIN');
execute('CALL remigrate.deploy()');
$answer = sync();
like($answer->[1], $refused, 'BEGIN, CALL: refused');
is($answer->[2], 'ready E', '... in a transaction that has failed');
is_deeply(query('ROLLBACK'), [ 'ROLLBACK', 'ready I' ], '... and ends');

# Several statements in one query, or in a transaction of its own
$answer = query('INSERT INTO u VALUES (3); CALL remigrate.deploy()');
like($answer->[1], $refused, 'two statements in one query: refused');
$answer = query("CALL remigrate.migrate('q', 'SELECT 1'); SELECT 1");
like($answer->[0], $refused, '... in the other order, too');
is($node->safe_psql('postgres', 'SELECT count(*) FROM u'), 0, '... and nothing of it stands');
is_deeply(query('CALL remigrate.deploy();'), [ 'NOTICE no migration of schema "public" is pending', 'CALL', 'ready I' ], 'one with a semicolon is one');

is(applied(), '0 a b c d e f p2 p4', 'what was run');
is($node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'no lock is left');

# Flush instead of Sync between the messages; then the client goes away.
execute("CALL remigrate.migrate('g', 'CREATE TABLE g (); COMMIT; SELECT pg_sleep(0.3); CREATE TABLE g2 ()')");
send_message('H', '');
close $socket;
ok($node->poll_query_until('postgres', "SELECT state = 'applied' FROM remigrate.status() WHERE migration_name = 'g'"),
	'a client that does not wait for the answer: it is run to its end');
connect_to();
execute("CALL remigrate.migrate('g', 'CREATE TABLE g (); COMMIT; SELECT pg_sleep(0.3); CREATE TABLE g2 ()')");
is_deeply(sync(), [ 'NOTICE migration "g": unchanged, 0 statements, N ms', 'CALL', 'ready I' ], '... and the next one is told so');

$node->stop;
done_testing();
