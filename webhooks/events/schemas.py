"""Define each event type's data as structs. The JSON Schemas are made from them.

The published schemas allow other fields, because later versions may add some.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from kernel.limits import URL_CHARACTERS_MAX
from kernel.shaped import Shaped
from kernel.words import (
    Cents,
    ChargedCents,
    Code,
    CodeHint,
    Email,
    FeeCents,
    KeyIdText,
    PositiveCents,
    Reference,
    ScheduledFor,
    SentByKey,
    SentByKeyName,
    Time,
    TransactionId,
)
from keys.mandate import CapUnit, ShownCap
from webhooks.events.money_schemas import (
    DisputedOrder,
    EventData,
    ExpiredCredit,
    ExpiringCredit,
    FailedRecharge,
    LowBalance,
    OpenedDispute,
    Order,
    RefundedOrder,
    RestoredOrder,
    Subscription,
    SucceededRecharge,
)

Secret = Annotated[
    str,
    Meta(min_length=1, description="The code, key, link or note. Null without access to it."),
]
KindOfDeliverable = Annotated[
    Literal["credit", "code", "key", "link", "note"],
    Meta(
        description="The kind of deliverable. credit: the credit is in an account of the recipient, "
        "and there is nothing to hand over."
    ),
]
ApprovalReason = Literal["threshold", "sender_left"]


class CapUsed(EventData, kw_only=True):
    """The state of a key's or an account's limit after a spend.

    The event is sent once in each window. For a rolling window, it is sent at most once in the window's length. It
    may be sent again after the limit changes.
    """

    key_id: Annotated[
        KeyIdText | None, Meta(description="The key, or null for the account's limit.")
    ]
    cap: Annotated[
        ShownCap,
        Meta(description="The limit's kind. per_day and per_month are calendar periods in UTC."),
    ]
    unit: Annotated[CapUnit, Meta(description="The unit of limit, spent and remaining: US cents.")]
    seconds: Annotated[
        Annotated[int, Meta(ge=60)] | None,
        Meta(description="The length of a rolling window, in seconds."),
    ]
    limit: Annotated[int, Meta(ge=0, description="The limit, in its unit.")]
    spent: Annotated[int, Meta(ge=0, description="The amount spent, rounded up.")]
    remaining: Annotated[int, Meta(ge=0, description="The amount left, rounded down.")]
    resets_at: Annotated[
        Time | None, Meta(description="When the whole limit is available again. Null means never.")
    ]


class KeyChanged(EventData, kw_only=True):
    """A key's current state, without its secret. Pausing or revoking a key also affects its descendants."""

    id: KeyIdText
    parent_id: KeyIdText | None
    name: str
    purpose: str | None
    scopes: list[str]
    by: Annotated[
        str, Meta(description="The credential that made the change, such as key_…, or cli.")
    ]
    expires_at: Time | None
    created_at: Time
    paused_at: Time | None
    revoked_at: Time | None


class Deliverable(Struct, kw_only=True):
    """What the recipient gets. All fields except `value` are visible to anyone who can read the top-up."""

    kind: KindOfDeliverable
    value: Secret | None
    value_hint: CodeHint | None
    redeem_url: Annotated[str, Meta(description="The URL to redeem at.")] | None
    instructions: Annotated[str, Meta(description="How to redeem, in plain text.")] | None
    expires_at: Time | None


class _TopUp(EventData, kw_only=True):
    """A top-up, as events show it."""

    transaction_id: TransactionId
    status: Literal["scheduled", "pending", "delivered", "failed", "cancelled", "reversed"]
    platform: str
    amount_cents: PositiveCents
    fee_cents: FeeCents
    charged_cents: ChargedCents
    recipient_email: Email
    voucher_code: Code | None
    voucher_code_hint: CodeHint | None
    deliverable: Deliverable | None
    new_balance_cents: Cents | None
    reference: Reference | None
    metadata: dict[str, str]
    key_id: SentByKey | None
    key_name: SentByKeyName | None
    scheduled_for: ScheduledFor | UnsetType = UNSET
    failure_reason: str | UnsetType = UNSET


