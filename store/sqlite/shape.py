"""Read a database's tables from its catalogue; store/fingerprint.py says what counts."""

from store.database import Transaction
from store.fingerprint import fingerprints

_COLUMNS = """
    SELECT m.name, c.name, c.type, c."notnull", c.dflt_value IS NOT NULL
    FROM sqlite_master m JOIN pragma_table_info(m.name) c
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"""
_INDEXES = """
    SELECT m.name, l."unique", l.partial, (
        SELECT GROUP_CONCAT(COALESCE(k.name, '()'), ',')
        FROM (SELECT name FROM pragma_index_info(l.name) ORDER BY seqno) AS k)
    FROM sqlite_master m JOIN pragma_index_list(m.name) l
    WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'"""


async def shape(tx: Transaction) -> dict[str, str]:
    return fingerprints(await tx.fetch(_COLUMNS), await tx.fetch(_INDEXES))
