# What somebody has put where names are looked for, or where a script's
# constants are read, runs with nobody else's rights.
#
# mallory may create things in the schemas public, evil and app; boss, a
# superuser, installs, looks and deploys.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Roles;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('shadows');
$node->init;
$node->start;
$node->safe_psql('postgres', <<'END');
CREATE ROLE boss SUPERUSER LOGIN;
CREATE ROLE mallory LOGIN;
DO $$ BEGIN EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO mallory', current_database()); END $$;
GRANT ALL ON SCHEMA public TO mallory;
CREATE SCHEMA evil AUTHORIZATION mallory;
CREATE SCHEMA app AUTHORIZATION mallory;
GRANT USAGE ON SCHEMA evil, app TO PUBLIC;
END

sub as
{
	return join "\n", output_as($node, @_);
}

sub value
{
	return $node->safe_psql('postgres', 'SET search_path = pg_catalog; ' . shift);
}

# --- Shadows ---------------------------------------------------------------

# For a schema: functions, operators, types and relations with the names of
# the server's and of ours, all of which tell when they are used.
my $shadows = <<'SQL';
CREATE FUNCTION spring(what text) RETURNS text LANGUAGE plpgsql
AS $$ BEGIN RAISE WARNING 'tripped: % as %', what, current_user; RETURN what; END $$;
DO $do$
DECLARE
	here name := current_schema;
	operator record;
	function record;
BEGIN
	-- With the very types that our statements use, and nearer ones.
	FOR operator IN
		SELECT o.oprname, o.oprleft::regtype AS l, o.oprright::regtype AS r, o.oprresult::regtype AS res
		FROM pg_operator o
		WHERE o.oprname IN ('=', '<>', '<', '>', '<=', '>=', '||', '+', '-', '*', '/', '^', '<<', '|', '&', '~~', '!~~', '~', '!~')
			AND o.oprleft <> 0 AND o.oprkind = 'b'
			AND o.oprleft IN ('text'::regtype, 'name'::regtype, 'oid'::regtype, 'int4'::regtype, 'int8'::regtype, 'int2'::regtype, 'bool'::regtype, 'timestamptz'::regtype, 'interval'::regtype, 'bytea'::regtype, 'bpchar'::regtype, 'anynonarray'::regtype, 'float8'::regtype, 'uuid'::regtype)
		UNION VALUES ('='::name, 'regtype'::regtype, 'regtype'::regtype, 'bool'::regtype),
			('=', 'varchar', 'varchar', 'bool'), ('=', 'varchar', 'text', 'bool'), ('<>', 'varchar', 'text', 'bool'),
			('=', '"char"', '"char"', 'bool'), ('||', 'text', 'int4', 'text'), ('||', 'text', 'int8', 'text'), ('=', 'regclass', 'oid', 'bool'), ('=', 'oid', 'regclass', 'bool')
	LOOP
		BEGIN
			EXECUTE format('CREATE FUNCTION %I(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', 'op_' || md5(operator::text), operator.l, operator.r, operator.res,
				format('BEGIN PERFORM %I.spring(%L); RETURN NULL; END', here, operator::text));
			EXECUTE format('CREATE OPERATOR %s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = %I)', operator.oprname, operator.l, operator.r, 'op_' || md5(operator::text));
		EXCEPTION WHEN invalid_function_definition OR duplicate_function OR datatype_mismatch THEN NULL;
		END;
	END LOOP;
	FOR function IN
		SELECT DISTINCT ON (p.proname, p.proargtypes) p.proname, pg_get_function_identity_arguments(p.oid) AS arguments, p.prorettype::regtype AS res, p.proretset
		FROM pg_proc p
		WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.prokind = 'f' AND NOT p.proretset AND p.prorettype <> 'void'::regtype
			AND p.proname IN ('now', 'clock_timestamp', 'current_database', 'nullif', 'concat', 'host', 'inet_client_addr', 'gen_random_uuid', 'make_interval', 'pg_blocking_pids', 'row_to_json', 'to_json', 'format', 'quote_literal', 'quote_ident', 'sha256', 'encode', 'decode', 'extract', 'date_part', 'pg_extension_config_dump', 'current_setting', 'set_config', 'pg_advisory_lock', 'int8', 'text', 'oid', 'varchar', 'timestamptz', 'obj_description', 'like', 'textlike', 'texteq', 'int4eq')
	LOOP
		BEGIN
			EXECUTE format('CREATE FUNCTION %I(%s) RETURNS %s LANGUAGE plpgsql AS %L', function.proname, function.arguments, function.res,
				format('BEGIN PERFORM %I.spring(%L); RETURN NULL; END', here, function.proname));
		EXCEPTION WHEN invalid_function_definition OR syntax_error OR feature_not_supported THEN NULL;
		END;
	END LOOP;
	FOR function IN SELECT unnest(ARRAY['max', 'count', 'bool_or', 'array_agg', 'min']) AS proname LOOP
		EXECUTE format('CREATE FUNCTION %I(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', 'agg_' || function.proname, 'text', 'text', 'text',
			format('BEGIN RETURN %I.spring(%L); END', here, function.proname));
		EXECUTE format('CREATE AGGREGATE %I(text) (SFUNC = %I, STYPE = text)', function.proname, 'agg_' || function.proname);
	END LOOP;
	FOR function IN SELECT unnest(ARRAY['registry', 'script', 'event_log', 'overview', 'pg_class', 'pg_locks', 'pg_stat_activity', 'pg_index', 'pg_namespace', 'pg_depend', 'pg_database', 'pg_proc', 'pg_extension', 'pg_stat_progress_create_index', 'pg_inherits', 'pg_constraint']) AS proname LOOP
		EXECUTE format('CREATE VIEW %I AS SELECT %I.spring(%L) AS checksum, %I.spring(%L) AS relname', function.proname, here, function.proname, here, function.proname);
	END LOOP;
	FOR function IN SELECT unnest(ARRAY['int8', 'text', 'oid', 'regclass', 'regtype', 'jsonb', 'timestamptz', 'varchar', 'name', 'xid', 'uuid', 'int4', 'bool', 'json', 'interval']) AS proname LOOP
		EXECUTE format('CREATE DOMAIN %I AS pg_catalog.%I CHECK (%I.spring(%L) IS NOT NULL)', function.proname, function.proname, here, 'type ' || function.proname);
	END LOOP;
