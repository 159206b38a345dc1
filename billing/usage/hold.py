"""A hold: credit set aside for usage whose price isn't known yet.

It ends once: captured, released or expired; only `move` changes the state. What isn't captured returns to
its sources and out of its moment's windows.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import msgspec
from msgspec.structs import replace

from billing.engine.batch_state import ReadSet, WorkingSet
from billing.topups.topup import DuplicateReference
from kernel.clock import SECOND_US
from kernel.errors import DomainError, NotFound
from kernel.tenant import Tenant
from keys import caps
from store.database import BatchRead, Rows, Transaction
from store.keyset import NEWEST, Keyset
from store.row_mapping import NULL_AS_ZERO, WORDS_OR_NULL, RowMapping, as_json

HoldStatus = Literal["held", "captured", "released", "expired"]
# A capture above the amount is cut to it, or the wallet pays the rest and owes what it lacks. Otherwise it is
# refused.
Overage = Literal["cap", "owe"]
HoldPart = tuple[str, int]  # ledger account id, micros

HINT = "holds"
# The worker checks at least this often; a hold that ends sooner wakes it.
LOOK_US = 30 * SECOND_US
# docs/states.md has the diagram.
MOVES: Mapping[HoldStatus, frozenset[HoldStatus]] = {
    "held": frozenset({"captured", "released", "expired"}),
    "captured": frozenset(),
    "released": frozenset(),
    "expired": frozenset(),
}


class HoldEnded(DomainError):
    pass


class Hold(msgspec.Struct, frozen=True, gc=False):
    """`expires_at` is by the tenant's own clock. Capturing follows the order of `sources`."""

    id: str
    account_id: str
    environment: str
    spent_by: tuple[str, ...]
    status: HoldStatus
    amount_micros: int
    captured_micros: int
    description: str
    model: str | None
    reference: str | None
    sources: tuple[HoldPart, ...]
    created_at: int
    expires_at: int
    ended_at: int | None = None
    overage: Overage | None = None
    overage_micros: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    price_version: int | None = None
    counted_day: int | None = None
    counted_in: str | None = None  # what counts it beside days and months; keys/caps.py

    @property
    def tenant(self) -> Tenant:
        return Tenant(self.account_id, self.environment)

    @property
    def counted_at(self) -> int:
        return caps.counted_at(self.counted_in, self.created_at)

    def at(self, account_now_us: int) -> "Hold":
        is_over = self.status == "held" and self.expires_at <= account_now_us
        return replace(self, status="expired") if is_over else self

    def unused(self, captured_micros: int) -> list[HoldPart]:
        parts = []
        for source_id, micros in self.sources:
            used = min(micros, captured_micros)
            captured_micros -= used
            if micros > used:
                parts.append((source_id, micros - used))
        return parts


def check_open(hold: Hold, account_now_us: int, status: HoldStatus | None = None) -> None:
    is_over = hold.expires_at <= account_now_us
    if hold.status == "held" and (not is_over or status == "expired"):
        return
    found = hold.status if hold.status != "held" else "expired"
    raise HoldEnded(
        f"The hold has already ended: {found}." if found != "expired" else "The hold has expired.",
        reason=found,
        extra={"hold_id": hold.id, "hold_status": found},
    )


def move(
    hold: Hold, status: HoldStatus, *, now_us: int, account_now_us: int, captured_micros: int = 0
) -> Hold:
    is_over = hold.expires_at <= account_now_us
    assert is_over or status != "expired", "a hold does not expire early"
    check_open(hold, account_now_us, status)
    assert status in MOVES[hold.status], "an open hold ends in any way"
    return replace(hold, status=status, captured_micros=captured_micros, ended_at=now_us)


class HoldWorkingSet(WorkingSet):
    rank = 50

    def __init__(self) -> None:
        self.ids: set[str] = set()
        self.references: set[tuple[str, str, str]] = set()
        self._holds: dict[str, Hold] = {}
        self._used: dict[tuple[str, str, str], tuple[str, HoldStatus]] = {}
        self._new: dict[str, Hold] = {}
        self._changed: dict[str, Hold] = {}

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        if self.ids:
            rows = await tx.fetch(_BY_IDS, ids=sorted(self.ids))
            # A hold of a tenant that isn't locked here doesn't exist here.
            found = [hold for hold in map(_ROWS.read, rows) if hold.tenant in read_set.tenants]
            self._holds = {hold.id: hold for hold in found}
        for hold in self._holds.values():
            read_set.ledger_ids.update(source_id for source_id, _ in hold.sources)
            if hold.overage == "owe":
                # What is captured above the amount is spent now, on the present caps.
                read_set.key_ids.update(hold.spent_by)
            read_set.windows.update(
                (key_id, period, start)
                for key_id in hold.spent_by
                for period, start in caps.windows_of(hold.counted_at)
            )
            read_set.windows.update(caps.read_places(hold.counted_in))

    def readings(self) -> Sequence[BatchRead]:
        wanted = sorted(self.references)
        return [BatchRead(_REFERENCES if wanted else "", self._take_references, pairs=wanted)]

    def _take_references(self, rows: Rows) -> None:
        self._used = {(row[0], row[1], row[2]): (row[3], row[4]) for row in rows}

    async def update(self, tx: Transaction, now_us: int) -> None:
        if any(hold.expires_at < now_us + LOOK_US for hold in self._new.values()):
            tx.hint(HINT)

    async def insert(self, tx: Transaction) -> None:
        rows = [_ROWS.write(one) for one in self._new.values()]
        await tx.insert_deferred("holds", _ROWS.columns, rows)
        if self._changed:
            await _update(tx, list(self._changed.values()))

    def get(self, hold_id: str, tenant: Tenant) -> Hold:
        found = self._holds.get(hold_id)
        if found is None or found.tenant != tenant:
            raise NotFound("Hold", param="hold_id")
        return found

    def check_reference(self, tenant: Tenant, reference: str) -> None:
        seen = self._used.get((*tenant, reference))
        if seen is not None:
            raise DuplicateReference(
                "The `reference` was already used.",
                param="reference",
                extra={"hold_id": seen[0], "hold_status": seen[1]},
            )

    def add(self, hold: Hold) -> None:
        self.changes += 1
        self._holds[hold.id] = self._new[hold.id] = hold
        if hold.reference is not None:
            self._used[*hold.tenant, hold.reference] = (hold.id, hold.status)

    def change(self, hold: Hold) -> None:
        self.changes += 1
        self._holds[hold.id] = hold
        (self._new if hold.id in self._new else self._changed)[hold.id] = hold


