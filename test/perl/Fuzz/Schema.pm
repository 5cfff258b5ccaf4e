# Random statements about schemas.  What is there is asked of the catalog, so
# most of them are valid; those that are not the server tells.
package Fuzz::Schema;
use strict;
use warnings;
use Exporter 'import';
use JSON::PP qw(decode_json);

our @EXPORT_OK = qw(statement inventory pick chance bytes @schemas);

our @schemas = ('public', 's1', '"S 2"');
my @tables = ('a', 'b', '"T x"', 't', '"Ümläut"');
my @columns = ('id', 'c', 'd', '"Name"', 'ref_id', '"kind of"', 'ä');
my $long = join '', map { chr(97 + $_ % 26) } 0 .. 62;
my @names = ('x', 'y', '"i X"', 'z_key', 'a_c_idx', '"a_c_fkey"', 't_pkey', $long, $long . 'tail');
my @types = ('int', 'integer', 'bigint', 'text', 'varchar(20)', 'varchar', 'char(3)', 'numeric(10,2)', 'numeric',
	'boolean', 'timestamp', 'timestamptz(3)', 'TIMESTAMP(3)', 'date', 'jsonb', 'uuid', 'int[]', 'text[]', 'double precision', 'smallint', 'interval', 'bytea');

sub pick { return @_ ? $_[ int(rand(scalar @_)) ] : undef }
sub chance { return rand() < $_[0] }
sub maybe { my ($p, $text) = @_; return chance($p) ? $text : '' }
sub some { my ($max, @from) = @_; my %seen; return if !@from; return grep { !$seen{$_}++ } map { pick(@from) } 1 .. 1 + int(rand($max)) }
sub literal { return "'" . ($_[0] =~ s/'/''/gr) . "'" }

sub inventory
{
	my ($wire) = @_;
	return decode_json($wire->value('SELECT fuzz.inventory()'));
}

my $there;

# Bytes, not characters: what goes to the server is UTF-8.
sub bytes { my $text = shift; utf8::encode($text) if utf8::is_utf8($text); return $text }

sub qualified
{
	my ($object) = @_;
	return bytes($object->{schema} eq 'public' && !chance(0.1) ? $object->{name} : "$object->{schema}.$object->{name}");
}
sub new_name
{
	my ($name) = @_;
	return chance(0.85) ? $name : pick(@schemas[0, 0, 1, 2]) . ".$name";
}
sub relations { my ($kinds) = @_; return grep { $_->{kind} =~ /[$kinds]/ } @{$there->{relations}} }
sub column { my ($table) = @_; my $c = pick(@{$table->{columns}}); return $c && bytes($c->{name}) }
sub columns_of { my ($table, $max) = @_; return map { bytes($_) } some($max, map { $_->{name} } @{$table->{columns}}) }

sub type
{
	my @own = map { qualified($_) } @{$there->{types}};
	return pick(@own) . maybe(0.1, '[]') if @own && chance(0.3);
	return pick(@types);
}

sub default_of
{
	my ($type) = @_;
	my ($enum) = grep { $_->{kind} eq 'e' && $type =~ /\Q$_->{name}\E$/ } @{$there->{types}};
	return literal(bytes(pick(@{$enum->{labels}}) // 'x')) if $enum;
	return pick('0', '1', '-1', '1 + 1', "'7'", '42') if $type =~ /^(int|bigint|numeric|double|small)/i && $type !~ /\[/;
	return pick("'x'", "''", "'it''s'", "lower('X')", "'a' || 'b'") if $type =~ /^(text|varchar)/;
	return pick('true', 'false', 'NOT false', "'t'") if $type eq 'boolean';
	return pick('now()', 'CURRENT_TIMESTAMP', "'2026-01-01'") if $type =~ /^(timestamp|date)/i;
	return pick("'{}'", "'{}'::$type", "ARRAY[]::$type") if $type =~ /\[\]$/;
	return pick("'{}'", "'{\"a\": 1}'", "'[]'::jsonb") if $type eq 'jsonb';
	return 'NULL';
}

sub check_on
{
	my ($column) = @_;
	return pick("$column IS NOT NULL", "${column}::text <> ''", "length(${column}::text) > 0", "${column}::text IN ('1', '7', 'x')",
		"($column IS NULL OR ${column}::text = ${column}::text)", "NOT (${column}::text = 'q')", "${column}::text BETWEEN '0' AND 'z'",
		"CASE WHEN $column IS NULL THEN true ELSE length(${column}::text) < 99 END", "${column}::text LIKE '%' AND true");
}

sub foreign_key
{
	my $target = pick(relations('rp')) or return;
	return 'REFERENCES ' . qualified($target) . (@{$target->{columns}} && chance(0.7) ? ' (' . column($target) . ')' : '')
	  . maybe(0.2, ' MATCH FULL')
	  . maybe(0.4, ' ON DELETE ' . pick('CASCADE', 'SET NULL', 'RESTRICT', 'NO ACTION', 'SET DEFAULT'))
	  . maybe(0.4, ' ON UPDATE ' . pick('CASCADE', 'NO ACTION', 'RESTRICT'))
	  . maybe(0.15, pick(' DEFERRABLE', ' DEFERRABLE INITIALLY DEFERRED'));
}

sub column_definition
{
	my ($name) = @_;
	my $dice = rand;
	return "$name " . pick('SERIAL', 'BIGSERIAL', 'smallserial') . maybe(0.4, ' PRIMARY KEY') if $dice < 0.08;
	return "$name " . pick('int', 'bigint') . ' GENERATED ' . pick('ALWAYS', 'BY DEFAULT') . ' AS IDENTITY'
	  . maybe(0.3, ' (START WITH 10 INCREMENT BY 2)') . maybe(0.4, ' PRIMARY KEY') if $dice < 0.14;
	return "$name int GENERATED ALWAYS AS (" . pick('1 + 1', 'length(' . pick(@columns) . '::text)') . ') STORED' if $dice < 0.18;
	my $type = type();
	return "$name $type" . maybe(0.08, ' COLLATE "C"') . maybe(0.3, ' NOT NULL') . maybe(0.35, ' DEFAULT ' . default_of($type))
	  . maybe(0.08, ' UNIQUE') . maybe(0.06, ' CHECK (' . check_on($name) . ')') . maybe(0.06, ' ' . (foreign_key() // ''))
	  . maybe(0.05, ' CONSTRAINT ' . pick(@names) . ' NOT NULL');
}

sub table_constraint
{
	my (@on) = @_;
	my @some = some(2, @on);
	my $list = join ', ', @some;
	my $named = maybe(0.6, 'CONSTRAINT ' . pick(@names) . ' ');
	my $dice = rand;
	return "${named}PRIMARY KEY ($list)" if $dice < 0.25;
	return "${named}UNIQUE " . maybe(0.0, 'NULLS NOT DISTINCT ') . "($list)" . maybe(0.2, ' INCLUDE (' . pick(@on) . ')') . maybe(0.15, ' DEFERRABLE') if $dice < 0.5;
	return "${named}CHECK (" . check_on(pick(@some)) . ')' . maybe(0.15, ' NO INHERIT') if $dice < 0.7;
	return "${named}EXCLUDE USING btree ($list WITH =)" if $dice < 0.73 && @some == 1;
	my $target = pick(relations('rp')) or return "${named}UNIQUE ($list)";
	my @keys = grep { $_->{type} =~ /[pu]/ } @{$target->{constraints}};
	return "${named}FOREIGN KEY (" . pick(@some) . ') ' . foreign_key();
}

sub create_table
{
	my $name = new_name(pick(@tables));
	my $exists = maybe(0.15, 'IF NOT EXISTS ');
	my $dice = rand;
	my @parents = relations('r');
	my ($partitioned) = grep { $_->{kind} eq 'p' } @{$there->{relations}};
	if ($partitioned && $dice < 0.3)
	{
		return "CREATE TABLE $exists$name PARTITION OF " . qualified($partitioned) . ' '
		  . pick('DEFAULT', "FOR VALUES IN ('1', '7')", "FOR VALUES IN ('2', NULL)", "FOR VALUES FROM ('1') TO ('8')", 'FOR VALUES WITH (MODULUS 2, REMAINDER 0)');
	}
	return "CREATE TABLE $exists$name AS SELECT 1 AS id, 'x'::text AS c" if $dice > 0.97;
	return "CREATE TABLE $exists$name (LIKE " . qualified(pick(@parents)) . ' ' . pick('', 'INCLUDING ALL', 'INCLUDING DEFAULTS') . ')'
	  if @parents && $dice > 0.93;
	my @on = some(4, @columns);
	my @parts = map { column_definition($_) } @on;
	push @parts, table_constraint(@on) while chance(0.3);
	return 'CREATE ' . maybe(0.04, 'UNLOGGED ') . "TABLE $exists$name (\n\t" . join(",\n\t", @parts) . "\n)"
	  . (@parents && chance(0.06) ? ' INHERITS (' . qualified(pick(@parents)) . ')' : '')
	  . maybe(0.1, ' PARTITION BY ' . pick('LIST', 'RANGE', 'HASH') . ' (' . pick(@on) . ')') . maybe(0.04, ' WITH (fillfactor = 70)');
}

sub alter_action
{
	my ($table) = @_;
	my $column = column($table);
	return 'ADD COLUMN ' . column_definition(pick(@columns)) if !defined $column;
	my ($is) = grep { bytes($_->{name}) eq $column } @{$table->{columns}};
	my $constraint = pick(@{$table->{constraints}});
	my $dice = int rand 30;
	return 'ADD COLUMN ' . maybe(0.25, 'IF NOT EXISTS ') . column_definition(pick(@columns)) if $dice < 6;
	return 'DROP COLUMN ' . maybe(0.25, 'IF EXISTS ') . (chance(0.15) ? pick(@columns) : $column) . maybe(0.25, ' CASCADE') if $dice < 9;
	return "ALTER COLUMN $column SET DEFAULT " . default_of($is->{type}) if $dice == 9;
	return "ALTER COLUMN $column DROP DEFAULT" if $dice == 10;
	return "ALTER COLUMN $column " . pick('SET', 'DROP') . ' NOT NULL' if $dice < 13;
	if ($dice < 16)
	{
		my $type = type();
		return "ALTER COLUMN $column SET DATA TYPE $type" . maybe(0.6, " USING $column" . pick('::text', '') . "::$type");
	}
	return 'ADD ' . table_constraint(map { bytes($_->{name}) } @{$table->{columns}}) . maybe(0.15, ' NOT VALID') if $dice < 21;
	return 'DROP CONSTRAINT ' . maybe(0.2, 'IF EXISTS ') . bytes($constraint->{name}) . maybe(0.3, ' CASCADE') if $dice < 24 && $constraint;
	return 'VALIDATE CONSTRAINT ' . bytes($constraint->{name}) if $dice == 24 && $constraint;
	if ($dice == 25)
	{
		my @index = grep { $_->{kind} eq 'i' && $_->{table} eq $table->{name} && $_->{unique} && !$_->{constraint} } @{$there->{relations}};
		return 'ADD ' . maybe(0.6, 'CONSTRAINT ' . pick(@names) . ' ') . pick('PRIMARY KEY', 'UNIQUE') . ' USING INDEX ' . bytes(pick(@index)->{name}) if @index;
	}
	return pick('ENABLE', 'DISABLE', 'FORCE', 'NO FORCE') . ' ROW LEVEL SECURITY' if $dice == 26;
	return "ALTER COLUMN $column " . ($is->{identity} ? pick('DROP IDENTITY', 'DROP IDENTITY IF EXISTS', 'SET GENERATED ALWAYS', 'SET START WITH 5') : 'ADD GENERATED BY DEFAULT AS IDENTITY') if $dice == 27;
	return "ALTER COLUMN $column " . pick('SET STATISTICS 50', 'SET STORAGE EXTERNAL', 'SET (n_distinct = 5)', 'DROP EXPRESSION IF EXISTS') if $dice == 28;
	return pick('SET (fillfactor = 80)', 'REPLICA IDENTITY FULL', 'SET UNLOGGED', 'SET LOGGED', 'OWNER TO CURRENT_USER', 'SET WITHOUT CLUSTER');
}

sub alter_table
{
	my $table = pick(relations('rrrp')) or return;
	my $name = maybe(0.08, 'IF EXISTS ') . maybe(0.08, 'ONLY ') . qualified($table);
	my $column = column($table);
	my $dice = rand;
	return "ALTER TABLE $name RENAME TO " . pick(@tables) if $dice < 0.1;
	return "ALTER TABLE $name RENAME " . maybe(0.5, 'COLUMN ') . "$column TO " . pick(@columns) if $dice < 0.2 && defined $column;
	my $constraint = pick(@{$table->{constraints}});
	return "ALTER TABLE $name RENAME CONSTRAINT " . bytes($constraint->{name}) . ' TO ' . pick(@names) if $dice < 0.26 && $constraint;
	return "ALTER TABLE $name SET SCHEMA " . pick(@schemas) if $dice < 0.3;
	if ($dice < 0.36)
	{
		my $other = pick(relations('rp'));
		return "ALTER TABLE $name ATTACH PARTITION " . qualified($other) . ' ' . pick('DEFAULT', "FOR VALUES IN ('3')") if $table->{kind} eq 'p';
		return 'ALTER TABLE ' . $table->{parents}[0] . " DETACH PARTITION " . qualified($table) if $table->{partition};
		return "ALTER TABLE $name NO INHERIT " . bytes($table->{parents}[0]) if $table->{parents};
		return "ALTER TABLE $name INHERIT " . qualified($other) if chance(0.4);
	}
	return "ALTER TABLE $name " . join(', ', map { alter_action($table) } 1 .. (chance(0.6) ? 1 : 1 + int rand 3));
}

sub index_element
{
	my ($column) = @_;
	return pick($column, $column, $column, "$column DESC", "$column NULLS FIRST", "lower(${column}::text)", "($column IS NULL)",
		"$column text_pattern_ops", "$column COLLATE \"C\"", "$column DESC NULLS LAST", "(${column}::text || 'x')");
}

sub create_index
{
	my $table = pick(relations('rrrpm')) or return;
	my @on = columns_of($table, 3) or return;
	my $method = maybe(0.15, 'USING ' . pick('btree', 'hash', 'gin', 'brin') . ' ');
	my $other = column($table);
	return 'CREATE ' . maybe(0.35, 'UNIQUE ') . 'INDEX ' . (chance(0.85) ? maybe(0.15, 'IF NOT EXISTS ') . pick(@names, 'a_id_idx', 'b_c_idx') . ' ' : '')
	  . 'ON ' . maybe(0.05, 'ONLY ') . qualified($table) . " $method(" . join(', ', map { index_element($_) } @on) . ')'
	  . maybe(0.15, " INCLUDE ($other)") . maybe(0.05, ' WITH (fillfactor = 60)')
	  . maybe(0.25, ' WHERE ' . pick("$other IS NOT NULL", "${other}::text = 'x'", "$other IS NULL AND true", "NOT $other IS NULL"));
}

sub drop_relation
{
	my ($kinds, $word) = @_;
	my $one = pick(relations($kinds));
	return "DROP $word IF EXISTS " . new_name(pick(@tables, @names)) if !$one || chance(0.1);
	return if $one->{constraint} && !chance(0.05);
	return "DROP $word " . maybe(0.25, 'IF EXISTS ') . join(', ', qualified($one), maybe(0.06, pick(@tables)) || ()) . maybe(0.3, ' CASCADE');
}

sub rename_index
{
	my $index = pick(relations('iI')) or return;
	return 'ALTER INDEX ' . maybe(0.1, 'IF EXISTS ') . qualified($index) . ' ' . (chance(0.9) ? 'RENAME TO ' . pick(@names) : 'SET (fillfactor = 55)');
}

my @labels = ('a', 'b', 'C c', "d'e", 'ünï', 'x');
sub types_of { my ($kinds) = @_; return grep { $_->{kind} =~ /[$kinds]/ } @{$there->{types}} }

sub type_statement
{
	my $dice = rand;
	my @enums = types_of('e');
	my $enum = pick(@enums);
	my $name = new_name(pick('mood', '"Kind"', 'st'));
	return "CREATE TYPE $name AS ENUM (" . join(', ', map { literal($_) } some(4, @labels)) . ')' if $dice < 0.25 || (!$enum && $dice < 0.6);
	return "CREATE TYPE $name AS (x int, y text)" if $dice < 0.28;
	if ($dice < 0.45)
	{
		my $at = pick(@{$enum->{labels}});
		return 'ALTER TYPE ' . qualified($enum) . ' ADD VALUE ' . maybe(0.3, 'IF NOT EXISTS ') . literal(pick(@labels, 'new', 'n2'))
		  . (defined $at ? maybe(0.5, pick(' BEFORE ', ' AFTER ') . literal(bytes($at))) : '');
	}
	return 'ALTER TYPE ' . qualified($enum) . ' RENAME VALUE ' . literal(bytes(pick(@{$enum->{labels}}) // 'a')) . ' TO ' . literal(pick(@labels, 'r1')) if $dice < 0.55;
	return 'ALTER TYPE ' . qualified($enum) . ' RENAME TO ' . pick('mood', '"Kind"', '"Kind_old"', 'st') if $dice < 0.65 && $enum;
	my $type = pick(types_of('edc'));
	return 'ALTER TYPE ' . qualified($type) . ' SET SCHEMA ' . pick(@schemas) if $dice < 0.68 && $type;
	return 'DROP TYPE ' . maybe(0.25, 'IF EXISTS ') . qualified($type) . maybe(0.25, ' CASCADE') if $dice < 0.76 && $type;
	my $domain = pick(types_of('d'));
	if ($domain && $dice < 0.86)
	{
		return 'ALTER DOMAIN ' . qualified($domain) . ' ' . pick('SET NOT NULL', 'DROP NOT NULL', "SET DEFAULT '3'", 'DROP DEFAULT',
			'ADD CONSTRAINT ' . pick(@names) . " CHECK (VALUE::text <> 'z')", 'ADD CHECK (VALUE IS NOT NULL) NOT VALID',
			$domain->{constraints}[0] ? ('DROP CONSTRAINT ' . bytes($domain->{constraints}[0]), 'VALIDATE CONSTRAINT ' . bytes($domain->{constraints}[0])) : ());
	}
	return 'CREATE DOMAIN ' . new_name('dom') . ' AS ' . pick('int', 'text', 'varchar(9)') . maybe(0.3, " DEFAULT '4'") . maybe(0.2, ' NOT NULL')
	  . maybe(0.4, ' ' . maybe(0.5, 'CONSTRAINT ' . pick(@names) . ' ') . "CHECK (VALUE::text <> 'q')");
}

sub view_statement
{
	my $from = pick(relations('rpv')) or return;
	my $column = column($from) // '1';
	my $query = pick("SELECT $column FROM " . qualified($from), "SELECT $column AS v, 1 AS one FROM " . qualified($from) . ' WHERE ' . "$column IS NOT NULL",
		'SELECT * FROM ' . qualified($from), "SELECT count(*) AS n FROM " . qualified($from) . " AS f", "SELECT max(${column}::text) AS v FROM " . qualified($from) . " GROUP BY $column");
	my $dice = rand;
	my $name = new_name(pick('v', 'w', '"V w"'));
	my $view = pick(relations('v'));
	return "CREATE OR REPLACE VIEW $name " . maybe(0.15, pick('WITH (security_barrier) ', 'WITH (security_barrier = false) ')) . "AS $query" . maybe(0.05, ' WITH CHECK OPTION') if $dice < 0.3;
	return "CREATE VIEW $name" . maybe(0.08, ' (c1)') . maybe(0.08, ' WITH (security_barrier)') . " AS $query" if $dice < 0.6;
	return 'CREATE MATERIALIZED VIEW ' . maybe(0.2, 'IF NOT EXISTS ') . new_name('mv') . " AS $query" . maybe(0.3, ' WITH NO DATA') if $dice < 0.7;
	return 'ALTER VIEW ' . qualified($view) . ' RENAME TO ' . pick('v', 'w', '"V w"') if $view && $dice < 0.78;
	return drop_relation('v', 'VIEW') if $dice < 0.93;
	return drop_relation('m', 'MATERIALIZED VIEW');
}

sub routine_statement
{
	my $dice = rand;
	my $f = pick(grep { $_->{kind} =~ /[fp]/ } @{$there->{routines}});
	my $name = new_name(pick('f', 'g', '"F g"'));
	return 'DROP ' . pick('FUNCTION', 'FUNCTION', 'ROUTINE', 'PROCEDURE') . ' ' . maybe(0.3, 'IF EXISTS ') . qualified($f) . maybe(0.7, '(' . bytes($f->{arguments}) . ')') if $f && $dice < 0.2;
	return 'ALTER FUNCTION ' . qualified($f) . '(' . bytes($f->{arguments}) . ') ' . pick('RENAME TO g', 'IMMUTABLE', 'STRICT', 'SET SCHEMA s1', "SET search_path = 'public'", 'SECURITY DEFINER') if $f && $dice < 0.32;
	my $replace = pick('CREATE', 'CREATE OR REPLACE');
	return "$replace FUNCTION $name() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN RETURN NEW; END \$\$" if $dice < 0.5;
	return "$replace PROCEDURE $name(x int) LANGUAGE sql AS 'SELECT 1'" if $dice < 0.55;
	my $argument = pick('', 'x int', 'x int DEFAULT 1', 'x text, y ' . type(), 'OUT z int', 'VARIADIC v int[]');
	return "$replace FUNCTION $name($argument) RETURNS " . pick('int', 'int', 'text', 'SETOF int')
	  . pick(" LANGUAGE sql AS 'SELECT " . int(rand 2) . "'", ' LANGUAGE plpgsql AS $f$ BEGIN; RETURN 1; END $f$', ' LANGUAGE sql IMMUTABLE RETURN ' . int(rand 2));
}

sub sequence_statement
{
	my $sequence = pick(relations('S'));
	my $dice = rand;
	my $table = pick(relations('r'));
	return 'CREATE SEQUENCE ' . maybe(0.2, 'IF NOT EXISTS ') . new_name(pick('seq', '"S q"', 'a_id_seq')) . maybe(0.2, ' AS int') . maybe(0.3, ' INCREMENT BY 5') . maybe(0.2, ' START 100') . maybe(0.1, ' CYCLE') if !$sequence || $dice < 0.4;
	return 'ALTER SEQUENCE ' . qualified($sequence) . ' ' . pick('INCREMENT BY 3', 'MAXVALUE 999', 'NO MAXVALUE', 'RENAME TO seq', 'CACHE 5', 'AS bigint', 'OWNED BY NONE', 'RESTART WITH 50', 'SET SCHEMA s1',
		$table && @{$table->{columns}} ? 'OWNED BY ' . qualified($table) . '.' . column($table) : ()) if $dice < 0.75;
	return drop_relation('S', 'SEQUENCE');
}

sub comment_statement
{
	my $table = pick(relations('r'));
	my $dice = rand;
	my $text = pick("'c1'", "'c2'", 'NULL', "''");
	return 'COMMENT ON SCHEMA ' . pick(@schemas) . " IS $text" if !$table || $dice < 0.1;
	return 'COMMENT ON TABLE ' . qualified($table) . " IS $text" if $dice < 0.5;
	return if !@{$table->{columns}};
	return 'COMMENT ON COLUMN ' . qualified($table) . '.' . column($table) . " IS $text" if $dice < 0.8;
	my $index = pick(relations('i')) or return;
	return 'COMMENT ON INDEX ' . qualified($index) . " IS $text";
}

sub guard_statement
{
	my $table = pick(relations('r')) or return;
	my $name = qualified($table);
	my $f = pick(grep { $_->{result} && $_->{result} eq 'trigger' } @{$there->{routines}});
	my $trigger = pick(@{$table->{triggers}});
	my $policy = pick(@{$table->{policies}});
	my $dice = rand;
	return 'CREATE ' . maybe(0.3, 'OR REPLACE ') . 'TRIGGER ' . pick('tr', '"Tr"') . ' ' . pick('BEFORE', 'AFTER') . ' ' . pick('INSERT', 'UPDATE', 'INSERT OR DELETE') . " ON $name " . maybe(0.7, 'FOR EACH ROW ') . 'EXECUTE FUNCTION ' . qualified($f) . '()' if $f && $dice < 0.3;
	return 'DROP TRIGGER ' . maybe(0.3, 'IF EXISTS ') . bytes($trigger) . " ON $name" if $trigger && $dice < 0.4;
	return "ALTER TABLE $name " . pick('DISABLE', 'ENABLE', 'ENABLE ALWAYS') . ' TRIGGER ' . bytes($trigger) if $trigger && $dice < 0.5;
	return 'ALTER TRIGGER ' . bytes($trigger) . " ON $name RENAME TO tr2" if $trigger && $dice < 0.55;
	return 'DROP POLICY ' . maybe(0.3, 'IF EXISTS ') . bytes($policy) . " ON $name" if $policy && $dice < 0.7;
	return "CREATE POLICY pol ON $name" . maybe(0.5, ' FOR ' . pick('SELECT', 'ALL')) . ' TO PUBLIC USING (' . pick('true', '1 = 1') . ')' if $dice < 0.8;
	return pick("GRANT SELECT ON $name TO PUBLIC", "REVOKE SELECT ON $name FROM PUBLIC") if $dice < 0.85;
	return "CREATE RULE r1 AS ON UPDATE TO $name DO INSTEAD NOTHING" if $dice < 0.9;
	return 'CREATE STATISTICS ' . pick('st1', 'st2') . ' ON ' . join(', ', map { bytes($_->{name}) } @{$table->{columns}}[0, 1]) . " FROM $name" if @{$table->{columns}} > 1;
	return;
}

sub schema_statement
{
	my $dice = rand;
	my $schema = pick(grep { $_ ne 'public' } @{$there->{schemas}});
	return 'CREATE SCHEMA ' . maybe(0.4, 'IF NOT EXISTS ') . pick(@schemas, 's3') if !$schema || $dice < 0.5;
	return 'ALTER SCHEMA ' . bytes($schema) . ' RENAME TO ' . pick(@schemas, 's3') if $dice < 0.7;
	return 'DROP SCHEMA ' . maybe(0.3, 'IF EXISTS ') . bytes($schema) . maybe(0.4, ' CASCADE');
}

my @kinds = (
	[ 18, \&create_table ], [ 30, \&alter_table ], [ 5, sub { drop_relation('rp', 'TABLE') } ],
	[ 12, \&create_index ], [ 4, sub { drop_relation('i', 'INDEX') } ], [ 3, \&rename_index ],
	[ 11, \&type_statement ], [ 6, \&view_statement ], [ 6, \&routine_statement ], [ 4, \&sequence_statement ],
	[ 3, \&comment_statement ], [ 5, \&guard_statement ], [ 2, \&schema_statement ]);

# Types and constraints are often made so: they have no IF NOT EXISTS.
sub unless_there
{
	my $text = shift;
	return $text if !chance(0.4) || $text !~ /^CREATE (?:TYPE .* AS ENUM|DOMAIN)|^ALTER TABLE [^,]* ADD CONSTRAINT [^,]*(?:CHECK|FOREIGN KEY)[^,]*$/;
	return "DO \$do\$ BEGIN $text; EXCEPTION WHEN duplicate_object THEN NULL; END \$do\$";
}

# A statement for what an inventory says is there.
sub statement
{
	($there, my $kinds) = @_;
	for (1 .. 20)
	{
		my $dice = rand 109;
		for (@kinds)
		{
			next if ($dice -= $_->[0]) >= 0;
			my $text = $_->[1]->();
			return unless_there(bytes($text)) if defined $text;
			last;
		}
	}
	return 'CREATE TABLE ' . pick(@tables) . ' (id int)';
}

1;
