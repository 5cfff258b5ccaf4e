# The parts of test/bench: each returns what it has found, as Markdown.
package Parts;
use strict;
use warnings;
use utf8;
use Digest::SHA qw(sha256_hex);
use JSON::PP;
use MIME::Base64;
use Bench;
use Contenders;

sub _numbers
{
	my ($variable, $default) = @_;
	return split ' ', $ENV{$variable} || $default;
}

# 1,000 for 1000.
sub _count
{
	my ($number) = @_;
	return scalar reverse join ',', unpack '(A3)*', reverse $number;
}

sub machine
{
	my $cpuinfo = slurp('/proc/cpuinfo');
	my ($model) = $cpuinfo =~ /^model name\s*:\s*(.*)/m;
	my $cores = () = $cpuinfo =~ /^processor\s*:/mg;
	my ($memory) = slurp('/proc/meminfo') =~ /^MemTotal:\s*(\d+)/m;
	my ($load) = split ' ', slurp('/proc/loadavg');
	my $kernel = `uname -sr`;
	chomp $kernel;
	my $version = sql('postgres', 'SHOW server_version');
	return sprintf(
		"%s, %d cores, %.0f GB, %s; PostgreSQL %s; load before: %s; medians of %d runs\n\n",
		$model // `uname -m`, $cores, $memory / 2**20, $kernel, $version, $load, $runs);
}

# --- a: migrations into an empty database --------------------------------

sub _tables
{
	my ($database) = @_;
	return sql($database,
		q(SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'Item%'));
}

# Each in a database of its own, which is left there.
sub _deployments
{
	my ($count) = @_;
	my @contenders = contenders();
	return map {
		my $contender = $contenders[$_];
		my $database = "deployed_$_";
		my $run = $contender->{run}->($count);
		{
			name => $contender->{name},
			key => $contender->{key} // '',
			database => $database,
			run => $run,
			before => sub {
				new_database($database, $contender->{extension});
				return $run->($database);
			},
			after => sub {
				my $found = _tables($database);
				die "made $found of $count tables\n" if $found != $count;
				return 0;
			}
		}
	} 0 .. $#contenders;
}

sub part_a
{
	my $text = '';
	for my $count (_numbers(COUNTS => '100 1000'))
	{
		my %found;
		my @contenders = _deployments($count);
		for my $fsync (qw(on off))
		{
			say_progress("$count migrations, fsync $fsync");
			server_option(fsync => $fsync);
			$found{$fsync} = measure(@contenders);
		}
		my ($on, $off) = @found{qw(on off)};
		my $base = contender('psql')->{name};
		my $rows = sub {
			my ($name) = @_;
			return [
				$name,
				map { ($_->[2]->($_->[0]{$name}{ $_->[1] }), ratio($_->[0]{$name}{ $_->[1] }, $_->[0]{$base}{ $_->[1] })) }
				  [ $on, 'wall', \&seconds ],
				[ $off, 'wall', \&seconds ],
				[ $off, 'cpu', \&seconds ]
			];
		};
		$text .= '### ' . _count($count) . " migrations\n\n"
		  . table([ '', 'fsync on', '× psql', 'fsync off', '× psql', 'CPU', '× psql' ],
			map { $rows->($_->{name}) } @contenders);
	}
	note(join ', ', Contenders::versions());
	note("Prisma's schema engine runs as WebAssembly (test/prisma/engine.mjs); PRISMA_SCHEMA_ENGINE_BINARY names a native one")
	  if !$ENV{PRISMA_SCHEMA_ENGINE_BINARY} && grep { ($_->{rival} // '') eq 'prisma' } contenders();
	return $text . notes();
}

# --- b: nothing to do ----------------------------------------------------

sub part_b
{
	my $count = 1000;
	my (@contenders, @commands);
	server_option(fsync => 'off');
	for my $contender (_deployments($count))
	{
		next if $contender->{name} =~ /^psql|one transaction/;
		my $database = $contender->{database};
		my $is_there = has_database($database) && _tables($database) == $count;
		if (!$is_there && !eval { measure_once($contender->{before}->()); $contender->{after}->(); 1 })
		{
			note("without $contender->{name}: $@");
			next;
		}
		$contender->{what} =
		  $contender->{key} eq 'deploy'
		  ? { command => [ psql($database, '-c', 'CALL remigrate.deploy()') ] }
		  : $contender->{run}->($database);
		push @contenders, $contender;
	}
	for (@contenders)
	{
		my $environment = $_->{what}{env} // {};
		push @commands,
		  quote(
			join ' ', 'cd', quote($_->{what}{directory} // $work), '&& env',
			(map { quote("$_=$environment->{$_}") } sort keys %$environment),
			map { quote($_) } @{ $_->{what}{command} });
	}
	my $log = `hyperfine --warmup 1 --runs 10 --style none --export-json '$work/noop.json' @commands 2>&1`;
	die $log if $?;
	my @results = @{ decode_json(slurp("$work/noop.json"))->{results} };
	my %times = map { $contenders[$_]{key} || $_ => $results[$_]{median} } 0 .. $#contenders;
	my ($deployed) = grep { $_->{key} eq 'deploy' } @contenders;
	my $open = repeat($deployed->{database}, 'CALL remigrate.deploy()', 20);
	my @rows = ([ '`CALL deploy` in an open session', milliseconds($open), '' ]);
	for (0 .. $#contenders)
	{
		my $contender = $contenders[$_];
		my $name = $contender->{key} eq 'deploy' ? "`psql -c 'CALL deploy()'`" : $contender->{name};
		my $time = $times{ $contender->{key} || $_ };
		push @rows, [ $name, milliseconds($time), ratio($time, $times{client}) ];
	}
	return '### ' . _count($count) . " migrations, all applied\n\n"
	  . table([ '', 'time', '× `remigrate deploy`' ], @rows) . notes();
}

# --- c: status -----------------------------------------------------------

sub part_c
{
	my @rows;
	server_option(fsync => 'off');
	for my $count (_numbers(ROWS => '1000 10000 100000'))
	{
		my @cells = (_count($count));
		for my $with_registry (0, 1)
		{
			new_database('status', 1);
			sql('status', 'SELECT remigrate.apply(\'0_first\', \'CREATE TABLE "First" ()\')',
				<<SQL);
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, started_at, applied_steps_count)
SELECT gen_random_uuid(), encode(sha256(i::text::bytea), 'hex'), now(), 'migration_' || i, now() + i * interval '1 s', 1
FROM generate_series(2, $count) i
SQL
			sql('status', <<'SQL', <<'SQL') if $with_registry;
INSERT INTO remigrate.script SELECT checksum, migration_name::bytea FROM _prisma_migrations ON CONFLICT DO NOTHING
SQL
INSERT INTO remigrate.registry (target_schema, migration_name, checksum, state, staged_at, staged_by)
SELECT 'public', migration_name, checksum, 'applied', now(), current_user FROM _prisma_migrations ON CONFLICT DO NOTHING
SQL
			sql('status', 'VACUUM ANALYZE');
			my $time = repeat('status', 'SELECT * FROM remigrate.status()', $runs + 2);
			push @cells, milliseconds($time), sprintf('%.1f µs', $time / $count * 1e6);
		}
		push @cells,
		  milliseconds(
			repeat('status', 'SELECT * FROM _prisma_migrations ORDER BY migration_name', $runs + 2));
		push @rows, \@cells;
	}
	drop_database('status');
	return "### `SELECT * FROM remigrate.status()`\n\n"
	  . table(
		[
			'journal rows', 'time', 'per row', 'all of them staged too', 'per row',
			'for comparison, `SELECT * FROM _prisma_migrations ORDER BY migration_name`'
		],
		@rows) . notes();
}

# --- d: one large script -------------------------------------------------

# Statements that make about so many bytes, beside a table for them.
sub _script
{
	my ($bytes, $statements) = @_;
	my $script = qq(CREATE TABLE "Load" ("id" INTEGER NOT NULL, "name" TEXT, "note" TEXT);\n);
	my $row = sub { "($_[0], 'name of $_[0]', 'a note that is about as long as notes are, $_[0]')" };
	my $id = 0;
	if (!$statements)
	{
		$script .= 'INSERT INTO "Load" VALUES ' . $row->(++$id) . ";\n"
		  while length $script < $bytes;
		return $script;
	}
	for my $i (1 .. $statements)
	{
		my $end = length($script) + ($bytes - length $script) / ($statements - $i + 1);
		$script .= 'INSERT INTO "Load" VALUES ' . $row->(++$id);
		$script .= ",\n" . $row->(++$id) while length $script < $end;
		$script .= ";\n";
	}
	return $script;
}

# Leaves what the kernel says of the backend's memory.
sub _peak_file
{
	return spew("$work/peak.sql", <<SQL);
SELECT pg_backend_pid() AS pid \\gset
\\setenv BACKEND :pid
\\! cat /proc/\$BACKEND/status >'$work/peak'
SQL
}

# In bytes: the most that the backend had, without the shared buffers.
sub _peak
{
	my $status = slurp("$work/peak");
	my ($peak) = $status =~ /^VmHWM:\s*(\d+)/m;
	my ($shared) = $status =~ /^RssShmem:\s*(\d+)/m;
	return ($peak - $shared) * 1024;
}

sub part_d
{
	my @rows;
	my $peak = _peak_file();
	server_option(fsync => 'off');
	for my $megabytes (_numbers(SIZES => '1 10'))
	{
		for my $statements (0, 4)
		{
			my $script = _script($megabytes * 1e6, $statements);
			my $file = spew("$work/load.sql", $script);
			my $encoded = "'load', decode('" . encode_base64($script, '') . "', 'base64')";
			my @ways = (
				[ '`psql -1 -f`', [ '-1', '-f', $file ] ],
				[ '`CALL migrate`', "CALL remigrate.migrate($encoded);\n" ],
				[ '`apply`', "SELECT remigrate.apply($encoded);\n" ],
				[ '`stage`, `CALL deploy`', "SELECT remigrate.stage($encoded);\nCALL remigrate.deploy();\n" ]);
			my $what = sprintf '%d MB, %s statements', $megabytes,
			  _count(scalar(() = $script =~ /^(?:CREATE|INSERT)/mg));
			say_progress($what);
			my $found = measure(
				map {
					my ($name, $way) = @$_;
					$way = [ '-f', spew("$work/load-" . ($name =~ s/\W//gr) . '.sql', $way) ]
					  if !ref $way;
					{
						name => $name,
						before => sub {
							new_database('load', 1);
							return { command => [ psql('load', @$way, '-f', $peak) ] };
						},
						after => \&_peak
					}
				} @ways);
			my $base = $found->{ $ways[0][0] };
			for (@ways)
			{
				my $result = $found->{ $_->[0] };
				push @rows,
				  [
					$what, $_->[0],
					seconds($result->{wall}), ratio($result->{wall}, $base->{wall}),
					seconds($result->{cpu}), ratio($result->{cpu}, $base->{cpu}),
					sprintf('%.0f MB', ($result->{more} // 0) / 1e6)
				  ];
				$what = '';
			}
		}
	}
	drop_database('load');
	note("Memory is the backend's peak without shared buffers. The calls hold the script in base64.");
	return "### One large script\n\n"
	  . table([ '', '', 'fsync off', '× psql', 'CPU', '× psql', 'memory' ], @rows) . notes();
}

# --- e: checksums --------------------------------------------------------

sub part_e
{
	my ($megabytes, $times) = (32, 8);
	my @rows;
	my $file = spew("$work/content", 'x' x ($megabytes * 1e6));
	server_option(fsync => 'off');
	new_database('checksum', 1);
	sql('checksum', 'CREATE TABLE content (bytes bytea)',
		'ALTER TABLE content ALTER bytes SET STORAGE EXTERNAL',
		"INSERT INTO content VALUES (convert_to(repeat('x', $megabytes * 1000000), 'UTF8'))");
	my @ways = (
		[ '`openssl dgst -sha256`', [ 'openssl', 'dgst', '-sha256', ($file) x $times ] ],
		map { [ "`$_(bytea)`", [ psql('checksum', '-c', "SELECT length($_(bytes)::text) FROM content, generate_series(1, $times)") ] ] }
		  qw(sha256 remigrate.checksum));
	my $found = measure(
		map {
			my $command = $_->[1];
			{ name => $_->[0], before => sub { { command => $command } } }
		} @ways);
	for (@ways)
	{
		my $cpu = $found->{ $_->[0] }{cpu};
		push @rows, [ $_->[0], sprintf('%.0f MB/s', $megabytes * $times / $found->{ $_->[0] }{wall}),
			$cpu ? sprintf('%.0f MB/s', $megabytes * $times / $cpu) : '–' ];
	}
	drop_database('checksum');
	return "### Checksums\n\n" . table([ '', 'throughput', 'by CPU time' ], @rows) . notes();
}

# --- f: the look at a large schema ---------------------------------------

sub part_f
{
	my $count = 1000;
	my @migrations = migrations($count);
	my $script = join '', map { $_->[1] } @migrations;
	my $file = spew("$work/all.sql", $script);
	my $encode = sub { "decode('" . encode_base64($_[0], '') . "', 'base64')" };
	my $journal_rows = join ', ', map { "('$_->[0]')" } @migrations;
	my $bundle = JSON::PP->new->canonical->encode({ map { @$_ } @migrations });
	my $sql = sub {
		my ($name, @lines) = @_;
		return [ '-f', spew("$work/look-$name.sql", map { "$_;\n" } @lines) ];
	};
	my $sound = q(SELECT remigrate.apply('0_first', 'CREATE TABLE "First" ()'));
	my $whole = "SELECT remigrate.apply('9_whole', " . $encode->($script) . ')';
	my $one = "SELECT remigrate.apply('9_one', " . $encode->($migrations[499][1]) . ')';
	server_option(fsync => 'off');

	# [what it is, statements before it, the arguments of psql]
	my @ways = (
		[ 'psql makes the 1,000 tables and their indexes, `psql -1 -f`', undef, [ '-1', '-f', $file ] ],
		[ '`apply` of a script that makes all of them: all are there', [], $sql->(whole => $whole) ],
		[
			'the same, the last one missing', [ 'DROP TABLE "Item1000"' ],
			$sql->(rest => $whole)
		],
		[ '`apply` of a script that makes one of them: it is there', [], $sql->(one => $one) ],
		[
			'`repair` of 1,000 claims, all true',
			[
				"SELECT remigrate.stage_all(\$bundle\$$bundle\$bundle\$)",
				'INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)'
				  . " SELECT gen_random_uuid(), 'remote-migration', now(), name, 1 FROM (VALUES $journal_rows) AS n(name)"
			],
			$sql->(repair => 'SELECT count(*) FROM remigrate.repair()')
		],
		[
			'`repair` where there is nothing to do',
			[
				"SELECT remigrate.stage_all(\$bundle\$$bundle\$bundle\$)",
				'INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)'
				  . " SELECT gen_random_uuid(), 'remote-migration', now(), name, 1 FROM (VALUES $journal_rows) AS n(name)",
				'SELECT count(*) FROM remigrate.repair()'
			],
			$sql->(again => 'SELECT count(*) FROM remigrate.repair()')
		]);
	new_database('made', 1);
	sql('made', $sound);
	system(psql('made', '-1', '-f', $file)) == 0 or die "psql failed\n";
	my $number = 0;
	my $found = measure(
		map {
			my ($name, $before, $arguments) = @$_;
			my $prepared = $before && @$before ? 'prepared_' . ++$number : $before ? 'made' : undef;
			if ($before && @$before)
			{
				drop_database($prepared);
				sql('postgres', qq(CREATE DATABASE "$prepared" TEMPLATE made));
				my $file = $sql->("prepare$number", @$before);
				open my $pipe, '-|', psql($prepared, @$file) or die;
				my @ignored = <$pipe>;
				close $pipe or die "could not prepare $name\n";
			}
			{
				name => $name,
				before => sub {
					if ($prepared)
					{
						drop_database('look');
						sql('postgres', qq(CREATE DATABASE "look" TEMPLATE "$prepared"));
					}
					else
					{
						new_database('look', 1);
						sql('look', $sound);
					}
					return { command => [ psql('look', @$arguments) ] };
				}
			}
		} @ways);
	my $base = $found->{ $ways[0][0] };
	my @rows = map {
		my $result = $found->{ $_->[0] };
		[
			$_->[0],
			seconds($result->{wall}), ratio($result->{wall}, $base->{wall}),
			seconds($result->{cpu}), ratio($result->{cpu}, $base->{cpu})
		]
	} @ways;
	drop_database($_) for 'look', 'made', map { "prepared_$_" } 1 .. $number;
	return "### The look at a schema of 1,000 tables\n\n"
	  . table([ '', 'time', '× psql', 'CPU', '× psql' ], @rows) . notes();
}

1;
