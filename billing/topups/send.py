"""Send a top-up: check the rules in a fixed order, then apply the send.

One batch debits the wallet, credits the recipient and the fees, issues the voucher and writes the event. If the
top-up must wait, its funds are held.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

import msgspec
from msgspec.structs import replace

from billing.engine.batch_state import BatchState, ReadSet
from billing.engine.limit import SendFacts
from billing.ledger.ledger import Code, InsufficientBalance, LedgerAccount, LedgerAccountKind
from billing.ledger.money import MICROS_PER_CENT, micros_to_cents
from billing.topups.approval import WAITS_US, Approval
from billing.topups.platform import Platform, Platforms, earned_cents
from billing.topups.topup import (
    DeliveryOptions,
    DuplicateReference,
    TopUp,
    TopUpStatus,
    hint_of,
    move,
)
from billing.topups.working_set import (
    BY_APPROVAL,
    IntentMet,
    IntentUsed,
    TopUpWorkingSet,
    release_funds,
    topups_of,
)
from kernel.clock import DAY_US, MINUTE_US, SECOND_US, rfc3339
from kernel.errors import DomainError, InvalidInput
from kernel.ids import new_id
from kernel.tenant import Tenant
from keys.account import normalise_email
from keys.caps import CapExceeded
from keys.principal import Principal
from keys.tokens.access_token import is_colleague
from keys.vault import Vault
from webhooks.events.schemas import ApprovalReason

SANDBOX_DOMAIN = "@sandbox.test"
SANDBOX_DELAY_US = 2 * SECOND_US
SCHEDULED_AHEAD_US_MAX = 90 * DAY_US
# The sandbox itself fulfils sends to its test recipients.
BY_SANDBOX = "sandbox"

WouldBe = Literal["delivered", "pending", "scheduled", "approval_required", "failed"]


class AmountOutOfRange(DomainError):
    pass


class Caller(msgspec.Struct, frozen=True, gc=False):
    address: str | None = None
    idempotency_key: str | None = None


NO_CALLER = Caller()


class SendRequest(msgspec.Struct, frozen=True, gc=False):
    """A send whose input was checked. If `quote_ends_at` is set, the fee was quoted and is valid until then, on the
    tenant's clock.
    """

    platform: Platform
    amount_cents: int
    recipient_email: str
    reference: str | None = None
    metadata: Mapping[str, str] | None = None
    note: str | None = None
    delivery: DeliveryOptions | None = None
    send_at: int | None = None
    fee_cents: int = 0
    quote_ends_at: int | None = None
    is_distinct: bool = False  # the caller confirmed that this isn't a repeated send
    # the account's own ID for this send (see billing/topups/working_set.py)
    intent: str | None = None

    @property
    def charged_cents(self) -> int:
        return self.amount_cents + self.fee_cents

    @property
    def charged_micros(self) -> int:
        return self.charged_cents * MICROS_PER_CENT

    @property
    def is_mailed(self) -> bool:
        return self.delivery is not None and self.delivery.email


def _usd(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"


def check_amount(platform: Platform, amount_cents: int) -> None:
    if not platform.min_amount_cents <= amount_cents <= platform.max_amount_cents:
        least, most = platform.min_amount_cents, platform.max_amount_cents
        raise AmountOutOfRange(
            f"`amount_cents` must be from {least} to {most} US cents for {platform.id}: "
            f"{least} means {_usd(least)}.",
            param="amount_cents",
            extra={"min": least, "max": most},
        )


def check_amount_of_any(platforms: Platforms, amount_cents: int) -> None:
    offered = platforms.offered()
    if not offered:
        return
    least = min(one.min_amount_cents for one in offered)
    most = max(one.max_amount_cents for one in offered)
    if not least <= amount_cents <= most:
        raise AmountOutOfRange(
            f"`amount_cents` must be from {least} to {most} US cents for any platform: "
            f"{least} means {_usd(least)}.",
            param="amount_cents",
            extra={"min": least, "max": most},
        )


def check_same(topup: TopUp, request: SendRequest) -> None:
    asked = (request.platform.id, request.amount_cents, request.recipient_email)
    if asked != (topup.platform, topup.amount_cents, topup.recipient_email):
        raise IntentUsed(
            "The intent was already used for a different platform, amount or recipient.",
            param="intent",
            reason="intent_used",
            extra={"transaction_id": topup.id, "status": topup.status},
        )


def prepare(
    platforms: Platforms,
    *,
    account_id: str,
    platform: str,
    amount_cents: int,
    recipient_email: str,
    reference: str | None = None,
    metadata: Mapping[str, str] | None = None,
    note: str | None = None,
    delivery: DeliveryOptions | None = None,
    send_at: int | None = None,
    is_distinct: bool = False,
    intent: str | None = None,
) -> SendRequest:
    found = platforms.find(platform)
    address = normalise_email(recipient_email)
    check_amount(found, amount_cents)
    fee_cents = found.fee_cents(account_id, amount_cents)
    return SendRequest(
        found,
        amount_cents,
        address,
        reference,
        metadata,
        note,
        delivery,
        send_at,
        fee_cents,
        is_distinct=is_distinct,
        intent=intent,
    )


class RateLimited(DomainError):
    pass


class Sent(msgspec.Struct, frozen=True, gc=False):
    """The result of a send. `is_replay` means that an earlier send with the same intent created the top-up. Its code is
    then returned only to readers who may see it.
    """

    topup: TopUp
    wallet_balance_cents: int
    approval: Approval | None = None
    voucher_code: str | None = None
    is_replay: bool = False
    claim_url: str | None = None  # for the same


class Send(msgspec.Struct, frozen=True, gc=False):
    topup_id: str
    tenant: Tenant
    lineage: tuple[str, ...]
    request: SendRequest
    caller: Caller = NO_CALLER
    sent_by: str | None = None

    def declare(self, read_set: ReadSet) -> None:
        read_set.tenants.add(self.tenant)
        read_set.key_ids.update(self.lineage)
        name = f"{self.request.platform.id}/{self.request.recipient_email}"
        read_set.places.add((*self.tenant, LedgerAccountKind.RECIPIENT, name))
        if self.request.fee_cents:
            read_set.places.add((*self.tenant, LedgerAccountKind.FEES, ""))
        read_set.sends.append(self)
        topups = read_set.working_set(TopUpWorkingSet)
        topups.voucher_ids.append(self.topup_id)
        if self.request.reference is not None:
            topups.references.add((*self.tenant, self.request.reference))
        if self.request.intent is not None:
            topups.intents.add((*self.tenant, self.request.intent))
        if self.request.is_mailed:
            topups.mails.expect(*self.tenant, self.request.recipient_email)
        if self.sent_by is not None and is_colleague(self.tenant.account_id, self.sent_by):
            # Check the sender in the database. Gateways cache sessions for half a second, and money must not depend on
            # a cache.
            topups.senders.add((self.tenant.account_id, self.sent_by))

    @property
    def facts(self) -> SendFacts:
        request = self.request
        return SendFacts(
            self.topup_id,
            request.platform.id,
            request.recipient_email,
            request.amount_cents,
            request.is_distinct,
        )

    def decide(self, state: BatchState) -> Sent:
        topups = topups_of(state)
        if self.request.intent is not None:
            named = topups.of_intent(self.tenant, self.request.intent)
            if named is not None:
                return self._replay(state, topups, named)
        charged_micros = self.request.charged_micros
        would_be, fulfilment = self.judge(state, topups, charged_micros)
        counted_in = state.spending.spend(self.tenant, self.lineage, charged_micros, self)
        if would_be == "delivered":
            topup = self._deliver(state, topups, fulfilment, counted_in)
        else:
            topup = self._hold(state, topups, fulfilment, would_be, charged_micros, counted_in)
        if would_be != "approval_required":
            state.spending.count_unasked(self.tenant.account_id, self.lineage, charged_micros)
        if would_be == "failed":
            topup = fail(state, topup, "sandbox: this recipient always fails")
        if self.request.intent is not None:
            topups.name(topup, self.request.intent)
        approval = topups.approval_of(topup.id)
        code = topups.code_of(topup.id) if topup.status == "delivered" else None
        balance_cents = _balance_cents(state, self.tenant)
        claim_url = topups.claim_url_of(topup.id)
        return Sent(topup, balance_cents, approval, code, claim_url=claim_url)

    def check_unmet(self, topups: TopUpWorkingSet) -> None:
        intent = self.request.intent
        named = None if intent is None else topups.of_intent(self.tenant, intent)
        if named is None:
            return
        check_same(named, self.request)
        raise IntentMet(
            "A top-up with this intent was already sent. Nothing was sent again.",
            param="intent",
            reason="intent_met",
            extra={"transaction_id": named.id, "status": named.status},
        )

    def _replay(self, state: BatchState, topups: TopUpWorkingSet, named: TopUp) -> Sent:
        state.check_alive(self.tenant, self.lineage)
        check_same(named, self.request)
        asked = topups.approval_of(named.id)
        has_code = named.status == "delivered" and named.voucher_code_hint is not None
        code = topups.code_of(named.id) if has_code and named.fulfilment_code is None else None
        return Sent(
            named,
            _balance_cents(state, self.tenant),
            asked if asked is not None and asked.status == "pending" else None,
            code,
            is_replay=True,
            claim_url=topups.claim_url_of(named.id),
        )

    def judge(
        self, state: BatchState, topups: TopUpWorkingSet, charged_micros: int
    ) -> tuple[WouldBe, str]:
        """Return the send's outcome and who fulfils it. Raise the error of the first rule that refuses the send."""
        state.check_alive(self.tenant, self.lineage)
        if self.request.send_at is not None:
            check_time(self.request.send_at, state.now_of(self.tenant))
        if self.request.reference is not None:
            seen = topups.of_reference(self.tenant, self.request.reference)
            if seen is not None:
                raise DuplicateReference(
                    "The `reference` was already used. See `transaction_id`.",
                    param="reference",
                    extra={"transaction_id": seen[0], "status": seen[1]},
                )
        state.spending.check_new(self)
        if self.request.quote_ends_at is not None:
            self._check_quote(state, self.request.quote_ends_at)
        scripted = sandbox_script(self.tenant, self.request.recipient_email)
        _refuse_scripted(scripted, self.request.amount_cents, state.now_us)
        state.spending.check(self.tenant, self.lineage, charged_micros, self)
        state.check_funds(self.tenant, charged_micros)
        is_now = self.request.send_at is None
        if scripted == "failed" and is_now:
            return "failed", BY_SANDBOX
        if (
            scripted == "approval"
            or state.spending.needs_approval(self.lineage, self.request.charged_cents)
            or (self.sent_by is not None and topups.has_left(self.tenant.account_id, self.sent_by))
        ):
            return "approval_required", BY_APPROVAL
        if not is_now:
            return "scheduled", self.request.platform.first.kind
        if scripted in {"pending", "delayed"}:
            return "pending", BY_SANDBOX
        first = self.request.platform.first
        return ("delivered" if first.delivers_at_once else "pending"), first.kind

    def _check_quote(self, state: BatchState, ends_at: int) -> None:
        if ends_at <= state.now_of(self.tenant):
            raise InvalidInput(
                "The quote has expired. Validate again, and send with the new quote.",
                param="quote_id",
                reason="quote_expired",
                extra={"expired_at": rfc3339(ends_at)},
            )

    def topup(
        self, state: BatchState, fulfilment: str, status: TopUpStatus, **outcome: Any
    ) -> TopUp:
        return TopUp(
            id=self.topup_id,
            account_id=self.tenant.account_id,
            environment=self.tenant.environment,
            spent_by=self.lineage,
            status=status,
            platform=self.request.platform.id,
            amount_cents=self.request.amount_cents,
            recipient_email=self.request.recipient_email,
            created_at=state.now_us,
            fulfilment=fulfilment,
            reference=self.request.reference,
            metadata=self.request.metadata or {},
            note=self.request.note,
            fee_cents=self.request.fee_cents,
            earned_fee_cents=earned_cents(status, self.request.fee_cents),
            delivery=self.request.delivery,
            scheduled_for=self.request.send_at,
            key_name=state.spending.name_of(self.lineage),
            caller_address=self.caller.address,
            idempotency_key=self.caller.idempotency_key,
            **outcome,
        )

    def _deliver(
        self, state: BatchState, topups: TopUpWorkingSet, fulfilment: str, counted_in: str | None
    ) -> TopUp:
        name = f"{self.request.platform.id}/{self.request.recipient_email}"
        recipient = state.ledger.account(self.tenant, LedgerAccountKind.RECIPIENT, name)
        topup_id = self.topup_id
        amount_micros, code = self.request.amount_cents * MICROS_PER_CENT, Code.TOPUP_SEND
        if self.request.fee_cents:
            # Report a single drop in the balance, for the amount plus the fee.
            before = state.ledger.balance_micros(self.tenant, state.now_us)
            self._take_part(state, recipient, amount_micros, code)
            fees = state.ledger.account(self.tenant, LedgerAccountKind.FEES)
            fee_micros = self.request.fee_cents * MICROS_PER_CENT
            self._take_part(state, fees, fee_micros, Code.TOPUP_FEE)
            state.record_drop(self.tenant, before)
        else:
            state.take(self.tenant, amount_micros, to=recipient, code=code, topup_id=topup_id)
        delivered = self.topup(
            state,
            fulfilment,
            "delivered",
            settled_at=state.now_us,
            new_balance_cents=micros_to_cents(recipient.balance_micros),
            voucher_code_hint=hint_of(topups.code_of(topup_id)),
            counted_in=counted_in,
        )
        topups.add(delivered)
        if self.request.is_mailed:
            topups.write_mail(delivered, state.now_us)
        publish(state, delivered)
        return delivered

    def _take_part(self, state: BatchState, to: LedgerAccount, micros: int, code: Code) -> None:
        state.take(
            self.tenant, micros, to=to, code=code, topup_id=self.topup_id, is_fall_told=False
        )

    def _hold(
        self,
        state: BatchState,
        topups: TopUpWorkingSet,
        fulfilment: str,
        would_be: WouldBe,
        charged_micros: int,
        counted_in: str | None,
    ) -> TopUp:
        is_asked = would_be == "pending" and fulfilment != BY_SANDBOX
        supplier = self.request.platform.first.id if is_asked else None
        status: TopUpStatus = "scheduled" if would_be == "scheduled" else "pending"
        topup = self.topup(
            state,
            fulfilment,
            status,
            supplier=supplier,
            trace=state.trace,
            counted_in=counted_in,
            sent_by=self.sent_by,
        )
        held = state.ledger.held(self.tenant)
        holds = state.take(
            self.tenant,
            charged_micros,
            to=held,
            code=Code.TOPUP_HOLD,
            topup_id=topup.id,
            is_fall_told=would_be != "failed",
        )
        if would_be == "pending":
            topup = replace(topup, next_check_at=first_check_at(topup, state.now_us))
        topups.add(topup, holds)
        if would_be == "failed":
            return topup
        publish(state, topup)
        if would_be == "approval_required":
            request_approval(state, topup)
        return topup


