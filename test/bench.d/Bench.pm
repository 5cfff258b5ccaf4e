# What test/bench measures with: a throw-away server, commands that are timed
# together with what they make the server do, and tables of it.
package Bench;
use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename;
use File::Path qw(make_path);
use POSIX ();
use Time::HiRes qw(time);

our @EXPORT = qw(slurp spew say_progress psql sql server_option new_database has_database
  drop_database url measure measure_once quote repeat median table seconds milliseconds ratio
  note notes $work $runs $top);

our $top = abs_path(dirname(__FILE__) . '/../..');
our $runs = $ENV{RUNS} || 3;
our $work;

# A contender this slow runs once.
my $slow = 10;
my $ticks = POSIX::sysconf(&POSIX::_SC_CLK_TCK);
my @notes;

sub slurp
{
	my ($path) = @_;
	open my $file, '<:raw', $path or die "cannot read $path: $!\n";
	local $/;
	return scalar(<$file>) // '';
}

sub spew
{
	my ($path, @bytes) = @_;
	make_path(dirname($path));
	open my $file, '>:raw', $path or die "cannot write $path: $!\n";
	print $file @bytes;
	close $file or die "cannot write $path: $!\n";
	return $path;
}

sub say_progress
{
	my ($text) = @_;
	print STDERR POSIX::strftime('%H:%M:%S', localtime), " $text\n";
	return;
}

# What is to be said below the next table.
sub note
{
	my ($text) = @_;
	push @notes, $text if !grep { $_ eq $text } @notes;
	return;
}

sub notes
{
	my $text = join '', map { "- $_\n" } splice @notes;
	return $text ? "$text\n" : '';
}

# --- The server ----------------------------------------------------------

sub _succeeds
{
	my (@command) = @_;
	system(@command) == 0 or die "$command[0] failed\n";
	return;
}

# A copy of the installed PostgreSQL with the extension in it, that keeps what
# it commits; no other work of its own may get in the way.
sub start
{
	_succeeds("$top/test/install-packages", 'bench');
	$work = `mktemp -d "\${TMPDIR:-/tmp}/remigrate-bench.XXXXXX"`;
	chomp $work;
	my $pg_config = `$top/test/server copy $work` or die "no server\n";
	chomp $pg_config;
	# make's job server doesn't come through a script.
	local $ENV{MAKEFLAGS} = ($ENV{MAKEFLAGS} // '') =~ s/ *--jobserver-\S*| -j\d*//gr;
	my $log = `cd $top && flock Makefile make -j2 with_llvm=no \\
		PG_CONFIG=$pg_config install 2>&1`;
	die $log if $?;
	_succeeds("$top/test/server", 'start', $work, '-p', 0,
		map { ('-o', $_) } (
			'shared_preload_libraries=', 'fsync=on',
			'full_page_writes=on', 'synchronous_commit=on',
			'shared_buffers=256MB', 'max_wal_size=4GB',
			'checkpoint_timeout=1h', 'autovacuum=off',
			'max_locks_per_transaction=256'));
	for (`$top/test/server env $work`)
	{
		delete @ENV{ split ' ', $1 } if /^unset (.*)/;
		while (/(\w+)=(?:'([^']*)'|(\S+))/g)
		{
			$ENV{$1} = $2 // $3 if $1 ne 'PATH';
		}
	}
	$ENV{PATH} = "$work/bin:$ENV{PATH}";
	# All take the way that node's clients take.
	$ENV{PGHOST} = '127.0.0.1';
	return;
}

sub finish
{
	system("$top/test/server", 'remove', $work) if $work;
	$work = undef;
	return;
}

# Quoted for a shell.
sub quote
{
	my ($text) = @_;
	return "'" . $text =~ s/'/'\\''/gr . "'";
}

sub psql
{
	my ($database, @arguments) = @_;
	return ('psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-d', $database, @arguments);
}

# Runs statements, each in a transaction of its own; returns the rows.
sub sql
{
	my ($database, @statements) = @_;
	open my $pipe, '-|', psql($database, '-At', map { ('-c', $_) } @statements)
	  or die "cannot run psql: $!\n";
	local $/;
	my $rows = <$pipe> // '';
	close $pipe or die "psql failed: @statements\n";
	$rows =~ s{\n\z}{};
	return $rows;
}

sub server_option
{
	my ($name, $value) = @_;
	sql('postgres', "ALTER SYSTEM SET $name = $value", 'SELECT pg_reload_conf()');
	for (1 .. 100)
	{
		return if sql('postgres', "SHOW $name") eq $value;
		select undef, undef, undef, 0.05;
	}
	die "$name does not become $value\n";
}

sub new_database
{
	my ($name, $with_extension) = @_;
	drop_database($name);
	sql('postgres', qq(CREATE DATABASE "$name"));
	sql($name, 'CREATE EXTENSION remigrate') if $with_extension;
	return;
}

sub has_database
{
	my ($name) = @_;
	return sql('postgres', "SELECT 1 FROM pg_database WHERE datname = '$name'");
}

sub drop_database
{
	my ($name) = @_;
	sql('postgres', 'SET client_min_messages = warning',
		qq(DROP DATABASE IF EXISTS "$name"));
	return;
}

sub url
{
	my ($database) = @_;
	return $ENV{DATABASE_URL} =~ s{/[^/]*$}{/$database}r;
}

# --- Measuring -----------------------------------------------------------

sub _stat
{
	my ($pid) = @_;
	my $line = eval { slurp("/proc/$pid/stat") } or return;
	# State, parent, …, utime, stime, cutime, cstime.
	return split ' ', $line =~ s/.*\) //sr;
}

