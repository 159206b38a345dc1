"""Charges: an OAuth app charges a user's wallet with the user's consent, and the app's owner gets
the credit.

Each `order_no` is charged only once.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from billing.engine.batch_state import BatchState, ReadSet, WorkingSet
from billing.ledger.ledger import Code, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CENT
from billing.usage.usage_day import Spent, UsageDays
from kernel.clock import DAY_US, SECOND_US, next_month_start_us, rfc3339
from kernel.errors import DomainError
from kernel.ids import new_id
from kernel.limits import PAGE_ITEMS
from kernel.tenant import Tenant
from keys import caps, sandbox_clock
from keys.caps import CapExceeded, Window
from keys.oauth import grant as oauth_grant
from keys.oauth.grant import Grant
from keys.principal import CredentialEnded, OAuthOrigin
from store.database import Transaction
from store.keyset import Keyset
from store.row_mapping import RowMapping

ChargeKey = tuple[str, str, str]  # app ID, the user's account ID and order_no


class OrderNoReused(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class OAuthCharge:
    id: str
    account_id: str
    environment: str
    app_id: str
    grant_id: str
    owner_id: str
    order_no: str
    amount_micros: int
    remark: str
    created_at: int
    counted_day: int | None = None


class ChargeWorkingSet(WorkingSet):
    rank = 20

    def __init__(self) -> None:
        self.places: set[ChargeKey] = set()
        self.grant_ids: set[str] = set()
        self._charges: dict[ChargeKey, OAuthCharge] = {}
        self._grants: dict[str, Grant] = {}
        self._new: list[OAuthCharge] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:  # noqa: ARG002
        rows = await tx.fetch(_PROBE, places=sorted(self.places))
        self._charges = {_place(charge): charge for charge in map(_ROWS.read, rows)}
        self._grants = await oauth_grant.load(tx, list(self.grant_ids))

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        await tx.insert("oauth_charges", _ROWS.columns, [_ROWS.write(one) for one in self._new])

    def grant(self, grant_id: str) -> Grant | None:
        return self._grants.get(grant_id)

    def charge(self, place: ChargeKey) -> OAuthCharge | None:
        return self._charges.get(place)

    def add(self, charge: OAuthCharge) -> None:
        self.changes += 1
        self._charges[_place(charge)] = charge
        self._new.append(charge)


@dataclass(frozen=True, slots=True)
class TakeCharge:
    user: Tenant
    origin: OAuthOrigin
    order_no: str
    amount_micros: int
    remark: str

    @property
    def owner(self) -> Tenant:
        return Tenant(self.origin.owner_id, self.user.environment)

    @property
    def place(self) -> ChargeKey:
        return (self.origin.app_id, self.user.account_id, self.order_no)

    def declare(self, read_set: ReadSet) -> None:
        assert self.amount_micros > 0, "a charge takes something"
        read_set.tenants.update((self.user, self.owner))
        read_set.places.add((*self.user, LedgerAccountKind.TRANSIT_OUT, ""))
        read_set.places.add((*self.owner, LedgerAccountKind.TRANSIT_IN, ""))
        working_set = read_set.working_set(ChargeWorkingSet)
        working_set.places.add(self.place)
        working_set.grant_ids.add(self.origin.grant_id)
        read_set.counted[self.origin.grant_id] = self.user
        read_set.working_set(UsageDays)

    def decide(self, state: BatchState) -> OAuthCharge:
        working_set = state.working_set(ChargeWorkingSet)
        grant = working_set.grant(self.origin.grant_id)
        if grant is None or not grant.is_alive or grant.app_id != self.origin.app_id:
            raise CredentialEnded("The user removed this app's access.", reason="revoked")
        earlier = working_set.charge(self.place)
        if earlier is not None:
            return self._same(earlier)
        state.check_not_suspended(self.user)
        _check_limits(state, self.user, grant, self.amount_micros)
        state.check_funds(self.user, self.amount_micros)
        spent = Spent(*self.user, state.now_us, None, grant.app_id, None, self.amount_micros)
        charge = OAuthCharge(
            id=new_id("chg"),
            account_id=self.user.account_id,
            environment=self.user.environment,
            app_id=grant.app_id,
            grant_id=grant.id,
            owner_id=self.origin.owner_id,
            order_no=self.order_no,
            amount_micros=self.amount_micros,
            remark=self.remark,
            created_at=state.now_us,
            counted_day=spent.day_start_at,
        )
        self._move(state, charge)
        working_set.add(charge)
        state.working_set(UsageDays).add(spent)
        own_now_us = state.now_of(self.user)
        state.spending.count(self.user.account_id, (grant.id,), self.amount_micros, own_now_us)
        state.spending.spend(self.user, (), self.amount_micros)
        return charge

    def _same(self, earlier: OAuthCharge) -> OAuthCharge:
        if (earlier.amount_micros, earlier.remark) != (self.amount_micros, self.remark):
            raise OrderNoReused(
                "This `order_no` was already charged with a different amount or remark.",
                param="order_no",
            )
        return earlier

    def _move(self, state: BatchState, charge: OAuthCharge) -> None:
        code, amount = Code.OAUTH_CHARGE, charge.amount_micros
        out = state.ledger.account(self.user, LedgerAccountKind.TRANSIT_OUT)
        state.take(self.user, amount, to=out, code=code, subject_id=charge.id)
        source = state.ledger.account(self.owner, LedgerAccountKind.TRANSIT_IN)
        state.credit(self.owner, source, amount, code, subject_id=charge.id)


async def list_charges(
    tx: Transaction,
    user: Tenant,
    *,
    grant_id: str | None = None,
    before_id: str | None = None,
    limit: int = PAGE_ITEMS,
) -> list[OAuthCharge]:
    rows = await _PAGES.page(tx, user, before_id=before_id, limit=limit, grant_id=grant_id)
    return [_ROWS.read(row) for row in rows]


async def load_spent(
    tx: Transaction, user: Tenant, grants: Iterable[Grant], *, now_us: int
) -> dict[str, int]:
    """Return how much was charged to each grant in its current period, in micros. The period is on the user's clock."""
    own_now_us = await sandbox_clock.now_of(tx, user, now_us=now_us)
    windows = {grant.id: _window(grant, own_now_us) for grant in grants}
    found = await caps.load_windows(tx, windows.values())
    return {grant_id: found.get(window, 0) for grant_id, window in windows.items()}