def new_send(principal: Principal, request: SendRequest, caller: Caller = NO_CALLER) -> Send:
    return Send(
        topup_id=new_id("txn"),
        tenant=principal.tenant,
        lineage=principal.lineage,
        request=request,
        caller=caller,
        sent_by=principal.sender,
    )


def check_time(send_at: int, account_now_us: int) -> None:
    if send_at <= account_now_us:
        raise InvalidInput("`send_at` must be in the future. Omit it to send now.", param="send_at")
    if send_at > account_now_us + SCHEDULED_AHEAD_US_MAX:
        detail = "`send_at` must be at most 90 days ahead."
        latest = {"example": rfc3339(account_now_us + SCHEDULED_AHEAD_US_MAX)}
        errors = [{"param": "send_at", "detail": detail, **latest}]
        raise InvalidInput(detail, param="send_at", errors=errors)


def sandbox_script(tenant: Tenant, recipient_email: str) -> str:
    if tenant.environment != "staging" or not recipient_email.endswith(SANDBOX_DOMAIN):
        return ""
    return recipient_email.removesuffix(SANDBOX_DOMAIN)


def first_check_at(topup: TopUp, now_us: int) -> int | None:
    if topup.fulfilment != BY_SANDBOX:
        return now_us
    is_delayed = topup.recipient_email.startswith("delayed@")
    return now_us + SANDBOX_DELAY_US if is_delayed else None


