"""What endpoints keep sealed moves to the newest master key. Writes the sealed columns of endpoints."""

from typing import Final

from keys.vault import Vault
from store.database import Transaction
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


async def reseal_some(tx: Transaction, vault: Vault, *, after_id: str) -> str | None:
    """Seals a bounded number of endpoints, in id order, under the newest master key.

    Returns the last id looked at, to go on after, or null when there are no more. Raises
    keys.vault.SealBroken when a master key is missing.
    """
    rows = await tx.fetch(_SEALED, after_id=after_id, rows=RESEAL_ROWS)
    for row in rows:
        id_ = row["id"]
        columns = {
            column: resealed(vault, id_, row[column], purpose=purpose)
            for column, purpose in _PURPOSES.items()
        }
        if any(columns[column] is not row[column] for column in _PURPOSES):
            await update(tx, "endpoints", {"id": id_}, columns)
    return rows[-1]["id"] if rows else None