def _check_limits(state: BatchState, user: Tenant, grant: Grant, amount_micros: int) -> None:
    """Raise CapExceeded for the app's limit or the account's, whichever blocks longer. The charge has no key."""
    exceeded = _cap_exceeded(state, grant, amount_micros, state.now_of(user))
    try:
        state.spending.check(user, (), amount_micros)
    except CapExceeded as of_account:
        if exceeded is None or of_account.wait_s > exceeded.wait_s:
            raise
    if exceeded is not None:
        raise exceeded


def _cap_exceeded(
    state: BatchState, grant: Grant, amount_micros: int, now_us: int
) -> CapExceeded | None:
    left = grant.cap_micros - state.spending.spent_micros(_window(grant, now_us))
    if amount_micros <= left:
        return None
    is_day = grant.cap_period == "day"
    resets_at = now_us - now_us % DAY_US + DAY_US if is_day else next_month_start_us(now_us)
    return CapExceeded(
        f"The amount exceeds the user's limit for this app per {grant.cap_period}.",
        param="amount",
        reason=f"per_{grant.cap_period}",
        retry_after_s=(
            None if amount_micros > grant.cap_micros else -((now_us - resets_at) // SECOND_US)
        ),
        extra={
            "limit": grant.cap_micros // MICROS_PER_CENT,
            "remaining": max(0, left) // MICROS_PER_CENT,
            "resets_at": rfc3339(resets_at),
        },
    )


def _window(grant: Grant, now_us: int) -> Window:
    period, start = caps.windows_of(now_us)[grant.cap_period == "month"]
    return (grant.id, period, start)


_ROWS = RowMapping(OAuthCharge)
_PAGES = Keyset(
    _ROWS.listed,
    "oauth_charges",
    "account_id = :account_id AND environment = :environment",
    filters={"grant_id": "grant_id = :grant_id"},
)
_PROBE = f"""
    SELECT {_ROWS.of("c")}
    FROM :places[app_id text, account_id text, order_no text] AS v
    CROSS JOIN oauth_charges c
    WHERE c.app_id = v.app_id AND c.account_id = v.account_id AND c.order_no = v.order_no"""


def _place(charge: OAuthCharge) -> ChargeKey:
    return (charge.app_id, charge.account_id, charge.order_no)
