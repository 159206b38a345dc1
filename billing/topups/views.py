"""Top-ups as callers see them: the result of a send, the story of one, transfers, quotes, mails."""

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

DeliverableField = Annotated[Deliverable, Meta(description="What the recipient is given.")]
SenderReference = Annotated[
    str, Meta(description="The sender's own name for it, once per environment.")
]
WalletCents = Annotated[int, Meta(description="The sender's own wallet afterwards, in US cents.")]


NextLinks = Annotated[
    list[Link],
    Meta(description="While it waits: the calls that come next, the most useful first."),
]
NextPoll = Annotated[
    Literal["poll"],
    Meta(description="While it waits: ask links[] of rel poll again until the state is another."),
]

WALLET_CREDIT = Deliverable(**WALLET_CREDIT_SHAPE)


class ShownDelivery(Struct, kw_only=True):
    """What the send said about its recipient."""

    email: Annotated[bool, Meta(description="Whether mail was asked for.")]
    locale: Annotated[str | None, Meta(description="The language that was asked for.")]
    message: Annotated[str | None, Meta(description="The sender's words to the recipient.")]


class RecipientMail(Shaped, kw_only=True):
    """One mail about a top-up. It holds the link to the claim page, never the code itself."""

    id: Annotated[str, Meta(pattern=r"^mal_[0-9A-Za-z]+$")]
    status: Annotated[
        Literal["queued", "sent", "bounced", "failed", "unwanted", "outbox", "limited"],
        Meta(
            description="sent: a mail server took it. bounced: it was refused for good. failed: tried"
            " for a day and a half. unwanted: the recipient asked for no mail. outbox: no mail"
            " leaves here, read it in the dashboard. limited: the mails of 24 hours were used up."
        ),
    ]
    attempts: Annotated[int, Meta(ge=0, description="How many times it was tried.")]
    reason: Annotated[str | None, Meta(description="What the mail server said.")]
    created_at: Time
    next_attempt_at: Time | None
    ended_at: Time | None


def shown_delivery(topup: topups.TopUp) -> ShownDelivery | None:
    said = topup.delivery
    if said is None:
        return None
    return ShownDelivery(email=said.email, locale=said.locale, message=said.message)


def deliverable_of(topup: topups.TopUp, value: str | None = None) -> Deliverable | None:
    """Return the deliverable, with its value for readers who may see it; None until delivery."""
    given = topup.given
    if given is None or topup.deliverable is None:
        return None if given is None else WALLET_CREDIT
    return Deliverable(**given.shape(value))


