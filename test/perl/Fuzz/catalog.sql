/* What the fuzzers ask of a database; schema fuzz. */
CREATE SCHEMA fuzz;

-- Where scripts may put things.
CREATE VIEW fuzz.ours AS SELECT oid FROM pg_namespace
	WHERE nspname !~ '^(pg_|information_schema$|fuzz$|remigrate$)';

-- One line for everything that a script can have made, names in place of OIDs.
-- In PL/pgSQL, which keeps its plans.
CREATE FUNCTION fuzz.catalog() RETURNS SETOF text LANGUAGE plpgsql STABLE
SET search_path = pg_catalog AS $$ BEGIN RETURN QUERY
	SELECT concat_ws(' | ', 'schema', nspname, obj_description(oid, 'pg_namespace'),
		nspacl) FROM pg_namespace WHERE oid IN (SELECT o.oid FROM fuzz.ours o)
	UNION ALL SELECT concat_ws(' | ', 'relation', c.oid::regclass, c.relkind, c.relpersistence,
			c.reloptions, c.relrowsecurity, c.relforcerowsecurity, c.relacl, c.relreplident,
			CASE WHEN c.relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid)
				WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid)
				WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
			'valid ' || i.indisvalid, 'clustered ' || nullif(i.indisclustered, false),
			'replident ' || nullif(i.indisreplident, false),
			pg_get_expr(c.relpartbound, c.oid),
			(SELECT string_agg(inhparent::regclass::text, ',' ORDER BY inhseqno) FROM pg_inherits WHERE inhrelid = c.oid),
			obj_description(c.oid, 'pg_class'))
		FROM pg_class c LEFT JOIN pg_index i ON i.indexrelid = c.oid
		WHERE c.relnamespace IN (SELECT o.oid FROM fuzz.ours o) AND c.relname <> '_prisma_migrations'
		AND coalesce(i.indrelid::regclass::text, '') !~ '_prisma_migrations$' AND c.relkind <> 'c'
	UNION ALL SELECT concat_ws(' | ', 'column', a.attrelid::regclass,
			(SELECT count(*) FROM pg_attribute b WHERE b.attrelid = a.attrelid AND b.attnum > 0
				AND b.attnum <= a.attnum AND NOT b.attisdropped),
			a.attname, format_type(a.atttypid, a.atttypmod), a.attcollation::regcollation, 'not null ' || a.attnotnull,
			'identity ' || nullif(a.attidentity::text, ''), 'generated ' || nullif(a.attgenerated::text, ''), a.attinhcount, a.attislocal,
			a.attacl,
			-- Some versions count here by themselves.
			(SELECT array_agg(o) FROM unnest(a.attoptions) o WHERE o !~ '^pg_attver='), a.attstorage, a.attcompression,
			pg_get_expr(d.adbin, d.adrelid), col_description(a.attrelid, a.attnum))
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		LEFT JOIN pg_attrdef d ON (d.adrelid, d.adnum) = (a.attrelid, a.attnum)
		WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relnamespace IN (SELECT o.oid FROM fuzz.ours o)
		AND c.relkind NOT IN ('i', 'I', 'S') AND c.relname <> '_prisma_migrations'
	UNION ALL SELECT concat_ws(' | ', 'constraint', conrelid::regclass, contypid::regtype, conname,
			pg_get_constraintdef(oid), 'validated ' || convalidated, conislocal, coninhcount,
			obj_description(oid, 'pg_constraint'))
		FROM pg_constraint WHERE connamespace IN (SELECT o.oid FROM fuzz.ours o) AND conrelid::regclass::text !~ '_prisma_migrations$'
	UNION ALL SELECT concat_ws(' | ', 'type', t.oid::regtype, t.typtype, t.typnotnull, t.typdefault,
			format_type(nullif(t.typbasetype, 0), t.typtypmod), t.typacl,
			(SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder)
				FROM pg_enum WHERE enumtypid = t.oid), obj_description(t.oid, 'pg_type'))
		FROM pg_type t LEFT JOIN pg_class c ON c.oid = t.typrelid
		WHERE typnamespace IN (SELECT o.oid FROM fuzz.ours o) AND typtype NOT IN ('b')
		AND (c.oid IS NULL OR c.relkind = 'c')
	UNION ALL SELECT concat_ws(' | ', 'routine', CASE prokind WHEN 'a' THEN oid::regprocedure::text ELSE pg_get_functiondef(oid) END,
			proacl, obj_description(oid, 'pg_proc'))
		FROM pg_proc WHERE pronamespace IN (SELECT o.oid FROM fuzz.ours o)
	UNION ALL SELECT concat_ws(' | ', 'trigger', pg_get_triggerdef(t.oid), tgenabled, obj_description(t.oid, 'pg_trigger'))
		FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE NOT tgisinternal AND c.relnamespace IN (SELECT o.oid FROM fuzz.ours o)
	UNION ALL SELECT concat_ws(' | ', 'policy', p.*) FROM pg_policies p
	UNION ALL SELECT concat_ws(' | ', 'rule', r.rulename, pg_get_ruledef(r.oid), ev_enabled)
		FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE c.relnamespace IN (SELECT o.oid FROM fuzz.ours o) AND r.rulename <> '_RETURN'
	UNION ALL SELECT concat_ws(' | ', 'sequence', s.seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement, seqmax, seqmin, seqcache, seqcycle,
			(SELECT concat_ws(' ', d.deptype, d.refobjid::regclass, a.attname) FROM pg_depend d
				JOIN pg_attribute a ON (a.attrelid, a.attnum) = (d.refobjid, d.refobjsubid)
				WHERE d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')))
		FROM pg_sequence s JOIN pg_class c ON c.oid = s.seqrelid WHERE c.relnamespace IN (SELECT o.oid FROM fuzz.ours o)
	UNION ALL SELECT concat_ws(' | ', 'statistics', pg_get_statisticsobjdef(oid)) FROM pg_statistic_ext WHERE stxnamespace IN (SELECT o.oid FROM fuzz.ours o)
	ORDER BY 1;
END $$;

-- What is there to be named by the next statement.
CREATE FUNCTION fuzz.inventory() RETURNS jsonb LANGUAGE plpgsql STABLE
SET search_path = pg_catalog AS $$ BEGIN RETURN (
	SELECT jsonb_build_object(
	'schemas', (SELECT coalesce(jsonb_agg(quote_ident(nspname) ORDER BY nspname), '[]') FROM pg_namespace WHERE oid IN (SELECT o.oid FROM fuzz.ours o)),
	'relations', (SELECT coalesce(jsonb_agg(jsonb_build_object(
			'oid', c.oid, 'schema', quote_ident(n.nspname), 'name', quote_ident(c.relname), 'kind', c.relkind, 'partition', c.relispartition,
			'key', pg_get_partkeydef(c.oid),
			'table', (SELECT quote_ident(t.relname) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid WHERE i.indexrelid = c.oid),
			'constraint', EXISTS (SELECT FROM pg_constraint WHERE conindid = c.oid AND conrelid <> 0 AND contype IN ('p', 'u', 'x')),
			'unique', (SELECT i.indisunique FROM pg_index i WHERE i.indexrelid = c.oid),
			'parents', (SELECT jsonb_agg(inhparent::regclass::text ORDER BY inhparent::regclass::text) FROM pg_inherits WHERE inhrelid = c.oid),
			'columns', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', quote_ident(attname),
					'type', format_type(atttypid, atttypmod), 'identity', attidentity, 'generated', attgenerated,
					'not_null', attnotnull, 'default', atthasdef) ORDER BY attnum), '[]')
				FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped),
			'constraints', (SELECT coalesce(jsonb_agg(jsonb_build_object('name', quote_ident(conname), 'type', contype, 'valid', convalidated,
					'def', pg_get_constraintdef(oid)) ORDER BY conname), '[]')
				FROM pg_constraint WHERE conrelid = c.oid),
			'triggers', (SELECT coalesce(jsonb_agg(quote_ident(tgname) ORDER BY tgname), '[]') FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal),
			'policies', (SELECT coalesce(jsonb_agg(quote_ident(polname) ORDER BY polname), '[]') FROM pg_policy WHERE polrelid = c.oid),
			'def', CASE WHEN c.relkind IN ('i', 'I') THEN pg_get_indexdef(c.oid) WHEN c.relkind IN ('v', 'm') THEN pg_get_viewdef(c.oid) END
			) ORDER BY n.nspname, c.relname), '[]')
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE c.relnamespace IN (SELECT o.oid FROM fuzz.ours o) AND c.relkind <> 'c'),
	'types', (SELECT coalesce(jsonb_agg(jsonb_build_object('oid', t.oid, 'schema', quote_ident(n.nspname), 'name', quote_ident(t.typname), 'kind', t.typtype,
			'labels', (SELECT coalesce(jsonb_agg(enumlabel ORDER BY enumsortorder), '[]') FROM pg_enum WHERE enumtypid = t.oid),
			'constraints', (SELECT coalesce(jsonb_agg(quote_ident(conname) ORDER BY conname), '[]') FROM pg_constraint WHERE contypid = t.oid))
			ORDER BY n.nspname, t.typname), '[]')
		FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
		WHERE t.typnamespace IN (SELECT o.oid FROM fuzz.ours o) AND (t.typtype IN ('e', 'd') OR c.relkind = 'c')),
	'routines', (SELECT coalesce(jsonb_agg(jsonb_build_object('oid', p.oid, 'schema', quote_ident(n.nspname), 'name', quote_ident(proname), 'kind', prokind,
			'arguments', pg_get_function_identity_arguments(p.oid), 'result', pg_get_function_result(p.oid), 'def', CASE prokind WHEN 'a' THEN NULL ELSE pg_get_functiondef(p.oid) END)
			ORDER BY n.nspname, proname, pg_get_function_identity_arguments(p.oid)), '[]')
		FROM pg_proc p JOIN pg_namespace n ON n.oid = pronamespace WHERE pronamespace IN (SELECT o.oid FROM fuzz.ours o))));
