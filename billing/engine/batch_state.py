"""Run a batch of commands of any kind, for any tenants, in one transaction.

The rows are read once for all commands, and then each command is decided in turn. So the number of statements
doesn't grow with the batch.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Self, TypeVar

from msgspec.structs import replace

from billing.engine.limit import LimitedSend
from billing.engine.spending import Spending, funding_window
from billing.ledger.ledger import (
    Code,
    InsufficientBalance,
    Ledger,
    LedgerAccount,
    LedgerAccountKey,
    Transfer,
)
from billing.ledger.money import CURRENCY, MICROS_PER_CENT, micros_to_cents
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys import audit_log
from keys.account import NOTHING, BalanceWatch, Standings, note_recharges, standings_reading
from keys.account_access import suspended
from keys.audit_log import AuditEntry
from keys.caps import Window
from keys.mandate import paused
from keys.principal import CredentialEnded
from store import idempotency
from store.database import BatchRead, Transaction
from store.idempotency import RequestKey, Stored, StoredAnswer
from webhooks.events.event import Outbox

RECHARGE_HINT: Final = "recharge"
# If the balance is too low while a recharge is in progress, the caller should retry after this time.
RETRY_AFTER_S: Final = 5


class BalanceAlerts:
    """Detect when a balance drops below a threshold of the event balance.low or of a recharge.

    The spending transaction records the drop. Further drops are ignored until the recharge's order is settled.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._read: Mapping[Tenant, BalanceWatch] = {}
        self._changed: dict[Tenant, BalanceWatch] = {}

    def take(self, found: Mapping[Tenant, BalanceWatch]) -> None:
        self._read = found

    def find(self, tenant: Tenant) -> BalanceWatch | None:
        return self._changed.get(tenant) or self._read.get(tenant)

    def record_drop(self, tenant: Tenant, before_micros: int, after_micros: int) -> None:
        watch = self.find(tenant)
        if watch is not None and watch.is_fall(before_micros, after_micros):
            self.begin(tenant)

    def begin(self, tenant: Tenant) -> str:
        order_id = new_id("ord")
        self._change(tenant, recharge_order_id=order_id)
        return order_id

    def watch(self, tenant: Tenant, *, below_micros: int, from_micros: int) -> None:
        self._change(
            tenant,
            recharge_below=below_micros,
            recharge_from=from_micros,
            recharge_order_id=None,
        )

    def set_below(self, tenant: Tenant, below_micros: int) -> None:
        self._change(tenant, recharge_below=below_micros, recharge_from=below_micros)

    def stop(self, tenant: Tenant) -> None:
        self._change(tenant, recharge_below=None, recharge_from=0)

    def end(self, tenant: Tenant) -> None:
        self._change(tenant, recharge_order_id=None)

    def under_way(self, tenant: Tenant) -> dict[str, Any] | None:
        watch = self.find(tenant)
        if watch is None or watch.recharge_order_id is None:
            return None
        return {"order_id": watch.recharge_order_id, "retry_after": RETRY_AFTER_S}

    async def flush(self, tx: Transaction) -> None:
        if not self._changed:
            return
        await note_recharges(
            tx,
            [
                (*tenant, one.recharge_below, one.recharge_from, one.recharge_order_id)
                for tenant, one in self._changed.items()
            ],
        )
        tx.hint(RECHARGE_HINT)

    def _change(self, tenant: Tenant, **changes: Any) -> None:
        self.changes += 1
        self._changed[tenant] = replace(self.find(tenant) or NOTHING, **changes)


def low_balance(threshold_micros: int, balance_micros: int) -> Mapping[str, object]:
    return {
        "balance_cents": micros_to_cents(balance_micros),
        "low_balance_threshold_cents": micros_to_cents(threshold_micros),
        "currency": CURRENCY,
    }


T = TypeVar("T")


class Rules:
    """The rules of an installation.

    `code_of` and `claim_token_of` derive secrets from a top-up's ID. Stored responses don't contain the secrets.
    """

    __slots__ = ("_packages", "claim_token_of", "code_of", "is_promo_sendable")

    def __init__(
        self,
        *packages: object,
        code_of: Callable[[str], str],
        claim_token_of: Callable[[str], str],
        is_promo_sendable: bool = False,
    ) -> None:
        self.code_of = code_of
        self.claim_token_of = claim_token_of
        self.is_promo_sendable = is_promo_sendable
        self._packages = {type(one): one for one in packages}

    def of(self, kind: type[T]) -> T:
        found = self._packages[kind]
        assert isinstance(found, kind)
        return found


