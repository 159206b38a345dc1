"""Hold credit for usage whose price isn't known yet.

A hold ends once, and only `move` changes its state. Credit that isn't captured returns to its sources. It no longer
counts toward the caps of the period in which it was held.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal

import msgspec
from msgspec.structs import replace

from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.topups.send import AmountOutOfRange
from billing.topups.topup import DuplicateReference
from billing.usage.price_list import Tokens
from billing.usage.price_rows import PriceWorkingSet
from billing.usage.usage import check_priced, check_spendable
from billing.usage.usage_day import Spent, UsageDays
from kernel.clock import DAY_US, SECOND_US
from kernel.errors import DomainError, InvalidInput, NotFound
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys import caps
from keys.principal import Principal
from store.database import BatchRead, Rows, Transaction
from store.keyset import NEWEST, Begin, Keyset
from store.row_mapping import NULL_AS_ZERO, WORDS_OR_NULL, RowMapping, as_json

HoldStatus = Literal["held", "captured", "released", "expired"]
# What to do if a capture is above the held amount. "cap" reduces it to that amount. "owe" charges the wallet for
# the rest. The account owes what the wallet lacks. Without either, the capture is refused.
Overage = Literal["cap", "owe"]
HoldPart = tuple[str, int]  # ledger account ID and amount in micros

HINT = "holds"
# The worker checks at least this often. A hold that expires sooner wakes the worker.
LOOK_US = 30 * SECOND_US
MOVES: Mapping[HoldStatus, frozenset[HoldStatus]] = {
    "held": frozenset({"captured", "released", "expired"}),
    "captured": frozenset(),
    "released": frozenset(),
    "expired": frozenset(),
}


class HoldEnded(DomainError):
    pass


class Hold(msgspec.Struct, frozen=True, gc=False):
    """A hold. `expires_at` is on the tenant's clock. A capture takes credit from `sources` in order."""

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
    # the rows of spend_windows that count this hold, except its day's and month's (keys/caps.py)
    counted_in: str | None = None

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
            found = [hold for hold in map(_ROWS.read, rows) if hold.tenant in read_set.tenants]
            self._holds = {hold.id: hold for hold in found}
        for hold in self._holds.values():
            read_set.ledger_ids.update(source_id for source_id, _ in hold.sources)
            if hold.overage == "owe":
                # The part of a capture above the held amount is spent now, so the current caps apply to it.
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
    open_at: int | None = None,
    before_id: Begin = None,
    limit: int,
) -> list[Hold]:
    pages = _PAGES if open_at is None else _OPEN_PAGES
    rows = await pages.page(tx, tenant, before_id=before_id or NEWEST, limit=limit, open_at=open_at)
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
_OWN = "account_id = :account_id AND environment = :environment"
_PAGES = Keyset(_ROWS.listed, "holds", _OWN)
_OPEN = f"{_OWN} AND status = 'held' AND expires_at > :open_at"
_OPEN_PAGES = Keyset(_ROWS.listed, "holds", _OPEN, is_short=True)


TIMES_MAX: Final = 10


def over_of(state: BatchState, hold: Hold, amount_micros: int) -> int:
    overage_micros = amount_micros - hold.amount_micros
    if overage_micros <= 0 or hold.overage == "cap":
        return 0
    if hold.overage is None:
        raise _out_of_range(hold, hold.amount_micros)
    if amount_micros > hold.amount_micros * TIMES_MAX:
        raise _out_of_range(hold, hold.amount_micros * TIMES_MAX)
    state.check_not_suspended(hold.tenant)
    ended = state.spending.end_of(hold.spent_by)
    if ended is not None:
        # A revoked key's caps can't be checked any more. A paused key may spend nothing.
        reason = "key_paused" if ended == "paused" else "key_ended"
        raise _out_of_range(hold, hold.amount_micros, reason=reason)
    state.spending.check(hold.tenant, hold.spent_by, overage_micros)
    return overage_micros


def charge_over(state: BatchState, hold: Hold, overage_micros: int) -> None:
    tenant, code = hold.tenant, Code.USAGE_OVERAGE
    used = state.ledger.account(tenant, LedgerAccountKind.USED)
    there = min(overage_micros, state.sendable_micros(tenant, is_own_use=True))
    if there:
        state.take(tenant, there, to=used, code=code, subject_id=hold.id, is_own_use=True)
    if overage_micros > there:
        owed = state.ledger.owed(tenant)
        state.move(owed, used, overage_micros - there, code, subject_id=hold.id)
    state.spending.spend(tenant, hold.spent_by, overage_micros)


