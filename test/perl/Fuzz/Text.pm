# Scripts to be sent: statements of every kind in any order, whole and broken.
package Fuzz::Text;
use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(dirname);
use Fuzz::Schema qw(pick chance);

our @EXPORT_OK = qw(load_corpus soup);

my $top = abs_path(dirname(__FILE__) . '/../../..');
my (@samples, @statements, @commands, @words);

sub slurp
{
	my ($file) = @_;
	open my $in, '<:raw', $file or die "$file: $!";
	local $/;
	return scalar <$in>;
}

my $token = qr{
	\s+ | --[^\n]* | /\*.*?\*/ | \$(\w*)\$.*?\$\g{-1}\$ | [eEuUxXbB]&?'(?:[^'\\]|''|\\.)*' | '(?:[^']|'')*'
	| "(?:[^"]|"")*" | \w+ | [-+*/<>=~!@\#%^&|`?]+ | .
}xs;

sub tokens
{
	my ($text) = @_;
	my @tokens;
	push @tokens, $1 while $text =~ /\G((??{$token}))/gcs;
	return @tokens;
}

# What statements are made of: the sample's migrations, the statements of the
# regression tests, one command of each kind, the grammar's keywords.
sub load_corpus
{
	my ($wire) = @_;
	@samples = map { slurp($_) } sort glob("$top/test/sample/*/migrations/*/migration.sql");
	for my $file (sort glob("$top/sql/*.sql"))
	{
		next if $file =~ /remigrate--/;
		push @statements, grep { length($_) < 2000 && !/^\s*\\/m } split /;\n/, slurp($file);
	}
	push @statements, map { split /;\n/ } @samples;
	@commands = grep { length } split /\n/, slurp("$top/test/perl/Fuzz/commands.sql");
	@words = map { $_->[0] } @{$wire->must('SELECT word FROM pg_get_keywords() ORDER BY word')};
	die "no samples\n" if !@samples || !@statements;
}

# What breaks a scanner, a parser or a protocol.
my @breakers = (
	"'", '"', '$$', '$x$', '/*', '*/', '--', ';', ';;', '(', ')', '[', ']', "\\", "\\d\n", ':', '::', '.', ',', '$1', '%', '@',
	"\0", "\xFF", "\xC3", "\xEF\xBB\xBF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\r", "\r\n", "\x0C", "\xC2\xA0", "\xE2\x80\x8B",
	"E'\\'", "E'\\xFF'", "E'\\u0000'", "U&'\\0000'", "U&'\\D800'", "U&\"\\0061\"", "U&'x' UESCAPE '!'", "B'102'", "X'G'", '1e999999', '0x', '1_000', '9' x 400,
	'NULL', '*', "'' ''", "\"\"", '"' . 'n' x 70 . '"', '-- c', '/* /* */ */', "/* \n", "\$a\$;\$a\$");

sub nested
{
	my $deep = pick(10, 100, 1000, 6000);
	return pick(
		'SELECT ' . '(' x $deep . '1' . ')' x $deep,
		'SELECT ' . '(' x $deep,
		'SELECT ' . '1+' x $deep . '1',
		'SELECT ' . 'NOT ' x $deep . 'true',
		'SELECT ' . 'CASE WHEN true THEN ' x $deep . '1' . ' END' x $deep,
		'SELECT * FROM ' . '(SELECT * FROM ' x $deep . 't' . ') s' x $deep,
		'SELECT ' . 'ARRAY[' x $deep . '1' . ']' x $deep,
		'/*' x $deep . '*/' x $deep . 'SELECT 1',
		'SELECT 1' . ' UNION SELECT 1' x $deep,
		'CREATE TABLE deep (a int CHECK (' . '(' x $deep . 'a > 0' . ')' x $deep . '))',
		'CREATE TABLE wide (' . join(', ', map { "c$_ int" } 1 .. $deep) . ')',
		'CREATE VIEW deep AS SELECT ' . '-' x 2 . "\n" . '1 + ' x $deep . '1',
		join("\n", map { "SELECT $_;" } 1 .. $deep));
}

sub huge
{
	my $length = pick(70_000, 1_100_000, 2_000_000);
	return pick("SELECT '" . 'x' x $length . "'", 'SELECT $$' . "a;'\"" x ($length / 4) . '$$', '-- ' . 'c' x $length . "\nSELECT 1",
		'SELECT ' . '9' x 70_000, 'SELECT 1' . ' ' x $length, "INSERT INTO t (c) VALUES ('" . "''" x ($length / 2) . "')");
}

sub one_statement
{
	my ($make) = @_;
	my $dice = rand;
	return pick(@commands) if $dice < 0.4;
	return $make->() if $make && $dice < 0.8;
	return pick(@statements) if $dice < 0.95;
	return join ' ', map { pick(@words, @words, @breakers, 't', 'a', '1') } 1 .. 1 + int rand 12 if $dice < 0.985;
	return chance(0.8) ? nested() : huge();
}

sub break_tokens
{
	my ($text) = @_;
	return $text if length $text > 20_000;
	my @tokens = tokens($text);
	for (0 .. int rand 3)
	{
		last if !@tokens;
		my $at = int rand @tokens;
		my $kind = int rand 7;
		if ($kind == 0) { splice @tokens, $at, 1 + int rand 3 }
		elsif ($kind == 1) { splice @tokens, $at, 0, $tokens[$at] }
		elsif ($kind == 2) { my $other = int rand @tokens; @tokens[ $at, $other ] = @tokens[ $other, $at ] }
		elsif ($kind == 3) { splice @tokens, $at, 0, ' ', pick(@breakers), ' ' }
		elsif ($kind == 4) { $tokens[$at] = pick(@words, @breakers) }
		elsif ($kind == 5) { $tokens[$at] = pick(uc $tokens[$at], lc $tokens[$at], reverse($tokens[$at]) . '') }
		else { splice @tokens, $at, 0, '; ', pick(@commands), '; ' }
	}
	return join '', @tokens;
}

sub break_bytes
{
	my ($text) = @_;
	return $text if !length $text;
	for (0 .. int rand 3)
	{
		my $at = int rand length $text;
		my $kind = int rand 4;
		if ($kind == 0) { substr($text, $at, 1) = chr int rand 256 }
		elsif ($kind == 1) { substr($text, $at) = '' }
		elsif ($kind == 2) { substr($text, $at, int rand 40) = '' }
		else { substr($text, $at, 0) = pick(@breakers) }
	}
	return $text;
}

# $make gives a statement that fits what is there.
sub soup
{
	my ($make) = @_;
	my $dice = rand;
	my $text;
	if ($dice < 0.12) { $text = pick(@samples) }
	elsif ($dice < 0.14) { $text = pick('', ' ', ';', ";;;\n;", '-- nothing', '/* nothing */', "\n" x 1000, ';' x 2000) }
	else
	{
		$text = join pick(";\n", ';', "; -- c\n", ";/* ; */\n", "\n;\n"), map { one_statement($make) } 1 .. 1 + int rand(4);
		$text .= pick('', ';', "\n", ";\n");
	}
	$text = break_tokens($text) if chance(0.22);
	$text = break_bytes($text) if chance(0.08);
	$text = "\xEF\xBB\xBF$text" if chance(0.01);
	return $text;
}

1;
