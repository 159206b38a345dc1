"""Commands on holds: set credit aside, capture, extend, release and expire.

A hold debits the wallet and counts in the caps at once. Its end moves all of it: what was captured to USED,
the rest back.
"""

from typing import Final

import msgspec
from msgspec.structs import replace

from billing.engine.batch_state import BatchState, ReadSet
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.topups.send import AmountOutOfRange
from billing.usage.hold import Hold, HoldStatus, HoldWorkingSet, Overage, check_open, move
from billing.usage.price_list import Tokens
from billing.usage.price_rows import PriceWorkingSet
from billing.usage.usage import check_priced, check_spendable
from billing.usage.usage_day import Spent, UsageDays
from kernel.clock import DAY_US, SECOND_US
from kernel.errors import DomainError, InvalidInput
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.principal import Principal

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
        # The caps of its lineage can't be checked any more; a paused key spends nothing.
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
        f"At most {max_micros} micros can be captured of this hold.",
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
    """An amount, tokens, or all of it. `amount_param` is the caller's field."""

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
            raise InvalidInput("`model` is required if the hold names none.", param="model")
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
        # Another worker, or a late capture, may have been quicker.
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
        state.spending.give_back(
            tenant, hold.spent_by, rest_micros, hold.counted_at, hold.counted_in
        )
    state.working_set(HoldWorkingSet).change(ended)
    return ended


def _held(state: BatchState, hold: Hold) -> Held:
    balance_micros = state.ledger.balance_micros(hold.tenant, state.now_us)
    return Held(hold, balance_micros, state.now_of(hold.tenant))
