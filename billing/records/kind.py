"""Define the kinds of rows that the record log seals, and their leaves.

Only rows that never change again are sealed. A leaf contains the row's kind, ID, owner and time, and a salted
digest of its content.
"""

import hashlib
import hmac
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from billing.checkpoints.merkle import leaf_hash
from kernel.clock import DAY_US
from kernel.ids import least_id
from store.database import Row, Transaction

# The salts of an account's prunable rows from the same 30 days come from one seed.
PERIOD_US: Final = 30 * DAY_US
FOR_EVER: Final = -1
IDS_AT_ONCE: Final = 2_048
_FINAL: Final = frozenset({"delivered", "failed", "cancelled"})
_encode = msgspec.msgpack.Encoder().encode


class RecordSource(NamedTuple):
    name: str
    prefix: str
    select: str
    account_id: int
    environment: int
    created_at: int

    def least(self, at_us: int) -> str:
        return least_id(self.prefix, max(0, at_us))

    @property
    def table(self) -> str:
        return self.select.rpartition(" ")[2]


class Record(NamedTuple):
    """`content` is None while the row may still change."""

    kind: str
    id: str
    account_id: str
    environment: str
    created_at: int
    content: bytes | None

    @property
    def period(self) -> int:
        return period_of(self.kind, self.created_at)


def _source(name: str, prefix: str, table: str, *columns: str) -> RecordSource:
    places = [columns.index(one) for one in ("account_id", "environment", "created_at")]
    return RecordSource(name, prefix, f"SELECT {', '.join(columns)} FROM {table}", *places)


TRANSFER: Final = _source(
    "transfer",
    "trf",
    "transfers",
    *("id", "account_id", "environment", "debit_id", "credit_id", "amount_micros", "code"),
    *("transaction_id", "subject_id", "created_at"),
)
EVENT: Final = _source(
    "event",
    "evt",
    "events",
    *("id", "account_id", "environment", "event_no", "type", "transaction_id", "is_sample"),
    *("body", "code_at", "trace", "created_at"),
)
AUDIT: Final = _source(
    "audit",
    "adt",
    "audit_log",
    *("id", "environment", "account_id", "actor", "actor_account_id", "action", "subject_id"),
    *("before", "after", "reason", "is_security", "actor_kind", "address", "user_agent"),
    *("outcome", "created_at"),
)
DELIVERY: Final = _source(
    "delivery",
    "dlv",
    "deliveries",
    *("id", "event_id", "endpoint_id", "account_id", "environment", "event_type"),
    *("transaction_id", "status", "attempts_made", "replay_of", "replay_id", "code_at"),
    *("created_at", "settled_at"),
)
DOCUMENT: Final = _source(
    "document",
    "doc",
    "billing_documents",
    *("id", "account_id", "environment", "kind", "series", "sequence", "number", "subject_id"),
    *("order_id", "subscription_id", "amount", "currency", "facts", "dated_at", "created_at"),
)
ADJUSTMENT: Final = _source(
    "adjustment",
    "adj",
    "credit_adjustments",
    *("id", "account_id", "environment", "credits", "reason", "is_promotional", "expires_at"),
    "created_at",
)
SOURCES: Final = (TRANSFER, EVENT, AUDIT, DELIVERY, DOCUMENT, ADJUSTMENT)
PRUNED: Final = frozenset({"event", "delivery", "security"})
NAMES: Final[Mapping[str, str]] = {
    "transfer": "transfer",
    "event": "event",
    "audit": "audit entry",
    "security": "audit entry",
    "delivery": "delivery",
    "document": "billing document",
    "adjustment": "credit adjustment",
}
PLURALS: Final[Mapping[str, str]] = {
    "transfer": "transfers",
    "event": "events",
    "audit": "audit entries",
    "delivery": "deliveries",
    "document": "billing documents",
    "adjustment": "credit adjustments",
}
_IS_SECURITY: Final = 10
_STATUS: Final = 7
_ATTEMPTS: Final = """
SELECT delivery_id, number, id, started_at, duration_us, http_status, error, reason, remote_address,
    timings_ms, request_headers, body_sha256, response_body
FROM attempts WHERE delivery_id IN :ids[text] ORDER BY delivery_id, number
"""


def source_of(kind: str) -> RecordSource:
    return _BY_NAME["audit" if kind == "security" else kind]


def period_of(kind: str, created_at: int) -> int:
    return created_at // PERIOD_US if kind in PRUNED else FOR_EVER


async def read_after(
    tx: Transaction, source: RecordSource, after: str, before: str, *, limit: int
) -> Sequence[Record]:
    rows = await tx.fetch(
        f"{source.select} WHERE id > :after AND id < :before ORDER BY id LIMIT :rows",
        after=after,
        before=before,
        rows=limit,
    )
    return await _records(tx, source, rows)


async def read_ids(tx: Transaction, source: RecordSource, after: str, upto: str) -> Sequence[str]:
    rows = await tx.fetch(
        f"SELECT id FROM {source.table} WHERE id > :after AND id <= :upto ORDER BY id LIMIT :rows",
        after=after,
        upto=upto,
        rows=IDS_AT_ONCE,
    )
    return [row[0] for row in rows]


async def read_these(tx: Transaction, source: RecordSource, ids: Sequence[str]) -> Sequence[Record]:
    if not ids:
        return ()
    rows = await tx.fetch(f"{source.select} WHERE id IN :ids[text]", ids=sorted(ids))
    return await _records(tx, source, sorted(rows, key=lambda row: str(row[0])))


async def count_after(tx: Transaction, source: RecordSource, after: str) -> int:
    row = await tx.fetch_one(
        f"SELECT COUNT(*) AS number FROM {source.table} WHERE id > :after", after=after
    )
    return 0 if row is None else int(row[0])


async def _records(tx: Transaction, source: RecordSource, rows: Sequence[Row]) -> Sequence[Record]:
    attempts: Mapping[str, bytes] = {}
    if source is DELIVERY:
        attempts = await _attempts(tx, [row[0] for row in rows if row[_STATUS] in _FINAL])
    return [_record(source, [_plain(one) for one in row], attempts) for row in rows]


def _record(source: RecordSource, values: list[Any], attempts: Mapping[str, bytes]) -> Record:
    kind = source.name
    if source is AUDIT and values[_IS_SECURITY]:
        kind = "security"
    content: bytes | None = None
    if source is not DELIVERY:
        content = _encode(values)
    elif values[_STATUS] in _FINAL:
        content = _encode([*values, attempts.get(values[0], b"")])
    return Record(
        kind,
        values[0],
        values[source.account_id] or "",
        values[source.environment],
        values[source.created_at],
        content,
    )


async def _attempts(tx: Transaction, ids: Sequence[str]) -> Mapping[str, bytes]:
    if not ids:
        return {}
    found: defaultdict[str, list[list[Any]]] = defaultdict(list)
    for row in await tx.fetch(_ATTEMPTS, ids=sorted(ids)):
        found[row[0]].append([_plain(one) for one in row])
    return {id_: hashlib.sha256(_encode(rows)).digest() for id_, rows in found.items()}


def _plain(value: Any) -> Any:
    """Return binary values as bytes, because drivers return different types."""
    return value if value is None or isinstance(value, int | str) else bytes(value)


_BY_NAME: Final = {one.name: one for one in SOURCES}


SEED_BYTES: Final = 32
SALT_BYTES: Final = 16
_VERSION: Final = 1
_encode_leaf = msgspec.msgpack.Encoder().encode


class RecordLeaf(msgspec.Struct, frozen=True, gc=False):
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
            _encode_leaf(
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