S = TypeVar("S", bound="WorkingSet")


class WorkingSet(ABC):
    """The rows of one subject in a batch, such as orders. They are read only if a command needs them.

    `load` locks rows that tenants share, in the order of their IDs. Working sets load and write in the order of their
    unique ranks. So two batches never deadlock.
    """

    rank: ClassVar[int]
    changes = 0

    @classmethod
    def under(cls, rules: Rules) -> Self:  # noqa: ARG003 most ask for no rules of their own
        return cls()

    def prepare(self) -> None:  # noqa: B027 most have nothing to prepare
        """Compute what doesn't depend on the database. A retry of the batch skips this."""

    @abstractmethod
    async def load(self, tx: Transaction, read_set: "ReadSet", now_us: int) -> None:
        pass

    def readings(self) -> Sequence[BatchRead]:
        """Return reads that PostgreSQL runs in the same round trip as the wallet read."""
        return ()

    def further_readings(self) -> Sequence[BatchRead]:
        return ()

    @abstractmethod
    async def update(self, tx: Transaction, now_us: int) -> None: ...

    async def insert(self, tx: Transaction) -> None:  # noqa: B027 most write in `update`
        """After all updates, insert rows that no other write depends on."""

    def hints(self) -> Iterable[str]:
        return ()


@dataclass(slots=True)
class ReadSet:
    rules: Rules
    tenants: set[Tenant] = field(default_factory=set)
    places: set[LedgerAccountKey] = field(default_factory=set)
    ledger_ids: set[str] = field(default_factory=set)  # of ledger accounts
    key_ids: set[str] = field(default_factory=set)
    windows: set[Window] = field(default_factory=set)  # except today's
    counted: dict[str, Tenant] = field(default_factory=dict)  # apps' grants
    sends: list[LimitedSend] = field(default_factory=list)
    request_keys: list[RequestKey] = field(default_factory=list)
    funding_accounts: set[str] = field(default_factory=set)  # for test credit
    working_sets: dict[type[WorkingSet], WorkingSet] = field(default_factory=dict)

    def working_set(self, kind: type[S]) -> S:
        found = self.working_sets.get(kind)
        if found is None:
            found = self.working_sets[kind] = kind.under(self.rules)
        assert isinstance(found, kind)
        return found


