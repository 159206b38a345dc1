-- Puts account_id in front of each unique key of the distributed tables, while gateways and workers run:
--
--     psql -v ON_ERROR_STOP=1 -f keys.sql postgresql://…
--     psql -v ON_ERROR_STOP=1 -v all=1 -f keys.sql postgresql://…
--
-- The first call leaves out the tables whose keys the code names (ON CONFLICT). The second call includes them, so today's
-- gateways and workers can't write these tables any more (README.md). Each swap is one statement that waits at most two
-- seconds for its table. After a failure, repeat the call: it continues.
\set QUIET on
SET client_min_messages = error;
\if :{?all}
\else
    \set all 0
\endif
\ir places.sql
CREATE TEMP VIEW old_key AS
SELECT c.relname AS table_name, k.relname AS key_name, i.indisprimary AS is_primary,
    (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY place)
     FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS key(number, place)
     JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = number) AS columns,
    COALESCE(' WHERE ' || pg_get_expr(i.indpred, i.indrelid), '') AS condition
FROM pg_index i
JOIN pg_class c ON c.oid = i.indrelid
JOIN pg_class k ON k.oid = i.indexrelid
JOIN place p ON p.name = c.relname AND p.kind = 'distributed'
WHERE i.indisunique AND c.relnamespace = current_schema()::regnamespace AND k.relname NOT LIKE '%\_new'
  AND (:all = 1 OR p.name NOT IN ('endpoint_queue', 'notices', 'spend_windows')) AND NOT EXISTS (
    SELECT FROM pg_attribute a
    WHERE a.attrelid = c.oid AND a.attname = 'account_id' AND a.attnum = ANY(i.indkey::int2[]));

-- 1. Drop indexes that an earlier run left unfinished.
SELECT format('DROP INDEX CONCURRENTLY %I', k.relname)
FROM pg_index i JOIN pg_class k ON k.oid = i.indexrelid
WHERE NOT i.indisvalid AND (k.relname LIKE '%\_new' OR k.relname LIKE '%\_alone') \gexec

-- 2. Citus places rows together only if account_id has the same collation in all tables. Some migrations used the
-- database's default collation.
SET lock_timeout = '2s';
SELECT format('ALTER TABLE %I ALTER COLUMN account_id TYPE text COLLATE "C"', c.relname)
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid AND c.relnamespace = current_schema()::regnamespace
JOIN place p ON p.name = c.relname AND p.kind = 'distributed'
WHERE a.attname = 'account_id' AND a.attcollation <> 'pg_catalog."C"'::regcollation \gexec
RESET lock_timeout;

-- 3. Build the new key, and an index for look-ups by ID alone.
SELECT format('CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS %I ON %I (account_id, %s)%s',
    key_name || '_new', table_name, columns, condition) FROM old_key ORDER BY table_name, key_name \gexec
SELECT format('CREATE INDEX CONCURRENTLY IF NOT EXISTS %I ON %I (%s)%s',
    key_name || '_alone', table_name, columns, condition) FROM old_key ORDER BY table_name, key_name \gexec

-- 4. Swap the keys, with one statement for each key.
SET lock_timeout = '2s';
SELECT CASE WHEN is_primary THEN format(
        'ALTER TABLE %I DROP CONSTRAINT %I, ADD CONSTRAINT %I PRIMARY KEY USING INDEX %I',
        table_name, key_name, key_name, key_name || '_new')
    ELSE format('BEGIN; DROP INDEX %I; ALTER INDEX %I RENAME TO %I; COMMIT',
        key_name, key_name || '_new', key_name)
    END
FROM old_key ORDER BY table_name, key_name \gexec
