"""What the API takes and answers. Made by `make clients`: changes here are lost."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NotRequired, TypeAlias, TypedDict


class AccountLimitsBody(TypedDict):
    """The account's own limit in this environment."""

    per_day_cents: int | None
    """The most that all credentials together may spend on one UTC day. Null means no limit."""


class ApprovalsGetQuery(TypedDict):
    """The filters of approvals.get."""

    wait_s: NotRequired[int]
    """Seconds to wait for a change. The call returns as soon as there is one."""


class ApprovalsListQuery(TypedDict):
    """The filters of approvals.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    status: NotRequired[Literal["approved", "cancelled", "denied", "expired", "pending"]]
    """The current state."""


class AuditListQuery(TypedDict):
    """The filters of audit.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


class BatchesGetQuery(TypedDict):
    """The filters of batches.get."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    status: NotRequired[
        Literal[
            "cancelled",
            "delivered",
            "dropped",
            "failed",
            "pending",
            "refused",
            "reversed",
            "reversing",
            "scheduled",
            "waiting",
        ]
    ]
    """The current state."""


class BatchesListQuery(TypedDict):
    """The filters of batches.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


class BillingDetailsBody(TypedDict):
    """The buyer to name on future documents. Existing documents don't change."""

    name: NotRequired[str]
    """The name on documents. If empty, the account's own name."""
    address: NotRequired[str]
    """The address: at most 8 lines, with line ends between them."""
    tax_id: NotRequired[str]
    """The tax number."""


class BulkBody(TypedDict):
    """A bulk send. In CSV, each line is one item, and `all_or_nothing` and `dry_run` are query parameters."""

    items: list[BulkItem]
    """The items to send."""
    all_or_nothing: NotRequired[bool]
    """Accept all items or none. Default: false."""
    dry_run: NotRequired[bool]
    """Return the cost and errors without sending. Default: false."""


class BulkItem(TypedDict):
    """One top-up of a bulk send. It has the fields of a single send, and a `reference` that is unique in the environment. An item whose `intent` was already used is refused, and the error names the earlier top-up."""

    platform: str
    """The platform to top up; see GET /platforms."""
    amount_cents: int
    """The amount in US cents, within the platform's limits."""
    recipient_email: NotRequired[str | None]
    """The recipient's email address. Required unless `recipient` is given."""
    recipient: NotRequired[Literal["self"] | None]
    """Sends to your account's own address, instead of `recipient_email`."""
    reference: str
    """Your own unique name for this item."""
    metadata: NotRequired[dict[str, str] | None]
    """Your own names and values, which events contain."""
    note: NotRequired[str | None]
    """The sender's note."""
    delivery: NotRequired[DeliveryBody | None]
    """How to notify the recipient."""
    send_at: NotRequired[datetime | None]
    """The time to send, at most 90 days ahead. If omitted, the top-up is sent immediately."""
    distinct: NotRequired[bool]
    """Confirms that this isn't a repetition, although it looks like a recent send; see the key's `repeat_guard_s`. Default: false."""
    quote_id: NotRequired[str | None]
    """The `quote_id` from POST /topup/validate for the same send, at most ten minutes old. The send costs exactly what was quoted, or is refused."""
    intent: NotRequired[str | None]
    """Your own ID for this top-up, such as a UUID, unique in the environment. A send with the same intent, platform, amount and recipient is the same top-up, whichever key of the account sends it and whether by API, MCP, x402 or a page. Any other send with this intent is refused."""


class CancelBody(TypedDict):
    """The top-up to cancel."""

    transaction_id: str
    """The top-up's ID."""


class CancelPlanBody(TypedDict):
    """When the plan ends. Ending a plan refunds nothing."""

    at: NotRequired[Literal["now", "period_end"]]
    """period_end: the paid period stays. now: the plan ends at once, without a refund. Default: "period_end"."""


class Caps(TypedDict):
    """Spend caps in cents."""

    per_call_cents: NotRequired[int | None]
    """A cap in US cents, by UTC day or month. Null means no cap."""
    per_day_cents: NotRequired[int | None]
    """A cap in US cents, by UTC day or month. Null means no cap."""
    per_month_cents: NotRequired[int | None]
    """A cap in US cents, by UTC day or month. Null means no cap."""


class CaptureBody(TypedDict):
    """How much of the hold to capture: an amount, or tokens of a model. Without either, the whole hold is captured."""

    model: NotRequired[str | None]
    """The model's name."""
    input_tokens: NotRequired[int | None]
    """The number of input tokens. Null if an amount was charged."""
    output_tokens: NotRequired[int | None]
    """The number of output tokens. Null if an amount was charged."""
    cached_tokens: NotRequired[int | None]
    """Cached input tokens."""
    credits: NotRequired[int | None]
    """The amount, in credits."""
    amount_micros: NotRequired[int | None]
    """The amount, in millionths of a US dollar."""


class CertifyBody(TypedDict):
    """The URL that reports the receiver's effects. Without it, some checks get the verdict `not_seen`."""

    effects_url: NotRequired[str | None]
    """Responds to GET with a whole number that each top-up changes by the same amount, such as a count of orders: 12 or {"effects": 12}."""


