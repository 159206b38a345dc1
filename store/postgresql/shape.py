"""Read a database's tables from its catalogue; store/fingerprint.py says what counts."""

from store.database import Transaction
from store.fingerprint import fingerprints

_COLUMNS = """
    SELECT c.relname::text, a.attname::text, format_type(a.atttypid, a.atttypmod),
        a.attnotnull, a.atthasdef
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relnamespace = CURRENT_SCHEMA()::text::regnamespace AND c.relkind IN ('r', 'p')
        AND a.attnum > 0 AND NOT a.attisdropped"""
_INDEXES = """
    SELECT c.relname::text, i.indisunique, i.indpred IS NOT NULL, (
        SELECT STRING_AGG(COALESCE(a.attname::text, '()'), ',' ORDER BY place)
        FROM UNNEST(i.indkey::int2[]) WITH ORDINALITY AS key(number, place)
        LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = number AND number > 0
        WHERE place <= i.indnkeyatts)
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
    WHERE c.relnamespace = CURRENT_SCHEMA()::text::regnamespace"""


async def shape(tx: Transaction) -> dict[str, str]:
    return fingerprints(await tx.fetch(_COLUMNS), await tx.fetch(_INDEXES))
