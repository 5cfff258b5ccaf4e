/* What Fuzz::Soup asks, besides catalog.sql. */
CREATE TABLE fuzz.log (n int, part int);

-- The journals' rows, whatever they look like.
CREATE FUNCTION fuzz.journal() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	journal regclass;
	one text;
	result text = '';
BEGIN
	FOR journal IN SELECT oid FROM pg_class WHERE relname = '_prisma_migrations' AND relkind = 'r' ORDER BY oid LOOP
		EXECUTE format('SELECT md5(string_agg(j::text, ''|'' ORDER BY j::text)) FROM %s j', journal) INTO one;
		result = result || journal || coalesce(one, '');
	END LOOP;
	RETURN result;
END $$;

-- A migration with two finished rows that were not rolled back.
CREATE FUNCTION fuzz.doubles() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
	journal regclass;
	one text;
BEGIN
	FOR journal IN SELECT attrelid FROM pg_attribute WHERE attname = 'rolled_back_at' AND (SELECT relkind FROM pg_class c WHERE c.oid = attrelid) = 'r' AND attrelid::regclass::text ~ '_prisma_migrations' LOOP
		EXECUTE format('SELECT migration_name FROM %s WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL AND migration_name ~ ''^(m[0-9]+|2026.*|c|x+|Ü.*)$'' GROUP BY 1 HAVING count(*) > 1 LIMIT 1', journal) INTO one;
		IF one IS NOT NULL THEN
			RETURN one;
		END IF;
	END LOOP;
	RETURN NULL;
EXCEPTION WHEN OTHERS THEN
	RETURN NULL;
END $$;