sub _postmaster
{
	my ($pid) = split /\n/, slurp("$work/data/postmaster.pid");
	return $pid;
}

# The server's processes besides the postmaster.
sub _children
{
	my $postmaster = _postmaster();
	return grep { ((_stat($_))[1] // 0) == $postmaster }
	  map { m{/(\d+)$} ? $1 : () } glob '/proc/[0-9]*';
}

# What the server's processes, those that are gone too, have used of the
# processors, in seconds.
sub _server_time
{
	my @own = _stat(_postmaster());
	my $sum = $own[11] + $own[12] + $own[13] + $own[14];
	for my $child (_children())
	{
		my @fields = _stat($child) or next;
		$sum += $fields[11] + $fields[12];
	}
	return $sum / $ticks;
}

# A backend's time counts when it is gone.
sub _wait_for_backends
{
	my %known = map { $_ => 1 } @_;
	for (1 .. 400)
	{
		return if !grep { !$known{$_} } _children();
		select undef, undef, undef, 0.005;
	}
	return;
}

# Runs a command: { command => [...], env => {...}, directory => ... }.
# Returns how long it took, and how long it and the server kept a processor
# busy; dies with what it said if it fails.
sub measure_once
{
	my ($what) = @_;
	my $log = "$work/said";
	my @children = _children();
	my ($server, @times) = (_server_time(), times);
	my $started = time;
	my $pid = fork // die "cannot fork: $!\n";
	if (!$pid)
	{
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', $log;
		open STDERR, '>&', \*STDOUT;
		%ENV = (%ENV, %{ $what->{env} // {} });
		chdir($what->{directory} // $work);
		exec @{ $what->{command} } or POSIX::_exit(127);
	}
	waitpid $pid, 0;
	my $status = $?;
	my $wall = time - $started;
	my @after = times;
	_wait_for_backends(@children);
	die join(' ', $what->{command}[0], 'failed:', substr(slurp($log), -400)), "\n"
	  if $status;
	return {
		wall => $wall,
		cpu => $after[2] + $after[3] - $times[2] - $times[3]
		  + _server_time() - $server
	};
}

sub median
{
	my (@values) = sort { $a <=> $b } @_;
	return @values % 2 ? $values[ $#values / 2 ]
	  : ($values[ @values / 2 - 1 ] + $values[ @values / 2 ]) / 2;
}

# Runs contenders in turn, several times over, so that whatever else goes on
# meanwhile hits all of them.  Each is a hash of
#   name     what the table calls it
#   before   is called before each run, returns what to run
#   after    is called after it, may die
# Returns a hash by names of hashes: wall, cpu (medians) or failed.
sub measure
{
	my (@contenders) = @_;
	my (%all, %failed);
	for my $run (1 .. $runs)
	{
		for my $contender (@contenders)
		{
			my $name = $contender->{name};
			next if $failed{$name};
			next if $run > 1 && $all{$name}[0]{wall} > $slow;
			my $result = eval {
				my $what = $contender->{before}->();
				sql('postgres', 'CHECKPOINT');
				my $result = measure_once($what);
				$result->{more} = $contender->{after}->() if $contender->{after};
				$result;
			};
			if (!$result)
			{
				$failed{$name} = $@;
				say_progress("$name: $@");
				next;
			}
			push @{ $all{$name} }, $result;
		}
	}
	my %medians;
	for my $contender (@contenders)
	{
		my $name = $contender->{name};
		my @results = @{ $all{$name} // [] };
		note("$name failed: " . $failed{$name} =~ s/\s+/ /gr) if $failed{$name};
		note("$name: one run only") if @results == 1 && $runs > 1;
		next if !@results || $failed{$name};
		$medians{$name} = {
			wall => median(map { $_->{wall} } @results),
			cpu => median(map { $_->{cpu} } @results),
			more => median(map { $_->{more} // 0 } @results)
		};
	}
	return \%medians;
}

# How long a query takes in an open session, in seconds: the median of some.
sub repeat
{
	my ($database, $query, $times) = @_;
	my $file = spew("$work/repeat.sql",
		"SET client_min_messages = warning;\n\\o /dev/null\n$query;\n\\timing on\n",
		"$query;\n" x $times);
	my @said = qx(psql -Xq -v ON_ERROR_STOP=1 -d '$database' -f '$file');
	die "failed: $query\n" if $?;
	my @found = map { /^Time: ([\d.]+) ms/ ? $1 / 1000 : () } @said;
	return median(@found);
}

# --- Tables --------------------------------------------------------------

sub seconds
{
	my ($value) = @_;
	return defined $value ? sprintf('%.2f s', $value) : '–';
}

sub milliseconds
{
	my ($value) = @_;
	return '–' if !defined $value;
	return sprintf($value < 0.01 ? '%.2f ms' : $value < 0.1 ? '%.1f ms' : '%.0f ms',
		$value * 1000);
}

sub ratio
{
	my ($value, $base) = @_;
	return defined $value && $base ? sprintf('%.2f', $value / $base) : '–';
}

sub table
{
	my ($heads, @rows) = @_;
	my $text = '';
	for my $row ($heads, [ '---', map { '---:' } 2 .. @$heads ], @rows)
	{
		$text .= '| ' . join(' | ', @$row) . " |\n";
	}
	return "$text\n";
}

1;
