# A Prisma project with a database of its own, for test/e2e/prisma: files that
# it has, what remigrate does with them, and what Prisma's CLI says to that.
package Project;
use strict;
use warnings;
use utf8;
use Cwd qw(abs_path);
use Digest::SHA qw(sha256_hex);
use Encode qw(decode encode);
use File::Basename;
use File::Path qw(make_path remove_tree);
use JSON::PP;
use MIME::Base64;
use POSIX ();

my $here = abs_path(dirname(__FILE__));
my $top = abs_path("$here/../..");
my $temporary = $ENV{TMPDIR} || '/tmp';
our $cache = (-w $top ? "$top/tmp_check" : $temporary) . '/prisma';
my $template = "prisma_template_$$";

sub slurp
{
	my ($path) = @_;
	open my $file, '<:raw', $path or die "cannot read $path: $!\n";
	local $/;
	return scalar <$file>;
}

# Bytes as they are: `encode` what is text.
sub spew
{
	my ($path, $bytes) = @_;
	make_path(dirname($path));
	open my $file, '>:raw', $path or die "cannot write $path: $!\n";
	print $file $bytes;
	close $file or die "cannot write $path: $!\n";
}

# --- The CLI -------------------------------------------------------------

# Puts Prisma's CLI into the cache, unless it is there.  Returns why it can't.
sub install
{
	my $wanted = join '', map { slurp("$here/package$_.json") } '', '-lock';
	make_path($cache);
	open my $lock, '>', "$cache/.lock" or return "cannot write $cache: $!";
	flock $lock, 2;
	my $is_there = -e "$cache/.installed" && slurp("$cache/.installed") eq $wanted;
	spew("$cache/$_", slurp("$here/$_"))
	  for qw(package.json package-lock.json engine.mjs);
	chmod 0755, "$cache/engine.mjs";
	return if $is_there;

	unlink "$cache/.installed";
	my $log = `cd '$cache' && npm ci --ignore-scripts --omit=optional \\
		--omit=peer --no-audit --no-fund --prefer-offline 2>&1 </dev/null`;
	return 'npm: ' . ($log =~ /^npm error (?!code|errno|syscall)(.*)/m ? $1 : $log || $!)
	  if $?;
	local $ENV{PRISMA_SCHEMA_ENGINE_BINARY} = "$cache/engine.mjs";
	local $ENV{PRISMA_QUERY_ENGINE_LIBRARY} = "$cache/engine.mjs";
	my $version = `timeout 60 node '$cache/node_modules/prisma/build/index.js' \\
		--version 2>&1 </dev/null`;
	return "it doesn't start: $version" if $version !~ /^prisma\s*:\s*7\./m;
	spew("$cache/.installed", $wanted);
	return;
}

# --- Projects ------------------------------------------------------------

# Every project's database begins as a copy of this one.
sub prepare
{
	_run('', qw(createdb), $template);
	_run('CREATE EXTENSION remigrate', qw(psql -Xq -v ON_ERROR_STOP=1 -d), $template);
}

sub finish
{
	_run('', qw(dropdb --if-exists --force), $template);
}

# What a command prints, errors where they come; dies if it fails.
sub _run
{
	my ($input, @command) = @_;
	my ($output, $failed) = _try($input, @command);
	die "@command:\n$output" if $failed;
	return $output;
}

sub _try
{
	my ($input, @command) = @_;
	my $file = "$temporary/prisma.$$.input";
	spew($file, encode('UTF-8', $input));
	my $pid = open(my $pipe, '-|') // die "cannot fork: $!\n";
	if (!$pid)
	{
		open STDIN, '<', $file;
		open STDERR, '>&', \*STDOUT;
		exec @command or do { print "$command[0]: $!\n"; POSIX::_exit(127) };
	}
	my $output = do { local $/; <$pipe> } // '';
	close $pipe;
	my $failed = $? != 0;
	unlink $file;
	return (decode('UTF-8', $output), $failed);
}

