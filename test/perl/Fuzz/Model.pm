# Rule by rule, what a look makes of a schema against what the server makes of
# the script: random statements are run one by one, and before the first and
# after each of them remigrate has to go on with the script, to the same end.
package Fuzz::Model;
use strict;
use warnings;
use Exporter 'import';
use Fuzz::Drift qw(drifts may_drift);
use Fuzz::Schema qw(statement inventory pick chance);

our @EXPORT_OK = qw(prepare new_case check_case check_at shrink as_sql reset_database);

my $path = 'SET search_path = public, pg_temp';

sub prepare
{
	my ($wire) = @_;
	(my $file = __FILE__) =~ s/Model\.pm$/catalog.sql/;
	open my $in, '<', $file or die "$file: $!";
	local $/;
	$wire->must(scalar <$in>);
	$wire->must("SET client_min_messages = warning; SET jit = off; $path; SET remigrate.lock_timeout = '60s'");
}

# Drops what cases have committed.
sub reset_database
{
	my ($wire) = @_;
	$wire->query('ROLLBACK');
	my $schemas = $wire->value("SELECT string_agg(quote_ident(nspname), ', ') FROM pg_namespace WHERE oid IN (SELECT oid FROM fuzz.ours)");
	$wire->must("DROP SCHEMA $schemas CASCADE; CREATE SCHEMA public; TRUNCATE remigrate.event_log, remigrate.registry, remigrate.script; $path");
}

