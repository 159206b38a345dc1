"""Usage: credit that an account uses up itself, for AI usage, charged at once.

Own use takes promotional credit first, in live as well, and counts against the caps of the key and
its ancestors like every debit. Writes usage_records; what is not known yet is a hold
(billing/usage/hold.py).
"""

import msgspec

from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet, WorkingSet
from billing.engine.spending import Lineage
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CREDIT
from billing.topups.send import check_alive
from billing.topups.send_request import AmountOutOfRange
from billing.topups.topup import DuplicateReference
from kernel.errors import InvalidInput
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.principal import Principal
from store.database import Transaction
from store.keyset import NEWEST, Keyset
from store.row_mapping import RowMapping

AMOUNT_MICROS_MAX = 10**15  # a thousand million dollars


class UsageRecord(msgspec.Struct, frozen=True, gc=False):
    """One row of usage_records; key_id is null without a key."""

    id: str
    account_id: str
    environment: str
    key_id: str | None
    amount_micros: int
    description: str
    model: str | None
    reference: str | None
    created_at: int


class UsageWorkingSet(WorkingSet):
    """New records, and the references that were used before."""

    rank = 80

    def __init__(self) -> None:
        self.references: set[tuple[str, str, str]] = set()
        self._used: dict[tuple[str, str, str], str] = {}
        self._new: list[UsageRecord] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        """One statement, and only where a reference was given."""
        if not self.references:
            return
        rows = await tx.fetch(
            """SELECT u.account_id, u.environment, u.reference, u.id
               FROM :pairs[account_id text, environment text, reference text] AS v
               CROSS JOIN usage_records u
               WHERE u.account_id = v.account_id AND u.environment = v.environment
                 AND u.reference = v.reference""",
            pairs=sorted(self.references),
        )
        self._used = {(row[0], row[1], row[2]): row[3] for row in rows}

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        await tx.insert("usage_records", _ROWS.columns, [_ROWS.write(one) for one in self._new])

    def check_reference(self, tenant: Tenant, reference: str) -> None:
        """Raises DuplicateReference with the first record's id."""
        seen = self._used.get((*tenant, reference))
        if seen is not None:
            raise DuplicateReference(
                "the reference was used before", param="reference", extra={"usage_id": seen}
            )

    def add(self, record: UsageRecord) -> None:
        self.changes += 1
        self._new.append(record)
        if record.reference is not None:
            place = (record.account_id, record.environment, record.reference)
            self._used[place] = record.id


class Used(msgspec.Struct, frozen=True, gc=False):
    """The record and the account's balance after it, in micros."""

    record: UsageRecord
    balance_micros: int


class UseCredit(msgspec.Struct, frozen=True):
    """The command of POST /usage. The record's id is fixed before the first try."""

    usage_id: str
    tenant: Tenant
    lineage: tuple[str, ...]
    amount_micros: int
    description: str
    model: str | None
    reference: str | None

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.key_ids.update(self.lineage)
        read_set.places.add((*self.tenant, LedgerAccountKind.USED, ""))
        working_set = read_set.working_set(UsageWorkingSet)
        if self.reference is not None:
            working_set.references.add((*self.tenant, self.reference))

    def decide(self, state: BatchState) -> Used:
        working_set = state.working_set(UsageWorkingSet)
        check_alive(state, self.lineage)
        if self.reference is not None:
            working_set.check_reference(self.tenant, self.reference)
        check_spendable(state, self.tenant, self.lineage, self.amount_micros)
        state.take(
            self.tenant,
            self.amount_micros,
            to=state.ledger.account(self.tenant, LedgerAccountKind.USED),
            code=Code.AI_USAGE,
            subject_id=self.usage_id,
            is_own_use=True,
        )
        state.spending.count(self.tenant.account_id, self.lineage, self.amount_micros, state.now_us)
        record = UsageRecord(
            self.usage_id,
            *self.tenant,
            self.lineage[0] if self.lineage else None,
            self.amount_micros,
            self.description,
            self.model,
            self.reference,
            state.now_us,
        )
        working_set.add(record)
        return Used(record, state.ledger.balance_micros(self.tenant, state.now_us))


def new_usage(
    principal: Principal,
    *,
    amount_micros: int,
    description: str,
    model: str | None = None,
    reference: str | None = None,
) -> UseCredit:
    """The command of this caller, with a fresh id."""
    return UseCredit(
        usage_id=new_id("usg"),
        tenant=principal.tenant,
        lineage=principal.lineage,
        amount_micros=amount_micros,
        description=description,
        model=model,
        reference=reference,
    )


async def page(
    tx: Transaction, tenant: Tenant, *, before_id: str | None = None, limit: int
) -> list[UsageRecord]:
    """At most `limit` records of the tenant, newest first, older than before_id."""
    rows = await _PAGES.page(tx, tenant, before_id=before_id or NEWEST, limit=limit)
    return [_ROWS.read(row) for row in rows]


def amount_of(credit_count: int | None, amount_micros: int | None) -> int:
    """The amount in micros of a body that names it in one of the two units.

    Raises InvalidInput unless exactly one is there, AmountOutOfRange beyond 1 micro to a thousand
    million dollars.
    """
    if (credit_count is None) == (amount_micros is None):
        raise InvalidInput("give credits or amount_micros, one of them", param="credits")
    param, unit = ("amount_micros", 1) if credit_count is None else ("credits", MICROS_PER_CREDIT)
    given = amount_micros if credit_count is None else credit_count
    assert given is not None
    limit = AMOUNT_MICROS_MAX // unit
    if not 1 <= given <= limit:
        raise AmountOutOfRange(
            f"{param} is 1 to {limit}", param=param, extra={"min": 1, "max": limit}
        )
    return given * unit


def check_spendable(
    state: BatchState, tenant: Tenant, lineage: Lineage, amount_micros: int
) -> None:
    """Raises CapExceeded or InsufficientBalance where the account's own use is not covered."""
    state.spending.check(lineage, amount_micros)
    state.check_funds(tenant, amount_micros, is_own_use=True)


_ROWS = RowMapping(UsageRecord)
_PAGES = Keyset(
    _ROWS.listed, "usage_records", "account_id = :account_id AND environment = :environment"
)
