"""A leaf of the record log: what a row was, in clear, and a salted digest of its content.

The tree covers both, so a leaf still proves after its row is gone. What remains says nothing without its
salt, and nobody has the seeds of an erased account or a pruned period.
"""

import hashlib
import hmac
from typing import Final

import msgspec

from billing.checkpoints.merkle import leaf_hash
from billing.records.kind import Record, period_of

SEED_BYTES: Final = 32
SALT_BYTES: Final = 16
_VERSION: Final = 1
_encode = msgspec.msgpack.Encoder().encode


class RecordLeaf(msgspec.Struct, frozen=True, gc=False):
    """account_id is empty if the row has none."""

    kind: str
    id: str
    account_id: str
    environment: str
    created_at: int
    digest: bytes

    @property
    def seed_name(self) -> tuple[str, int]:
        return self.account_id, period_of(self.kind, self.created_at)

    def hash(self) -> bytes:
        return leaf_hash(
            _encode(
                (
                    _VERSION,
                    self.kind,
                    self.id,
                    self.account_id,
                    self.environment,
                    self.created_at,
                    self.digest,
                )
            )
        )


def digest_of(content: bytes, seed: bytes, id_: str) -> bytes:
    salt = hmac.digest(seed, id_.encode(errors="replace"), hashlib.sha256)[:SALT_BYTES]
    return hashlib.sha256(salt + content).digest()


def leaf_of(record: Record, seed: bytes) -> RecordLeaf:
    assert record.content is not None, "what may still change has no leaf"
    return RecordLeaf(
        record.kind,
        record.id,
        record.account_id,
        record.environment,
        record.created_at,
        digest_of(record.content, seed, record.id),
    )
