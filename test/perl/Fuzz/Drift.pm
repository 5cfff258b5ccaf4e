# Changes by hand to what a script has made: what a look must never take for
# the script's own.
package Fuzz::Drift;
use strict;
use warnings;
use Exporter 'import';
use Fuzz::Schema qw(pick chance bytes);

our @EXPORT_OK = qw(drifts may_drift);

# What is compared in part only, or not at all, or by what the server itself
# does not compare.
sub may_drift
{
	my ($case) = @_;
	return join("\n", @{$case->{script}}) !~ /IF NOT EXISTS|\bLIKE\b.*\)|AS SELECT 1 AS id|INHERIT|\bOF\b|PARTITION|EXCLUDE|UNLOGGED|RESTART|SET SCHEMA|ALTER SCHEMA|\bDO \$do/i;
}

sub qualified { my ($object) = @_; return bytes("$object->{schema}.$object->{name}") }

my %other_type = (integer => 'bigint', bigint => 'integer', text => 'character varying', boolean => 'text', smallint => 'integer');

sub column_drifts
{
	my ($table, $column) = @_;
	my $name = bytes($column->{name});
	my $alter = 'ALTER TABLE ' . qualified($table) . " ALTER COLUMN $name";
	my $type = $other_type{$column->{type}} // 'text';
	my @drifts = "ALTER TABLE " . qualified($table) . " RENAME COLUMN $name TO drifted";
	return @drifts if $column->{generated};
	push @drifts, "$alter TYPE $type USING NULL" if $type ne $column->{type} && !$column->{identity};
	push @drifts, "ALTER TABLE " . qualified($table) . " DROP COLUMN $name";
	push @drifts, $column->{not_null} ? "$alter DROP NOT NULL" : "$alter SET NOT NULL";
	push @drifts, $column->{identity} ? "$alter DROP IDENTITY" : $column->{default} ? "$alter DROP DEFAULT" : "$alter SET DEFAULT NULL::text::" . $column->{type};
	return @drifts;
}

sub constraint_drifts
{
	my ($table, $constraint) = @_;
	my $alter = 'ALTER TABLE ' . qualified($table);
	my $name = bytes($constraint->{name});
	my $definition = bytes($constraint->{def});
	my @drifts = ("$alter DROP CONSTRAINT $name", "$alter RENAME CONSTRAINT $name TO drifted");
	my @columns = map { bytes($_->{name}) } @{$table->{columns}};
	my $other;
	$other = "CHECK ($columns[0] IS NOT NULL OR 1 = 2)" if $constraint->{type} eq 'c';
	$other = 'UNIQUE (' . join(', ', reverse @columns) . ')' if $constraint->{type} eq 'u' && @columns > 1;
	$other = 'PRIMARY KEY (' . join(', ', @columns) . ')' if $constraint->{type} eq 'p' && @columns > 1;
	$other = "$definition ON DELETE CASCADE" if $constraint->{type} eq 'f' && $definition !~ /ON DELETE|DEFERR|NOT VALID/;
	push @drifts, "$alter DROP CONSTRAINT $name, ADD CONSTRAINT $name $other" if $other && $other ne $definition;
	push @drifts, "$alter DROP CONSTRAINT $name, ADD CONSTRAINT $name $definition NOT VALID" if $constraint->{type} =~ /[cf]/ && $definition !~ /NOT VALID/;
	push @drifts, "$alter DROP CONSTRAINT $name, ADD CONSTRAINT $name $definition DEFERRABLE" if $constraint->{type} =~ /[fu]/ && $definition !~ /DEFERR|NOT VALID/;
	return @drifts;
}