def request_approval(state: BatchState, topup: TopUp) -> None:
    topups = topups_of(state)
    reason: ApprovalReason = "threshold"
    if topups.has_left(topup.account_id, topup.sent_by):
        reason = "sender_left"
    asked = Approval(
        id=new_id("apr"),
        account_id=topup.account_id,
        environment=topup.environment,
        transaction_id=topup.id,
        requested_by=topup.sent_by if reason == "sender_left" else topup.key_id,
        status="pending",
        created_at=state.now_us,
        # Use the account's clock, because it also decides when the approval expires.
        expires_at=state.now_of(topup.tenant) + WAITS_US[reason],
        reason=reason,
    )
    topups.add_approval(asked)
    # Put the link first. Nothing that a sender wrote may precede it (webhooks/deliveries/stage.py).
    data = {"decide_url": None, "approval": asked.shape(), **topup.event_data()}
    state.publish(topup.tenant, "approval.requested", data, topup.id, trace=topup.trace)


def fail(state: BatchState, topup: TopUp, reason: str) -> TopUp:
    failed = move(topup, "failed", now_us=state.now_us, failure_reason=reason)
    release_funds(state, topup)
    topups_of(state).change(failed)
    publish(state, failed)
    return failed


def publish(state: BatchState, topup: TopUp) -> None:
    state.publish(
        topup.tenant,
        f"topup.{topup.status}",
        topup.event_data(),
        topup.id,
        code_sealed=topup.fulfilment_code,
        trace=topup.trace,
    )


