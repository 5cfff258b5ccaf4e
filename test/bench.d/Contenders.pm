# Who runs the small migrations of test/bench: psql, remigrate in each of its
# ways, and other tools, each with the same statements in files of its own form.
package Contenders;
use strict;
use warnings;
use Digest::SHA qw(sha1_hex sha256_hex);
use Exporter qw(import);
use File::Path qw(make_path);
use JSON::PP;
use MIME::Base64;
use Bench;
use lib "$Bench::top/test/prisma";
use Project;

our @EXPORT = qw(contenders contender migrations @all_rivals);
our @all_rivals = qw(dbmate node-pg-migrate graphile-migrate sqitch prisma);

# --- The migrations ------------------------------------------------------

# [name, script]…: each a table and an index.
sub migrations
{
	my ($count) = @_;
	return map {
		my $table = sprintf 'Item%04d', $_;
		[
			sprintf('20260101%02d%02d00_item_%04d', $_ / 60, $_ % 60, $_),
			<<SQL
-- CreateTable
CREATE TABLE "$table" (
    "id" INTEGER NOT NULL,
    "name" TEXT NOT NULL,
    "price" DECIMAL(10,2),
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "${table}_pkey" PRIMARY KEY ("id")
);

-- CreateIndex
CREATE UNIQUE INDEX "${table}_name_key" ON "$table"("name");
SQL
		]
	} 1 .. $count;
}

# Where the files of a form lie, made when first asked for.
sub _files
{
	my ($form, $count, $write) = @_;
	my $folder = "$work/files/$form-$count";
	if (!-e $folder)
	{
		make_path($folder);
		$write->($folder, migrations($count));
	}
	return $folder;
}

sub _psql_file
{
	my ($name, $count, $text) = @_;
	my $folder = _files($name, $count,
		sub { my ($into, @all) = @_; spew("$into/all.sql", $text->(@all)) });
	return sub { { command => [ psql($_[0], '-f', "$folder/all.sql") ] } };
}

# --- psql and remigrate --------------------------------------------------

my $journal = <<'SQL';
CREATE TABLE _prisma_migrations (
    id VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum VARCHAR(64) NOT NULL,
    finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL,
    logs TEXT,
    rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0
);
SQL

sub _journal_row
{
	my ($name, $script) = @_;
	my $checksum = sha256_hex($script);
	return "INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name,"
	  . " started_at, applied_steps_count) VALUES (gen_random_uuid(), '$checksum',"
	  . " clock_timestamp(), '$name', now(), 1);\n";
}

sub _call
{
	my ($name, $script) = @_;
	return "'$name', decode('" . encode_base64($script, '') . "', 'base64')";
}

# The migrations as Prisma keeps them.
sub _prisma_files
{
	my ($count) = @_;
	return _files('prisma', $count,
		sub {
			my ($folder, @all) = @_;
			spew("$folder/migrations/$_->[0]/migration.sql", $_->[1]) for @all;
			spew("$folder/migrations/migration_lock.toml", qq(provider = "postgresql"\n));
			spew("$folder/schema.prisma", qq(datasource db {\n  provider = "postgresql"\n}\n));
			spew("$folder/prisma.config.mjs", <<'CONFIG');
export default {
  schema: 'schema.prisma',
  migrations: { path: 'migrations' },
  datasource: { url: process.env.DATABASE_URL },
}
CONFIG
		});
}