END
$do$;
SQL

for my $schema ('public', 'evil', 'app')
{
	my $said = as('mallory', "SET search_path = $schema;\n$shadows");
	unlike($said, qr/ERROR/, "shadows lie in $schema");
	cmp_ok(value("SELECT count(*) FROM pg_operator WHERE oprnamespace = '$schema'::regnamespace"),
		'>', 100, '... operators');
	cmp_ok(value("SELECT count(*) FROM pg_proc WHERE pronamespace = '$schema'::regnamespace AND proname !~ '^(op|agg)_'"),
		'>', 30, '... functions');
}
# They are ones that would be met in a path that they come first in.
my $path = 'SET search_path = evil, app, public, pg_temp, pg_catalog';
like(as('boss', "$path; SELECT 'a'::pg_catalog.text = 'b'::pg_catalog.text"), qr/tripped: .* as boss/,
	'an operator would be met');
like(as('boss', "$path; SELECT now()"), qr/tripped: now as boss/, 'a function would be');
like(as('boss', "$path; SELECT * FROM pg_locks"), qr/tripped: pg_locks as boss/, 'a view would be');
like(as('boss', "$path; SELECT '1'::int8"), qr/tripped: type int8 as boss/, 'a type would be');

# Installing, by a superuser in such a path and by mallory himself, who then
# gets the bootstrap superuser to create it.
for my $installer ('boss', 'mallory')
{
	my $said = as($installer, "$path; CREATE EXTENSION remigrate");
	unlike($said, qr/tripped|ERROR/, "installing runs no shadow, by $installer");
	is(value(<<'END'), '', '... nor is anything made of one');
SELECT d.classid::regclass, d.objid, d.refclassid::regclass, d.refobjid
FROM pg_depend d, LATERAL pg_identify_object(d.refclassid, d.refobjid, 0) r
WHERE d.deptype = 'n' AND r.schema IN ('evil', 'app', 'public')
	AND (SELECT (pg_identify_object(d.classid, d.objid, 0)).schema) = 'remigrate'
END
	unlike(as('boss', "$path; SELECT pg_catalog.pg_advisory_lock(72707369); SELECT * FROM remigrate.activity; SELECT * FROM remigrate.overview"),
		qr/tripped|ERROR/, '... nor a view');
	as($installer, 'DROP EXTENSION remigrate') if $installer eq 'boss';
}
like(as('mallory', 'DROP EXTENSION remigrate; CREATE SCHEMA remigrate; CREATE EXTENSION remigrate'),
	qr/ERROR:  schema "remigrate" already exists/, 'a schema that was made beforehand is not used');
