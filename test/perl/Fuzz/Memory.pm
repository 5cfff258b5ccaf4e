# Thousands of calls in one session: its memory must not grow with their number.
package Fuzz::Memory;
use strict;
use warnings;
use Exporter 'import';
use Fuzz::Schema qw(pick chance);

our @EXPORT_OK = qw(measure);

# Since 18 it has no column "parent".
my $contexts = q{SELECT CASE WHEN name ~ '^(index info|relation rules)' THEN name ELSE concat_ws(' / ', name, to_jsonb(c) ->> 'parent') END,
	sum(total_bytes), sum(used_bytes), count(*) FROM pg_backend_memory_contexts c GROUP BY 1};

# Of these the server keeps an entry for each table, type and sequence that it
# has met in a session, though it be gone.
my $servers = qr/^(CacheMemoryContext|Type information cache|Sequence values)( |$)/;

# All kinds of calls and of ends, over a few names, so that the server's own
# caches come to an end as well.  Each leaves the database as it was.
sub calls
{
	my ($n) = @_;
	my $i = $n % 20;
	my $rows = join ', ', map { "($_, 'row $_')" } 1 .. 50;
	my $script = "CREATE TABLE t$i (id serial PRIMARY KEY, c text DEFAULT 'x' CHECK (c <> ''));\nCREATE INDEX t${i}_c ON t$i (lower(c)) WHERE id > 3;\n"
	  . "INSERT INTO t$i VALUES $rows;\nCREATE VIEW v$i AS SELECT c FROM t$i;\nCREATE TYPE e$i AS ENUM ('a', 'b');\nALTER TABLE t$i ADD COLUMN e e$i DEFAULT 'a';\n";
	my $gone = "DROP VIEW v$i; DROP TABLE t$i; DROP TYPE e$i;";
	my $large = $script . '-- ' . 'x' x 100_000;
	my $look = "CREATE TABLE kept (id int PRIMARY KEY, c text DEFAULT 'x', CHECK (c <> 'y')); CREATE INDEX kept_c ON kept (lower(c)) WHERE id > 3; CREATE VIEW kept_v AS SELECT c FROM kept; ALTER TABLE kept ADD d int";
	return (
		[ 'BEGIN', "SELECT remigrate.apply('ok$i', \$s\$$script\$s\$)", 'ROLLBACK' ],
		[ "SELECT remigrate.apply('failed$i', \$s\${$script}; SELECT 1/0\$s\$)" ],
		[ "SELECT remigrate.apply('late$i', \$s\$$script; SELECT 1/0\$s\$)" ],
		[ "SELECT remigrate.apply('known', 'SELECT 1')" ],
		[ "SELECT remigrate.apply('known', 'SELECT 2')" ],
		[ "SELECT remigrate.apply('known', 'SELECT 1 -- again')" ],
		[ "SELECT remigrate.apply('syntax$i', 'SELEC')" ],
		[ 'BEGIN', "SELECT remigrate.apply('found$i', \$s\$$look\$s\$)", 'ROLLBACK' ],
		[ "SELECT count(*) FROM remigrate.statements(\$s\$$large\$s\$)" ],
		[ "SELECT remigrate.checksum(\$s\$$large\$s\$)" ],
		[ 'SELECT count(*) FROM remigrate.status()' ],
		[ 'SELECT * FROM remigrate.overview' ],
		[ "SELECT count(*) FROM remigrate.look(\$s\$$look\$s\$)" ],
		[ "SELECT verdict FROM remigrate.seam(\$s\$$look; $script\$s\$)" ],
		[ 'SELECT count(*) FROM remigrate.repair()' ],
		[ "SELECT remigrate.stage('staged$i', \$s\$$script\$s\$)", "SELECT remigrate.unstage('staged$i')" ],
		[ "SELECT remigrate.stage_all('{\"staged$i\": \"SELECT 1\"}')", "SELECT remigrate.unstage('staged$i')" ],
		[ "CALL remigrate.migrate('m$i', \$s\$$script\$s\$)", "CALL remigrate.migrate('n$i', \$s\$$gone\$s\$)", \"forget" ],
		[ "CALL remigrate.migrate('bad$i', \$s\$$script; SELECT 1/0\$s\$)", \"forget" ],
		[ "CALL remigrate.migrate('steps$i', 'CREATE TABLE s (a int); COMMIT; CREATE INDEX CONCURRENTLY s_a ON s (a); DROP TABLE s')", \"forget" ],
		[ "SELECT remigrate.stage('d$i', 'SELECT 1')", 'CALL remigrate.deploy()', 'CALL remigrate.reconcile()', \"forget" ],
		[ "SELECT remigrate.resolve('r$i', 'applied', 'SELECT 1')", \"forget" ],
		[ 'SELECT remigrate.require()', "SELECT remigrate.require_checksums('{\"known\": \"00\"}')" ]);
}