class ChangePlanBody(TypedDict):
    """The plan to switch to, or another billing interval of the same plan."""

    plan_id: str
    """The plan's ID."""
    interval: NotRequired[Literal["month", "year"]]
    """The billing interval. Default: "month"."""


class CliLoginBody(TypedDict):
    """The machine that wants to sign in. Its name is shown to the user."""

    name: str
    """The machine's name, which the key also gets."""


class CliTokenBody(TypedDict):
    """The secret that POST /cli/login returned."""

    device_code: str
    """The device_code from POST /cli/login."""


class ClockBody(TypedDict):
    """How far to advance the account's clock."""

    advance_s: int
    """The seconds to advance the clock."""


class CodesListQuery(TypedDict):
    """The filters of codes.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


class CreateTokenBody(TypedDict):
    """A new access token."""

    name: NotRequired[str]
    """The display name. Default: "Access token"."""


class CreditsListQuery(TypedDict):
    """The filters of credits.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


class DecideBody(TypedDict):
    """A decision on a refund. The operator has checked the provider's own pages."""

    verdict: Literal["made", "not_made"]
    """Whether the provider made the refund."""
    reason: str
    """The evidence, and where you saw it."""
    provider_refund_id: NotRequired[str | None]
    """The provider's ID of the refund, if it was made."""


class DeleteTokenBody(TypedDict):
    """The token to revoke, if the path doesn't name it."""

    id: str
    """The token's ID."""


class DeliverableBody(TypedDict):
    """What the recipient gets, in plain text. `value` is set for every kind except credit."""

    kind: Literal["code", "credit", "key", "link", "note"]
    """The kind. credit is in an account of the recipient."""
    value: NotRequired[str | None]
    """The code, key, link or note."""
    redeem_url: NotRequired[str | None]
    """The URL to redeem at."""
    instructions: NotRequired[str | None]
    """How to redeem, in plain text."""
    expires_at: NotRequired[datetime | None]
    """The time of expiry. Null means never."""


class DeliveriesListQuery(TypedDict):
    """The filters of deliveries.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    status: NotRequired[Literal["pending", "sending", "delivered", "failed", "cancelled"]]
    """Return only deliveries in this state."""
    endpoint_id: NotRequired[str]
    """Return only deliveries to this endpoint."""
    event_type: NotRequired[EventType]
    """Return only deliveries of events of this type."""
    transaction_id: NotRequired[str]
    """Return only deliveries about this top-up."""
    created_after: NotRequired[datetime]
    """Return only objects created at this time or later."""
    created_before: NotRequired[datetime]
    """Return only objects created before this time."""


class DeliveryBody(TypedDict):
    """How the recipient gets the top-up. Recipients need no account."""

    email: NotRequired[bool]
    """Mail a link to the claim page after delivery. Default: false."""
    locale: NotRequired[str | None]
    """The language of the mail and the claim page, such as es or zh-Hans. English, Arabic, Chinese and Spanish are available; anything else becomes English."""
    message: NotRequired[str | None]
    """A message to the recipient, in plain text."""


class DisputesListQuery(TypedDict):
    """The filters of disputes.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    state: NotRequired[Literal["ended", "open"]]
    """open: open disputes, the nearest deadline for evidence first. ended: ended ones, the latest first."""


class DocumentsListQuery(TypedDict):
    """The filters of documents.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    kind: NotRequired[Literal["credit_note", "debit_note", "receipt"]]
    """Return only documents of this kind."""
    order_id: NotRequired[str]
    """Return only documents of this order."""
    subscription_id: NotRequired[str]
    """Return only documents of this subscription."""
    dated_after: NotRequired[datetime]
    """Return only payments and refunds at this time or later."""
    dated_before: NotRequired[datetime]
    """Return only payments and refunds before this time."""


class EntitlementsListQuery(TypedDict):
    """The filters of entitlements.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


EventType: TypeAlias = Literal[
    "topup.delivered",
    "topup.failed",
    "topup.cancelled",
    "topup.pending",
    "topup.claimed",
    "topup.scheduled",
    "topup.reversed",
    "voucher.redeemed",
    "batch.completed",
    "balance.low",
    "credit.expiring",
    "credit.expired",
    "stock.low",
    "order.paid",
    "order.failed",
    "dispute.opened",
    "order.refunded",
    "order.disputed",
    "order.dispute_lost",
    "order.restored",
    "recharge.succeeded",
    "recharge.failed",
    "subscription.started",
    "subscription.activated",
    "subscription.renewed",
    "subscription.changed",
    "subscription.past_due",
    "subscription.paused",
    "subscription.resumed",
    "subscription.canceling",
    "subscription.ended",
    "approval.requested",
    "approval.approved",
    "approval.denied",
    "approval.cancelled",
    "approval.expired",
    "key.created",
    "key.paused",
    "key.resumed",
    "key.revoked",
    "key.cap_near",
    "key.cap_reached",
    "endpoint.disabled",
    "endpoint.test",
]
"""The event type; see GET /docs/events."""


