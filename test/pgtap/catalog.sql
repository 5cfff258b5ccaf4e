-- What the extension consists of: documented, where it belongs, marked right.

BEGIN;
SELECT no_plan();

CREATE TEMP VIEW members AS
SELECT classid::regclass::text AS kind, objid, (i).type, (i).schema, (i).identity
FROM pg_depend, LATERAL (SELECT pg_identify_object(classid, objid, objsubid) AS i) i
WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'remigrate');
CREATE TEMP VIEW functions AS
SELECT p.*, p.oid::regprocedure::text AS identity
FROM pg_proc p WHERE pronamespace = 'remigrate'::regnamespace;
CREATE TEMP VIEW relations AS
SELECT c.*, c.oid::regclass::text AS identity
FROM pg_class c WHERE relnamespace = 'remigrate'::regnamespace AND relkind IN ('r', 'v', 'm', 'p', 'f');

SELECT ok((SELECT count(*) > 10 FROM functions), 'there are functions to look at');
SELECT ok((SELECT count(*) >= 3 FROM relations), 'there are tables to look at');

-- Nothing of ours in another schema
SELECT is_empty($$SELECT * FROM members WHERE schema <> 'remigrate' OR schema IS NULL AND type <> 'schema'$$,
	'every member is in the schema remigrate');
SELECT results_eq($$SELECT identity FROM members WHERE type = 'schema'$$, ARRAY['remigrate'],
	'the schema itself is a member: it goes with the extension');
SELECT is_empty($$SELECT identity FROM functions f WHERE NOT EXISTS (SELECT FROM members m WHERE m.kind = 'pg_proc' AND m.objid = f.oid)$$,
	'every function there is a member');
SELECT is_empty($$SELECT identity FROM relations r WHERE NOT EXISTS (SELECT FROM members m WHERE m.kind = 'pg_class' AND m.objid = r.oid)$$,
	'every table there is a member');
SELECT is_empty($$SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace$$,
	'public is as empty as before');

-- Documented
SELECT ok(obj_description('remigrate'::regnamespace) IS NOT NULL, 'the schema has a comment');
SELECT is_empty($$SELECT identity FROM functions WHERE coalesce(obj_description(oid, 'pg_proc'), '') = ''$$,
	'every function has a comment');
SELECT is_empty($$SELECT identity FROM relations WHERE coalesce(obj_description(oid, 'pg_class'), '') = ''$$,
	'every table and view has a comment');
SELECT is_empty($$SELECT identity FROM functions WHERE prokind = 'f' AND obj_description(oid, 'pg_proc') !~ '\mReturns\M'$$,
	'every function''s comment says what it returns');
SELECT is_empty($$SELECT identity FROM functions WHERE obj_description(oid, 'pg_proc') !~ '\mRaises\M'$$,
	'every comment says what it raises');
SELECT is_empty($$
	SELECT f.identity, a.name FROM functions f,
		unnest(coalesce(f.proargnames, '{}'), coalesce(f.proargmodes, array_fill('i'::"char", ARRAY[coalesce(cardinality(f.proargnames), 0)]))) a (name, mode)
	WHERE a.mode IN ('i', 'b', 'v') AND strpos(obj_description(f.oid, 'pg_proc'), a.name || ':') = 0
		AND obj_description(f.oid, 'pg_proc') !~ format('\m%s\M[^.]*:', a.name)$$,
	'every comment explains every argument');
SELECT is_empty($$SELECT identity FROM functions WHERE pronargs > 0 AND (proargnames IS NULL OR '' = ANY (proargnames))$$,
	'every argument has a name');

-- Tables fit for logical replication, and for a dump
SELECT is_empty($$SELECT identity FROM relations r WHERE relkind = 'r'
		AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = r.oid AND i.indisprimary)$$,
	'every table has a primary key');
SELECT set_eq($$SELECT unnest(extconfig)::regclass::text FROM pg_extension WHERE extname = 'remigrate'$$,
	$$SELECT oid::regclass::text FROM pg_class WHERE relnamespace = 'remigrate'::regnamespace AND relkind IN ('r', 'S')$$,
	'the contents of every table and sequence are dumped');
SELECT is_empty($$SELECT conrelid::regclass, conname FROM pg_constraint c JOIN relations r ON r.oid = c.conrelid
		WHERE contype = 'f' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.conrelid AND i.indkey[0] = c.conkey[1])$$,
	'every foreign key has an index');

-- Marked right
SELECT is_empty($$SELECT identity FROM functions WHERE prosecdef OR proconfig IS NOT NULL$$,
	'no function switches role or settings by its definition');
SELECT is_empty($$SELECT identity FROM functions WHERE prokind = 'p' AND (prosecdef OR proconfig IS NOT NULL)$$,
	'no procedure is made atomic by its definition');
SELECT is_empty($$SELECT identity FROM functions WHERE proisstrict$$,
	'null arguments are answered by the functions themselves');
SELECT is_empty($$SELECT identity FROM functions
		WHERE proname IN ('status', 'require', 'require_checksums') AND (provolatile, proparallel) <> ('s', 'r')
			OR proname = 'statements' AND (provolatile, proparallel) <> ('s', 's')$$,
	'what reads is stable, and stays in the leader where it reads tables');
SELECT results_eq($$SELECT identity, provolatile::text, proparallel::text FROM functions WHERE proname = 'checksum' ORDER BY 1$$,
	$$VALUES ('remigrate.checksum(bytea)', 'i', 's'), ('remigrate.checksum(text)', 's', 's')$$,
	'a checksum depends on nothing but the bytes, and for text on the encoding');
SELECT is_empty($$SELECT identity FROM functions
		WHERE proname NOT IN ('status', 'statements', 'require', 'require_checksums', 'checksum')
			AND prokind = 'f' AND (provolatile <> 'v' OR proparallel <> 'u')$$,
	'any other function is taken for one that writes');

-- Plain quoted literals are no question for any form of a name.
PREPARE literals AS SELECT remigrate.checksum('x'), remigrate.checksum(script => 'x');
SELECT lives_ok('literals', 'checksum takes a plain literal');
SELECT lives_ok($$SELECT * FROM remigrate.statements('SELECT 1')$$, 'statements takes a plain literal');
SELECT lives_ok($$SELECT remigrate.apply('m', 'SELECT 1')$$, 'apply takes plain literals');
SELECT lives_ok($$SELECT remigrate.apply(name => 'm', script => 'SELECT 1', target_schema => 'public', lock_timeout => '5 s', migration_lock_wait => '5 s', on_edited => 'error', concurrently => 'error', resume_at => 1, on_duplicate => 'error')$$, 'and by name, for its policies too');
SELECT is_empty($$SELECT f.identity, g.identity FROM functions f JOIN functions g ON f.proname = g.proname AND f.oid < g.oid
		WHERE NOT (f.identity ~ '\mtext\M' AND replace(f.identity, 'bytea', 'text') = replace(g.identity, 'bytea', 'text'))$$,
	'two forms of a name differ in text and bytea alone');

SELECT * FROM finish();
ROLLBACK;
