-- Distributes a database in which keys.sql changed all keys. Stop gateways and workers first.
--
--     psql -v ON_ERROR_STOP=1 -f distribute.sql postgresql://coordinator…
--
-- Existing rows move to the machines that you added with citus_add_node.
\set QUIET on
SET client_min_messages = error;
\ir places.sql
SELECT format('SELECT create_reference_table(%L)', name) FROM place WHERE kind = 'reference' ORDER BY name \gexec
SELECT format('SELECT create_distributed_table(%L, %L, colocate_with => %L)', name, 'account_id',
    CASE WHEN name = 'account_environments' THEN 'none' ELSE 'account_environments' END)
FROM place WHERE kind = 'distributed' ORDER BY name \gexec
SELECT format('SELECT truncate_local_data_after_distributing_table(%L)', name)
FROM place WHERE kind <> 'whole' ORDER BY name \gexec