class EventsListQuery(TypedDict):
    """The filters of events.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    after: NotRequired[str]
    """Return events after this cursor. 0 starts with the oldest stored event."""
    type: NotRequired[EventType]
    """Return only events of this type."""


class ExtendBody(TypedDict):
    """How long the hold lasts from now. Extending never makes it expire earlier."""

    ttl_s: NotRequired[int]
    """Seconds from now until the hold expires. Default: 900."""


class Filter(TypedDict):
    gte: NotRequired[int]
    lte: NotRequired[int]


class FundBody(TypedDict):
    """The amount of test credit to add, in US cents."""

    amount_cents: int
    """The amount, in US cents."""


class GrantFreePeriodBody(TypedDict):
    """The period to give for free, and an operator's reason."""

    reason: str
    """The reason, which is stored in the audit log."""
    period_start: NotRequired[datetime | None]
    """When the period begins: the end of the paid time. Default: the period that isn't paid now."""


class HoldBody(TypedDict):
    """The hold to create: its amount in credits or micros, and how long it lasts."""

    description: str
    """A description, in plain text."""
    credits: NotRequired[int | None]
    """The amount, in credits."""
    amount_micros: NotRequired[int | None]
    """The amount, in millionths of a US dollar."""
    model: NotRequired[str | None]
    """The model's name."""
    reference: NotRequired[str | None]
    """The caller's own reference."""
    ttl_s: NotRequired[int]
    """The duration, in seconds. Default: 900."""
    overage: NotRequired[Literal["cap", "owe", "reject"]]
    """What to do if a capture exceeds the held amount. reject: refuse it. cap: capture only the held amount. owe: also charge the rest, up to ten times the amount; the account owes what its wallet lacks. Default: "reject"."""


class HoldsListQuery(TypedDict):
    """The filters of holds.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    open: NotRequired[bool]
    """Only holds that haven't ended."""


class KeyChanges(TypedDict):
    """Changes to a key. A field that is omitted stays unchanged. null removes a limit."""

    per_call_cents: NotRequired[int | None]
    """A cap in US cents, by UTC day or month. Null means no cap."""
    per_day_cents: NotRequired[int | None]
    """A cap in US cents, by UTC day or month. Null means no cap."""
    per_month_cents: NotRequired[int | None]
    """A cap in US cents, by UTC day or month. Null means no cap."""
    purpose: NotRequired[str | None]
    """The key's purpose, in your words."""
    lifetime_cents: NotRequired[int | None]
    """The most that the key may ever spend. Earlier spending counts."""
    platforms: NotRequired[list[str] | None]
    """The only platforms for which the key may send. Null means any."""
    recipients: NotRequired[list[str] | None]
    """The only recipients: addresses, or *@domain for a domain without its subdomains. Null means anybody."""
    windows: NotRequired[list[WindowBody] | None]
    """Limits for rolling windows. All of them apply, each from when it is set."""
    per_recipient_per_day_cents: NotRequired[int | None]
    """The most that one recipient may be sent on a UTC day. Addresses that differ only after a plus are the same recipient."""
    max_sends_per_hour: NotRequired[int | None]
    """The number of accepted sends in any hour. Cancelled sends count."""
    max_recipients_per_week: NotRequired[int | None]
    """The number of different recipients in any seven days, each counted once. Addresses that differ only after a plus are the same recipient."""
    repeat_guard_s: NotRequired[int | None]
    """For this many seconds, a send with the same recipient, platform and amount is refused with 2006, unless the send says distinct."""
    approval_above_cents: NotRequired[int | None]
    """A send above this amount needs a user's approval."""
    approval_above_per_day_cents: NotRequired[int | None]
    """A send also needs approval if it takes the UTC day's total of unapproved sends above this. The other threshold alone lets any number of smaller sends pass."""
    approval_threshold_cents: NotRequired[int | None]
    """The old name of approval_above_cents."""
    name: NotRequired[str]
    """The display name."""
    scopes: NotRequired[list[Scope]]
    """At least one of the creating key's own scopes."""
    ip_allow_list: NotRequired[list[str]]
    """IP addresses or CIDRs that may use the key. If empty, any address."""
    caps: NotRequired[Caps]
    """The spending limits, in calendar periods of UTC."""
    expires_at: NotRequired[datetime | None]
    """When the key expires. Null means never."""


