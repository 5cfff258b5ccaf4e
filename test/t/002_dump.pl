# Registry, event log and journal through pg_dump and pg_restore.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;

$node->safe_psql('postgres', <<'END');
CREATE DATABASE before;
\c before
CREATE EXTENSION remigrate;
CREATE SCHEMA "Other";
SELECT remigrate.apply('1_init', 'CREATE TABLE "User" (id serial); INSERT INTO "User" DEFAULT VALUES');
SELECT remigrate.apply('2_view', 'CREATE VIEW v AS SELECT * FROM "User"');
SELECT remigrate.apply('1_init', 'CREATE TABLE other ()', 'Other');
SELECT remigrate.apply('3_ü', E'-- Größe\nSELECT 1;\r\n');
CREATE SCHEMA work;
CREATE TABLE work.twice AS SELECT 1 AS a FROM generate_series(1, 2);
SELECT remigrate.apply('1_before', 'SELECT 1', 'work');
SELECT remigrate.stage('2_half', 'ALTER TABLE twice ADD b int;
CREATE UNIQUE INDEX CONCURRENTLY twice_a ON twice (a); ALTER TABLE twice ADD c int', 'work');
SELECT remigrate.stage('3_later', 'CREATE TABLE later ()', 'work');
ALTER DATABASE before SET remigrate.on_edited = warning;
END
# Of this one half is done.
my ($status, $out, $err) = $node->psql('before', q{CALL remigrate.deploy(target_schema => 'work')});
like($err, qr/ERROR:  migration "2_half" failed at statement 2 of 3/, 'a migration is in progress');

my $contents = <<'END';
SELECT * FROM remigrate.script ORDER BY 1;
SELECT * FROM remigrate.registry ORDER BY 1, 2;
SELECT * FROM remigrate.event_log ORDER BY id;
SELECT * FROM public._prisma_migrations ORDER BY started_at;
SELECT * FROM "Other"._prisma_migrations ORDER BY started_at;
SELECT * FROM work._prisma_migrations ORDER BY started_at;
SELECT * FROM remigrate.status();
SELECT * FROM remigrate.status('work');
SELECT * FROM remigrate.overview ORDER BY 1;
SELECT * FROM v;
END
my $before = $node->safe_psql('before', $contents);
like($before, qr/1_init.*2_view.*3_ü/s, 'there is something to dump');
my $last = $node->safe_psql('before', 'SELECT max(id) FROM remigrate.event_log');

my $dump = $node->backup_dir;
mkdir $dump;
my %dumped;

# Dumps a database, unless it has been in that form; returns the file.
sub dump_of
{
	my ($database, @options) = @_;
	my $file = join('_', "$dump/$database", @options) =~ s/--//gr;
	$dumped{$file} //= $node->command_ok([ 'pg_dump', @options, "--file=$file", $database ],
		"dump of $database, @options");
	return $file;
}

sub restore
{
	my ($database, $file, @options) = @_;
	my @command = $file =~ /format=(custom|directory)/
	  ? ('pg_restore', '--exit-on-error', '-d', $database, @options, $file)
	  : ('psql', '-Xqb', '-v', 'ON_ERROR_STOP=1', '-d', $database, @options, '-f', $file);
	$node->command_ok(\@command, "restore into $database");
}

sub create_database
{
	my ($name, $owner) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $name" . ($owner ? " OWNER $owner" : ''));
	return $name;
}

