"""Load and save the top-ups of one transaction, with their intents, approvals, redemptions and emails."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Self

from billing.engine.batch_state import BatchState, ReadSet, Rules, WorkingSet
from billing.ledger.ledger import Code, LedgerAccount, LedgerAccountKind, Transfer, transfers_of
from billing.ledger.money import MICROS_PER_CENT
from billing.topups import approval, mail, rules, topup as topups
from billing.topups.approval import Approval
from billing.topups.mail import Mail, MailsOfBatch
from billing.topups.rules import Redemption, TopUpRules
from billing.topups.topup import HELD_STATES, MOVES, TopUp, TopUpStatus
from kernel.errors import DomainError
from kernel.tenant import Tenant
from keys import caps
from keys.caps import read_places
from keys.tokens import access_token
from store.database import BatchRead, Transaction

BY_APPROVAL = "approval"
# The transfers that took a top-up's funds: a hold, or an immediate send with its fee. A held top-up's fee is part of
# the hold.
_PARTS = frozenset({Code.TOPUP_HOLD, Code.TOPUP_SEND, Code.TOPUP_FEE})

# Account, environment and intent. An intent is the caller's own ID for one top-up. It belongs to the account, so a
# repeated call with any key finds the top-up.
IntentKey = tuple[str, str, str]
_INTENT_COLUMNS: Final = ("account_id", "environment", "intent", "transaction_id")


class IntentUsed(DomainError):
    pass


class IntentMet(DomainError):
    pass


async def load_intents(tx: Transaction, intents: Iterable[IntentKey]) -> dict[IntentKey, str]:
    rows = await tx.fetch(_LOAD_INTENTS, intents=sorted(set(intents)))
    return {(row[0], row[1], row[2]): row[3] for row in rows}


async def insert_intents(tx: Transaction, named: Mapping[IntentKey, str]) -> None:
    rows = [(*intent, topup_id) for intent, topup_id in sorted(named.items())]
    await tx.insert_deferred("topup_intents", _INTENT_COLUMNS, rows)


async def free_intents(tx: Transaction, intents: Iterable[IntentKey]) -> None:
    await tx.execute(_FREE_INTENTS, intents=sorted(set(intents)))


_FREE_INTENTS = """
DELETE FROM topup_intents WHERE (account_id, environment, intent) IN (
    SELECT v.account_id, v.environment, v.intent
    FROM :intents[account_id text, environment text, intent text] AS v)
"""
_LOAD_INTENTS = """
SELECT i.account_id, i.environment, i.intent, i.transaction_id
FROM :intents[account_id text, environment text, intent text] AS v
CROSS JOIN topup_intents i
WHERE i.account_id = v.account_id AND i.environment = v.environment AND i.intent = v.intent
"""


class TopUpWorkingSet(WorkingSet):
    rank = 10

    def __init__(self, rules: TopUpRules) -> None:
        self.rules = rules
        self.ids: set[str] = set()
        self.redeemed_ids: set[str] = set()
        self.references: set[tuple[str, str, str]] = set()
        self.intents: set[IntentKey] = set()
        self.voucher_ids: list[str] = []
        self.mailed_ids: set[str] = set()
        self.mails = MailsOfBatch(rules.mail)
        # (account ID, Principal.sender). These senders are checked again. `_left` holds those that have lost access.
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
        ids = self.voucher_ids
        self._codes.update(zip(ids, self.rules.codes.codes_of(ids), strict=True))
        tokens = self.rules.links.tokens_of("claim", ids)
        self._claim_tokens.update(zip(ids, tokens, strict=True))

    async def load(self, tx: Transaction, read_set: ReadSet, now_us: int) -> None:
        if self.intents:
            self._named = await load_intents(tx, self.intents)
            self.ids.update(self._named.values())
        if self.ids:
            await self._load_old(tx, read_set)
        if self.senders:
            self._left = await access_token.former_senders(tx, self.senders, now_us=now_us)
        self.mails.of_ids = {one for one in self.mailed_ids if one in self._topups}
        await self.mails.load(tx, now_us)

    async def _load_old(self, tx: Transaction, read_set: ReadSet) -> None:
        found = await topups.load(tx, self.ids)
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
            self._redemptions = await rules.load_redemptions(tx, self.redeemed_ids)
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
        if self._changed_approvals:
            await approval.update(tx, list(self._changed_approvals.values()))
        await topups.note_claimed(tx, self._claimed)

    async def insert(self, tx: Transaction) -> None:
        await topups.insert(tx, list(self._new.values()))
        if self._newly_named:
            await insert_intents(tx, self._newly_named)
        if self._new_approvals:
            await approval.insert(tx, list(self._new_approvals.values()))
        await rules.insert_redemptions(tx, self._new_redemptions)
        await self.mails.insert(tx)

    def hints(self) -> Iterable[str]:
        written = (*self._new.values(), *self._changed.values())
        if any(one.next_check_at is not None for one in written):
            yield topups.HINT
        if any(one.status == "scheduled" for one in written):
            yield topups.SCHEDULED_HINT
        if self.mails.has_due:
            yield mail.HINT

    def find(self, topup_id: str, tenant: Tenant) -> TopUp | None:
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


def release_funds(
    state: BatchState,
    topup: TopUp,
    *,
    source: LedgerAccount | None = None,
    code: Code = Code.TOPUP_REFUND,
) -> None:
    """Return each part of a top-up's funds to its source. The key's limits no longer count the send.

    The hourly send count still includes it, to stop a loop of sends and cancellations.
    """
    topups, tenant = topups_of(state), topup.tenant
    parts = topups.holds(topup.id)
    if source is None:
        held = state.ledger.held(tenant)
        for part in parts:
            came_from = state.ledger.by_id(part.debit_id)
            state.move(held, came_from, part.amount_micros, code, topup_id=topup.id)
    else:
        _draw_back(state, topup, source, parts, code)
    charged_micros = topup.charged_cents * MICROS_PER_CENT
    spending, sent_at = state.spending, topup.counted_at
    spending.release(
        tenant, topup.spent_by, charged_micros, sent_at, topup.counted_in, topup_id=topup.id
    )
    # Only sends without approval were counted as unapproved. In a bulk send, an approval may be stored later, so
    # check `fulfilment`.
    if topups.approval_of(topup.id) is None and topup.fulfilment != BY_APPROVAL:
        spending.release_unapproved(tenant.account_id, topup.spent_by, charged_micros, sent_at)


def _draw_back(
    state: BatchState, topup: TopUp, source: LedgerAccount, parts: Sequence[Transfer], code: Code
) -> None:
    lies = [(source, topup.amount_cents * MICROS_PER_CENT)]
    if topup.fee_cents:
        fees = state.ledger.account(topup.tenant, LedgerAccountKind.FEES)
        lies.append((fees, topup.fee_cents * MICROS_PER_CENT))
    for part in parts:
        came_from, wanted = state.ledger.by_id(part.debit_id), part.amount_micros
        while wanted:
            account, left = lies[0]
            drawn = min(wanted, left)
            state.move(account, came_from, drawn, code, topup_id=topup.id)
            wanted -= drawn
            lies[:1] = [(account, left - drawn)] if left > drawn else []
