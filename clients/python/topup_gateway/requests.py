"""What the API takes and answers. Made by `make clients`: changes here are lost."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NotRequired, TypeAlias, TypedDict


class AccountLimitsBody(TypedDict):
    """The account's own limit in this environment."""

    per_day_cents: int | None
    """On one UTC day, by all credentials together; null: no limit."""


class ApprovalsGetQuery(TypedDict):
    """The filters of approvals.get."""

    wait_s: NotRequired[int]
    """Seconds to wait for a change; the answer comes as soon as there is one."""


class ApprovalsListQuery(TypedDict):
    """The filters of approvals.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
    status: NotRequired[Literal["approved", "cancelled", "denied", "expired", "pending"]]
    """Its state."""


class AuditListQuery(TypedDict):
    """The filters of audit.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


class BatchesGetQuery(TypedDict):
    """The filters of batches.get."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
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
    """Its state."""


class BatchesListQuery(TypedDict):
    """The filters of batches.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


class BillingDetailsBody(TypedDict):
    """The buyer to name on future documents. Existing documents don't change."""

    name: NotRequired[str]
    """Whom documents are made out to; empty: the account's own name."""
    address: NotRequired[str]
    """At most 8 lines, apart by line ends."""
    tax_id: NotRequired[str]
    """The tax number."""


class BulkBody(TypedDict):
    """Many sends. As CSV each line is an item, and the two options are query parameters."""

    items: list[BulkItem]
    """The sends."""
    all_or_nothing: NotRequired[bool]
    """Accept all items or none. Default: false."""
    dry_run: NotRequired[bool]
    """Only say what it would cost and which items are wrong. Default: false."""


class BulkItem(TypedDict):
    """One send of a bulk send: as the body of a send, with a reference of its own, by which a repeated item is known. An item whose intent names a top-up already is refused, and names that one."""

    platform: str
    """What is topped up; see GET /platforms."""
    amount_cents: int
    """In US cents, within the platform's limits."""
    recipient_email: NotRequired[str | None]
    """Whose wallet. Required unless recipient is given."""
    recipient: NotRequired[Literal["self"] | None]
    """In place of recipient_email: your account's own address."""
    reference: str
    """Your own name for it, once per environment."""
    metadata: NotRequired[dict[str, str] | None]
    """Pairs of yours; events carry them."""
    note: NotRequired[str | None]
    """A note of the sender's own."""
    delivery: NotRequired[DeliveryBody | None]
    """Mail, language and message for the recipient."""
    send_at: NotRequired[datetime | None]
    """When to send it, at most 90 days ahead; left out: at once."""
    distinct: NotRequired[bool]
    """Another send, though it looks like one of a moment ago; see the key's repeat_guard_s. Default: false."""
    quote_id: NotRequired[str | None]
    """From POST /topup/validate of the same send, at most ten minutes ago: charged is exactly what it said, or the send is refused."""
    intent: NotRequired[str | None]
    """Your own id of this one top-up, such as a UUID, once per environment. The same platform, amount and recipient under it, through any door (API, MCP, x402, a page) and with any key of the account, is the same top-up; another body is refused."""


class CancelBody(TypedDict):
    """Which top-up."""

    transaction_id: str
    """The top-up's id."""


class CancelPlanBody(TypedDict):
    """When the plan ends. Nothing is refunded; a refund is a separate call."""

    at: NotRequired[Literal["now", "period_end"]]
    """period_end: what is paid for is kept. now: at once; nothing is paid back. Default: "period_end"."""


class Caps(TypedDict):
    """Spend caps in cents."""

    per_call_cents: NotRequired[int | None]
    """In US cents, calendar windows of UTC; null: no cap."""
    per_day_cents: NotRequired[int | None]
    """In US cents, calendar windows of UTC; null: no cap."""
    per_month_cents: NotRequired[int | None]
    """In US cents, calendar windows of UTC; null: no cap."""


class CaptureBody(TypedDict):
    """How much of the hold was used: an amount, or tokens of a model; without either, all of it."""

    model: NotRequired[str | None]
    """The model's name."""
    input_tokens: NotRequired[int | None]
    """The tokens that went in; null: an amount was charged."""
    output_tokens: NotRequired[int | None]
    """The tokens that came out; null: an amount was charged."""
    cached_tokens: NotRequired[int | None]
    """Those of the input tokens that were cached."""
    credits: NotRequired[int | None]
    """The amount, in credits."""
    amount_micros: NotRequired[int | None]
    """The amount, in millionths of a US dollar."""


class CertifyBody(TypedDict):
    """Where the receiver reports its effects. Without it, some checks end as `not_seen`."""

    effects_url: NotRequired[str | None]
    """Answers a GET with a whole number that each top-up moves by the same, such as a count of orders: 12 or {"effects": 12}."""


