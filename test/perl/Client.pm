# Runs the client, for the tests of test/e2e: commands with their output,
# databases, and folders of migrations.
package Client;
use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use Test::More;

our @EXPORT = qw($top $tmp $client spew slurp sh run start finish database
  query url sample folder client_is journal);

our $top = abs_path(dirname(__FILE__) . '/../..');
our $tmp = tempdir(CLEANUP => 1);
$ENV{TMPDIR} = "$tmp/of-client";
make_path($ENV{TMPDIR});
# The one that `make install` has put beside the server's programs.
chomp(our $client = `\$PG_CONFIG --bindir` . '/remigrate');
$client =~ s/\n//;
delete @ENV{qw(DATABASE_URL PGPASSWORD)};

sub slurp
{
	my ($path) = @_;
	open my $file, '<:raw', $path or die "cannot read $path: $!";
	local $/;
	return scalar <$file>;
}

sub spew
{
	my ($path, $bytes) = @_;
	make_path(dirname($path));
	open my $file, '>:raw', $path or die "cannot write $path: $!";
	print $file $bytes;
	close $file or die "cannot write $path: $!";
	return $path;
}

# Starts a command in a process group of its own.
my $runs = 0;

sub start
{
	my @command = @_;
	my $id = $runs++;
	spew("$tmp/$_.$id", '') for qw(out err);
	my $pid = fork // die "cannot fork: $!";
	if (!$pid)
	{
		setpgrp;
		# Whoever runs the tests in the background has them ignored.
		$SIG{$_} = 'DEFAULT' for qw(INT QUIT);
		open STDIN, '<', '/dev/null';
		open STDOUT, '>', "$tmp/out.$id";
		open STDERR, '>', "$tmp/err.$id";
		exec @command or exit 127;
	}
	return { pid => $pid, id => $id, command => "@command" };
}

# Its exit status, and what it has printed.
sub finish
{
	my ($run) = @_;
	waitpid $run->{pid}, 0;
	$run->{status} = $? & 127 ? 128 + ($? & 127) : $? >> 8;
	$run->{out} = slurp("$tmp/out.$run->{id}");
	$run->{err} = slurp("$tmp/err.$run->{id}");
	return $run;
}

sub run
{
	return finish(start(@_));
}

sub sh
{
	return run('sh', '-c', @_);
}

# A database of the test's own, with the extension in it.
my @databases;
my $owner = $$;

sub database
{
	my ($name, %option) = @_;
	$name .= "_$$" . '_' . @databases;
	my $made = sh(qq{psql -Xqc 'CREATE DATABASE "$name"'} . ($option{bare} ? '' :
		qq{ && psql -Xq -d "$name" -c 'CREATE EXTENSION remigrate'}));
	BAIL_OUT($made->{err}) if $made->{status};
	push @databases, $name;
	return $name;
}

END
{
	my $status = $?;
	if ($$ == $owner)
	{
		system 'psql', '-Xqc', 'SET client_min_messages = error', '-c', qq{DROP DATABASE IF EXISTS "$_" WITH (FORCE)} for @databases;
	}
	$? = $status;
}

sub query
{
	my ($database, $sql) = @_;
	my $answer = run('psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $database, '-c', $sql);
	die $answer->{err} if $answer->{status};
	chomp $answer->{out};
	return $answer->{out};
}

# As an application has it, with a password that must not be seen.
sub url
{
	my ($database, $parameters) = @_;
	return "postgresql://postgres:hush%23hush@/$database?host=$ENV{PGHOST}&port=$ENV{PGPORT}"
	  . '&connection_limit=5' . ($parameters // '');
}

sub sample
{
	return "$top/test/sample/prisma/migrations";
}

# A folder of migrations: name => script, undef for one without a script.
my $folders = 0;

sub folder
{
	my %script = @_;
	my $folder = "$tmp/a folder " . $folders++;
	make_path($folder);
	for my $name (keys %script)
	{
		make_path("$folder/$name");
		spew("$folder/$name/migration.sql", $script{$name}) if defined $script{$name};
	}
	return $folder;
}

# Runs the client; tests its exit status and what it prints, if so wished.
sub client_is
{
	my ($arguments, $status, $what, %expected) = @_;
	my $run = run($client, @$arguments);
	my $right = is($run->{status}, $status, "$what: status $status");
	for my $stream (qw(out err))
	{
		$right &&= like($run->{$stream}, $expected{$stream}, "$what: std$stream")
		  if defined $expected{$stream};
	}
	$right or diag("@$arguments\n$run->{out}$run->{err}");
	$run->{err} !~ /hush/ && $run->{out} !~ /hush/ or fail("$what: no secret is shown");
	return $run;
}

# The names of what is applied, by the journal.
sub journal
{
	my ($database, $schema) = @_;
	$schema //= 'public';
	return query($database, qq{SELECT coalesce(string_agg(migration_name, ',' ORDER BY started_at), '')
		FROM "$schema"._prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL});
}

1;
