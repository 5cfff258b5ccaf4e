# Sessions of several roles, for the tests of rights and attacks.
package Roles;
use strict;
use warnings;
use Exporter 'import';

our @EXPORT = qw(output_as);

# What a role's session prints, errors and all: standard output, then standard
# error.  It goes on after an error.
sub output_as
{
	my ($node, $role, $sql) = @_;
	my ($status, $out, $err) = $node->psql(
		'postgres', $sql,
		on_error_stop => 0,
		extra_params => [ '-U', $role ]);
	return ($out, $err);
}

1;
