# What the scenarios of test/e2e/prisma share: their list, and a small project.
package Scenarios;
use strict;
use warnings;
use utf8;
use Exporter qw(import);
our @EXPORT = qw(scenario first %step $init $email $name_index $phone $fax);

our @scenarios;

# A scenario gets a project whose database has the extension and nothing else.
sub scenario
{
	my ($name, $code) = @_;
	push @scenarios, [ $name, $code ];
}

# name => [script, what it adds to the model].
our %step = (
	'20240101090000_init' => [
		q{-- CreateTable
CREATE TABLE "User" (
    "id" SERIAL NOT NULL,
    "name" TEXT NOT NULL,

    CONSTRAINT "User_pkey" PRIMARY KEY ("id")
);
},
		'id Int @id @default(autoincrement())', 'name String'
	],
	'20240102090000_email' => [
		q{ALTER TABLE "User" ADD COLUMN "email" TEXT;
CREATE UNIQUE INDEX "User_email_key" ON "User"("email");
},
		'email String? @unique'
	],
	'20240103090000_name_index' => [
		q{CREATE INDEX CONCURRENTLY "User_name_idx" ON "User"("name");
},
		'@@index([name])'
	],
	'20240104090000_phone' => [
		q{ALTER TABLE "User" ADD COLUMN "phone" TEXT;
},
		'phone String?'
	],
	'20240105090000_fax' => [
		q{ALTER TABLE "User" ADD COLUMN "fax" TEXT;
CREATE UNIQUE INDEX CONCURRENTLY "User_fax_key" ON "User"("fax");
CREATE INDEX CONCURRENTLY "User_phone_idx" ON "User"("phone");
},
		'fax String? @unique', '@@index([phone])'
	]);
our ($init, $email, $name_index, $phone, $fax) = sort keys %step;

# Its first migrations, and the model that goes with them.
sub first
{
	my ($p, $count) = @_;
	my @names = (sort keys %step)[ 0 .. $count - 1 ];
	my @model;
	for (@names)
	{
		my ($script, @fields) = @{ $step{$_} };
		$p->migration($_, $script);
		push @model, @fields;
	}
	$p->model(join "\n", 'model User {', @model, "}\n");
	return @names;
}

1;
