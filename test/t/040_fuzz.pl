# A little of what `make fuzz` does, with the same random numbers each time:
# see test/fuzz.

use strict;
use warnings;

use Fuzz::Run qw(run_model run_soup run_memory);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Wire;

my $node = PostgreSQL::Test::Cluster->new('fuzz');
$node->init;
$node->start;
my $superuser = $node->safe_psql('postgres', 'SELECT current_user');

sub run
{
	my %more = @_;
	return {
		seed => 1,
		out => $PostgreSQL::Test::Utils::tmp_check . '/fuzz',
		tell => sub { note($_[0]) },
		connect => sub {
			my ($database, $user) = @_;
			return Wire->new(host => $node->host, port => $node->port,
				user => $user // $superuser, database => $database);
		},
		%more };
}

is(run_model(run(cases => 25)), 0, 'random statements: no wrong answer');
is(run_soup(run(cases => 8)), 0, 'broken scripts: no promise broken');
is(run_memory(run(calls => 1000)), 0, 'many calls: no more memory');
unlike(slurp_file($node->logfile), qr/TRAP: |PANIC: |was terminated by signal|detected write past/,
	'the server has lived through it');

$node->stop;
done_testing();
