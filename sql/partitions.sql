--
-- partitions: whether one is there with the bounds that a script gives it
--
SET client_min_messages = warning;
CREATE SCHEMA partitions;
SET search_path = partitions;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE range (a int, b date) PARTITION BY RANGE (a, b);
CREATE TABLE range_1 PARTITION OF range FOR VALUES FROM (1, '2024-01-01') TO (10, MAXVALUE);
CREATE TABLE list (a mood) PARTITION BY LIST (a);
CREATE TABLE list_1 PARTITION OF list FOR VALUES IN ('sad', NULL);
CREATE TABLE list_2 PARTITION OF list DEFAULT;
CREATE TABLE hash (a int) PARTITION BY HASH (a);
CREATE TABLE hash_1 PARTITION OF hash FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE FUNCTION look(script text) RETURNS TABLE (state text, found text, verdict text) LANGUAGE sql AS $$
	SELECT l.state, l.found, s.verdict FROM remigrate.look(script, 'partitions') l, remigrate.seam(script, 'partitions') s
	WHERE l.statement = 1
$$;

-- The same, in whichever form
SELECT * FROM look('CREATE TABLE range_1 PARTITION OF range FOR VALUES FROM (1, ''2024-01-01'') TO (10, MAXVALUE)');
SELECT * FROM look('CREATE TABLE range_1 PARTITION OF range FOR VALUES FROM (1, DATE ''20240101'') TO (''10'', MAXVALUE)');
SELECT * FROM look('CREATE TABLE list_1 PARTITION OF list FOR VALUES IN (''sad''::mood, NULL)');
SELECT * FROM look('CREATE TABLE list_2 PARTITION OF list DEFAULT');
SELECT * FROM look('CREATE TABLE hash_1 PARTITION OF hash FOR VALUES WITH (MODULUS 4, REMAINDER 1)');
-- Others
SELECT * FROM look('CREATE TABLE range_1 PARTITION OF range FOR VALUES FROM (1, ''2024-01-02'') TO (10, MAXVALUE)');
SELECT * FROM look('CREATE TABLE range_1 PARTITION OF range FOR VALUES FROM (1, ''2024-01-01'') TO (10, ''infinity'')');
SELECT * FROM look('CREATE TABLE range_1 PARTITION OF range FOR VALUES IN (1)');
SELECT * FROM look('CREATE TABLE list_1 PARTITION OF list FOR VALUES IN (''ok'', NULL)');
SELECT * FROM look('CREATE TABLE list_1 PARTITION OF list FOR VALUES IN (''glad'', NULL)');
SELECT * FROM look('CREATE TABLE list_2 PARTITION OF list FOR VALUES IN (''happy'')');
SELECT * FROM look('CREATE TABLE hash_1 PARTITION OF hash FOR VALUES WITH (MODULUS 4, REMAINDER 2)');
SELECT * FROM look('CREATE TABLE hash_1 (a int); ALTER TABLE hash ATTACH PARTITION hash_1 FOR VALUES WITH (MODULUS 4, REMAINDER 2)');
-- A label that was renamed since
BEGIN;
ALTER TYPE mood RENAME VALUE 'sad' TO 'blue';
SELECT * FROM look('CREATE TABLE list_1 PARTITION OF list FOR VALUES IN (''sad'', NULL); ALTER TYPE mood RENAME VALUE ''sad'' TO ''blue''');
ROLLBACK;

-- Nobody's code is run to find out.
CREATE FUNCTION told(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RAISE WARNING 'told'; RETURN $1; END $$;
CREATE DOMAIN telling AS int CHECK (told(VALUE) > 0);
CREATE TABLE secret (a telling) PARTITION BY LIST (a);
CREATE TABLE secret_1 PARTITION OF secret FOR VALUES IN (NULL);
CREATE TABLE open (a int) PARTITION BY LIST (a);
CREATE TABLE open_1 PARTITION OF open FOR VALUES IN (1);
SELECT * FROM look('CREATE TABLE secret_1 PARTITION OF secret FOR VALUES IN (1)');
SELECT * FROM look('CREATE TABLE open_1 PARTITION OF open FOR VALUES IN (told(1))');
SELECT * FROM look('CREATE TABLE open_1 PARTITION OF open FOR VALUES IN (2::telling)');

RESET search_path;
DROP SCHEMA partitions CASCADE;
