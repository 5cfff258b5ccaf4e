# What came with a newer server than the oldest one: the model and the look
# have to know it where it is.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('newer');
$node->init;
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION remigrate');

# Where the schema stands in a script when the first k statements have run, for
# each k; all is rolled back.
sub seams
{
	my @statements = @_;
	my $script = join '; ', @statements;
	my $look = "SELECT format('%s from %s', verdict, resume_from) FROM remigrate.seam(\$script\$$script\$script\$)";
	return $node->safe_psql('postgres', join(";\n", 'BEGIN', $look, (map { ($_, $look) } @statements), 'ROLLBACK'));
}

# What a look finds of a script where something else was made.
sub found
{
	my ($made, $script) = @_;
	return $node->safe_psql('postgres', qq{
		BEGIN; $made;
		SELECT verdict FROM remigrate.seam(\$script\$$script\$script\$);
		SELECT found FROM remigrate.look(\$script\$$script\$script\$) WHERE state = 'differs';
		ROLLBACK});
}

sub all_seams
{
	my ($count) = @_;
	return join "\n", 'fresh from 0', (map { "resume from $_" } 1 .. $count - 1), "complete from $count";
}

SKIP:
{
	skip 'constraints that are not enforced came with 18', 6 if $node->pg_version < 18;

	is(seams('CREATE TABLE t (a int CHECK (a > 0) NOT ENFORCED, b int)',
			'ALTER TABLE t ADD CONSTRAINT c CHECK (b > 0) NOT ENFORCED',
			'CREATE TABLE u (a int PRIMARY KEY)',
			'ALTER TABLE t ADD CONSTRAINT f FOREIGN KEY (b) REFERENCES u NOT ENFORCED',
			'ALTER TABLE t ALTER CONSTRAINT f ENFORCED',
			'ALTER TABLE t ALTER CONSTRAINT f NOT ENFORCED'),
		# After the fourth the schema looks as after the sixth, and going on
		# from there changes nothing.
		join("\n", 'fresh from 0', 'resume from 1', 'resume from 2', 'resume from 3',
			'complete from 6', 'resume from 5', 'complete from 6'),
		'a constraint is not enforced, is, is not');
	my $table = 'CREATE TABLE t (a int, CONSTRAINT c CHECK (a > 0)';
	is(found("$table)", "$table NOT ENFORCED)"), "contradicts\na check that is enforced", 'enforced is not as defined');
	is(found("$table NOT ENFORCED)", "$table)"), "contradicts\na check that is not enforced", 'nor is not enforced');
	is(found("$table NOT ENFORCED)", "CREATE TABLE t (a int CONSTRAINT c CHECK (a > 0) NOT ENFORCED)"), 'complete', "a column's is like a table's");
	is(found("CREATE TABLE t (a int); ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
			"$table NOT ENFORCED)"), "contradicts\na check that is enforced", 'one that is not valid is another thing');
	is(found("CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int CONSTRAINT f REFERENCES u NOT ENFORCED)",
			"CREATE TABLE u (a int PRIMARY KEY); CREATE TABLE t (a int CONSTRAINT f REFERENCES u)"),
		"contradicts\na foreign key that is not enforced", 'a foreign key, too');
}

SKIP:
{
	skip 'virtual columns came with 18', 2 if $node->pg_version < 18;

	is(seams('CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL)',
			'ALTER TABLE t ADD COLUMN c int GENERATED ALWAYS AS (a * 3)',
			'ALTER TABLE t ADD COLUMN d int GENERATED ALWAYS AS (a * 3) STORED'),
		all_seams(3), 'columns that are generated, virtual ones and stored ones');
	isnt(found('CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) STORED)',
			'CREATE TABLE t (a int, b int GENERATED ALWAYS AS (a * 2) VIRTUAL)'),
		'complete', '... are not the same');
}

SKIP:
{
	skip 'not-null has had names of its own from 18 on', 2 if $node->pg_version < 18;

	is(seams('CREATE TABLE t (a int CONSTRAINT filled NOT NULL, b int)',
			'ALTER TABLE t ADD CONSTRAINT full_up NOT NULL b',
			'ALTER TABLE t ALTER a DROP NOT NULL'),
		all_seams(3), 'not-null with a name');
	isnt((split /\n/, seams('CREATE TABLE t (a int)', 'ALTER TABLE t ADD CONSTRAINT full_up NOT NULL a',
			'ALTER TABLE t DROP CONSTRAINT full_up'))[-1], 'complete from 2', '... that is dropped by it');
}

$node->stop;
done_testing;
