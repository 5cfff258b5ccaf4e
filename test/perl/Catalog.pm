# What the catalog says of an extension, and of all that isn't the server's
# own, as lines to compare: two databases in which the same is installed, by
# whatever way, have the same lines.
package Catalog;

use strict;
use warnings;

use Exporter 'import';

our @EXPORT = qw(catalog_of difference);

# Lists are sorted, columns numbered by their order: neither rights that were
# granted in another order nor a dropped column make a difference.  pg_attver
# is where in the WAL a column was made, which some minor versions note.
my $preparation = <<'END';
SET client_min_messages = warning;
SET search_path = pg_catalog, pg_temp;
CREATE FUNCTION pg_temp.sorted(list text[]) RETURNS text LANGUAGE sql AS
$$ SELECT string_agg(item, ' ' ORDER BY item COLLATE "C") FROM unnest(list) item $$;
CREATE TEMP VIEW object AS
SELECT classid, objid, (pg_identify_object(classid, objid, 0)).type AS kind,
	(pg_identify_object(classid, objid, 0)).identity,
	EXISTS (SELECT FROM pg_depend d
		JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
		WHERE d.classid = o.classid AND d.objid = o.objid AND d.objsubid = 0
		AND d.deptype = 'e' AND e.extname = 'remigrate') AS member
FROM (SELECT 'pg_class'::regclass::oid AS classid, c.oid AS objid FROM pg_class c
		WHERE relnamespace NOT IN ('pg_toast'::regnamespace, pg_my_temp_schema())
	UNION ALL SELECT 'pg_type'::regclass, oid FROM pg_type
		WHERE typnamespace NOT IN ('pg_toast'::regnamespace, pg_my_temp_schema())
	UNION ALL SELECT 'pg_proc'::regclass, oid FROM pg_proc
		WHERE pronamespace <> pg_my_temp_schema()
	UNION ALL SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r
		JOIN pg_class c ON c.oid = ev_class WHERE relnamespace <> pg_my_temp_schema()
	UNION ALL SELECT 'pg_namespace'::regclass, oid FROM pg_namespace
		WHERE nspname !~ '^pg_(toast_)?temp_'
	UNION ALL SELECT 'pg_constraint'::regclass, oid FROM pg_constraint
	UNION ALL SELECT 'pg_attrdef'::regclass, oid FROM pg_attrdef
	UNION ALL SELECT 'pg_trigger'::regclass, oid FROM pg_trigger WHERE NOT tgisinternal
	UNION ALL SELECT 'pg_policy'::regclass, oid FROM pg_policy
	UNION ALL SELECT 'pg_event_trigger'::regclass, oid FROM pg_event_trigger
	UNION ALL SELECT 'pg_operator'::regclass, oid FROM pg_operator
	UNION ALL SELECT 'pg_opclass'::regclass, oid FROM pg_opclass
	UNION ALL SELECT 'pg_opfamily'::regclass, oid FROM pg_opfamily
	UNION ALL SELECT 'pg_cast'::regclass, oid FROM pg_cast
	UNION ALL SELECT 'pg_collation'::regclass, oid FROM pg_collation
	UNION ALL SELECT 'pg_statistic_ext'::regclass, oid FROM pg_statistic_ext
	UNION ALL SELECT 'pg_default_acl'::regclass, oid FROM pg_default_acl
	UNION ALL SELECT 'pg_publication'::regclass, oid FROM pg_publication
	UNION ALL SELECT 'pg_extension'::regclass, oid FROM pg_extension) o
WHERE objid >= 16384;
END

