"""Fulfilment attempts: each turn of a top-up at a supplier, and its outcome.

An attempt is written before the supplier is called. Only the last one can be open.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self

import msgspec
from msgspec.structs import replace

from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.topups.platform import Source
from billing.topups.topup import TopUp
from kernel.storable import storable
from kernel.tenant import Tenant
from store.database import Transaction
from store.row_mapping import RowMapping

AttemptOutcome = Literal[
    "requested", "waiting", "unknown", "delivered", "refused", "dropped", "revoked", "kept"
]
OPEN = frozenset({"requested", "waiting", "unknown"})
DETAIL_CHARACTERS_MAX = 200
# The most attempts stored for a top-up; switching between suppliers adds one.
ATTEMPTS_MAX = 100


class Attempt(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """`requests_made` counts calls in this turn. `dropped`: an operator ended it without the supplier's
    word.
    """

    transaction_id: str
    number: int
    account_id: str
    environment: str
    recipient_email: str
    supplier: str
    kind: str
    outcome: AttemptOutcome = "requested"
    detail: str | None = None
    requests_made: int = 1
    requested_at: int
    last_requested_at: int
    ended_at: int | None = None
    prepared: str | None = None
    left_over: str | None = None
    cost_cents: int | None = None

    @property
    def is_open(self) -> bool:
        return self.ended_at is None

    def noted(
        self, outcome: AttemptOutcome, *, now_us: int, detail: str | None = None, **more: Any
    ) -> Self:
        kept = None if detail is None else storable(detail, characters_max=DETAIL_CHARACTERS_MAX)
        ended_at = None if outcome in OPEN else now_us
        return replace(self, outcome=outcome, detail=kept, ended_at=ended_at, **more)


class AttemptWorkingSet(WorkingSet):
    rank = 11

    def __init__(self) -> None:
        self.topup_ids: set[str] = set()
        # (environment, supplier, account, recipient) -> the one open attempt that blocks it.
        self.recipients: set[tuple[str, str, str, str]] = set()
        self._attempts: dict[str, list[Attempt]] = {}
        self._open: dict[tuple[str, str, str, str], set[str]] = {}
        self._left: dict[tuple[str, str, str, str], str] = {}
        self._new: dict[tuple[str, int], Attempt] = {}
        self._changed: dict[tuple[str, int], Attempt] = {}
        self._new_left: dict[tuple[str, str, str, str], tuple[str, int]] = {}

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        for one in await load(tx, self.topup_ids):
            self._attempts.setdefault(one.transaction_id, []).append(one)
        if self.recipients:
            wanted = sorted(self.recipients)
            for row in await tx.fetch(_OPEN, wanted=wanted):
                self._open.setdefault((row[0], row[1], row[2], row[3]), set()).add(row[4])
            for row in await tx.fetch(_LEFT, wanted=wanted):
                self._left[row[0], row[1], row[2], row[3]] = row[4]

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        if not self._changed:
            return
        rows = [_CHANGED.write(one) for _, one in sorted(self._changed.items())]
        changed = await tx.execute(_UPDATE, rows=rows)
        assert changed == len(rows), "an open attempt vanished under the lock"

    async def insert(self, tx: Transaction) -> None:
        await tx.insert_deferred(
            "fulfilment_attempts", _ROWS.columns, [_ROWS.write(one) for one in self._new.values()]
        )
        await tx.insert_deferred(
            "supplier_recipients",
            ("environment", "supplier", "account_id", "recipient_email", "left_over", "changed_at"),
            [(*place, *left) for place, left in sorted(self._new_left.items())],
            on_conflict=_LEFT_BEFORE,
        )

    def of(self, topup_id: str) -> Sequence[Attempt]:
        return self._attempts.get(topup_id, ())

    def open_of(self, topup_id: str) -> Attempt | None:
        attempts = self._attempts.get(topup_id)
        return attempts[-1] if attempts and attempts[-1].is_open else None

    def others_open(self, topup_id: str, place: tuple[str, str, str, str]) -> bool:
        return bool(self._open.get(place, set()) - {topup_id})

    def left_of(self, place: tuple[str, str, str, str]) -> str | None:
        return self._left.get(place)

    def request(self, topup: TopUp, source: Source, now_us: int) -> Attempt:
        is_open = self.open_of(topup.id)
        if is_open is not None:
            again = replace(
                is_open,
                outcome="requested",
                requests_made=is_open.requests_made + 1,
                last_requested_at=now_us,
            )
            self.change(again)
            return again
        new = Attempt(
            transaction_id=topup.id,
            number=len(self.of(topup.id)) + 1,
            account_id=topup.account_id,
            environment=topup.environment,
            recipient_email=topup.recipient_email,
            supplier=source.id,
            kind=source.kind,
            requested_at=now_us,
            last_requested_at=now_us,
        )
        self.changes += 1
        self._attempts.setdefault(topup.id, []).append(new)
        self._new[topup.id, new.number] = new
        self._open.setdefault(place_of(new), set()).add(topup.id)
        return new

    def change(self, attempt: Attempt) -> None:
        self.changes += 1
        self._attempts[attempt.transaction_id][-1] = attempt
        place = (attempt.transaction_id, attempt.number)
        (self._new if place in self._new else self._changed)[place] = attempt
        if not attempt.is_open:
            self._open.get(place_of(attempt), set()).discard(attempt.transaction_id)

    def leave(self, attempt: Attempt, left_over: str, now_us: int) -> None:
        self.changes += 1
        place = place_of(attempt)
        self._left[place] = left_over
        self._new_left[place] = (left_over, now_us)


def place_of(attempt: Attempt) -> tuple[str, str, str, str]:
    return (attempt.environment, attempt.supplier, attempt.account_id, attempt.recipient_email)


def attempts_of(state: BatchState) -> AttemptWorkingSet:
    return state.working_set(AttemptWorkingSet)


async def load(tx: Transaction, topup_ids: Iterable[str]) -> Sequence[Attempt]:
    rows = await tx.fetch(
        f"""SELECT {_ROWS.listed} FROM fulfilment_attempts
            WHERE transaction_id IN :ids[text] ORDER BY transaction_id, number""",
        ids=sorted(set(topup_ids)),
    )
    return [_ROWS.read(row) for row in rows]


async def count_open(tx: Transaction, environment: str, supplier: str) -> int:
    row = await tx.fetch_one(
        """SELECT COUNT(*) AS attempts FROM fulfilment_attempts
           WHERE environment = :environment AND supplier = :supplier AND ended_at IS NULL""",
        environment=environment,
        supplier=supplier,
    )
    return 0 if row is None else int(row["attempts"])


async def note_prepared(tx: Transaction, attempt: Attempt, prepared: str) -> bool:
    """Write what was prepared, before the supplier is called; return False if the turn has passed."""
    changed = await tx.execute(
        """UPDATE fulfilment_attempts SET prepared = :prepared
           WHERE transaction_id = :id AND number = :number AND requests_made = :requests_made AND ended_at IS NULL""",
        prepared=prepared,
        id=attempt.transaction_id,
        number=attempt.number,
        requests_made=attempt.requests_made,
    )
    return changed == 1


async def lock_turn(
    tx: Transaction, transaction_id: str, supplier: str, requests_made: int
) -> bool:
    """Lock the supplier's newest call; return False if this is an older one, which may change nothing."""
    row = await tx.fetch_one(
        """SELECT number FROM fulfilment_attempts
           WHERE transaction_id = :id AND supplier = :supplier AND requests_made = :requests_made
             AND ended_at IS NULL FOR NO KEY UPDATE""",
        id=transaction_id,
        supplier=supplier,
        requests_made=requests_made,
    )
    return row is not None


