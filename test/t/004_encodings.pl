# Databases that are not in UTF-8: a checksum is of the file's bytes all the
# same, and the script's text is what it says.

use strict;
use warnings;

use MIME::Base64;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

use Digest::SHA qw(sha256_hex);

my $node = PostgreSQL::Test::Cluster->new('encodings');
$node->init(extra => [ '--encoding=UTF8', '--locale=C' ]);
$node->start;

my $script = "-- Gr\xC3\xB6\xC3\x9Fe\nCREATE TABLE \"Gr\xC3\xB6\xC3\x9Fe\" AS SELECT '\xC3\xA4' AS v;\n";
my $base64 = encode_base64($script, '');
my $checksum = sha256_hex($script);
my $euro = encode_base64("SELECT 1;\nSELECT '\xE2\x82\xAC';\n", '');
my $cyrillic = encode_base64("-- \xD0\x96\nSELECT '\xD0\x96';\n", '');

# Sends a statement as UTF-8 to a database of another encoding.
sub ask
{
	my ($database, $sql, $encoding) = @_;
	my ($status, $stdout, $stderr) = $node->psql($database, "SET client_encoding = '"
		  . ($encoding || 'UTF8') . "';\n\\set VERBOSITY verbose\n$sql");
	$stderr =~ s/^LOCATION:.*\n//mg;
	return $stdout . $stderr;
}

for my $encoding ('LATIN1', 'LATIN9', 'WIN1252', 'EUC_JP')
{
	$node->safe_psql('postgres',
		"CREATE DATABASE \"$encoding\" TEMPLATE template0 ENCODING '$encoding' LOCALE 'C'");
	ask($encoding, 'CREATE EXTENSION remigrate');
}

