-- Turns a database with all keys of keys.sql into a distributed one. Gateways and workers are stopped meanwhile.
--
--     psql -v ON_ERROR_STOP=1 -f distribute.sql postgresql://coordinator…
--
-- Rows that are there are moved to the machines that citus_add_node named before.
\set QUIET on
SET client_min_messages = error;
\ir places.sql
SELECT format('SELECT create_reference_table(%L)', name) FROM place WHERE kind = 'reference' ORDER BY name \gexec
SELECT format('SELECT create_distributed_table(%L, %L, colocate_with => %L)', name, 'account_id',
    CASE WHEN name = 'account_environments' THEN 'none' ELSE 'account_environments' END)
FROM place WHERE kind = 'distributed' ORDER BY name \gexec
SELECT format('SELECT truncate_local_data_after_distributing_table(%L)', name)
FROM place WHERE kind <> 'whole' ORDER BY name \gexec