# Each line: the object's kind and identity, and what is to be said of it.
my %aspects = (
	'exists' => q{SELECT kind, identity,
		CASE WHEN member THEN 'member' ELSE 'no member' END FROM object},
	'comment' => q{SELECT kind, identity, concat_ws(' ', objsubid, description)
		FROM object JOIN pg_description ON classoid = classid AND objoid = objid},
	'label' => q{SELECT kind, identity, concat_ws(' ', objsubid, provider, label)
		FROM object JOIN pg_seclabel ON classoid = classid AND objoid = objid},
	'initial rights' => q{SELECT kind, identity,
		concat_ws(' ', objsubid, privtype, pg_temp.sorted(initprivs::text[]))
		FROM object JOIN pg_init_privs ON classoid = classid AND objoid = objid},
	'extension' => q{SELECT kind, identity, concat_ws(' ', extversion,
			extowner::regrole, extnamespace::regnamespace, extrelocatable,
			'dumps', (SELECT pg_temp.sorted(array_agg(concat_ws(' ', t::regclass, c)))
				FROM unnest(extconfig, extcondition) u(t, c)))
		FROM object JOIN pg_extension e ON classid = e.tableoid AND e.oid = objid},
	'schema' => q{SELECT kind, identity,
		concat_ws(' ', nspowner::regrole, pg_temp.sorted(nspacl::text[]))
		FROM object JOIN pg_namespace n ON classid = n.tableoid AND n.oid = objid},
	'relation' => q{SELECT kind, identity, concat_ws(' ', relkind, relpersistence,
			relowner::regrole, amname, reltablespace, relreplident,
			relrowsecurity, relforcerowsecurity, relispartition,
			'options', pg_temp.sorted(reloptions),
			'rights', pg_temp.sorted(relacl::text[]),
			'inherits', (SELECT pg_temp.sorted(array_agg(inhparent::regclass::text))
				FROM pg_inherits WHERE inhrelid = c.oid),
			CASE WHEN relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END,
			CASE WHEN relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid) END,
			indisvalid, indisready, indisclustered, indisreplident)
		FROM object JOIN pg_class c ON classid = c.tableoid AND c.oid = objid
		LEFT JOIN pg_am am ON am.oid = relam LEFT JOIN pg_index ON indexrelid = c.oid},
	'column' => q{SELECT kind, identity, concat_ws(' ',
			row_number() OVER (PARTITION BY attrelid ORDER BY attnum), attname,
			format_type(atttypid, atttypmod), attcollation::regcollation, attnotnull,
			attidentity, attgenerated, attstorage, attcompression, attstattarget,
			'options', pg_temp.sorted(array(SELECT o FROM unnest(attoptions) o
				WHERE o NOT LIKE 'pg\_attver=%')),
			'rights', pg_temp.sorted(attacl::text[]),
			'default', pg_get_expr(adbin, adrelid), 'comment',
			col_description(attrelid, attnum))
		FROM object JOIN pg_attribute ON classid = 'pg_class'::regclass AND attrelid = objid
		LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
		WHERE attnum > 0 AND NOT attisdropped},
	'routine' => q{SELECT kind, identity, concat_ws(' ', proowner::regrole,
			'rights', pg_temp.sorted(proacl::text[]),
			CASE WHEN prokind IN ('f', 'p', 'w') THEN pg_get_functiondef(p.oid) ELSE prosrc END)
		FROM object JOIN pg_proc p ON classid = p.tableoid AND p.oid = objid},
	'type' => q{SELECT kind, identity, concat_ws(' ', typtype, typcategory,
			typowner::regrole, typnotnull, typdefault, format_type(typbasetype, typtypmod),
			'rights', pg_temp.sorted(typacl::text[]),
			'labels', (SELECT string_agg(quote_literal(enumlabel), ' ' ORDER BY enumsortorder)
				FROM pg_enum WHERE enumtypid = t.oid))
		FROM object JOIN pg_type t ON classid = t.tableoid AND t.oid = objid},
	'constraint' => q{SELECT kind, identity, concat_ws(' ', pg_get_constraintdef(c.oid),
			convalidated, conislocal, connoinherit)
		FROM object JOIN pg_constraint c ON classid = c.tableoid AND c.oid = objid},
	'rule' => q{SELECT kind, identity, concat_ws(' ', ev_enabled, pg_get_ruledef(r.oid))
		FROM object JOIN pg_rewrite r ON classid = r.tableoid AND r.oid = objid},
	'trigger' => q{SELECT kind, identity, concat_ws(' ', tgenabled, pg_get_triggerdef(t.oid))
		FROM object JOIN pg_trigger t ON classid = t.tableoid AND t.oid = objid},
	'default rights' => q{SELECT kind, identity, pg_temp.sorted(defaclacl::text[])
		FROM object JOIN pg_default_acl d ON classid = d.tableoid AND d.oid = objid},
);

# The lines of a database; with `only => 'remigrate'` those of the extension
# and of whatever else has that word in its name.
sub catalog_of
{
	my ($node, $database, %option) = @_;
	my $where = $option{only} ? "WHERE kind = 'extension' AND identity = '$option{only}'
		OR identity ~ '\\m$option{only}\\M'" : '';
	my $queries = join '', map {
		"SELECT concat_ws(' ', kind, identity || ':', '$_:', replace(said, E'\\n', '\\n'))
		FROM ($aspects{$_}) aspect(kind, identity, said) $where;\n"
	} sort keys %aspects;

	return join "\n", sort split /\n/, $node->safe_psql($database, $preparation . $queries);
}

# The lines of one and not of the other, as diff marks them.
sub difference
{
	my ($one, $other) = @_;
	my %count;

	$count{$_}-- for split /\n/, $one;
	$count{$_}++ for split /\n/, $other;
	return join "\n", map { $count{$_} < 0 ? "-$_" : "+$_" }
	  grep { $count{$_} } sort keys %count;
}

1;