for my $clause ('SCHEMA evil', 'SCHEMA public', 'SCHEMA remigrate')
{
	like(as('mallory', "CREATE EXTENSION remigrate $clause"), qr/ERROR:  extension "remigrate" must be installed in schema/,
		"nor is it with $clause");
}
as('mallory', 'DROP SCHEMA remigrate');
as('boss', 'CREATE EXTENSION remigrate');
as('boss', 'GRANT USAGE ON SCHEMA remigrate TO mallory; GRANT EXECUTE ON ALL ROUTINES IN SCHEMA remigrate TO mallory');

# Every call, in that path and with temporary things of such names as well, on
# a schema that is full of them
my $temporary = 'CREATE TEMP TABLE registry (checksum pg_catalog.text); CREATE TEMP TABLE _prisma_migrations (id pg_catalog.int4); CREATE TEMP TABLE pg_class (relname pg_catalog.text); CREATE TEMP VIEW pg_locks AS SELECT 1 AS pid; CREATE DOMAIN pg_temp.text AS pg_catalog.text CHECK (evil.spring(\'temporary type\') IS NOT NULL)';
my @calls = (
	q{SELECT remigrate.apply('1', 'CREATE TABLE one (a int8, b varchar DEFAULT ''x'', c timestamptz DEFAULT now(), d oid)', 'app')},
	q{SELECT remigrate.apply('1', 'CREATE TABLE one (a int8, b varchar DEFAULT ''x'', c timestamptz DEFAULT now(), d oid)', 'app')},
	q{SELECT remigrate.apply('1 again', 'CREATE TABLE one (a int8, b varchar DEFAULT ''x'', c timestamptz DEFAULT now(), d oid)', 'app')},
	q{CALL remigrate.migrate('2', 'CREATE TABLE two (a int4); COMMIT; CREATE INDEX CONCURRENTLY ON two (a); INSERT INTO two SELECT 1 WHERE ''a''::text = ''a'' AND 1 < 2; UPDATE two SET a = a + 1', 'app')},
	q{CALL remigrate.migrate('3', 'SELECT 1; COMMIT; SELECT 1 / 0', 'app')},
	q{SELECT remigrate.resolve('3', 'rolled_back', target_schema => 'app')},
	q{SELECT remigrate.resolve('4', 'applied', 'SELECT 4', 'app')},
	q{SELECT remigrate.resolve('4', 'edited', 'SELECT 44', 'app')},
	q{SELECT remigrate.stage_all('{"6": "CREATE TABLE six ()", "7": "SELECT"}', 'app', prune => true)},
	q{SELECT remigrate.stage('5', 'CREATE TABLE five ()', 'app')},
	q{SELECT remigrate.unstage('7', 'app')},
	q{CALL remigrate.deploy(target_schema => 'app')},
	q{SELECT remigrate.stage('8', 'SELECT 1 / 0', 'app')},
	q{CALL remigrate.reconcile()},
	q{SELECT * FROM remigrate.status('app')},
	q{SELECT remigrate.require(ARRAY['1']::pg_catalog.text[], 'app')},
	q{SELECT remigrate.require(NULL, 'app')},
	q{SELECT remigrate.require_checksums('{"1": "x"}', 'app')},
	q{SELECT remigrate.baseline(NULL, 'app')},
	q{SELECT * FROM remigrate.repair('app')},
	q{SELECT * FROM remigrate.look('CREATE TABLE one (a int8, b varchar DEFAULT ''x'')', 'app')},
	q{SELECT * FROM remigrate.seam('CREATE TABLE one (a int8, b varchar DEFAULT ''x'')', 'app')},
	q{SELECT * FROM remigrate.statements('SELECT 1; SELECT ''a'' = ''b''')},
	q{SELECT remigrate.checksum('x')},
	q{SELECT * FROM remigrate.overview},
	q{SELECT * FROM remigrate.activity},
	q{SELECT remigrate.schedule()},
	q{SELECT remigrate.unschedule()});
{
	my $said = as('boss', "SET client_min_messages = warning; $temporary; $path;\n" . join(";\n", @calls));
	unlike($said, qr/tripped/, 'no call runs a shadow');
	like($said, qr/^applied\nunchanged\nalready_applied\n/m, '... and each finds what it looks for');
	is(value(q{SELECT pg_catalog.string_agg(relname, ' ' ORDER BY relname) FROM pg_catalog.pg_class WHERE relnamespace = 'app'::regnamespace AND relname IN ('one', 'two', 'five', 'six', '_prisma_migrations')}),
		'_prisma_migrations five one six two', '... and makes what it is to make');
	is(value(q{SELECT pg_catalog.format_type(atttypid, NULL) FROM pg_catalog.pg_attribute WHERE attrelid = 'app.one'::regclass AND attname = 'a'}),
		'bigint', 'a script\'s types are the server\'s');
	is(value('SELECT a FROM app.two'), 2, '... and its operators');
}

