"""Define top-ups as callers see them: sends, timelines, transfers, quotes and emails."""

from typing import Annotated, Any, Literal, Self

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import asdict

from billing.topups import send, topup as topups
from billing.topups.fulfilment import Attempt
from billing.topups.topup import WALLET_CREDIT_SHAPE
from kernel.clock import rfc3339, time_of
from kernel.shaped import Shaped
from kernel.words import (
    ApprovalId,
    Cents,
    ChargedCents,
    Code,
    CodeHint,
    EventIdText,
    FeeCents,
    KeyIdText,
    Link,
    Micros,
    ScheduledFor,
    Time,
    TopUpStatus,
    TransactionId,
)
from webhooks.events.event import EventTypeWord
from webhooks.events.schemas import Approval, Deliverable

DeliverableField = Annotated[Deliverable, Meta(description="The deliverable for the recipient.")]
SenderReference = Annotated[str, Meta(description="The sender's reference, unique by environment.")]
WalletCents = Annotated[int, Meta(description="The sender's balance afterwards, in US cents.")]


NextLinks = Annotated[list[Link], Meta(description="The calls to make next, most useful first.")]
NextPoll = Annotated[
    Literal["poll"],
    Meta(
        description="While the top-up waits: call the link whose rel is poll until the state changes."
    ),
]

WALLET_CREDIT = Deliverable(**WALLET_CREDIT_SHAPE)


class ShownDelivery(Struct, kw_only=True):
    """The notification that the sender requested."""

    email: Annotated[bool, Meta(description="Whether the sender requested a mail.")]
    locale: Annotated[str | None, Meta(description="The language that the sender requested.")]
    message: Annotated[str | None, Meta(description="The sender's message to the recipient.")]


class RecipientMail(Shaped, kw_only=True):
    """An email about a top-up. It contains the link to the claim page and never the code itself."""

    id: Annotated[str, Meta(pattern=r"^mal_[0-9A-Za-z]+$")]
    status: Annotated[
        Literal["queued", "sent", "bounced", "failed", "unwanted", "outbox", "limited"],
        Meta(
            description="The mail's status. sent: a mail server accepted it. bounced: it was finally refused. failed: it"
            " couldn't be sent for a day and a half. unwanted: the recipient wants no mail. outbox: this"
            " gateway sends no mail, so read it in the dashboard. limited: the limit of mails in 24 hours was"
            " reached."
        ),
    ]
    attempts: Annotated[int, Meta(ge=0, description="The number of attempts to send.")]
    reason: Annotated[str | None, Meta(description="The mail server's message.")]
    created_at: Time
    next_attempt_at: Time | None
    ended_at: Time | None


def shown_delivery(topup: topups.TopUp) -> ShownDelivery | None:
    said = topup.delivery
    if said is None:
        return None
    return ShownDelivery(email=said.email, locale=said.locale, message=said.message)


def deliverable_of(topup: topups.TopUp, value: str | None = None) -> Deliverable | None:
    given = topup.given
    if given is None or topup.deliverable is None:
        return None if given is None else WALLET_CREDIT
    return Deliverable(**given.shape(value))


class Sent(Struct, kw_only=True, gc=False):
    """The result of a send. The voucher and the new balance are null until the top-up is delivered."""

    voucher_code: Code | None
    voucher_code_hint: CodeHint | None
    deliverable: DeliverableField | None
    platform: str
    amount_cents: Cents
    fee_cents: FeeCents
    charged_cents: ChargedCents
    new_balance_cents: Annotated[
        int | None,
        Meta(description="The balance of the recipient's wallet for that platform, in US cents."),
    ]
    recipient_email: str
    wallet_balance_cents: WalletCents
    claim_url: Annotated[
        str | None,
        Meta(
            description="The recipient's claim page. It is as valuable as the code, so it is null unless you may see the"
            " code."
        ),
    ]
    scheduled_for: ScheduledFor | UnsetType = UNSET
    links: NextLinks | UnsetType = UNSET
    next_action: NextPoll | UnsetType = UNSET

    @staticmethod
    def of(sent: send.Sent, claim_url: str | None) -> "Sent":
        topup = sent.topup
        return Sent(
            voucher_code=sent.voucher_code,
            voucher_code_hint=topup.voucher_code_hint,
            deliverable=deliverable_of(topup),
            platform=topup.platform,
            amount_cents=topup.amount_cents,
            fee_cents=topup.fee_cents,
            charged_cents=topup.charged_cents,
            new_balance_cents=topup.new_balance_cents,
            recipient_email=topup.recipient_email,
            wallet_balance_cents=sent.wallet_balance_cents,
            claim_url=claim_url,
            scheduled_for=UNSET if topup.scheduled_for is None else rfc3339(topup.scheduled_for),
        )