class ChangePlanBody(TypedDict):
    """The plan to switch to, or another billing interval of the same plan."""

    plan_id: str
    """The plan's id."""
    interval: NotRequired[Literal["month", "year"]]
    """How often it is paid. Default: "month"."""


class CliLoginBody(TypedDict):
    """Which machine wants to be logged in; the person is shown it."""

    name: str
    """What the machine is called; the key is named after it."""


class CliTokenBody(TypedDict):
    """The secret that POST /cli/login gave."""

    device_code: str
    """The device code of POST /cli/login."""


class ClockBody(TypedDict):
    """How far the account's clock goes on, in seconds."""

    advance_s: int
    """How far the clock goes on, in seconds."""


class CodesListQuery(TypedDict):
    """The filters of codes.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


class CreateTokenBody(TypedDict):
    """A new access token."""

    name: NotRequired[str]
    """Its name. Default: "Access token"."""


class CreditsListQuery(TypedDict):
    """The filters of credits.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


class DecideBody(TypedDict):
    """A decision about a refund, after an operator has checked the provider's own pages."""

    verdict: Literal["made", "not_made"]
    """Whether the provider made the refund."""
    reason: str
    """Where you saw it."""
    provider_refund_id: NotRequired[str | None]
    """Its ID at the provider, if it was made."""


class DeleteTokenBody(TypedDict):
    """The token to revoke, if the path doesn't name it."""

    id: str
    """The token's id."""


class DeliverableBody(TypedDict):
    """What the recipient is given; a kind other than credit has a value. Plain text, at most so long."""

    kind: Literal["code", "credit", "key", "link", "note"]
    """What it is; credit: it lies in an account of the recipient's."""
    value: NotRequired[str | None]
    """The code, key, link or note itself."""
    redeem_url: NotRequired[str | None]
    """Where it is used."""
    instructions: NotRequired[str | None]
    """How it is used, in plain text."""
    expires_at: NotRequired[datetime | None]
    """When it ends; null: it does not."""


class DeliveriesListQuery(TypedDict):
    """The filters of deliveries.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
    status: NotRequired[Literal["pending", "sending", "delivered", "failed", "cancelled"]]
    """Only deliveries in this state."""
    endpoint_id: NotRequired[str]
    """Only deliveries to this endpoint."""
    event_type: NotRequired[EventType]
    """Only deliveries of events of this type."""
    transaction_id: NotRequired[str]
    """Only deliveries about this top-up."""
    created_after: NotRequired[datetime]
    """Only what was made at this time or later."""
    created_before: NotRequired[datetime]
    """Only what was made before this time."""


class DeliveryBody(TypedDict):
    """How the top-up reaches its recipient, who needs no account."""

    email: NotRequired[bool]
    """Mail the recipient a link to the claim page once it is delivered. Default: false."""
    locale: NotRequired[str | None]
    """Language of mail and page, such as es or zh-Hans: English, Arabic, Chinese or Spanish; any other is shown in English."""
    message: NotRequired[str | None]
    """Your words to the recipient, plain text."""


class DisputesListQuery(TypedDict):
    """The filters of disputes.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
    state: NotRequired[Literal["ended", "open"]]
    """open: the nearest end of evidence first. ended: the latest first."""


class DocumentsListQuery(TypedDict):
    """The filters of documents.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
    kind: NotRequired[Literal["credit_note", "debit_note", "receipt"]]
    """Only documents of this kind."""
    order_id: NotRequired[str]
    """Only documents of this order."""
    subscription_id: NotRequired[str]
    """Only documents of this subscription."""
    dated_after: NotRequired[datetime]
    """Only what was paid or paid back at this time or later."""
    dated_before: NotRequired[datetime]
    """Only what was paid or paid back before this time."""


class EntitlementsListQuery(TypedDict):
    """The filters of entitlements.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


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
"""What happened; GET /docs/events describes each."""


class EventsListQuery(TypedDict):
    """The filters of events.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
    after: NotRequired[str]
    """From after this cursor on; 0: from the oldest event that is kept."""
    type: NotRequired[EventType]
    """Only events of this type."""


class ExtendBody(TypedDict):
    """For how long from now it is set aside; it never ends earlier than it would have."""

    ttl_s: NotRequired[int]
    """In seconds, from now. Default: 900."""


class Filter(TypedDict):
    gte: NotRequired[int]
    lte: NotRequired[int]


class FundBody(TypedDict):
    """How much test credit, in cents."""

    amount_cents: int
    """The amount, in US cents."""


class GrantFreePeriodBody(TypedDict):
    """The period to give for free, and an operator's reason."""

    reason: str
    """Why, for whoever looks at it later; it stands in the audit log."""
    period_start: NotRequired[datetime | None]
    """When it begins: where the paid time ends. Left out: the period that is not paid now."""