# Each has a name, a key, and run: what runs on a database by count.
my %own = (
	bare => {
		name => 'psql, bare',
		run => sub {
			_psql_file('bare', $_[0],
				sub { map { "BEGIN;\n$_->[1]COMMIT;\n" } @_ });
		}
	},
	psql => {
		name => 'psql, with journal rows',
		run => sub {
			_psql_file('psql', $_[0],
				sub { $journal, map { "BEGIN;\n$_->[1]" . _journal_row(@$_) . "COMMIT;\n" } @_ });
		}
	},
	migrate => {
		name => '`CALL migrate`, each',
		extension => 1,
		run => sub {
			_psql_file('migrate', $_[0],
				sub { map { 'CALL remigrate.migrate(' . _call(@$_) . ");\n" } @_ });
		}
	},
	deploy => {
		name => '`stage_all`, `CALL deploy`',
		extension => 1,
		run => sub {
			_psql_file('deploy', $_[0],
				sub {
					my $bundle = JSON::PP->new->canonical->encode({ map { @$_ } @_ });
					return "SELECT remigrate.stage_all(\$bundle\$$bundle\$bundle\$);\n",
					  "CALL remigrate.deploy();\n";
				});
		}
	},
	client => {
		name => '`remigrate deploy`',
		extension => 1,
		run => sub {
			my $folder = _prisma_files($_[0]);
			return sub {
				{
					command => [ "$work/bin/remigrate", 'deploy', '--dir', "$folder/migrations" ],
					env => { DATABASE_URL => url($_[0]) }
				};
			};
		}
	});

# --- Other tools ---------------------------------------------------------

my $npm = (-w $top ? "$top/tmp_check" : $ENV{TMPDIR} || '/tmp') . '/bench';

# Puts what npm has into tmp_check, unless it is there; returns why it can't.
# Not by `npm ci`, which wants the binaries of all machines in the lock file.
sub _install_from_npm
{
	my $here = "$top/test/bench.d";
	my $wanted = join '', map { slurp("$here/package$_.json") } '', '-lock';
	return if -e "$npm/.installed" && slurp("$npm/.installed") eq $wanted;
	make_path($npm);
	spew("$npm/$_", slurp("$here/$_")) for qw(package.json package-lock.json);
	my $log = `cd '$npm' && npm install --ignore-scripts --no-audit --no-fund \\
		--prefer-offline 2>&1 </dev/null`;
	return 'npm: ' . ($log =~ /^npm error (?!code|errno|syscall)(.*)/m ? $1 : $log || $!)
	  if $?;
	spew("$npm/.installed", $wanted);
	return;
}

sub _npm_tool
{
	my ($tool, @arguments) = @_;
	return [ "$npm/node_modules/.bin/$tool", @arguments ];
}

sub _node_pg_migrate
{
	my ($count, @options) = @_;
	my $folder = _files('node-pg-migrate', $count,
		sub {
			my ($into, @all) = @_;
			my $time = 1767225600000;
			for (@all)
			{
				my $name = $_->[0] =~ s/.*?_//r;
				spew("$into/" . ($time += 60000) . "_$name.sql", "-- Up Migration\n$_->[1]");
			}
		});
	return sub {
		{
			command => _npm_tool('node-pg-migrate', 'up', '-m', $folder, '--no-verbose', @options),
			env => { DATABASE_URL => url($_[0]) }
		};
	};
}