class Held(Shaped, kw_only=True):
    """The approval that the send needs, and the page on which a user decides."""

    id: ApprovalId
    url: Annotated[str, Meta(description="The dashboard page on which a user decides.")]
    expires_at: Time


class SentForApproval(Sent, kw_only=True):
    """A send that is waiting for approval. Its funds are held until then."""

    approval: Annotated[Held, Meta(description="The approval that a user must decide.")]
    links: NextLinks
    next_action: NextPoll


class TopUpFields(Shaped, kw_only=True):
    """A top-up. It has no ID in a dry run."""

    transaction_id: TransactionId | None
    status: TopUpStatus
    platform: str
    amount_cents: Cents
    fee_cents: FeeCents
    charged_cents: ChargedCents
    recipient_email: str
    voucher_code: Code | None
    voucher_code_hint: CodeHint | None
    deliverable: DeliverableField | None
    new_balance_cents: Cents | None
    reference: SenderReference | None
    metadata: dict[str, str]
    note: str | None
    failure_reason: str | None
    delivery: Annotated[ShownDelivery | None, Meta(description="How the recipient is notified.")]
    claim_url: Annotated[
        str | None,
        Meta(
            description="The recipient's claim page. It is as valuable as the code, so it is null unless you may see the"
            " code, and in responses that are stored for a repeated call."
        ),
    ] = None
    claimed_at: Annotated[Time | None, Meta(description="When the claim page was first opened.")]
    emailed_at: Annotated[Time | None, Meta(description="When the first mail was accepted.")]
    key_id: Annotated[KeyIdText | None, Meta(description="The key that sent it; null if none did.")]
    key_name: Annotated[str | None, Meta(description="The key's name at that time.")]
    scheduled_for: ScheduledFor | None
    created_at: Time
    settled_at: Time | None

    @classmethod
    def of(
        cls, topup: topups.TopUp, code: str | None = None, value: str | None = None, /, **more: Any
    ) -> Self:
        own = {
            "transaction_id": topup.id,
            "delivery": shown_delivery(topup),
            "voucher_code": code,
            "deliverable": deliverable_of(topup, value),
            "scheduled_for": time_of(topup.scheduled_for),
        }
        return super().of(topup, **{**own, **more})


class TopUp(TopUpFields, kw_only=True):
    """A top-up. The voucher and the new balance are null unless it was delivered. After a reversal, the new balance is
    what the recipient's wallet held afterwards.

    `voucher_code` and `deliverable.value` are shown only to the sending key, its ancestors and readers with the scope
    vouchers:read. If a supplier delivered a key, a link or a note, see `deliverable`. There is then no voucher code.
    """

    transaction_id: TransactionId


class SettledTopUp(TopUp, kw_only=True):
    """A top-up that has just ended, and the sender's wallet balance."""

    wallet_balance_cents: WalletCents


class Transfer(Struct, kw_only=True):
    """A transfer on the ledger from one account to another."""

    id: str
    debit: Annotated[str, Meta(description="The ledger account that the money left.")]
    credit: Annotated[str, Meta(description="The ledger account that received the money.")]
    amount_cents: Cents
    amount_micros: Micros
    code: Annotated[str, Meta(description="The reason for the transfer.")]
    key_id: Annotated[
        KeyIdText | None,
        Meta(
            description="The key whose call moved the money; null if no key did, or if that isn't known."
        ),
    ]
    key_name: Annotated[str | None, Meta(description="The key's name.")]
    created_at: Time


class EventOfTopUp(Struct, kw_only=True):
    """An event about the top-up. GET /events/{event_id} returns its body."""

    id: EventIdText
    type: EventTypeWord
    created_at: Time