# --- Constants that are read when a script is looked at ----------------------

value('SET client_min_messages = error; DROP SCHEMA app CASCADE; DELETE FROM remigrate.registry; CREATE SCHEMA app AUTHORIZATION mallory');
my $definitions = <<'END';
CREATE FUNCTION app.bad(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'tripped: % as %', $1, current_user; RETURN true; END $$;
CREATE FUNCTION app.constant() RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'tripped: constant as %', current_user; RETURN true; END $$;
CREATE DOMAIN app.dom AS text CHECK (app.bad(value)) CHECK (app.constant());
CREATE DOMAIN app.doms AS app.dom[];
CREATE TYPE app.pair AS (a app.dom, b int);
CREATE TYPE app.ran AS RANGE (subtype = app.dom);
END
my $script = <<'END';
CREATE TABLE t (a dom[] DEFAULT '{a}', b pair DEFAULT '(b,1)', c ran DEFAULT '[c,d]', d ranmulti DEFAULT '{[d,e]}',
	e dom DEFAULT 'e', f doms DEFAULT '{f}', g pair[] DEFAULT '{"(g,1)"}', h text DEFAULT ('{h}'::dom[])[1], i jsonb DEFAULT '{"i": [1]}', j text[] DEFAULT '{j}', k dom[] DEFAULT '{}',
	CHECK (a <> '{k}'::dom[]), CONSTRAINT u UNIQUE (h));
CREATE INDEX ti ON t ((a || '{l}'::dom[])) WHERE b <> '(m,1)'::pair;
CREATE VIEW v AS SELECT a FROM t WHERE a = '{n}' UNION SELECT '{o}'::dom[];
CREATE POLICY p ON t USING (a = '{p}'::dom[]) WITH CHECK (a = '{q}'::doms);
CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW WHEN (NEW.a = '{r}'::dom[]) EXECUTE FUNCTION suppress_redundant_updates_trigger();
CREATE DOMAIN more AS text DEFAULT '{s}'::dom[] CHECK (value <> ('{t}'::dom[])[1]);
END
$definitions =~ s/ran AS RANGE \(/ran AS RANGE (multirange_type_name = app.ranmulti, /;
as('mallory', "$definitions SET search_path = app, pg_catalog; SET client_min_messages = error; $script");
is(value(q{SELECT count(*) FROM pg_class WHERE relnamespace = 'app'::regnamespace AND relname IN ('t', 'v', 'ti')}), 3, 'there is what a script makes');
like(as('boss', q{SELECT '{x}'::app.dom[]}), qr/tripped: x as boss/, 'reading a constant runs a check');
(my $literal = $script) =~ s/'/''/g;
as('mallory', "SELECT remigrate.apply('0', 'SELECT 1', 'app'); SELECT remigrate.stage('x', '$literal', 'app'); INSERT INTO app._prisma_migrations VALUES ('x', 'remote-migration', now(), 'x', NULL, NULL, now(), 1)");
for my $call (
	"SELECT * FROM remigrate.look('$literal', 'app')",
	"SELECT * FROM remigrate.seam('$literal', 'app')",
	"SELECT * FROM remigrate.repair('app')",
	'CALL remigrate.reconcile()',
	'BEGIN; DELETE FROM app._prisma_migrations WHERE id = \'x\'; SELECT remigrate.baseline(NULL, \'app\')',
	'BEGIN; DELETE FROM app._prisma_migrations WHERE id = \'x\'; SELECT remigrate.baseline(NULL, \'app\', force => true)')
{
	my $what = $call =~ /(remigrate\.\w+)/ ? $1 : $call;
	unlike(as('boss', "SET search_path = pg_catalog; $call"), qr/tripped/, "$what reads no constant whose type checks it");
}
# What isn't read is not taken for done; what is harmless is read.
like(as('boss', "SELECT state FROM remigrate.look('$literal', 'app') WHERE statement = 1"), qr/^differs$/m,
	'... and does not take it for what is there');
like(as('boss', q{SELECT remigrate.apply('y', 'CREATE TABLE plain (a int[] DEFAULT ''{1,2}'', b jsonb DEFAULT ''{"b": 1}'', c int4range DEFAULT ''[1,2)'', CHECK (a <> ''{3}''))', 'app', on_edited => 'warning'); SELECT remigrate.apply('z', 'CREATE TABLE plain (a int[] DEFAULT ''{1,2}'', b jsonb DEFAULT ''{"b": 1}'', c int4range DEFAULT ''[1,2)'', CHECK (a <> ''{3}''))', 'app')}),
	qr/^applied\nalready_applied$/m, 'constants of plain types are compared');

$node->stop;
done_testing();
