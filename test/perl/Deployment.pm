# A deployment that has a bit of everything in it, for tests that disturb it:
# each of its statements would leave a trace if it were run twice, or not.
package Deployment;

use strict;
use warnings;

use Exporter 'import';
use IPC::Run qw(start pump finish timer);
use PostgreSQL::Test::Utils;
use Time::HiRes qw(sleep);

our @EXPORT = qw(%migrations stage_history fingerprint start_psql start_idle_psql
  wait_for_output finish_psql wait_until);

my $limit = $PostgreSQL::Test::Utils::timeout_default || 180;

# nap() makes the moments inside of statements longer.
our %migrations = (
	'01_init' => q{
CREATE TABLE counter (n int NOT NULL);
INSERT INTO counter VALUES (0);
CREATE TABLE a (id int, n int, t text);
INSERT INTO a SELECT i, 0, repeat('x', i % 100) FROM generate_series(1, 1000) i;
},
	'02_plain' => q{
UPDATE counter SET n = n + 1;
SELECT nap();
ALTER TABLE a ADD COLUMN d int DEFAULT 2;
UPDATE a SET n = n + 1;
},
	'03_indexes' => q{
UPDATE counter SET n = n + 10;
CREATE INDEX CONCURRENTLY a_n ON a (nap(id));
UPDATE a SET n = n + 1;
CREATE UNIQUE INDEX CONCURRENTLY a_id ON a (id);
UPDATE counter SET n = n + 10;
},
	'04_commits' => q{
CREATE TABLE b (id int, a int);
COMMIT;
INSERT INTO b SELECT i, i FROM generate_series(1, 100) i;
UPDATE counter SET n = n + 100;
SELECT nap();
COMMIT;
UPDATE counter SET n = n + 100;
ALTER TABLE b ADD PRIMARY KEY (id);
},
	'05_enum' => q{
CREATE TYPE mood AS ENUM ('bad');
CREATE TABLE moody (m mood);
COMMIT;
UPDATE counter SET n = n + 1000;
ALTER TYPE mood ADD VALUE 'good';
INSERT INTO moody VALUES ('good');
SELECT nap();
},
	'06_outside' => q{
VACUUM a;
UPDATE counter SET n = n + 10000;
DROP INDEX CONCURRENTLY a_n;
CREATE INDEX CONCURRENTLY IF NOT EXISTS a_t ON a (t);
ANALYZE a;
VACUUM (FULL) b;
},
	'07_isolated' => q{
BEGIN ISOLATION LEVEL SERIALIZABLE;
UPDATE counter SET n = n + 100000;
SELECT nap();
COMMIT;
UPDATE counter SET n = n + 100000;
},
	'08_last' => q{
CREATE VIEW v AS SELECT count(*) FROM a;
UPDATE counter SET n = n + 1000000;
},
);

# Puts the extension and the history into a database.
sub stage_history
{
	my ($node, $db) = @_;
	my $bundle = join(",\n", map { "'$_', \$m\$$migrations{$_}\$m\$" } sort keys %migrations);

	$node->safe_psql($db, qq{
		CREATE EXTENSION remigrate;
		CREATE FUNCTION nap(n int DEFAULT 0) RETURNS int LANGUAGE plpgsql IMMUTABLE AS \$\$
			BEGIN IF n % 50 = 0 THEN PERFORM pg_sleep(0.001); END IF; RETURN n; END \$\$;
		CREATE TABLE gone (); DROP TABLE gone;
		SELECT remigrate.stage_all(jsonb_build_object($bundle));
	});
}

# What a schema and its journal hold, as text to compare.
sub fingerprint
{
	my ($node, $db, $schema) = @_;
	$schema //= 'public';

	return $node->safe_psql($db, qq{
		CREATE FUNCTION pg_temp.contents(name text) RETURNS text LANGUAGE plpgsql AS \$\$
		DECLARE
			contents text;
		BEGIN
			EXECUTE format('SELECT string_agg(whole_row::text, E''\\n'' ORDER BY whole_row::text) FROM %I.%I whole_row', '$schema', name) INTO contents;
			RETURN contents;
		END \$\$;
		SELECT 'column', c.relname, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
		WHERE c.relnamespace = '$schema'::regnamespace AND a.attnum > 0 ORDER BY c.relname, a.attnum;
		SELECT 'index', pg_get_indexdef(indexrelid), indisvalid, indisready, indislive FROM pg_index i
		JOIN pg_class c ON c.oid = i.indexrelid WHERE c.relnamespace = '$schema'::regnamespace ORDER BY c.relname;
		SELECT 'constraint', conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = '$schema'::regnamespace ORDER BY conname;
		SELECT 'label', enumlabel FROM pg_enum ORDER BY enumsortorder;
		SELECT 'rows', relname, md5(pg_temp.contents(relname))
		FROM pg_class WHERE relnamespace = '$schema'::regnamespace AND relkind = 'r' AND relname <> '_prisma_migrations' ORDER BY relname;
		SELECT 'journal', migration_name, checksum, finished_at IS NOT NULL, rolled_back_at, applied_steps_count, logs
		FROM $schema._prisma_migrations ORDER BY migration_name;
		SELECT 'registry', migration_name, checksum, state, journal_id, statements_done, statement_running
		FROM remigrate.registry WHERE target_schema = '$schema' ORDER BY migration_name;
	});
}

# psql in the background, each statement as a query of its own.
sub start_psql
{
	my ($node, $db, @statements) = @_;
	my $psql = { out => '', err => '' };

	$psql->{handle} = start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-v', 'VERBOSITY=verbose',
			'-d', $node->connstr($db), map { ('-c', $_) } @statements ],
		'<', \undef, '>', \$psql->{out}, '2>', \$psql->{err},
		$psql->{timer} = timer($limit));
	return $psql;
}

# psql that is idle after the statements, and so holds no snapshot, until it
# is finished.
sub start_idle_psql
{
	my ($node, $db, @statements) = @_;
	my $psql = { in => join('', map { "$_;\n" } @statements), out => '', err => '' };

	$psql->{handle} = start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr($db), '-f', '-' ],
		'<', \$psql->{in}, '>', \$psql->{out}, '2>', \$psql->{err},
		$psql->{timer} = timer($limit));
	return $psql;
}

sub wait_for_output
{
	my ($psql, $pattern) = @_;

	pump $psql->{handle} until $psql->{out} =~ $pattern || $psql->{timer}->is_expired;
	die "no output like $pattern" if $psql->{timer}->is_expired;
	return $psql->{out};
}

# Returns whether it ended well.
sub finish_psql
{
	my ($psql) = @_;

	return eval { finish $psql->{handle} } ? 1 : 0;
}

# Polls for a query's answer, faster than poll_query_until does.
sub wait_until
{
	my ($node, $db, $query) = @_;

	for (my $waited = 0; $waited < $limit; $waited += 0.02)
	{
		return 1 if $node->safe_psql($db, $query) eq 't';
		sleep 0.02;
	}
	die "waited in vain for: $query";
}

1;
