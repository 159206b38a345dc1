"""What endpoints keep sealed moves to the newest master key. Writes the sealed columns of endpoints."""

import logging
from typing import Any, Final

from keys.vault import SealBroken, Vault
from store.database import Row, Transaction
from store.update import update
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


_log = logging.getLogger(__name__)


async def reseal_some(tx: Transaction, vault: Vault, *, after_id: str) -> str | None:
    """Seals a bounded number of endpoints, in id order, under the newest master key.

    One that does not open, as where a master key is missing, stays as it is and is logged; the others go on.
    Returns the last id looked at, to go on after, or null when there are no more.
    """
    rows = await tx.fetch(_SEALED, after_id=after_id, rows=RESEAL_ROWS)
    for row in rows:
        columns = _changed(vault, row)
        if columns:
            await update(tx, "endpoints", {"id": row["id"]}, columns)
    return rows[-1]["id"] if rows else None


def _changed(vault: Vault, row: Row) -> dict[str, Any]:
    """The columns that are sealed anew."""
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