class DeliveredTopUp(_TopUp, kw_only=True):
    """A delivered top-up.

    new_balance_cents is the recipient's balance on that platform. It doesn't include this top-up if a supplier
    delivered it.

    voucher_code and deliverable.value are null unless the endpoint has include_codes. voucher_code and its hint
    are also null if the top-up delivered a key, link or note.
    """

    status: Literal["delivered"]
    deliverable: Deliverable
    new_balance_cents: Cents


class FailedTopUp(_TopUp, kw_only=True):
    """A failed top-up. failure_reason says why. Its funds are back in the sender's wallet."""

    status: Literal["failed"]
    voucher_code: None
    voucher_code_hint: None
    deliverable: None
    new_balance_cents: None
    failure_reason: str


class CancelledTopUp(_TopUp, kw_only=True):
    """A cancelled top-up. failure_reason is set if someone other than the sender cancelled it."""

    status: Literal["cancelled"]
    voucher_code: None
    voucher_code_hint: None
    deliverable: None
    new_balance_cents: None


class PendingTopUp(_TopUp, kw_only=True):
    """A pending top-up. Its funds are held. The recipient gets the credit on delivery."""

    status: Literal["pending"]
    voucher_code: None
    voucher_code_hint: None
    deliverable: None
    new_balance_cents: None


class ClaimedTopUp(DeliveredTopUp, kw_only=True):
    """A top-up that its recipient has opened on the claim page. Only the first opening sends the event."""

    claimed_at: Time


class ScheduledTopUp(_TopUp, kw_only=True):
    """A scheduled top-up. Its funds are held. At scheduled_for it is delivered, stays pending, or is refused and
    refunded.
    """

    status: Literal["scheduled"]
    voucher_code: None
    voucher_code_hint: None
    deliverable: None
    new_balance_cents: None
    scheduled_for: ScheduledFor


class ReversedTopUp(_TopUp, kw_only=True):
    """A top-up that was reversed before it was used. Its funds are back in the sender's wallet.

    `reason` says why the sender or operator reversed it. new_balance_cents is the recipient's balance on that
    platform afterwards.
    """

    status: Literal["reversed"]
    voucher_code: None
    voucher_code_hint: None
    deliverable: None
    new_balance_cents: Cents
    reason: str


class VoucherRedeemed(EventData, kw_only=True):
    """A redeemed voucher. The account that issued it gets the event.

    settle: `wallet` if the credit went into a wallet here, or `external` if the platform redeemed it.
    """

    transaction_id: TransactionId
    platform: str
    amount_cents: PositiveCents
    recipient_email: Email
    settle: Literal["wallet", "external"]
    redeemed_at: Time
    reference: Reference | None
    metadata: dict[str, str]


class BatchCounts(Struct, kw_only=True):
    """The number of a batch's items in each state, and the cents that were accepted and delivered."""

    waiting: Annotated[int, Meta(ge=0, description="Items not checked yet.")]
    accepted: Annotated[int, Meta(ge=0, description="The sum of the next seven.")]
    scheduled: Annotated[int, Meta(ge=0, description="Items that are sent later.")]
    pending: Annotated[int, Meta(ge=0, description="Items waiting for a platform or approval.")]
    delivered: Annotated[int, Meta(ge=0, description="Items credited to their recipients.")]
    failed: Annotated[int, Meta(ge=0, description="Failed items, whose funds were returned.")]
    cancelled: Annotated[int, Meta(ge=0, description="Cancelled items, whose funds were returned.")]
    reversing: Annotated[int, Meta(ge=0, description="Items that a supplier is to reverse.")]
    reversed: Annotated[int, Meta(ge=0, description="Reversed items, whose funds were returned.")]
    refused: Annotated[int, Meta(ge=0, description="Refused items, for which nothing was charged.")]
    dropped: Annotated[
        int,
        Meta(ge=0, description="Items of an all-or-nothing batch that another item prevented."),
    ]
    accepted_cents: Annotated[int, Meta(ge=0, description="The accepted total, in US cents.")]
    delivered_cents: Annotated[int, Meta(ge=0, description="The delivered total, in US cents.")]
    fee_cents: Annotated[
        int, Meta(ge=0, description="The fees for the accepted items, in US cents.")
    ]


