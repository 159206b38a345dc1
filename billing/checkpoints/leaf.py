"""A leaf of a checkpoint: a transfer's bytes behind its own salt.

The salt comes from the checkpoint's seed and the transfer's ID, so a neighbour's hash in a proof can't be
guessed. A receipt shows only its own transfers' salts.
"""

import hashlib
import hmac
from typing import Any, Final

import msgspec

from billing.checkpoints.merkle import leaf_hash

SALT_BYTES: Final = 16
# Leaves hashed before the rest of the process continues [1 ms].
HASHED_AT_ONCE: Final = 64
COLUMNS: Final = (
    "id, account_id, environment, debit_id, credit_id, amount_micros, code, transaction_id,"
    " subject_id, created_at"
)


class SealedTransfer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    id: str
    account_id: str
    environment: str
    debit_id: str
    credit_id: str
    amount_micros: int
    code: str
    transaction_id: str | None
    subject_id: str | None
    created_at: int


def of_row(row: Any) -> SealedTransfer:
    return SealedTransfer(
        id=row[0],
        account_id=row[1],
        environment=row[2],
        debit_id=row[3],
        credit_id=row[4],
        amount_micros=row[5],
        code=row[6],
        transaction_id=row[7],
        subject_id=row[8],
        created_at=row[9],
    )


def salt_of(seed: bytes, transfer_id: str) -> bytes:
    """Return 16 bytes that can't be known without the checkpoint's seed."""
    return hmac.digest(seed, transfer_id.encode(errors="replace"), hashlib.sha256)[:SALT_BYTES]


def hash_of(transfer: SealedTransfer, salt: bytes) -> bytes:
    return leaf_hash(salt + msgspec.json.encode(transfer, order="sorted"))
