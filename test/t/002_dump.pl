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
END

my $contents = <<'END';
SELECT * FROM remigrate.script ORDER BY 1;
SELECT * FROM remigrate.registry ORDER BY 1, 2;
SELECT * FROM remigrate.event_log ORDER BY id;
SELECT * FROM public._prisma_migrations ORDER BY started_at;
SELECT * FROM "Other"._prisma_migrations ORDER BY started_at;
SELECT * FROM remigrate.status();
SELECT * FROM v;
END
my $before = $node->safe_psql('before', $contents);
like($before, qr/1_init.*2_view.*3_ü/s, 'there is something to dump');
my $last = $node->safe_psql('before', 'SELECT max(id) FROM remigrate.event_log');

my $dump = $node->backup_dir;
mkdir $dump;
for my $form ('plain', 'custom')
{
	my $file = "$dump/$form";
	my $database = "after_$form";

	$node->command_ok([ 'pg_dump', "--format=$form", "--file=$file", 'before' ],
		"$form: dump");
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	if ($form eq 'plain')
	{
		$node->command_ok([ 'psql', '-Xqb', '-v', 'ON_ERROR_STOP=1', '-d', $database, '-f', $file ],
			"$form: restore");
	}
	else
	{
		$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', $database, $file ],
			"$form: restore");
	}
	is($node->safe_psql($database, $contents), $before, "$form: all is as it was");

	# What was applied is known, and the event log goes on where it was.
	is($node->safe_psql($database, <<'END'), "unchanged\nunchanged\napplied", "$form: it goes on");
SELECT remigrate.apply('1_init', 'CREATE TABLE "User" (id serial); INSERT INTO "User" DEFAULT VALUES');
SELECT remigrate.apply('2_view', '/* a comment */ CREATE  VIEW v AS SELECT * FROM "User"');
SELECT remigrate.apply('4_next', 'SELECT 1');
END
	cmp_ok($node->safe_psql($database, 'SELECT max(id) FROM remigrate.event_log'),
		'>', $last, "$form: the event log's numbers go on");
}

# The schema alone
$node->command_ok([ 'pg_dump', '--schema-only', "--file=$dump/schema", 'before' ], 'schema: dump');
$node->safe_psql('postgres', 'CREATE DATABASE after_schema');
$node->command_ok([ 'psql', '-Xqb', '-v', 'ON_ERROR_STOP=1', '-d', 'after_schema', '-f', "$dump/schema" ],
	'schema: restore');
is($node->safe_psql('after_schema', 'SELECT count(*) FROM remigrate.registry'), 0,
	'schema: registry is empty');

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
