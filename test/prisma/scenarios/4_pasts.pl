# Scenarios of test/e2e/prisma: databases with another past.
use strict;
use warnings;
use utf8;
use JSON::PP;
use Project;
use Scenarios;

# What the scripts of the field leave: rows without a checksum, one more at
# each run, whatever the schema holds.
sub forge
{
	my ($p, @names) = @_;
	$p->sql(<<'SQL');
CREATE TABLE IF NOT EXISTS _prisma_migrations (
  id VARCHAR(36) PRIMARY KEY NOT NULL, checksum VARCHAR(64) NOT NULL,
  finished_at TIMESTAMPTZ, migration_name VARCHAR(255) NOT NULL, logs TEXT,
  rolled_back_at TIMESTAMPTZ, started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  applied_steps_count INTEGER NOT NULL DEFAULT 0);
SQL
	for my $name ((@names) x 3)
	{
		$p->sql(<<SQL);
INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count)
VALUES (gen_random_uuid(), 'remote-migration', now(), '$name', 1) ON CONFLICT DO NOTHING
SQL
	}
}

scenario 'a forged journal that is true' => sub {
	my ($p) = @_;
	my @names = first($p, 2);
	$p->sql($step{$_}[0]) for @names;
	forge($p, @names);
	$p->like($p->prisma(qw(migrate dev --create-only --name x)),
		qr/`$email` was modified after it was applied/, 'to Prisma all are edited');
	$p->is($p->migrate_all, 'healed 2', 'all are healed');
	$p->agrees;
};

scenario 'a forged journal that is half true' => sub {
	my ($p) = @_;
	my @names = first($p, 4);
	$p->sql($step{$init}[0]);
	$p->sql('ALTER TABLE "User" ADD COLUMN "email" TEXT');
	forge($p, @names);
	$p->is($p->migrate_all, 'applied 2, healed 1, resumed 1', 'what is missing is run');
	$p->agrees;
};

scenario 'a forged journal, repaired' => sub {
	my ($p) = @_;
	my @names = first($p, 3);
	$p->sql($step{$_}[0]) for $init, $email;
	forge($p, @names);
	$p->stage(@names);
	my $done = $p->sql('SELECT migration_name, action FROM remigrate.repair()');
	$p->like($done, qr/^\Q$_\E\|corrected checksum$/m, "$_ is corrected")
	  for $init, $email;
	$p->like($done, qr/^\Q$name_index\E\|unproven$/m, 'a false claim is not');
	$p->deploy;
	$p->is($p->sql('SELECT migration_name, action FROM remigrate.repair()'), '',
		'nothing is left to repair');
	$p->nothing_to_deploy;
	$p->agrees;
};

scenario 'a forged journal, deployed by the client' => sub {
	my ($p) = @_;
	my @names = first($p, 4);
	$p->sql($step{$_}[0]) for $init, $email;
	forge($p, @names);
	$p->client('deploy');
	$p->agrees;
};

scenario 'db push, and a call for each migration' => sub {
	my ($p) = @_;
	first($p, 5);
	$p->like($p->prisma(qw(db push)), qr/in sync with your Prisma schema/, 'Prisma pushes');
	$p->like($p->prisma(qw(migrate deploy)), qr/^Error: P3005\n/m, 'Prisma refuses to deploy');
	$p->is($p->migrate_all, 'already_applied 5', 'all are found');
	$p->nothing_to_deploy;
	$p->agrees;
};

scenario 'db push, then a deployment' => sub {
	my ($p) = @_;
	my @names = first($p, 2);
	$p->prisma(qw(db push));
	$p->stage(@names);
	$p->like($p->error_of('CALL remigrate.deploy()'), qr/has tables but no journal/,
		'deploy refuses as Prisma does');
	$p->resolve($_, 'applied') for @names;
	$p->deploy;
	$p->agrees;
};

scenario 'db push, then baseline' => sub {
	my ($p) = @_;
	my @names = first($p, 3);
	$p->prisma(qw(db push));
	first($p, 4);
	$p->stage(@names, $phone);
	$p->like($p->error_of('SELECT remigrate.baseline(NULL)'), qr/"phone"/,
		'refused for what is missing');
	$p->is($p->sql("SELECT remigrate.baseline('$name_index')"), 3, 'done for the rest');
	$p->like($p->prisma(qw(migrate status)), qr/not yet been applied:\n$phone\n/,
		'to Prisma one is left');
	$p->deploy;
	$p->agrees;
};

scenario 'db push, resolved by Prisma' => sub {
	my ($p) = @_;
	my @names = first($p, 2);
	$p->prisma(qw(db push));
	$p->prisma(qw(migrate resolve --applied), $init);
	$p->is($p->migrate_all, 'already_applied 1, unchanged 1', 'the rest is found');
	$p->agrees;
};

scenario 'half a script run by hand' => sub {
	my ($p) = @_;
	first($p, 5);
	$p->migrate($_) for $init, $email, $name_index, $phone;
	$p->sql('ALTER TABLE "User" ADD COLUMN "fax" TEXT');
	$p->like($p->migrate($fax), qr/: resumed, 2 statements/, 'the rest is run');
	$p->agrees;
};

scenario "an operator's word" => sub {
	my ($p) = @_;
	first($p, 2);
	$p->migrate($init);
	$p->sql('ALTER TABLE "User" ADD COLUMN "email" TEXT');
	$p->like($p->migrate($email, 'resume_at => 2'), qr/: resumed/, 'resume_at');
	$p->agrees;
};

scenario 'after migrate reset' => sub {
	my ($p) = @_;
	my @names = first($p, 2);
	$p->migrate($_) for @names;
	my $said = $p->prisma(qw(migrate reset --force));
	$p->like($said, qr/Database reset successful/, 'Prisma makes it anew');
	$p->is($p->migrate_all, 'unchanged 2', 'all is known');
	$p->agrees;
};

1;
