"""The top-ups of one transaction, with their approvals and redemptions.

A top-up is read after its account is locked; one of an unlocked account doesn't exist here. Each
change is written once per batch.
"""

from collections.abc import Iterable, Sequence
from typing import Self

from billing.engine.batch_state import BatchState
from billing.engine.read_set import ReadSet, WorkingSet
from billing.engine.rules import Rules
from billing.intents import intent as intents
from billing.intents.intent import IntentKey
from billing.ledger.ledger import Code, LedgerAccountKind, Transfer, transfers_of
from billing.topups import approval, mail, topup as topups, voucher
from billing.topups.approval import Approval
from billing.topups.mail import Mail, MailsOfBatch
from billing.topups.rules import TopUpRules
from billing.topups.topup import HELD_STATES, MOVES, TopUp, TopUpStatus
from billing.topups.voucher import Redemption
from kernel.tenant import Tenant
from keys import caps
from keys.counter import read_places
from keys.tokens import senders
from store.database import BatchRead, Transaction

# What took the funds: a hold, or an immediate send and its fee. A held top-up's fee comes out of the hold.
_PARTS = frozenset({Code.TOPUP_HOLD, Code.TOPUP_SEND, Code.TOPUP_FEE})


class TopUpWorkingSet(WorkingSet):
    """Commands add in `declare`: ids, redeemed_ids, references, intents, voucher_ids."""

    rank = 10

    def __init__(self, rules: TopUpRules) -> None:
        self.rules = rules
        self.ids: set[str] = set()
        self.redeemed_ids: set[str] = set()  # whose vouchers are redeemed
        self.references: set[tuple[str, str, str]] = set()
        self.intents: set[IntentKey] = set()
        self.voucher_ids: list[str] = []  # top-ups that may get a voucher
        self.mailed_ids: set[str] = set()  # about which a further mail may be written
        self.mails = MailsOfBatch(rules.mail)
        # (account, Principal.sender) of sends that are judged again, and the findings.
        self.senders: set[tuple[str, str]] = set()
        self._left: set[tuple[str, str]] = set()
        self._codes: dict[str, str] = {}
        self._claim_tokens: dict[str, str] = {}
        self._references: dict[tuple[str, str, str], tuple[str, TopUpStatus]] = {}
        self._named: dict[IntentKey, str] = {}
        self._newly_named: dict[IntentKey, str] = {}
        self._topups: dict[str, TopUp] = {}
        self._holds: dict[str, list[Transfer]] = {}
        self._costs: dict[str, Transfer] = {}
        self._approvals: dict[str, Approval] = {}
        self._redemptions: dict[str, Redemption] = {}
        self._new: dict[str, TopUp] = {}
        self._changed: dict[str, TopUp] = {}
        self._new_approvals: dict[str, Approval] = {}
        self._changed_approvals: dict[str, Approval] = {}
        self._new_redemptions: list[Redemption] = []
        self._claimed: list[TopUp] = []

    @classmethod
    def under(cls, rules: Rules) -> Self:
        return cls(rules.of(TopUpRules))

    def prepare(self) -> None:
        """Compute codes and claim links, which depend only on the IDs."""
        ids = self.voucher_ids
        self._codes.update(zip(ids, self.rules.codes.codes_of(ids), strict=True))
        tokens = self.rules.links.tokens_of("claim", ids)
        self._claim_tokens.update(zip(ids, tokens, strict=True))

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:
        if self.intents:
            self._named = await intents.load(tx, self.intents)
            self.ids.update(self._named.values())
        if self.ids:
            await self._load_old(tx, read_set)
        if self.senders:
            self._left = await senders.who_left(tx, self.senders, now_us=now_us)
        self.mails.of_ids = {one for one in self.mailed_ids if one in self._topups}
        await self.mails.load(tx, now_us)

    async def _load_old(self, tx: Transaction, read_set: ReadSet) -> None:
        found = await topups.load(tx, self.ids)
        # A top-up of a tenant that isn't locked here doesn't exist here.
        self._topups = {i: found[i] for i in found if found[i].tenant in read_set.tenants}
        for transfer in await transfers_of(tx, list(self._topups)):
            topup_id = transfer.transaction_id or ""
            if transfer.code in _PARTS:
                self._holds.setdefault(topup_id, []).append(transfer)
            elif transfer.code is Code.SUPPLIER_COST:
                self._costs[topup_id] = transfer
                read_set.ledger_ids.add(transfer.credit_id)
            read_set.ledger_ids.add(transfer.debit_id)
        if self.redeemed_ids:
            self._redemptions = await voucher.load_redemptions(tx, self.redeemed_ids)
        self._approvals = await approval.load_for_topups(tx, list(self._topups))
        for one in self._topups.values():
            self._add_needs(read_set, one)
            is_to_go_on = one.status in HELD_STATES and one.id not in self._approvals
            if one.sent_by is not None and is_to_go_on:
                self.senders.add((one.account_id, one.sent_by))

    def readings(self) -> Sequence[BatchRead]:
        return [topups.references_reading(self.references, self._references)]

    async def update(self, tx: Transaction, now_us: int) -> None:  # noqa: ARG002
        await topups.update(tx, list(self._changed.values()))
        await approval.update(tx, list(self._changed_approvals.values()))
        await topups.note_claimed(tx, self._claimed)

    async def insert(self, tx: Transaction) -> None:
        await topups.insert(tx, list(self._new.values()))
        if self._newly_named:
            await intents.insert(tx, self._newly_named)
        await approval.insert(tx, list(self._new_approvals.values()))
        await voucher.insert_redemptions(tx, self._new_redemptions)
        await self.mails.insert(tx)

    def hints(self) -> Iterable[str]:
        """Return hints for pending and scheduled top-ups and for due mail."""
        written = (*self._new.values(), *self._changed.values())
        if any(one.next_check_at is not None for one in written):
            yield topups.HINT
        if any(one.status == "scheduled" for one in written):
            yield topups.SCHEDULED_HINT
        if self.mails.has_due:
            yield mail.HINT

    def find(self, topup_id: str, tenant: Tenant) -> TopUp | None:
        """Return the tenant's top-up; another tenant's looks like none."""
        found = self._topups.get(topup_id)
        return found if found is not None and found.tenant == tenant else None

    def of_reference(self, tenant: Tenant, reference: str) -> tuple[str, TopUpStatus] | None:
        return self._references.get((*tenant, reference))

    def of_intent(self, tenant: Tenant, intent: str) -> TopUp | None:
        topup_id = self._named.get((*tenant, intent))
        return None if topup_id is None else self.find(topup_id, tenant)

    def code_of(self, topup_id: str) -> str:
        code = self._codes.get(topup_id)
        if code is None:
            code = self._codes[topup_id] = self.rules.codes.code_of(topup_id)
        return code

    def claim_url_of(self, topup_id: str) -> str:
        token = self._claim_tokens.get(topup_id)
        return self.rules.claim_url(topup_id, token)

    def holds(self, topup_id: str) -> Sequence[Transfer]:
        parts = self._holds[topup_id]
        held = [part for part in parts if part.code is Code.TOPUP_HOLD]
        return held or parts

    def cost_of(self, topup_id: str) -> Transfer | None:
        return self._costs.get(topup_id)

    def approval_of(self, topup_id: str) -> Approval | None:
        return self._approvals.get(topup_id)

    def has_left(self, account_id: str, sent_by: str | None) -> bool:
        """Return whether the sender lost the access that a send needs; a new send isn't checked."""
        return (account_id, sent_by) in self._left

    def redemption_of(self, topup_id: str) -> Redemption | None:
        return self._redemptions.get(topup_id)

    def add(self, topup: TopUp, holds: Sequence[Transfer] = ()) -> None:
        self.changes += 1
        self._topups[topup.id] = self._new[topup.id] = topup
        if holds:
            self._holds[topup.id] = list(holds)
        if topup.reference is not None:
            self._references[*topup.tenant, topup.reference] = (topup.id, topup.status)

    def name(self, topup: TopUp, intent: str) -> None:
        self.changes += 1
        self._named[*topup.tenant, intent] = self._newly_named[*topup.tenant, intent] = topup.id

    def change(self, topup: TopUp) -> None:
        self.changes += 1
        self._topups[topup.id] = topup
        (self._new if topup.id in self._new else self._changed)[topup.id] = topup

    def write_mail(self, topup: TopUp, now_us: int) -> Mail:
        """Write a mail about a delivered top-up; `mails` was told to expect it."""
        self.changes += 1
        return self.mails.write(topup, now_us)

    def claim(self, claimed: TopUp) -> None:
        self.changes += 1
        self._topups[claimed.id] = claimed
        self._claimed.append(claimed)

    def add_approval(self, asked: Approval) -> None:
        self.changes += 1
        self._approvals[asked.transaction_id] = self._new_approvals[asked.transaction_id] = asked

    def change_approval(self, decided: Approval) -> None:
        self.changes += 1
        topup_id = decided.transaction_id
        self._approvals[topup_id] = decided
        is_new = topup_id in self._new_approvals
        (self._new_approvals if is_new else self._changed_approvals)[topup_id] = decided

    def add_redemption(self, redemption: Redemption) -> None:
        self.changes += 1
        self._redemptions[redemption.transaction_id] = redemption
        self._new_redemptions.append(redemption)

    def _add_needs(self, read_set: ReadSet, one: TopUp) -> None:
        """Add the accounts, windows and mail that the top-up's end touches."""
        if one.id in self.mailed_ids or (one.delivery is not None and one.delivery.email):
            self.mails.expect(one.account_id, one.environment, one.recipient_email)
        read_set.places.add((*one.tenant, LedgerAccountKind.RECIPIENT, one.recipient_name))
        if MOVES[one.status] or one.id in self.redeemed_ids:
            read_set.places.add((*one.tenant, LedgerAccountKind.REDEEMED, one.platform))
        if MOVES[one.status] and one.fee_cents:
            read_set.places.add((*one.tenant, LedgerAccountKind.FEES, ""))
        counted_at = one.counted_at
        for key_id in one.spent_by:
            read_set.windows.update((key_id, p, s) for p, s in caps.windows_of(counted_at))
            read_set.windows.add(caps.unapproved_window(key_id, counted_at))
        if one.counted_in is not None:
            read_set.windows.update(read_places(one.counted_in))


def topups_of(state: BatchState) -> TopUpWorkingSet:
    return state.working_set(TopUpWorkingSet)
