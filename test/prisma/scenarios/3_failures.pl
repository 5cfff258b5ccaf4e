# Scenarios of test/e2e/prisma: failures, and how either resolves them.
use strict;
use warnings;
use utf8;
use JSON::PP;
use Project;
use Scenarios;

scenario 'a failed migrate is tried again by Prisma' => sub {
	my ($p) = @_;
	first($p, 2);
	$p->migrate($init);
	$p->migration($email, $step{$email}[0] . "SELECT 1/0;\n");
	$p->like($p->error_of($p->migrate_call($email)), qr/division by zero/, 'it fails');
	$p->like($p->prisma(qw(migrate status)),
		qr/not yet been applied:\n$email$/m, 'to Prisma it is not applied yet');
	first($p, 2);
	$p->like($p->prisma(qw(migrate deploy)), qr/successfully applied/, 'Prisma deploys it');
	$p->is($p->migrate_all, 'unchanged 2', 'remigrate agrees');
	$p->agrees;
};

scenario 'a failed apply leaves nothing' => sub {
	my ($p) = @_;
	first($p, 2);
	$p->migration($email, $step{$email}[0] . "SELECT 1/0;\n");
	$p->apply($init);
	$p->error_of($p->apply_call($email));
	first($p, 2);
	$p->like($p->prisma(qw(migrate deploy)), qr/successfully applied/, 'Prisma deploys it');
	$p->agrees;
};

scenario 'a failure leaves the row that Prisma and its resolve leave' => sub {
	my ($p) = @_;
	my $copy = $p->copy;
	$p->migration($init, "SELECT 1/0;\n");
	$p->like($p->prisma(qw(migrate deploy)), qr/division by zero/, 'it fails by Prisma');
	$p->like($p->prisma(qw(migrate resolve --rolled-back), $init),
		qr/Migration $init marked as rolled back\./, 'and is resolved by Prisma');
	$copy->error_of($copy->migrate_call($init));
	$p->is($copy->journal, $p->journal, 'migrate does both');
};

# A migration of which the first statement stays and the second fails.
sub fail_half_way
{
	my ($p, $deploy) = @_;
	my $name = '20240106090000_unique';
	first($p, 2);
	$p->migrate($_) for $init, $email;
	$p->sql(q{INSERT INTO "User" ("name") VALUES ('Ada'), ('Ada')});
	$p->migration($name, q{ALTER TABLE "User" ADD COLUMN "age" INTEGER;
CREATE UNIQUE INDEX CONCURRENTLY "User_name_key" ON "User"("name");
});
	$p->model("model User {\nid Int \@id \@default(autoincrement())\n"
		  . "name String \@unique\nemail String? \@unique\nage Int?\n}\n");
	if ($deploy)
	{
		$p->like($p->prisma(qw(migrate deploy)), qr/Unique constraint failed: User_name_key/,
			'it fails by Prisma');
	}
	else
	{
		$p->like($p->error_of($p->migrate_call($name)), qr/could not create unique index/,
			'it fails here');
	}
	$p->sql('DELETE FROM "User"');
	return $name;
}

scenario 'a part of a script stays' => sub {
	my ($p) = @_;
	my $name = fail_half_way($p);
	$p->like($p->prisma(qw(migrate status)), qr/migration have failed:\n$name$/m,
		'to Prisma it has failed');
	$p->migration('20240107090000_next', "SELECT 1;\n");
	my $said = $p->prisma(qw(migrate deploy));
	$p->like($said, qr/^Error: P3009\n/m, 'Prisma stops with P3009');
	$p->like($said, qr/`$name`/, 'and names it');
	$p->is($p->migrate_all, 'applied 1, resumed 1, unchanged 2', 'migrate goes on');
	$p->up_to_date;
	$p->agrees;
};

scenario 'a part of a script stays, and Prisma calls it rolled back' => sub {
	my ($p) = @_;
	my $name = fail_half_way($p);
	$p->sql('DROP INDEX "User_name_key"; ALTER TABLE "User" DROP COLUMN "age"');
	$p->like($p->prisma(qw(migrate resolve --rolled-back), $name),
		qr/marked as rolled back/, 'Prisma resolves it');
	$p->is($p->migrate_all, 'applied 1, unchanged 2', 'it is run again');
	$p->agrees;
};

scenario 'a part of a script stays, and Prisma calls it applied' => sub {
	my ($p) = @_;
	my $name = fail_half_way($p);
	$p->sql('DROP INDEX "User_name_key"; CREATE UNIQUE INDEX "User_name_key" ON "User"("name")');
	$p->like($p->prisma(qw(migrate resolve --applied), $name),
		qr/marked as applied/, 'Prisma resolves it');
	$p->is($p->migrate_all, 'unchanged 3', 'it is known');
	$p->agrees;
};

scenario 'a part of a script stays, and is resolved here' => sub {
	my ($p) = @_;
	my $name = fail_half_way($p);
	$p->sql('DROP INDEX "User_name_key"; ALTER TABLE "User" DROP COLUMN "age"');
	$p->resolve($name, 'rolled_back');
	$p->like($p->prisma(qw(migrate deploy)), qr/successfully applied/, 'Prisma runs it again');
	$p->is($p->migrate_all, 'unchanged 3', 'it is known');
	$p->agrees;
};

scenario "Prisma's half of a script is gone on with" => sub {
	my ($p) = @_;
	my $name = fail_half_way($p, 'by Prisma');
	$p->migration('20240107090000_next', "SELECT 1;\n");
	$p->like($p->error_of($p->migrate_call('20240107090000_next')),
		qr/migration "$name" failed before it and is not resolved/, 'others are refused');
	$p->like($p->error_of($p->migrate_call($name)),
		qr/an earlier attempt failed and is not resolved/, 'and so is this one');
	$p->resolve($name, 'rolled_back');
	$p->like($p->error_of($p->migrate_call($name)), qr/Drop the invalid index\./,
		'a part of a statement is not taken for all of it');
	$p->sql('DROP INDEX "User_name_key"');
	$p->is($p->migrate_all, 'applied 1, resumed 1, unchanged 2', 'the rest is run');
	$p->agrees;
};

# Prisma's failure, resolved by Prisma and, in a copy, here.
for my $action ('applied', 'rolled-back')
{
	scenario "resolve: $action" => sub {
		my ($p) = @_;
		$p->migration($init, "SELECT 1/0;\n");
		$p->like($p->prisma(qw(migrate deploy)), qr/division by zero/, 'Prisma fails');
		my $copy = $p->copy;
		$p->like($p->prisma(qw(migrate resolve), "--$action", $init),
			qr/Migration $init marked as/, 'Prisma resolves its failure');
		$copy->resolve($init, $action =~ tr/-/_/r);
		$p->is($copy->journal, $p->journal, 'the same rows here');
	};
}

scenario 'what both refuse to resolve' => sub {
	my ($p) = @_;
	$p->migrate($_) for first($p, 1);
	$p->migration($email, $step{$email}[0]);
	for (
		[ 'P3008', 'applied', $init ],
		[ 'P3011', 'rolled-back', $email ],
		[ 'P3012', 'rolled-back', $init ])
	{
		my ($code, $action, $name) = @$_;
		$p->like($p->prisma(qw(migrate resolve), "--$action", $name), qr/\b$code\b/,
			"Prisma: $code");
		$p->like(
			$p->error_of("SELECT remigrate.resolve('$name', '" . ($action =~ tr/-/_/r) . "')"),
			qr/\(Prisma's $code\)/, "here: $code");
	}
};

1;
