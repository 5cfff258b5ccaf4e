# Upgrade scripts: whoever installed any released version and runs ALTER
# EXTENSION remigrate UPDATE has what a fresh installation has, and all the
# rows and settings that he had.
#
# A released version is a sql/remigrate--VERSION.sql, which stays.  Whether the
# comparison would see a mistake is tried with a made-up version.

use strict;
use warnings;

use File::Basename;
use File::Copy;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Catalog;

my $pg_config = $ENV{PG_CONFIG} || 'pg_config';
chomp(my $sharedir = `'$pg_config' --sharedir`);
chomp(my $pkglibdir = `'$pg_config' --pkglibdir`);

sub match_in
{
	my ($file, $pattern) = @_;
	my ($found) = slurp_file($file) =~ $pattern;
	return $found // 'none';
}

# --- One version everywhere ----------------------------------------------------

my $version = match_in('remigrate.control', qr/^default_version = '(.*)'/m);
my $date = '\d{4}-\d\d-\d\d';
is(match_in('CHANGELOG.md', qr/^## (.*)/m) =~ s/ \($date\)$//r, $version,
	'CHANGELOG.md begins with the version of remigrate.control');
is_deeply([ sort { $a cmp $b } slurp_file('META.json') =~ /"version":\s*"(.*?)"/g ],
	[ sort { $a cmp $b } $version, $version, '1.0.0' ],
	'META.json has it twice, and that of its own form');
is(match_in('META.json', qr/"file":\s*"(.*?)"/), "sql/remigrate--$version.sql",
	'... and names its install script');
is(match_in('src/bin/begin.sh', qr/^version=(.*)/m), $version, 'the client has it');
is(match_in('src/bin/remigrate.1', qr/^\.TH .* "remigrate (\S+)"/m), $version,
	'... and its manual');
is(match_in('src/compat.h', qr/\.version = "(.*?)"/), $version, '... and the module');
my @released = map { /remigrate--((?:(?!--).)*)\.sql$/ } glob 'sql/remigrate--*.sql';
ok((grep { $_ eq $version } @released), 'there is an install script of it');
my $changelog = slurp_file('CHANGELOG.md');
my @undescribed = grep { $changelog !~ /^## \Q$_\E( \($date\))?$/m } @released;
is("@undescribed", '', 'each version that can be installed is in CHANGELOG.md');

# --- A server with files of its own ----------------------------------------------

# Not to be written to: the installed files are those of other tests, too.
my $copy = PostgreSQL::Test::Utils::tempdir() . '/server';
{
	local $ENV{PG_CONFIG} = $pg_config;
	system_or_bail('test/server', 'copy', $copy);
}
chomp(my $extensions = `$copy/bin/pg_config --sharedir`);
$extensions .= '/extension';
copy($_, $extensions) or die "$_: $!"
  for "$sharedir/extension/remigrate.control",
  glob "$sharedir/extension/remigrate--*.sql";
chomp(my $libraries = `$copy/bin/pg_config --pkglibdir`);
copy("$pkglibdir/remigrate.so", $libraries) or die "remigrate.so: $!";

my $node = PostgreSQL::Test::Cluster->new('upgrade', install_path => $copy);
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->append_conf('postgresql.conf', 'fsync = off');
$node->start;

# A database's owner installs and upgrades; others were let in.
$node->safe_psql('postgres', 'CREATE ROLE owner LOGIN; CREATE ROLE deployer LOGIN');

sub owner
{
	my ($database, $sql) = @_;
	my ($status, $out, $err) = $node->psql($database, $sql,
		on_error_stop => 1, extra_params => [ '-U', 'owner' ]);
	die "$err in: $sql" if $status;
	return $out;
}

my $databases = 0;

sub new_database
{
	my ($installed) = @_;
	my $name = 'd' . ++$databases;
	$node->safe_psql('postgres', "CREATE DATABASE $name OWNER owner");
	$node->safe_psql($name, 'GRANT ALL ON SCHEMA public TO owner, deployer');
	owner($name, "CREATE EXTENSION remigrate VERSION '$installed'");
	return $name;
}

# --- What there is to lose -------------------------------------------------------

sub fill
{
	my ($database) = @_;
	owner($database, <<'END');
SELECT remigrate.apply('1_init', 'CREATE TABLE "User" (id int); INSERT INTO "User" VALUES (1), (1)');
CALL remigrate.migrate('2_concurrently', 'CREATE INDEX CONCURRENTLY u ON "User" (id); VACUUM "User"');
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)
	VALUES (gen_random_uuid(), repeat('0', 64), now(), '3_of_prisma', 1);
SELECT remigrate.stage('4_staged', 'CREATE TABLE later (at int)');
CREATE SCHEMA other;
SELECT remigrate.stage('1_other', 'CREATE TABLE unique_names (n text); INSERT INTO unique_names VALUES (''a''), (''a'');
CREATE UNIQUE INDEX CONCURRENTLY unique_names_n ON unique_names (n)', 'other');
GRANT USAGE ON SCHEMA remigrate TO deployer;
GRANT EXECUTE ON PROCEDURE remigrate.deploy(text, text, interval, interval) TO deployer;
GRANT SELECT ON remigrate.event_log TO deployer WITH GRANT OPTION;
GRANT ALL ON _prisma_migrations TO deployer;
END
	$node->safe_psql('postgres', "ALTER DATABASE $database SET remigrate.lock_timeout = '1234 ms'");
	# Half of it stays, and is on record.
	$node->psql($database, "CALL remigrate.deploy(target_schema => 'other')",
		extra_params => [ '-U', 'owner' ]);
}

# The columns of the extension's tables that two databases have in common
sub columns_of
{
	my %count;
	for my $database (@_)
	{
		$count{$_}++ for split /\n/, $node->safe_psql($database, <<'END');
SELECT attrelid::regclass || ' ' || quote_ident(attname) FROM pg_attribute
JOIN pg_class c ON c.oid = attrelid WHERE relnamespace = 'remigrate'::regnamespace
AND relkind = 'r' AND attnum > 0 AND NOT attisdropped
END
	}
	my %columns;
	for (sort grep { $count{$_} == @_ } keys %count)
	{
		my ($table, $column) = split / /, $_, 2;
		push @{ $columns{$table} }, $column;
	}
	return \%columns;
}

# Everything that must not change
sub rows_of
{
	my ($database, $columns) = @_;
	my $queries = join "\n", map {
		my $list = join ', ', @{ $columns->{$_} };
		"SELECT '$_', $list FROM $_ ORDER BY ($list)::text;"
	} sort keys %$columns;
	return $node->safe_psql($database, $queries . <<'END');
SELECT 'journal', j.* FROM public._prisma_migrations j ORDER BY started_at, id;
SELECT 'other journal', j.* FROM other._prisma_migrations j ORDER BY started_at, id;
SELECT 'setting', current_setting('remigrate.lock_timeout');
END
}

sub update
{
	my ($database, $new) = @_;
	owner($database, "ALTER EXTENSION remigrate UPDATE TO '$new'");
}

sub compare
{
	my ($old, $new) = @_;
	my $fresh = new_database($new);
	my $database = new_database($old);
	update($database, $new);
	is(difference(catalog_of($node, $fresh), catalog_of($node, $database)), '',
		"$old, updated to $new, is what a fresh installation is");

	$database = new_database($old);
	fill($database);
	my $columns = columns_of($database, $fresh);
	my $before = rows_of($database, $columns);
	like($before, qr/1_init.*2_concurrently.*4_staged/s, 'there is something to lose');
	update($database, $new);
	is(rows_of($database, $columns), $before, '... and nothing is lost');
	is(owner($database, <<'END'), <<'END' =~ s/\n\z//r, '... and all goes on');
SELECT migration_name, state FROM remigrate.status();
SELECT migration_name, state FROM remigrate.status('other');
CALL remigrate.deploy();
SELECT remigrate.require(ARRAY['4_staged']);
SELECT * FROM remigrate.repair();
DELETE FROM other.unique_names WHERE ctid = '(0,1)';
CALL remigrate.deploy(target_schema => 'other');
SELECT remigrate.require(target_schema => 'other');
SELECT string_agg(action, ' ' ORDER BY id) FROM remigrate.event_log;
END
1_init|applied
2_concurrently|applied
3_of_prisma|applied
4_staged|pending
1_other|failed
1
1
applied applied failed applied resumed
END
	is($node->safe_psql($database, 'CALL remigrate.deploy()', extra_params => [ '-U', 'deployer' ]),
		'', '... also for those who were let in');
}

# --- Released versions -------------------------------------------------------------

is($node->safe_psql('postgres', <<"END"), '', 'from each version a path leads to the default one');
SELECT source FROM pg_extension_update_paths('remigrate')
WHERE target = '$version' AND path IS NULL
END
for my $old (grep { $_ ne $version } sort @released)
{
	compare($old, $version);
}

# --- Would it be seen? ---------------------------------------------------------------

# What a next version may bring: statements of an upgrade script, and what a
# fresh installation's script says instead of, or after, something of its own.
my @change = (
	{
		name => 'a column',
		upgrade => 'ALTER TABLE remigrate.registry ADD COLUMN note text;',
		after => qr/(last_error text,)/,
		fresh => "\n\tnote text,",
	},
	{
		name => 'a comment',
		upgrade => "COMMENT ON TABLE remigrate.script IS 'Other words.';",
	},
	{
		name => 'a view',
		upgrade => q{DO $do$ BEGIN EXECUTE 'CREATE OR REPLACE VIEW remigrate.overview AS '
	|| rtrim(pg_get_viewdef('remigrate.overview'::regclass), ';') || ' LIMIT 10'; END $do$;},
	},
	{
		name => 'a table',
		upgrade => 'CREATE TABLE remigrate.more (a int PRIMARY KEY, b text CHECK (b <> $$$$));',
	},
	{
		name => 'its dump',
		upgrade => q{SELECT pg_extension_config_dump('remigrate.more', '');},
	},
	{
		name => 'a right to it',
		upgrade => 'GRANT SELECT ON remigrate.more TO @extowner@ WITH GRANT OPTION;',
	},
	{
		name => 'an index',
		upgrade => 'CREATE INDEX more_b ON remigrate.more (lower(b)) WHERE a > 0;',
	},
	{
		name => 'a function',
		upgrade => q{CREATE FUNCTION remigrate.hello(a int DEFAULT 1) RETURNS text
	LANGUAGE C IMMUTABLE PARALLEL SAFE AS 'MODULE_PATHNAME', 'remigrate_checksum';},
	},
	{
		name => 'its comment',
		upgrade => q{COMMENT ON FUNCTION remigrate.hello(int) IS 'Says hello.';},
	},
	{
		name => 'its revocation',
		upgrade => 'REVOKE ALL ON FUNCTION remigrate.hello(int) FROM PUBLIC;',
	},
	{
		name => 'a right to call it',
		upgrade => 'GRANT EXECUTE ON FUNCTION remigrate.hello(int) TO @extowner@ WITH GRANT OPTION;',
	},
	{
		name => 'a setting of a function',
		upgrade => 'ALTER FUNCTION remigrate.unschedule() SET search_path = pg_catalog;',
	},
	{
		name => 'a type',
		upgrade => q{CREATE TYPE remigrate.mood AS ENUM ('good', 'bad');},
	},
);
my $next = "$version+test";

sub write_script
{
	my ($name, $text) = @_;
	open my $file, '>', "$extensions/remigrate--$name.sql" or die "$name: $!";
	print $file $text;
	close $file or die "$name: $!";
}

my $install = slurp_file("$extensions/remigrate--$version.sql");
for (@change)
{
	if ($_->{after})
	{
		$install =~ s/$_->{after}/$1$_->{fresh}/ or die "$_->{name}: nothing to change";
	}
	else
	{
		$install .= "$_->{upgrade}\n";
	}
}
write_script($next, $install);

sub write_upgrade
{
	write_script("$version--$next", join "\n", @_, '');
}

write_upgrade(map { $_->{upgrade} } @change);
# Of a table the new column comes last, unlike that of a fresh installation
# only if this says otherwise.
compare($version, $next);

# A statement that was forgotten, with those that make no sense without it.
my $fresh = catalog_of($node, new_database($next));
my $wrong = sub {
	my ($what, $pattern, @upgrade) = @_;
	write_upgrade(@upgrade);
	my $database = new_database($version);
	update($database, $next);
	like(difference($fresh, catalog_of($node, $database)), $pattern, "$what is seen");
	$node->safe_psql('postgres', "DROP DATABASE $database");
};
my %seen = (
	'a column' => qr/^-table column remigrate\.registry\.|^-table remigrate\.registry: column: \d+ note /m,
	'a comment' => qr/^-table remigrate\.script: comment: 0 Other words/m,
	'a view' => qr/^\+view remigrate\.overview: relation:/m,
	'a table' => qr/^-table remigrate\.more: exists: member/m,
	'its dump' => qr/^-extension remigrate: extension: .*remigrate\.more/m,
	'a right to it' => qr/^-table remigrate\.more: relation: .*owner=r\*/m,
	'an index' => qr/^-index remigrate\.more_b: relation:/m,
	'a function' => qr/^-function remigrate\.hello\(integer\): exists: member/m,
	'its comment' => qr/^-function remigrate\.hello\(integer\): comment:/m,
	'its revocation' => qr/^\+function remigrate\.hello\(integer\): routine: \S+ rights =X\//m,
	'a right to call it' => qr/^-function remigrate\.hello\(integer\): routine: \S+ rights owner=X\*/m,
	'a setting of a function' => qr/^-function remigrate\.unschedule\(\): routine: .*search_path/m,
	'a type' => qr/^-type remigrate\.mood: type: .*'good' 'bad'/m,
);
for my $change (@change)
{
	my ($object) = $change->{upgrade} =~ /^CREATE (?:TABLE|FUNCTION) (\S+?)(?:\(| )/;
	$wrong->("$change->{name} that is missing", $seen{ $change->{name} },
		grep { $_ ne $change->{upgrade} && (!$object || !/\Q$object\E\b/) }
		  map { $_->{upgrade} } @change);
}

# What is there, but not as it should be
for (
	[ 'another type', qr/^-.*note text/m, 'note text', 'note varchar' ],
	[ 'another default', qr/^-.*DEFAULT 1/m, 'DEFAULT 1', 'DEFAULT 2' ],
	[ 'another volatility', qr/^-.*IMMUTABLE/m, 'IMMUTABLE', 'STABLE' ],
	[ 'another order of labels', qr/^-type remigrate\.mood:/m, "'good', 'bad'", "'bad', 'good'" ],
	[ 'a right without the grant option', qr/^-.*owner=X\*/m,
		'FUNCTION remigrate.hello(int) TO @extowner@ WITH GRANT OPTION',
		'FUNCTION remigrate.hello(int) TO @extowner@' ],
	[ 'a constraint that is not valid', qr/^-table constraint .*more/m,
		'CHECK (b <> $$$$));', '); ALTER TABLE remigrate.more ADD CHECK (b <> $$$$) NOT VALID;' ],
	[ 'an object that is no member', qr/^\+type remigrate\.mood: exists: no member/m,
		"('good', 'bad');", "('good', 'bad'); ALTER EXTENSION remigrate DROP TYPE remigrate.mood;" ],
	[ 'another owner', qr/^\+table remigrate\.more: relation: r p owner/m,
		'$$$$));', '$$$$)); ALTER TABLE remigrate.more OWNER TO @extowner@;' ],
	[ 'an object left behind', qr/^\+table remigrate\.left_behind: exists: member/m,
		'CREATE TYPE', 'CREATE TABLE remigrate.left_behind (); CREATE TYPE' ],)
{
	my ($what, $pattern, $from, $to) = @$_;
	my $upgrade = join "\n", map { $_->{upgrade} } @change;
	$upgrade =~ s/\Q$from\E/$to/ or die "$what: nothing to change";
	$wrong->($what, $pattern, $upgrade);
}

# --- An upgrade that fails leaves everything as it was ----------------------------------

write_upgrade((map { $_->{upgrade} } @change), 'SELECT 1 / 0;');
my $database = new_database($version);
fill($database);
my $columns = columns_of($database);
my $before = catalog_of($node, $database) . rows_of($database, $columns);
my ($status, $out, $err) = $node->psql($database, 'ALTER EXTENSION remigrate UPDATE TO ' . "'$next'",
	extra_params => [ '-U', 'owner' ]);
like($err, qr/ERROR:  division by zero/, 'an upgrade that fails');
is(catalog_of($node, $database) . rows_of($database, $columns), $before, '... changes nothing');

$node->stop;
done_testing();
