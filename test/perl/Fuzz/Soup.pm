# Calls with whatever scripts and arguments, and what must hold after each of
# them, whatever comes of it.
package Fuzz::Soup;
use strict;
use warnings;
use Exporter 'import';
use Fuzz::Schema qw(statement inventory pick chance);
use Fuzz::Text qw(load_corpus soup);

our @EXPORT_OK = qw(new_soup begin_round one_call round_sql);

my @names = ('20260101000000_a', '20260102000000_b', 'c', 'Ünï "q" \'s', 'x' x 255);
my @schemas = ('public', 'public', 'public', 's1', 'S 2');

# $connect gives a connection as the role whose session is looked at, $admin
# is a superuser's.
sub new_soup
{
	my ($connect, $admin) = @_;
	my $soup = { connect => $connect, admin => $admin, wire => $connect->(), known => {} };
	load_corpus($admin);
	return $soup;
}

# A query of the session's own state.
my $state = q{SELECT string_agg(name || ' = ' || setting, chr(10) ORDER BY name)
	FROM (SELECT name, setting FROM pg_settings UNION ALL SELECT 'current user', current_user UNION ALL SELECT 'session user', session_user
	UNION ALL SELECT 'portal ' || name, statement FROM pg_cursors WHERE name NOT IN ('', 'h') AND statement !~ 'pg_settings') s};
my $locks = q{SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = %d
	AND (classid::int8 << 32) | objid::int8 IN (72707369, 7270736972707369, 7270736972707370)};

# Everything that a call can leave behind.
my $traces = q{SELECT md5(coalesce((SELECT string_agg(c, chr(10)) FROM fuzz.catalog() c), ''))
	|| (SELECT count(*) FROM pg_class) || ' ' || (SELECT count(*) FROM pg_attribute) || ' ' || (SELECT count(*) FROM pg_constraint)
	|| ' ' || (SELECT count(*) FROM pg_type) || ' ' || (SELECT count(*) FROM pg_proc) || ' ' || (SELECT count(*) FROM pg_depend)
	|| ' ' || coalesce((SELECT md5(string_agg(r::text, '|' ORDER BY r::text)) FROM remigrate.registry r), '')
	|| ' ' || (SELECT count(*) FROM remigrate.event_log) || ' ' || (SELECT count(*) FROM remigrate.script)
	|| ' ' || fuzz.journal()};

# What a round finds in its database, made by a superuser ...
my @database = (
	'CREATE SCHEMA public AUTHORIZATION fuzz_user', 'CREATE SCHEMA s1 AUTHORIZATION fuzz_user', 'CREATE SCHEMA "S 2" AUTHORIZATION fuzz_user',
	'GRANT ALL ON SCHEMA public, s1, "S 2" TO fuzz_member', 'GRANT ALL ON SCHEMA fuzz TO PUBLIC', 'GRANT ALL ON ALL TABLES IN SCHEMA fuzz TO PUBLIC', 'TRUNCATE fuzz.log',
	"DO \$\$ BEGIN EXECUTE format('GRANT ALL ON DATABASE %I TO fuzz_user, fuzz_member', current_database()); END \$\$",
	'SET ROLE fuzz_user', 'CREATE TABLE public.t (id int, c text)', "CREATE TYPE public.mood AS ENUM ('a', 'c')", 'CREATE VIEW public.v AS SELECT 1 AS x',
	'CREATE SEQUENCE public.seq', "CREATE FUNCTION public.f() RETURNS int LANGUAGE sql AS 'SELECT 1'", 'CREATE EXTENSION remigrate',
	'GRANT USAGE ON SCHEMA remigrate TO fuzz_member', 'GRANT EXECUTE ON ALL ROUTINES IN SCHEMA remigrate TO fuzz_member', 'RESET ROLE');

# ... and how its session is set: not as by default, so that a RESET shows.
my @session = (
	"SELECT remigrate.checksum('')", 'DO $$ BEGIN NULL; END $$',
	'SET client_min_messages = warning', "SET work_mem = '5MB'", "SET lock_timeout = '900ms'", "SET statement_timeout = '30s'",
	'SET search_path = s1, public', "SET datestyle = 'SQL'", "SET timezone = 'Asia/Tokyo'", 'SET jit = off',
	"SET remigrate.migration_lock_wait = '1s'", "SET remigrate.lock_timeout = '1s'");

sub setup_session
{
	my ($soup) = @_;
	my $wire = $soup->{wire};
	$soup->{role} = pick('RESET ROLE', 'SET ROLE fuzz_member', 'RESET ROLE');
	$wire->must($_) for @session, $soup->{role};
	$soup->{state} = $wire->value($state);
}

