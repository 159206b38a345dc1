"""The state that one batch of commands is decided on: loaded set-based, changed in memory, written.

Commands of any kind and of any tenants share one transaction. `load` locks the tenants' rows in
order and reads what the commands declared; commands then decide one after the other on this state;
`flush` writes it. The number of statements does not depend on the number of commands.
"""

from collections.abc import Mapping

from billing.engine.read_set import ReadSet, S, WorkingSet
from billing.engine.rules import Rules
from billing.engine.spending import Spending, funding_window
from billing.ledger.ledger import (
    Code,
    InsufficientBalance,
    Kind,
    Ledger,
    LedgerAccount,
    Place,
    Scope,
    Transfer,
    transfers_of,
)
from billing.ledger.money import CURRENCY, MICROS_PER_CENT, micros_to_cents
from billing.topups import approval, topup as topups, voucher
from billing.topups.approval import Approval
from billing.topups.topup import Status, TopUp
from billing.topups.voucher import Redemption
from keys import caps
from keys.account import Standings, standings_reading
from keys.caps import Window
from store import idempotency
from store.database import Transaction
from store.idempotency import RequestKey, Stored, StoredAnswer
from webhooks.events.event import Outbox


class BatchState:
    """The state of one transaction. codes: voucher codes that were worked out, kept there."""

    def __init__(self, rules: Rules, now_us: int, codes: dict[str, str] | None = None) -> None:
        self.rules = rules
        self.now_us = now_us
        self._codes = {} if codes is None else codes
        self.ledger = Ledger()
        self.outbox = Outbox()
        self.spending = Spending(now_us)
        self._working_sets: Mapping[type[WorkingSet], WorkingSet] = {}
        self._thresholds: Mapping[Scope, int] = {}
        self._stored: dict[tuple[str, str, str], Stored] = {}
        self._references: dict[tuple[str, str, str], tuple[str, Status]] = {}
        self._topups: dict[str, TopUp] = {}
        self._transfers: dict[str, list[Transfer]] = {}
        self._approvals: dict[str, Approval] = {}
        self._redemptions: dict[str, Redemption] = {}
        self._new_topups: dict[str, TopUp] = {}
        self._changed_topups: dict[str, TopUp] = {}
        self._new_approvals: dict[str, Approval] = {}
        self._changed_approvals: dict[str, Approval] = {}
        self._new_redemptions: list[Redemption] = []
        self._answers: list[tuple[RequestKey, StoredAnswer]] = []
        self._completed: list[tuple[RequestKey, StoredAnswer]] = []  # where a lease was kept before
        self._changes = 0

    async def load(self, tx: Transaction, read_set: ReadSet) -> None:
        """Reads. The tenants were locked by a statement before, but for a rehearsal: a snapshot taken
        together with a lock is stale after a wait.
        """
        places = set(read_set.places)
        windows = set(read_set.windows)
        windows.update(funding_window(one, self.now_us) for one in read_set.funding_accounts)
        if read_set.topup_ids:
            await self._load_topups(tx, read_set, places, windows)
        if read_set.working_sets:
            await self._load_working_sets(tx, read_set)
            places |= read_set.places
            windows |= read_set.windows
        await tx.fetch_many(
            [
                standings_reading(read_set.scopes, self._take_standings),
                idempotency.reading(read_set.request_keys, self._stored),
                topups.references_reading(read_set.references, self._references),
                self.ledger.reading(read_set.scopes, places),
                *self.spending.readings(read_set.key_ids, windows),
                self.outbox.reading(read_set.scopes),
            ]
        )
        sides = [t.debit_id for listed in self._transfers.values() for t in listed]
        if sides or read_set.ledger_ids:
            await self.ledger.load_ids(tx, [*sides, *read_set.ledger_ids])

    def _take_standings(self, standings: Standings) -> None:
        self._thresholds = standings.thresholds
        self.ledger.clocks_ahead_us = standings.clocks_ahead_us
        self.outbox.number_from(standings.event_numbers)

    async def _load_working_sets(self, tx: Transaction, read_set: ReadSet) -> None:
        self._working_sets = read_set.working_sets
        for working_set in sorted(
            read_set.working_sets.values(), key=lambda working_set: type(working_set).__name__
        ):
            await working_set.load(tx, read_set, self.now_us)

    async def _load_topups(
        self, tx: Transaction, read_set: ReadSet, places: set[Place], windows: set[Window]
    ) -> None:
        """Old top-ups with what a refund or a delivery touches."""
        found = await topups.load(tx, read_set.topup_ids)
        # Whatever belongs to a tenant that is not locked here does not exist here.
        self._topups = {i: found[i] for i in found if found[i].scope in read_set.scopes}
        for transfer in await transfers_of(tx, list(self._topups)):
            self._transfers.setdefault(transfer.transaction_id or "", []).append(transfer)
        if read_set.redeemed_topup_ids:
            self._redemptions = await voucher.load_redemptions(tx, read_set.redeemed_topup_ids)
        self._approvals = await approval.load_for_topups(tx, list(self._topups))
        for one in self._topups.values():
            places.add((*one.scope, Kind.RECIPIENT, one.recipient_name))
            is_vendors = one.fulfilment in self.rules.asynchronous
            if is_vendors or one.id in read_set.redeemed_topup_ids:
                places.add((*one.scope, Kind.REDEEMED, one.platform))
            windows.update(
                (k, p, s) for k in one.spent_by for p, s in caps.windows_of(one.created_at)
            )
            windows.update(caps.unapproved_window(k, one.created_at) for k in one.spent_by)

    async def flush(self, tx: Transaction) -> None:
        """Writes everything."""
        await topups.update(tx, list(self._changed_topups.values()))
        await approval.update(tx, list(self._changed_approvals.values()))
        for working_set in self._working_sets.values():
            await working_set.flush(tx, self.now_us)
        # From here on what may be written together: one round trip, where there are such.
        await self.ledger.flush(tx, self.now_us)
        await topups.insert(tx, list(self._new_topups.values()))
        await approval.insert(tx, list(self._new_approvals.values()))
        await voucher.insert_redemptions(tx, self._new_redemptions)
        await self.spending.flush(tx)
        await self.outbox.flush(tx)
        await idempotency.keep(tx, self._answers, now_us=self.now_us, is_begun=False)
        await idempotency.keep(tx, self._completed, now_us=self.now_us)
        written = (*self._new_topups.values(), *self._changed_topups.values())
        if any(topup.next_check_at is not None for topup in written):
            tx.hint(topups.HINT)

    def now_of(self, scope: Scope) -> int:
        """The tenant's own time: ahead of now_us where its sandbox clock was advanced."""
        return self.now_us + self.ledger.clocks_ahead_us.get(scope, 0)

    @property
    def changes(self) -> int:
        """Grows with each change; what tells whether a refusal came first."""
        changes = self.ledger.posted + self.outbox.published + self.spending.changes + self._changes
        if self._working_sets:
            changes += sum(working_set.changes for working_set in self._working_sets.values())
        return changes

    def working_set(self, kind: type[S]) -> S:
        """The subject's rows; its commands declared the working set."""
        found = self._working_sets[kind]
        assert isinstance(found, kind)
        return found

    # Answers

    def stored_answer(self, key: RequestKey) -> StoredAnswer | None:
        """The answer to replay, or None; raises KeyReused or KeyInProgress."""
        stored = idempotency.check(self._stored.get(key.place), key, self.now_us)
        return None if stored is None else stored.with_code(self.rules.codes.code_of)

    def keep_answer(self, key: RequestKey, answer: StoredAnswer) -> None:
        """A later command of this batch with the same key gets it too."""
        answers = self._completed if key.place in self._stored else self._answers
        answers.append((key, answer.without_code()))
        self._stored[key.place] = Stored(
            key.fingerprint, answer.status, answer.body, answer.is_sealed, None
        )

    # Money

    def sendable_micros(self, scope: Scope, *, is_own_use: bool = False) -> int:
        """What a send may use: purchased credit; promotional too in staging or where allowed.

        is_own_use: the account uses it up itself (AI usage), so promotional credit counts always.
        """
        if is_own_use or self._is_promo_sendable(scope):
            return self.ledger.balance_micros(scope, self.now_us)
        return self.ledger.standing(scope).wallet.balance_micros

    def check_debt(self, scope: Scope) -> None:
        """Raises InsufficientBalance while something is owed."""
        owed = self.ledger.standing(scope).owed.balance_micros
        if owed > 0:
            raise InsufficientBalance(
                "an earlier reversal left a debt; new credit pays it first",
                reason="owed",
                extra={"owed_cents": -(-owed // MICROS_PER_CENT)},
            )

    def check_funds(self, scope: Scope, amount_micros: int, *, is_own_use: bool = False) -> None:
        """Raises InsufficientBalance: something is owed, or the sendable credit is too little."""
        self.check_debt(scope)
        sendable = self.sendable_micros(scope, is_own_use=is_own_use)
        if sendable < amount_micros:
            raise InsufficientBalance(
                "the wallet does not cover the amount",
                extra={"sendable_cents": micros_to_cents(sendable)},
            )

    def take(
        self,
        scope: Scope,
        amount_micros: int,
        *,
        to: LedgerAccount,
        code: Code,
        topup_id: str | None = None,
        subject_id: str | None = None,
        is_own_use: bool = False,
        is_returned: bool = False,
    ) -> list[Transfer]:
        """Moves sendable credit out of the wallet: promotional first, the earliest expiry first.

        is_returned: the same command gives it back, so no balance becomes low. Returns the parts.
        """
        threshold = 0 if is_returned else self._thresholds.get(scope, 0)
        before = self.ledger.balance_micros(scope, self.now_us) if threshold else 0
        is_promo_taken = is_own_use or self._is_promo_sendable(scope)
        sources = self.ledger.grants(scope, self.now_us) if is_promo_taken else []
        left = amount_micros
        parts = []
        for source in (*sources, self.ledger.standing(scope).wallet):
            part = min(left, source.balance_micros)
            if part > 0:
                parts.append(
                    self.move(source, to, part, code, topup_id=topup_id, subject_id=subject_id)
                )
                left -= part
        if left:
            raise InsufficientBalance("the wallet does not cover the amount")
        if threshold:
            self._note_balance(scope, threshold, before)
        return parts

    def give_back(self, scope: Scope, topup: TopUp) -> None:
        """Returns a held top-up's funds to where each part came from, and its caps' windows."""
        held = self.ledger.standing(scope).held
        for transfer in self._transfers[topup.id]:
            if transfer.code is Code.TOPUP_HOLD:
                source = self.ledger.by_id(transfer.debit_id)
                amount = transfer.amount_micros
                self.move(held, source, amount, Code.TOPUP_REFUND, topup_id=topup.id)
        amount_micros = -topup.amount_cents * MICROS_PER_CENT
        self.spending.count(scope[0], topup.spent_by, amount_micros, topup.created_at)
        if topup.id not in self._approvals:
            self.spending.give_back_unasked(
                scope[0], topup.spent_by, -amount_micros, topup.created_at
            )

    def credit(
        self, scope: Scope, source: LedgerAccount, amount_micros: int, code: Code, **ids: str
    ) -> None:
        """Purchased credit for a wallet; what the tenant owes is paid first."""
        owed = self.ledger.standing(scope).owed
        debt = min(owed.balance_micros, amount_micros)
        if debt:
            self.move(source, owed, debt, Code.DEBT, **ids)
        if amount_micros > debt:
            wallet = self.ledger.standing(scope).wallet
            self.move(source, wallet, amount_micros - debt, code, **ids)

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
        """One transfer, for a top-up or another subject."""
        transfer = self.ledger.post(
            debit=debit,
            credit=credit,
            amount_micros=amount_micros,
            code=code,
            now_us=self.now_us,
            transaction_id=topup_id,
            subject_id=subject_id,
        )
        if topup_id is not None:
            self._transfers.setdefault(topup_id, []).append(transfer)
        return transfer

    def note_fall(self, scope: Scope, before_micros: int) -> None:
        """balance.low, where something else than a spend took the balance below its threshold."""
        threshold = self._thresholds.get(scope, 0)
        if threshold:
            self._note_balance(scope, threshold, before_micros)

    def _is_promo_sendable(self, scope: Scope) -> bool:
        return scope[1] == "staging" or self.rules.is_promo_sendable

    def _note_balance(self, scope: Scope, threshold: int, before_micros: int) -> None:
        """balance.low fires on each downward crossing: before >= threshold > after."""
        after_micros = self.ledger.balance_micros(scope, self.now_us)
        if before_micros >= threshold > after_micros:
            self.publish(
                scope,
                "balance.low",
                {
                    "balance_cents": micros_to_cents(after_micros),
                    "low_balance_threshold_cents": micros_to_cents(threshold),
                    "currency": CURRENCY,
                },
            )

    # Top-ups

    def voucher_code(self, topup_id: str) -> str:
        if topup_id not in self._codes:
            self._codes[topup_id] = self.rules.codes.code_of(topup_id)
        return self._codes[topup_id]

    def topup(self, topup_id: str, scope: Scope) -> TopUp | None:
        """The tenant's top-up; another's looks like none."""
        found = self._topups.get(topup_id)
        return found if found is not None and found.scope == scope else None

    def reference_used(self, scope: Scope, reference: str) -> tuple[str, Status] | None:
        return self._references.get((*scope, reference))

    def add_topup(self, topup: TopUp) -> None:
        self._changes += 1
        self._topups[topup.id] = topup
        self._new_topups[topup.id] = topup
        if topup.reference is not None:
            self._references[*topup.scope, topup.reference] = (topup.id, topup.status)

    def change_topup(self, topup: TopUp) -> None:
        self._changes += 1
        self._topups[topup.id] = topup
        changed = self._new_topups if topup.id in self._new_topups else self._changed_topups
        changed[topup.id] = topup

    def approval_of(self, topup_id: str) -> Approval | None:
        return self._approvals.get(topup_id)

    def add_approval(self, asked: Approval) -> None:
        self._changes += 1
        self._approvals[asked.transaction_id] = asked
        self._new_approvals[asked.transaction_id] = asked

    def change_approval(self, decided: Approval) -> None:
        self._changes += 1
        self._approvals[decided.transaction_id] = decided
        is_new = decided.transaction_id in self._new_approvals
        (self._new_approvals if is_new else self._changed_approvals)[decided.transaction_id] = (
            decided
        )

    def redemption_of(self, topup_id: str) -> Redemption | None:
        return self._redemptions.get(topup_id)

    def add_redemption(self, redemption: Redemption) -> None:
        self._changes += 1
        self._redemptions[redemption.transaction_id] = redemption
        self._new_redemptions.append(redemption)

    def publish(
        self, scope: Scope, event_type: str, data: Mapping[str, object], topup_id: str | None = None
    ) -> str:
        return self.outbox.publish(
            account_id=scope[0],
            environment=scope[1],
            type=event_type,
            data=data,
            transaction_id=topup_id,
            now_us=self.now_us,
        )

    def publish_topup(self, topup: TopUp) -> str:
        """topup.delivered, topup.failed, topup.cancelled or topup.pending."""
        return self.outbox.publish(
            account_id=topup.account_id,
            environment=topup.environment,
            type=f"topup.{topup.status}",
            data=topup.event_data(),
            code_sealed=topup.fulfilment_code,
            transaction_id=topup.id,
            now_us=self.now_us,
        )