class KeysListQuery(TypedDict):
    """The filters of keys.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


class NewKey(TypedDict):
    """A new key. Its caps are in the body itself or in `caps`."""

    per_call_cents: NotRequired[int | None]
    """A cap in US cents, by UTC day or month. Null means no cap."""
    per_day_cents: NotRequired[int | None]
    """A cap in US cents, by UTC day or month. Null means no cap."""
    per_month_cents: NotRequired[int | None]
    """A cap in US cents, by UTC day or month. Null means no cap."""
    purpose: NotRequired[str | None]
    """The key's purpose, in your words."""
    lifetime_cents: NotRequired[int | None]
    """The most that the key may ever spend. Earlier spending counts."""
    platforms: NotRequired[list[str] | None]
    """The only platforms for which the key may send. Null means any."""
    recipients: NotRequired[list[str] | None]
    """The only recipients: addresses, or *@domain for a domain without its subdomains. Null means anybody."""
    windows: NotRequired[list[WindowBody] | None]
    """Limits for rolling windows. All of them apply, each from when it is set."""
    per_recipient_per_day_cents: NotRequired[int | None]
    """The most that one recipient may be sent on a UTC day. Addresses that differ only after a plus are the same recipient."""
    max_sends_per_hour: NotRequired[int | None]
    """The number of accepted sends in any hour. Cancelled sends count."""
    max_recipients_per_week: NotRequired[int | None]
    """The number of different recipients in any seven days, each counted once. Addresses that differ only after a plus are the same recipient."""
    repeat_guard_s: NotRequired[int | None]
    """For this many seconds, a send with the same recipient, platform and amount is refused with 2006, unless the send says distinct."""
    approval_above_cents: NotRequired[int | None]
    """A send above this amount needs a user's approval."""
    approval_above_per_day_cents: NotRequired[int | None]
    """A send also needs approval if it takes the UTC day's total of unapproved sends above this. The other threshold alone lets any number of smaller sends pass."""
    approval_threshold_cents: NotRequired[int | None]
    """The old name of approval_above_cents."""
    name: NotRequired[str]
    """The display name. Default: "API key"."""
    preset: NotRequired[Literal["agent", "checkout", "reader"] | None]
    """Limits and scopes for one kind of holder. What the body says wins. agent: Sends within a daily limit, waits for a person above a daily total, and blocks duplicate sends for 10 minutes. reader: Reads top-ups, orders, usage and events, but no codes, and spends nothing. checkout: Makes orders that payers pay and reads what became of them; sends nothing from your wallet. agent asks for per_day_cents and approval_above_per_day_cents."""
    scopes: NotRequired[list[Scope] | None]
    """At least one of the creating key's own scopes."""
    ip_allow_list: NotRequired[list[str]]
    """IP addresses or CIDRs that may use the key. If empty, any address."""
    caps: NotRequired[Caps | None]
    """The spending limits, in calendar periods of UTC."""
    expires_at: NotRequired[datetime | None]
    """When the key expires. Null means never."""


class NoticesListQuery(TypedDict):
    """The filters of notices.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    open: NotRequired[bool]
    """true: only open notices. false: only ended ones. Omitted: both."""


class OrderBody(TypedDict):
    """An order to create: a pack or an amount in US cents, and the provider that receives the payment."""

    provider: str
    """The provider where the order is paid. In staging, `sandbox` means the first provider that the sandbox simulates; the order names that provider."""
    pack_id: NotRequired[str | None]
    """The pack's ID."""
    amount_cents: NotRequired[int | None]
    """The amount, in US cents."""
    success_url: NotRequired[str | None]
    """The page for a payer who has paid."""
    cancel_url: NotRequired[str | None]
    """The page for a payer who doesn't pay."""
    coupon: NotRequired[str | None]
    """The coupon's code. Null if none."""
    save_payment_method: NotRequired[bool]
    """Whether the signed-in user agrees that the card is stored for an auto-recharge. Requires a session, and a provider that stores cards. Default: false."""


class OrdersCreditNotesQuery(TypedDict):
    """The filters of orders.credit_notes."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


class OrdersListQuery(TypedDict):
    """The filters of orders.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    status: NotRequired[
        Literal[
            "disputed",
            "expired",
            "failed",
            "paid",
            "partially_refunded",
            "pending",
            "refunded",
            "review",
        ]
    ]
    """Return only orders in this state."""
    provider: NotRequired[str]
    """Return only orders at this provider."""
    created_after: NotRequired[datetime]
    """Return only objects created at this time or later."""
    created_before: NotRequired[datetime]
    """Return only objects created before this time."""


class OutcomeBody(TypedDict):
    """The outcome for the pending top-up."""

    outcome: Literal["delivered", "failed"]
    """The outcome."""


class PacksListQuery(TypedDict):
    """The filters of packs.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


class PaidBody(TypedDict):
    """What to top up, and for whom. The payer pays the amount and the platform's fee."""

    platform: str
    """The platform to top up; see GET /platforms."""
    amount_cents: int
    """The amount in US cents; see GET /platforms."""
    recipient_email: str
    """The recipient's email address."""
    environment: NotRequired[Literal["live", "staging"] | None]
    """The environment. If omitted, live if the gateway offers it."""
    metadata: NotRequired[dict[str, str] | None]
    """Your own names and values."""
    note: NotRequired[str | None]
    """The sender's note."""
    delivery: NotRequired[DeliveryBody | None]
    """Mail, language and message for the recipient."""
    intent: NotRequired[str | None]
    """Your own ID for this top-up, such as a UUID, unique in the environment. A send with the same intent, platform, amount and recipient is the same top-up, whichever key of the account sends it and whether by API, MCP, x402 or a page. Any other send with this intent is refused."""
    distinct: NotRequired[bool]
    """Allow a second top-up for the same payer, platform, amount and recipient within 600 seconds. Otherwise, such a request is refused before anything is charged. Default: false."""


class PausePlanBody(TypedDict):
    """When the pause ends. Until then the provider charges nothing."""

    resumes_at: NotRequired[datetime | None]
    """When the plan resumes automatically. If omitted, it stays paused until you resume it. Providers that don't support a time refuse it."""