class HoldBody(TypedDict):
    """What may be used, the amount in credits or in micros, and for how long it is set aside."""

    description: str
    """What it is, in plain text."""
    credits: NotRequired[int | None]
    """The amount, in credits."""
    amount_micros: NotRequired[int | None]
    """The amount, in millionths of a US dollar."""
    model: NotRequired[str | None]
    """The model's name."""
    reference: NotRequired[str | None]
    """The caller's own name for it."""
    ttl_s: NotRequired[int]
    """How long, in seconds. Default: 900."""
    overage: NotRequired[Literal["cap", "owe", "reject"]]
    """What a capture above the amount does: it is refused; it is cut to the amount; or the rest is charged too, up to ten times the amount, and what the wallet lacks is owed. Default: "reject"."""


class KeyChanges(TypedDict):
    """Changes to a key. Omitted fields stay unchanged, and null removes a limit."""

    per_call_cents: NotRequired[int | None]
    """In US cents, calendar windows of UTC; null: no cap."""
    per_day_cents: NotRequired[int | None]
    """In US cents, calendar windows of UTC; null: no cap."""
    per_month_cents: NotRequired[int | None]
    """In US cents, calendar windows of UTC; null: no cap."""
    purpose: NotRequired[str | None]
    """Its purpose, in your words."""
    lifetime_cents: NotRequired[int | None]
    """The most that it may ever spend; what it spent before counts."""
    platforms: NotRequired[list[str] | None]
    """The only platforms that it may send; null: any."""
    recipients: NotRequired[list[str] | None]
    """The only recipients: addresses, and *@domain for all of a domain, not of those below it; null: anybody."""
    windows: NotRequired[list[WindowBody] | None]
    """Rolling windows; all of them hold, each from when it is set."""
    per_recipient_per_day_cents: NotRequired[int | None]
    """The most that one recipient is sent on a UTC day. What follows a plus in an address makes it no other recipient."""
    max_sends_per_hour: NotRequired[int | None]
    """Accepted sends in any hour; a cancelled one stays counted."""
    max_recipients_per_week: NotRequired[int | None]
    """Different recipients in any seven days. What follows a plus in an address makes it no other recipient, and one that was sent to already costs nothing."""
    repeat_guard_s: NotRequired[int | None]
    """The same recipient, platform and amount again within so many seconds is 2006, unless the send says distinct."""
    approval_above_cents: NotRequired[int | None]
    """A send above it waits for a person."""
    approval_above_per_day_cents: NotRequired[int | None]
    """So does one that takes the UTC day's sends without an approval above this. The other threshold alone lets any number of smaller sends pass."""
    approval_threshold_cents: NotRequired[int | None]
    """The old name of approval_above_cents."""
    name: NotRequired[str]
    """Its name."""
    scopes: NotRequired[list[Scope]]
    """Among those of the key that creates it; one at least."""
    ip_allow_list: NotRequired[list[str]]
    """Addresses or CIDRs; empty: any address."""
    caps: NotRequired[Caps]
    """What it may spend, in calendar windows of UTC."""
    expires_at: NotRequired[datetime | None]
    """When it ends; null: it does not."""


class KeysListQuery(TypedDict):
    """The filters of keys.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


class NewKey(TypedDict):
    """A new key. Its caps are in the body itself or in `caps`."""

    per_call_cents: NotRequired[int | None]
    """In US cents, calendar windows of UTC; null: no cap."""
    per_day_cents: NotRequired[int | None]
    """In US cents, calendar windows of UTC; null: no cap."""
    per_month_cents: NotRequired[int | None]
    """In US cents, calendar windows of UTC; null: no cap."""
    purpose: NotRequired[str | None]
    """Its purpose, in your words."""
    lifetime_cents: NotRequired[int | None]
    """The most that it may ever spend; what it spent before counts."""
    platforms: NotRequired[list[str] | None]
    """The only platforms that it may send; null: any."""
    recipients: NotRequired[list[str] | None]
    """The only recipients: addresses, and *@domain for all of a domain, not of those below it; null: anybody."""
    windows: NotRequired[list[WindowBody] | None]
    """Rolling windows; all of them hold, each from when it is set."""
    per_recipient_per_day_cents: NotRequired[int | None]
    """The most that one recipient is sent on a UTC day. What follows a plus in an address makes it no other recipient."""
    max_sends_per_hour: NotRequired[int | None]
    """Accepted sends in any hour; a cancelled one stays counted."""
    max_recipients_per_week: NotRequired[int | None]
    """Different recipients in any seven days. What follows a plus in an address makes it no other recipient, and one that was sent to already costs nothing."""
    repeat_guard_s: NotRequired[int | None]
    """The same recipient, platform and amount again within so many seconds is 2006, unless the send says distinct."""
    approval_above_cents: NotRequired[int | None]
    """A send above it waits for a person."""
    approval_above_per_day_cents: NotRequired[int | None]
    """So does one that takes the UTC day's sends without an approval above this. The other threshold alone lets any number of smaller sends pass."""
    approval_threshold_cents: NotRequired[int | None]
    """The old name of approval_above_cents."""
    name: NotRequired[str]
    """Its name. Default: "API key"."""
    preset: NotRequired[Literal["agent", "checkout", "reader"] | None]
    """Limits and scopes for one kind of holder. What the body says wins. agent: Sends within a daily limit, waits for a person above a daily total, and blocks duplicate sends for 10 minutes. reader: Reads top-ups, orders, usage and events, but no codes, and spends nothing. checkout: Makes orders that payers pay and reads what became of them; sends nothing from your wallet. agent asks for per_day_cents and approval_above_per_day_cents."""
    scopes: NotRequired[list[Scope] | None]
    """Among those of the key that creates it; one at least."""
    ip_allow_list: NotRequired[list[str]]
    """Addresses or CIDRs; empty: any address."""
    caps: NotRequired[Caps | None]
    """What it may spend, in calendar windows of UTC."""
    expires_at: NotRequired[datetime | None]
    """When it ends; null: it does not."""