END $$;

-- A row for every table that takes one.
CREATE FUNCTION fuzz.fill() RETURNS int LANGUAGE plpgsql
SET search_path = pg_catalog AS $$
DECLARE
	item record;
	rows int = 0;
BEGIN
	FOR item IN SELECT c.oid::regclass AS name,
			string_agg(quote_ident(a.attname), ', ' ORDER BY attnum) AS columns,
			string_agg(CASE WHEN t.typtype = 'e' THEN coalesce((SELECT quote_literal(enumlabel) FROM pg_enum WHERE enumtypid = t.oid ORDER BY enumsortorder LIMIT 1), 'NULL')
				WHEN t.typcategory IN ('N') THEN '7' WHEN t.typcategory = 'S' THEN '''x''' WHEN t.typcategory = 'B' THEN 'true'
				WHEN t.typcategory = 'D' THEN '''2026-01-02''' WHEN t.typcategory = 'A' THEN '''{}''' WHEN t.typname = 'jsonb' THEN '''{}'''
				WHEN t.typname = 'uuid' THEN '''00000000-0000-0000-0000-000000000007''' ELSE 'NULL' END, ', ' ORDER BY attnum) AS row
		FROM pg_class c LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
		LEFT JOIN pg_type t ON t.oid = a.atttypid
		WHERE c.relnamespace IN (SELECT o.oid FROM fuzz.ours o) AND c.relkind IN ('r', 'p') GROUP BY c.oid ORDER BY c.oid::regclass::text
	LOOP
		BEGIN
			EXECUTE format('INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE VALUES (%s)', item.name, item.columns, item.row);
			rows = rows + 1;
		EXCEPTION WHEN OTHERS THEN NULL;
		END;
	END LOOP;
	RETURN rows;
END $$;

-- The tables' rows.
CREATE FUNCTION fuzz.data() RETURNS SETOF text LANGUAGE plpgsql
SET search_path = pg_catalog AS $$
DECLARE
	name text;
BEGIN
	FOR name IN SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace IN (SELECT o.oid FROM fuzz.ours o)
		AND c.relkind IN ('r') AND c.relname <> '_prisma_migrations' ORDER BY c.oid::regclass::text
	LOOP
		RETURN QUERY EXECUTE format('SELECT ''row | '' || %L || to_jsonb(whole_row)::text FROM %s whole_row ORDER BY 1', name, name);
	END LOOP;
END $$;