async def left_of(
    tx: Transaction, tenant: Tenant, supplier: str, recipient_email: str
) -> str | None:
    row = await tx.fetch_one(
        """SELECT left_over FROM supplier_recipients
           WHERE environment = :environment AND supplier = :supplier
             AND account_id = :account_id AND recipient_email = :recipient_email""",
        environment=tenant.environment,
        supplier=supplier,
        account_id=tenant.account_id,
        recipient_email=recipient_email,
    )
    return None if row is None else str(row["left_over"])


_ROWS = RowMapping(Attempt)
_CHANGING = (
    "outcome",
    "detail",
    "requests_made",
    "last_requested_at",
    "ended_at",
    "left_over",
    "cost_cents",
)
_CHANGED = _ROWS.part("transaction_id", "number", *_CHANGING)
_UPDATE = f"""
UPDATE fulfilment_attempts SET {_ROWS.part(*_CHANGING).assigned} FROM :rows[{_CHANGED.typed}] AS v
WHERE fulfilment_attempts.transaction_id = v.transaction_id
  AND fulfilment_attempts.number = v.number AND fulfilment_attempts.ended_at IS NULL
"""
_WANTED = ":wanted[environment text, supplier text, account_id text, recipient_email text] AS v"
_SAME = """{0}.environment = v.environment AND {0}.supplier = v.supplier
  AND {0}.account_id = v.account_id AND {0}.recipient_email = v.recipient_email"""
_OPEN = f"""
SELECT a.environment, a.supplier, a.account_id, a.recipient_email, a.transaction_id
FROM {_WANTED} CROSS JOIN fulfilment_attempts a
WHERE {_SAME.format("a")} AND a.ended_at IS NULL
"""
_LEFT = f"""
SELECT r.environment, r.supplier, r.account_id, r.recipient_email, r.left_over
FROM {_WANTED} CROSS JOIN supplier_recipients r WHERE {_SAME.format("r")}
"""
_LEFT_BEFORE = """ON CONFLICT (environment, supplier, account_id, recipient_email)
DO UPDATE SET left_over = excluded.left_over, changed_at = excluded.changed_at"""