sub new
{
	my ($class, $number) = @_;
	my $self = bless {
		database => "prisma_${$}_$number",
		folder => "$temporary/prisma.$$.$number",
		major => 7,
		schema => undef,
		results => []
	}, $class;
	$self->create($template);
	$self->write('prisma.config.mjs', <<'CONFIG');
const major6 = process.env.PRISMA_MAJOR === '6'
export default {
  schema: 'schema.prisma',
  migrations: { path: 'migrations' },
  datasource: { url: process.env.DATABASE_URL },
  ...(major6 && { engine: 'classic' }),
}
CONFIG
	$self->write('migrations/migration_lock.toml', qq(provider = "postgresql"\n));
	$self->model('');
	return $self;
}

sub create
{
	my ($self, $original) = @_;
	# Copies of one database get in each other's way.
	for my $try (1 .. 100)
	{
		my ($output, $failed) =
		  _try('', 'createdb', '-T', $original, $self->{database});
		return if !$failed;
		die $output if $output !~ /being accessed/ || $try == 100;
		select undef, undef, undef, 0.1;
	}
}

# The same files, and a copy of the database.
sub copy
{
	my ($self) = @_;
	my $copy = bless { %$self, database => "$self->{database}_copy" }, ref $self;
	$copy->create($self->{database});
	return $self->{copy} = $copy;
}

# As seen through another ?schema= of the URL.
sub in_schema
{
	my ($self, $schema) = @_;
	return bless { %$self, schema => $schema }, ref $self;
}

sub remove
{
	my ($self) = @_;
	$self->{copy}->remove if $self->{copy};
	_run('', qw(dropdb --force), $self->{database});
	remove_tree($self->{folder});
}

# --- Its files -----------------------------------------------------------

sub write
{
	my ($self, $path, $text) = @_;
	spew(encode('UTF-8', "$self->{folder}/$path"), encode('UTF-8', $text));
}

sub read
{
	my ($self, $path) = @_;
	return decode('UTF-8', slurp(encode('UTF-8', "$self->{folder}/$path")));
}

# What schema.prisma says besides its datasource.
sub model
{
	my ($self, $text) = @_;
	my $url = $self->{major} == 6 ? 'url = env("DATABASE_URL")' : '';
	$self->write('schema.prisma',
		qq(datasource db {\n  provider = "postgresql"\n  $url\n}\n\n$text));
}

sub migration
{
	my ($self, $name, $script) = @_;
	$self->write("migrations/$name/migration.sql", $script);
	return $name;
}

sub names
{
	my ($self) = @_;
	return sort map { decode('UTF-8', basename(dirname($_))) }
	  glob "$self->{folder}/migrations/*/migration.sql";
}

# The sample project, with its schema.
sub sample
{
	my ($self) = @_;
	_run('', 'cp', '-R', "$top/test/sample/prisma/migrations",
		"$self->{folder}/");
	my $schema = decode('UTF-8', slurp("$top/test/sample/prisma/schema.prisma"));
	$schema =~ s/^(datasource|generator) \w+ \{.*?^\}\n//gms;
	$self->model($schema);
	return $self->names;
}

# --- Its database --------------------------------------------------------

sub psql
{
	my ($self, $sql) = @_;
	return _try($sql, qw(psql -XqAt -v ON_ERROR_STOP=1 -d), $self->{database});
}

# Rows, and NOTICEs; dies of an error.
sub sql
{
	my ($self, $sql) = @_;
	my ($output, $failed) = $self->psql($sql);
	die "$sql\n$output" if $failed;
	chomp $output;
	return $output;
}

# The error's message; dies if there is none.
sub error_of
{
	my ($self, $sql) = @_;
	my ($output, $failed) = $self->psql($sql);
	die "no error of $sql\n$output" if !$failed;
	return $output;
}

# A migration's script, as an argument.
sub script
{
	my ($self, $name) = @_;
	my $bytes = encode('UTF-8', $self->read("migrations/$name/migration.sql"));
	return "decode('" . encode_base64($bytes, '') . "', 'base64')";
}

# name, script and target schema, as arguments of a call.
sub arguments
{
	my ($self, $name, @more) = @_;
	(my $quoted = $name) =~ s/'/''/g;
	push @more, "target_schema => '$self->{schema}'" if $self->{schema};
	return join ', ', "'$quoted'", $self->script($name), @more;
}