class CompletedBatch(EventData, kw_only=True):
    """A bulk send in which every item has ended. `refused` means that no item was accepted."""

    id: Annotated[str, Meta(pattern=r"^bat_[0-9A-Za-z_]+$")]
    status: Literal["completed", "refused"]
    all_or_nothing: bool
    items: Annotated[int, Meta(ge=1, description="The number of items in the batch.")]
    counts: BatchCounts
    created_at: Time
    cancelled_at: Time | None
    completed_at: Time


class LowStock(EventData, kw_only=True):
    """A platform and an amount whose codes are running out.

    Operators' accounts get the event once. They get it again only after the stock has recovered.
    """

    supplier: str
    platform: str
    amount_cents: PositiveCents
    remaining: Annotated[int, Meta(ge=0, description="The codes that are left to deliver.")]
    low_threshold: Annotated[int, Meta(ge=1, description="The stock is low below this number.")]


class Approval(Shaped, kw_only=True):
    """An approval that a user has to give. requested_by and decided_by are IDs of keys or users.

    decided_by is null while the approval is pending, and after it expires. `link` means that a signed link was
    used. `cancelled` means that the sender cancelled the top-up.
    """

    id: Annotated[str, Meta(pattern=r"^apr_[0-9A-Za-z]+$")]
    transaction_id: TransactionId
    status: Literal["pending", "approved", "denied", "cancelled", "expired"]
    reason: Annotated[
        ApprovalReason,
        Meta(
            description="The reason. threshold: the key needs an approval for such an amount. sender_left: the user"
            " who scheduled the top-up lost access to the account before it was sent."
        ),
    ]
    requested_by: Annotated[
        str | None, Meta(description="The key that requested the approval, or the user who left.")
    ]
    decided_by: Annotated[
        str | None, Meta(description="The key or user that decided. Null if undecided.")
    ]
    created_at: Time
    expires_at: Time
    decided_at: Time | None


class ApprovalOfTopUp(PendingTopUp, kw_only=True):
    """An approval and the top-up that is waiting for it. The top-up is shown as it was before the decision took effect."""

    approval: Annotated[Approval, Meta(description="The approval to decide.")]


class RequestedApproval(ApprovalOfTopUp, kw_only=True):
    """A requested approval. decide_url is null unless the endpoint has include_approval_links."""

    decide_url: Annotated[
        str | None,
        Meta(description="A page where a person decides, once. Anyone with the URL can decide."),
    ]


class Endpoint(EventData, kw_only=True):
    """A webhook endpoint. Empty `events` means all types. Header values are masked."""

    id: Annotated[str, Meta(pattern=r"^we_[0-9A-Za-z]+$")]
    url: Annotated[
        str, Meta(max_length=URL_CHARACTERS_MAX, description="The URL that events are sent to.")
    ]
    events: Annotated[list[str], Meta(description="The event types to send. Empty means all.")]
    description: str
    status: Literal["enabled", "disabled"]
    disabled_reason: str | None
    retry_schedule_s: list[int]
    rate_limit_per_s: int | None
    ordered: Annotated[
        bool, Meta(description="Whether events of an object are sent one by one, by `sequence`.")
    ]
    include_codes: bool
    include_approval_links: bool
    filter: Annotated[
        dict[str, Any] | None,
        Meta(description="The data that an event must contain to be sent; null means no filter."),
    ]
    headers: Annotated[
        dict[str, str] | None,
        Meta(
            description="Your own headers, with masked values. Null if the "
            "stored headers are damaged: nothing is sent until you set them again."
        ),
    ]
    created_at: Time


@dataclass(frozen=True, slots=True)
class EventType:
    """An event type, with a sentence that explains it and the struct of its `data`."""

    sentence: str
    data: type[Struct]