def _out_of_range(hold: Hold, max_micros: int, *, reason: str | None = None) -> AmountOutOfRange:
    return AmountOutOfRange(
        f"At most {max_micros} micros can be captured from this hold.",
        param="amount_micros",
        reason=reason,
        extra={"hold_id": hold.id, "max_micros": max_micros},
    )


TTL_S = 900
TTL_S_MAX = 86_400
EXTENDED_US_MAX = 30 * DAY_US


class Held(msgspec.Struct, frozen=True, gc=False):
    hold: Hold
    balance_micros: int
    account_now_us: int


class PlaceHold(msgspec.Struct, frozen=True):
    hold_id: str
    tenant: Tenant
    lineage: tuple[str, ...]
    amount_micros: int
    ttl_s: int
    description: str
    model: str | None
    reference: str | None
    overage: Overage | None = None

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.key_ids.update(self.lineage)
        working_set = read_set.working_set(HoldWorkingSet)
        if self.reference is not None:
            working_set.references.add((*self.tenant, self.reference))

    def decide(self, state: BatchState) -> Held:
        working_set = state.working_set(HoldWorkingSet)
        state.check_alive(self.tenant, self.lineage)
        if self.reference is not None:
            working_set.check_reference(self.tenant, self.reference)
        check_spendable(state, self.tenant, self.lineage, self.amount_micros)
        parts = state.take(
            self.tenant,
            self.amount_micros,
            to=state.ledger.held(self.tenant),
            code=Code.USAGE_HOLD,
            subject_id=self.hold_id,
            is_own_use=True,
        )
        counted_in = state.spending.spend(self.tenant, self.lineage, self.amount_micros)
        hold = Hold(
            id=self.hold_id,
            account_id=self.tenant.account_id,
            environment=self.tenant.environment,
            spent_by=self.lineage,
            status="held",
            amount_micros=self.amount_micros,
            captured_micros=0,
            description=self.description,
            model=self.model,
            reference=self.reference,
            sources=tuple((part.debit_id, part.amount_micros) for part in parts),
            created_at=state.now_us,
            expires_at=state.now_of(self.tenant) + self.ttl_s * SECOND_US,
            overage=self.overage,
            counted_in=counted_in,
        )
        working_set.add(hold)
        return _held(state, hold)


class CaptureHold(msgspec.Struct, frozen=True):
    """Capture an amount, tokens at their price, or the whole hold. Errors about the amount name `amount_param`."""

    hold_id: str
    tenant: Tenant
    amount_micros: int | None
    tokens: Tokens | None = None
    model: str | None = None
    amount_param: str = "amount_micros"

    def declare(self, read_set: ReadSet) -> None:
        read_set.places.add((*self.tenant, LedgerAccountKind.USED, ""))
        _declare(read_set, self.tenant, self.hold_id)
        read_set.working_set(UsageDays)
        if self.tokens is not None:
            read_set.working_set(PriceWorkingSet).environments.add(self.tenant.environment)

    def decide(self, state: BatchState) -> Held:
        hold = state.working_set(HoldWorkingSet).get(self.hold_id, self.tenant)
        check_open(hold, state.now_of(self.tenant))
        hold, amount_micros = self._priced(state, hold)
        within_micros = min(amount_micros, hold.amount_micros)
        try:
            overage_micros = over_of(state, hold, amount_micros)
        except DomainError as error:
            error.rename({"amount_micros": self.amount_param})
            raise
        hold = self._counted(state, hold, within_micros + overage_micros)
        if overage_micros:
            charge_over(state, hold, overage_micros)
        ended = _end(
            state,
            replace(hold, overage_micros=overage_micros),
            "captured",
            captured_micros=within_micros,
        )
        return _held(state, ended)

    def _priced(self, state: BatchState, hold: Hold) -> tuple[Hold, int]:
        if self.tokens is None:
            micros = self.amount_micros
            return hold, hold.amount_micros if micros is None else micros
        model = self.model or hold.model
        if model is None:
            raise InvalidInput("`model` is required if the hold has no model.", param="model")
        price = state.working_set(PriceWorkingSet).of(self.tenant.environment).price_of(model)
        amount_micros = price.charge_micros(self.tokens)
        check_priced(amount_micros)
        used = self.tokens
        priced = replace(
            hold,
            model=model,
            input_tokens=used.input_tokens,
            output_tokens=used.output_tokens,
            cached_tokens=used.cached_tokens,
            price_version=price.version,
        )
        return priced, amount_micros

    def _counted(self, state: BatchState, hold: Hold, amount_micros: int) -> Hold:
        spent = Spent(
            hold.account_id,
            hold.environment,
            hold.created_at,
            hold.spent_by[0] if hold.spent_by else None,
            None,
            hold.model,
            amount_micros,
            hold.input_tokens,
            hold.output_tokens,
            hold.cached_tokens,
        )
        return replace(hold, counted_day=state.working_set(UsageDays).add(spent))