class NoticesListQuery(TypedDict):
    """The filters of notices.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
    open: NotRequired[bool]
    """true: what still goes on. false: what is over. Left out: both."""


class OrderBody(TypedDict):
    """An order to create: a pack or an amount in US cents, and the provider where it is paid."""

    provider: str
    """Where it is paid. In staging, `sandbox` is the first provider that the sandbox simulates; the order names that provider."""
    pack_id: NotRequired[str | None]
    """The pack's id."""
    amount_cents: NotRequired[int | None]
    """The amount, in US cents."""
    success_url: NotRequired[str | None]
    """Where the payer goes who has paid."""
    cancel_url: NotRequired[str | None]
    """Where the payer goes who does not pay."""
    coupon: NotRequired[str | None]
    """A coupon's code; null: none."""
    save_payment_method: NotRequired[bool]
    """The signed-in user agrees that the card is stored for an auto-recharge. Only with a session, and if the provider stores cards. Default: false."""


class OrdersCreditNotesQuery(TypedDict):
    """The filters of orders.credit_notes."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


class OrdersListQuery(TypedDict):
    """The filters of orders.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
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
    """Only orders in this state."""
    provider: NotRequired[str]
    """Only orders at this provider."""
    created_after: NotRequired[datetime]
    """Only what was made at this time or later."""
    created_before: NotRequired[datetime]
    """Only what was made before this time."""


class OutcomeBody(TypedDict):
    """How the pending top-up ends."""

    outcome: Literal["delivered", "failed"]
    """How it ends."""


class PacksListQuery(TypedDict):
    """The filters of packs.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


class PaidBody(TypedDict):
    """What is topped up for whom. It is paid by the payment beside it, whose price is the amount and the platform's fee."""

    platform: str
    """What is topped up; see GET /platforms."""
    amount_cents: int
    """In US cents, within the platform's limits."""
    recipient_email: str
    """Whose wallet."""
    environment: NotRequired[Literal["live", "staging"] | None]
    """staging is for trying; left out: live where it is offered."""
    metadata: NotRequired[dict[str, str] | None]
    """Pairs of yours; kept with it."""
    note: NotRequired[str | None]
    """A note of the sender's own."""
    delivery: NotRequired[DeliveryBody | None]
    """Mail, language and message for the recipient."""
    intent: NotRequired[str | None]
    """Your own id of this one top-up, such as a UUID, once per environment. The same platform, amount and recipient under it, through any door (API, MCP, x402, a page) and with any key of the account, is the same top-up; another body is refused."""
    distinct: NotRequired[bool]
    """Another send, though its payer paid for the same platform, amount and recipient within 600 seconds; without it such a request is refused before anything is charged. Default: false."""


class PausePlanBody(TypedDict):
    """When the pause ends. Until then the provider charges nothing."""

    resumes_at: NotRequired[datetime | None]
    """When it goes on by itself. Null: when it is resumed. Some providers take no such time; the refusal says so."""


class PlatformsListQuery(TypedDict):
    """The filters of platforms.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


class PortalLinkBody(TypedDict):
    """A new portal link."""

    name: NotRequired[str]
    """Who it is for; only you see it. Default: "Webhooks"."""
    can: NotRequired[Literal["manage", "read", "replay"]]
    """read; replay: also send deliveries again and test a webhook; manage: also change a webhook. Default: "read"."""
    origins: NotRequired[list[str]]
    """The sites that may embed it, such as https://app.acme.example; empty: none."""
    endpoint_ids: NotRequired[list[str]]
    """The webhooks that it shows; empty: all, also later ones."""
    expires_in_s: NotRequired[int]
    """How long it works, in seconds. Default: 3600."""


