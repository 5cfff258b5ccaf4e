# Scenarios of test/e2e/prisma: Prisma deploys, remigrate goes on.
use strict;
use warnings;
use utf8;
use JSON::PP;
use Project;
use Scenarios;

scenario 'the sample project deployed by Prisma' => sub {
	my ($p) = @_;
	my @names = $p->sample;
	$p->like($p->prisma(qw(migrate deploy)),
		qr/^All migrations have been successfully applied\.$/m, 'Prisma deploys');
	$p->is($p->stage(@names), join("\n", ('unchanged') x 15),
		'none of it is staged again');
	$p->is($p->migrate_all, 'unchanged 15', 'nor run');
	$p->is($p->sql('SELECT remigrate.require_checksums(' . $p->checksums . ')'),
		15, 'all have the checksums of the files');
};

scenario 'turn and turn about' => sub {
	my ($p) = @_;
	first($p, 1);
	$p->is($p->migrate_all, 'applied 1', 'the first by remigrate');
	first($p, 2);
	$p->like($p->prisma(qw(migrate deploy)),
		qr/applied:\n\nmigrations\/\n.*$email\/\n.*\n+All migrations have been successfully/,
		'the second by Prisma');
	first($p, 3);
	$p->is($p->migrate_all, 'applied 1, unchanged 2', 'the third by remigrate');
	first($p, 4);
	$p->like($p->prisma(qw(migrate deploy)), qr/$phone/, 'the fourth by Prisma');
	$p->is($p->migrate_all, 'unchanged 4', 'all are known');
	$p->agrees;
};

scenario 'a journal made by hand, its times without a zone' => sub {
	my ($p) = @_;
	$p->sql(q{DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET timezone = ''Asia/Tokyo''', current_database()); END $$});
	$p->sql(q{CREATE TABLE "_prisma_migrations" (
    "id" TEXT NOT NULL,
    "checksum" TEXT NOT NULL,
    "finished_at" TIMESTAMP(3),
    "migration_name" TEXT NOT NULL,
    "logs" TEXT,
    "rolled_back_at" TIMESTAMP(3),
    "started_at" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "applied_steps_count" INTEGER NOT NULL DEFAULT 0,
    CONSTRAINT "_prisma_migrations_pkey" PRIMARY KEY ("id")
)});
	first($p, 1);
	$p->like($p->prisma(qw(migrate deploy)), qr/All migrations have been successfully/,
		'Prisma takes it');
	first($p, 3);
	$p->is($p->migrate_all, 'applied 2, unchanged 1', 'and so does remigrate');
	my $now = q{_at AT TIME ZONE 'UTC' BETWEEN now() - interval '10 min' AND clock_timestamp()};
	$p->is($p->sql("SELECT count(*) FROM _prisma_migrations WHERE started$now AND finished$now"),
		3, 'both write UTC');
	$p->is($p->sql(q{SELECT count(*) FROM remigrate.status() WHERE now() - finished_at BETWEEN '-1 s' AND '10 min'}),
		3, 'status knows that');
	$p->migration($phone, 'SELECT 1; COMMIT; SELECT 1 / 0');
	$p->error_of($p->migrate_call($phone));
	$p->like($p->prisma(qw(migrate status)), qr/migration have failed:\n$phone$/m,
		'Prisma sees a failure');
	$p->resolve($phone, 'rolled_back');
	first($p, 4);
	$p->prisma(qw(migrate deploy));
	$p->agrees;
};

scenario 'CRLF files deployed by Prisma' => sub {
	my ($p) = @_;
	my @names = first($p, 2);
	$p->migration($_, $step{$_}[0] =~ s/\n/\r\n/gr) for @names;
	$p->prisma(qw(migrate deploy));
	$p->is($p->migrate_all, 'unchanged 2', 'both are known');
	first($p, 2);
	$p->is($p->migrate_all, 'unchanged 2', 'and with LF');
};

scenario 'staged here, deployed by Prisma' => sub {
	my ($p) = @_;
	my @names = first($p, 2);
	$p->stage(@names);
	$p->prisma(qw(migrate deploy));
	$p->like($p->deploy, qr/^(NOTICE: .*: unchanged, .*\n?){2}\z/,
		'deploy finds nothing to do');
	$p->is($p->sql('SELECT remigrate.require()'), 2, 'and require agrees');
	$p->agrees;
};

scenario 'old migrations edited, always deployed by Prisma' => sub {
	my ($p) = @_;
	first($p, 2);
	$p->prisma(qw(migrate deploy));
	first($p, 4);
	my $edited = $step{$init}[0] =~ s/TEXT NOT NULL/VARCHAR(80) NOT NULL/r;
	$p->migration($init, $edited);
	$p->like($p->error_of($p->migrate_call($init)), qr/was edited after it was applied/,
		'migrate refuses the edited one');
	$p->stage($name_index, $phone);
	$p->deploy;
	$p->up_to_date;
	$p->like($p->prisma(qw(migrate dev --create-only --name x)),
		qr/`$init` was modified after it was applied/, 'Prisma calls it edited too');
	$p->resolve($init, 'edited');
	$p->unlike($p->prisma(qw(migrate dev --create-only --name x)),
		qr/was modified after it was applied/, 'and no more after resolve');
};

scenario 'the extension is dropped' => sub {
	my ($p) = @_;
	first($p, 1);
	$p->migrate_all;
	$p->sql('DROP EXTENSION remigrate');
	first($p, 2);
	$p->prisma(qw(migrate deploy));
	$p->agrees;
	$p->sql('CREATE EXTENSION remigrate');
	$p->is($p->migrate_all, 'unchanged 2', 'made anew, it knows all of it');
};

scenario 'what Prisma sees of the extension' => sub {
	my ($p) = @_;
	$p->stage(first($p, 2));
	$p->like($p->prisma(qw(migrate deploy)), qr/successfully applied/,
		'its tables are no reason for P3005');
	my $pulled = $p->prisma(qw(db pull --print));
	$p->like($pulled, qr/^model User \{$/m, 'db pull sees the tables');
	$p->unlike($pulled, qr/remigrate|registry|event_log|_prisma_migrations/,
		'and nothing of the extension');
};

1;