class ExtendHold(msgspec.Struct, frozen=True):
    hold_id: str
    tenant: Tenant
    ttl_s: int

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.tenant, self.hold_id)

    def decide(self, state: BatchState) -> Held:
        working_set = state.working_set(HoldWorkingSet)
        hold = working_set.get(self.hold_id, self.tenant)
        now_us = state.now_of(self.tenant)
        check_open(hold, now_us)
        if state.now_us - hold.created_at > EXTENDED_US_MAX:
            raise InvalidInput(
                "A hold made more than 30 days ago can't be extended. Capture or release it.",
                param="ttl_s",
            )
        extended = replace(hold, expires_at=max(hold.expires_at, now_us + self.ttl_s * SECOND_US))
        working_set.change(extended)
        return _held(state, extended)


class ReleaseHold(msgspec.Struct, frozen=True):
    hold_id: str
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        _declare(read_set, self.tenant, self.hold_id)

    def decide(self, state: BatchState) -> Held:
        hold = state.working_set(HoldWorkingSet).get(self.hold_id, self.tenant)
        return _held(state, _end(state, hold, "released"))


class ExpireHolds(msgspec.Struct, frozen=True):
    tenant: Tenant
    hold_ids: tuple[str, ...]

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(HoldWorkingSet).ids.update(self.hold_ids)

    def decide(self, state: BatchState) -> int:
        working_set = state.working_set(HoldWorkingSet)
        found = [working_set.get(hold_id, self.tenant) for hold_id in self.hold_ids]
        now_us = state.now_of(self.tenant)
        over = [hold for hold in found if hold.status == "held" and hold.expires_at <= now_us]
        for hold in over:
            _end(state, hold, "expired")
        return len(over)


def new_hold(
    principal: Principal,
    *,
    amount_micros: int,
    ttl_s: int = TTL_S,
    description: str,
    model: str | None = None,
    reference: str | None = None,
    overage: Overage | None = None,
) -> PlaceHold:
    return PlaceHold(
        hold_id=new_id("hld"),
        tenant=principal.tenant,
        lineage=principal.lineage,
        amount_micros=amount_micros,
        ttl_s=ttl_s,
        description=description,
        model=model,
        reference=reference,
        overage=overage,
    )


def _declare(read_set: ReadSet, tenant: Tenant, hold_id: str) -> None:
    read_set.tenants.add(tenant)
    read_set.working_set(HoldWorkingSet).ids.add(hold_id)


def _end(state: BatchState, hold: Hold, status: HoldStatus, *, captured_micros: int = 0) -> Hold:
    assert captured_micros <= hold.amount_micros, "what lies above the amount is charged beside it"
    tenant = hold.tenant
    ended = move(
        hold,
        status,
        now_us=state.now_us,
        account_now_us=state.now_of(tenant),
        captured_micros=captured_micros,
    )
    held = state.ledger.held(tenant)
    if captured_micros:
        used = state.ledger.account(tenant, LedgerAccountKind.USED)
        state.move(held, used, captured_micros, Code.USAGE_CAPTURE, subject_id=hold.id)
    for source_id, micros in hold.unused(captured_micros):
        source = state.ledger.by_id(source_id)
        state.move(held, source, micros, Code.USAGE_RELEASE, subject_id=hold.id)
    rest_micros = hold.amount_micros - captured_micros
    if rest_micros:
        state.spending.release(tenant, hold.spent_by, rest_micros, hold.counted_at, hold.counted_in)
    state.working_set(HoldWorkingSet).change(ended)
    return ended


def _held(state: BatchState, hold: Hold) -> Held:
    balance_micros = state.ledger.balance_micros(hold.tenant, state.now_us)
    return Held(hold, balance_micros, state.now_of(hold.tenant))