def _refuse_scripted(scripted: str, amount_cents: int, now_us: int) -> None:
    if scripted == "insufficient":
        raise InsufficientBalance("This sandbox recipient always simulates an empty wallet.")
    if scripted == "ratelimited":
        raise RateLimited(
            "This sandbox recipient always simulates a rate limit.",
            retry_after_s=1,
            extra={"limit": 1, "remaining": 0, "resets_at": rfc3339(now_us + SECOND_US)},
        )
    if scripted == "capped":
        raise CapExceeded(
            "This sandbox recipient always exceeds every cap.",
            extra={"limit": amount_cents - 1, "remaining": 0, "resets_at": None},
        )


def _balance_cents(state: BatchState, tenant: Tenant) -> int:
    return micros_to_cents(state.ledger.balance_micros(tenant, state.now_us))


QUOTE_ID_CHARACTERS_MAX: Final = 120
QUOTE_US: Final = 10 * MINUTE_US
_PURPOSE: Final = "topup quote 1"
_FORM: Final = re.compile(r"qte_([1-9][0-9]{0,17})_(0|[1-9][0-9]{0,11})_([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class Quote:
    amount_cents: int
    fee_cents: int
    charged_cents: int
    wallet_balance_cents: int
    wallet_balance_after_cents: int
    cap_remaining_cents: int | None
    would_be: WouldBe | Literal["replayed"]
    ends_at: int


@dataclass(frozen=True, slots=True)
class Rehearsal:
    send: Send

    def declare(self, read_set: ReadSet) -> None:
        self.send.declare(read_set)

    def decide(self, state: BatchState) -> tuple[Quote, Sent]:
        state.check_alive(self.send.tenant, self.send.lineage)
        before = state.ledger.balance_micros(self.send.tenant, state.now_us)
        send = self.send
        remaining_cents = state.spending.max_now_cents(send.tenant, send.lineage, send)
        sent = self.send.decide(state)
        request = self.send.request
        quote = Quote(
            amount_cents=request.amount_cents,
            fee_cents=request.fee_cents,
            charged_cents=request.charged_cents,
            wallet_balance_cents=micros_to_cents(before),
            wallet_balance_after_cents=sent.wallet_balance_cents,
            cap_remaining_cents=remaining_cents,
            would_be=_outcome(sent),
            ends_at=state.now_of(self.send.tenant) + QUOTE_US,
        )
        return quote, sent


def quote_id(vault: Vault, principal: Principal, request: SendRequest, ends_at: int) -> str:
    proof = vault.sign(_bound(principal, request, ends_at), purpose=_PURPOSE)
    return f"qte_{ends_at}_{request.fee_cents}_{proof}"


def with_quote(vault: Vault, principal: Principal, request: SendRequest, text: str) -> SendRequest:
    """Return the send with the quoted fee. Raise InvalidInput if the quote is for another send.

    The send itself checks whether the quote has expired, so that a repeated call still gets its first response.
    """
    found = _FORM.fullmatch(text)
    if found is not None:
        ends_at = int(found[1])
        quoted = replace(request, fee_cents=int(found[2]), quote_ends_at=ends_at)
        if vault.is_signed(_bound(principal, quoted, ends_at), found[3], purpose=_PURPOSE):
            return quoted
    raise InvalidInput(
        "The quote is for another key, platform, recipient or amount. To get a new quote, validate this send.",
        param="quote_id",
        reason="quote_mismatch",
    )


def _outcome(sent: Sent) -> WouldBe | Literal["replayed"]:
    if sent.is_replay:
        return "replayed"
    if sent.approval is not None:
        return "approval_required"
    status = sent.topup.status
    assert status in {"delivered", "pending", "scheduled", "failed"}, "a send makes no other"
    return cast(WouldBe, status)


def _bound(principal: Principal, request: SendRequest, ends_at: int) -> str:
    bound = (
        *principal.tenant,
        principal.kind,
        principal.key_owner,
        request.platform.id,
        request.recipient_email,
        request.amount_cents,
        request.fee_cents,
        ends_at,
    )
    return msgspec.json.encode(bound).decode()