my %rivals = (
	dbmate => [
		{
			name => 'dbmate',
			version => sub { `$npm/node_modules/.bin/dbmate --version` =~ /([\d.]+)/ },
			run => sub {
				my $folder = _files('dbmate', $_[0],
					sub {
						my ($into, @all) = @_;
						spew("$into/$_->[0].sql", "-- migrate:up\n$_->[1]\n-- migrate:down\n")
						  for @all;
					});
				return sub {
					{
						command => _npm_tool('dbmate', '-d', $folder, '--no-dump-schema', 'migrate'),
						env => { DATABASE_URL => url($_[0]) . '?sslmode=disable' }
					};
				};
			}
		}
	],
	'node-pg-migrate' => [
		{
			name => 'node-pg-migrate, one transaction',
			run => sub { _node_pg_migrate($_[0]) }
		},
		{
			name => 'node-pg-migrate',
			run => sub { _node_pg_migrate($_[0], '--no-single-transaction') }
		}
	],
	'graphile-migrate' => [
		{
			name => 'graphile-migrate',
			run => sub {
				my $folder = _files('graphile-migrate', $_[0],
					sub {
						my ($into, @all) = @_;
						my ($number, $previous) = (0, '');
						for (@all)
						{
							my $body = $_->[1] =~ s/\s*\z/\n/r;
							my $hash = 'sha1:' . sha1_hex(($previous ? "$previous\n" : '') . $body);
							spew(
								sprintf("$into/migrations/committed/%06d.sql", ++$number),
								'--! Previous: ' . ($previous || '-') . "\n--! Hash: $hash\n\n$body");
							$previous = $hash;
						}
						spew("$into/.gmrc", "{}\n");
					});
				return sub {
					{
						command => _npm_tool('graphile-migrate', 'migrate'),
						directory => $folder,
						env => { DATABASE_URL => url($_[0]) }
					};
				};
			}
		}
	],
	sqitch => [
		{
			name => 'sqitch',
			version => sub { `sqitch --version` =~ /([\d.]+)/ },
			run => sub {
				my $folder = _files('sqitch', $_[0],
					sub {
						my ($into, @all) = @_;
						my $plan = "%syntax-version=1.0.0\n%project=bench\n\n";
						for (@all)
						{
							my ($time, $name) = $_->[0] =~ /^(\d+)_(.*)/;
							$plan .= "$name 2026-01-01T00:00:00Z Bench <bench\@example.com> # $name\n";
							spew("$into/deploy/$name.sql", "BEGIN;\n\n$_->[1]\nCOMMIT;\n");
						}
						spew("$into/sqitch.plan", $plan);
						spew("$into/sqitch.conf", "[core]\n\tengine = pg\n");
					});
				return sub {
					{
						command => [ 'sqitch', 'deploy', 'db:' . url($_[0]) =~ s/^postgresql/pg/r ],
						directory => $folder,
						env => { SQITCH_FULLNAME => 'Bench', SQITCH_EMAIL => 'bench@example.com' }
					};
				};
			}
		}
	],
	prisma => [
		{
			name => 'prisma migrate deploy',
			run => sub {
				my $folder = _prisma_files($_[0]);
				return sub {
					{
						command => [
							'node', "$Project::cache/node_modules/prisma/build/index.js",
							qw(migrate deploy)
						],
						directory => $folder,
						env => {
							Project::cli_environment(7),
							DATABASE_URL => url($_[0]),
							# The native one, where there is one.
							map { $_ => $ENV{$_} } grep { $ENV{$_} } 'PRISMA_SCHEMA_ENGINE_BINARY'
						}
					};
				};
			}
		}
	]);

# Who is there; the others leave a note.
my @found;

sub _find_rivals
{
	my @wanted = split ' ', $ENV{RIVALS} // "@all_rivals";
	@wanted = () if "@wanted" eq 'none';
	return if !@wanted;
	my $log = `"$top/test/install-packages" rivals 2>&1`;
	note("not all packages could be had: " . $log =~ s{\s+}{ }gr) if $?;
	my $npm_lacks = (grep { /dbmate|node|graphile/ } @wanted) ? _install_from_npm() : '';
	for my $rival (@wanted)
	{
		my $lacks =
			!$rivals{$rival} ? 'not known'
		  : $rival eq 'sqitch' ? (`which sqitch` ? '' : 'not installed')
		  : $rival eq 'prisma' ? Project::install()
		  :                      $npm_lacks;
		if ($lacks)
		{
			say_progress("$rival: $lacks");
			note("without $rival: $lacks");
			next;
		}
		push @found, map {
			{ %$_, rival => $rival }
		} @{ $rivals{$rival} };
	}
	return;
}

# What the tools call themselves.
sub versions
{
	my %versions;
	for (contenders())
	{
		my $rival = $_->{rival} // next;
		next if $versions{$rival};
		my ($version) = $_->{version} ? $_->{version}->() : ();
		my $package = "$npm/node_modules/$rival/package.json";
		$package = "$Project::cache/node_modules/prisma/package.json" if $rival eq 'prisma';
		$version //= decode_json(slurp($package))->{version};
		$versions{$rival} = "$rival $version";
	}
	return map { $versions{$_} // () } @all_rivals;
}

sub contender
{
	my ($key) = @_;
	return $own{$key};
}

sub contenders
{
	_find_rivals() if !@found;
	return ((map { { %{ $own{$_} }, key => $_ } } qw(bare psql migrate deploy client)), @found);
}

1;