# What the files' checksums are, as an argument.
sub checksums
{
	my ($self) = @_;
	my %checksums = map {
		$_ => sha256_hex(encode('UTF-8', $self->read("migrations/$_/migration.sql")))
	} $self->names;
	return "'" . JSON::PP->new->encode(\%checksums) . "'";
}

sub migrate_call
{
	my ($self, @arguments) = @_;
	return 'CALL remigrate.migrate(' . $self->arguments(@arguments) . ')';
}

sub migrate
{
	my ($self, @arguments) = @_;
	return $self->sql($self->migrate_call(@arguments));
}

# All of the folder: how often each outcome was there, as "applied 2".
sub migrate_all
{
	my ($self) = @_;
	my %outcomes;
	for ($self->names)
	{
		my ($outcome) = $self->migrate($_) =~ /NOTICE: .*": (\w+),/;
		$outcomes{$outcome}++;
	}
	return join ', ', map { "$_ $outcomes{$_}" } sort keys %outcomes;
}

sub apply_call
{
	my ($self, @arguments) = @_;
	return 'SELECT remigrate.apply(' . $self->arguments(@arguments) . ')';
}

sub apply
{
	my ($self, @arguments) = @_;
	return $self->sql($self->apply_call(@arguments));
}

sub stage
{
	my ($self, @names) = @_;
	return $self->sql(
		join ";\n", map { 'SELECT remigrate.stage(' . $self->arguments($_) . ')' } @names);
}

sub deploy
{
	my ($self) = @_;
	my $schema = $self->{schema} ? "target_schema => '$self->{schema}'" : '';
	return $self->sql("CALL remigrate.deploy($schema)");
}

sub resolve
{
	my ($self, $name, $action) = @_;
	my ($quoted, $script, @more) = split /, (?=decode|target)/, $self->arguments($name);
	return $self->sql('SELECT remigrate.resolve('
		  . join(', ', $quoted, "'$action'", "script => $script", @more) . ')');
}

# The installed client.
sub client
{
	my ($self, @arguments) = @_;
	local $ENV{DATABASE_URL} = $self->url;
	return _run('', 'remigrate', @arguments, '--dir', "$self->{folder}/migrations");
}