class PortalLinksListQuery(TypedDict):
    """The filters of portal_links.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


class PricesListQuery(TypedDict):
    """The filters of prices.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
    model: NotRequired[str]
    """The one price that counts for this model; else all."""


class RechargeBody(TypedDict):
    """The settings of a recharge, in US cents. Without method_ref, the newest saved payment method is charged."""

    below_cents: int
    """Buy when the balance falls below it, in US cents."""
    amount_cents: int
    """What is bought each time, in US cents."""
    monthly_max_cents: int
    """The most that is bought in a UTC month, in US cents."""
    provider: str
    """The payment provider."""
    method_ref: NotRequired[str | None]
    """A saved payment method; if omitted, the newest."""


class RedemptionsRedeemBody(TypedDict):
    """code: TOPUP-XXXX-XXXX-XXXX, or a voucher ATU-…."""

    code: str
    """TOPUP-XXXX-XXXX-XXXX, or a voucher ATU-…."""


class RefundBody(TypedDict):
    """A refund to make: how much of an order's payment to return, and why."""

    reason: str
    """In your words; order.refunded carries it."""
    amount: NotRequired[int | None]
    """In the smallest unit of pay_currency. If omitted, all that is left."""
    pay_currency: NotRequired[str | None]
    """The currency of amount. Refused if the payment was made in another one."""
    period_id: NotRequired[str | None]
    """The paid period, for a plan's order with several."""
    payment: NotRequired[str | None]
    """The provider's ID of a payment without credit that isn't the order's own: a second one, or a plan's payment in review."""
    allow_owed: NotRequired[bool]
    """Refund even if the credit was spent; the account then owes the rest. Default: false."""
    made_at_provider: NotRequired[str | None]
    """The provider's ID of a refund that you made on its own pages. It is recorded and counts at once, without a call to the provider."""


class RefundsListQuery(TypedDict):
    """The filters of refunds.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
    status: NotRequired[Literal["failed", "pending", "requested", "succeeded", "unknown"]]
    """Only refunds in this state."""
    order_id: NotRequired[str]
    """Only refunds of this order."""
    account_id: NotRequired[str]
    """Only refunds of this account."""
    open: NotRequired[bool]
    """Only refunds that have not ended."""


class RegisterBody(TypedDict):
    """A new webhook endpoint."""

    url: str
    """https in live, http too in staging; its host is public."""
    events: NotRequired[list[EventType]]
    """Event types; empty: all."""
    description: NotRequired[str]
    """What it is, in plain text."""
    headers: NotRequired[dict[str, str]]
    """Sent along; masked when shown."""
    retry_schedule_s: NotRequired[list[int]]
    """Entry k: the wait before attempt k, in seconds."""
    rate_limit_per_s: NotRequired[int | None]
    """At most so many requests a second; null: no limit."""
    ordered: NotRequired[bool]
    """Whether events of one object (a top-up, an order, a subscription) are sent one after the other, by `sequence`: one that fails holds up those after it until it has ended. Default: false."""
    include_codes: NotRequired[bool]
    """Whether bodies carry voucher_code; needs vouchers:read. Else its hint only. Default: false."""
    include_approval_links: NotRequired[bool]
    """Whether approval.requested carries decide_url, a page that decides; set by a person who is signed in, by no key. Default: false."""
    filter: NotRequired[dict[str, list[str | int | bool | None] | Filter] | None]
    """Only events whose data matches are sent: by path, the values that it may have, or bounds, such as {"platform": ["claude"], "amount_cents": {"gte": 1000}}; null: all."""
    ed25519: NotRequired[bool]
    """Whether webhook-signature has an Ed25519 signature (v1a) beside the HMAC: a receiver then needs no secret but public_key. Off ends the key pair at once; on again makes a new one. Default: true."""


class ReplayBody(TypedDict):
    """Which deliveries to send again, and how fast."""

    since: NotRequired[datetime | None]
    """From this time on; left out: from the first delivery."""
    until: NotRequired[datetime | None]
    """Until this time; left out: until now."""
    status: NotRequired[Literal["failed", "delivered"]]
    """Deliveries in this state. Default: "failed"."""
    events: NotRequired[list[EventType]]
    """Deliveries of events of these types; empty: of all."""
    rate_per_s: NotRequired[int | None]
    """How many a second at most; left out: 50."""
    like: NotRequired[str | None]
    """The id of a failed delivery: only those that were answered as it was, so with the same status, error and words. An endpoint's health names one of each kind."""
    ramp: NotRequired[bool]
    """Send one first, and twice as many each time all have arrived; the first that is not taken pauses the replay. Default: false."""
    dry_run: NotRequired[bool]
    """Only count. Default: false."""