class FulfilmentAttempt(Shaped, kw_only=True):
    """A call to a supplier to deliver a top-up. `supplier` and `detail` are shown only to operators."""

    outcome: Annotated[
        Literal[
            "requested", "waiting", "unknown", "delivered", "refused", "dropped", "revoked", "kept"
        ],
        Meta(
            description="The outcome. waiting: accepted, but not delivered yet. unknown: no reliable response, so the"
            " supplier is called again. dropped: an operator ended the attempt. revoked, kept: the result of"
            " asking the supplier to revoke the delivery."
        ),
    ]
    requests_made: Annotated[int, Meta(ge=1, description="The number of calls to the supplier.")]
    requested_at: Time
    last_requested_at: Time
    ended_at: Time | None
    supplier: Annotated[str | None, Meta(description="The supplier; null except for operators.")]
    detail: Annotated[str | None, Meta(description="The supplier's message, for operators.")]

    @classmethod
    def seen_by(cls, attempt: Attempt, *, is_operator: bool) -> Self:
        hidden = {} if is_operator else {"supplier": None, "detail": None}
        return cls.of(attempt, **hidden)


class Reversal(Shaped, kw_only=True):
    """A request to reverse a delivered top-up. `outcome` is null until the supplier has responded."""

    reason: Annotated[str, Meta(description="The reason that the sender or the operator gave.")]
    outcome: Annotated[
        Literal["reversed", "kept"] | None,
        Meta(description="The outcome, once known."),
    ]
    detail: Annotated[str | None, Meta(description="The reason why the delivery was kept.")]
    requested_at: Time
    ended_at: Time | None


class ReversedTopUp(SettledTopUp, kw_only=True):
    """A top-up that has been reversed or is being reversed. While its supplier hasn't responded, its status is reversing."""

    reversal: Annotated[Reversal, Meta(description="The request to reverse the top-up.")]
    links: NextLinks | UnsetType = UNSET
    next_action: NextPoll | UnsetType = UNSET


class TopUpStory(TopUp, kw_only=True):
    """A top-up with its history. `approval_id` is present if the send needed approval.

    `needs_review` means that the supplier's outcome is unknown and an operator must investigate. `reversal` is null
    unless a reversal was requested. `supplier` and `cost_cents` are shown only to operators.
    """

    transfers: list[Transfer]
    events: Annotated[list[EventOfTopUp], Meta(description="The events about the top-up.")]
    attempts: Annotated[list[FulfilmentAttempt], Meta(description="The attempts at suppliers.")]
    mails: Annotated[list[RecipientMail], Meta(description="The mails to the recipient.")]
    needs_review: Annotated[bool, Meta(description="Whether an operator must decide.")]
    reversal: Annotated[Reversal | None, Meta(description="The request to reverse it, if any.")]
    supplier: Annotated[str | None, Meta(description="The supplier; null except for operators.")]
    cost_cents: (
        Annotated[
            int,
            Meta(
                ge=0,
                description="The supplier's cost, in US cents; null unless an operator reads it.",
            ),
        ]
        | None
    )
    approval_id: ApprovalId | UnsetType = UNSET
    request_id: Annotated[
        str | None,
        Meta(
            description="The X-Request-Id of the send, which the top-up's webhooks also contain. Null if it is no longer"
            " stored."
        ),
    ]
    caller_address: Annotated[str | None, Meta(description="The sender's IP address, if known.")]
    idempotency_key: Annotated[
        str | None,
        Meta(
            description="The Idempotency-Key of the send. Anything that looks like a secret is masked."
        ),
    ]
    url: Annotated[str, Meta(description="The top-up's permanent page in the dashboard.")]
    links: NextLinks | UnsetType = UNSET
    next_action: NextPoll | UnsetType = UNSET


class Quote(Shaped, kw_only=True):
    """The result of validating a send: what it would cost and do now. `cap_remaining_cents` is null if there is no cap.

    A send with this `quote_id` before `quote_expires_at` costs `charged_cents`, even if the price changes.
    """

    amount_cents: Cents
    fee_cents: FeeCents
    charged_cents: ChargedCents
    wallet_balance_cents: Cents
    wallet_balance_after_cents: Cents
    cap_remaining_cents: Cents | None
    would_be: Annotated[
        Literal["delivered", "pending", "scheduled", "approval_required", "replayed"],
        Meta(
            description="The result that the send would have. replayed: its intent was already "
            "used, so nothing would be sent or charged."
        ),
    ]
    quote_id: Annotated[str, Meta(description="The value for the send's `quote_id`.")]
    quote_expires_at: Time


class DecidedTopUp(SettledTopUp, kw_only=True):
    """A decided approval, with its top-up after the decision."""

    approval: Annotated[Approval | None, Meta(description="The decided approval.")]
    links: NextLinks | UnsetType = UNSET
    next_action: NextPoll | UnsetType = UNSET

    def in_order(self) -> dict[str, Any]:
        told = {name: value for name, value in asdict(self).items() if value is not UNSET}
        return {"approval": self.approval, **told}