for my $encoding ('LATIN1', 'LATIN9', 'WIN1252')
{
	is(ask($encoding, "SELECT remigrate.checksum('abc\xC3\xA4') = '" . sha256_hex("abc\xC3\xA4")
			  . "', remigrate.checksum(decode('$base64', 'base64')) = '$checksum'"),
		't|t', "$encoding: checksum is of the UTF-8 form");
	is(ask($encoding, "SELECT remigrate.apply('bytes', decode('$base64', 'base64'))"),
		'applied', "$encoding: apply of bytes");
	is(ask($encoding, "SELECT v, octet_length(v) FROM \"Gr\xC3\xB6\xC3\x9Fe\""),
		"\xC3\xA4|1", "$encoding: its text is right");
	is(ask($encoding, "SELECT remigrate.apply('bytes', '" . ($script =~ s/'/''/gr) . "')"),
		'unchanged', "$encoding: text is the same migration as bytes");
	is(ask($encoding, "SELECT remigrate.apply('text', '-- \xC3\xA4\nSELECT 1')"),
		'applied', "$encoding: apply of text");
	is(ask($encoding, "SELECT remigrate.apply('text', decode('"
			  . encode_base64("-- \xC3\xA4\nSELECT 1", '') . "', 'base64'))"),
		'unchanged', "$encoding: bytes are the same migration as text");
	is(ask($encoding, "SELECT remigrate.apply('text', '-- \xC3\xA4, a comment\nSELECT 1')"),
		'unchanged', "$encoding: another comment is no edit");
	is(ask($encoding, "SELECT count(DISTINCT checksum) FROM _prisma_migrations WHERE checksum IN ('$checksum', '"
			  . sha256_hex("-- \xC3\xA4\nSELECT 1") . "')"), 2, "$encoding: the journal has them");
	is(ask($encoding, "SELECT convert_from(content, 'UTF8') FROM remigrate.script WHERE checksum = '$checksum'"),
		$script, "$encoding: the registry has the file's bytes");
	like(ask($encoding, "SELECT remigrate.apply('m', E'-- \xC3\xA4\xC3\xB6\xC3\xBC\nSELECT ''\xC3\xA4'', missing')"),
		qr/ERROR:  42703: migration "m" failed at statement 1 of 1 \(line 2\): column "missing" does not exist\nLINE 1: SELECT '\xC3\xA4', missing\n {20}\^/,
		"$encoding: the caret is where it belongs");
	is(ask($encoding, "SELECT line, text FROM remigrate.statements(decode('$base64', 'base64'))"),
		"2|CREATE TABLE \"Gr\xC3\xB6\xC3\x9Fe\" AS SELECT '\xC3\xA4' AS v", "$encoding: statements");
	# Characters that the database has no place for
	my $answer = ask($encoding, "SELECT remigrate.apply('cyrillic', decode('$cyrillic', 'base64'))");
	like($answer, qr/ERROR:  22P05: migration "cyrillic" was refused: character with byte sequence 0xd0 0x96 in encoding "UTF8" has no equivalent in encoding "$encoding"/,
		"$encoding: what can't be held is an error");
}
like(ask('LATIN1', "SELECT remigrate.apply('euro', decode('$euro', 'base64'))"),
	qr/ERROR:  22P05: migration "euro" was refused: /, 'LATIN1 has no euro');
is(ask('LATIN9', "SELECT remigrate.apply('euro', decode('$euro', 'base64'))"),
	'applied', 'LATIN9 has one');
# A client in its own encoding
is(ask('LATIN1', "SELECT remigrate.apply('bytes', '-- Gr\xF6\xDFe\nCREATE TABLE \"Gr\xF6\xDFe\" AS SELECT ''\xE4'' AS v;\n')", 'LATIN1'),
	'unchanged', 'the client\'s encoding makes no difference');

is(ask('EUC_JP', "SELECT remigrate.apply('jp', decode('"
		  . encode_base64("SELECT '\xE6\x97\xA5\xE6\x9C\xAC'; SELECT 1", '') . "', 'base64')), remigrate.checksum('\xE6\x97\xA5') = '"
		  . sha256_hex("\xE6\x97\xA5") . "'"), 'applied|t', 'EUC_JP');

# SQL_ASCII takes any bytes for text; ours must be UTF-8 none the less.
$node->safe_psql('postgres', "CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C'");
ask('ascii', 'CREATE EXTENSION remigrate', 'SQL_ASCII');
is(ask('ascii', "SELECT remigrate.apply('bytes', decode('$base64', 'base64')), remigrate.checksum(decode('$base64', 'base64')) = '$checksum'", 'SQL_ASCII'),
	'applied|t', 'SQL_ASCII: bytes');
is(ask('ascii', "SELECT remigrate.apply('bytes', '" . ($script =~ s/'/''/gr) . "')", 'SQL_ASCII'),
	'unchanged', 'SQL_ASCII: text');
like(ask('ascii', "SELECT remigrate.apply('m', '-- \xE4')", 'SQL_ASCII'),
	qr/ERROR:  22021: migration "m" was refused: invalid byte sequence for encoding "UTF8": 0xe4/,
	'SQL_ASCII: text that is not UTF-8');
like(ask('ascii', "SELECT remigrate.apply('m', '-- \xC3\xA4\nSELECT ''\xC3\xA4'', missing')", 'SQL_ASCII'),
	qr/\(line 2\): column "missing" does not exist/, 'SQL_ASCII: an error has its line');

# Of a long statement the activity shows a part, which ends with a character.
ask('postgres', 'CREATE EXTENSION remigrate');
for my $table ('even', 'odd')
{
	is(ask('postgres', "SELECT remigrate.apply('$table', 'CREATE TABLE $table AS SELECT query, ''"
			  . ("\xC3\xA4" x 300) . "'' AS v FROM pg_stat_activity WHERE pid = pg_backend_pid()')"),
		'applied', "$table: a long statement");
	is(ask('postgres', "SELECT query LIKE 'remigrate: %\xC3\xA4' FROM $table"),
		't', "$table: its activity");
}

unlike(slurp_file($node->logfile), qr/TRAP|terminated by signal/, 'no crash');
$node->stop;
done_testing();