# The journal without what is different each time.
sub journal
{
	my ($self) = @_;
	my $table = ($self->{schema} // 'public') . '._prisma_migrations';
	return $self->sql(<<SQL);
SELECT migration_name, checksum, applied_steps_count,
	CASE WHEN id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\$'
		THEN 'uuid' ELSE id END,
	CASE WHEN finished_at IS NULL THEN 'unfinished'
		WHEN finished_at = started_at THEN 'at once'
		WHEN finished_at > started_at THEN 'later' ELSE 'earlier' END,
	CASE WHEN rolled_back_at IS NULL THEN '' ELSE 'rolled back' END,
	CASE WHEN logs <> '' THEN 'logs' ELSE coalesce('"' || logs || '"', 'NULL') END
FROM $table ORDER BY started_at, finished_at NULLS FIRST
SQL
}

sub journal_definition
{
	my ($self) = @_;
	return _run('', qw(pg_dump --schema-only --table=_prisma_migrations),
		$self->{database}) =~ s/^\\(un)?restrict .*\n//mgr;
}

# --- What Prisma says ----------------------------------------------------

sub url
{
	my ($self) = @_;
	(my $url = $ENV{DATABASE_URL}) =~ s{/[^/]*$}{/$self->{database}};
	return $url . ($self->{schema} ? "?schema=$self->{schema}" : '');
}

sub cli_environment
{
	my ($major) = @_;
	return (
		PRISMA_MAJOR => $major,
		PRISMA_SCHEMA_ENGINE_BINARY => "$cache/engine.mjs",
		# Never used, but fetched if it isn't there.
		PRISMA_QUERY_ENGINE_LIBRARY => "$cache/engine.mjs",
		CHECKPOINT_DISABLE => 1,
		PRISMA_HIDE_UPDATE_MESSAGE => 1,
		NO_COLOR => 1);
}

sub prisma
{
	my ($self, @arguments) = @_;
	my $module = $self->{major} == 6 ? 'prisma-6' : 'prisma';
	local %ENV = (%ENV, cli_environment($self->{major}), DATABASE_URL => $self->url);
	my ($output) = _try('', qw(env -u CI -C), $self->{folder}, 'node',
		"$cache/node_modules/$module/build/index.js", @arguments);
	return $output;
}

# What Prisma writes for the difference between the history and the model.
sub new_migration
{
	my ($self, $slug) = @_;
	my $said = $self->prisma(qw(migrate dev --create-only --name), $slug);
	my ($new) = grep { /_$slug$/ } $self->names;
	return $new // die "no new migration: $said\n";
}

# In the background; wait_for() gives what it said.
sub begin
{
	my ($self, $what) = @_;
	my $pid = open(my $pipe, '-|') // die "cannot fork: $!\n";
	if (!$pid)
	{
		binmode STDOUT, ':encoding(UTF-8)';
		print $what->();
		close STDOUT;
		POSIX::_exit(0);
	}
	return $pipe;
}

sub wait_for
{
	my ($self, $pipe) = @_;
	local $/;
	my $output = decode('UTF-8', <$pipe> // '');
	close $pipe;
	return $output;
}

# A session that runs this and then sleeps, in a transaction, until end_sleeper().
sub sleeper
{
	my ($self, $sql) = @_;
	my $pipe = $self->begin(sub { ($self->psql("BEGIN;\n$sql;\nSELECT pg_sleep(300);"))[0] });
	$self->until_true(q{EXISTS (SELECT FROM pg_stat_activity
		WHERE wait_event = 'PgSleep' AND datname = current_database())});
	return $pipe;
}

sub end_sleeper
{
	my ($self, $pipe) = @_;
	$self->sql(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE wait_event = 'PgSleep' AND datname = current_database()});
	return $self->wait_for($pipe);
}

# Until a query answers t.
sub until_true
{
	my ($self, $sql) = @_;
	for (1 .. 300)
	{
		return 1 if $self->sql("SELECT ($sql)") eq 't';
		select undef, undef, undef, 0.1;
	}
	die "never came true: $sql\n";
}

# --- Judgements ----------------------------------------------------------

sub ok
{
	my ($self, $passed, $what, $diagnosis) = @_;
	push @{ $self->{results} }, [ $passed ? 1 : 0, $what, $diagnosis // '' ];
	return $passed;
}

sub is
{
	my ($self, $actual, $expected, $what) = @_;
	return $self->ok($actual eq $expected, $what,
		"Expected:\n$expected\nFound:\n$actual");
}

sub like
{
	my ($self, $actual, $pattern, $what) = @_;
	return $self->ok(scalar($actual =~ $pattern), $what,
		"Expected: $pattern\nFound:\n$actual");
}

sub unlike
{
	my ($self, $actual, $pattern, $what) = @_;
	return $self->ok(scalar($actual !~ $pattern), $what,
		"Not expected: $pattern\nFound:\n$actual");
}

sub up_to_date
{
	my ($self) = @_;
	$self->like($self->prisma(qw(migrate status)),
		qr/^Database schema is up to date!$/m, 'migrate status: up to date');
}

sub nothing_to_deploy
{
	my ($self) = @_;
	$self->like($self->prisma(qw(migrate deploy)),
		qr/^No pending migrations to apply\.$/m, 'migrate deploy: nothing to do');
}

# By one call: nothing is pending, nothing was edited, the history makes the
# database as it is, and so does the schema file: the new migration is empty.
sub agrees
{
	my ($self) = @_;
	my %before = map { $_ => 1 } $self->names;
	my $said = $self->prisma(qw(migrate dev --create-only --name probe));
	my ($new) = grep { !$before{$_} } $self->names;
	my $script = $new ? $self->read("migrations/$new/migration.sql") : '';
	remove_tree("$self->{folder}/migrations/$new") if $new;
	$self->ok(
		$script =~ /\A-- This is an empty migration\.\s*\z/
		  && $said !~ /have been applied/,
		'migrate dev: nothing pending, nothing edited, no drift',
		"It said:\n$said\n$script");
}

sub no_difference
{
	my ($self) = @_;
	$self->like(
		$self->prisma(
			qw(migrate diff --exit-code --from-migrations migrations --to-config-datasource)
		),
		qr/^No difference detected\.$/m,
		'migrate diff: no difference');
}

1;