class PlatformsListQuery(TypedDict):
    """The filters of platforms.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


class PortalLinkBody(TypedDict):
    """A new portal link."""

    name: NotRequired[str]
    """The link's name, which only you see. Default: "Webhooks"."""
    can: NotRequired[Literal["manage", "read", "replay"]]
    """The link's access. read: only look. replay: also replay deliveries and test webhooks. manage: also change webhooks. Default: "read"."""
    origins: NotRequired[list[str]]
    """The sites that may embed the page, such as https://app.acme.example; empty means none."""
    endpoint_ids: NotRequired[list[str]]
    """The webhooks that the page shows; empty means all, including later ones."""
    expires_in_s: NotRequired[int]
    """The link's lifetime, in seconds. Default: 3600."""


class PortalLinksListQuery(TypedDict):
    """The filters of portal_links.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


class PricesListQuery(TypedDict):
    """The filters of prices.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    model: NotRequired[str]
    """Return only the price that applies to this model. If omitted, all prices."""


class RechargeBody(TypedDict):
    """The settings of a recharge, in US cents. Without method_ref, the newest saved payment method is charged."""

    below_cents: int
    """The balance below which credit is bought, in US cents."""
    amount_cents: int
    """The credit to buy each time, in US cents."""
    monthly_max_cents: int
    """The most to buy in a calendar month (UTC), in US cents."""
    provider: str
    """The payment provider."""
    method_ref: NotRequired[str | None]
    """The saved payment method to charge, by default the newest."""


class RedemptionsRedeemBody(TypedDict):
    """The redemption code (TOPUP-XXXX-XXXX-XXXX) or voucher (ATU-…) to redeem."""

    code: str
    """TOPUP-XXXX-XXXX-XXXX, or a voucher ATU-…."""


class RefundBody(TypedDict):
    """A refund to make: how much of an order's payment to return, and why."""

    reason: str
    """The reason, in your words. The event order.refunded contains it."""
    amount: NotRequired[int | None]
    """The amount, in the smallest unit of pay_currency. If omitted, all that is left."""
    pay_currency: NotRequired[str | None]
    """The currency of amount. The call is refused if the payment was in another currency."""
    period_id: NotRequired[str | None]
    """The paid period's ID, for a plan's order with several periods."""
    payment: NotRequired[str | None]
    """The provider's ID of a payment without credit that isn't the order's own: a second one, or a plan's payment in review."""
    allow_owed: NotRequired[bool]
    """Whether to refund even if the credit was spent. The account then owes the rest. Default: false."""
    made_at_provider: NotRequired[str | None]
    """The provider's ID of a refund that you made on its own pages. It is recorded and counts at once, without a call to the provider."""


class RefundsListQuery(TypedDict):
    """The filters of refunds.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    status: NotRequired[Literal["failed", "pending", "requested", "succeeded", "unknown"]]
    """Return only refunds in this state."""
    order_id: NotRequired[str]
    """Return only refunds of this order."""
    account_id: NotRequired[str]
    """Return only refunds of this account."""
    open: NotRequired[bool]
    """Return only refunds that have not ended."""


class RegisterBody(TypedDict):
    """A new webhook endpoint."""

    url: str
    """An https URL with a public host; in staging also http."""
    events: NotRequired[list[EventType]]
    """The event types to send; empty means all."""
    description: NotRequired[str]
    """A description, in plain text."""
    headers: NotRequired[dict[str, str]]
    """Your own headers, which are sent with each request and masked when shown."""
    retry_schedule_s: NotRequired[list[int]]
    """The seconds before each attempt."""
    rate_limit_per_s: NotRequired[int | None]
    """The maximum number of requests per second; null means no limit."""
    ordered: NotRequired[bool]
    """Whether events about one object (a top-up, an order, a subscription) are sent one after the other, by `sequence`. A failing delivery delays the later ones until it has ended. Default: false."""
    include_codes: NotRequired[bool]
    """Whether bodies contain voucher_code, not only its hint; requires vouchers:read. Default: false."""
    include_approval_links: NotRequired[bool]
    """Whether approval.requested contains decide_url, a page on which to decide. Only a signed-in user can turn this on, not a key. Default: false."""
    filter: NotRequired[dict[str, list[str | int | bool | None] | Filter] | None]
    """Which events to send, by their data: for each path, the allowed values or bounds, such as {"platform": ["claude"], "amount_cents": {"gte": 1000}}; null means all events."""
    ed25519: NotRequired[bool]
    """Whether webhook-signature also has an Ed25519 signature (v1a), for which a receiver needs only public_key. Turning this off deletes the key pair; turning it on again makes a new one. Default: true."""


class ReplayBody(TypedDict):
    """Which deliveries to replay, and how many per second."""

    since: NotRequired[datetime | None]
    """The start of the period; by default, the first delivery."""
    until: NotRequired[datetime | None]
    """The end of the period; by default, now."""
    status: NotRequired[Literal["failed", "delivered"]]
    """The state of the deliveries to replay. Default: "failed"."""
    events: NotRequired[list[EventType]]
    """The event types to replay; empty means all."""
    rate_per_s: NotRequired[int | None]
    """The maximum number of deliveries per second; by default 50."""
    like: NotRequired[str | None]
    """The ID of a failed delivery: only replay deliveries with the same HTTP status, error and response text. A webhook's health names one delivery of each group."""
    ramp: NotRequired[bool]
    """Start with one delivery, and double the number each time all have succeeded. The first failure pauses the replay. Default: false."""
    dry_run: NotRequired[bool]
    """Count the deliveries without sending them. Default: false."""


