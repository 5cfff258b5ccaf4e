# Scenarios of test/e2e/prisma: remigrate deploys, Prisma judges.
use strict;
use warnings;
use utf8;
use JSON::PP;
use Project;
use Scenarios;

scenario 'the sample project by migrate' => sub {
	my ($p) = @_;
	$p->sample;
	$p->is($p->migrate_all, 'applied 15', 'all are applied');
	$p->up_to_date;
	$p->nothing_to_deploy;
	$p->agrees;
};

scenario 'the sample project by stage and deploy' => sub {
	my ($p) = @_;
	$p->stage($p->sample);
	$p->deploy;
	$p->up_to_date;
	$p->no_difference;
};

scenario 'the sample project by the client' => sub {
	my ($p) = @_;
	$p->sample;
	$p->client('deploy');
	$p->agrees;
};

scenario 'each migration by apply' => sub {
	my ($p) = @_;
	$p->is($p->apply($_), 'applied', "apply of $_") for first($p, 2);
	$p->agrees;
};

scenario 'by reconcile' => sub {
	my ($p) = @_;
	$p->stage(first($p, 3));
	$p->sql('CALL remigrate.reconcile()');
	$p->agrees;
};

scenario 'a journal as Prisma makes it' => sub {
	my ($p) = @_;
	my $copy = $p->copy;
	first($p, 4);
	$p->prisma(qw(migrate deploy));
	$copy->migrate_all;
	$p->is($copy->journal, $p->journal, 'the same rows');
	$p->is($copy->journal_definition, $p->journal_definition, 'in the same table');
};

scenario 'CONCURRENTLY, by itself and among others' => sub {
	my ($p) = @_;
	first($p, 5);
	$p->is($p->migrate_all, 'applied 5', 'all are applied');
	$p->agrees;
};

scenario 'CONCURRENTLY inline' => sub {
	my ($p) = @_;
	$p->apply($_, "concurrently => 'inline'") for first($p, 5);
	$p->agrees;
};

scenario 'COMMIT within a script' => sub {
	my ($p) = @_;
	first($p, 2);
	$p->migration($email, "BEGIN;\n" . ($step{$email}[0] =~ s/;/;\nCOMMIT;/r));
	$p->is($p->migrate_all, 'applied 2', 'both are applied');
	$p->agrees;
};

scenario 'an enum value, added and used' => sub {
	my ($p) = @_;
	$p->migration($init, q{CREATE TYPE "Kind" AS ENUM ('A');
CREATE TABLE "Thing" ("id" INTEGER NOT NULL, CONSTRAINT "Thing_pkey" PRIMARY KEY ("id"));
});
	$p->migration($email, q{ALTER TYPE "Kind" ADD VALUE 'B';
ALTER TABLE "Thing" ADD COLUMN "kind" "Kind" NOT NULL DEFAULT 'B';
});
	$p->model("enum Kind {\nA\nB\n}\nmodel Thing {\nid Int \@id\nkind Kind \@default(B)\n}\n");
	$p->is($p->migrate_all, 'applied 2', 'both are applied');
	$p->agrees;
};

scenario 'a migration of a comment, written by Prisma' => sub {
	my ($p) = @_;
	$p->migrate($_) for first($p, 1);
	my $new = $p->new_migration('nothing');
	$p->like($p->migrate($new), qr/: applied, 0 statements/, 'it is applied');
	$p->nothing_to_deploy;
	$p->agrees;
};

scenario 'an empty file' => sub {
	my ($p) = @_;
	first($p, 2);
	$p->migration($name_index, '');
	$p->is($p->migrate_all, 'applied 3', 'it is applied');
	$p->agrees;
};

scenario 'a change written by Prisma, run here' => sub {
	my ($p) = @_;
	$p->migrate($_) for first($p, 1);
	$p->model("model User {\nid Int \@id \@default(autoincrement())\nname String?\n"
		  . "posts Post[]\n}\nmodel Post {\nid BigInt \@id\nuser User \@relation(fields: [userId], references: [id])\n"
		  . "userId Int\nat DateTime \@default(now())\n}\n");
	my $new = $p->new_migration('posts');
	$p->like($p->migrate($new), qr/: applied, 3 statements/, 'it is applied');
	$p->agrees;
};

scenario 'line ends that change after deployment' => sub {
	my ($p) = @_;
	my @names = first($p, 2);
	$p->migration($_, $step{$_}[0] =~ s/\n/\r\n/gr) for @names;
	$p->is($p->migrate_all, 'applied 2', 'both are applied with CRLF');
	first($p, 2);
	$p->is($p->migrate_all, 'unchanged 2', 'and known with LF');
	$p->agrees;
};

scenario 'a last newline lost on the way' => sub {
	my ($p) = @_;
	first($p, 1);
	$p->migration($init, $step{$init}[0] =~ s/\n\z//r);
	$p->migrate($init);
	first($p, 1);
	$p->like($p->migrate($init), qr/: unchanged/, 'remigrate knows it');
	$p->agrees;
};

scenario 'names beyond ASCII' => sub {
	my ($p) = @_;
	first($p, 1);
	$p->migration("20240102090000_größe d'été", "-- Größe\n");
	$p->is($p->migrate_all, 'applied 2', 'both are applied');
	$p->agrees;
};

scenario 'a script that empties the search_path' => sub {
	my ($p) = @_;
	first($p, 1);
	$p->migration($email, "SELECT pg_catalog.set_config('search_path', '', false);\n"
		  . "ALTER TABLE public.\"User\" ADD COLUMN age integer;\n");
	$p->is($p->migrate_all, 'applied 2', 'both are applied');
	$p->up_to_date;
	$p->nothing_to_deploy;
};

scenario 'other schemas' => sub {
	my ($p) = @_;
	$p->sql('CREATE SCHEMA tenant_7; CREATE SCHEMA tenant_8');
	my ($seven, $eight) = map { $p->in_schema($_) } qw(tenant_7 tenant_8);
	first($p, 4);
	$seven->is($seven->migrate_all, 'applied 4', 'one is deployed');
	$seven->agrees;
	$eight->like($eight->prisma(qw(migrate status)),
		qr/not yet been applied:\n$init\n$email\n/, 'the other one is not');
	$eight->prisma(qw(migrate deploy));
	$eight->is($eight->migrate_all, 'unchanged 4', 'nor here, until Prisma has');
};

scenario 'a change by hand' => sub {
	my ($p) = @_;
	$p->migrate($_) for first($p, 2);
	$p->sql('ALTER TABLE "User" ADD COLUMN "age" INTEGER');
	$p->like($p->prisma(qw(migrate dev --create-only --name x)),
		qr/^Drift detected: /m, 'Prisma would tell');
};

1;