sub lines
{
	my ($wire, $what) = @_;
	return join "\n", map { $_->[0] // 'NULL' } @{$wire->must("SELECT * FROM fuzz.$what()")};
}

# Runs a statement; whether the server took it.  Inside of a transaction.
sub try_statement
{
	my ($wire, $text) = @_;
	$wire->must('SAVEPOINT try_');
	my $answer = $wire->query($text);
	$wire->must($answer->{error} ? 'ROLLBACK TO try_' : 'RELEASE try_');
	return !$answer->{error};
}

# Random statements that succeed one after the other.
sub grow
{
	my ($wire, $count) = @_;
	my @statements;
	for (1 .. $count * 4)
	{
		last if @statements == $count;
		my $text = statement(inventory($wire));
		push @statements, $text if try_statement($wire, $text);
	}
	return @statements;
}

sub new_case
{
	my ($wire, %size) = @_;
	$wire->must('BEGIN');
	my @start = grow($wire, int rand($size{start} // 8));
	my @script = grow($wire, 1 + int rand($size{script} // 8));
	$wire->must('ROLLBACK');
	my %case = (start => \@start, script => \@script, committed => chance(0.5), cuts => [ map { chance(0.4) } 1 .. 7 ]);
	$case{migrate} = int rand(@script + 1) if $case{committed} && chance(0.4);
	return \%case;
}

sub text_of { my ($case) = @_; return join ";\n", @{$case->{script}}, '' }

# The catalog after each statement; false where one does not succeed.
sub walk
{
	my ($wire, $case) = @_;
	my @prints;
	$wire->must('BEGIN');
	for (@{$case->{start}})
	{
		try_statement($wire, $_) or $wire->must('ROLLBACK'), return;
	}
	push @prints, lines($wire, 'catalog');
	for (@{$case->{script}})
	{
		try_statement($wire, $_) or $wire->must('ROLLBACK'), return;
		push @prints, lines($wire, 'catalog');
	}
	$wire->must('ROLLBACK');
	$case->{prints} = \@prints;
	return 1;
}

# What is in one text and not in the other, for people.
sub difference
{
	my ($expected, $found) = @_;
	my %expected = map { $_ => 1 } split /\n/, $expected;
	my %found = map { $_ => 1 } split /\n/, $found;
	return join "\n", (map { "- $_" } grep { !$found{$_} } sort keys %expected),
		(map { "+ $_" } grep { !$expected{$_} } sort keys %found);
}

# Runs the rest by hand: the catalog and the rows that should come out.
sub reference
{
	my ($wire, $case, $k) = @_;
	$wire->must('SAVEPOINT reference_');
	my @rest = @{$case->{script}};
	my $good = 1;
	for (@rest[$k .. $#rest])
	{
		$good &&= !$wire->query($_)->{error};
	}
	my $result = $good ? { catalog => lines($wire, 'catalog'), data => lines($wire, 'data') } : undef;
	$wire->must("ROLLBACK TO reference_; $path");
	return $result;
}

sub apply
{
	my ($wire, $case, $journal) = @_;
	$wire->must('SAVEPOINT apply_');
	$wire->must("SELECT remigrate.apply('0_before', 'SELECT 1')") if $journal;
	my $answer = $wire->execute('SELECT remigrate.apply($1, $2)', 'm', text_of($case));
	my %result = (error => $answer->{error});
	if (!$answer->{error})
	{
		%result = (outcome => $answer->{rows}[0][0], catalog => lines($wire, 'catalog'), data => lines($wire, 'data'));
	}
	$wire->must("ROLLBACK TO apply_; $path");
	return \%result;
}

# What becomes of a call at position k, by the schema after k statements.
# Without a doubt there is no look before the script is run.
sub judge
{
	my ($case, $k, $reference, $result, $doubt) = @_;
	my $prints = $case->{prints};
	if ($result->{error})
	{
		# Where it looks like no stage, though it is at one.
		return ($result->{error}{C} ne 'RM002' ? 'needless' : 'refused', "$result->{error}{C} $result->{error}{M}\n" . ($result->{error}{D} // ''));
	}
	my $wrong = !$doubt && $result->{outcome} eq 'applied' ? 'rerun' : 'WRONG';
	return ($wrong, "$result->{outcome}, catalog:\n" . difference($prints->[-1], $result->{catalog})) if $result->{catalog} ne $prints->[-1];
	return ($wrong, "$result->{outcome}, rows:\n" . difference($reference->{data}, $result->{data})) if $result->{data} ne $reference->{data};
	return ('right', $result->{outcome});
}

# Asks at one position, which the session has reached.  A list of results.
sub ask_at
{
	my ($wire, $case, $k) = @_;
	my ($begin, $end) = $case->{committed} ? ('BEGIN', "ROLLBACK; $path") : ('SAVEPOINT ask_', "ROLLBACK TO ask_; $path");
	$wire->must($begin);
	$wire->must('SELECT fuzz.fill()');
	my $reference = reference($wire, $case, $k);
	if (!$reference)
	{
		$wire->must($end);
		$wire->must($begin);
		$reference = reference($wire, $case, $k);
	}
	if (!$reference)
	{
		$wire->must($end);
		return (['skipped', $k, '']);
	}
	my @results;
	my ($seam) = @{$wire->must('SELECT verdict, resume_from, smallest, largest, reason FROM remigrate.seam($1)', text_of($case))};
	my ($verdict, $from, $smallest, $largest, $reason) = @$seam;
	push @results, ['outside', $k, "k = $k, but $verdict from $from ($smallest to $largest): $reason"] if $k < $smallest || $k > $largest;
	my $tables = $wire->value("SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')");
	for my $journal (0, 1)
	{
		my $result = apply($wire, $case, $journal);
		my ($word, $detail) = judge($case, $k, $reference, $result, $tables && !$journal);
		$word = $from == $k ? 'exact' : 'equal' if $word eq 'right' && !$journal;
		push @results, [$journal ? "later $word" : $word, $k, "k = $k, seam says $verdict from $from ($smallest to $largest): $reason\n$detail"];
	}
	$wire->must($end);
	return @results;
}

# Goes on for good, in transactions of its own, and says so.
sub ask_migrate
{
	my ($wire, $case, $k) = @_;
	my $answer = $wire->execute('CALL remigrate.migrate($1, $2)', 'm', text_of($case));
	return ['migrate refused', $k, "$answer->{error}{C} $answer->{error}{M}"] if $answer->{error};
	my $catalog = lines($wire, 'catalog');
	my $state = $wire->value(q{SELECT state FROM remigrate.status() WHERE migration_name = 'm'}) // 'nothing';
	my $right = $catalog eq $case->{prints}[-1] && $state eq 'applied';
	return [$right ? 'migrate right' : 'migrate WRONG', $k, "$state\n" . difference($case->{prints}[-1], $catalog)];
}

# The script as a history of several migrations, of which baseline is asked
# whether the schema holds all of them.  Its error, if there is one.
sub baseline
{
	my ($wire, $case) = @_;
	my (@scripts, $at);
	for (@{$case->{script}})
	{
		push @scripts, q{} if !@scripts || $case->{cuts}[ $at++ % @{$case->{cuts}} ];
		$scripts[-1] .= "$_;\n";
	}
	my $array = '{' . join(',', map { '"' . s/([\\"])/\\$1/gr . '"' } @scripts) . '}';
	$wire->must('SAVEPOINT baseline_');
	$wire->must("SELECT remigrate.stage_all(jsonb_object_agg(lpad(n::text, 3, '0'), s)) FROM unnest(\$1::text[]) WITH ORDINALITY u(s, n)", $array);
	my $answer = $wire->query('SELECT remigrate.baseline(NULL)');
	$wire->must("ROLLBACK TO baseline_; $path");
	return $answer->{error};
}

sub ask_history
{
	my ($wire, $case) = @_;
	my $error = baseline($wire, $case);
	my $k = @{$case->{script}};
	return $error ? ['history needless', $k, "$error->{C} $error->{M}"] : ['history right', $k, ''];
}

# Whether a catalog has all that another one has; what was done by hand may stay
# beside it, under a name or in the column's place that the server gave it.
sub is_beside
{
	my ($wanted, $found) = map { s/(_(?:check|key|idx|seq|fkey|pkey|excl))\d+/$1/gr =~ s/^(column \| .*? \| )\d+/$1/mgr } @_;
	return difference($wanted, $found) !~ /^-/m;
}

# With the whole script run, something of it is changed by hand: whatever comes
# of a call, it must not say that the script is there.
sub ask_drifted
{
	my ($wire, $case, @drifts) = @_;
	my @results;
	for my $drift (@drifts)
	{
		$wire->must('SAVEPOINT drift_');
		if (grep { !try_statement($wire, $_) } split /; (?=CREATE|DROP)/, $drift)
		{
			$wire->must("ROLLBACK TO drift_; $path");
			next;
		}
		my $drifted = lines($wire, 'catalog');
		my $refusal = baseline($wire, $case);
		my $answer = $wire->execute('SELECT remigrate.apply($1, $2)', 'm', text_of($case));
		my $result = $answer->{error} ? undef : lines($wire, 'catalog');
		$wire->must("ROLLBACK TO drift_; $path");
		next if $drifted eq $case->{prints}[-1];
		push @results, ['history ' . ($refusal ? 'refused' : 'WRONG'), scalar @{$case->{script}}, "$drift\n" . difference($case->{prints}[-1], $drifted), $drift];
		my $word = !defined $result ? 'drift refused' :
		  is_beside($case->{prints}[-1], $result) || $answer->{rows}[0][0] eq 'applied' ? 'drift right' : 'drift WRONG';
		push @results, [$word, scalar @{$case->{script}}, "$drift\n" . (defined $result ? "$answer->{rows}[0][0]\n" . difference($case->{prints}[-1], $result) : ''), $drift];
	}
	return @results;
}

sub some_drifts
{
	my ($wire, $case) = @_;
	return if !may_drift($case);
	my @all = drifts($case->{old}, inventory($wire), text_of($case));
	if ($case->{drifts})
	{
		my %all = map { $_ => 1 } @all;
		return grep { $all{$_} } @{$case->{drifts}};
	}
	return map { splice @all, int rand @all, 1 } grep { @all } 1 .. 4;
}

# All positions of a case, or only one: [word, k, detail] each.
sub check_case
{
	my ($wire, $case, $only) = @_;
	my @results;
	walk($wire, $case) or return (['invalid', 0, '']);
	$wire->must('BEGIN') if !$case->{committed};
	$wire->must($_) for @{$case->{start}};
	$case->{old} = inventory($wire);
	for my $k (0 .. @{$case->{script}})
	{
		$wire->must($case->{script}[$k - 1]) if $k > 0;
		next if defined $only && $k != $only;
		push @results, ask_at($wire, $case, $k) if !$case->{drifts};
		if (defined $case->{migrate} && $k == ($only // $case->{migrate}))
		{
			push @results, ask_migrate($wire, $case, $k);
			last;
		}
		if ($k > 0 && $k == @{$case->{script}} && (!defined $only || $case->{drifts}))
		{
			$wire->must('BEGIN') if $case->{committed};
			push @results, ask_history($wire, $case) if !$case->{drifts};
			push @results, ask_drifted($wire, $case, some_drifts($wire, $case));
			$wire->must("ROLLBACK; $path") if $case->{committed};
		}
		last if defined $only;
	}
	if ($case->{committed}) { reset_database($wire) }
	else { $wire->must("ROLLBACK; $path") }
	return @results;
}

sub check_at
{
	my ($wire, $case, $k) = @_;
	my @results = eval { check_case($wire, $case, $k) };
	reset_database($wire) if $@;
	return @results;
}

# The same with as few statements as possible.
sub shrink
{
	my ($wire, $case, $k, $word) = @_;
	my $shorter = 1;
	while ($shorter)
	{
		$shorter = 0;
		for my $part ('start', 'script')
		{
			for (my $i = $#{$case->{$part}}; $i >= 0; $i--)
			{
				my %try = (%$case, start => [@{$case->{start}}], script => [@{$case->{script}}]);
				splice @{$try{$part}}, $i, 1;
				my $at = $part eq 'script' && $i < $k ? $k - 1 : $k;
				next if !@{$try{script}};
				next if !grep { $_->[0] eq $word } check_at($wire, \%try, $at);
				($case, $k, $shorter) = (\%try, $at, 1);
			}
		}
	}
	return ($case, $k);
}

# A case as a script for psql.
sub as_sql
{
	my ($case, $k, @comments) = @_;
	my $script = text_of($case);
	return join '', (map { s/^/-- /mgr . "\n" } @comments),
		"CREATE DATABASE remigrate_fuzz TEMPLATE template0;\n\\c remigrate_fuzz\nCREATE EXTENSION remigrate;\n",
		$case->{committed} ? '' : "BEGIN;\n", "SET search_path = public, pg_temp;\n", '-- the start',
		"\n", (map { "$_;\n" } @{$case->{start}}), "-- what has run, $k of " . @{$case->{script}} . "\n",
		(map { "$_;\n" } @{$case->{script}}[ 0 .. $k - 1 ], map { ("-- by hand\n$_") } @{$case->{drifts} // []}),
		"\\x\nSELECT * FROM remigrate.seam(\$script\$\n$script\$script\$);\n",
		$case->{committed} ? "BEGIN;\n" : '',
		"SELECT remigrate.apply('m', \$script\$\n$script\$script\$);\nROLLBACK;\n",
		defined $case->{migrate} ? "CALL remigrate.migrate('m', \$script\$\n$script\$script\$);\n" : '';
}

1;
