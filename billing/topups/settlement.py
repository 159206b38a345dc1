"""End or release a top-up that holds funds: cancel, deliver, approve, deny, or release at the scheduled time.

A top-up ends only once, under its tenant's lock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from msgspec.structs import replace

from billing.engine.batch_state import AuditEntries, BatchState, ReadSet
from billing.engine.limit import SendAgain, SendFacts
from billing.ledger.ledger import Code, LedgerAccount, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CENT, micros_to_cents
from billing.topups import approval as approvals
from billing.topups.approval import BY_LINK, Approval, ApprovalDecision
from billing.topups.platform import WALLET, InvalidPlatform, Source
from billing.topups.rules import Redemption
from billing.topups.send import (
    BY_SANDBOX,
    fail,
    first_check_at,
    publish,
    request_approval,
    sandbox_script,
)
from billing.topups.topup import (
    AlreadyDelivered,
    Deliverable,
    TopUp,
    hint_of,
    move,
    stored_deliverable,
)
from billing.topups.working_set import BY_APPROVAL, TopUpWorkingSet, release_funds, topups_of
from kernel.clock import rfc3339
from kernel.errors import DomainError, NotFound
from kernel.tenant import Tenant
from keys import audit_log
from keys.audit_log import Actor
from keys.mandate import KeyPaused, OutsideMandate
from keys.principal import CredentialEnded, check_sender
from store.database import Transaction
from store.row_mapping import WORDS_OR_NULL

REASON_CHARACTERS_MAX = 200
EXPIRED = "the approval expired"
DENIED = "the approval was denied"
LEFT = "whoever sent it left the account, and nobody released it within 72 hours"
ENDED = "requester_ended"
CREDIT = Deliverable("credit")
# A placeholder for the supplier until all items of the batch are accepted.
BY_BATCH = "batch"


class WrongStateForApproval(DomainError):
    pass


class RequesterBlocked(DomainError):
    pass


class AwaitsApproval(DomainError):
    pass


def deliver(state: BatchState, topup: TopUp, *, given: Deliverable | None = None) -> TopUp:
    """Pay the recipient and the fees from the held funds.

    If a supplier delivered (`given`), the voucher is settled externally in the same step, so nobody can use both the
    voucher and the delivery. A code in `given` replaces the voucher's code.
    """
    topups = topups_of(state)
    is_external = given is not None or (topup.supplier is not None and topup.fulfilment != WALLET)
    value = None if given is None else given.value
    hint = None
    if value is None:
        hint = hint_of(topups.code_of(topup.id))
    elif given is not None and given.kind == "code":
        hint = hint_of(value)
    delivered = move(
        topup,
        "delivered",
        now_us=state.now_us,
        voucher_code_hint=hint,
        fulfilment_code=None if value is None else topups.rules.codes.seal(topup.id, value),
        deliverable=stored_deliverable(given or CREDIT) if is_external else None,
    )
    held = state.ledger.held(topup.tenant)
    recipient = state.ledger.account(
        topup.tenant, LedgerAccountKind.RECIPIENT, topup.recipient_name
    )
    amount_micros = topup.amount_cents * MICROS_PER_CENT
    state.move(held, recipient, amount_micros, Code.TOPUP_DELIVER, topup_id=topup.id)
    if topup.fee_cents:
        fees = state.ledger.account(topup.tenant, LedgerAccountKind.FEES)
        fee_micros = topup.fee_cents * MICROS_PER_CENT
        state.move(held, fees, fee_micros, Code.TOPUP_FEE, topup_id=topup.id)
    if is_external:
        _settle_voucher(state, topup, recipient, amount_micros)
    delivered = replace(delivered, new_balance_cents=micros_to_cents(recipient.balance_micros))
    topups.change(delivered)
    if topup.delivery is not None and topup.delivery.email:
        topups.write_mail(delivered, state.now_us)
    publish(state, delivered)
    return delivered


def _settle_voucher(
    state: BatchState, topup: TopUp, recipient: LedgerAccount, amount_micros: int
) -> None:
    redeemed = state.ledger.account(topup.tenant, LedgerAccountKind.REDEEMED, topup.platform)
    state.move(recipient, redeemed, amount_micros, Code.VOUCHER_SETTLE, topup_id=topup.id)
    redemption = Redemption(topup.id, *topup.tenant, topup.account_id, "external", state.now_us)
    topups_of(state).add_redemption(redemption)


def cancel(state: BatchState, topup: TopUp, *, reason: str | None = None) -> TopUp:
    cancelled = move(topup, "cancelled", now_us=state.now_us, failure_reason=reason)
    release_funds(state, topup)
    topups_of(state).change(cancelled)
    publish(state, cancelled)
    return cancelled


def call_off(state: BatchState, topup: TopUp, *, by: str) -> TopUp:
    asked = waits_for(state, topup)
    if asked is not None:
        account_now_us = state.now_of(topup.tenant)
        is_over = asked.expires_at <= account_now_us
        decided = approvals.decide(
            asked,
            "expired" if is_over else "cancelled",
            by=None if is_over else by,
            topup_status=topup.status,
            now_us=state.now_us,
            account_now_us=account_now_us,
        )
        _publish_decision(state, topup, decided)
    return cancel(state, topup)


def waits_for(state: BatchState, topup: TopUp) -> Approval | None:
    asked = topups_of(state).approval_of(topup.id)
    if topup.status != "pending" or asked is None or asked.status != "pending":
        return None
    return asked


def _publish_decision(state: BatchState, topup: TopUp, decided: Approval) -> None:
    topups_of(state).change_approval(decided)
    data: dict[str, Any] = {"approval": decided.shape(), **topup.event_data()}
    state.publish(topup.tenant, f"approval.{decided.status}", data, topup.id, trace=topup.trace)


@dataclass(frozen=True, slots=True)
class EndedTopUp:
    topup: TopUp
    wallet_balance_cents: int
    approval: Approval | None = None
    refusal: RequesterBlocked | None = None
    is_mine: bool = False  # this caller must call the supplier after the hand-over
    objection: str | None = None


@dataclass(frozen=True, slots=True)
class OnTopUp:
    topup_id: str
    tenant: Tenant

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.working_set(TopUpWorkingSet).ids.add(self.topup_id)

    def _topup(self, state: BatchState) -> TopUp:
        found = topups_of(state).find(self.topup_id, self.tenant)
        if found is None:
            raise NotFound("Transaction", param="transaction_id")
        return found

    def _ended(self, state: BatchState, topup: TopUp) -> EndedTopUp:
        balance = micros_to_cents(state.ledger.balance_micros(self.tenant, state.now_us))
        return EndedTopUp(topup, balance, topups_of(state).approval_of(topup.id))


@dataclass(frozen=True, slots=True)
class Cancel(OnTopUp):
    """Cancel a top-up for its sender. If `own_key` is set, that key or one of its descendants must have sent it."""

    cancelled_by: str
    own_key: str | None

    def decide(self, state: BatchState) -> EndedTopUp:
        topup = self._topup(state)
        check_sender(self.own_key, topup.spent_by)
        if topup.status == "pending" and topup.handed_over_at is not None:
            raise AlreadyDelivered(
                "The top-up has already been handed to its supplier.",
                reason="in_fulfilment",
                extra={"transaction_id": topup.id, "status": topup.status},
            )
        return self._ended(state, call_off(state, topup, by=self.cancelled_by))


@dataclass(frozen=True, slots=True)
class Decide(OnTopUp):
    approval_id: str
    decision: ApprovalDecision
    decided_by: str | None = None
    spent_by: tuple[str, ...] = ()
    actor: Actor | None = None

    def declare(self, read_set: ReadSet) -> None:
        OnTopUp.declare(self, read_set)
        if self.actor is not None:
            read_set.working_set(AuditEntries)
        read_set.key_ids.update(self.spent_by)

    def decide(self, state: BatchState) -> EndedTopUp:
        topup = self._topup(state)
        asked = topups_of(state).approval_of(topup.id)
        if asked is None or asked.id != self.approval_id:
            raise NotFound("Approval", param="id")
        decided = approvals.decide(
            asked,
            self.decision,
            by=self.decided_by,
            topup_status=topup.status,
            now_us=state.now_us,
            account_now_us=state.now_of(self.tenant),
        )
        if topup.status != "pending" or topup.fulfilment != BY_APPROVAL:
            if self.decision == "expired":
                # Record the decision, so that the worker doesn't find this approval again.
                topups_of(state).change_approval(decided)
                return self._ended(state, topup)
            raise WrongStateForApproval(
                "The top-up is no longer waiting for approval.",
                extra={"transaction_id": topup.id, "status": topup.status},
            )
        if self.decision == "approved":
            # Check all rules that can refuse the top-up before changing anything.
            try:
                source = check_again(state, topup)
            except InvalidPlatform as gone:
                raise _deny_it(topup, gone) from None
            except RequesterBlocked as blocked:
                return self._blocked(state, topup, asked, blocked)
            self._record(state, topup, decided)
            return self._ended(state, proceed(state, topup, source))
        self._record(state, topup, decided)
        if asked.reason == "sender_left" and self.decision == "expired":
            return self._ended(state, fail(state, topup, LEFT))
        reason = EXPIRED if self.decision == "expired" else DENIED
        return self._ended(state, cancel(state, topup, reason=reason))

    def _blocked(
        self, state: BatchState, topup: TopUp, asked: Approval, blocked: RequesterBlocked
    ) -> EndedTopUp:
        """Cancel the top-up if it can never continue. If it is blocked only for now, raise the error that says why."""
        blocked.extra |= {"transaction_id": topup.id, "status": topup.status}
        if blocked.reason != ENDED:
            raise RequesterBlocked(
                f"{blocked.detail} The top-up is still waiting for approval. Approve again once this"
                " has changed, or deny to return the held funds to the wallet.",
                reason=blocked.reason,
                extra=blocked.extra,
            )
        assert self.decided_by is not None, "somebody approved"
        cancelled = approvals.decide(
            asked,
            "cancelled",
            by=self.decided_by,
            topup_status=topup.status,
            now_us=state.now_us,
            account_now_us=state.now_of(self.tenant),
        )
        self._record(state, topup, cancelled)
        ended = cancel(state, topup, reason=blocked.detail)
        refusal = RequesterBlocked(
            f"{blocked.detail} The top-up was cancelled, and its funds are back in the wallet.",
            reason=ENDED,
            extra={**blocked.extra, "status": ended.status},
        )
        after = self._ended(state, ended)
        return EndedTopUp(ended, after.wallet_balance_cents, after.approval, refusal)

    def _record(self, state: BatchState, topup: TopUp, decided: Approval) -> None:
        _publish_decision(state, topup, decided)
        if self.actor is None:
            return
        entry = audit_log.security(
            self.actor,
            f"approval.{decided.status}",
            account_id=topup.tenant.account_id,
            environment=topup.tenant.environment,
            subject_id=decided.id,
            after={"transaction_id": topup.id, "amount_cents": topup.amount_cents},
            reason="by a signed link" if self.decided_by == BY_LINK else None,
            now_us=state.now_us,
        )
        state.working_set(AuditEntries).add(entry)


def awaits(state: BatchState, topup: TopUp, asked: Approval) -> AwaitsApproval:
    path = f"/approvals/{asked.id}"
    public_url = topups_of(state).rules.public_url
    return AwaitsApproval(
        "The top-up is waiting for approval by a user, or by a key that is unrelated to the sending key.",
        reason="awaits_approval",
        extra={
            "transaction_id": topup.id,
            "status": topup.status,
            "approval": {
                "id": asked.id,
                "url": f"{public_url}/dashboard{path}",
                "expires_at": rfc3339(asked.expires_at),
            },
            "links": [
                {"rel": rel, "method": "POST", "href": f"/api/public/v1{path}/{rel}"}
                for rel in ("approve", "deny")
            ],
        },
    )


def check_again(state: BatchState, topup: TopUp) -> Source:
    """Check a held top-up before it continues, and return its first supplier. If a rule refuses it, raise that
    rule's error.

    Funds and caps were checked when the send was accepted.
    """
    facts = SendFacts(topup.id, topup.platform, topup.recipient_email, topup.amount_cents)
    try:
        state.check_alive(topup.tenant, topup.spent_by)
        state.spending.check_place(SendAgain(topup.spent_by, facts))
    except (CredentialEnded, KeyPaused, OutsideMandate) as refusal:
        raise _blocked(topup, refusal) from None
    state.check_debt(topup.tenant)
    return topups_of(state).rules.platforms.of(topup.environment).find(topup.platform).first


def _blocked(
    topup: TopUp, refusal: CredentialEnded | KeyPaused | OutsideMandate
) -> RequesterBlocked:
    named = "" if topup.key_name is None else f' "{topup.key_name}"'
    key = f"The API key{named} that made this send"
    if isinstance(refusal, CredentialEnded):
        end = "has expired" if refusal.reason == "expired" else "was revoked"
        reason, detail = ENDED, f"{key} {end}."
    elif isinstance(refusal, KeyPaused):
        reason, detail = "requester_paused", f"{key} is paused."
    else:
        reason, detail = "requester_limits", f"{key} may no longer send to this {refusal.reason}."
    key_id = refusal.extra.get("key_id", topup.spent_by[0])
    return RequesterBlocked(detail, reason=reason, extra={"requester_key_id": key_id})


def proceed(state: BatchState, topup: TopUp, source: Source) -> TopUp:
    released = replace(topup, fulfilment=source.kind)
    is_early = (topup.scheduled_for or 0) > state.now_of(topup.tenant)
    if not is_early and source.delivers_at_once:
        return deliver(state, released)
    if is_early:
        following = move(released, "scheduled", now_us=state.now_us)
    else:
        following = replace(released, supplier=source.id, next_check_at=state.now_us)
        if topup.status == "scheduled":
            following = move(following, "pending", now_us=state.now_us)
    topups_of(state).change(following)
    if following.status != topup.status:
        publish(state, following)
    return following


def _deny_it(topup: TopUp, gone: InvalidPlatform) -> InvalidPlatform:
    return InvalidPlatform(
        f"{topup.platform} is no longer offered. Deny the approval to return the funds.",
        param="platform",
        reason=gone.reason or "removed",
        extra={"transaction_id": topup.id, "status": topup.status},
    )


class DueSend(NamedTuple):
    id: str
    tenant: Tenant
    spent_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Release(OnTopUp):
    """Release a scheduled top-up as if it had just been sent. If a rule refuses it now, return its funds.

    This happens once, and never before the scheduled time on the tenant's clock.
    """

    spent_by: tuple[str, ...]

    def declare(self, read_set: ReadSet) -> None:
        OnTopUp.declare(self, read_set)
        read_set.key_ids.update(self.spent_by)

    def decide(self, state: BatchState) -> EndedTopUp:
        topup = self._topup(state)
        if _is_due(state, topup):
            topup = release(state, topup)
        return self._ended(state, topup)


def release(state: BatchState, topup: TopUp) -> TopUp:
    try:
        source = check_again(state, topup)
    except DomainError as refusal:
        return fail(state, topup, f"refused at its time: {refusal.detail}")
    topups = topups_of(state)
    if topups.has_left(topup.account_id, topup.sent_by) and topups.approval_of(topup.id) is None:
        return _wait_for_person(state, topup)
    scripted = sandbox_script(topup.tenant, topup.recipient_email)
    if scripted == "failed":
        return fail(state, topup, "sandbox: this recipient always fails")
    if scripted in {"pending", "delayed"}:
        return _wait_for_script(state, topup)
    return proceed(state, topup, source)


def _is_due(state: BatchState, topup: TopUp) -> bool:
    return (
        topup.status == "scheduled"
        and topup.fulfilment != BY_BATCH
        and topup.scheduled_for is not None
        and topup.scheduled_for <= state.now_of(topup.tenant)
    )


def _wait_for_person(state: BatchState, topup: TopUp) -> TopUp:
    waiting = move(replace(topup, fulfilment=BY_APPROVAL), "pending", now_us=state.now_us)
    topups_of(state).change(waiting)
    publish(state, waiting)
    request_approval(state, waiting)
    return waiting


def _wait_for_script(state: BatchState, topup: TopUp) -> TopUp:
    scripted = replace(topup, fulfilment=BY_SANDBOX)
    waiting = move(
        scripted,
        "pending",
        now_us=state.now_us,
        next_check_at=first_check_at(scripted, state.now_us),
    )
    topups_of(state).change(waiting)
    publish(state, waiting)
    return waiting


async def due_scheduled(
    tx: Transaction, *, now_us: int, limit: int, exclude_ids: Sequence[str] = ()
) -> list[DueSend]:
    rows = await tx.fetch(_DUE, now=now_us, limit=limit, exclude_ids=exclude_ids)
    return [DueSend(row[0], Tenant(row[1], row[2]), WORDS_OR_NULL.read(row[3])) for row in rows]


async def next_scheduled_at(tx: Transaction, *, exclude_ids: Sequence[str] = ()) -> int | None:
    row = await tx.fetch_one(_NEXT_DUE_AT, exclude_ids=exclude_ids)
    return None if row is None or row["due_at"] is None else int(row["due_at"])


_DUE = f"""
SELECT d.id, d.account_id, d.environment, d.spent_by FROM (
    SELECT * FROM (
        SELECT id, account_id, environment, spent_by FROM topups
        WHERE status = 'scheduled' AND fulfilment <> '{BY_BATCH}' AND scheduled_for <= :now
          AND NOT id IN :exclude_ids[text]
        ORDER BY scheduled_for LIMIT :limit) AS plain
    UNION
    SELECT t.id, t.account_id, t.environment, t.spent_by
    FROM account_environments e
    CROSS JOIN topups t
    WHERE e.clock_ahead_us > 0
      AND t.account_id = e.account_id AND t.environment = e.environment
      AND t.status = 'scheduled' AND t.fulfilment <> '{BY_BATCH}'
      AND t.scheduled_for <= :now + e.clock_ahead_us
      AND NOT t.id IN :exclude_ids[text]
) AS d LIMIT :limit
"""
_NEXT_DUE_AT = f"""
SELECT MIN(d.due_at) AS due_at FROM (
    SELECT MIN(scheduled_for) AS due_at FROM topups
    WHERE status = 'scheduled' AND fulfilment <> '{BY_BATCH}' AND scheduled_for IS NOT NULL
      AND NOT id IN :exclude_ids[text]
    UNION ALL
    SELECT MIN(t.scheduled_for - e.clock_ahead_us)
    FROM account_environments e
    CROSS JOIN topups t
    WHERE e.clock_ahead_us > 0
      AND t.account_id = e.account_id AND t.environment = e.environment
      AND t.status = 'scheduled' AND t.fulfilment <> '{BY_BATCH}'
      AND NOT t.id IN :exclude_ids[text]) AS d
"""