class ReplaysListQuery(TypedDict):
    """The filters of replays.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


class ReportsOutstandingQuery(TypedDict):
    """The filters of reports.outstanding."""

    to: NotRequired[datetime]
    """The end, exclusive; left out: now."""
    from_: NotRequired[datetime]
    """The beginning, inclusive; left out: a year ago."""


class ReportsRevenueQuery(TypedDict):
    """The filters of reports.revenue."""

    to: NotRequired[datetime]
    """The end, exclusive; left out: now."""
    from_: NotRequired[datetime]
    """The beginning, inclusive; left out: a year ago."""


class ReverseBody(TypedDict):
    """Why it is reversed; the event and the history show it."""

    reason: str
    """Why it is reversed; topup.reversed carries it."""


class RevokeFreePeriodBody(TypedDict):
    """An operator's reason for revoking a free period."""

    reason: str
    """Why, for whoever looks at it later; it stands in the audit log."""
    allow_owed: NotRequired[bool]
    """Also where its credit was used up: the account owes the rest. Default: false."""


class Rotation(TypedDict):
    """How long the old secret works beside the new one."""

    overlap_s: NotRequired[int]
    """How long the old key still works, in seconds. Default: 0."""


class SandboxBody(TypedDict):
    """environment may say what is so anyway."""

    environment: NotRequired[str]
    """Staging or live: two closed worlds. Default: "staging"."""


class SaveBody(TypedDict):
    """A payment method to save. The provider's page sends the user back to return_url."""

    provider: str
    """The payment provider."""
    return_url: str
    """Where the person goes afterwards."""


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
"""What a credential may do."""


class SendBody(TypedDict):
    """What is sent to whom, and at which quoted price, if one was asked for: recipient_email names a person, "recipient": "self" means the account's own address. Exactly one of the two."""

    platform: str
    """What is topped up; see GET /platforms."""
    amount_cents: int
    """In US cents, within the platform's limits."""
    recipient_email: NotRequired[str | None]
    """Whose wallet. Required unless recipient is given."""
    recipient: NotRequired[Literal["self"] | None]
    """In place of recipient_email: your account's own address."""
    reference: NotRequired[str | None]
    """Your own name for it, once per environment."""
    metadata: NotRequired[dict[str, str] | None]
    """Pairs of yours; events carry them."""
    note: NotRequired[str | None]
    """A note of the sender's own."""
    delivery: NotRequired[DeliveryBody | None]
    """Mail, language and message for the recipient."""
    send_at: NotRequired[datetime | None]
    """When to send it, at most 90 days ahead; left out: at once."""
    distinct: NotRequired[bool]
    """Another send, though it looks like one of a moment ago; see the key's repeat_guard_s. Default: false."""
    intent: NotRequired[str | None]
    """Your own id of this one top-up, such as a UUID, once per environment. The same platform, amount and recipient under it, through any door (API, MCP, x402, a page) and with any key of the account, is the same top-up; another body is refused."""
    quote_id: NotRequired[str | None]
    """From POST /topup/validate of the same send, at most ten minutes ago: charged is exactly what it said, or the send is refused."""


class SettleBody(TypedDict):
    """What became of the top-up; the reason of a failure is shown to the sender. deliverable: of a delivered one; without it the recipient has the credit in an account there."""

    transaction_id: str
    """The one of the path: the signature covers it here."""
    status: Literal["delivered", "failed"]
    """How the top-up ended."""
    reason: NotRequired[str | None]
    """Why it failed; its sender reads it."""
    deliverable: NotRequired[DeliverableBody | None]
    """What the recipient is given; null: nothing yet."""
    cost_cents: NotRequired[int | None]
    """What it cost you, in US cents."""
    platform: NotRequired[str | None]
    """What it is for; checked where it is there."""
    amount_cents: NotRequired[int | None]
    """Its face value; checked where it is there."""
    environment: NotRequired[Literal["live", "staging"] | None]
    """Where it is good; checked where it is there."""


class SubscriptionsListQuery(TypedDict):
    """The filters of subscriptions.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


class SubscriptionsPreviewChangeQuery(TypedDict):
    """The filters of subscriptions.preview_change."""

    plan_id: NotRequired[str]
    """Required."""
    interval: NotRequired[Literal["month", "year"]]
    """How often it is paid."""


class TestEventBody(TypedDict):
    """The type of the sample event."""

    event: NotRequired[EventType]
    """Of which type. Default: "endpoint.test"."""


class ThresholdBody(TypedDict):
    """Balances in cents at which balance.low fires: one threshold (0 for none), or a list."""

    low_balance_threshold_cents: NotRequired[int | None]
    """One threshold, in US cents; 0: none."""
    low_balance_thresholds_cents: NotRequired[list[int] | None]
    """Several thresholds, in US cents; empty: none."""


class TokensListQuery(TypedDict):
    """The filters of tokens.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