# What was applied is known, the event log goes on where it was, what is staged
# is deployed, what was half done is finished.
sub goes_on
{
	my ($database) = @_;
	is($node->safe_psql($database, <<'END'), <<'END' =~ s/\n\z//r, '... it goes on');
SELECT * FROM remigrate.repair();
SELECT remigrate.apply('1_init', 'CREATE TABLE "User" (id serial); INSERT INTO "User" DEFAULT VALUES');
SELECT remigrate.apply('2_view', '/* a comment */ CREATE  VIEW v AS SELECT * FROM "User"');
SELECT remigrate.apply('4_next', 'SELECT 1');
DELETE FROM work.twice WHERE ctid = '(0,1)';
CALL remigrate.deploy(target_schema => 'work');
SELECT migration_name, state, attempts FROM remigrate.status('work');
SELECT remigrate.require(target_schema => 'work');
SELECT remigrate.repair('work');
SELECT string_agg(attname, ' ' ORDER BY attnum) FROM pg_attribute
	WHERE attrelid = 'work.twice'::regclass AND attnum > 0;
SELECT bool_and(indisvalid) FROM pg_index WHERE indrelid = 'work.twice'::regclass;
END
unchanged
unchanged
applied
1_before|applied|1
2_half|applied|1
3_later|applied|1
2
a b c
t
END
	is($node->safe_psql($database, <<"END"), "applied\nresumed\napplied", '... and so does the event log');
SELECT action FROM remigrate.event_log WHERE id > $last ORDER BY id
END
}

# Each form, by a superuser as pg_dump asks for
for (
	[ 'plain', '--format=plain' ],
	[ 'custom', '--format=custom' ],
	[ 'clean', '--format=custom', '--clean', '--if-exists' ],
	[ 'jobs', '--format=directory', '--jobs=2' ],
	[ 'inserts', '--format=plain', '--column-inserts', '--create' ])
{
	my ($name, @options) = @$_;
	my $created = grep { $_ eq '--create' } @options;
	my $database = $created ? 'before_inserts' : create_database("after_$name");
	if ($created)
	{
		# It makes a database of its own name.
		$node->safe_psql('postgres', 'ALTER DATABASE before RENAME TO before_inserts');
		restore('postgres', do {
			my $file = dump_of('before_inserts', @options);
			$node->safe_psql('postgres', 'ALTER DATABASE before_inserts RENAME TO before');
			$file;
		});
		is($node->safe_psql($database, 'SHOW remigrate.on_edited'), 'warning', 'with the settings');
	}
	elsif ($name eq 'clean')
	{
		# Over what is there, and differs
		restore($database, dump_of('before', '--format=custom'));
		$node->safe_psql($database, q{
			SELECT remigrate.unstage('3_later', 'work');
			SELECT remigrate.apply('9_other', 'SELECT 9')});
		restore($database, dump_of('before', '--format=custom'), '--clean', '--if-exists');
	}
	else
	{
		restore($database, dump_of('before', @options),
			$name eq 'jobs' ? '--jobs=2' : ());
	}
	is($node->safe_psql($database, $contents), $before, "$name: all is as it was");
	goes_on($database);
}

# --jobs may load the tables in any order, so this does so in the worst.
my $custom = dump_of('before', '--format=custom');
my $list = "$dump/list";
my @entries = split /^/m, `pg_restore --list '$custom'`;
my @data = grep { / TABLE DATA remigrate / } @entries;
is(scalar @data, 3, 'three tables of ours have data');
my @reversed = reverse @data;
append_to_file($list, join '', map { / TABLE DATA remigrate / ? shift @reversed : $_ } @entries);
restore(create_database('after_disorder'), $custom, "--use-list=$list");
is($node->safe_psql('after_disorder', $contents), $before, 'in any order: all is as it was');

# The schema alone: the tables are there, the records are not.
my $after = create_database('after_schema');
restore($after, dump_of('before', '--schema-only'));
is($node->safe_psql($after, <<'END'), '0|0', 'schema only: no records');
SELECT (SELECT count(*) FROM remigrate.registry), (SELECT count(*) FROM _prisma_migrations)
END
is($node->safe_psql($after, <<'END'), "already_applied\n1", '... what is there is found there');
SELECT remigrate.apply('2_view', 'CREATE VIEW v AS SELECT * FROM "User"');
SELECT count(*) FROM remigrate.status();
END

# The data alone, into what the schema alone has made
$after = create_database('after_data');
restore($after, dump_of('before', '--schema-only'));
restore($after, dump_of('before', '--data-only', '--format=custom'));
is($node->safe_psql($after, $contents), $before, 'data only: all is as it was');
goes_on($after);

# The journals alone, into a database where the extension is new
$after = create_database('after_journal');
$node->safe_psql($after, 'CREATE EXTENSION remigrate');
restore($after, dump_of('before', '--schema=public', '--format=custom'), '--clean', '--if-exists');
is($node->safe_psql($after, <<'END'), <<'END' =~ s/\n\z//r, 'without the registry the journal is believed');
SELECT migration_name, state, staged FROM remigrate.status();
SELECT remigrate.apply('2_view', 'CREATE VIEW v AS SELECT * FROM "User"');
END
1_init|applied|f
2_view|applied|f
3_ü|applied|f
unchanged
END

# --- The owner of a database, who is no superuser ------------------------------

$node->safe_psql('postgres', 'CREATE ROLE owner LOGIN; CREATE ROLE deployer LOGIN');
my @as_owner = ('-U', 'owner');
my $owned = create_database('owned', 'owner');
$node->safe_psql($owned, <<'END', extra_params => \@as_owner);
CREATE EXTENSION remigrate;
CREATE SCHEMA app;
SELECT remigrate.apply('1_init', 'CREATE TABLE t (a int)', 'app');
SELECT remigrate.stage('2_staged', 'CREATE TABLE u (a int)', 'app');
GRANT USAGE ON SCHEMA remigrate, app TO deployer;
GRANT EXECUTE ON FUNCTION remigrate.status(text) TO deployer;
GRANT SELECT ON app._prisma_migrations TO deployer;
END
my $states = q{SELECT migration_name, state FROM remigrate.status('app')};
my $as_it_was = "1_init|applied\n2_staged|pending";
is($node->safe_psql($owned, $states, extra_params => \@as_owner), $as_it_was, 'a database of its own');
my $owned_file = "$dump/owned_by_owner";
$node->command_ok([ 'pg_dump', @as_owner, '--format=custom', "--file=$owned_file", $owned ],
	'its owner dumps it');

# He restores the journal and all that is his, but no records of ours, since
# nobody but the module writes them.
$after = create_database('by_owner', 'owner');
$node->command_checks_all([ 'pg_restore', @as_owner, '-d', $after, $owned_file ], 1, [qr/^$/],
	[ map { qr/permission denied for table $_/ } qw(script registry event_log) ],
	'its owner restores it, without our records');
is($node->safe_psql($after, $states, extra_params => \@as_owner), '1_init|applied',
	'... the journal is there, what was staged is not');
is($node->safe_psql($after, $states, extra_params => [ '-U', 'deployer' ]), '1_init|applied',
	'... and who was let in is');
is($node->safe_psql($after, <<'END', extra_params => \@as_owner), "unchanged\nstaged\n2", '... staged again it is deployed');
SELECT remigrate.apply('1_init', 'CREATE TABLE t (a int)', 'app');
SELECT remigrate.stage('2_staged', 'CREATE TABLE u (a int)', 'app');
CALL remigrate.deploy(target_schema => 'app');
SELECT remigrate.require(ARRAY['1_init', '2_staged'], 'app');
END

# A superuser restores all, but then has installed the extension himself.
$after = create_database('by_superuser', 'owner');
$node->command_checks_all([ 'pg_restore', '-d', $after, $owned_file ], 1, [qr/^$/],
	[qr/permission denied for schema remigrate/],
	'a superuser restores it, and rights to the extension are lost');
is($node->safe_psql($after, $states), $as_it_was, '... the records are there');
my ($failed, undef, $denied) = $node->psql($after, $states, extra_params => \@as_owner);
like($denied, qr/permission denied for schema remigrate/, '... its owner may not look');

# So its owner installs it first.
$after = create_database('by_both', 'owner');
$node->safe_psql($after, 'CREATE EXTENSION remigrate', extra_params => \@as_owner);
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $after, $owned_file ],
	'its owner installs the extension, a superuser restores');
for my $role ('owner', 'deployer')
{
	is($node->safe_psql($after, $states, extra_params => [ '-U', $role ]), $as_it_was,
		"... $role sees all as it was");
}
is($node->safe_psql($after, <<'END', extra_params => \@as_owner), '1', '... and its owner deploys');
CALL remigrate.deploy(target_schema => 'app');
SELECT remigrate.require(target_schema => 'app');
END
$node->safe_psql($after, 'DROP EXTENSION remigrate', extra_params => \@as_owner);

# Dropped, the journal stays.
$node->safe_psql('after_plain', 'DROP EXTENSION remigrate');
is($node->safe_psql('after_plain', 'SELECT count(*) FROM _prisma_migrations'), 4,
	'DROP EXTENSION leaves the journal');
is($node->safe_psql('after_plain', "SELECT count(*) FROM pg_namespace WHERE nspname = 'remigrate'"),
	0, '... and nothing of ours');
$node->safe_psql('after_plain', 'CREATE EXTENSION remigrate');
is($node->safe_psql('after_plain', "SELECT remigrate.apply('4_next', 'SELECT 1')"),
	'unchanged', 'made anew, it knows what the journal knows');

$node->stop;
done_testing();
