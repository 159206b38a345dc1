"""Build Merkle trees as in RFC 6962, section 2.1 (now RFC 9162).

The leaves can be divided into complete subtrees of equal size; only the last may be smaller. A tree over their roots
has the same root as the whole tree. So a large tree can be stored and proved in pieces.
"""

import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, Final

import msgspec

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    if not hashes:
        return EMPTY_ROOT
    row = list(hashes)
    while len(row) > 1:
        row = _row_above(row)
    return row[0]


def audit_path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    assert 0 <= index < len(hashes), "the leaf lies in the tree"
    path: list[bytes] = []
    row = list(hashes)
    while len(row) > 1:
        sibling = index ^ 1
        if sibling < len(row):
            path.append(row[sibling])
        row, index = _row_above(row), index >> 1
    return path


def root_from_path(leaf: bytes, index: int, size: int, path: Sequence[bytes]) -> bytes | None:
    """Return the root that a path leads to (RFC 9162, section 2.1.3.2), or None if the path is invalid."""
    if not 0 <= index < size:
        return None
    node, last, found = index, size - 1, leaf
    for sibling in path:
        if last == 0 or len(sibling) != HASH_BYTES:
            return None
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        node, last = node >> 1, last >> 1
    return found if last == 0 else None


def _row_above(row: Sequence[bytes]) -> list[bytes]:
    above = [node_hash(row[at], row[at + 1]) for at in range(0, len(row) - 1, 2)]
    return [*above, row[-1]] if len(row) % 2 else above


SALT_BYTES: Final = 16
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
    """Return a leaf's salt. The salt keeps readers of a proof from guessing the content of other leaves."""
    return hmac.digest(seed, transfer_id.encode(errors="replace"), hashlib.sha256)[:SALT_BYTES]


def hash_of(transfer: SealedTransfer, salt: bytes) -> bytes:
    return leaf_hash(salt + msgspec.json.encode(transfer, order="sorted"))