sub index_drifts
{
	my ($index) = @_;
	return if $index->{constraint};
	my $name = qualified($index);
	my $definition = bytes($index->{def});
	my @others = ($definition =~ s/\)( INCLUDE .*| WITH .*| WHERE .*)?$/) WHERE 1 = 1/r);
	push @others, $definition =~ s/^CREATE INDEX/CREATE UNIQUE INDEX/r, $definition =~ s/^CREATE UNIQUE INDEX/CREATE INDEX/r;
	push @others, $definition =~ s/ USING btree \((.*?)( DESC| NULLS \w+)*\)/ USING btree ($1 DESC)/r;
	push @others, $definition =~ s/ USING btree \(/ USING btree ((1), /r, $definition =~ s/ USING \w+ \(.*?\)( |$)/ USING btree ((1))$1/r;
	return ("DROP INDEX $name", "ALTER INDEX $name RENAME TO drifted", map { "DROP INDEX $name; $_" } grep { $_ ne $definition } @others);
}

# What a look leaves out, as the files of src/ say: the query of a view that
# names what was renamed, says "*" of a table with columns to come, or may have
# gone with a column by CASCADE; expressions that are written anew for a column's
# type; the defaults of a function's parameters; and an index that the server is
# to name is not that of this name.
sub is_compared
{
	my ($drift, $script) = @_;
	return 0 if $drift =~ /^DROP (MATERIALIZED )?VIEW/ && $script =~ /\bRENAME\b|\bDROP COLUMN\b.*\bCASCADE\b/;
	return 0 if $drift =~ /^DROP (MATERIALIZED )?VIEW/ && $script =~ /\bVIEW\b.*\*.*\bADD COLUMN\b/s;
	return 0 if $drift =~ / WHERE 1 = 1|\(\(1\)|CHECK .* OR 1 = 2/ && $script =~ /\bSET DATA TYPE\b/;
	# A default of NULL is none.
	return 0 if $drift =~ /SET DEFAULT NULL/ && $script =~ /DEFAULT NULL/;
	return 0 if $drift =~ /^CREATE OR REPLACE/ && $script =~ /DEFAULT|SET search_path/;
	return 0 if $drift =~ /^(DROP|ALTER) INDEX/ && $script =~ /\bINDEX ON\b/;
	return 1;
}

# Statements that change something of what the script has made; $old is the
# inventory before the script.
sub drifts
{
	my ($old, $now, $script) = @_;
	my %old;
	$old{$_->{oid}} = 1 for @{$old->{relations}}, @{$old->{types}}, @{$old->{routines}};
	# Where a column gets another type its indexes are made anew, as they were.
	$old{$_->{name}} = 1 for grep { $_->{kind} eq 'i' } @{$old->{relations}};
	my $is_new = sub { !$old{$_[0]{oid}} && !($_[0]{kind} eq 'i' && $old{$_[0]{name}}) };
	my @drifts;
	for my $relation (grep { $is_new->($_) } @{$now->{relations}})
	{
		my $name = qualified($relation);
		if ($relation->{kind} eq 'r')
		{
			push @drifts, map { column_drifts($relation, $_) } @{$relation->{columns}};
			push @drifts, map { constraint_drifts($relation, $_) } @{$relation->{constraints}};
			push @drifts, map { "DROP TRIGGER " . bytes($_) . " ON $name" } @{$relation->{triggers}};
			push @drifts, map { my $p = bytes($_); ("DROP POLICY $p ON $name", "ALTER POLICY $p ON $name USING (false)") } @{$relation->{policies}};
			push @drifts, "ALTER TABLE $name SET UNLOGGED", "DROP TABLE $name", "DROP TABLE $name; CREATE TABLE $name ()";
		}
		push @drifts, index_drifts($relation) if $relation->{kind} eq 'i';
		push @drifts, "DROP VIEW $name", "DROP VIEW $name; CREATE VIEW $name AS SELECT 1 AS drifted", "DROP VIEW $name; CREATE TABLE $name (id int)" if $relation->{kind} eq 'v';
		push @drifts, "DROP MATERIALIZED VIEW $name; CREATE MATERIALIZED VIEW $name AS SELECT 1 AS drifted" if $relation->{kind} eq 'm';
		push @drifts, "DROP SEQUENCE $name" if $relation->{kind} eq 'S';
	}
	for my $type (grep { $is_new->($_) } @{$now->{types}})
	{
		my $name = qualified($type);
		push @drifts, "DROP TYPE $name", "ALTER TYPE $name RENAME TO drifted";
		push @drifts, "ALTER TYPE $name ADD VALUE 'drifted' BEFORE '" . (bytes($type->{labels}[0]) =~ s/'/''/gr) . "'",
		  "ALTER TYPE $name RENAME VALUE '" . (bytes($type->{labels}[0]) =~ s/'/''/gr) . "' TO 'drifted'",
		  "DROP TYPE $name; CREATE TYPE $name AS ENUM ('drifted')" if $type->{kind} eq 'e' && @{$type->{labels}};
		push @drifts, "ALTER DOMAIN $name SET DEFAULT '9'", (map { "ALTER DOMAIN $name DROP CONSTRAINT " . bytes($_) } @{$type->{constraints}}) if $type->{kind} eq 'd';
	}
	for my $routine (grep { $is_new->($_) && $_->{kind} eq 'f' && $_->{result} ne 'trigger' } @{$now->{routines}})
	{
		my $name = qualified($routine);
		my $arguments = bytes($routine->{arguments});
		push @drifts, "DROP FUNCTION $name($arguments)", "ALTER FUNCTION $name($arguments) RENAME TO drifted",
		  "CREATE OR REPLACE " . (bytes($routine->{def}) =~ s/^CREATE OR REPLACE //r =~ s/LANGUAGE sql.*/LANGUAGE sql AS 'SELECT 5'/sr) if $routine->{def} =~ /LANGUAGE sql/ && $routine->{result} =~ /int/;
	}
	return grep { is_compared($_, $script) } @drifts;
}

1;