class ReplaysListQuery(TypedDict):
    """The filters of replays.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


class ReportsOutstandingQuery(TypedDict):
    """The filters of reports.outstanding."""

    to: NotRequired[datetime]
    """The end, exclusive. Default: now."""
    from_: NotRequired[datetime]
    """The beginning, inclusive. Default: a year ago."""


class ReportsRevenueQuery(TypedDict):
    """The filters of reports.revenue."""

    to: NotRequired[datetime]
    """The end, exclusive. Default: now."""
    from_: NotRequired[datetime]
    """The beginning, inclusive. Default: a year ago."""


class ReverseBody(TypedDict):
    """The reason for the reversal. The event and the history show it."""

    reason: str
    """The reason for the reversal. The event topup.reversed contains it."""


class RevokeFreePeriodBody(TypedDict):
    """An operator's reason for revoking a free period."""

    reason: str
    """The reason, which is stored in the audit log."""
    allow_owed: NotRequired[bool]
    """Whether to revoke the period even if its credit was used. The account then owes the rest. Default: false."""


class Rotation(TypedDict):
    """How long the old secret still works after the rotation."""

    overlap_s: NotRequired[int]
    """How long the old secret still works, in seconds. Default: 0."""


class SandboxBody(TypedDict):
    """`environment` is optional, and can only be staging."""

    environment: NotRequired[str]
    """The environment. Staging and live share no data. Default: "staging"."""


class SaveBody(TypedDict):
    """A payment method to save. The provider's page sends the user back to return_url."""

    provider: str
    """The payment provider."""
    return_url: str
    """The page that the user returns to."""


Scope: TypeAlias = Literal[
    "topup:send",
    "topup:read",
    "topup:reverse",
    "webhooks:read",
    "webhooks:write",
    "billing:read",
    "billing:write",
    "usage:read",
    "usage:write",
    "vouchers:read",
    "vouchers:redeem",
    "keys:write",
    "approvals:write",
    "admin",
]
"""A permission of a credential."""


class SendBody(TypedDict):
    """What to send, to whom, and optionally at which quoted price. Give either `recipient_email` or, for the account's own address, `"recipient": "self"`."""

    platform: str
    """The platform to top up; see GET /platforms."""
    amount_cents: int
    """The amount in US cents, within the platform's limits."""
    recipient_email: NotRequired[str | None]
    """The recipient's email address. Required unless `recipient` is given."""
    recipient: NotRequired[Literal["self"] | None]
    """Sends to your account's own address, instead of `recipient_email`."""
    reference: NotRequired[str | None]
    """Your own reference for the top-up, unique in the environment."""
    metadata: NotRequired[dict[str, str] | None]
    """Your own names and values, which events contain."""
    note: NotRequired[str | None]
    """The sender's note."""
    delivery: NotRequired[DeliveryBody | None]
    """How to notify the recipient."""
    send_at: NotRequired[datetime | None]
    """The time to send, at most 90 days ahead. If omitted, the top-up is sent immediately."""
    distinct: NotRequired[bool]
    """Confirms that this isn't a repetition, although it looks like a recent send; see the key's `repeat_guard_s`. Default: false."""
    intent: NotRequired[str | None]
    """Your own ID for this top-up, such as a UUID, unique in the environment. A send with the same intent, platform, amount and recipient is the same top-up, whichever key of the account sends it and whether by API, MCP, x402 or a page. Any other send with this intent is refused."""
    quote_id: NotRequired[str | None]
    """The `quote_id` from POST /topup/validate for the same send, at most ten minutes old. The send costs exactly what was quoted, or is refused."""


class SettleBody(TypedDict):
    """The result of a top-up. The sender sees the reason for a failure. If a delivered top-up has no deliverable, its credit is in the recipient's account at the supplier."""

    transaction_id: str
    """The transaction ID of the path, which is signed here."""
    status: Literal["delivered", "failed"]
    """The top-up's final status."""
    reason: NotRequired[str | None]
    """The reason for a failure, which the sender sees."""
    deliverable: NotRequired[DeliverableBody | None]
    """The deliverable for the recipient. Null before delivery."""
    cost_cents: NotRequired[int | None]
    """Your cost, in US cents."""
    platform: NotRequired[str | None]
    """The deliverable's platform, checked if given."""
    amount_cents: NotRequired[int | None]
    """The face value in US cents, checked if given."""
    environment: NotRequired[Literal["live", "staging"] | None]
    """The deliverable's environment, checked if given."""


class SubscriptionsListQuery(TypedDict):
    """The filters of subscriptions.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


class SubscriptionsPreviewChangeQuery(TypedDict):
    """The filters of subscriptions.preview_change."""

    plan_id: NotRequired[str]
    """The new plan's ID. Required."""
    interval: NotRequired[Literal["month", "year"]]
    """The billing interval."""


