"""What the API takes and answers. Made by `make clients`: changes here are lost."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field
from typing_extensions import TypeAliasType

from topup_gateway.answers import Model


class AcceptedBatch(Model):
    """A bulk send, and which of its items were refused."""

    id: str
    """Its id, bat_…."""
    status: Literal["accepting", "completed", "refused", "running"] | str
    """Its state."""
    all_or_nothing: bool
    """Whether all items are accepted or none is."""
    items_total: int
    """How many items it has."""
    counts: BatchCounts
    """Its items by where they are."""
    key_id: str | None
    """That sent it; null: no key."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    accepted_at: AwareDatetime | None
    """When every item was accepted or refused."""
    cancelled_at: AwareDatetime | None
    """When somebody took it back."""
    completed_at: AwareDatetime | None
    """When every item had ended."""
    errors: list[ItemError]
    """The items that were refused."""
    next_action: Literal["fix_request", "poll"] | str | None
    """How to go on; fix_request: send the items of errors again, repaired, and no others. Null: it is over."""
    links: list[Link]
    """What to poll, and how what is not delivered is taken back."""


class AccessToken(Model):
    """A system access token as listed. `key_id` is the key to which it is bound."""

    id: str
    """Its id, tok_…."""
    key_id: str | None
    """The key's id; null: no key."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    name: str
    """Its name."""
    prefix: str
    """The first 16 characters, to recognise it by."""
    last4: str
    """The last 4 characters."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    last_used_at: AwareDatetime | None
    """The minute of the last use, rounded down; noted some seconds later."""
    revoked_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class AccountClock(Model):
    """The sandbox clock: how far it went on now, and how far it is ahead of ours."""

    advanced_s: int
    """How far it went on now, in seconds."""
    ahead_s: int
    """How far it is ahead of the gateway's, in seconds."""
    now: AwareDatetime
    """The account's own time."""


class AccountLimits(Model):
    """The limit on what all credentials of the account spend together in this environment."""

    per_day_cents: int | None
    """On one UTC day, by all of them; null: no such limit."""
    spent_cents: int | None
    """Today, since the limit is there; null without one."""
    remaining_cents: int | None
    """In US cents."""
    resets_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class AncestorKey(Model):
    """An ancestor of the key."""

    id: str
    """Its id, key_…."""
    name: str
    """Its name."""
    paused_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class ApiKey(Model):
    """An API key as listed, without its secret."""

    id: str
    """Its id, key_…."""
    parent_id: str | None
    """The key that it comes from; null: none."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    name: str
    """Its name."""
    prefix: str
    """The first 16 characters, to recognise it by."""
    last4: str
    """The last 4 characters."""
    scopes: list[Scope]
    """What it may do."""
    caps: KeyCaps
    """What it may spend, in calendar windows of UTC."""
    ip_allow_list: list[str]
    """Addresses or CIDRs; empty: any address."""
    approval_above_cents: int | None
    """A send above it waits for a person."""
    approval_above_per_day_cents: int | None
    """So does one that takes the UTC day's sends without an approval above this. The other threshold alone lets any number of smaller sends pass."""
    approval_threshold_cents: int | None
    """The old name of approval_above_cents."""
    purpose: str | None
    """Its purpose, in your words."""
    client_id: str | None
    """The MCP client that a person signed in with it: its id, or the address of its metadata document. Such a key has no secret: prefix and last4 are empty, and the client's tokens stand for it. null: any other key."""
    lifetime_cents: int | None
    """The most that it may ever spend; what it spent before counts."""
    platforms: list[str] | None
    """The only platforms that it may send; null: any."""
    recipients: list[str] | None
    """The only recipients: addresses, and *@domain for all of a domain, not of those below it; null: anybody."""
    windows: list[KeyWindow]
    """Rolling windows; all of them hold."""
    per_recipient_per_day_cents: int | None
    """The most that one recipient is sent on a UTC day. What follows a plus in an address makes it no other recipient."""
    max_sends_per_hour: int | None
    """Accepted sends in any hour; a cancelled one stays counted."""
    max_recipients_per_week: int | None
    """Different recipients in any seven days. What follows a plus in an address makes it no other recipient, and one that was sent to already costs nothing."""
    repeat_guard_s: int | None
    """The same recipient, platform and amount again within so many seconds is 2006, unless the send says distinct."""
    expires_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    last_used_at: AwareDatetime | None
    """The minute of the last use, rounded down; noted some seconds later."""
    last_used_by: str | None
    """The agent that signed a call with it last: the URL of its keys (Web Bot Auth)."""
    paused_at: AwareDatetime | None
    """From then on it reads only; its ancestors may be paused, too."""
    revoked_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class Approval(Model):
    """An approval that a user has to give. requested_by and decided_by are IDs of keys or users. decided_by is null while the approval is pending and after it expires; `link` means a signed link. `cancelled` means that the sender cancelled the top-up."""

    id: str
    """Its id, apr_…."""
    transaction_id: str
    """The top-up's id."""
    status: Literal["approved", "cancelled", "denied", "expired", "pending"] | str
    """Its state."""
    reason: Literal["sender_left", "threshold"] | str
    """threshold: its key has to ask for as much. sender_left: the person who sent it for later lost their access to the account before it went."""
    requested_by: str | None
    """The key that asked, or the person who left."""
    decided_by: str | None
    """The key or person that decided; null: nobody yet."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    expires_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    decided_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class ApprovalApprovedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["approval.approved"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: ApprovalOfTopUpEventData
    """What it tells of."""


class ApprovalCancelledEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["approval.cancelled"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: ApprovalOfTopUpEventData
    """What it tells of."""


class ApprovalDeniedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["approval.denied"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: ApprovalOfTopUpEventData
    """What it tells of."""


class ApprovalExpiredEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["approval.expired"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: ApprovalOfTopUpEventData
    """What it tells of."""


class ApprovalOfTopUpEventData(Model):
    """An approval, and the top-up that waits for it, as it was before the decision took effect."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    transaction_id: str
    """The top-up's id."""
    status: Literal["pending"] | str
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: None
    """Null: there is nothing to redeem."""
    voucher_code_hint: None
    """Null: there is nothing to redeem."""
    deliverable: None
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: None
    """The recipient's wallet of that platform afterwards, in US cents; null: unchanged."""
    reference: str | None
    """The sender's own name for it."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    key_id: str | None
    """The key that sent it."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime | None = None
    """When it is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """Why it failed or was called off; null: it did not."""
    approval: Approval
    """What a person decides on."""


class ApprovalRequestedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["approval.requested"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: RequestedApprovalEventData
    """What it tells of."""


class AskedApproval(Model):
    """An approval with what it decides on."""

    id: str
    """Its id, apr_…."""
    transaction_id: str
    """The top-up's id."""
    status: Literal["approved", "cancelled", "denied", "expired", "pending"] | str
    """Its state."""
    reason: Literal["sender_left", "threshold"] | str
    """threshold: its key has to ask for as much. sender_left: the person who sent it for later lost their access to the account before it went."""
    requested_by: str | None
    """The key that asked, or the person who left."""
    decided_by: str | None
    """The key or person that decided; null: nobody yet."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    expires_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    decided_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    note: str | None
    """A note of the sender's own."""
    requester: Requester | None
    """Null: a person asked, or a credential without a key."""
    sender_email: str | None
    """Of `sender_left`: who sent it. Null: a key or a token did."""
    url: str
    """The page of the dashboard where a person decides."""


class Attempt(Model):
    """One HTTP request to an endpoint, and its result. http_status is null if no response came. error is null if the endpoint accepted the event."""

    id: str
    """Its id, att_…."""
    number: int
    """Which attempt it is, from 1."""
    started_at: AwareDatetime
    """RFC 3339, UTC, milliseconds."""
    duration_ms: int
    """How long it took, in milliseconds."""
    http_status: int | None
    """What the endpoint answered; null: no answer came."""
    error: (
        Literal["address", "connect", "http", "internal", "lost", "protocol", "timeout", "tls"]
        | str
        | None
    )
    """What went wrong; null: it was taken."""
    remote_address: str | None
    """Where it was sent to, address and port; null: nowhere."""
    timings_ms: dict[str, int | float]
    """How long each step took, in milliseconds."""
    request_headers: dict[str, str]
    """Signatures are redacted."""
    body_sha256: str
    """Of the body that was sent, in hex."""
    response_body: str
    """At most its first 4 KiB."""
    reason: str | None = None
    """Why, as only operators are told: it may name what is inside."""


class AuditActor(Model):
    """The credential that acted."""

    kind: (
        Literal["app", "cli", "gateway", "key", "operator", "portal", "session", "token", "visitor"]
        | str
    )
    """The kind of credential."""
    id: str
    """The id of the key, token, session or app."""
    name: str | None
    """Its current name; null: it has none."""


class AuditEntry(Model):
    """An event that concerns the account's security."""

    id: str
    """Its id, adt_…."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    action: str
    """Such as key.created or session.begun."""
    outcome: str
    """Whether it was done or refused."""
    environment: Literal["live", "staging"] | str | None
    """null: the entry concerns the account as a whole."""
    subject_id: str
    """The object's id."""
    actor: AuditActor
    """The credential that acted."""
    key_id: str | None
    """The API key that acted; null: another credential."""
    key_name: str | None
    """The key's name as it is today; null: no key."""
    address: str | None
    """The request's IP address."""
    user_agent: str | None
    """The request's User-Agent; null: none."""
    before: dict[str, Any] | None
    """The changed fields before."""
    after: dict[str, Any] | None
    """The changed fields afterwards."""
    reason: str | None
    """Why it was done or refused; null: not given."""


class Balance(Model):
    """The account's wallet. `key` is null if the caller didn't use a key."""

    balance_cents: int
    """In US cents."""
    sendable_cents: int
    """What a send may use, in US cents."""
    promotional_cents: int
    """Credit that was given, in US cents."""
    held_cents: int
    """In pending top-ups and holds, in US cents."""
    owed_cents: int
    """Owed after a refund or dispute, in US cents."""
    currency: Literal["USD"] | str
    """The currency, by ISO 4217."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    low_balance_threshold_cents: int
    """The highest of balance.low's thresholds, in US cents; 0: none."""
    low_balance_thresholds_cents: list[int]
    """When balance.low is sent, the highest first, in US cents."""
    key: KeyLimits | None
    """What the asking key may spend; null where no key asks."""


class BalanceLowEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["balance.low"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: LowBalanceEventData
    """What it tells of."""


class Batch(Model):
    """A bulk send. status accepting: not every item is accepted or refused yet; running: some have not ended; completed: all have; refused: of all or nothing, none was accepted."""

    id: str
    """Its id, bat_…."""
    status: Literal["accepting", "completed", "refused", "running"] | str
    """Its state."""
    all_or_nothing: bool
    """Whether all items are accepted or none is."""
    items_total: int
    """How many items it has."""
    counts: BatchCounts
    """Its items by where they are."""
    key_id: str | None
    """That sent it; null: no key."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    accepted_at: AwareDatetime | None
    """When every item was accepted or refused."""
    cancelled_at: AwareDatetime | None
    """When somebody took it back."""
    completed_at: AwareDatetime | None
    """When every item had ended."""


class BatchCompletedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["batch.completed"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: CompletedBatchEventData
    """What it tells of."""


class BatchCounts(Model):
    """The number of a batch's items in each state, and the amounts accepted and delivered in cents."""

    waiting: int
    """Neither accepted nor refused yet."""
    accepted: int
    """What follows, all seven together."""
    scheduled: int
    """To be sent later."""
    pending: int
    """Waiting for their platform or an approval."""
    delivered: int
    """Credited to their recipients."""
    failed: int
    """Their funds are back."""
    cancelled: int
    """Their funds are back."""
    reversing: int
    """Their supplier is asked to take them back."""
    reversed: int
    """Their funds are back."""
    refused: int
    """Nothing was taken for them."""
    dropped: int
    """Not accepted, since of all or nothing another item was refused."""
    accepted_cents: int
    """Of all that was accepted, in US cents."""
    delivered_cents: int
    """Of what was delivered, in US cents."""
    fee_cents: int
    """Charged beside the amounts of all that was accepted."""


class BatchLine(Model):
    """An item. status: of its top-up; or waiting, refused, dropped. code and error: why it was refused."""

    index: int
    """Which item, counted from 0."""
    reference: str | None
    """Its own; null where it cannot be read."""
    status: (
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
        | str
    )
    """Of its top-up; or waiting, refused, dropped."""
    transaction_id: str | None
    """Its top-up; null: it was not accepted."""
    platform: str | None
    """The platform, as GET /platforms names it."""
    amount_cents: int | None
    """In US cents."""
    fee_cents: int | None
    """Charged beside the amount."""
    recipient_email: str | None
    """The recipient's address."""
    scheduled_for: AwareDatetime | None
    """When it is to be sent, by the account's own clock."""
    code: int | None
    """Why it was refused, as a number; null: it was not."""
    error: Failure | None
    """Why it was refused; null: it was not."""


class BatchLinePage(Model):
    """A page of a list. To get the next one, send next_cursor as cursor; null means that this is the last page."""

    items: list[BatchLine]
    """This page's entries."""
    next_cursor: str | None
    """Give it as cursor for the next page; null: there is none."""
    has_more: bool
    """Whether there is another page."""


class BatchStory(Model):
    """A bulk send with a page of its items, in the order in which they came."""

    id: str
    """Its id, bat_…."""
    status: Literal["accepting", "completed", "refused", "running"] | str
    """Its state."""
    all_or_nothing: bool
    """Whether all items are accepted or none is."""
    items_total: int
    """How many items it has."""
    counts: BatchCounts
    """Its items by where they are."""
    key_id: str | None
    """That sent it; null: no key."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    accepted_at: AwareDatetime | None
    """When every item was accepted or refused."""
    cancelled_at: AwareDatetime | None
    """When somebody took it back."""
    completed_at: AwareDatetime | None
    """When every item had ended."""
    items: BatchLinePage
    """A page of its items."""


class BillingDetails(Model):
    """The buyer named on the account's documents. If the name is empty, it is the account's own name."""

    name: str
    """Whom documents are made out to; empty: the account's own name."""
    address: str
    """Lines, apart by line ends."""
    tax_id: str
    """The tax number."""
    updated_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class BillingDocument(Model):
    """A receipt, or a note about money returned from its payment. A document never changes."""

    id: str
    """Its id, doc_…."""
    kind: Literal["credit_note", "debit_note", "receipt"] | str
    """credit_note: money went back. debit_note: what a credit note said is undone, since the refund failed or the dispute was won."""
    number: str
    """Without a gap in its series; TEST-… in staging."""
    order_id: str
    """Of a plan's period: the order that began the plan."""
    subscription_id: str | None
    """The subscription's id."""
    corrects: str | None
    """The number of the receipt it is about."""
    amount: int
    """Paid or paid back, with tax, in the smallest unit."""
    currency: str
    """ISO 4217."""
    taxes: list[TaxLine]
    """The taxes in the amount."""
    discount: int
    """In the currency's smallest unit: USD has 2 places, KWD 3, JPY 0."""
    pdf_url: str
    """Where its PDF is; needs the same credential."""
    dated_at: AwareDatetime
    """When it was paid or paid back."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


class BulkQuote(Model):
    """What a bulk send would do now; with all_or_nothing nothing is accepted where errors has one."""

    items_total: int
    """How many items it has."""
    accepted: int
    """How many items would be accepted."""
    refused: int
    """How many items would be refused."""
    accepted_cents: int
    """The amounts, in US cents."""
    fee_cents: int
    """Charged beside them, in US cents."""
    charged_cents: int
    """What it would cost, amounts and fees, in US cents."""
    wallet_balance_cents: int
    """In US cents."""
    wallet_balance_after_cents: int
    """In US cents."""
    errors: list[ItemError]
    """The items that would be refused."""


class CancelledTopUpEventData(Model):
    """A cancelled top-up. failure_reason is set if someone other than the sender cancelled it."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    transaction_id: str
    """The top-up's id."""
    status: Literal["cancelled"] | str
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: None
    """Null: there is nothing to redeem."""
    voucher_code_hint: None
    """Null: there is nothing to redeem."""
    deliverable: None
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: None
    """The recipient's wallet of that platform afterwards, in US cents; null: unchanged."""
    reference: str | None
    """The sender's own name for it."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    key_id: str | None
    """The key that sent it."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime | None = None
    """When it is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """Why it failed or was called off; null: it did not."""


class CapUsedEventData(Model):
    """A limit of a key or account, as it stands after a spend. The event is sent once in each window (for a rolling window, once in its length), and again after the limit was changed."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    key_id: str | None
    """Whose limit it is; null: the account's own."""
    cap: (
        Literal[
            "account_per_day",
            "lifetime",
            "per_day",
            "per_month",
            "recipients_per_week",
            "sends_per_hour",
            "window",
        ]
        | str
    )
    """Which limit. per_day and per_month are calendar windows of UTC."""
    unit: Literal["cents", "recipients", "sends"] | str
    """Of limit, spent and remaining: US cents."""
    seconds: int | None
    """The length of a rolling window."""
    limit: int
    """The most, in its unit."""
    spent: int
    """Rounded up."""
    remaining: int
    """Rounded down."""
    resets_at: AwareDatetime | None
    """When all of it is free again; null: never."""


class CertificationCheck(Model):
    """One check of a receiver."""

    name: str
    """Its name, which stays."""
    title: str
    """What it is about, in a few words."""
    verdict: Literal["failed", "not_seen", "passed", "skipped", "warned"] | str
    """not_seen: nobody says what the receiver did; skipped: not reached."""
    impact: Literal["forged", "lost", "twice"] | str | None
    """What a failed check leads to: an event is lost, done twice, or believed."""
    detail: str
    """What was seen, and what to change."""


class CertificationCounts(Model):
    """The number of checks with each verdict."""

    passed: int
    """As it should be."""
    warned: int
    """Nothing is lost by it, but it is no good answer."""
    failed: int
    """An event is lost, done twice, or a forgery believed."""
    not_seen: int
    """Nobody says what the receiver did."""
    skipped: int
    """Not reached."""


class CertifiedReceiver(Model):
    """The checks' results: events that a receiver would lose, process twice or wrongly accept."""

    endpoint_id: str
    """The webhook endpoint's id."""
    url: str
    """Where the requests were sent."""
    certified: bool
    """Nothing failed, and all of it was seen."""
    counts: CertificationCounts
    """How many checks had each verdict."""
    checks: list[CertificationCheck]
    """Each check, as it was done."""


class ChangedHold(Model):
    """A hold that was just made or ended, and the wallet afterwards."""

    id: str
    """Its id, hld_…."""
    status: Literal["captured", "expired", "held", "released"] | str
    """Its state."""
    amount_micros: int
    """In millionths of a US dollar."""
    credits: int
    """In credits of $0.001, floored."""
    captured_micros: int
    """In millionths of a US dollar."""
    captured_credits: int
    """In credits of $0.001, floored."""
    overage: Literal["cap", "owe", "reject"] | str
    """What a capture above the amount does; see POST /holds."""
    overage_micros: int
    """Captured above the amount, in micros."""
    description: str
    """What it is, in plain text."""
    model: str | None
    """The model's name."""
    reference: str | None
    """The caller's own name for it, once per environment."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    expires_at: str
    """By the account's own clock; see the sandbox's."""
    ended_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    input_tokens: int | None
    """The tokens that went in; null: an amount was charged."""
    output_tokens: int | None
    """The tokens that came out; null: an amount was charged."""
    cached_tokens: int | None
    """Those of the input tokens that were cached; null: an amount was charged."""
    price_version: int | None
    """The version of the price list that priced it; null: an amount was charged."""
    balance_micros: int
    """The account's wallet afterwards, in millionths of a US dollar."""
    balance_credits: int
    """The same in credits of $0.001, floored."""
    balance_cents: int
    """The same in US cents, floored."""


class ClaimedTopUpEventData(Model):
    """A top-up that its recipient opened on the claim page. The event is sent once, the first time."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    transaction_id: str
    """The top-up's id."""
    status: Literal["delivered"] | str
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: str | None
    """What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its place. Null unless you may see it."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: int
    """In US cents."""
    reference: str | None
    """The sender's own name for it."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    key_id: str | None
    """The key that sent it."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime | None = None
    """When it is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """Why it failed or was called off; null: it did not."""
    claimed_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


class CliLogin(Model):
    """The codes of a login: one for the machine alone, one for the person."""

    device_code: str
    """For the machine alone: a secret."""
    user_code: str
    """For the person to type in or to compare."""
    verification_url: str
    """Where the person types the user code."""
    verification_url_complete: str
    """The same page with the code in it, to compare."""
    interval: int
    """How many seconds to wait between two polls."""
    expires_in: int
    """For how many seconds the codes count."""


class CliLoginPending(Model):
    """Nobody has decided yet: ask again."""

    reason: Literal["authorization_pending"] | str
    """The word of RFC 8628. Default: "authorization_pending"."""
    interval: int
    """How many seconds to wait before the next poll."""
    expires_in: int
    """For how many more seconds the codes count."""
    next_action: Literal["poll"] | str
    """Ask the same again. Default: "poll"."""


class CodeRow(Model):
    """One row of the table of codes; http_status is the usual one."""

    code: int
    """The code."""
    message: str
    """What happened, in words for people."""
    http_status: int
    """The usual HTTP status."""
    http_statuses: list[int]
    """Every HTTP status that it comes with, the usual one first."""
    success: bool
    """What success is with the usual HTTP status."""
    retryable: bool
    """Whether the same request may succeed later."""
    next_action: Literal["ask_human", "fix_request", "stop", "top_up", "wait"] | str | None
    """For programs: what to do next."""


class CompletedBatchEventData(Model):
    """A bulk send in which every item has ended. `refused` means that no item was accepted."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    id: str
    """Its id, bat_…."""
    status: Literal["completed", "refused"] | str
    """Its state."""
    all_or_nothing: bool
    """Whether all items are accepted or none is."""
    items: int
    """How many items it had."""
    counts: BatchCounts
    """Its items by where they are."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    cancelled_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    completed_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


class CreatedKey(Model):
    """A key that was just created or rotated. `key` is its secret, which is shown only this once."""

    id: str
    """Its id, key_…."""
    parent_id: str | None
    """The key that it comes from; null: none."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    name: str
    """Its name."""
    prefix: str
    """The first 16 characters, to recognise it by."""
    last4: str
    """The last 4 characters."""
    scopes: list[Scope]
    """What it may do."""
    caps: KeyCaps
    """What it may spend, in calendar windows of UTC."""
    ip_allow_list: list[str]
    """Addresses or CIDRs; empty: any address."""
    approval_above_cents: int | None
    """A send above it waits for a person."""
    approval_above_per_day_cents: int | None
    """So does one that takes the UTC day's sends without an approval above this. The other threshold alone lets any number of smaller sends pass."""
    approval_threshold_cents: int | None
    """The old name of approval_above_cents."""
    purpose: str | None
    """Its purpose, in your words."""
    client_id: str | None
    """The MCP client that a person signed in with it: its id, or the address of its metadata document. Such a key has no secret: prefix and last4 are empty, and the client's tokens stand for it. null: any other key."""
    lifetime_cents: int | None
    """The most that it may ever spend; what it spent before counts."""
    platforms: list[str] | None
    """The only platforms that it may send; null: any."""
    recipients: list[str] | None
    """The only recipients: addresses, and *@domain for all of a domain, not of those below it; null: anybody."""
    windows: list[KeyWindow]
    """Rolling windows; all of them hold."""
    per_recipient_per_day_cents: int | None
    """The most that one recipient is sent on a UTC day. What follows a plus in an address makes it no other recipient."""
    max_sends_per_hour: int | None
    """Accepted sends in any hour; a cancelled one stays counted."""
    max_recipients_per_week: int | None
    """Different recipients in any seven days. What follows a plus in an address makes it no other recipient, and one that was sent to already costs nothing."""
    repeat_guard_s: int | None
    """The same recipient, platform and amount again within so many seconds is 2006, unless the send says distinct."""
    expires_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    last_used_at: AwareDatetime | None
    """The minute of the last use, rounded down; noted some seconds later."""
    last_used_by: str | None
    """The agent that signed a call with it last: the URL of its keys (Web Bot Auth)."""
    paused_at: AwareDatetime | None
    """From then on it reads only; its ancestors may be paused, too."""
    revoked_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    key: str
    """The secret, shown this once."""


class CreatedPortalLink(Model):
    """A new portal link. `url` is shown only once."""

    id: str
    """Its id, ptl_…."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    name: str
    """Its name."""
    can: Literal["manage", "read", "replay"] | str
    """read; replay: also send deliveries again and test a webhook; manage: also change a webhook."""
    origins: list[str]
    """The sites that may embed it; empty: none."""
    endpoint_ids: list[str]
    """The webhooks that it shows; empty: all."""
    made_by: str
    """The key, token or person with whose access it ends."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    expires_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    revoked_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    url: str
    """The page's address, shown this once. Holders of it have the link's access."""


class CreatedToken(Model):
    """A token that was just created. `token` is its secret, which is shown only this once."""

    id: str
    """Its id, tok_…."""
    key_id: str | None
    """The key's id; null: no key."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    name: str
    """Its name."""
    prefix: str
    """The first 16 characters, to recognise it by."""
    last4: str
    """The last 4 characters."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    last_used_at: AwareDatetime | None
    """The minute of the last use, rounded down; noted some seconds later."""
    revoked_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    token: str
    """The secret, shown this once."""


class CreditExpiredEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["credit.expired"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: ExpiredCreditEventData
    """What it tells of."""


class CreditExpiringEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["credit.expiring"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: ExpiringCreditEventData
    """What it tells of."""


class CreditLine(Model):
    """A payment, or a redeemed code or voucher, of which only the last characters are shown."""

    id: str
    """The order's, the redemption's or the top-up's id."""
    kind: Literal["code", "payment", "voucher"] | str
    """What brought it."""
    number: str
    """Of a payment the order's order_no, of a code the redemption's id, of a voucher ATU- and its last characters."""
    method: str
    """How it was paid; redemption or voucher."""
    status: str
    """The order's state; paid for what was redeemed."""
    credits: int
    """How many credits it brought, or would bring."""
    pay_amount: int
    """In the currency's smallest unit: USD has 2 places, KWD 3, JPY 0."""
    pay_currency: str
    """ISO 4217."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    completed_at: AwareDatetime | None
    """When the credit came; null: not yet."""


class DecidedTopUp(Model):
    """The decision, and the top-up as it left it."""

    transaction_id: str
    """The top-up's id."""
    status: TopUpStatus
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: str | None
    """What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its place. Null unless you may see it."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: int | None
    """In US cents."""
    reference: str | None
    """The sender's own name for it, once per environment."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    note: str | None
    """A note of the sender's own."""
    failure_reason: str | None
    """Why it failed or was called off; null: it did not."""
    delivery: ShownDelivery | None
    """How it reaches its recipient; null: nothing was said."""
    claim_url: str | None
    """The recipient's page, as good as the code itself: null unless you may see it, and in answers that are kept for a repeated call."""
    claimed_at: AwareDatetime | None
    """When the recipient opened it first."""
    emailed_at: AwareDatetime | None
    """When a mail server took the first mail about it."""
    key_id: str | None
    """That sent it; null: no key."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime | None
    """When it is to be sent, by the account's own clock."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    settled_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    wallet_balance_cents: int
    """The sender's own wallet afterwards, in US cents."""
    approval: Approval | None
    """The decision."""
    links: list[Link] | None = None
    """While it waits: the calls that come next, the most useful first."""
    next_action: Literal["poll"] | str | None = None
    """While it waits: ask links[] of rel poll again until the state is another."""


class DeletedEndpoint(Model):
    """A deleted endpoint."""

    id: str
    """Its id, we_…."""
    deleted: bool
    """Always true."""


class Deliverable(Model):
    """What the recipient gets. Anyone who can read the top-up may see all fields except `value`."""

    kind: Literal["code", "credit", "key", "link", "note"] | str
    """credit: it lies in an account of the recipient's, there is nothing to hand over."""
    value: str | None
    """The code, key, link or note itself. Null unless you may see it."""
    value_hint: str | None
    """The code's last four characters."""
    redeem_url: str | None
    """Where it is used."""
    instructions: str | None
    """How it is used, in plain text."""
    expires_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class DeliveredTopUpEventData(Model):
    """A delivered top-up. new_balance_cents is the recipient's balance on that platform. If a supplier delivered, this top-up isn't included. voucher_code and deliverable.value are null unless the endpoint has include_codes. voucher_code and its hint are also null if the top-up delivered a key, link or note."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    transaction_id: str
    """The top-up's id."""
    status: Literal["delivered"] | str
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: str | None
    """What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its place. Null unless you may see it."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: int
    """In US cents."""
    reference: str | None
    """The sender's own name for it."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    key_id: str | None
    """The key that sent it."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime | None = None
    """When it is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """Why it failed or was called off; null: it did not."""


class Delivery(Model):
    """The delivery of one event to one endpoint. next_attempt_at is null unless the delivery is pending and waits for no other delivery."""

    id: str
    """Its id, dlv_…."""
    event_id: str
    """The event's id."""
    event_type: EventType
    """Which event it is."""
    endpoint_id: str
    """The webhook endpoint's id."""
    transaction_id: str | None
    """The top-up's id."""
    status: Literal["cancelled", "delivered", "failed", "pending", "sending"] | str
    """Its state."""
    attempts_made: int
    """How many attempts were made."""
    next_attempt_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    replay_of: str | None
    """The delivery that it sends again; null: none."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    key_id: str | None
    """That sent the top-up it tells of; null: no key, no top-up."""
    key_name: str | None
    """What that key was called then."""
    blocked_by: str | None
    """The delivery that has to end first: of an earlier event of the same object, to an `ordered` webhook; null: none."""


class DeliveryWithAttempts(Model):
    """A delivery and all its attempts."""

    id: str
    """Its id, dlv_…."""
    event_id: str
    """The event's id."""
    event_type: EventType
    """Which event it is."""
    endpoint_id: str
    """The webhook endpoint's id."""
    transaction_id: str | None
    """The top-up's id."""
    status: Literal["cancelled", "delivered", "failed", "pending", "sending"] | str
    """Its state."""
    attempts_made: int
    """How many attempts were made."""
    next_attempt_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    replay_of: str | None
    """The delivery that it sends again; null: none."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    key_id: str | None
    """That sent the top-up it tells of; null: no key, no top-up."""
    key_name: str | None
    """What that key was called then."""
    blocked_by: str | None
    """The delivery that has to end first: of an earlier event of the same object, to an `ordered` webhook; null: none."""
    attempts: list[Attempt]
    """Every attempt at it."""


class Dispute(Model):
    """A dispute that a payer's bank has opened, or an inquiry of the bank, which takes no money."""

    id: str
    """The provider's."""
    provider: str
    """The payment provider."""
    account_id: str | None
    """The account's id; null: unknown."""
    order_id: str | None
    """The order's id; null: none of ours."""
    amount: int
    """In the currency's smallest unit: USD has 2 places, KWD 3, JPY 0."""
    currency: str
    """ISO 4217."""
    status: str
    """In the provider's own words."""
    reason: str
    """In the provider's own words."""
    is_inquiry: bool
    """Whether it is only a question of the bank's, which took no money."""
    evidence_due_at: AwareDatetime | None
    """Until when evidence counts; null: not reported."""
    page_url: str | None
    """Its page at the provider; null: unknown."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    ended_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class DisputeOpenedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["dispute.opened"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: OpenedDisputeEventData
    """What it tells of."""


class DisputedOrderEventData(Model):
    """An order whose payment the payer's bank disputes, in part or in full. refunded_cents is 0 if the bank has withdrawn nothing more."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    id: str
    """Its id, ord_…."""
    status: (
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
        | str
    )
    """Its state."""
    provider: str
    """The payment provider."""
    url: str | None
    """Where the payer goes; null where nothing is to be paid."""
    pack_id: str | None
    """The pack's id."""
    amount: int
    """In the currency's smallest unit."""
    currency: str
    """ISO 4217."""
    pay_amount: int
    """In the currency's smallest unit."""
    pay_currency: str
    """ISO 4217."""
    credits: int
    """1 credit is $0.001."""
    refunded_amount: int
    """How much of the payment went back, as pay_amount."""
    coupon: str | None
    """A coupon's code; null: none."""
    order_no: str
    """The order's number, as the provider is told it."""
    reference: str | None
    """The txn_… that its events and deliveries are found by."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    paid_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    origin: Literal["recharge"] | str | None
    """recharge: bought by itself. Null: somebody ordered it."""
    paid_amount: int | None
    """What was paid, before tax, as pay_amount; 0: a trial. Null: nothing yet."""
    trial_days: int
    """The free days that a plan begins with."""
    refunded_cents: int
    """How much more went back now; never below 0."""
    refunded_total_cents: int
    """In the currency's smallest unit."""
    reason: str
    """Why, in words for people."""
    dispute_id: str
    """The provider's ID of the dispute."""
    disputed_cents: int
    """The amount of the dispute."""


class EndpointDisabledEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["endpoint.disabled"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: EndpointEventData
    """What it tells of."""


class EndpointEventData(Model):
    """A webhook endpoint. Empty `events` means all types. Header values are masked."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    id: str
    """Its id, we_…."""
    url: str
    """Where the events are sent."""
    events: list[str]
    """The types that it is sent; empty: all."""
    description: str
    """What it is, in plain text."""
    status: Literal["disabled", "enabled"] | str
    """Its state."""
    disabled_reason: str | None
    """Why it is disabled; null: it is enabled."""
    retry_schedule_s: list[int]
    """Entry k: the wait before attempt k, in seconds."""
    rate_limit_per_s: int | None
    """At most so many requests in a second; null: no limit."""
    ordered: bool
    """Events of one object are sent one after the other, by `sequence`."""
    include_codes: bool
    """Whether bodies carry voucher_code."""
    include_approval_links: bool
    """Whether approval.requested carries decide_url."""
    filter: dict[str, Any] | None
    """What has to stand in data for an event to be sent; null: nothing."""
    headers: dict[str, str] | None
    """Headers of your own that are sent along; the values are masked. Null: what is stored of them is damaged, and nothing is sent until you set them anew."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


class EndpointTestEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["endpoint.test"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: EndpointEventData
    """What it tells of."""


class EndpointWithSecret(Model):
    """An endpoint with its signing secret, which is shown only once."""

    id: str
    """Its id, we_…."""
    url: str
    """Where the events are sent."""
    events: list[EventType]
    """Event types; empty: all."""
    description: str
    """What it is, in plain text."""
    status: Literal["disabled", "enabled"] | str
    """Its state."""
    disabled_reason: str | None
    """Why it is disabled; null: it is enabled."""
    retry_schedule_s: list[int]
    """Entry k: the wait before attempt k, in seconds."""
    rate_limit_per_s: int | None
    """At most so many requests in a second; null: no limit."""
    ordered: bool
    """Events of one object are sent one after the other, by `sequence`."""
    include_codes: bool
    """Whether bodies carry voucher_code."""
    include_approval_links: bool
    """Whether approval.requested carries decide_url."""
    filter: dict[str, Any] | None
    """What has to stand in data for an event to be sent; null: nothing."""
    headers: dict[str, str] | None
    """Headers of your own that are sent along; the values are masked. Null: what is stored of them is damaged, and nothing is sent until you set them anew."""
    failing_since: AwareDatetime | None
    """Since when nothing has arrived; null: it is well."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    ed25519: bool
    """Whether it signs with a key pair of its own beside the secret."""
    public_key: str | None
    """What its Ed25519 signatures are checked with; no secret. Null: it has none."""
    mcp_subscription: McpSubscription | None
    """Set if an MCP client made it: only that client can change it."""
    secret: str
    """What its bodies are signed with, shown this once."""


class Entitlement(Model):
    """The answer to one question: may the account do this now?"""

    name: str
    """As the plan names it."""
    allowed: bool
    """Of a question: at least one more use. Of a use: it was counted."""
    limit: int | None
    """Null: a plain yes or no."""
    used: int
    """What was told since the count last began."""
    resets_at: AwareDatetime | None
    """When the count begins anew; null: nothing is counted."""


class Error(Model):
    """What every error looks like; its code says which."""

    success: Literal[False]
    """What the HTTP status says."""
    code: Literal[
        2001,
        2002,
        2003,
        2004,
        2005,
        2006,
        2007,
        2008,
        2009,
        2010,
        2011,
        2012,
        2013,
        3002,
        3003,
        3004,
        3005,
        3008,
        3009,
        3010,
        4001,
        4002,
        4003,
        4004,
        4005,
        5000,
        5001,
        5002,
    ]
    """What happened, as a number; GET /codes lists them."""
    message: str
    """The code in words."""
    transaction_id: str | None
    """The top-up's, where one is concerned; else null."""
    status: (
        Literal[
            "error",
            "scheduled",
            "pending",
            "delivered",
            "failed",
            "cancelled",
            "reversing",
            "reversed",
        ]
        | str
    )
    """The top-up's, where one is concerned; else ok or error."""
    timestamp: AwareDatetime
    """When it was answered, RFC 3339, UTC."""
    data: Refused
    """What was asked for, or data.error."""


class Event(Model):
    """An event, exactly as in the body that webhooks receive."""

    id: str
    """Its id, evt_…."""
    type: EventType
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"] | str
    """The version of the event's shape."""
    data: dict[str, Any]
    """By type; see the webhooks of this document."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""


class EventOfTopUp(Model):
    """An event that tells of the top-up; GET /events/{event_id} has its body."""

    id: str
    """Its id, evt_…."""
    type: EventType
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


EventType = TypeAliasType(
    "EventType",
    Literal[
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
    | str,
)
"""What happened; GET /docs/events describes each."""


class ExpiredCreditEventData(Model):
    """Credit that expired unused. The event may come later, when it is clear that the credit doesn't roll over."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    id: str
    """The grant's id."""
    kind: Literal["plan", "promotional"] | str
    """plan: it was paid for with a plan."""
    amount_micros: int
    """1,000,000 are 1 US dollar."""
    amount_cents: int
    """In whole US cents, rounded down."""
    currency: Literal["USD"] | str
    """The currency, by ISO 4217."""
    expires_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    plan_id: str | None
    """The plan's id."""
    subscription_id: str | None
    """The subscription's id."""


class ExpiringCreditEventData(Model):
    """Credit that will expire within some days unless it is spent."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    id: str
    """The grant's id."""
    kind: Literal["plan", "promotional"] | str
    """plan: it was paid for with a plan."""
    amount_micros: int
    """1,000,000 are 1 US dollar."""
    amount_cents: int
    """In whole US cents, rounded down."""
    currency: Literal["USD"] | str
    """The currency, by ISO 4217."""
    expires_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    plan_id: str | None
    """The plan's id."""
    subscription_id: str | None
    """The subscription's id."""
    days_before: int
    """At most so many days are left."""
    rolls_over_micros: int
    """What goes on beside it, if the next period is paid."""


class FailedRechargeEventData(Model):
    """An automatic purchase that failed, or (`disputed`) one that the payer's bank disputes. order_id is null if no charge was tried, retry_at if no retry is planned, and url if nobody can confirm the payment."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    order_id: str | None
    """The order's id."""
    amount_cents: int
    """In US cents."""
    method: str
    """The means of payment, as its owner knows it."""
    reason: (
        Literal[
            "authentication_required",
            "card_declined",
            "card_expired",
            "card_removed",
            "disputed",
            "insufficient_funds",
            "monthly_max",
            "refused",
            "switched_off",
            "try_later",
            "unknown_outcome",
        ]
        | str
    )
    """Why nothing was bought."""
    disabled: bool
    """No fall is charged until it is set again."""
    failures: int
    """Charges that failed in a row; the third ends it."""
    retry_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    url: str | None
    """Where a person confirms the payment."""
    currency: Literal["USD"] | str
    """The currency, by ISO 4217."""


class FailedTopUpEventData(Model):
    """A failed top-up. failure_reason says why. Its funds are back in the sender's wallet."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    transaction_id: str
    """The top-up's id."""
    status: Literal["failed"] | str
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: None
    """Null: there is nothing to redeem."""
    voucher_code_hint: None
    """Null: there is nothing to redeem."""
    deliverable: None
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: None
    """The recipient's wallet of that platform afterwards, in US cents; null: unchanged."""
    reference: str | None
    """The sender's own name for it."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    key_id: str | None
    """The key that sent it."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime | None = None
    """When it is to be sent, by the account's own clock."""
    failure_reason: str
    """Why it failed or was called off; null: it did not."""


class Failure(Model):
    """What is wrong and what to do about it. Some causes add facts of their own."""

    model_config = ConfigDict(extra="allow")
    detail: str
    """A sentence for people."""
    param: str | None
    """The field that is wrong."""
    retryable: bool
    """The same request may succeed later."""
    retry_after_s: int | None
    """How long to wait, in seconds."""
    next_action: NextAction
    """For programs: what to do next."""
    doc_url: str
    """Where the code is explained: HTML, Markdown with .md, JSON with .json."""
    reason: str | None = None
    """Which cause, where one code has several."""
    errors: list[FieldProblem] | None = None
    """All that is wrong at once."""
    links: list[Link] | None = None
    """Which call comes next, the most useful first."""
    did_you_mean: str | None = None
    """The most similar name."""
    limit: Any | None = None
    """The limit that was hit."""
    remaining: Any | None = None
    """What is left of it."""
    oldest_cursor: str | None = None
    """Of events: where to go on; nothing older is kept."""
    resets_at: AwareDatetime | None = None
    """RFC 3339, UTC, whole seconds."""


class FailureSummary(Model):
    """Failed deliveries whose last attempts had the same result."""

    deliveries: int
    """How many of those that were looked at."""
    http_status: int | None
    """Null when no answer came."""
    error: str | None
    """As in an attempt, such as timeout or http."""
    response: str
    """The response body in one line, without numbers and IDs."""
    first_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    last_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    last_delivery_id: str
    """The one that failed last, to be sent again first."""


class FieldProblem(Model):
    """A field of the request that can't be accepted, and what would be accepted."""

    param: str
    """The field, with its place inside others."""
    detail: str
    """A sentence for people."""
    code: int | None = None
    """The code of this problem alone."""
    allowed: list[Any] | None = None
    """Every value that is taken."""
    minimum: float | None = None
    """The least number."""
    maximum: float | None = None
    """The greatest number."""
    did_you_mean: str | None = None
    """The name or value that was probably meant."""
    example: Any | None = None
    """A value that is taken."""


class Finding(Model):
    """One thing that is wrong with a received webhook."""

    part: Literal["bytes", "header", "public_key", "secret", "timestamp"] | str
    """What is wrong with it."""
    header: str | None
    """The header that it is about; null: none."""
    detail: str
    """In words for people."""


class FreePeriod(Model):
    """A period that an operator gave for free."""

    id: str
    """Its id, per_…."""
    subscription_id: str
    """The subscription's id."""
    plan_id: str
    """The plan's id."""
    period_start: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    period_end: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    credits: int
    """What it gave so far, and was not taken back."""
    reason: str
    """Why, in words for people."""
    granted_by: str | None
    """Who gave it; null: nobody is known."""
    revoked_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class FulfilmentAttempt(Model):
    """A turn at a supplier. supplier and detail are for operators, and null for everybody else."""

    outcome: (
        Literal[
            "delivered", "dropped", "kept", "refused", "requested", "revoked", "unknown", "waiting"
        ]
        | str
    )
    """waiting: accepted, not done. unknown: no word to rely on; it is asked again. dropped: a person ended it. revoked, kept: asked to take back what it delivered."""
    requests_made: int
    """How often it was asked in this turn."""
    requested_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    last_requested_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    ended_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    supplier: str | None
    """Who was asked; null but for operators."""
    detail: str | None
    """What the supplier said; null but for operators."""


class Funding(Model):
    """Test credit that was added."""

    id: str
    """Its id."""
    amount_cents: int
    """In US cents."""
    balance_cents: int
    """In US cents."""


class GivenBack(Model):
    """What was paid and could not be delivered, as a code that anybody redeems at POST /codes/redeem. The code is null for whoever does not show the payment's identifier."""

    voucher_code: str | None
    """What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its place. Null unless you may see it."""
    voucher_code_hint: str
    """The code's last four characters."""
    amount_cents: int
    """In US cents."""
    reason: str | None
    """Why, in words for people."""


class HealthStep(Model):
    """One part of the period; deliveries are counted when they were created."""

    at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    delivered: int
    """How many arrived."""
    failed: int
    """How many ended without, and did not when sent again."""


class Held(Model):
    """Where a person decides on a send above the key's threshold."""

    id: str
    """Its id, apr_…."""
    url: str
    """The page of the dashboard to open."""
    expires_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


class Hold(Model):
    """Credit set aside. What of an ended one was not captured went back."""

    id: str
    """Its id, hld_…."""
    status: Literal["captured", "expired", "held", "released"] | str
    """Its state."""
    amount_micros: int
    """In millionths of a US dollar."""
    credits: int
    """In credits of $0.001, floored."""
    captured_micros: int
    """In millionths of a US dollar."""
    captured_credits: int
    """In credits of $0.001, floored."""
    overage: Literal["cap", "owe", "reject"] | str
    """What a capture above the amount does; see POST /holds."""
    overage_micros: int
    """Captured above the amount, in micros."""
    description: str
    """What it is, in plain text."""
    model: str | None
    """The model's name."""
    reference: str | None
    """The caller's own name for it, once per environment."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    expires_at: str
    """By the account's own clock; see the sandbox's."""
    ended_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    input_tokens: int | None
    """The tokens that went in; null: an amount was charged."""
    output_tokens: int | None
    """The tokens that came out; null: an amount was charged."""
    cached_tokens: int | None
    """Those of the input tokens that were cached; null: an amount was charged."""
    price_version: int | None
    """The version of the price list that priced it; null: an amount was charged."""


class IssuedVoucher(Model):
    """A voucher: the claim on value that lies in the recipient's wallet. spent: no longer there. deliverable: what a supplier delivered, which settled the voucher; kind credit: nothing else."""

    code: str
    """The voucher's code."""
    status: Literal["issued", "redeemed", "spent"] | str
    """spent: its credit is no longer in the recipient's wallet."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    transaction_id: str | None
    """The top-up's id."""
    issued_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    redeemed_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    deliverable: Deliverable | None
    """What the recipient is given; null: nothing yet."""


class ItemError(Model):
    """An item that is refused; code, message and error are those of a send."""

    index: int
    """Which item, counted from 0."""
    reference: str | None
    """Its own; null where it cannot be read."""
    code: int
    """The code of a send that is refused so."""
    message: str
    """What happened, in words for people."""
    error: Failure
    """What is wrong with it."""
    line: int | None = None
    """Its line in the CSV."""
    transaction_id: str | None = None
    """The top-up that has its reference."""


class KeyCapNearEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["key.cap_near"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: CapUsedEventData
    """What it tells of."""


class KeyCapReachedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["key.cap_reached"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: CapUsedEventData
    """What it tells of."""


class KeyCaps(Model):
    """A key's caps by UTC day and month. null means that the key has no cap of its own."""

    per_call_cents: int | None
    """In US cents, calendar windows of UTC; null: no cap."""
    per_day_cents: int | None
    """In US cents, calendar windows of UTC; null: no cap."""
    per_month_cents: int | None
    """In US cents, calendar windows of UTC; null: no cap."""


class KeyChangedEventData(Model):
    """A key's current state, without its secret. Pausing or revoking a key also affects its descendants."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    id: str
    """Its id, key_…."""
    parent_id: str | None
    """The key that it comes from; null: none."""
    name: str
    """Its name."""
    purpose: str | None
    """What it is for, in its maker's words; null: not said."""
    scopes: list[str]
    """What it may do."""
    by: str
    """The credential that did it, such as key_…; cli: the command line."""
    expires_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    paused_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    revoked_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class KeyCreatedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["key.created"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: KeyChangedEventData
    """What it tells of."""


class KeyLimits(Model):
    """What the calling key may still spend."""

    id: str
    """Its id, key_…."""
    per_call_cents: int | None
    """In US cents."""
    windows: list[Window]
    """Its caps, and what is left of them."""


class KeyPausedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["key.paused"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: KeyChangedEventData
    """What it tells of."""


class KeyResumedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["key.resumed"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: KeyChangedEventData
    """What it tells of."""


class KeyRevokedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["key.revoked"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: KeyChangedEventData
    """What it tells of."""


class KeyTree(Model):
    """A key and its descendants. Parents come before their children; revoked keys are left out."""

    keys: list[KeyTreeNode]
    """The key first, each parent before its children."""


class KeyTreeNode(Model):
    """A key with its own limits. What its descendants spend counts against them, too."""

    id: str
    """Its id, key_…."""
    parent_id: str | None
    """The key that it comes from; null: none."""
    depth: int
    """0: the key that was asked for."""
    name: str
    """Its name."""
    purpose: str | None
    """What it is for, in its maker's words; null: not said."""
    limits: list[LimitUsage]
    """What limits it, and what is left."""
    paused_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    expires_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    revoked_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class KeyWindow(Model):
    """A spending limit for any period of this many seconds."""

    seconds: int
    """The length of the window, in seconds."""
    cents: int
    """In US cents."""


class LimitUsage(Model):
    """A spending limit, with how much of it is used and how much is left."""

    key_id: str | None
    """The key whose it is; null: the account's own."""
    cap: (
        Literal[
            "account_per_day",
            "lifetime",
            "per_day",
            "per_month",
            "recipients_per_week",
            "sends_per_hour",
            "window",
        ]
        | str
    )
    """Which limit it is."""
    unit: Literal["cents", "recipients", "sends"] | str
    """Of limit, spent and remaining: US cents."""
    seconds: int | None
    """The length of a rolling window."""
    limit: int
    """The most, in its unit."""
    spent: int
    """By the key and its descendants, rounded up."""
    remaining: int
    """Rounded down."""
    resets_at: AwareDatetime | None
    """When all of it is free again; null: never."""


class Link(Model):
    """A call to make next with the caller's own credential. If rel is `page`, it is an address for a user's browser."""

    rel: str
    """What it is for, such as earlier, platforms, balance."""
    method: str
    """The HTTP method."""
    href: str
    """The whole address."""
    body: dict[str, Any] | None = None
    """The JSON body to send."""


class LowBalanceEventData(Model):
    """The account's wallet, after a change took its balance below the threshold."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    balance_cents: int
    """In US cents."""
    low_balance_threshold_cents: int
    """In US cents."""
    currency: Literal["USD"] | str
    """The currency, by ISO 4217."""


class LowStockEventData(Model):
    """Codes of one platform and amount that are running out. Operators' accounts get the event once, and not again until the stock has recovered."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    supplier: str
    """The supplier's name."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    remaining: int
    """Codes that can be handed out."""
    low_threshold: int
    """Fewer than so many are few."""


class MachinePaymentShape(Model):
    """The payment, as it stands."""

    id: str
    """Its id."""
    state: Literal["paid", "refunded", "refused", "settling"] | str
    """settling: its outcome is asked for; ask again with the same payment."""
    network: str
    """As CAIP-2 names it, such as eip155:8453; by card: stripe."""
    asset: str
    """The contract of the token; by card: usd."""
    amount: str
    """In atomic units of the asset; by card in US cents."""
    payer: str
    """The wallet that signed the payment; by card the token's end."""
    settlement: str | None
    """The transaction's hash on the network, or the card's payment, once known."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    settled_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class McpSubscription(Model):
    """The MCP client's subscription that an endpoint belongs to."""

    id: str
    """As the client and its deliveries name it."""
    credential_id: str
    """The key or token whose end ends it."""
    expires_at: AwareDatetime
    """When it ends, unless the client renews it."""


NextAction = TypeAliasType(
    "NextAction", Literal["fix_request", "wait", "poll", "top_up", "pay", "ask_human", "stop"] | str
)
"""For programs: what to do after an error."""


class NextCharge(Model):
    """When the next period is charged, and its price before tax, discounts and the customer's balance."""

    at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    amount: int
    """In the currency's smallest unit."""
    currency: str
    """ISO 4217."""


class Notice(Model):
    """A notice that an endpoint keeps failing, or was disabled for failing. ended_at is null while that continues."""

    id: str
    """Its id, ntc_…."""
    endpoint_id: str
    """The webhook endpoint's id."""
    url: str
    """The endpoint's address."""
    stage: str
    """How far it has come: failing, failing_for_a_day, failing_for_four_days, disabled."""
    reason: str | None
    """What went wrong; null: not known."""
    failing_since: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    ended_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    disable_at: AwareDatetime | None
    """Of failing_for_four_days: when it is disabled unless something arrives before."""


class OpenedDisputeEventData(Model):
    """A dispute, or an inquiry, which withdraws no money. `amount` is in the currency's smallest unit. evidence_due_at is the deadline for evidence, or null if the provider sets none."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    id: str
    """Its id."""
    provider: str
    """The payment provider."""
    environment: Literal["live", "staging"] | str
    """Staging or live: two closed worlds."""
    account_id: str | None
    """The account's id."""
    order_id: str | None
    """The order's id."""
    amount: int
    """In the currency's smallest unit."""
    currency: str
    """The currency, by ISO 4217."""
    status: str
    """Its state."""
    reason: str
    """What the payer's bank says."""
    is_inquiry: bool
    """Whether it is only a question of the bank's, which took no money."""
    evidence_due_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    page_url: str | None
    """Its page at the provider; null: unknown."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    ended_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class Order(Model):
    """An order of credit. The payer pays at `url`, which is null until the provider has responded, and if there is nothing to pay."""

    id: str
    """Its id, ord_…."""
    status: (
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
        | str
    )
    """Its state."""
    provider: str
    """The payment provider, whose notifications settle the order. If the sandbox simulates it, this is still the simulated provider's name, never `sandbox`."""
    url: str | None
    """Where the payer pays; null until the provider has responded, and if there is nothing to pay."""
    status_url: str
    """The payer's page of the order, with the payment's outcome and `I have paid`, which queries the provider. It needs no account."""
    pack_id: str | None
    """Null for an order of an amount."""
    amount: int
    """The list price, in the smallest unit."""
    currency: str
    """ISO 4217."""
    pay_amount: int
    """What the provider charges."""
    pay_currency: str
    """ISO 4217."""
    credits: int
    """1 credit is $0.001."""
    refunded_amount: int
    """How much of the payment was returned, in the smallest unit of pay_currency; for a plan, over all its periods."""
    coupon: str | None
    """A coupon's code; null: none."""
    order_no: str
    """The order's number, as sent to the provider."""
    reference: str
    """The top-up's id."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    paid_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    origin: Literal["recharge"] | str | None
    """recharge: bought automatically. Null: ordered by a user or key."""
    paid_amount: int | None
    """What was paid, before tax, as pay_amount; 0: a trial. Null: nothing yet."""
    trial_days: int
    """The free days that a plan begins with; its subscription says until when."""


class OrderDisputeLostEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["order.dispute_lost"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: DisputedOrderEventData
    """What it tells of."""


class OrderDisputedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["order.disputed"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: DisputedOrderEventData
    """What it tells of."""


class OrderEventData(Model):
    """An order of credit. `reference` is a transaction ID (txn_…) under which its events and deliveries are listed."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    id: str
    """Its id, ord_…."""
    status: (
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
        | str
    )
    """Its state."""
    provider: str
    """The payment provider."""
    url: str | None
    """Where the payer goes; null where nothing is to be paid."""
    pack_id: str | None
    """The pack's id."""
    amount: int
    """In the currency's smallest unit."""
    currency: str
    """ISO 4217."""
    pay_amount: int
    """In the currency's smallest unit."""
    pay_currency: str
    """ISO 4217."""
    credits: int
    """1 credit is $0.001."""
    refunded_amount: int
    """How much of the payment went back, as pay_amount."""
    coupon: str | None
    """A coupon's code; null: none."""
    order_no: str
    """The order's number, as the provider is told it."""
    reference: str | None
    """The txn_… that its events and deliveries are found by."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    paid_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    origin: Literal["recharge"] | str | None
    """recharge: bought by itself. Null: somebody ordered it."""
    paid_amount: int | None
    """What was paid, before tax, as pay_amount; 0: a trial. Null: nothing yet."""
    trial_days: int
    """The free days that a plan begins with."""


class OrderFailedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["order.failed"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: OrderEventData
    """What it tells of."""


class OrderPaidEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["order.paid"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: OrderEventData
    """What it tells of."""


class OrderRefundedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["order.refunded"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: RefundedOrderEventData
    """What it tells of."""


class OrderRestoredEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["order.restored"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: RestoredOrderEventData
    """What it tells of."""


class OutstandingLine(Model):
    """One month's changes of the credit that all customers hold in wallets, grants and holds."""

    month: str
    """In UTC, such as 2026-06."""
    opening_micros: int
    """At the month's beginning, in millionths of a US dollar."""
    sold_micros: int
    """Sold for money, in millionths of a US dollar."""
    granted_micros: int
    """Given, in millionths of a US dollar."""
    reversed_micros: int
    """Taken back after refunds and disputes, in millionths of a US dollar."""
    used_micros: int
    """Used, in millionths of a US dollar."""
    breakage_micros: int
    """Paid for and ended unused, in millionths of a US dollar."""
    expired_micros: int
    """Given and ended unused, in millionths of a US dollar."""
    withdrawn_micros: int
    """Taken away by hand, in millionths of a US dollar."""
    debts_micros: int
    """Debts paid, or made, in millionths of a US dollar."""
    closing_micros: int
    """At the month's end, in millionths of a US dollar."""


class OwnKey(Model):
    """What the calling key may do now, under its own limits and those of all its ancestors."""

    id: str
    """Its id, key_…."""
    name: str
    """Its name."""
    purpose: str | None
    """What it is for, in its maker's words; null: not said."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    parents: list[AncestorKey]
    """Nearest first."""
    paused: bool
    """The key, or one above it: it reads only."""
    scopes: list[Scope]
    """What it may do."""
    ip_allow_lists: list[list[str]]
    """CIDRs; each list must have the caller's address."""
    platforms: list[str] | None
    """The only ones; null: any."""
    recipients: list[str] | None
    """The only ones, addresses and *@domain; null: anybody."""
    per_call_cents: int | None
    """In US cents, calendar windows of UTC; null: no cap."""
    per_recipient_per_day_cents: int | None
    """In US cents."""
    repeat_guard_s: int | None
    """The same recipient, platform and amount again within so many seconds is refused; null: it is not."""
    approval_above_cents: int | None
    """A send above it waits for a person."""
    approval_above_per_day_cents: int | None
    """So does one that takes the UTC day's sends without an approval above this. The other threshold alone lets any number of smaller sends pass."""
    limits: list[LimitUsage]
    """What limits it and the keys above it, and what is left."""
    max_now_cents: int | None
    """The most that one spend may take now, as far as limits go; null: any."""
    expires_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class OwnTime(Model):
    """The sandbox clock as it stands."""

    ahead_s: int
    """How far it is ahead of the gateway's, in seconds."""
    now: AwareDatetime
    """The account's own time."""


class Pack(Model):
    """An amount of credit that is sold as one; credits includes the bonus."""

    id: str
    """Its id."""
    name: str
    """Its name."""
    amount: int
    """In the currency's smallest unit: USD has 2 places, KWD 3, JPY 0."""
    currency: str
    """ISO 4217."""
    credits: int
    """1 credit is $0.001."""
    bonus_credits: int
    """1 credit is $0.001."""
    popular: bool
    """Whether it is to be shown as the usual choice."""
    active: bool
    """Whether it is offered."""


class PaidTopUp(Model):
    """A top-up that its request paid for. What can be spent is null for whoever does not show the payment's identifier."""

    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: str | None
    """What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its place. Null unless you may see it."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """What the recipient is given; null: nothing yet."""
    claim_url: str | None
    """The recipient's page, as good as the code itself."""
    payment: MachinePaymentShape | None
    """Null where an intent was met without one."""
    refund: GivenBack | None
    """What was paid and could not be delivered."""
    error: Failure | None = None
    """Why nothing was delivered; then refund has the money."""
    approval: Held | None = None
    """What a person has to decide on first, as the key beside it is told."""
    links: list[Link] | None = None
    """While it waits: the calls that come next, the most useful first."""
    next_action: Literal["poll"] | str | None = None
    """While it waits: ask links[] of rel poll again until the state is another."""


class PaymentMethod(Model):
    """A saved payment method. expires is a month, such as 2027-04."""

    ref: str
    """The provider's id."""
    brand: str
    """The kind of card or account, such as visa."""
    last4: str
    """The last 4 characters."""
    expires: str | None
    """The month in which it ends, such as 2027-04; null: it does not."""


class PaymentMethods(Model):
    """The account's saved payment methods at one provider, newest first."""

    provider: str
    """The payment provider."""
    items: list[PaymentMethod]
    """The saved payment methods, the newest first."""


class PendingAction(Model):
    """A change that was requested from the provider and isn't complete yet."""

    action: Literal["cancel", "cancel_now", "change", "pause", "resume"] | str
    """What was asked for."""
    plan_id: str | None
    """Of a change."""
    interval: Literal["month", "year"] | str | None
    """Of a change."""
    requested_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    is_outcome_unknown: bool
    """The provider gave no clear answer so far; it is asked again by itself."""
    attempts: int
    """How many times the provider was asked."""


class PendingTopUpEventData(Model):
    """A pending top-up. Its funds are held, and the recipient gets the credit on delivery."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    transaction_id: str
    """The top-up's id."""
    status: Literal["pending"] | str
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: None
    """Null: there is nothing to redeem."""
    voucher_code_hint: None
    """Null: there is nothing to redeem."""
    deliverable: None
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: None
    """The recipient's wallet of that platform afterwards, in US cents; null: unchanged."""
    reference: str | None
    """The sender's own name for it."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    key_id: str | None
    """The key that sent it."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime | None = None
    """When it is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """Why it failed or was called off; null: it did not."""


class PlanChange(Model):
    """The cost of a change, and the time from which the new price applies."""

    subscription_id: str
    """The subscription's id."""
    plan_id: str
    """The plan's id."""
    plan_name: str
    """The plan's name."""
    interval: Literal["month", "year"] | str
    """How often it is paid."""
    amount: int
    """Of one period then, in the smallest unit."""
    currency: str
    """ISO 4217."""
    is_charged_now: bool
    """A dearer plan is paid for at once; a cheaper one from the next period."""
    amount_due: int
    """What is charged now, in the smallest unit."""
    is_estimate: bool
    """Worked out by the gateway, without tax: the provider tells no price before."""
    effective_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


class Platform(Model):
    """A platform for which top-ups can be sent."""

    id: str
    """Its name in calls."""
    name: str
    """Its name for people."""
    min_amount_cents: int
    """In US cents."""
    max_amount_cents: int
    """In US cents."""
    fulfilment: Literal["asynchronous", "immediate"] | str
    """Whether the platform is credited at once or takes its time."""


class PortalLink(Model):
    """A link to a page of the account's webhooks. It stops working when the key, token or user that made it ends."""

    id: str
    """Its id, ptl_…."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    name: str
    """Its name."""
    can: Literal["manage", "read", "replay"] | str
    """read; replay: also send deliveries again and test a webhook; manage: also change a webhook."""
    origins: list[str]
    """The sites that may embed it; empty: none."""
    endpoint_ids: list[str]
    """The webhooks that it shows; empty: all."""
    made_by: str
    """The key, token or person with whose access it ends."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    expires_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    revoked_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class Price(Model):
    """What 1,000,000 tokens of a model cost since a version of the list. A model ending in * stands for all models that begin so and have no longer entry."""

    model: str
    """The model; one that ends in * is of every model that begins so and has no longer entry."""
    input_micros: int
    """For 1,000,000 tokens, in millionths of a US dollar."""
    output_micros: int
    """For 1,000,000 tokens, in millionths of a US dollar."""
    cached_micros: int
    """Of cached input tokens."""
    version: int
    """Of the list, since which it counts."""
    changed_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


class Quote(Model):
    """What a send would do now; cap_remaining_cents is null without a cap. A send that carries quote_id before quote_expires_at is charged charged_cents, whatever the price is by then."""

    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    wallet_balance_cents: int
    """In US cents."""
    wallet_balance_after_cents: int
    """In US cents."""
    cap_remaining_cents: int | None
    """In US cents."""
    would_be: Literal["approval_required", "delivered", "pending", "replayed", "scheduled"] | str
    """replayed: its intent names a top-up that was sent before, so it would send and charge nothing."""
    quote_id: str
    """For quote_id of the send."""
    quote_expires_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


class Recharge(Model):
    """Credit that is bought automatically when the balance drops. If status is off, nothing is charged until the recharge is set again. disabled_reason is null while the recharge is on, and if it was removed."""

    provider: str
    """The payment provider."""
    below_cents: int
    """In US cents."""
    amount_cents: int
    """In US cents."""
    monthly_max_cents: int
    """Of a calendar month by UTC, in US cents."""
    method_ref: str
    """The saved means of payment."""
    brand: str
    """The kind of card or account, such as visa."""
    last4: str
    """The last 4 characters."""
    status: Literal["off", "on"] | str
    """Its state."""
    disabled_reason: Literal["dispute", "failures", "operator"] | str | None
    """Why it is off; null: it is on, or was removed."""
    failures: int
    """Charges that failed in a row."""
    retry_at: AwareDatetime | None
    """When a declined charge is tried again."""
    changed_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    charges: list[RechargeCharge]
    """The latest, the newest first."""


class RechargeCharge(Model):
    """The charge after a drop of the balance. If it was declined, reason says why. If the payer must confirm it, url is the page for that."""

    order_id: str
    """The order's id."""
    amount_cents: int
    """In US cents."""
    method: str
    """The payment method, such as visa 4242."""
    month: str
    """That it counts against, such as 2026-11."""
    reason: str | None
    """Why it was declined; null: it was not."""
    url: str | None
    """Where the payer confirms it; null: not needed."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


class RechargeFailedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["recharge.failed"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: FailedRechargeEventData
    """What it tells of."""


class RechargeSucceededEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["recharge.succeeded"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: SucceededRechargeEventData
    """What it tells of."""


class RecipientMail(Model):
    """One mail about a top-up. It holds the link to the claim page, never the code itself."""

    id: str
    """Its id, mal_…."""
    status: Literal["bounced", "failed", "limited", "outbox", "queued", "sent", "unwanted"] | str
    """sent: a mail server took it. bounced: it was refused for good. failed: tried for a day and a half. unwanted: the recipient asked for no mail. outbox: no mail leaves here, read it in the dashboard. limited: the mails of 24 hours were used up."""
    attempts: int
    """How many times it was tried."""
    reason: str | None
    """What the mail server said."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    next_attempt_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    ended_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class RecipientWallet(Model):
    """A recipient's balance on one platform, from this account's top-ups."""

    recipient_email: str
    """The recipient's address."""
    platform: str
    """The platform, as GET /platforms names it."""
    balance_cents: int
    """In US cents."""
    updated_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


class RedeemedCode(Model):
    """Credit that a code or a voucher brought. expires_at is null unless it expires."""

    id: str | None
    """Of a code's redemption; a voucher's has none."""
    type: Literal["code", "voucher"] | str
    """What was redeemed."""
    last4: str
    """The last 4 characters."""
    amount_cents: int
    """In US cents."""
    amount_micros: int
    """In millionths of a US dollar."""
    credits: int
    """In credits of $0.001."""
    promotional: bool
    """Whether it is credit that was given, not bought."""
    expires_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    redeemed_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    balance_cents: int
    """The caller's wallet, in US cents."""


class RedeemedVoucher(Model):
    """A voucher just redeemed; transaction_id is null unless the caller issued it."""

    code: str
    """The voucher's code."""
    status: Literal["issued", "redeemed", "spent"] | str
    """spent: its credit is no longer in the recipient's wallet."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    transaction_id: str | None
    """The top-up's id."""
    issued_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    redeemed_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    deliverable: Deliverable | None
    """What the recipient is given; null: nothing yet."""
    settle: Literal["external", "wallet"] | str
    """wallet: into a wallet here. external: the platform honoured it."""
    balance_cents: int
    """The caller's wallet, in US cents."""


class Refund(Model):
    """A refund that was requested here. While its status is requested, unknown or pending, its credit is held."""

    id: str
    """Its id, rfd_…."""
    status: Literal["failed", "pending", "requested", "succeeded", "unknown"] | str
    """Its state."""
    amount: int
    """In the smallest unit of the currency that was paid."""
    currency: str
    """ISO 4217."""
    order_id: str
    """The order's id."""
    period_id: str | None
    """Of a plan's paid period, else null."""
    account_id: str
    """The account's id."""
    provider: str
    """The payment provider."""
    payment: str
    """What the provider calls the payment."""
    provider_refund_id: str | None
    """The provider's own id of it; null: none yet."""
    made_at_provider: bool
    """An operator made it at the provider and recorded it here."""
    reason: str
    """Why, in words for people."""
    detail: str | None
    """Why it failed, or is unknown."""
    held_micros: int
    """How much of the account's credit is held."""
    requested_by: str | None
    """The key, token or user that requested it; null: made elsewhere."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    ended_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class RefundedOrderEventData(Model):
    """An order whose payment was refunded, in part or in full. Amounts are in the smallest unit of pay_currency."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    id: str
    """Its id, ord_…."""
    status: (
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
        | str
    )
    """Its state."""
    provider: str
    """The payment provider."""
    url: str | None
    """Where the payer goes; null where nothing is to be paid."""
    pack_id: str | None
    """The pack's id."""
    amount: int
    """In the currency's smallest unit."""
    currency: str
    """ISO 4217."""
    pay_amount: int
    """In the currency's smallest unit."""
    pay_currency: str
    """ISO 4217."""
    credits: int
    """1 credit is $0.001."""
    refunded_amount: int
    """How much of the payment went back, as pay_amount."""
    coupon: str | None
    """A coupon's code; null: none."""
    order_no: str
    """The order's number, as the provider is told it."""
    reference: str | None
    """The txn_… that its events and deliveries are found by."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    paid_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    origin: Literal["recharge"] | str | None
    """recharge: bought by itself. Null: somebody ordered it."""
    paid_amount: int | None
    """What was paid, before tax, as pay_amount; 0: a trial. Null: nothing yet."""
    trial_days: int
    """The free days that a plan begins with."""
    refunded_cents: int
    """How much more went back now; never below 0."""
    refunded_total_cents: int
    """In the currency's smallest unit."""
    reason: str
    """Why, in words for people."""


class Refused(Model):
    """The `data` of an error."""

    error: Failure
    """What is wrong and what to do about it."""


class Replay(Model):
    """A job that sends deliveries again, at most rate_per_s each second."""

    id: str
    """Its id, rpl_…."""
    status: Literal["cancelled", "done", "paused", "running"] | str
    """Its state."""
    paused_reason: Literal["failing"] | str | None
    """Failing: its ramp met one that was not taken. Null: a person paused it, if at all."""
    matched: int
    """How many deliveries it matches."""
    queued: int
    """How many were put in the queue so far."""
    done: int
    """How many of those have arrived, or have failed again."""
    delivered: int
    """How many arrived."""
    failed: int
    """How many failed again, after all their tries."""
    rate_per_s: int
    """At most so many deliveries in a second."""
    ramp: bool
    """Whether it began with one, and then more."""
    endpoint_id: str
    """The webhook endpoint's id."""
    delivery_status: str
    """Which deliveries are sent again, by their status."""
    events: list[EventType]
    """Event types; empty: all."""
    like: str | None
    """The failed delivery that the others were answered like; null: whatever was answered."""
    since: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    until: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    expected_end_at: AwareDatetime | None
    """When it is done at the pace so far; null: it is not running, or it is too early to say."""
    ended_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class ReplayCount(Model):
    """The number of deliveries that a replay would send. A dry run sends nothing."""

    dry_run: bool
    """Only say what would happen; nothing is done."""
    matched: int
    """How many deliveries it matches."""
    rate_per_s: int
    """At most so many deliveries in a second."""
    endpoint_id: str
    """The webhook endpoint's id."""
    delivery_status: str
    """Which deliveries are sent again, by their status."""
    events: list[EventType]
    """Event types; empty: all."""
    like: str | None
    """The failed delivery that the others were answered like; null: whatever was answered."""
    since: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    until: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


class RequestedApprovalEventData(Model):
    """A requested approval. decide_url is null unless the endpoint has include_approval_links."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    transaction_id: str
    """The top-up's id."""
    status: Literal["pending"] | str
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: None
    """Null: there is nothing to redeem."""
    voucher_code_hint: None
    """Null: there is nothing to redeem."""
    deliverable: None
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: None
    """The recipient's wallet of that platform afterwards, in US cents; null: unchanged."""
    reference: str | None
    """The sender's own name for it."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    key_id: str | None
    """The key that sent it."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime | None = None
    """When it is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """Why it failed or was called off; null: it did not."""
    approval: Approval
    """What a person decides on."""
    decide_url: str | None
    """A page that decides, once, for whoever has the address: for persons."""


class Requester(Model):
    """The requesting key."""

    key_id: str
    """The key's id; null: no key."""
    key_name: str | None
    """Null: the key is gone."""


class ResponseTimes(Model):
    """How long the receiver took to respond; null if nothing was answered."""

    p50: int | None
    """In milliseconds."""
    p95: int | None
    """In milliseconds."""


class RestoredOrderEventData(Model):
    """An order whose payment was returned to us. Amounts are in the smallest unit of pay_currency. refunded_total_cents is what is still refunded or disputed."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    id: str
    """Its id, ord_…."""
    status: (
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
        | str
    )
    """Its state."""
    provider: str
    """The payment provider."""
    url: str | None
    """Where the payer goes; null where nothing is to be paid."""
    pack_id: str | None
    """The pack's id."""
    amount: int
    """In the currency's smallest unit."""
    currency: str
    """ISO 4217."""
    pay_amount: int
    """In the currency's smallest unit."""
    pay_currency: str
    """ISO 4217."""
    credits: int
    """1 credit is $0.001."""
    refunded_amount: int
    """How much of the payment went back, as pay_amount."""
    coupon: str | None
    """A coupon's code; null: none."""
    order_no: str
    """The order's number, as the provider is told it."""
    reference: str | None
    """The txn_… that its events and deliveries are found by."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    paid_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    origin: Literal["recharge"] | str | None
    """recharge: bought by itself. Null: somebody ordered it."""
    paid_amount: int | None
    """What was paid, before tax, as pay_amount; 0: a trial. Null: nothing yet."""
    trial_days: int
    """The free days that a plan begins with."""
    restored_cents: int
    """How much came back now; 0: a refund had returned it before."""
    refunded_total_cents: int
    """In the currency's smallest unit."""
    reason: str
    """Why, in words for people."""


class RevenueLine(Model):
    """Payments of one UTC month, by the time of payment."""

    month: str
    """In UTC, such as 2026-06."""
    provider: str
    """The payment provider."""
    currency: str
    """The currency, by ISO 4217."""
    payments: int
    """How many payments."""
    paid: int
    """In the currency's smallest unit."""
    refunded: int
    """What has gone back of these payments until now, or is disputed."""
    refunded_in_month: int
    """What went back or was disputed in this month, of any month's payments."""
    net: int
    """What is left of the payments."""
    fee: int
    """What the provider kept, where it tells."""
    fees_known: int
    """Of how many payments the fee is known."""


class Reversal(Model):
    """That somebody wanted a delivered top-up back. outcome is null until its supplier has answered."""

    reason: str
    """Why the sender or the operator wanted it back."""
    outcome: Literal["kept", "reversed"] | str | None
    """What came of it; null until its supplier has answered."""
    detail: str | None
    """Why it was kept."""
    requested_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    ended_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class ReversedTopUp(Model):
    """A top-up that is reversed, or reversing until its supplier has answered."""

    transaction_id: str
    """The top-up's id."""
    status: TopUpStatus
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: str | None
    """What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its place. Null unless you may see it."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: int | None
    """In US cents."""
    reference: str | None
    """The sender's own name for it, once per environment."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    note: str | None
    """A note of the sender's own."""
    failure_reason: str | None
    """Why it failed or was called off; null: it did not."""
    delivery: ShownDelivery | None
    """How it reaches its recipient; null: nothing was said."""
    claim_url: str | None
    """The recipient's page, as good as the code itself: null unless you may see it, and in answers that are kept for a repeated call."""
    claimed_at: AwareDatetime | None
    """When the recipient opened it first."""
    emailed_at: AwareDatetime | None
    """When a mail server took the first mail about it."""
    key_id: str | None
    """That sent it; null: no key."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime | None
    """When it is to be sent, by the account's own clock."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    settled_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    wallet_balance_cents: int
    """The sender's own wallet afterwards, in US cents."""
    reversal: Reversal
    """Who wanted it back and why."""
    links: list[Link] | None = None
    """While it waits: the calls that come next, the most useful first."""
    next_action: Literal["poll"] | str | None = None
    """While it waits: ask links[] of rel poll again until the state is another."""


class ReversedTopUpEventData(Model):
    """A reversed top-up, which was unused. Its funds are back in the sender's wallet. reason: why the sender or operator reversed it. new_balance_cents: the recipient's balance on that platform afterwards."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    transaction_id: str
    """The top-up's id."""
    status: Literal["reversed"] | str
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: None
    """Null: there is nothing to redeem."""
    voucher_code_hint: None
    """Null: there is nothing to redeem."""
    deliverable: None
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: int
    """In US cents."""
    reference: str | None
    """The sender's own name for it."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    key_id: str | None
    """The key that sent it."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime | None = None
    """When it is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """Why it failed or was called off; null: it did not."""
    reason: str
    """Why, in words for people."""


class SandboxKey(Model):
    """The key of a fresh staging account, and another that decides on what it asks for."""

    id: str
    """Its id, key_…."""
    parent_id: str | None
    """The key that it comes from; null: none."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    name: str
    """Its name."""
    prefix: str
    """The first 16 characters, to recognise it by."""
    last4: str
    """The last 4 characters."""
    scopes: list[Scope]
    """What it may do."""
    caps: KeyCaps
    """What it may spend, in calendar windows of UTC."""
    ip_allow_list: list[str]
    """Addresses or CIDRs; empty: any address."""
    approval_above_cents: int | None
    """A send above it waits for a person."""
    approval_above_per_day_cents: int | None
    """So does one that takes the UTC day's sends without an approval above this. The other threshold alone lets any number of smaller sends pass."""
    approval_threshold_cents: int | None
    """The old name of approval_above_cents."""
    purpose: str | None
    """Its purpose, in your words."""
    client_id: str | None
    """The MCP client that a person signed in with it: its id, or the address of its metadata document. Such a key has no secret: prefix and last4 are empty, and the client's tokens stand for it. null: any other key."""
    lifetime_cents: int | None
    """The most that it may ever spend; what it spent before counts."""
    platforms: list[str] | None
    """The only platforms that it may send; null: any."""
    recipients: list[str] | None
    """The only recipients: addresses, and *@domain for all of a domain, not of those below it; null: anybody."""
    windows: list[KeyWindow]
    """Rolling windows; all of them hold."""
    per_recipient_per_day_cents: int | None
    """The most that one recipient is sent on a UTC day. What follows a plus in an address makes it no other recipient."""
    max_sends_per_hour: int | None
    """Accepted sends in any hour; a cancelled one stays counted."""
    max_recipients_per_week: int | None
    """Different recipients in any seven days. What follows a plus in an address makes it no other recipient, and one that was sent to already costs nothing."""
    repeat_guard_s: int | None
    """The same recipient, platform and amount again within so many seconds is 2006, unless the send says distinct."""
    expires_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    last_used_at: AwareDatetime | None
    """The minute of the last use, rounded down; noted some seconds later."""
    last_used_by: str | None
    """The agent that signed a call with it last: the URL of its keys (Web Bot Auth)."""
    paused_at: AwareDatetime | None
    """From then on it reads only; its ancestors may be paused, too."""
    revoked_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    key: str
    """The secret, shown this once."""
    account_id: str
    """The account's id."""
    approver_key: str
    """A key of another lineage with approvals:write only, shown this once."""


class SavePage(Model):
    """The page on which a user saves a payment method."""

    url: str
    """Where the user agrees and saves the payment method."""


class ScheduledTopUpEventData(Model):
    """A scheduled top-up. Its funds are held. At scheduled_for, it is delivered, left pending, or refused and refunded."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    transaction_id: str
    """The top-up's id."""
    status: Literal["scheduled"] | str
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: None
    """Null: there is nothing to redeem."""
    voucher_code_hint: None
    """Null: there is nothing to redeem."""
    deliverable: None
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: None
    """The recipient's wallet of that platform afterwards, in US cents; null: unchanged."""
    reference: str | None
    """The sender's own name for it."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    key_id: str | None
    """The key that sent it."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime
    """When it is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """Why it failed or was called off; null: it did not."""


Scope = TypeAliasType(
    "Scope",
    Literal[
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
    | str,
)
"""What a credential may do."""


class SealedDay(Model):
    """One UTC day of an environment's ledger, sealed against changes."""

    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    day: str
    """As 2026-11-22, UTC."""
    size: int
    """Transfers of the day, of all accounts."""
    late: int
    """Of them, of an earlier day: they committed after it was sealed."""
    root: str
    """Of the Merkle tree (RFC 6962) over the transfers."""
    digest: str
    """SHA-256 of the signed statement, which the next day's names."""
    sealed_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    jws: str
    """The signed statement: what a witness keeps."""


class Sent(Model):
    """What became of a send. Voucher and new balance are null until it is delivered."""

    voucher_code: str | None
    """What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its place. Null unless you may see it."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """What the recipient is given; null: nothing yet."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    new_balance_cents: int | None
    """The recipient's wallet of that platform, in US cents."""
    recipient_email: str
    """The recipient's address."""
    wallet_balance_cents: int
    """The sender's own wallet afterwards, in US cents."""
    claim_url: str | None
    """The recipient's page, as good as the code itself: null unless you may see it."""
    scheduled_for: AwareDatetime | None = None
    """When it is to be sent, by the account's own clock."""
    links: list[Link] | None = None
    """While it waits: the calls that come next, the most useful first."""
    next_action: Literal["poll"] | str | None = None
    """While it waits: ask links[] of rel poll again until the state is another."""


class SentForApproval(Model):
    """A send that waits for a person; until then its funds are held."""

    voucher_code: str | None
    """What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its place. Null unless you may see it."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """What the recipient is given; null: nothing yet."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    new_balance_cents: int | None
    """The recipient's wallet of that platform, in US cents."""
    recipient_email: str
    """The recipient's address."""
    wallet_balance_cents: int
    """The sender's own wallet afterwards, in US cents."""
    claim_url: str | None
    """The recipient's page, as good as the code itself: null unless you may see it."""
    scheduled_for: AwareDatetime | None = None
    """When it is to be sent, by the account's own clock."""
    links: list[Link]
    """While it waits: the calls that come next, the most useful first."""
    next_action: Literal["poll"] | str
    """While it waits: ask links[] of rel poll again until the state is another."""
    approval: Held
    """What a person has to decide on."""


class SettledTopUp(Model):
    """A top-up that just ended, and the sender's wallet afterwards."""

    transaction_id: str
    """The top-up's id."""
    status: TopUpStatus
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: str | None
    """What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its place. Null unless you may see it."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: int | None
    """In US cents."""
    reference: str | None
    """The sender's own name for it, once per environment."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    note: str | None
    """A note of the sender's own."""
    failure_reason: str | None
    """Why it failed or was called off; null: it did not."""
    delivery: ShownDelivery | None
    """How it reaches its recipient; null: nothing was said."""
    claim_url: str | None
    """The recipient's page, as good as the code itself: null unless you may see it, and in answers that are kept for a repeated call."""
    claimed_at: AwareDatetime | None
    """When the recipient opened it first."""
    emailed_at: AwareDatetime | None
    """When a mail server took the first mail about it."""
    key_id: str | None
    """That sent it; null: no key."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime | None
    """When it is to be sent, by the account's own clock."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    settled_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    wallet_balance_cents: int
    """The sender's own wallet afterwards, in US cents."""


class ShownDelivery(Model):
    """What the send said about its recipient."""

    email: bool
    """Whether mail was asked for."""
    locale: str | None
    """The language that was asked for."""
    message: str | None
    """The sender's words to the recipient."""


class StatedTransfer(Model):
    """A transfer in a statement, with the wallet's balance after it."""

    id: str
    """Its id."""
    debit: str
    """The ledger account that it comes from."""
    credit: str
    """The ledger account that it goes to."""
    amount_cents: int
    """In US cents."""
    amount_micros: int
    """In millionths of a US dollar."""
    code: str
    """Why the money moved."""
    key_id: str | None
    """The key whose call moved it; null: no key's, or not known."""
    key_name: str | None
    """What that key is called."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    balance_micros: int
    """In millionths of a US dollar."""


class Statement(Model):
    """A period's transfers. The opening balance plus their effect equals the closing balance."""

    from_: AwareDatetime = Field(..., alias="from")
    """RFC 3339, UTC, whole seconds."""
    to: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    opening_balance_cents: int
    """In US cents."""
    opening_balance_micros: int
    """In millionths of a US dollar."""
    transfers: list[StatedTransfer]
    """The movements on the ledger."""
    closing_balance_cents: int
    """In US cents."""
    closing_balance_micros: int
    """In millionths of a US dollar."""


class StockLowEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["stock.low"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: LowStockEventData
    """What it tells of."""


class Subscription(Model):
    """A plan that the account has or had. Its state changes only when the provider reports it."""

    id: str
    """Its id, sub_…."""
    status: (
        Literal["active", "cancelled", "expired", "incomplete", "past_due", "paused", "trialing"]
        | str
    )
    """incomplete: its first payment has not come. past_due: a renewal was not paid; it expires at grace_ends_at. paused: its provider charges nothing, and no credit comes for time that is not paid, until it goes on. cancelled: ended by choice; expired: not paid."""
    provider: str
    """Who bills it."""
    order_id: str
    """The order's id."""
    plan_id: str
    """The plan's id."""
    plan_name: str
    """The plan's name."""
    interval: Literal["month", "year"] | str
    """How often it is paid."""
    amount: int
    """Of one period, in the smallest unit."""
    currency: str
    """ISO 4217."""
    credits: int
    """Of one period; 1 credit is $0.001."""
    current_period_start: AwareDatetime | None
    """Null before the first period is paid."""
    current_period_end: AwareDatetime | None
    """Until when it is paid."""
    trial_ends_at: AwareDatetime | None
    """Null: it began without a trial."""
    cancel_at_period_end: bool
    """Whether it ends with its current period."""
    next_plan_id: str | None
    """Another plan that was chosen, from the next period on."""
    next_interval: Literal["month", "year"] | str | None
    """The interval that was chosen from the next period on; null: no change."""
    next_charge: UpcomingCharge | None
    """Null while it is paused, and where it ends with its period, or has ended."""
    grace_ends_at: AwareDatetime | None
    """While it is past due: when it expires, unless it is paid."""
    paused_at: AwareDatetime | None
    """While it is paused: since when."""
    resumes_at: AwareDatetime | None
    """While it is paused: when it goes on by itself; null: when it is resumed."""
    credits_granted: int
    """1 credit is $0.001."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    ended_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    pending: PendingAction | None
    """What was asked of the provider and is not done yet; null: nothing."""


class SubscriptionActivatedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["subscription.activated"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: SubscriptionEventData
    """What it tells of."""


class SubscriptionCancelingEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["subscription.canceling"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: SubscriptionEventData
    """What it tells of."""


class SubscriptionChangedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["subscription.changed"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: SubscriptionEventData
    """What it tells of."""


class SubscriptionEndedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["subscription.ended"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: SubscriptionEventData
    """What it tells of."""


class SubscriptionEventData(Model):
    """An account's subscription to a plan, after the reported change. - credits: the credit of one paid period. credits_granted: of all periods so far. credits_granted_now: what this change granted. - next_charge: null while the subscription is paused, if it ends with its period, or after its end. - next_plan_id, next_interval: the plan that starts with the next period, if it changes. - grace_ends_at: while a payment is past due, when the subscription expires. - resumes_at: when a pause ends; null if the pause has no end."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    id: str
    """Its id, sub_…."""
    status: (
        Literal["active", "cancelled", "expired", "incomplete", "past_due", "paused", "trialing"]
        | str
    )
    """Its state."""
    provider: str
    """The payment provider."""
    order_id: str
    """The order's id."""
    plan_id: str
    """The plan's id."""
    plan_name: str
    """The plan's name."""
    interval: Literal["month", "year"] | str
    """How often it is paid."""
    amount: int
    """In the currency's smallest unit."""
    currency: str
    """ISO 4217."""
    credits: int
    """1 credit is $0.001."""
    current_period_start: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    current_period_end: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    trial_ends_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    cancel_at_period_end: bool
    """Whether it ends with its current period."""
    next_plan_id: str | None
    """The plan that was chosen from the next period on; null: no change."""
    next_interval: Literal["month", "year"] | str | None
    """The interval that was chosen from the next period on; null: no change."""
    next_charge: NextCharge | None
    """The next charge; null: there is none."""
    grace_ends_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    paused_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    resumes_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    credits_granted: int
    """The credits of all of its periods so far."""
    credits_granted_now: int
    """What this turn granted; 0: it granted nothing."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    ended_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class SubscriptionPastDueEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["subscription.past_due"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: SubscriptionEventData
    """What it tells of."""


class SubscriptionPausedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["subscription.paused"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: SubscriptionEventData
    """What it tells of."""


class SubscriptionRenewedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["subscription.renewed"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: SubscriptionEventData
    """What it tells of."""


class SubscriptionResumedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["subscription.resumed"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: SubscriptionEventData
    """What it tells of."""


class SubscriptionStartedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["subscription.started"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: SubscriptionEventData
    """What it tells of."""


class SucceededRechargeEventData(Model):
    """Credit that was bought automatically because the balance had fallen."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    order_id: str
    """The order's id."""
    amount_cents: int
    """In US cents."""
    method: str
    """The means of payment, as its owner knows it."""
    balance_cents: int
    """In US cents."""
    currency: Literal["USD"] | str
    """The currency, by ISO 4217."""


class TaxLine(Model):
    """A tax as the payment provider reported it."""

    name: str
    """The tax, such as VAT 20 %."""
    amount: int
    """In the currency's smallest unit: USD has 2 places, KWD 3, JPY 0."""
    included: bool
    """The price contains it; else it is added."""


class Threshold(Model):
    """Balances at which balance.low fires: the highest threshold (0 for none), and all of them in descending order."""

    low_balance_threshold_cents: int
    """In US cents."""
    low_balance_thresholds_cents: list[int]
    """When balance.low is sent, the highest first, in US cents."""


class TopUp(Model):
    """A top-up. Voucher and new balance are null unless it was delivered; once it was reversed, new balance is what the recipient's wallet holds after that. voucher_code and deliverable.value are null, too, for whoever is neither the sender nor one of its ancestors, and has not vouchers:read. Where a supplier delivered a key, a link or a note there is no voucher code: what was delivered is in deliverable."""

    transaction_id: str
    """The top-up's id."""
    status: TopUpStatus
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: str | None
    """What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its place. Null unless you may see it."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: int | None
    """In US cents."""
    reference: str | None
    """The sender's own name for it, once per environment."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    note: str | None
    """A note of the sender's own."""
    failure_reason: str | None
    """Why it failed or was called off; null: it did not."""
    delivery: ShownDelivery | None
    """How it reaches its recipient; null: nothing was said."""
    claim_url: str | None
    """The recipient's page, as good as the code itself: null unless you may see it, and in answers that are kept for a repeated call."""
    claimed_at: AwareDatetime | None
    """When the recipient opened it first."""
    emailed_at: AwareDatetime | None
    """When a mail server took the first mail about it."""
    key_id: str | None
    """That sent it; null: no key."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime | None
    """When it is to be sent, by the account's own clock."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    settled_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""


class TopUpReceipt(Model):
    """A top-up's receipt. You can store it and verify it without this gateway."""

    transaction_id: str
    """The top-up's id."""
    status: TopUpStatus
    """Its state."""
    receipt: str
    """JWS in compact form, Ed25519: payment, transfers with their proofs, the deliverable's digest, mandate and approval. `topup verify-receipt` checks it."""
    checkpoint: SealedDay | None
    """The sealed day of its last transfer; null until all are sealed: ask again a day later."""
    keys_url: str
    """The public keys as a JWK Set."""


TopUpStatus = TypeAliasType(
    "TopUpStatus",
    Literal["scheduled", "pending", "delivered", "failed", "cancelled", "reversing", "reversed"]
    | str,
)
"""Where a top-up is."""


class TopUpStory(Model):
    """A top-up with everything that came of it; approval_id where a person was asked. needs_review: nobody knows whether its supplier delivered, and nobody can find out but a person of the operator's. reversal: null unless somebody wanted it back. supplier and cost_cents are for operators, and null for everybody else."""

    transaction_id: str
    """The top-up's id."""
    status: TopUpStatus
    """Its state."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    fee_cents: int
    """Charged beside the amount, in US cents."""
    charged_cents: int
    """What the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's address."""
    voucher_code: str | None
    """What redeems the credit: a voucher ATU-…, or the code of the platform's own that was handed over in its place. Null unless you may see it."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """What the recipient is given; null: nothing yet."""
    new_balance_cents: int | None
    """In US cents."""
    reference: str | None
    """The sender's own name for it, once per environment."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""
    note: str | None
    """A note of the sender's own."""
    failure_reason: str | None
    """Why it failed or was called off; null: it did not."""
    delivery: ShownDelivery | None
    """How it reaches its recipient; null: nothing was said."""
    claim_url: str | None
    """The recipient's page, as good as the code itself: null unless you may see it, and in answers that are kept for a repeated call."""
    claimed_at: AwareDatetime | None
    """When the recipient opened it first."""
    emailed_at: AwareDatetime | None
    """When a mail server took the first mail about it."""
    key_id: str | None
    """That sent it; null: no key."""
    key_name: str | None
    """What that key was called then."""
    scheduled_for: AwareDatetime | None
    """When it is to be sent, by the account's own clock."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    settled_at: AwareDatetime | None
    """RFC 3339, UTC, whole seconds."""
    transfers: list[Transfer]
    """The movements on the ledger."""
    events: list[EventOfTopUp]
    """The events that tell of it."""
    attempts: list[FulfilmentAttempt]
    """Each turn at a supplier."""
    mails: list[RecipientMail]
    """The mails to its recipient."""
    needs_review: bool
    """Nobody knows whether its supplier delivered, and nobody but a person of the operator's can find out."""
    reversal: Reversal | None
    """That somebody wanted it back; null: nobody did."""
    supplier: str | None
    """Who provides it; null but for operators."""
    cost_cents: int | None
    """The supplier's, in US cents."""
    approval_id: str | None = None
    """The approval's id; there where a person was asked."""
    request_id: str | None
    """The X-Request-Id of the send, which the top-up's webhooks carry too; null where it is no longer kept."""
    caller_address: str | None
    """The address that its send came from; null: no call of the account's own."""
    idempotency_key: str | None
    """The Idempotency-Key of its send, what looks like a secret masked."""
    url: str
    """Its page of the dashboard, with its whole story; it stays."""
    links: list[Link] | None = None
    """While it waits: the calls that come next, the most useful first."""
    next_action: Literal["poll"] | str | None = None
    """While it waits: ask links[] of rel poll again until the state is another."""


class TopupCancelledEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["topup.cancelled"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: CancelledTopUpEventData
    """What it tells of."""


class TopupClaimedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["topup.claimed"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: ClaimedTopUpEventData
    """What it tells of."""


class TopupDeliveredEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["topup.delivered"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: DeliveredTopUpEventData
    """What it tells of."""


class TopupFailedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["topup.failed"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: FailedTopUpEventData
    """What it tells of."""


class TopupPendingEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["topup.pending"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: PendingTopUpEventData
    """What it tells of."""


class TopupReversedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["topup.reversed"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: ReversedTopUpEventData
    """What it tells of."""


class TopupScheduledEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["topup.scheduled"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: ScheduledTopUpEventData
    """What it tells of."""


class Transfer(Model):
    """One movement on the ledger: from the debit account to the credit account."""

    id: str
    """Its id."""
    debit: str
    """The ledger account that it comes from."""
    credit: str
    """The ledger account that it goes to."""
    amount_cents: int
    """In US cents."""
    amount_micros: int
    """In millionths of a US dollar."""
    code: str
    """Why the money moved."""
    key_id: str | None
    """The key whose call moved it; null: no key's, or not known."""
    key_name: str | None
    """What that key is called."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


class UpcomingCharge(Model):
    """The next charge: its time, and its price before tax, discounts and the customer's balance at the provider."""

    at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    amount: int
    """In the currency's smallest unit: USD has 2 places, KWD 3, JPY 0."""
    currency: str
    """ISO 4217."""


class Usage(Model):
    """Credit that was charged at once. The tokens and the price list's version are null where an amount was charged. repeated: it was charged before, under the same reference; the balance is that of now."""

    id: str
    """Its id, usg_…."""
    amount_micros: int
    """In millionths of a US dollar."""
    credits: int
    """In credits of $0.001, floored."""
    description: str
    """What it is, in plain text."""
    model: str | None
    """The model's name."""
    reference: str | None
    """The caller's own name for it, once per environment."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    balance_micros: int
    """The account's wallet afterwards, in millionths of a US dollar."""
    balance_credits: int
    """The same in credits of $0.001, floored."""
    balance_cents: int
    """The same in US cents, floored."""
    input_tokens: int | None
    """The tokens that went in; null: an amount was charged."""
    output_tokens: int | None
    """The tokens that came out; null: an amount was charged."""
    cached_tokens: int | None
    """Those of the input tokens that were cached; null: an amount was charged."""
    price_version: int | None
    """The version of the price list that priced it; null: an amount was charged."""
    repeated: bool
    """Whether it was charged before, under the same reference."""


class UsageBatch(Model):
    """What became of each record, in their order. amount_micros: what this call charged."""

    records_total: int
    """How many records there were."""
    charged: int
    """How many were charged now."""
    repeated: int
    """How many were charged before, under their reference."""
    refused: int
    """How many were refused."""
    amount_micros: int
    """In millionths of a US dollar."""
    balance_micros: int
    """The account's wallet afterwards, in millionths of a US dollar."""
    balance_credits: int
    """The same in credits of $0.001, floored."""
    balance_cents: int
    """The same in US cents, floored."""
    results: list[UsageVerdict]
    """What became of each, in their order."""


class UsageGroup(Model):
    """The sum of one group. Only the fields of the grouping are set: day, model, or key_id and app_id. All of them are null in the total, and in the group of charges that have no model or key."""

    day: str | None
    """In UTC, such as 2026-06-13."""
    model: str | None
    """The model's name."""
    key_id: str | None
    """The key's id; null: no key."""
    app_id: str | None
    """The app that took it; null: no app."""
    records: int
    """How many charges."""
    amount_micros: int
    """In millionths of a US dollar."""
    credits: int
    """In credits of $0.001, floored."""
    input_tokens: int
    """Of the model."""
    output_tokens: int
    """Of the model."""
    cached_tokens: int
    """Of the input tokens."""


class UsageGroups(Model):
    """Sums over whole UTC days, with the newest day first, or models and keys with the largest amount first. `to` is exclusive."""

    group_by: Literal["day", "key", "model"] | str
    """What each group is of."""
    from_: AwareDatetime = Field(..., alias="from")
    """RFC 3339, UTC, whole seconds."""
    to: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    total: UsageGroup
    """The sum of all, on every page."""
    items: list[UsageGroup]
    """This page's groups."""
    next_cursor: str | None
    """Give it as cursor for the next page; null: there is none."""
    has_more: bool
    """Whether there is another page."""


class UsageLine(Model):
    """One charge. If an amount was charged instead of tokens, the token counts and price_version are null. `kind` is `usage`, `hold` (a captured hold; created_at is when the money was held) or `app` (charged by an app)."""

    id: str
    """Its id."""
    kind: Literal["app", "hold", "usage"] | str
    """A charge, a hold that was captured, or what an app took."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    amount_micros: int
    """In millionths of a US dollar."""
    credits: int
    """In credits of $0.001, floored."""
    description: str
    """What it is, in plain text."""
    model: str | None
    """The model's name."""
    key_id: str | None
    """That charged it; null: no key."""
    app_id: str | None
    """The app that took it; null: no app."""
    reference: str | None
    """The caller's own; an app's order_no."""
    input_tokens: int | None
    """Of the model."""
    output_tokens: int | None
    """Of the model."""
    cached_tokens: int | None
    """Of the input tokens."""
    price_version: int | None
    """Of the price list that priced it."""


class UsageVerdict(Model):
    """A record of a batch: charged; repeated, which was charged before under its reference; or refused, with the code and the error of a single record."""

    index: int
    """Which record, counted from 0."""
    status: Literal["charged", "refused", "repeated"] | str
    """What became of it."""
    reference: str | None
    """The caller's own name for it, once per environment."""
    id: str | None
    """Its id."""
    amount_micros: int | None
    """In millionths of a US dollar."""
    price_version: int | None
    """The version of the price list that priced it; null: an amount was charged."""
    code: int | None
    """Why it was refused, as a number; null: it was not."""
    message: str | None
    """The code in words; null: it was not refused."""
    error: Failure | None
    """Why it was refused; null: it was not."""


class Verification(Model):
    """valid where nothing is wrong."""

    valid: bool
    """Whether nothing is wrong."""
    findings: list[Finding]
    """All that is wrong."""


class VoucherRedeemedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """Remember it."""
    type: Literal["voucher.redeemed"]
    """Which event it is."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    environment: Literal["live", "staging"] | str
    """The two are closed worlds; check it."""
    api_version: Literal["v1"]
    """The version of the event's shape."""
    sequence: int | None = None
    """The event's number in its account and environment: without a gap, in the order in which things happened. Of two events about one object the greater one is the later."""
    data: VoucherRedeemedEventData
    """What it tells of."""


class VoucherRedeemedEventData(Model):
    """A voucher that was redeemed. The account that issued it gets the event. settle: `wallet` if the credit went into a wallet here, `external` if the platform redeemed it."""

    test: Literal[True] | None = None
    """There in the sample of a test ping only: nothing of it is real."""
    transaction_id: str
    """The top-up's id."""
    platform: str
    """The platform, as GET /platforms names it."""
    amount_cents: int
    """In US cents."""
    recipient_email: str
    """The recipient's address."""
    settle: Literal["external", "wallet"] | str
    """wallet: into a wallet here. external: the platform honoured it."""
    redeemed_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    reference: str | None
    """The sender's own name for it."""
    metadata: dict[str, str]
    """Pairs of the sender's own."""


class WebhookEndpoint(Model):
    """A webhook endpoint, to which events are sent. Header values are masked."""

    id: str
    """Its id, we_…."""
    url: str
    """Where the events are sent."""
    events: list[EventType]
    """Event types; empty: all."""
    description: str
    """What it is, in plain text."""
    status: Literal["disabled", "enabled"] | str
    """Its state."""
    disabled_reason: str | None
    """Why it is disabled; null: it is enabled."""
    retry_schedule_s: list[int]
    """Entry k: the wait before attempt k, in seconds."""
    rate_limit_per_s: int | None
    """At most so many requests in a second; null: no limit."""
    ordered: bool
    """Events of one object are sent one after the other, by `sequence`."""
    include_codes: bool
    """Whether bodies carry voucher_code."""
    include_approval_links: bool
    """Whether approval.requested carries decide_url."""
    filter: dict[str, Any] | None
    """What has to stand in data for an event to be sent; null: nothing."""
    headers: dict[str, str] | None
    """Headers of your own that are sent along; the values are masked. Null: what is stored of them is damaged, and nothing is sent until you set them anew."""
    failing_since: AwareDatetime | None
    """Since when nothing has arrived; null: it is well."""
    created_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    ed25519: bool
    """Whether it signs with a key pair of its own beside the secret."""
    public_key: str | None
    """What its Ed25519 signatures are checked with; no secret. Null: it has none."""
    mcp_subscription: McpSubscription | None
    """Set if an MCP client made it: only that client can change it."""


class WebhookHealth(Model):
    """An endpoint's health. `since` is later than requested if there were too many deliveries to read."""

    endpoint_id: str
    """The webhook endpoint's id."""
    failing_since: AwareDatetime | None
    """Since when nothing has arrived; null: it is well."""
    disable_at: AwareDatetime | None
    """When it is disabled unless something arrives before; null: it was not warned of."""
    probe_at: AwareDatetime | None
    """When it is asked whether it works again, while it is disabled for failing; null: it is not."""
    since: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    until: AwareDatetime
    """RFC 3339, UTC, whole seconds."""
    delivered: int
    """How many arrived."""
    failed: int
    """How many ended without, and did not when sent again."""
    pending: int
    """How many are still tried."""
    success_rate: float | None
    """Of those that ended; null: none did."""
    response_ms: ResponseTimes
    """Of the last attempts that were answered at all."""
    failures: list[FailureSummary]
    """Ten at most."""
    steps: list[HealthStep]
    """24 of equal length, the oldest first."""


class Window(Model):
    """A spend cap and what is left of it. Of the key's and its ancestors' caps, the tightest is shown."""

    period: Literal["day", "month"] | str
    """The UTC day or month."""
    cap_cents: int
    """In US cents."""
    spent_cents: int
    """In US cents."""
    remaining_cents: int
    """In US cents."""
    resets_at: AwareDatetime
    """RFC 3339, UTC, whole seconds."""


TypedEvent = (
    TopupDeliveredEvent
    | TopupFailedEvent
    | TopupCancelledEvent
    | TopupPendingEvent
    | TopupClaimedEvent
    | TopupScheduledEvent
    | TopupReversedEvent
    | VoucherRedeemedEvent
    | BatchCompletedEvent
    | BalanceLowEvent
    | CreditExpiringEvent
    | CreditExpiredEvent
    | StockLowEvent
    | OrderPaidEvent
    | OrderFailedEvent
    | DisputeOpenedEvent
    | OrderRefundedEvent
    | OrderDisputedEvent
    | OrderDisputeLostEvent
    | OrderRestoredEvent
    | RechargeSucceededEvent
    | RechargeFailedEvent
    | SubscriptionStartedEvent
    | SubscriptionActivatedEvent
    | SubscriptionRenewedEvent
    | SubscriptionChangedEvent
    | SubscriptionPastDueEvent
    | SubscriptionPausedEvent
    | SubscriptionResumedEvent
    | SubscriptionCancelingEvent
    | SubscriptionEndedEvent
    | ApprovalRequestedEvent
    | ApprovalApprovedEvent
    | ApprovalDeniedEvent
    | ApprovalCancelledEvent
    | ApprovalExpiredEvent
    | KeyCreatedEvent
    | KeyPausedEvent
    | KeyResumedEvent
    | KeyRevokedEvent
    | KeyCapNearEvent
    | KeyCapReachedEvent
    | EndpointDisabledEvent
    | EndpointTestEvent
)
