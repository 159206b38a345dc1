"""Charge an account for credit that it uses itself: an amount, or tokens at the operator's price."""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import msgspec

from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.engine.spending import Lineage
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CREDIT
from billing.topups.send import AmountOutOfRange
from billing.topups.topup import DuplicateReference
from billing.usage.price_list import ModelPrice, Tokens, UnknownModel
from billing.usage.price_rows import PriceWorkingSet
from billing.usage.usage_day import Spent, UsageDays
from kernel.errors import DomainError, InvalidInput
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.principal import Principal
from store.database import BatchRead, Rows, Transaction
from store.row_mapping import RowMapping

AMOUNT_MICROS_MAX = 10**15  # a thousand million dollars
DESCRIPTION = "AI usage"


class UsageItem(msgspec.Struct, frozen=True, gc=False):
    description: str
    model: str | None
    reference: str | None
    amount_micros: int | None
    tokens: Tokens | None = None


class UsageRecord(msgspec.Struct, frozen=True, gc=False):
    """A charge for usage. `counted_day` is None until the record is added to usage_days."""

    id: str
    account_id: str
    environment: str
    key_id: str | None
    amount_micros: int
    description: str
    model: str | None
    reference: str | None
    created_at: int
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int | None = None
    price_version: int | None = None
    counted_day: int | None = None

    def is_of(self, item: UsageItem) -> bool:
        tokens = item.tokens
        if tokens is None:
            is_same = self.input_tokens is None and self.amount_micros == item.amount_micros
        else:
            counts = (self.input_tokens, self.output_tokens, self.cached_tokens)
            is_same = counts == tokens.counts
        return is_same and (self.description, self.model) == (item.description, item.model)


class UsageWorkingSet(WorkingSet):
    rank = 80

    def __init__(self) -> None:
        self.references: set[tuple[str, str, str]] = set()
        self._known: dict[tuple[str, str, str], UsageRecord] = {}
        self._new: list[UsageRecord] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None: ...

    def readings(self) -> Sequence[BatchRead]:
        wanted = sorted(self.references)
        return [BatchRead(_OF_REFERENCES if wanted else "", self._take, pairs=wanted)]

    def _take(self, rows: Rows) -> None:
        for record in map(_ROWS.read, rows):
            assert record.reference is not None
            self._known[record.account_id, record.environment, record.reference] = record

    async def update(self, tx: Transaction, now_us: int) -> None: ...

    async def insert(self, tx: Transaction) -> None:
        rows = [_ROWS.write(one) for one in self._new]
        await tx.insert_deferred("usage_records", _ROWS.columns, rows)

    def earlier(self, tenant: Tenant, item: UsageItem) -> UsageRecord | None:
        if item.reference is None:
            return None
        seen = self._known.get((*tenant, item.reference))
        if seen is not None and not seen.is_of(item):
            raise DuplicateReference(
                "The `reference` was already used for another record.",
                param="reference",
                extra={"usage_id": seen.id},
            )
        return seen

    def add(self, record: UsageRecord) -> None:
        self.changes += 1
        self._new.append(record)
        if record.reference is not None:
            place = (record.account_id, record.environment, record.reference)
            self._known[place] = record


class Used(msgspec.Struct, frozen=True, gc=False):
    record: UsageRecord
    balance_micros: int
    is_repeated: bool = False


class UseCredit(msgspec.Struct, frozen=True):
    usage_id: str
    tenant: Tenant
    lineage: tuple[str, ...]
    item: UsageItem

    def declare(self, read_set: ReadSet) -> None:
        declare_usage(read_set, self.tenant, self.lineage, [self.item])

    def decide(self, state: BatchState) -> Used:
        state.check_alive(self.tenant, self.lineage)
        earlier = state.working_set(UsageWorkingSet).earlier(self.tenant, self.item)
        record = earlier
        if record is None:
            record = charge(state, self.tenant, self.lineage, self.item, self.usage_id)
        balance_micros = state.ledger.balance_micros(self.tenant, state.now_us)
        return Used(record, balance_micros, earlier is not None)


def new_usage(principal: Principal, item: UsageItem) -> UseCredit:
    return UseCredit(new_id("usg"), principal.tenant, principal.lineage, item)


def declare_usage(
    read_set: ReadSet, tenant: Tenant, lineage: Lineage, items: Iterable[UsageItem]
) -> None:
    read_set.tenants.add(tenant)
    read_set.key_ids.update(lineage)
    read_set.places.add((*tenant, LedgerAccountKind.USED, ""))
    read_set.working_set(UsageDays)
    references = read_set.working_set(UsageWorkingSet).references
    for item in items:
        if item.reference is not None:
            references.add((*tenant, item.reference))
        if item.tokens is not None:
            read_set.working_set(PriceWorkingSet).environments.add(tenant.environment)


def charge(
    state: BatchState,
    tenant: Tenant,
    lineage: Lineage,
    item: UsageItem,
    usage_id: str,
    *,
    is_told: bool = True,
) -> UsageRecord:
    """Charge for an item with a new reference. If `is_told`, an unknown model's error names the most similar model."""
    amount_micros, price = _priced(state, tenant, item, is_told=is_told)
    check_spendable(state, tenant, lineage, amount_micros)
    # Free usage is recorded, but moves no money.
    if amount_micros:
        state.take(
            tenant,
            amount_micros,
            to=state.ledger.account(tenant, LedgerAccountKind.USED),
            code=Code.AI_USAGE,
            subject_id=usage_id,
            is_own_use=True,
        )
        state.spending.spend(tenant, lineage, amount_micros)
    record = _record(state, tenant, lineage, item, usage_id, amount_micros, price)
    state.working_set(UsageWorkingSet).add(record)
    return record