# $calls calls in a session of $wire's, $admin being another one.  Returns how
# many bytes more there are than after a warm-up of a fifth, but for the
# server's own caches, and tells.
sub measure
{
	my ($wire, $admin, $calls, $tell) = @_;
	my $forget = q{DELETE FROM public._prisma_migrations WHERE migration_name <> 'known';
		DELETE FROM remigrate.registry WHERE migration_name <> 'known'; TRUNCATE remigrate.event_log;
		DELETE FROM remigrate.script s WHERE NOT EXISTS (SELECT FROM remigrate.registry r WHERE r.checksum = s.checksum)};
	my (%first, $first, $last, @all);
	$wire->must("SET client_min_messages = error; SET jit = off; SELECT remigrate.apply('known', 'SELECT 1')");
	$wire->must("CREATE TABLE kept (id int PRIMARY KEY, c text DEFAULT 'x', CHECK (c <> 'y')); CREATE INDEX kept_c ON kept (lower(c)) WHERE id > 3; CREATE VIEW kept_v AS SELECT c FROM kept");
	for (my $n = 0; $n < $calls;)
	{
		@all = calls(int rand 1e6) if !@all;
		for my $sql (@{splice @all, int rand @all, 1})
		{
			if (ref $sql) { $admin->must($forget); next }
			my $answer = $wire->query($sql);
			die "the server has gone: $answer->{error}{M}\n" if $answer->{lost};
			die "$answer->{error}{C} $answer->{error}{M}\nin: $sql\n" if $answer->{error} && $answer->{error}{C} =~ /^XX/;
			next if $sql =~ /^(BEGIN|ROLLBACK)$/ || ++$n % int($calls / 20 || 1);
			my %now = map { $_->[0] => $_ } @{$wire->must($contexts)};
			$last = 0;
			my ($caches, $count) = (0, 0);
			for (values %now)
			{
				$_->[0] =~ $servers ? $caches += $_->[1] : $last += $_->[1];
				$count += $_->[3];
			}
			$tell->(sprintf '%6d calls: %8.1f kB, and %8.1f kB of caches, in %d contexts', $n, $last / 1024, $caches / 1024, $count);
			next if $n < $calls / 5;
			($first, %first) = ($last, %now) if !defined $first;
			next if $n < $calls;
			for (sort { $now{$b}[1] - ($first{$b}[1] // 0) <=> $now{$a}[1] - ($first{$a}[1] // 0) } keys %now)
			{
				my $grown = $now{$_}[1] - ($first{$_}[1] // 0);
				$tell->(sprintf '%+8.1f kB (%+.1f kB used, %+d of them): %s', $grown / 1024, ($now{$_}[2] - ($first{$_}[2] // 0)) / 1024, $now{$_}[3] - ($first{$_}[3] // 0), $_) if $grown;
			}
		}
	}
	return $last - $first;
}

1;
