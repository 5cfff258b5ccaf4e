--
-- triggers: event triggers, which run at the end of commands that commit, too
--
SET client_min_messages = warning;
CREATE SCHEMA events;
CREATE TABLE events.seen (number serial, tag text);
CREATE FUNCTION events.note() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	-- The server's DROP INDEX CONCURRENTLY allows for no writing before it.
	IF tg_event = 'ddl_command_start' THEN
		PERFORM tag FROM events.seen;
	ELSE
		INSERT INTO events.seen (tag) VALUES (tg_event || ' ' || tg_tag);
	END IF;
END $$;

-- The journal is made in the search_path of a script.
CREATE FUNCTION events.note_unqualified() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO seen (tag) VALUES (tg_event || ' ' || tg_tag);
END $$;
CREATE EVENT TRIGGER events_unqualified ON ddl_command_end EXECUTE FUNCTION events.note_unqualified();
SELECT remigrate.apply('0', 'CREATE TABLE zero ()', 'events');
DROP EVENT TRIGGER events_unqualified;
SELECT tag FROM events.seen ORDER BY number;
TRUNCATE events.seen;

CREATE EVENT TRIGGER events_start ON ddl_command_start EXECUTE FUNCTION events.note();
CREATE EVENT TRIGGER events_end ON ddl_command_end EXECUTE FUNCTION events.note();
CREATE EVENT TRIGGER events_drop ON sql_drop EXECUTE FUNCTION events.note();

CALL remigrate.migrate('1', 'CREATE TABLE t (a int, b int)', 'events');
CALL remigrate.migrate('2', 'CREATE INDEX CONCURRENTLY t_a ON t (a); ALTER TABLE t ADD COLUMN c int; CREATE INDEX CONCURRENTLY t_b ON t (b)', 'events');
CALL remigrate.migrate('3', 'DROP INDEX CONCURRENTLY t_a; VACUUM t', 'events');
SELECT remigrate.apply('4', 'CREATE INDEX CONCURRENTLY t_c ON t (c)', 'events', concurrently => 'inline');

-- An invalid index is dropped and built anew
CREATE TABLE events.u (a int);
INSERT INTO events.u VALUES (1), (1);
CALL remigrate.migrate('5', 'CREATE UNIQUE INDEX CONCURRENTLY u_a ON u (a)', 'events');
TRUNCATE events.u;
CALL remigrate.migrate('5', 'CREATE UNIQUE INDEX CONCURRENTLY u_a ON u (a)', 'events');
SELECT indisvalid FROM pg_index WHERE indexrelid = 'events.u_a'::regclass;

SELECT migration_name, state FROM remigrate.status('events');
SELECT tag FROM events.seen WHERE tag NOT LIKE '%TABLE' ORDER BY number;

DROP EVENT TRIGGER events_start;
DROP EVENT TRIGGER events_end;
DROP EVENT TRIGGER events_drop;
DROP SCHEMA events CASCADE;
DELETE FROM remigrate.registry WHERE target_schema = 'events';