def check_priced(amount_micros: int) -> None:
    if amount_micros > AMOUNT_MICROS_MAX:
        raise AmountOutOfRange(
            f"The tokens cost more than {AMOUNT_MICROS_MAX} micros, the maximum for one charge.",
            param="input_tokens",
            extra={"max": AMOUNT_MICROS_MAX},
        )


def amount_of(credit_count: int | None, amount_micros: int | None) -> int:
    if (credit_count is None) == (amount_micros is None):
        raise InvalidInput("Give either `credits` or `amount_micros`.", param="credits")
    param, unit = ("amount_micros", 1) if credit_count is None else ("credits", MICROS_PER_CREDIT)
    given = amount_micros if credit_count is None else credit_count
    assert given is not None
    limit = AMOUNT_MICROS_MAX // unit
    if not 1 <= given <= limit:
        raise AmountOutOfRange(
            f"{param} must be from 1 to {limit}.", param=param, extra={"min": 1, "max": limit}
        )
    return given * unit


def check_spendable(
    state: BatchState, tenant: Tenant, lineage: Lineage, amount_micros: int
) -> None:
    state.spending.check(tenant, lineage, amount_micros)
    state.check_funds(tenant, amount_micros, is_own_use=True)


def _priced(
    state: BatchState, tenant: Tenant, item: UsageItem, *, is_told: bool
) -> tuple[int, ModelPrice | None]:
    if item.tokens is None:
        assert item.amount_micros is not None, "an amount or tokens"
        return item.amount_micros, None
    assert item.model is not None, "tokens are of a model"
    prices = state.working_set(PriceWorkingSet).of(tenant.environment)
    price = prices.price_of(item.model, is_told=is_told)
    amount_micros = price.charge_micros(item.tokens)
    check_priced(amount_micros)
    return amount_micros, price


def _record(
    state: BatchState,
    tenant: Tenant,
    lineage: Lineage,
    item: UsageItem,
    usage_id: str,
    amount_micros: int,
    price: ModelPrice | None,
) -> UsageRecord:
    tokens, key_id, now_us = item.tokens, lineage[0] if lineage else None, state.now_us
    if tokens is None or price is None:
        spent = Spent(*tenant, now_us, key_id, None, item.model, amount_micros)
        version = None
    else:
        spent = Spent(*tenant, now_us, key_id, None, item.model, amount_micros, *tokens.counts)
        version = price.version
    counted_day = state.working_set(UsageDays).add(spent)
    return UsageRecord(
        usage_id,
        *tenant,
        key_id,
        amount_micros,
        item.description,
        item.model,
        item.reference,
        now_us,
        spent.input_tokens,
        spent.output_tokens,
        spent.cached_tokens,
        version,
        counted_day,
    )


_ROWS = RowMapping(UsageRecord)
_OF_REFERENCES = f"""
    SELECT {_ROWS.of("u")}
    FROM :pairs[account_id text, environment text, reference text] AS v
    CROSS JOIN usage_records u
    WHERE u.account_id = v.account_id AND u.environment = v.environment
      AND u.reference = v.reference"""


RECORDS_MAX: Final = 1_000
_STEP_RECORDS: Final = 100


class Charged(msgspec.Struct, frozen=True, gc=False):
    record: UsageRecord
    is_repeated: bool


RecordVerdict = Charged | DomainError


class UsedBatch(msgspec.Struct, frozen=True, gc=False):
    verdicts: Sequence[RecordVerdict]
    balance_micros: int
    now_us: int


class UseBatch(msgspec.Struct, frozen=True):
    """Charge items in order in one transaction. A refused item doesn't affect the others."""

    usage_ids: Sequence[str]
    tenant: Tenant
    lineage: Lineage
    items: Sequence[UsageItem | DomainError]

    def declare(self, read_set: ReadSet) -> None:
        read = [item for item in self.items if isinstance(item, UsageItem)]
        declare_usage(read_set, self.tenant, self.lineage, read)

    async def decide_in_steps(
        self, state: BatchState, pause: Callable[[], Awaitable[None]]
    ) -> UsedBatch:
        state.check_alive(self.tenant, self.lineage)
        is_told = False
        verdicts: list[RecordVerdict] = []
        for number, (item, usage_id) in enumerate(zip(self.items, self.usage_ids, strict=True), 1):
            if isinstance(item, UsageItem):
                verdict = self._decide_item(state, item, usage_id, is_told=not is_told)
            else:
                verdict = item
            is_told = is_told or isinstance(verdict, UnknownModel)
            verdicts.append(verdict)
            if number % _STEP_RECORDS == 0:
                await pause()
        balance_micros = state.ledger.balance_micros(self.tenant, state.now_us)
        return UsedBatch(verdicts, balance_micros, state.now_us)

    def _decide_item(
        self, state: BatchState, item: UsageItem, usage_id: str, *, is_told: bool
    ) -> RecordVerdict:
        changes = state.changes
        try:
            earlier = state.working_set(UsageWorkingSet).earlier(self.tenant, item)
            if earlier is not None:
                return Charged(earlier, is_repeated=True)
            record = charge(state, self.tenant, self.lineage, item, usage_id, is_told=is_told)
        except DomainError as refusal:
            assert state.changes == changes, "a refusal came after a change of the batch's state"
            return refusal
        return Charged(record, is_repeated=False)


def new_usage_batch(principal: Principal, items: Iterable[UsageItem | DomainError]) -> UseBatch:
    listed = list(items)
    assert len(listed) <= RECORDS_MAX, "the edge refuses longer ones"
    return UseBatch([new_id("usg") for _ in listed], principal.tenant, principal.lineage, listed)