async def find(tx: Transaction, hold_id: str, tenant: Tenant) -> Hold:
    row = await tx.fetch_one(_BY_ID, id=hold_id)
    found = None if row is None else _ROWS.read(row)
    if found is None or found.tenant != tenant:
        raise NotFound("Hold", param="hold_id")
    return found


async def page(
    tx: Transaction,
    tenant: Tenant,
    *,
    is_open_only: bool = False,
    before_id: str | None = None,
    limit: int,
) -> list[Hold]:
    rows = await _PAGES.page(
        tx, tenant, before_id=before_id or NEWEST, limit=limit, is_open_only=is_open_only
    )
    return [_ROWS.read(row) for row in rows]


async def due(
    tx: Transaction, *, now_us: int, limit: int, exclude_ids: Sequence[str] = ()
) -> dict[Tenant, list[str]]:
    rows = await tx.fetch(
        """SELECT d.id, d.account_id, d.environment FROM (
               SELECT * FROM (
                   SELECT id, account_id, environment FROM holds
                   WHERE status = 'held' AND expires_at <= :now
                     AND NOT id IN :exclude_ids[text]
                   ORDER BY expires_at LIMIT :limit) AS plain
               UNION
               SELECT h.id, h.account_id, h.environment
               FROM account_environments e
               CROSS JOIN holds h
               WHERE e.clock_ahead_us > 0
                 AND h.account_id = e.account_id AND h.environment = e.environment
                 AND h.status = 'held' AND h.expires_at <= :now + e.clock_ahead_us
                 AND NOT h.id IN :exclude_ids[text]
           ) AS d LIMIT :limit""",
        now=now_us,
        limit=limit,
        exclude_ids=exclude_ids,
    )
    found: dict[Tenant, list[str]] = {}
    for row in rows:
        found.setdefault(Tenant(row["account_id"], row["environment"]), []).append(row["id"])
    return found


async def next_due_at(tx: Transaction) -> int | None:
    row = await tx.fetch_one(
        """SELECT MIN(d.due_at) AS due_at FROM (
               SELECT MIN(expires_at) AS due_at FROM holds WHERE status = 'held'
               UNION ALL
               SELECT MIN(h.expires_at - e.clock_ahead_us)
               FROM account_environments e
               CROSS JOIN holds h
               WHERE e.clock_ahead_us > 0
                 AND h.account_id = e.account_id AND h.environment = e.environment
                 AND h.status = 'held') AS d"""
    )
    return None if row is None or row["due_at"] is None else int(row["due_at"])


async def _update(tx: Transaction, holds: Sequence[Hold]) -> None:
    await tx.execute_deferred(
        f"""UPDATE holds SET {_CHANGED.assigned}
            FROM :rows[id text, {_CHANGED.typed}] AS v
            WHERE holds.id = v.id AND holds.status = 'held'""",
        touching=len(holds),
        rows=[(one.id, *_CHANGED.write(one)) for one in sorted(holds, key=lambda one: one.id)],
    )


_ROWS = RowMapping(
    Hold,
    stored={
        "spent_by": WORDS_OR_NULL,
        "sources": as_json(tuple[HoldPart, ...]),
        "overage_micros": NULL_AS_ZERO,
    },
)
_CHANGED = _ROWS.part(
    "status",
    "captured_micros",
    "overage_micros",
    "model",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "price_version",
    "counted_day",
    "expires_at",
    "ended_at",
)
_BY_ID = f"SELECT {_ROWS.listed} FROM holds WHERE id = :id"
_REFERENCES = """
    SELECT h.account_id, h.environment, h.reference, h.id, h.status
    FROM :pairs[account_id text, environment text, reference text] AS v
    CROSS JOIN holds h
    WHERE h.account_id = v.account_id AND h.environment = v.environment
      AND h.reference = v.reference"""
_BY_IDS = f"SELECT {_ROWS.listed} FROM holds WHERE id IN :ids[text]"
_PAGES = Keyset(
    _ROWS.listed,
    "holds",
    "account_id = :account_id AND environment = :environment",
    filters={"is_open_only": "status = 'held'"},
)