class TestEventBody(TypedDict):
    """The type of the sample event."""

    event: NotRequired[EventType]
    """The sample event's type. Default: "endpoint.test"."""


class ThresholdBody(TypedDict):
    """The balances at which balance.low fires, in cents: one threshold (0 for none) or a list."""

    low_balance_threshold_cents: NotRequired[int | None]
    """One threshold, in US cents. 0 means none."""
    low_balance_thresholds_cents: NotRequired[list[int] | None]
    """Several thresholds, in US cents. An empty list means none."""


class TokensListQuery(TypedDict):
    """The filters of tokens.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


TopUpStatus: TypeAlias = Literal[
    "scheduled", "pending", "delivered", "failed", "cancelled", "reversing", "reversed"
]
"""The top-up's status."""


class TopupsDeletePaymentMethodQuery(TypedDict):
    """The filters of topups.delete_payment_method."""

    provider: NotRequired[str]
    """The provider. Required."""


class TopupsHistoryQuery(TypedDict):
    """The filters of topups.history."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    status: NotRequired[TopUpStatus]
    """Return only top-ups in this state."""
    platform: NotRequired[str]
    """Return only top-ups of this platform."""
    recipient_email: NotRequired[str]
    """Return only top-ups to this recipient."""
    reference: NotRequired[str]
    """Return only the top-up with this reference."""
    key_id: NotRequired[str]
    """Return only top-ups that this key sent."""
    created_after: NotRequired[datetime]
    """Return only objects created at this time or later."""
    created_before: NotRequired[datetime]
    """Return only objects created before this time."""


class TopupsPaymentMethodsQuery(TypedDict):
    """The filters of topups.payment_methods."""

    provider: NotRequired[str]
    """The provider. Required."""


class TopupsStatementQuery(TypedDict):
    """The filters of topups.statement."""

    to: NotRequired[datetime]
    """The end, exclusive. Default: now."""
    month: NotRequired[str]
    """A UTC month that has begun, such as 2026-06, instead of from and to."""
    from_: NotRequired[datetime]
    """The beginning, inclusive. Default: the first transfer."""


class TopupsStatusQuery(TypedDict):
    """The filters of topups.status."""

    wait_s: NotRequired[int]
    """Seconds to wait for a change. The call returns as soon as there is one."""


class UsageBody(TypedDict):
    """One usage record, or a batch in `records`. Each record of a batch has the fields of a single record."""

    model: NotRequired[str | None]
    """The model's name."""
    input_tokens: NotRequired[int | None]
    """The number of input tokens. Null if an amount was charged."""
    output_tokens: NotRequired[int | None]
    """The number of output tokens. Null if an amount was charged."""
    cached_tokens: NotRequired[int | None]
    """Cached input tokens."""
    description: NotRequired[str | None]
    """The purpose of the charge. Required with an amount."""
    credits: NotRequired[int | None]
    """The amount, in credits."""
    amount_micros: NotRequired[int | None]
    """The amount, in millionths of a US dollar."""
    reference: NotRequired[str | None]
    """The caller's own reference."""
    records: NotRequired[list[UsageRecordBody]]
    """A batch of up to 1,000 records. Each has the fields of a single record."""


class UsageListQuery(TypedDict):
    """The filters of usage.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    model: NotRequired[str]
    """Return only charges for this model."""
    key: NotRequired[str]
    """Return only charges by this key or app. Pass its ID."""
    reference: NotRequired[str]
    """Your own reference, or an app's order_no."""
    to: NotRequired[str]
    """A time in RFC 3339, or a day such as 2026-06-13, which means its start."""
    from_: NotRequired[str]
    """A time in RFC 3339, or a day such as 2026-06-13, which means its start."""


class UsageRecordBody(TypedDict):
    """The usage to charge. Give exactly one of an amount in credits, an amount in micros, or tokens of a model."""

    model: NotRequired[str | None]
    """The model's name."""
    input_tokens: NotRequired[int | None]
    """The number of input tokens. Null if an amount was charged."""
    output_tokens: NotRequired[int | None]
    """The number of output tokens. Null if an amount was charged."""
    cached_tokens: NotRequired[int | None]
    """Cached input tokens."""
    description: NotRequired[str | None]
    """The purpose of the charge. Required with an amount."""
    credits: NotRequired[int | None]
    """The amount, in credits."""
    amount_micros: NotRequired[int | None]
    """The amount, in millionths of a US dollar."""
    reference: NotRequired[str | None]
    """The caller's own reference."""


class UsageSumsQuery(TypedDict):
    """The filters of usage.sums."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    model: NotRequired[str]
    """Return only charges for this model."""
    key: NotRequired[str]
    """Return only charges by this key or app. Pass its ID."""
    reference: NotRequired[str]
    """Your own reference, or an app's order_no."""
    to: NotRequired[str]
    """A time in RFC 3339, or a day such as 2026-06-13, which means its start."""
    group_by: NotRequired[Literal["day", "key", "model"]]
    """Return sums over whole UTC days instead of charges."""
    from_: NotRequired[str]
    """A time in RFC 3339, or a day such as 2026-06-13, which means its start."""


