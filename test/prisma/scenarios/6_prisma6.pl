# Scenarios of test/e2e/prisma: Prisma 6.
use strict;
use warnings;
use utf8;
use JSON::PP;
use Project;
use Scenarios;

scenario 'Prisma 6: after remigrate' => sub {
	my ($p) = @_;
	$p->{major} = 6;
	first($p, 4);
	$p->migrate_all;
	$p->up_to_date;
	$p->agrees;
};

scenario 'Prisma 6: turn and turn about' => sub {
	my ($p) = @_;
	$p->{major} = 6;
	first($p, 1);
	$p->prisma(qw(migrate deploy));
	first($p, 2);
	$p->is($p->migrate_all, 'applied 1, unchanged 1', 'the second by remigrate');
	first($p, 3);
	$p->like($p->prisma(qw(migrate deploy)), qr/$name_index/, 'the third by Prisma');
	$p->is($p->migrate_all, 'unchanged 3', 'all are known');
	$p->agrees;
};

scenario 'Prisma 6: failures' => sub {
	my ($p) = @_;
	$p->{major} = 6;
	my $name = fail_half_way($p);
	$p->like($p->prisma(qw(migrate deploy)), qr/^Error: P3009\n/m, 'it stops with P3009');
	$p->like($p->migrate($name), qr/: resumed/, 'migrate goes on');
	$p->up_to_date;
};

1;