class Sent(Struct, kw_only=True, gc=False):
    """What became of a send. Voucher and new balance are null until it is delivered."""

    voucher_code: Code | None
    voucher_code_hint: CodeHint | None
    deliverable: DeliverableField | None
    platform: str
    amount_cents: Cents
    fee_cents: FeeCents
    charged_cents: ChargedCents
    new_balance_cents: Annotated[
        int | None, Meta(description="The recipient's wallet of that platform, in US cents.")
    ]
    recipient_email: str
    wallet_balance_cents: WalletCents
    claim_url: Annotated[
        str | None,
        Meta(
            description="The recipient's page, as good as the code itself: null unless you may see it."
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
    """Where a person decides on a send above the key's threshold."""

    id: ApprovalId
    url: Annotated[str, Meta(description="The page of the dashboard to open.")]
    expires_at: Time


class SentForApproval(Sent, kw_only=True):
    """A send that waits for a person; until then its funds are held."""

    approval: Annotated[Held, Meta(description="What a person has to decide on.")]
    links: NextLinks
    next_action: NextPoll


class TopUpFields(Shaped, kw_only=True):
    """A top-up; a rehearsed one has no id."""

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
    delivery: Annotated[
        ShownDelivery | None,
        Meta(description="How it reaches its recipient; null: nothing was said."),
    ]
    claim_url: Annotated[
        str | None,
        Meta(
            description="The recipient's page, as good as the code itself: null unless you may see it,"
            " and in answers that are kept for a repeated call."
        ),
    ] = None
    claimed_at: Annotated[Time | None, Meta(description="When the recipient opened it first.")]
    emailed_at: Annotated[
        Time | None, Meta(description="When a mail server took the first mail about it.")
    ]
    key_id: Annotated[KeyIdText | None, Meta(description="That sent it; null: no key.")]
    key_name: Annotated[str | None, Meta(description="What that key was called then.")]
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
    """A top-up. Voucher and new balance are null unless it was delivered; once it was reversed, new
    balance is what the recipient's wallet holds after that.

    voucher_code and deliverable.value are null, too, for whoever is neither the sender nor one of
    its ancestors, and has not vouchers:read. Where a supplier delivered a key, a link or a note there
    is no voucher code: what was delivered is in deliverable.
    """

    transaction_id: TransactionId


class SettledTopUp(TopUp, kw_only=True):
    """A top-up that just ended, and the sender's wallet afterwards."""

    wallet_balance_cents: WalletCents


class Transfer(Struct, kw_only=True):
    """One movement on the ledger: from the debit account to the credit account."""

    id: str
    debit: Annotated[str, Meta(description="The ledger account that it comes from.")]
    credit: Annotated[str, Meta(description="The ledger account that it goes to.")]
    amount_cents: Cents
    amount_micros: Micros
    code: Annotated[str, Meta(description="Why the money moved.")]
    key_id: Annotated[
        KeyIdText | None,
        Meta(description="The key whose call moved it; null: no key's, or not known."),
    ]
    key_name: Annotated[str | None, Meta(description="What that key is called.")]
    created_at: Time


class EventOfTopUp(Struct, kw_only=True):
    """An event that tells of the top-up; GET /events/{event_id} has its body."""

    id: EventIdText
    type: EventTypeWord
    created_at: Time


class FulfilmentAttempt(Shaped, kw_only=True):
    """A turn at a supplier. supplier and detail are for operators, and null for everybody else."""

    outcome: Annotated[
        Literal[
            "requested", "waiting", "unknown", "delivered", "refused", "dropped", "revoked", "kept"
        ],
        Meta(
            description="waiting: accepted, not done. unknown: no word to rely on; it is asked again."
            " dropped: a person ended it. revoked, kept: asked to take back what it delivered."
        ),
    ]
    requests_made: Annotated[int, Meta(ge=1, description="How often it was asked in this turn.")]
    requested_at: Time
    last_requested_at: Time
    ended_at: Time | None
    supplier: Annotated[str | None, Meta(description="Who was asked; null but for operators.")]
    detail: Annotated[
        str | None, Meta(description="What the supplier said; null but for operators.")
    ]

    @classmethod
    def seen_by(cls, attempt: Attempt, *, is_operator: bool) -> Self:
        hidden = {} if is_operator else {"supplier": None, "detail": None}
        return cls.of(attempt, **hidden)


class Reversal(Shaped, kw_only=True):
    """That somebody wanted a delivered top-up back. outcome is null until its supplier has answered."""

    reason: Annotated[str, Meta(description="Why the sender or the operator wanted it back.")]
    outcome: Annotated[
        Literal["reversed", "kept"] | None,
        Meta(description="What came of it; null until its supplier has answered."),
    ]
    detail: Annotated[str | None, Meta(description="Why it was kept.")]
    requested_at: Time
    ended_at: Time | None


class ReversedTopUp(SettledTopUp, kw_only=True):
    """A top-up that is reversed, or reversing until its supplier has answered."""

    reversal: Annotated[Reversal, Meta(description="Who wanted it back and why.")]
    links: NextLinks | UnsetType = UNSET
    next_action: NextPoll | UnsetType = UNSET


class TopUpStory(TopUp, kw_only=True):
    """A top-up with everything that came of it; approval_id where a person was asked.

    needs_review: nobody knows whether its supplier delivered, and nobody can find out but a person
    of the operator's. reversal: null unless somebody wanted it back. supplier and cost_cents are for
    operators, and null for everybody else.
    """

    transfers: list[Transfer]
    events: Annotated[list[EventOfTopUp], Meta(description="The events that tell of it.")]
    attempts: Annotated[list[FulfilmentAttempt], Meta(description="Each turn at a supplier.")]
    mails: Annotated[list[RecipientMail], Meta(description="The mails to its recipient.")]
    needs_review: Annotated[
        bool,
        Meta(
            description="Nobody knows whether its supplier delivered, and nobody but a person of the operator's can find out."
        ),
    ]
    reversal: Annotated[
        Reversal | None, Meta(description="That somebody wanted it back; null: nobody did.")
    ]
    supplier: Annotated[str | None, Meta(description="Who provides it; null but for operators.")]
    cost_cents: Annotated[int, Meta(ge=0, description="The supplier's, in US cents.")] | None
    approval_id: ApprovalId | UnsetType = UNSET
    request_id: Annotated[
        str | None,
        Meta(
            description=(
                "The X-Request-Id of the send, which the top-up's webhooks carry too; null where it"
                " is no longer kept."
            )
        ),
    ]
    caller_address: Annotated[
        str | None,
        Meta(
            description="The address that its send came from; null: no call of the account's own."
        ),
    ]
    idempotency_key: Annotated[
        str | None,
        Meta(description="The Idempotency-Key of its send, what looks like a secret masked."),
    ]
    url: Annotated[
        str, Meta(description="Its page of the dashboard, with its whole story; it stays.")
    ]
    links: NextLinks | UnsetType = UNSET
    next_action: NextPoll | UnsetType = UNSET


class Quote(Shaped, kw_only=True):
    """What a send would do now; cap_remaining_cents is null without a cap.

    A send that carries quote_id before quote_expires_at is charged charged_cents, whatever the price
    is by then.
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
            description="replayed: its intent names a top-up that was sent before, so it would send and"
            " charge nothing."
        ),
    ]
    quote_id: Annotated[str, Meta(description="For quote_id of the send.")]
    quote_expires_at: Time


class DecidedTopUp(SettledTopUp, kw_only=True):
    """The decision, and the top-up as it left it."""

    approval: Annotated[Approval | None, Meta(description="The decision.")]
    links: NextLinks | UnsetType = UNSET
    next_action: NextPoll | UnsetType = UNSET

    def in_order(self) -> dict[str, Any]:
        told = {name: value for name, value in asdict(self).items() if value is not UNSET}
        return {"approval": self.approval, **told}