class UseBody(TypedDict):
    """The number of uses to count. A repeated reference is counted only once."""

    reference: str
    """Your own unique reference for this use."""
    count: NotRequired[int]
    """The number of uses. Default: 1."""


class ValidateBody(TypedDict):
    """What would be sent, and to whom. Give either `recipient_email` or, for the account's own address, `"recipient": "self"`."""

    platform: str
    """The platform to top up; see GET /platforms."""
    amount_cents: int
    """The amount in US cents, within the platform's limits."""
    recipient_email: NotRequired[str | None]
    """The recipient's email address. Required unless `recipient` is given."""
    recipient: NotRequired[Literal["self"] | None]
    """Sends to your account's own address, instead of `recipient_email`."""
    reference: NotRequired[str | None]
    """Your own reference for the top-up, unique in the environment."""
    metadata: NotRequired[dict[str, str] | None]
    """Your own names and values, which events contain."""
    note: NotRequired[str | None]
    """The sender's note."""
    delivery: NotRequired[DeliveryBody | None]
    """How to notify the recipient."""
    send_at: NotRequired[datetime | None]
    """The time to send, at most 90 days ahead. If omitted, the top-up is sent immediately."""
    distinct: NotRequired[bool]
    """Confirms that this isn't a repetition, although it looks like a recent send; see the key's `repeat_guard_s`. Default: false."""
    intent: NotRequired[str | None]
    """Your own ID for this top-up, such as a UUID, unique in the environment. A send with the same intent, platform, amount and recipient is the same top-up, whichever key of the account sends it and whether by API, MCP, x402 or a page. Any other send with this intent is refused."""


class VerifyBody(TypedDict):
    """A request that a receiver got (headers and raw body), and the receiver's secret or public key."""

    headers: dict[str, str]
    """The request's headers, as they were received."""
    body: str
    """The request's raw body, as text."""
    secret: NotRequired[str | None]
    """The secret that the receiver uses, if any."""
    public_key: NotRequired[str | None]
    """The public key (whpk_…) that the receiver uses, if any, to check the Ed25519 signature."""


class VouchersRedeemBody(TypedDict):
    """The voucher to redeem. If `settle` is wallet, the caller's wallet is credited. If the platform has honoured the voucher, use external."""

    code: str
    """The voucher's code, ATU-…."""
    settle: NotRequired[Literal["external", "wallet"]]
    """The kind of redemption. wallet: into a wallet of this gateway. external: by the platform. Default: "wallet"."""


class WalletsListQuery(TypedDict):
    """The filters of wallets.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""
    recipient_email: NotRequired[str]
    """Return only wallets of this recipient."""
    platform: NotRequired[str]
    """Return only wallets of this platform."""


class WebhooksHealthQuery(TypedDict):
    """The filters of webhooks.health."""

    hours: NotRequired[int]
    """The number of hours to look back."""


class WebhooksListQuery(TypedDict):
    """The filters of webhooks.list."""

    limit: NotRequired[int]
    """The number of items on a page."""
    cursor: NotRequired[str]
    """The next_cursor of the previous page."""


class WebhooksPatchBody(TypedDict):
    """The fields to change. Omitted fields stay unchanged."""

    url: NotRequired[str]
    """An https URL with a public host; in staging also http."""
    events: NotRequired[list[EventType]]
    """The event types to send; empty means all."""
    description: NotRequired[str]
    """A description, in plain text."""
    headers: NotRequired[dict[str, str]]
    """Your own headers, which are sent with each request and masked when shown."""
    retry_schedule_s: NotRequired[list[int]]
    """The seconds before each attempt."""
    rate_limit_per_s: NotRequired[int | None]
    """The maximum number of requests per second; null means no limit."""
    ordered: NotRequired[bool]
    """Whether events about one object (a top-up, an order, a subscription) are sent one after the other, by `sequence`. A failing delivery delays the later ones until it has ended."""
    include_codes: NotRequired[bool]
    """Whether bodies contain voucher_code, not only its hint; requires vouchers:read."""
    include_approval_links: NotRequired[bool]
    """Whether approval.requested contains decide_url, a page on which to decide. Only a signed-in user can turn this on, not a key."""
    filter: NotRequired[dict[str, list[str | int | bool | None] | Filter] | None]
    """Which events to send, by their data: for each path, the allowed values or bounds, such as {"platform": ["claude"], "amount_cents": {"gte": 1000}}; null means all events."""
    ed25519: NotRequired[bool]
    """Whether webhook-signature also has an Ed25519 signature (v1a), for which a receiver needs only public_key. Turning this off deletes the key pair; turning it on again makes a new one."""
    status: NotRequired[Literal["enabled", "disabled"]]
    """The new status."""


class WebhooksRotateBody(TypedDict):
    """How long the old secret stays valid alongside the new one."""

    overlap_s: NotRequired[int]
    """The seconds for which the old secret still signs. Default: 86400."""


class WindowBody(TypedDict):
    """A spending limit for a rolling window of the given number of seconds."""

    seconds: int
    """The length of the window, in seconds."""
    cents: int
    """The most that may be spent in any window of that length, in US cents."""