TopUpStatus: TypeAlias = Literal[
    "scheduled", "pending", "delivered", "failed", "cancelled", "reversing", "reversed"
]
"""Where a top-up is."""


class TopupsDeletePaymentMethodQuery(TypedDict):
    """The filters of topups.delete_payment_method."""

    provider: NotRequired[str]
    """Required."""


class TopupsHistoryQuery(TypedDict):
    """The filters of topups.history."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
    status: NotRequired[TopUpStatus]
    """Only top-ups in this state."""
    platform: NotRequired[str]
    """Only top-ups of this platform."""
    recipient_email: NotRequired[str]
    """Only top-ups to this recipient."""
    reference: NotRequired[str]
    """Only the top-up with this reference."""
    key_id: NotRequired[str]
    """Only top-ups that this key sent."""
    created_after: NotRequired[datetime]
    """Only what was made at this time or later."""
    created_before: NotRequired[datetime]
    """Only what was made before this time."""


class TopupsPaymentMethodsQuery(TypedDict):
    """The filters of topups.payment_methods."""

    provider: NotRequired[str]
    """Required."""


class TopupsStatementQuery(TypedDict):
    """The filters of topups.statement."""

    to: NotRequired[datetime]
    """The end, exclusive; left out: now."""
    month: NotRequired[str]
    """As 2026-06, UTC; without from and to. One that has begun."""
    from_: NotRequired[datetime]
    """The beginning, inclusive; left out: the first transfer."""


class TopupsStatusQuery(TypedDict):
    """The filters of topups.status."""

    wait_s: NotRequired[int]
    """Seconds to wait for a change; the answer comes as soon as there is one."""


class UsageBody(TypedDict):
    """One record, or a batch of them: `records` alone, each as the body of one."""

    model: NotRequired[str | None]
    """The model's name."""
    input_tokens: NotRequired[int | None]
    """The tokens that went in; null: an amount was charged."""
    output_tokens: NotRequired[int | None]
    """The tokens that came out; null: an amount was charged."""
    cached_tokens: NotRequired[int | None]
    """Those of the input tokens that were cached."""
    description: NotRequired[str | None]
    """Required with an amount."""
    credits: NotRequired[int | None]
    """The amount, in credits."""
    amount_micros: NotRequired[int | None]
    """The amount, in millionths of a US dollar."""
    reference: NotRequired[str | None]
    """The caller's own name for it."""
    records: NotRequired[list[UsageRecordBody]]
    """A batch: up to 1,000 records, each as the body of one."""


class UsageListQuery(TypedDict):
    """The filters of usage.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
    model: NotRequired[str]
    """Only charges for this model."""
    key: NotRequired[str]
    """The id of a key, or of an app."""
    reference: NotRequired[str]
    """Yours; an app's order_no."""
    to: NotRequired[str]
    """RFC 3339, or a day such as 2026-06-13, from its start."""
    from_: NotRequired[str]
    """RFC 3339, or a day such as 2026-06-13, from its start."""


class UsageRecordBody(TypedDict):
    """What was used: an amount in credits or in micros, or tokens of a model; one of the three."""

    model: NotRequired[str | None]
    """The model's name."""
    input_tokens: NotRequired[int | None]
    """The tokens that went in; null: an amount was charged."""
    output_tokens: NotRequired[int | None]
    """The tokens that came out; null: an amount was charged."""
    cached_tokens: NotRequired[int | None]
    """Those of the input tokens that were cached."""
    description: NotRequired[str | None]
    """Required with an amount."""
    credits: NotRequired[int | None]
    """The amount, in credits."""
    amount_micros: NotRequired[int | None]
    """The amount, in millionths of a US dollar."""
    reference: NotRequired[str | None]
    """The caller's own name for it."""


class UsageSumsQuery(TypedDict):
    """The filters of usage.sums."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
    model: NotRequired[str]
    """Only charges for this model."""
    key: NotRequired[str]
    """The id of a key, or of an app."""
    reference: NotRequired[str]
    """Yours; an app's order_no."""
    to: NotRequired[str]
    """RFC 3339, or a day such as 2026-06-13, from its start."""
    group_by: NotRequired[Literal["day", "key", "model"]]
    """Their sums instead, of whole UTC days."""
    from_: NotRequired[str]
    """RFC 3339, or a day such as 2026-06-13, from its start."""


class UseBody(TypedDict):
    """How many uses; one reference counts once, however often it is told."""

    reference: str
    """Your own name for this use: each counts once."""
    count: NotRequired[int]
    """How many uses it is. Default: 1."""