TYPES: Final[Mapping[str, EventType]] = {
    "topup.delivered": EventType("A recipient's wallet was credited.", DeliveredTopUp),
    "topup.failed": EventType(
        "The platform refused a top-up. Its funds were returned.", FailedTopUp
    ),
    "topup.cancelled": EventType(
        "A pending top-up was cancelled. Its funds were returned.", CancelledTopUp
    ),
    "topup.pending": EventType("A top-up waits for its platform or an approval.", PendingTopUp),
    "topup.claimed": EventType("A recipient opened a delivered top-up.", ClaimedTopUp),
    "topup.scheduled": EventType("A top-up was scheduled. Its funds are held.", ScheduledTopUp),
    "topup.reversed": EventType(
        "A delivered but unused top-up was reversed. Its funds were returned.",
        ReversedTopUp,
    ),
    "voucher.redeemed": EventType("A top-up's voucher was redeemed.", VoucherRedeemed),
    "batch.completed": EventType("Every item of a bulk send has ended.", CompletedBatch),
    "balance.low": EventType("The account's wallet fell below its threshold.", LowBalance),
    "credit.expiring": EventType("Unused credit will expire soon.", ExpiringCredit),
    "credit.expired": EventType("Unused credit has expired.", ExpiredCredit),
    "stock.low": EventType("A supplier has few codes left. For operators.", LowStock),
    "order.paid": EventType("An order for credit was paid, and the credit was added.", Order),
    "order.failed": EventType("An order for credit will not be paid.", Order),
    "dispute.opened": EventType(
        "A payer's bank disputes a payment, or inquires about it. For operators.", OpenedDispute
    ),
    "order.refunded": EventType(
        "An order's payment was refunded, in part or in full.", RefundedOrder
    ),
    "order.disputed": EventType("A payer's bank disputes an order's payment.", DisputedOrder),
    "order.dispute_lost": EventType("A dispute was lost. This is final.", DisputedOrder),
    "order.restored": EventType(
        "A returned payment was restored: a dispute was won, or a refund failed.",
        RestoredOrder,
    ),
    "recharge.succeeded": EventType(
        "The balance fell, and credit was bought with the saved payment method.",
        SucceededRecharge,
    ),
    "recharge.failed": EventType(
        "The balance fell, and no credit could be bought automatically.", FailedRecharge
    ),
    "subscription.started": EventType(
        "A subscription started: its first period was paid, or its trial began.", Subscription
    ),
    "subscription.activated": EventType(
        "The first period after a subscription's trial was paid.", Subscription
    ),
    "subscription.renewed": EventType("Another period of a subscription was paid.", Subscription),
    "subscription.changed": EventType(
        "Another plan was chosen or paid for, a cancellation was withdrawn, or the end of a pause was changed.",
        Subscription,
    ),
    "subscription.past_due": EventType(
        "A subscription's renewal wasn't paid. Unless it is, the subscription expires at grace_ends_at.",
        Subscription,
    ),
    "subscription.paused": EventType(
        "A subscription was paused. Nothing is charged, and no credit is granted for unpaid time.",
        Subscription,
    ),
    "subscription.resumed": EventType("A paused subscription was resumed.", Subscription),
    "subscription.canceling": EventType("A subscription will end with its period.", Subscription),
    "subscription.ended": EventType(
        "A subscription ended, because it was cancelled or not paid.", Subscription
    ),
    "approval.requested": EventType("A top-up waits for a user's approval.", RequestedApproval),
    "approval.approved": EventType("A user approved a top-up.", ApprovalOfTopUp),
    "approval.denied": EventType("A user denied a top-up.", ApprovalOfTopUp),
    "approval.cancelled": EventType(
        "The sender cancelled a top-up that waited for approval.", ApprovalOfTopUp
    ),
    "approval.expired": EventType(
        "Nobody decided on a top-up in time. Its funds were returned.", ApprovalOfTopUp
    ),
    "key.created": EventType("A key was created.", KeyChanged),
    "key.paused": EventType(
        "A key was paused. It and its descendants can read, but not spend.", KeyChanged
    ),
    "key.resumed": EventType("A paused key was resumed.", KeyChanged),
    "key.revoked": EventType("A key was revoked, with its descendants.", KeyChanged),
    "key.cap_near": EventType("80 % of a limit of a key or account has been used.", CapUsed),
    "key.cap_reached": EventType("A limit of a key or account has been used up.", CapUsed),
    "endpoint.disabled": EventType(
        "Deliveries to a webhook endpoint stopped. Its events are held for seven days.", Endpoint
    ),
    "endpoint.test": EventType(
        "A requested sample or, with `probe`, a check of whether a disabled webhook works again. Nothing"
        " else happened.",
        Endpoint,
    ),
}