# A clean database; the same again for the same random numbers.
sub begin_round
{
	my ($soup) = @_;
	my $admin = $soup->{admin};
	$soup->{wire}->close;
	$admin->query('ROLLBACK');
	my $wait = 0;
	while ($admin->value("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"))
	{
		die "the session does not end\n" if $wait++ > 1000;
		select undef, undef, undef, 0.01;
	}
	my $rows = $admin->must("SELECT quote_ident(nspname) FROM pg_namespace WHERE oid IN (SELECT oid FROM fuzz.ours)");
	$admin->must('SET client_min_messages = error; DROP EXTENSION IF EXISTS remigrate CASCADE; DROP SCHEMA IF EXISTS remigrate CASCADE');
	$admin->must("DROP SCHEMA $_->[0] CASCADE") for @$rows;
	# What is in no schema.
	$admin->must('DROP OWNED BY fuzz_user, fuzz_member');
	$admin->must($_) for @database;
	$soup->{wire} = $soup->{connect}->();
	$soup->{calls} = [];
	$soup->{number} = 0;
	setup_session($soup);
}

sub literal { my ($text) = @_; return defined $text ? "'" . ($text =~ s/'/''/gr) . "'" : 'NULL' }
sub bytes_literal { return "'\\x" . unpack('H*', $_[0]) . "'::bytea" }

# A script as an argument: text can hold neither zero bytes nor broken UTF-8.
sub script_argument
{
	my ($script) = @_;
	my $text = $script;
	return bytes_literal($script) if chance(0.5) || !utf8::decode($text) || $script =~ /\0/ || $script =~ /[\x{D800}-\x{DFFF}]/;
	return "convert_from(" . bytes_literal($script) . ", 'UTF8')";
}

sub policies
{
	my ($kind) = @_;
	my @policies;
	push @policies, 'target_schema => ' . literal(chance(0.9) ? pick(@schemas) : pick('nowhere', '', 'pg_catalog', 'remigrate')) if chance(0.25);
	push @policies, 'resume_at => ' . pick(1, 1, 2, 2, 2, 3, 3, 0, -1, 2147483647) if chance(0.06);
	push @policies, 'on_duplicate => ' . literal(chance(0.97) ? pick('resume', 'skip', 'error') : 'nonsense') if chance(0.3);
	push @policies, 'on_edited => ' . literal(pick('error', 'warning')) if chance(0.15);
	push @policies, 'lock_timeout => ' . pick("'100ms'", "'100ms'", "'0'", "'0'", 'NULL', "'-1s'", "'1 year'") if chance(0.06);
	push @policies, "\"concurrently\" => " . literal(pick('inline', 'inline', 'error')) if $kind eq 'apply' && chance(0.4);
	return join '', map { ", $_" } @policies;
}

# A script that tells by rows whether it has run.
sub marked
{
	my ($soup, $script) = @_;
	my $n = $soup->{number};
	return $script if !chance(0.5);
	$soup->{marked} = 1;
	return "INSERT INTO fuzz.log VALUES ($n, 1);\n$script\n;\nINSERT INTO fuzz.log VALUES ($n, 2)";
}

# A script whose first statements have been run by hand.
sub half_done
{
	my ($soup, $make) = @_;
	my @script = map { $make->() } 1 .. 1 + int rand 5;
	my @done = splice @{[@script]}, 0, int rand @script + 1;
	my $call = pick('SELECT remigrate.apply', 'CALL remigrate.migrate');
	return ($call =~ /apply/ ? 'apply' : 'migrate',
		"$call('m$soup->{number}', " . bytes_literal(join ";\n", @script) . policies('half') . ')', \@done);
}

sub new_call
{
	my ($soup) = @_;
	$soup->{marked} = 0;
	if (@{$soup->{calls}} && chance(0.12))
	{
		my $old = pick(@{$soup->{calls}});
		return @$old{qw(kind sql)};
	}
	my $make = sub { statement(inventory($soup->{admin})) };
	return half_done($soup, $make) if chance(0.12);
	my $script = soup($make);
	my $name = literal(chance(0.6) ? "m$soup->{number}" : chance(0.95) ? pick(@names) : pick(undef, '', 'y' x 256));
	my $schema = chance(0.25) ? ', ' . literal(pick(@schemas, 'nowhere')) : '';
	my $dice = rand;
	return ('apply', "SELECT remigrate.apply($name, " . script_argument(marked($soup, $script)) . policies('apply') . ')') if $dice < 0.36;
	return ('migrate', "CALL remigrate.migrate($name, " . script_argument(marked($soup, $script)) . policies('migrate') . ')') if $dice < 0.60;
	return ('pure', 'SELECT * FROM remigrate.' . pick('statements', 'checksum') . '(' . script_argument($script) . ')') if $dice < 0.66;
	return ('pure', 'SELECT * FROM remigrate.' . pick('look', 'seam') . '(' . script_argument($script) . "$schema)") if $dice < 0.78;
	return ('stage', "SELECT remigrate.stage($name, " . script_argument($script) . "$schema)") if $dice < 0.84;
	return ('stage', 'SELECT remigrate.stage_all(' . literal(pick('{"b": "SELECT 1", "c": "SELECT 2"}', '{"d": 1}', '[]', '{}', 'null', '{"": "SELECT 1"}')) . ($schema || ", 'public'") . pick('', ', true') . ')') if $dice < 0.86;
	return ('deploy', 'CALL remigrate.deploy(' . pick('', $name) . ')') if $dice < 0.89;
	return ('deploy', 'CALL remigrate.reconcile(' . pick('', "'public'", "'nowhere'") . ')') if $dice < 0.90;
	return ('resolve', "SELECT remigrate.resolve($name, " . literal(pick('applied', 'rolled_back', 'edited', 'x')) . pick('', ', ' . script_argument($script)) . ')') if $dice < 0.93;
	return ('resolve', 'SELECT * FROM remigrate.repair()') if $dice < 0.95;
	return ('resolve', "SELECT remigrate.baseline($name, 'public', " . pick('true', 'false') . ')') if $dice < 0.97;
	return ('pure', pick('SELECT * FROM remigrate.status()', 'SELECT remigrate.require()', "SELECT remigrate.require_checksums('{\"b\": \"00\"}')", 'SELECT * FROM remigrate.overview', 'SELECT * FROM remigrate.activity')) if $dice < 0.99;
	return ('stage', "SELECT remigrate.unstage($name$schema)");
}

# How the call is sent: by itself, or in a transaction of the session's own.
sub frame
{
	my ($kind) = @_;
	my $dice = rand;
	return ('plain') if $dice < 0.7 || ($kind =~ /migrate|deploy/ && $dice < 0.9);
	return ('block', 'BEGIN', 'ROLLBACK') if $dice < 0.8;
	return ('block', 'BEGIN', 'COMMIT') if $dice < 0.88;
	return ('block', 'BEGIN ISOLATION LEVEL REPEATABLE READ', 'ROLLBACK') if $dice < 0.9;
	return ('block', "BEGIN; DECLARE mine CURSOR FOR SELECT generate_series(1, 9); FETCH mine; SAVEPOINT mine", 'ROLLBACK') if $dice < 0.96;
	return ('block', 'BEGIN READ ONLY', 'ROLLBACK');
}

sub check_session
{
	my ($soup, $answer, $problem) = @_;
	my $wire = $soup->{wire};
	my $now = $wire->query($state);
	return $problem->('the session can not tell its state: ' . $now->{error}{M}) if $now->{error};
	$now = $now->{rows}[0][0];
	return if $now eq $soup->{state};
	my %before = map { $_ => 1 } split /\n/, $soup->{state};
	$problem->('another session state: ' . join ', ', grep { !$before{$_} } split /\n/, $now);
	$soup->{state} = $now;
}

# What a query of the journal gives, by the superuser.
sub check_journal
{
	my ($soup, $problem) = @_;
	my $admin = $soup->{admin};
	my $double = $admin->value('SELECT fuzz.doubles()');
	$problem->("more than one live row: $double") if $double;
}

sub check_error
{
	my ($soup, $call, $error, $problem) = @_;
	$problem->("$error->{C} $error->{M}") if $error->{C} =~ /^XX/;
	return if $call->{kind} !~ /^(apply|migrate)$/;
	return if $error->{M} =~ /^migration ".*"/s;
	(my $words = "$error->{C} $error->{M}") =~ s/".*"/"…"/;
	$soup->{unnamed}{$words}++;
}

# Makes one call and checks what must hold.  Returns its problems.
sub one_call
{
	my ($soup, $given) = @_;
	my ($wire, $admin) = @$soup{qw(wire admin)};
	$soup->{number}++;
	my %call;
	if ($given) { %call = %$given; $soup->{marked} = $call{marked} }
	else
	{
		@call{qw(kind sql done)} = new_call($soup);
		@call{qw(frame begin end)} = frame($call{kind});
		@call{qw(marked number)} = @$soup{qw(marked number)};
	}
	push @{$soup->{calls}}, \%call;
	my @problems;
	my $problem = sub { push @problems, $_[0] };

	$wire->query($_) for map { ('SET search_path = public', $_, 'SET search_path = s1, public') } @{$call{done} // []};
	my $before = $admin->value($traces);
	if ($call{begin}) { $wire->query($_) for split /; /, $call{begin} }
	my $answer = $wire->query($call{sql});
	my $error = $answer->{error};
	$call{outcome} = $error ? $error->{C} : join ' ', @{$answer->{tags}};
	if ($answer->{lost})
	{
		$problem->("the server has gone: $error->{M}");
		return @problems;
	}
	check_error($soup, \%call, $error, $problem) if $error;
	my $result = !$error && $call{kind} eq 'apply' ? $answer->{rows}[0][0] : undef;
	if ($call{frame} eq 'block')
	{
		$problem->("transaction status $answer->{status}") if $answer->{status} ne ($error ? 'E' : 'T');
		$wire->query('ROLLBACK TO mine') if $error && $call{begin} =~ /SAVEPOINT/;
		if ($call{begin} =~ /DECLARE mine/)
		{
			my $fetched = $wire->query('FETCH mine');
			$problem->('the cursor has gone: ' . ($fetched->{error} ? $fetched->{error}{M} : 'another row'))
			  if $fetched->{error} || ($fetched->{rows}[0][0] // '') ne '2';
		}
		$wire->query($call{end});
	}
	elsif ($answer->{status} ne 'I')
	{
		$problem->("transaction status $answer->{status}");
		$wire->query('ROLLBACK');
	}
	check_session($soup, $answer, $problem);
	my $held = $admin->value(sprintf $locks, $wire->{pid});
	$problem->("$held of our locks left") if $held;
	my $after = $admin->value($traces);
	my $undone = $call{frame} eq 'block' && ($call{end} eq 'ROLLBACK' || $error);
	if ($before ne $after)
	{
		$problem->('a call that was undone has left something') if $undone && $call{kind} !~ /migrate|deploy/;
		$problem->('a failed call has left something') if $error && $call{kind} !~ /migrate|deploy/;
		$problem->('a call that only looks has left something') if $call{kind} eq 'pure';
	}
	check_journal($soup, $problem);
	check_marks($soup, \%call, $error, $result, $undone, $problem) if $soup->{marked};
	return @problems;
}

# The rows by which a script tells that it has run.
sub check_marks
{
	my ($soup, $call, $error, $result, $undone, $problem) = @_;
	my $marks = $soup->{admin}->value("SELECT coalesce(string_agg(part::text, '' ORDER BY part), '') FROM fuzz.log WHERE n = $call->{number}");
	if ($call->{kind} eq 'apply')
	{
		$problem->("marks \"$marks\" of a call that was undone") if ($error || $undone) && $marks ne '';
		$problem->("marks \"$marks\" of one that says applied") if !$error && !$undone && $result eq 'applied' && $marks !~ /^12$/ && $call->{sql} !~ /resume_at|on_duplicate/;
	}
	elsif ($error && $marks =~ /12/)
	{
		$problem->("marks \"$marks\" of one that has failed: $error->{C} $error->{M}") if $error->{M} !~ /could not record|COMMIT/;
	}
}

# The calls of a round as a script for psql.
sub round_sql
{
	my ($soup, @comments) = @_;
	return join '', (map { s/^/-- /mgr . "\n" } @comments),
	  "-- Run this by psql in the folder of the sources.\n", 'CREATE ROLE fuzz_user LOGIN; CREATE ROLE fuzz_member IN ROLE pg_monitor; GRANT fuzz_member TO fuzz_user;', "\n",
	  "CREATE DATABASE remigrate_fuzz TEMPLATE template0 OWNER fuzz_user;\n\\c remigrate_fuzz\n\\i test/perl/Fuzz/catalog.sql\n\\i test/perl/Fuzz/soup.sql\nDROP SCHEMA public;\n",
	  (map { "$_;\n" } @database), "\\c - fuzz_user\n", (map { "$_;\n" } @session, $soup->{role}),
	  map { (map { "SET search_path = public;\n$_;\nSET search_path = s1, public;\n" } @{$_->{done} // []}), ($_->{begin} ? "$_->{begin};\n" : ''), "$_->{sql};\n", ($_->{end} ? "$_->{end};\n" : ''), "-- $_->{outcome}\n" } @{$soup->{calls}};
}

1;