class ValidateBody(TypedDict):
    """What would be sent to whom: recipient_email names a person, "recipient": "self" means the account's own address. Exactly one of the two, since a recipient is never guessed."""

    platform: str
    """What is topped up; see GET /platforms."""
    amount_cents: int
    """In US cents, within the platform's limits."""
    recipient_email: NotRequired[str | None]
    """Whose wallet. Required unless recipient is given."""
    recipient: NotRequired[Literal["self"] | None]
    """In place of recipient_email: your account's own address."""
    reference: NotRequired[str | None]
    """Your own name for it, once per environment."""
    metadata: NotRequired[dict[str, str] | None]
    """Pairs of yours; events carry them."""
    note: NotRequired[str | None]
    """A note of the sender's own."""
    delivery: NotRequired[DeliveryBody | None]
    """Mail, language and message for the recipient."""
    send_at: NotRequired[datetime | None]
    """When to send it, at most 90 days ahead; left out: at once."""
    distinct: NotRequired[bool]
    """Another send, though it looks like one of a moment ago; see the key's repeat_guard_s. Default: false."""
    intent: NotRequired[str | None]
    """Your own id of this one top-up, such as a UUID, once per environment. The same platform, amount and recipient under it, through any door (API, MCP, x402, a page) and with any key of the account, is the same top-up; another body is refused."""


class VerifyBody(TypedDict):
    """What a receiver saw: its headers, the raw body as text, and the secret or the public key it holds."""

    headers: dict[str, str]
    """The headers as they were received."""
    body: str
    """The raw body as text."""
    secret: NotRequired[str | None]
    """The secret that the receiver holds, if any."""
    public_key: NotRequired[str | None]
    """The public key (whpk_…) that the receiver holds, if any: the Ed25519 signature is checked by it."""


class VouchersRedeemBody(TypedDict):
    """settle: into the caller's wallet, or external: the platform has honoured it."""

    code: str
    """The voucher's code, ATU-…."""
    settle: NotRequired[Literal["external", "wallet"]]
    """wallet: into a wallet here. external: the platform honoured it. Default: "wallet"."""


class WalletsListQuery(TypedDict):
    """The filters of wallets.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""
    recipient_email: NotRequired[str]
    """Only the wallets of this recipient."""
    platform: NotRequired[str]
    """Only the wallets of this platform."""


class WebhooksHealthQuery(TypedDict):
    """The filters of webhooks.health."""

    hours: NotRequired[int]
    """How many hours to look back."""


class WebhooksListQuery(TypedDict):
    """The filters of webhooks.list."""

    limit: NotRequired[int]
    """How many there are on a page."""
    cursor: NotRequired[str]
    """Where to go on: next_cursor of the page before."""


class WebhooksPatchBody(TypedDict):
    """The fields to change. Omitted fields stay unchanged."""

    url: NotRequired[str]
    """https in live, http too in staging; its host is public."""
    events: NotRequired[list[EventType]]
    """Event types; empty: all."""
    description: NotRequired[str]
    """What it is, in plain text."""
    headers: NotRequired[dict[str, str]]
    """Sent along; masked when shown."""
    retry_schedule_s: NotRequired[list[int]]
    """Entry k: the wait before attempt k, in seconds."""
    rate_limit_per_s: NotRequired[int | None]
    """At most so many requests a second; null: no limit."""
    ordered: NotRequired[bool]
    """Whether events of one object (a top-up, an order, a subscription) are sent one after the other, by `sequence`: one that fails holds up those after it until it has ended."""
    include_codes: NotRequired[bool]
    """Whether bodies carry voucher_code; needs vouchers:read. Else its hint only."""
    include_approval_links: NotRequired[bool]
    """Whether approval.requested carries decide_url, a page that decides; set by a person who is signed in, by no key."""
    filter: NotRequired[dict[str, list[str | int | bool | None] | Filter] | None]
    """Only events whose data matches are sent: by path, the values that it may have, or bounds, such as {"platform": ["claude"], "amount_cents": {"gte": 1000}}; null: all."""
    ed25519: NotRequired[bool]
    """Whether webhook-signature has an Ed25519 signature (v1a) beside the HMAC: a receiver then needs no secret but public_key. Off ends the key pair at once; on again makes a new one."""
    status: NotRequired[Literal["enabled", "disabled"]]
    """enabled or disabled."""


class WebhooksRotateBody(TypedDict):
    """How long the old secret still signs beside the new one."""

    overlap_s: NotRequired[int]
    """How long the old secret still signs, in seconds. Default: 86400."""


class WindowBody(TypedDict):
    """A spending limit for any period of this many seconds."""

    seconds: int
    """The length of the window, in seconds."""
    cents: int
    """The most in any window of that length, in US cents."""