class BatchState:
    def __init__(self, read_set: ReadSet, now_us: int) -> None:
        self.rules = read_set.rules
        self.now_us = now_us
        # The trace of the request whose command is being decided (kernel/trace.py).
        self.trace: str | None = None
        self.ledger = Ledger()
        self.outbox = Outbox()
        self.spending = Spending(now_us)
        self.watches = BalanceAlerts()
        self._read_set = read_set
        self._working_sets: Mapping[type[WorkingSet], WorkingSet] = read_set.working_sets
        self._ranked: Sequence[WorkingSet] = sorted(
            read_set.working_sets.values(), key=lambda working_set: working_set.rank
        )
        # Until this time on the tenant's clock, only plan credit pays for the tenant's own usage.
        self._plan_only_until: Mapping[Tenant, int] = {}
        self._suspended: Collection[Tenant] = ()
        self._stored: dict[tuple[str, str, str], Stored] = {}
        self._answers: list[tuple[RequestKey, StoredAnswer]] = []
        self._completed: list[tuple[RequestKey, StoredAnswer]] = []

    async def load(self, tx: Transaction) -> None:
        """Read the rows that the commands declared.

        An earlier statement has locked the tenants. A statement that both locks and reads may return outdated rows
        after a wait.
        """
        read_set = self._read_set
        for working_set in self._ranked:
            await working_set.load(tx, read_set, self.now_us)
        windows = read_set.windows
        windows.update(funding_window(one, self.now_us) for one in read_set.funding_accounts)
        await tx.fetch_many(
            [
                standings_reading(read_set.tenants, self._take_standings),
                idempotency.reading(read_set.request_keys, self._stored),
                *(reading for each in self._ranked for reading in each.readings()),
                self.ledger.reading(read_set.tenants, read_set.places),
                *self.spending.readings(read_set.key_ids, windows, read_set.counted),
                self.outbox.reading(read_set.tenants),
            ]
        )
        further = [
            *self.spending.further_readings(read_set.sends),
            *(reading for each in self._ranked for reading in each.further_readings()),
        ]
        if further:
            await tx.fetch_many(further)
        if read_set.ledger_ids:
            await self.ledger.load_ids(tx, list(read_set.ledger_ids))

    def _take_standings(self, standings: Standings) -> None:
        self.watches.take(standings.watches)
        self.spending.take_day_limits(standings.day_limits)
        self._plan_only_until = standings.plan_only_until
        self._suspended = standings.suspended
        self.ledger.clocks_ahead_us = standings.clocks_ahead_us
        self.spending.time.take(standings.clocks_ahead_us)
        self.outbox.number_from(standings.event_numbers)

    async def flush(self, tx: Transaction) -> None:
        for working_set in self._ranked:
            await working_set.update(tx, self.now_us)
        await self.watches.flush(tx)
        # PostgreSQL runs the following writes in one round trip.
        await self.ledger.flush(tx, self.now_us)
        for working_set in self._ranked:
            await working_set.insert(tx)
        await self.spending.flush(tx, self.publish)
        await self.outbox.flush(tx)
        await idempotency.save(tx, self._answers, now_us=self.now_us, is_begun=False)
        await idempotency.save(tx, self._completed, now_us=self.now_us)
        for working_set in self._ranked:
            for hint in working_set.hints():
                tx.hint(hint)

    def check_not_suspended(self, tenant: Tenant) -> None:
        if tenant in self._suspended:
            raise suspended()

    def check_alive(self, tenant: Tenant, lineage: tuple[str, ...]) -> None:
        self.check_not_suspended(tenant)
        ended = self.spending.end_of(lineage)
        if ended is None:
            return
        if ended == "revoked":
            raise CredentialEnded("The API key was revoked.", reason="revoked")
        if ended == "expired":
            raise CredentialEnded("The API key has expired.", reason="expired")
        raise paused()

    def now_of(self, tenant: Tenant) -> int:
        return self.spending.time.of(tenant)

    @property
    def changes(self) -> int:
        changes = self.ledger.posted + self.outbox.published + self.spending.changes
        changes += self.watches.changes
        for working_set in self._ranked:
            changes += working_set.changes
        return changes

    def working_set(self, kind: type[S]) -> S:
        found = self._working_sets[kind]
        assert isinstance(found, kind)
        return found

    def stored_answer(self, key: RequestKey) -> StoredAnswer | None:
        stored = idempotency.check(self._stored.get(key.place), key, self.now_us)
        if stored is None:
            return None
        return stored.with_code(self.rules.code_of, self.rules.claim_token_of)

    def save_answer(self, key: RequestKey, answer: StoredAnswer) -> None:
        answers = self._completed if key.place in self._stored else self._answers
        answers.append((key, answer.without_code()))
        self._stored[key.place] = Stored(
            key.fingerprint, answer.status, answer.body, answer.is_sealed, None
        )

    def sendable_micros(self, tenant: Tenant, *, is_own_use: bool = False) -> int:
        """Return the credit that a send may spend. If `is_own_use` is set (AI usage), include promotional credit."""
        granted = 0
        if self.ledger.has_grants(tenant):
            is_promo = is_own_use or self._is_promo_sendable(tenant)
            granted = self.ledger.granted_micros(tenant, self.now_us, is_promo_counted=is_promo)
        if is_own_use and self._is_plan_only(tenant):
            return granted
        return granted + self.ledger.wallet(tenant).balance_micros

    def check_debt(self, tenant: Tenant) -> None:
        owed = self.ledger.owed_micros(tenant)
        if owed > 0:
            raise InsufficientBalance(
                "The account owes credit after a reversal or capture. New credit pays the debt "
                "first.",
                reason="owed",
                extra={"owed_cents": -(-owed // MICROS_PER_CENT)},
            )

    def check_funds(self, tenant: Tenant, amount_micros: int, *, is_own_use: bool = False) -> None:
        self.check_debt(tenant)
        sendable = self.sendable_micros(tenant, is_own_use=is_own_use)
        if sendable < amount_micros:
            recharge = self.watches.under_way(tenant)
            more = {} if recharge is None else {"recharge": recharge}
            is_plan_used_up = is_own_use and self._is_plan_only(tenant)
            raise InsufficientBalance(
                "The plan's credit doesn't cover the amount, and the wallet doesn't pay for "
                "its usage."
                if is_plan_used_up
                else "The wallet doesn't cover the amount.",
                reason="plan_used_up" if is_plan_used_up else None,
                retry_after_s=None if recharge is None else RETRY_AFTER_S,
                extra={
                    "sendable_cents": micros_to_cents(sendable),
                    "lacking_cents": -((sendable - amount_micros) // MICROS_PER_CENT),
                    **more,
                },
            )

    def take(
        self,
        tenant: Tenant,
        amount_micros: int,
        *,
        to: LedgerAccount,
        code: Code,
        topup_id: str | None = None,
        subject_id: str | None = None,
        is_own_use: bool = False,
        is_fall_told: bool = True,
    ) -> list[Transfer]:
        """Move credit that may be spent. Grants that expire soonest come first, then other grants, then the wallet."""
        watch = self.watches.find(tenant) if is_fall_told else None
        before = 0 if watch is None else self.ledger.balance_micros(tenant, self.now_us)
        sources = self._sources(tenant, is_own_use=is_own_use)
        left = amount_micros
        parts = []
        for source in sources:
            part = min(left, source.balance_micros)
            if part > 0:
                parts.append(
                    self.move(source, to, part, code, topup_id=topup_id, subject_id=subject_id)
                )
                left -= part
        if left:
            raise InsufficientBalance("The wallet doesn't cover the amount.")
        if watch is not None:
            self.record_drop(tenant, before)
        return parts

    def _sources(self, tenant: Tenant, *, is_own_use: bool) -> list[LedgerAccount]:
        sources = []
        if self.ledger.has_grants(tenant):
            is_promo_taken = is_own_use or self._is_promo_sendable(tenant)
            sources = self.ledger.grants(tenant, self.now_us, is_promo_counted=is_promo_taken)
        if not (is_own_use and self._is_plan_only(tenant)):
            sources.append(self.ledger.wallet(tenant))
        return sources

    def credit(
        self,
        tenant: Tenant,
        source: LedgerAccount,
        amount_micros: int,
        code: Code,
        *,
        to: LedgerAccount | None = None,
        **ids: str,
    ) -> None:
        owed = self.ledger.owed(tenant)
        debt = min(owed.balance_micros, amount_micros)
        if debt:
            self.move(source, owed, debt, Code.DEBT, **ids)
        if amount_micros > debt:
            target = to or self.ledger.wallet(tenant)
            self.move(source, target, amount_micros - debt, code, **ids)

    def move(
        self,
        debit: LedgerAccount,
        credit: LedgerAccount,
        amount_micros: int,
        code: Code,
        *,
        topup_id: str | None = None,
        subject_id: str | None = None,
    ) -> Transfer:
        return self.ledger.post(
            debit=debit,
            credit=credit,
            amount_micros=amount_micros,
            code=code,
            now_us=self.now_us,
            transaction_id=topup_id,
            subject_id=subject_id,
        )

    def record_drop(
        self, tenant: Tenant, before_micros: int, *, calls_for_recharge: bool = True
    ) -> None:
        watch = self.watches.find(tenant)
        if watch is None:
            return
        after_micros = self.ledger.balance_micros(tenant, self.now_us)
        for threshold in watch.crossed(before_micros, after_micros):
            self.publish(tenant, "balance.low", low_balance(threshold, after_micros))
        if calls_for_recharge:
            self.watches.record_drop(tenant, before_micros, after_micros)

    def _is_plan_only(self, tenant: Tenant) -> bool:
        until = self._plan_only_until.get(tenant)
        return until is not None and self.now_of(tenant) < until

    def _is_promo_sendable(self, tenant: Tenant) -> bool:
        return tenant.environment == "staging" or self.rules.is_promo_sendable

    def publish(
        self,
        tenant: Tenant,
        event_type: str,
        data: Mapping[str, object],
        topup_id: str | None = None,
        *,
        code_sealed: str | None = None,
        trace: str | None = None,
    ) -> str:
        return self.outbox.publish(
            tenant,
            type=event_type,
            data=data,
            code_sealed=code_sealed,
            transaction_id=topup_id,
            trace=trace or self.trace,
            now_us=self.now_us,
        )


class AuditEntries(WorkingSet):
    rank = 0

    def __init__(self) -> None:
        self._entries: list[AuditEntry] = []

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None: ...

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        await audit_log.record(tx, self._entries)

    def add(self, entry: AuditEntry) -> None:
        self.changes += 1
        self._entries.append(entry)
