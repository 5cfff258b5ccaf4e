# What src/README.md says of how the code is put together: every file is in its
# table, none calls one that stands above it, and what is exported is called
# from elsewhere.

use strict;
use warnings;

use Test::More;

sub slurp
{
	my ($file) = @_;

	open(my $handle, '<', $file) or die "$file: $!";
	local $/;
	return scalar <$handle>;
}

# Without comments and strings
sub code_of
{
	return slurp($_[0]) =~ s{/\*.*?\*/|"(?:[^"\\]|\\.)*"}{}grs;
}

my %code = map { m{([^/]+)$}; $1 => code_of($_) } glob 'src/*.c';
cmp_ok(scalar(keys %code), '>', 50, 'the sources are there');

# The first table's rows, from the top
my ($table) = slurp('src/README.md') =~ /^\|---\|---\|\n((?:\|.*\n)+)/m;
my ($row, %row_of) = (0);
for my $line (split /\n/, $table)
{
	for my $pattern ($line =~ /`([\w*]+\.c)`/g)
	{
		s{^src/}{} and $row_of{$_} //= $row for glob "src/$pattern";
	}
	$row++;
}
is(join(' ', grep { !exists $row_of{$_} } sort keys %code), '', 'every file is in the table');

# The functions that are exported, but for those that SQL or the server calls
my %defined_in;
for my $file (keys %code)
{
	while ($code{$file} =~ /^(.*)\n(\w+)\(/mg)
	{
		my ($type, $name) = ($1, $2);
		$defined_in{$name} = $file
		  unless $type =~ /\bstatic\b/ || $name =~ /^_PG_init$|^PG_FUNCTION_INFO_V1$/ || $code{$file} =~ /PG_FUNCTION_INFO_V1\($name\)/;
	}
}
cmp_ok(scalar(keys %defined_in), '>', 200, 'they have functions');

my (@upward, %called);
for my $file (sort keys %code)
{
	my %words = map { $_ => 1 } $code{$file} =~ /\b(\w+)\b/g;
	for my $name (grep { exists $defined_in{$_} && $defined_in{$_} ne $file } sort keys %words)
	{
		$called{$name} = 1;
		push @upward, "$file: $name of $defined_in{$name}" if $row_of{ $defined_in{$name} } < $row_of{$file};
	}
}
is(join("\n", @upward), '', 'none calls one above it');
is(join(' ', grep { !$called{$_} } sort keys %defined_in), '', 'what is exported is called from another file');
is(join(' ', grep { $code{$_} =~ /PG_VERSION_NUM/ } sort keys %code), '', 'versions are told apart in compat.h alone');

done_testing();
