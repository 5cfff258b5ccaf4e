# On a standby: status answers, apply says where to go.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->start;
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

sub catch_up
{
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
}

$primary->safe_psql('postgres', 'CREATE EXTENSION remigrate');
catch_up();
is($standby->safe_psql('postgres', 'SELECT count(*) FROM remigrate.status()'), 0,
	'status works before there is a journal');

$primary->safe_psql('postgres', "SELECT remigrate.apply('m', 'CREATE TABLE t ()')");
catch_up();
is($standby->safe_psql('postgres', 'SELECT migration_name, state, attempts FROM remigrate.status()'),
	'm|applied|1', 'status works with one');
is($standby->safe_psql('postgres',
		"SELECT remigrate.checksum('x') IS NOT NULL, count(*) FROM remigrate.statements('SELECT 1')"),
	't|1', 'checksum and statements work');

for my $name ('m', 'n')
{
	my ($status, $stdout, $stderr) = $standby->psql('postgres',
		"\\set VERBOSITY verbose\nSELECT remigrate.apply('$name', 'CREATE TABLE t ()')");
	like($stderr, qr/ERROR:  25006: cannot run remigrate.apply on a standby server\n/,
		"apply of $name is refused");
	like($stderr, qr/HINT:  Connect to the primary server/, '... with a hint');
}

$standby->promote;
is($standby->safe_psql('postgres',
		"SELECT remigrate.apply('m', 'CREATE TABLE t ()'); SELECT remigrate.apply('n', 'CREATE TABLE u ()')"),
	"unchanged\napplied", 'promoted, it goes on');

$standby->stop;
$primary->stop;
done_testing();
