"""Re-encrypt endpoints' secrets and headers with the newest master key."""

import logging
from typing import Any, Final

from keys.vault import SealBroken, Vault
from store.database import Row, Transaction
from store.row_mapping import update
from webhooks.deliveries.sealed import (
    HEADERS_PURPOSE,
    OLDER_PURPOSE,
    SECRET_PURPOSE,
    SIGNING_PURPOSE,
    resealed,
)

RESEAL_ROWS: Final = 100

_PURPOSES = {
    "secret_sealed": SECRET_PURPOSE,
    "previous_secret_sealed": OLDER_PURPOSE,
    "headers_sealed": HEADERS_PURPOSE,
    "signing_keys_sealed": SIGNING_PURPOSE,
}
_SEALED = f"""
SELECT id, {", ".join(_PURPOSES)} FROM endpoints WHERE id > :after_id AND deleted_at IS NULL
ORDER BY id LIMIT :rows FOR NO KEY UPDATE
"""


_OLDER_COLUMNS: Final = " OR ".join(
    f"SUBSTR({column}, 1, :length) <> :header" for column in _PURPOSES
)
_OLDER: Final = f"""
SELECT COUNT(*) AS older FROM sealed_keys WHERE SUBSTR(sealed, 1, :length) <> :header
UNION ALL SELECT COUNT(*) FROM endpoints WHERE deleted_at IS NULL AND ({_OLDER_COLUMNS})
UNION ALL SELECT COUNT(*) FROM idempotency_keys
WHERE is_sealed = 1 AND SUBSTR(body, 1, :length) <> :header
"""
_log = logging.getLogger(__name__)


async def reseal_some(tx: Transaction, vault: Vault, *, after_id: str) -> str | None:
    """Re-encrypt a limited number of endpoints, in order of ID. Return the last ID, or None at the end.

    Values that can't be decrypted are logged and left unchanged.
    """
    rows = await tx.fetch(_SEALED, after_id=after_id, rows=RESEAL_ROWS)
    for row in rows:
        columns = _changed(vault, row)
        if columns:
            await update(tx, "endpoints", {"id": row["id"]}, columns)
    return rows[-1]["id"] if rows else None


async def count_older(tx: Transaction, vault: Vault) -> int:
    header = vault.newest_header
    rows = await tx.fetch(_OLDER, header=header, length=len(header))
    return sum(int(row["older"]) for row in rows)


def _changed(vault: Vault, row: Row) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for column, purpose in _PURPOSES.items():
        try:
            sealed = resealed(vault, row["id"], row[column], purpose=purpose)
        except SealBroken as error:
            _log.error("secrets.seal_broken", extra={"endpoint_id": row["id"], "error": str(error)})
            continue
        if sealed is not row[column]:
            columns[column] = sealed
    return columns
