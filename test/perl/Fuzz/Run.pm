# Runs the fuzzers for a time or a number of cases; each case has random
# numbers of its own, by the seed and its number, so that it can be had again.
package Fuzz::Run;
use strict;
use warnings;
use Exporter 'import';
use File::Basename qw(dirname);
use File::Path qw(make_path);
use Fuzz::Memory qw(measure);
use Fuzz::Model qw(prepare new_case check_case check_at shrink as_sql reset_database);
use Fuzz::Soup qw(new_soup begin_round one_call round_sql);
use Wire;

our @EXPORT_OK = qw(run_model run_soup run_memory);

sub seconds_left
{
	my ($run, $n) = @_;
	return 0 if defined $run->{cases} && $n >= $run->{first} + $run->{cases};
	return !defined $run->{until} || time < $run->{until};
}

# What was found, as a file that makes it again.
sub keep
{
	my ($run, $name, $text) = @_;
	make_path($run->{out});
	my $file = "$run->{out}/$name.sql";
	open my $out, '>:raw', $file or die "$file: $!";
	print $out $text;
	close $out;
	return $file;
}

sub seed_case { my ($run, $n) = @_; srand($run->{seed} * 100_003 + $n) }

sub new_database
{
	my ($run, $name, @more) = @_;
	$name .= "_$$";
	my $boot = $run->{connect}->('postgres');
	$boot->query('CREATE ROLE fuzz_user LOGIN; CREATE ROLE fuzz_member IN ROLE pg_monitor; GRANT fuzz_member TO fuzz_user');
	$boot->must("CREATE DATABASE $name TEMPLATE template0 ENCODING 'UTF8' OWNER fuzz_user");
	$boot->close;
	return $name;
}

sub drop_database
{
	my ($run, $name) = @_;
	my $boot = $run->{connect}->('postgres');
	$boot->must("DROP DATABASE $name WITH (FORCE)");
	$boot->close;
}

# What is no right answer to a look.
my $is_wrong = qr/WRONG/;

sub one_model_case
{
	my ($run, $wire, $n, $count) = @_;
	my $wrong = 0;
	my $case = new_case($wire, %{$run->{size} // {}});
	my %seen;
	for my $result (check_case($wire, $case))
	{
		my ($word, $k, $detail, $drift) = @$result;
		$count->{$word}++;
		next if $word !~ ($run->{shown} // $is_wrong) || $seen{$word}++;
		$wrong++ if $word =~ $is_wrong;
		my %found = (%$case, $drift ? (drifts => [$drift]) : ());
		my ($small, $at) = shrink($wire, \%found, $k, $word);
		my ($again) = grep { $_->[0] eq $word } check_at($wire, $small, $at);
		my $file = keep($run, "model-$run->{seed}-$n-" . ($word =~ s/\W/_/gr),
			as_sql($small, $at, "seed $run->{seed}, case $n: $word", $again ? $again->[2] : $detail));
		$run->{tell}->("case $n: $word, see $file");
	}
	return $wrong;
}

# The number of wrong answers.
sub run_model
{
	my ($run) = @_;
	my $name = new_database($run, 'fuzz_model');
	my $wire = $run->{connect}->($name);
	my ($n, $wrong, %count) = ($run->{first} //= 1, 0);
	$wire->must('CREATE EXTENSION remigrate');
	prepare($wire);
	for (; seconds_left($run, $n); $n++)
	{
		seed_case($run, $n);
		my $found = eval { one_model_case($run, $wire, $n, \%count) };
		$wrong += $found // 1;
		next if defined $found;
		$run->{tell}->("case $n: $@");
		last if $wire->{lost};
		reset_database($wire);
	}
	$wire->close;
	drop_database($run, $name) if !$wire->{lost};
	$run->{tell}->(sprintf 'model, seed %d: %d cases; %s', $run->{seed}, $n - $run->{first},
		join ', ', map { "$count{$_} $_" } sort keys %count);
	return $wrong;
}

sub one_round
{
	my ($run, $soup, $n, $count) = @_;
	my $found = 0;
	begin_round($soup);
	for my $call (1 .. 30)
	{
		my @problems = eval { one_call($soup) };
		push @problems, $@ if $@;
		$count->{calls}++;
		$count->{ $soup->{calls}[-1]{outcome} // 'lost' }++;
		for my $problem (@problems)
		{
			$found++;
			my $file = keep($run, "soup-$run->{seed}-$n-$call", round_sql($soup, "seed $run->{seed}, case $n, call $call", $problem));
			$run->{tell}->("case $n, call $call: $problem\n  see $file");
		}
		return ($found, $soup->{wire}{lost}) if $@ || $soup->{wire}{lost};
	}
	return ($found, 0);
}

# The number of broken promises.
sub run_soup
{
	my ($run) = @_;
	my $name = new_database($run, 'fuzz_soup');
	my $admin = $run->{connect}->($name);
	my ($n, $found, %count) = ($run->{first} //= 1, 0);
	for my $file (map { dirname(__FILE__) . "/$_.sql" } qw(catalog soup))
	{
		open my $in, '<', $file or die "$file: $!";
		local $/;
		$admin->must(scalar <$in>);
	}
	$admin->must('SET jit = off; SET client_min_messages = error');
	my $soup = new_soup(sub { $run->{connect}->($name, 'fuzz_user') }, $admin);
	for (; seconds_left($run, $n); $n++)
	{
		seed_case($run, $n);
		my ($problems, $over) = one_round($run, $soup, $n, \%count);
		$found += $problems;
		last if $over;
	}
	my $calls = delete $count{calls};
	$soup->{wire}->close;
	$admin->close;
	drop_database($run, $name) if !$soup->{wire}{lost};
	$run->{tell}->(sprintf 'soup, seed %d: %d cases of 30 calls, %d calls; %s', $run->{seed}, $n - $run->{first}, $calls,
		join ', ', map { "$count{$_} $_" } sort { $count{$b} <=> $count{$a} || $a cmp $b } keys %count);
	$run->{tell}->(join "\n", 'errors of apply and migrate that name no migration:',
		map { sprintf '%6d %s', $soup->{unnamed}{$_}, substr($_, 0, 120) } sort keys %{$soup->{unnamed}}) if $run->{verbose};
	return $found;
}

# 1 if a session's memory grows with the calls.
sub run_memory
{
	my ($run) = @_;
	my $name = new_database($run, 'fuzz_memory');
	my ($wire, $admin) = map { $run->{connect}->($name) } 1, 2;
	$wire->must('CREATE EXTENSION remigrate');
	seed_case($run, 0);
	my $grown = measure($wire, $admin, $run->{calls}, $run->{tell});
	$_->close for $wire, $admin;
	drop_database($run, $name);
	my $limit = 256 * 1024;
	$run->{tell}->(sprintf 'memory, seed %d: %d calls, %+.1f kB over the last four fifths of them but for the server\'s caches, at most %d kB', $run->{seed}, $run->{calls}, $grown / 1024, $limit / 1024);
	return $grown > $limit ? 1 : 0;
}

1;
