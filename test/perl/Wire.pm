# A connection that speaks PostgreSQL's protocol by itself: it tells an error's
# SQLSTATE from its message, sees notices, and notices when the server dies.
package Wire;
use strict;
use warnings;
use IO::Socket::UNIX;

# $path: the socket's folder
sub new
{
	my ($class, %option) = @_;
	my $self = bless { %option, lost => 0 }, $class;
	$self->{socket} = IO::Socket::UNIX->new(
		Peer => "$option{host}/.s.PGSQL.$option{port}")
	  or die "cannot connect to $option{host}: $!\n";
	my %startup = (user => $option{user}, database => $option{database},
		application_name => 'fuzz', client_encoding => 'UTF8');
	my $body = pack('N', 196608) . join('', map { "$_\0$startup{$_}\0" } sort keys %startup) . "\0";
	$self->{socket}->syswrite(pack('N', 4 + length $body) . $body);
	my $answer = $self->_answer;
	die "cannot connect: $answer->{error}{M}\n" if $answer->{error};
	return $self;
}

# By the environment, as psql would.
sub connect
{
	my ($class, $database, $user) = @_;
	return $class->new(host => $ENV{PGHOST}, port => $ENV{PGPORT} || 5432,
		user => $user // $ENV{PGUSER} // 'postgres',
		database => $database);
}

sub _read
{
	my ($self, $length) = @_;
	my $bytes = '';
	while (length $bytes < $length)
	{
		my $got = sysread($self->{socket}, $bytes, $length - length $bytes, length $bytes);
		return if !$got;
	}
	return $bytes;
}

sub _fields
{
	return { map { substr($_, 0, 1) => substr($_, 1) } grep { length } split /\0/, $_[0] };
}

# All up to ReadyForQuery: rows, error, notices, tags, and the transaction's
# state (I, T or E).
sub _answer
{
	my ($self) = @_;
	my %answer = (rows => [], notices => [], tags => [], error => undef);
	while (defined(my $head = $self->_read(5)))
	{
		my ($type, $length) = unpack 'aN', $head;
		my $body = $length > 4 ? $self->_read($length - 4) : '';
		last if !defined $body;
		if ($type eq 'D')
		{
			my ($count, @rest) = unpack 'n', $body;
			my $at = 2;
			for (1 .. $count)
			{
				my $size = unpack 'l>', substr($body, $at, 4);
				push @rest, $size < 0 ? undef : substr($body, $at + 4, $size);
				$at += 4 + ($size < 0 ? 0 : $size);
			}
			push @{$answer{rows}}, \@rest;
		}
		elsif ($type eq 'E') { $answer{error} //= _fields($body) }
		elsif ($type eq 'N') { push @{$answer{notices}}, _fields($body) }
		elsif ($type eq 'C') { push @{$answer{tags}}, $body =~ s/\0$//r }
		elsif ($type eq 'K') { ($self->{pid}) = unpack 'N', $body }
		elsif ($type eq 'G') { $self->_message('f', "no data\0") }
		elsif ($type eq 'Z') { $answer{status} = $body; return \%answer }
	}
	$self->{lost} = 1;
	$answer{lost} = 1;
	$answer{error} //= { C => '08006', M => 'the connection is lost' };
	return \%answer;
}

sub _message
{
	my ($self, $type, $body) = @_;
	my $bytes = $type . pack('N', 4 + length $body) . $body;
	my $sent = 0;
	local $SIG{PIPE} = 'IGNORE';
	while ($sent < length $bytes)
	{
		my $n = syswrite($self->{socket}, $bytes, length($bytes) - $sent, $sent);
		return if !$n;
		$sent += $n;
	}
}

# A simple query.
sub query
{
	my ($self, $sql) = @_;
	$self->_message('Q', "$sql\0");
	return $self->_answer;
}

# One statement with parameters as text; undef is NULL.
sub execute
{
	my ($self, $sql, @parameters) = @_;
	$self->_message('P', "\0$sql\0" . pack('n', 0));
	$self->_message('B', "\0\0" . pack('n n', 0, scalar @parameters)
		  . join('', map { defined $_ ? pack('N', length $_) . $_ : pack('l>', -1) } @parameters)
		  . pack('n', 0));
	$self->_message('E', "\0" . pack('N', 0));
	$self->_message('S', '');
	return $self->_answer;
}

# What must succeed; its rows.
sub must
{
	my ($self, $sql, @parameters) = @_;
	my $answer = @parameters ? $self->execute($sql, @parameters) : $self->query($sql);
	die "$answer->{error}{C} $answer->{error}{M}\nin: " . substr($sql, 0, 2000) . "\n" if $answer->{error};
	return $answer->{rows};
}

# The first value of what must succeed.
sub value
{
	my $rows = must(@_);
	return @$rows ? $rows->[0][0] : undef;
}

sub close
{
	my ($self) = @_;
	$self->_message('X', '');
	close $self->{socket};
}

1;
