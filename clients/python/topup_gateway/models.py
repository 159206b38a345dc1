"""What the API takes and answers. Made by `make clients`: changes here are lost."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import AwareDatetime, ConfigDict, Field
from typing_extensions import TypeAliasType

from topup_gateway.answers import Model


class AcceptedBatch(Model):
    """A bulk send, with its refused items."""

    id: str
    """The object's ID, bat_…."""
    status: Literal["accepting", "completed", "refused", "running"] | str
    """The current state."""
    all_or_nothing: bool
    """Whether to accept all items or none."""
    items_total: int
    """The number of items."""
    counts: BatchCounts
    """The number of items in each state."""
    key_id: str | None
    """The key that sent it; null if none did."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    accepted_at: AwareDatetime | None
    """When all items were accepted or refused."""
    cancelled_at: AwareDatetime | None
    """The time of cancellation."""
    completed_at: AwareDatetime | None
    """When every top-up had ended."""
    errors: list[ItemError]
    """The items that were refused."""
    next_action: Literal["fix_request", "poll"] | str | None
    """What to do next. poll: call again later. fix_request: fix the items in `errors` and send only those again. Null: nothing."""
    links: list[Link]
    """Links to poll the bulk send and to cancel what isn't delivered."""


class AccessToken(Model):
    """A system access token as listed. If a key made it, `key_id` is that key."""

    id: str
    """The object's ID, tok_…."""
    key_id: str | None
    """The key's ID. Null if no key is involved."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    name: str
    """The display name."""
    prefix: str
    """The secret's first 16 characters, to recognise it."""
    last4: str
    """The last 4 characters."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    last_used_at: AwareDatetime | None
    """When the credential was last used, to the minute. The time is recorded some seconds later."""
    revoked_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class AccountClock(Model):
    """The account's clock after it was advanced."""

    advanced_s: int
    """The seconds that this call advanced the clock."""
    ahead_s: int
    """Seconds ahead of the gateway's clock."""
    now: AwareDatetime
    """The time on the account's clock."""


class AccountLimits(Model):
    """The limit on what all credentials of the account spend together in this environment."""

    per_day_cents: int | None
    """The most that all credentials together may spend on one UTC day. Null means no limit."""
    spent_cents: int | None
    """The amount spent today since the limit was set. Null without a limit."""
    remaining_cents: int | None
    """An amount in US cents."""
    resets_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class AncestorKey(Model):
    """An ancestor of the key."""

    id: str
    """The object's ID, key_…."""
    name: str
    """The display name."""
    paused_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class ApiKey(Model):
    """An API key as listed, without its secret."""

    id: str
    """The object's ID, key_…."""
    parent_id: str | None
    """The ID of the parent key. Null if none."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    name: str
    """The display name."""
    prefix: str
    """The secret's first 16 characters, to recognise it."""
    last4: str
    """The last 4 characters."""
    scopes: list[Scope]
    """The granted permissions."""
    caps: KeyCaps
    """The spending limits, in calendar periods of UTC."""
    ip_allow_list: list[str]
    """IP addresses or CIDRs that may use the key. If empty, any address."""
    approval_above_cents: int | None
    """A send above this amount needs a user's approval."""
    approval_above_per_day_cents: int | None
    """A send also needs approval if it takes the UTC day's total of unapproved sends above this. The other threshold alone lets any number of smaller sends pass."""
    approval_threshold_cents: int | None
    """The old name of approval_above_cents."""
    purpose: str | None
    """The key's purpose, in your words."""
    client_id: str | None
    """The MCP client that a user connected with this key: its ID, or the URL of its metadata document. Such a key has no secret: prefix and last4 are empty, and the client uses its tokens instead. Null for any other key."""
    lifetime_cents: int | None
    """The most that the key may ever spend. Earlier spending counts."""
    platforms: list[str] | None
    """The only platforms for which the key may send. Null means any."""
    recipients: list[str] | None
    """The only recipients: addresses, or *@domain for a domain without its subdomains. Null means anybody."""
    windows: list[KeyWindow]
    """Limits for rolling windows. All of them apply."""
    per_recipient_per_day_cents: int | None
    """The most that one recipient may be sent on a UTC day. Addresses that differ only after a plus are the same recipient."""
    max_sends_per_hour: int | None
    """The number of accepted sends in any hour. Cancelled sends count."""
    max_recipients_per_week: int | None
    """The number of different recipients in any seven days, each counted once. Addresses that differ only after a plus are the same recipient."""
    repeat_guard_s: int | None
    """For this many seconds, a send with the same recipient, platform and amount is refused with 2006, unless the send says distinct."""
    expires_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    last_used_at: AwareDatetime | None
    """When the credential was last used, to the minute. The time is recorded some seconds later."""
    last_used_by: str | None
    """The agent that last signed a call with the key: the URL of its public keys (Web Bot Auth)."""
    paused_at: AwareDatetime | None
    """From when the key can only read. Its ancestors may be paused, too."""
    revoked_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class Approval(Model):
    """An approval that a user has to give. requested_by and decided_by are IDs of keys or users. decided_by is null while the approval is pending, and after it expires. `link` means that a signed link was used. `cancelled` means that the sender cancelled the top-up."""

    id: str
    """The object's ID, apr_…."""
    transaction_id: str
    """The top-up's ID."""
    status: Literal["approved", "cancelled", "denied", "expired", "pending"] | str
    """The current state."""
    reason: Literal["sender_left", "threshold"] | str
    """The reason. threshold: the key needs an approval for such an amount. sender_left: the user who scheduled the top-up lost access to the account before it was sent."""
    requested_by: str | None
    """The key that requested the approval, or the user who left."""
    decided_by: str | None
    """The key or user that decided. Null if undecided."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    expires_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    decided_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class ApprovalApprovedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["approval.approved"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: ApprovalOfTopUpEventData
    """The event's data."""


class ApprovalCancelledEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["approval.cancelled"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: ApprovalOfTopUpEventData
    """The event's data."""


class ApprovalDeniedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["approval.denied"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: ApprovalOfTopUpEventData
    """The event's data."""


class ApprovalExpiredEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["approval.expired"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: ApprovalOfTopUpEventData
    """The event's data."""


class ApprovalOfTopUpEventData(Model):
    """An approval and the top-up that is waiting for it. The top-up is shown as it was before the decision took effect."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    transaction_id: str
    """The top-up's ID."""
    status: Literal["pending"] | str
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: None
    """The voucher's code. Null if there is nothing to redeem."""
    voucher_code_hint: None
    """The last characters of the voucher's code. Null if there is nothing to redeem."""
    deliverable: None
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: None
    """The recipient's balance on that platform afterwards, in US cents. Null if unchanged."""
    reference: str | None
    """The sender's own reference."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    key_id: str | None
    """The ID of the key that sent the top-up."""
    key_name: str | None
    """The key's name when the top-up was sent."""
    scheduled_for: AwareDatetime | None = None
    """When the top-up is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """The reason for a failure or cancellation. Null if there is none."""
    approval: Approval
    """The approval to decide."""


class ApprovalRequestedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["approval.requested"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: RequestedApprovalEventData
    """The event's data."""


class AskedApproval(Model):
    """An approval and the send that needs it."""

    id: str
    """The object's ID, apr_…."""
    transaction_id: str
    """The top-up's ID."""
    status: Literal["approved", "cancelled", "denied", "expired", "pending"] | str
    """The current state."""
    reason: Literal["sender_left", "threshold"] | str
    """The reason. threshold: the key needs an approval for such an amount. sender_left: the user who scheduled the top-up lost access to the account before it was sent."""
    requested_by: str | None
    """The key that requested the approval, or the user who left."""
    decided_by: str | None
    """The key or user that decided. Null if undecided."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    expires_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    decided_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    note: str | None
    """The sender's note."""
    requester: Requester | None
    """The key that requested the send; null for a user or a credential without a key."""
    sender_email: str | None
    """The sender, if the reason is sender_left."""
    url: str
    """The dashboard page on which a user decides."""


class Attempt(Model):
    """One HTTP request to an endpoint, and its result. http_status is null if no response came. error is null if the endpoint accepted the event."""

    id: str
    """The object's ID, att_…."""
    number: int
    """The attempt's number, from 1."""
    started_at: AwareDatetime
    """A UTC time in RFC 3339, to the millisecond."""
    duration_ms: int
    """The attempt's duration in milliseconds."""
    http_status: int | None
    """The response's HTTP status; null if no response came."""
    error: (
        Literal["address", "connect", "http", "internal", "lost", "protocol", "timeout", "tls"]
        | str
        | None
    )
    """The error; null if the endpoint accepted the event."""
    remote_address: str | None
    """The address and port that the request was sent to; null if it wasn't sent."""
    timings_ms: dict[str, int | float]
    """The duration of each step in milliseconds."""
    request_headers: dict[str, str]
    """Signatures are redacted."""
    body_sha256: str
    """The hexadecimal SHA-256 of the sent body."""
    response_body: str
    """The first 4 KiB of the response body."""
    reason: str | None = None
    """The cause, shown only to operators, because it may name internal hosts."""


class AuditActor(Model):
    """The credential that acted."""

    kind: (
        Literal["app", "cli", "gateway", "key", "operator", "portal", "session", "token", "visitor"]
        | str
    )
    """The kind of the credential."""
    id: str
    """The ID of the key, token, session or app."""
    name: str | None
    """The credential's current name, or null."""


class AuditEntry(Model):
    """An event that concerns the account's security."""

    id: str
    """The object's ID, adt_…."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    action: str
    """The action, such as key.created or session.begun."""
    outcome: str
    """The outcome: done or refused."""
    environment: Literal["live", "staging"] | str | None
    """The environment. Null if the entry concerns the account as a whole."""
    subject_id: str
    """The object's ID."""
    actor: AuditActor
    """The credential that acted."""
    key_id: str | None
    """The ID of the API key that acted. Null for another credential."""
    key_name: str | None
    """The key's current name. Null if no key is involved."""
    address: str | None
    """The request's IP address, or null."""
    user_agent: str | None
    """The request's User-Agent, or null."""
    before: dict[str, Any] | None
    """The changed fields' old values."""
    after: dict[str, Any] | None
    """The changed fields' new values."""
    reason: str | None
    """The reason. Null if none was given."""


class Balance(Model):
    """The account's wallet. `key` is null if the caller didn't use a key."""

    balance_cents: int
    """An amount in US cents."""
    sendable_cents: int
    """The credit that a send may use, in US cents."""
    promotional_cents: int
    """Promotional credit, in US cents."""
    held_cents: int
    """Reserved for pending top-ups and holds, in US cents."""
    owed_cents: int
    """Owed after a refund or dispute, in US cents."""
    currency: Literal["USD"] | str
    """The currency (ISO 4217)."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    low_balance_threshold_cents: int
    """The highest threshold of balance.low, in US cents. 0 means none."""
    low_balance_thresholds_cents: list[int]
    """The thresholds of balance.low, highest first, in US cents."""
    key: KeyLimits | None
    """The calling key's limits. Null if the caller doesn't use a key."""


class BalanceLowEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["balance.low"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: LowBalanceEventData
    """The event's data."""


class Batch(Model):
    """A bulk send. Its status is one of: - accepting: some items haven't been accepted or refused yet. - running: every item is accepted or refused, but some top-ups aren't final. - completed: all top-ups are final. - refused: nothing was accepted, because one item of an all-or-nothing send was refused."""

    id: str
    """The object's ID, bat_…."""
    status: Literal["accepting", "completed", "refused", "running"] | str
    """The current state."""
    all_or_nothing: bool
    """Whether to accept all items or none."""
    items_total: int
    """The number of items."""
    counts: BatchCounts
    """The number of items in each state."""
    key_id: str | None
    """The key that sent it; null if none did."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    accepted_at: AwareDatetime | None
    """When all items were accepted or refused."""
    cancelled_at: AwareDatetime | None
    """The time of cancellation."""
    completed_at: AwareDatetime | None
    """When every top-up had ended."""


class BatchCompletedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["batch.completed"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: CompletedBatchEventData
    """The event's data."""


class BatchCounts(Model):
    """The number of a batch's items in each state, and the cents that were accepted and delivered."""

    waiting: int
    """Items not checked yet."""
    accepted: int
    """The sum of the next seven."""
    scheduled: int
    """Items that are sent later."""
    pending: int
    """Items waiting for a platform or approval."""
    delivered: int
    """Items credited to their recipients."""
    failed: int
    """Failed items, whose funds were returned."""
    cancelled: int
    """Cancelled items, whose funds were returned."""
    reversing: int
    """Items that a supplier is to reverse."""
    reversed: int
    """Reversed items, whose funds were returned."""
    refused: int
    """Refused items, for which nothing was charged."""
    dropped: int
    """Items of an all-or-nothing batch that another item prevented."""
    accepted_cents: int
    """The accepted total, in US cents."""
    delivered_cents: int
    """The delivered total, in US cents."""
    fee_cents: int
    """The fees for the accepted items, in US cents."""


class BatchLine(Model):
    """One item of a bulk send. `status` is its top-up's status, or waiting, refused or dropped."""

    index: int
    """The item's position, counted from 0."""
    reference: str | None
    """The item's reference, if readable."""
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
    """The status of the item's top-up, or waiting, refused or dropped."""
    transaction_id: str | None
    """The top-up, if accepted."""
    platform: str | None
    """The platform's ID; see GET /platforms."""
    amount_cents: int | None
    """An amount in US cents."""
    fee_cents: int | None
    """The fee, in addition to the amount."""
    recipient_email: str | None
    """The recipient's email address."""
    scheduled_for: AwareDatetime | None
    """When the top-up is to be sent, by the account's own clock."""
    code: int | None
    """The error code, if the item was refused."""
    error: Failure | None
    """The reason for the refusal, if any."""


class BatchLinePage(Model):
    """A page of a list. To get the next one, send next_cursor as cursor; null means that this is the last page."""

    items: list[BatchLine]
    """The items on this page."""
    next_cursor: str | None
    """The cursor for the next page. Null on the last page."""
    has_more: bool
    """Whether there is another page."""


class BatchStory(Model):
    """A bulk send, with a page of its items in the order in which they were sent."""

    id: str
    """The object's ID, bat_…."""
    status: Literal["accepting", "completed", "refused", "running"] | str
    """The current state."""
    all_or_nothing: bool
    """Whether to accept all items or none."""
    items_total: int
    """The number of items."""
    counts: BatchCounts
    """The number of items in each state."""
    key_id: str | None
    """The key that sent it; null if none did."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    accepted_at: AwareDatetime | None
    """When all items were accepted or refused."""
    cancelled_at: AwareDatetime | None
    """The time of cancellation."""
    completed_at: AwareDatetime | None
    """When every top-up had ended."""
    items: BatchLinePage
    """A page of the items."""


class BillingDetails(Model):
    """The buyer named on the account's documents. If the name is empty, documents show the account's own name."""

    name: str
    """The name on documents. If empty, the account's own name."""
    address: str
    """The address, with a line end between its lines."""
    tax_id: str
    """The tax number."""
    updated_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class BillingDocument(Model):
    """A receipt, or a note about money that was returned. A document never changes."""

    id: str
    """The object's ID, doc_…."""
    kind: Literal["credit_note", "debit_note", "receipt"] | str
    """credit_note: money was returned. debit_note: a credit note is cancelled, because the refund failed or the dispute was won."""
    number: str
    """The number; a series has no gaps. In staging, TEST-…."""
    order_id: str
    """The order's ID. For a plan's period, the ID of the plan's first order."""
    subscription_id: str | None
    """The subscription's ID."""
    corrects: str | None
    """The number of the receipt that a note corrects."""
    amount: int
    """The amount paid or returned, with tax, in the smallest unit."""
    currency: str
    """The currency's ISO 4217 code."""
    taxes: list[TaxLine]
    """The taxes in the amount."""
    discount: int
    """An amount in the currency's smallest unit: USD has 2 places, KWD 3, JPY 0."""
    pdf_url: str
    """The PDF's path. It needs the same credential."""
    dated_at: AwareDatetime
    """When the money was paid or returned."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


class BulkQuote(Model):
    """The result of a dry run: what the bulk send would cost now, and which items would be refused. With `all_or_nothing`, a refused item causes all items to be refused."""

    items_total: int
    """The number of items."""
    accepted: int
    """Items that would be accepted."""
    refused: int
    """Items that would be refused."""
    accepted_cents: int
    """All accepted amounts, in US cents."""
    fee_cents: int
    """The sum of the fees, in US cents."""
    charged_cents: int
    """The total cost, in US cents."""
    wallet_balance_cents: int
    """An amount in US cents."""
    wallet_balance_after_cents: int
    """An amount in US cents."""
    errors: list[ItemError]
    """The items that would be refused."""


class CancelledTopUpEventData(Model):
    """A cancelled top-up. failure_reason is set if someone other than the sender cancelled it."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    transaction_id: str
    """The top-up's ID."""
    status: Literal["cancelled"] | str
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: None
    """The voucher's code. Null if there is nothing to redeem."""
    voucher_code_hint: None
    """The last characters of the voucher's code. Null if there is nothing to redeem."""
    deliverable: None
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: None
    """The recipient's balance on that platform afterwards, in US cents. Null if unchanged."""
    reference: str | None
    """The sender's own reference."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    key_id: str | None
    """The ID of the key that sent the top-up."""
    key_name: str | None
    """The key's name when the top-up was sent."""
    scheduled_for: AwareDatetime | None = None
    """When the top-up is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """The reason for a failure or cancellation. Null if there is none."""


class CapUsedEventData(Model):
    """The state of a key's or an account's limit after a spend. The event is sent once in each window. For a rolling window, it is sent at most once in the window's length. It may be sent again after the limit changes."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    key_id: str | None
    """The key, or null for the account's limit."""
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
    """The limit's kind. per_day and per_month are calendar periods in UTC."""
    unit: Literal["cents", "recipients", "sends"] | str
    """The unit of limit, spent and remaining: US cents."""
    seconds: int | None
    """The length of a rolling window, in seconds."""
    limit: int
    """The limit, in its unit."""
    spent: int
    """The amount spent, rounded up."""
    remaining: int
    """The amount left, rounded down."""
    resets_at: AwareDatetime | None
    """When the whole limit is available again. Null means never."""


class CertificationCheck(Model):
    """One check of a receiver."""

    name: str
    """The check's name, which never changes."""
    title: str
    """The subject of the check, in a few words."""
    verdict: Literal["failed", "not_seen", "passed", "skipped", "warned"] | str
    """not_seen: the receiver's effects are unknown. skipped: not reached."""
    impact: Literal["forged", "lost", "twice"] | str | None
    """The effect of a failed check: an event is lost or processed twice, or a forgery is accepted."""
    detail: str
    """The finding, and what to change."""


class CertificationCounts(Model):
    """The number of checks with each verdict."""

    passed: int
    """Checks that passed."""
    warned: int
    """Checks that lose nothing, but whose response should be improved."""
    failed: int
    """Checks in which an event was lost or processed twice, or a forgery was believed."""
    not_seen: int
    """Checks whose effects are unknown."""
    skipped: int
    """Checks that weren't reached."""


class CertifiedReceiver(Model):
    """The checks' results: events that a receiver would lose, process twice or wrongly accept."""

    endpoint_id: str
    """The webhook endpoint's ID."""
    url: str
    """The URL that the requests were sent to."""
    certified: bool
    """Whether all checks passed or warned."""
    counts: CertificationCounts
    """The number of checks with each verdict."""
    checks: list[CertificationCheck]
    """All checks, in order."""


class ChangedHold(Model):
    """A hold that was just created or ended, and the wallet's balance."""

    id: str
    """The object's ID, hld_…."""
    status: Literal["captured", "expired", "held", "released"] | str
    """The current state."""
    amount_micros: int
    """An amount in millionths of a US dollar."""
    credits: int
    """The amount in credits of $0.001, rounded down."""
    captured_micros: int
    """An amount in millionths of a US dollar."""
    captured_credits: int
    """The amount in credits of $0.001, rounded down."""
    overage: Literal["cap", "owe", "reject"] | str
    """What happens if a capture exceeds the held amount; see POST /holds."""
    overage_micros: int
    """The capture above it, in micros."""
    description: str
    """A description, in plain text."""
    model: str | None
    """The model's name."""
    reference: str | None
    """The caller's reference, unique by environment."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    expires_at: str
    """Expiry on the account's clock; see GET /sandbox/clock."""
    ended_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    input_tokens: int | None
    """The number of input tokens. Null if an amount was charged."""
    output_tokens: int | None
    """The number of output tokens. Null if an amount was charged."""
    cached_tokens: int | None
    """The number of cached input tokens. Null if an amount was charged."""
    price_version: int | None
    """The version of the price list that was used. Null if an amount was charged."""
    balance_micros: int
    """The new balance, in millionths of a US dollar."""
    balance_credits: int
    """The balance in credits of $0.001, rounded down."""
    balance_cents: int
    """The same balance in US cents, rounded down."""


class ClaimedTopUpEventData(Model):
    """A top-up that its recipient has opened on the claim page. Only the first opening sends the event."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    transaction_id: str
    """The top-up's ID."""
    status: Literal["delivered"] | str
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: str | None
    """The code that redeems the credit: a voucher ATU-…, or the platform's own code that replaced it. Null unless you may see the code."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: int
    """An amount in US cents."""
    reference: str | None
    """The sender's own reference."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    key_id: str | None
    """The ID of the key that sent the top-up."""
    key_name: str | None
    """The key's name when the top-up was sent."""
    scheduled_for: AwareDatetime | None = None
    """When the top-up is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """The reason for a failure or cancellation. Null if there is none."""
    claimed_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


class CliLogin(Model):
    """A sign-in's two codes. One is secret and for the machine. The user types or compares the other."""

    device_code: str
    """A secret for the device alone."""
    user_code: str
    """The code for the user to enter or compare."""
    verification_url: str
    """The page to enter the code."""
    verification_url_complete: str
    """The same page with the code already entered, to compare."""
    interval: int
    """The seconds to wait between two polls."""
    expires_in: int
    """The seconds for which the codes are valid."""


class CliLoginPending(Model):
    """No user has decided yet. Poll again."""

    reason: Literal["authorization_pending"] | str
    """The reason, as in RFC 8628. Default: "authorization_pending"."""
    interval: int
    """The seconds to wait before the next poll."""
    expires_in: int
    """The seconds for which the codes remain valid."""
    next_action: Literal["poll"] | str
    """Repeat the request. Default: "poll"."""


class CodeRow(Model):
    """A numeric code. `http_status` is the HTTP status that it usually has."""

    code: int
    """The code."""
    message: str
    """The result in words, for people."""
    http_status: int
    """The usual HTTP status."""
    http_statuses: list[int]
    """All HTTP statuses that can come with the code, the usual one first."""
    success: bool
    """The value of `success` with the usual HTTP status."""
    retryable: bool
    """Whether the same request may succeed later."""
    next_action: Literal["ask_human", "fix_request", "stop", "top_up", "wait"] | str | None
    """What a program should do next."""


class CompletedBatchEventData(Model):
    """A bulk send in which every item has ended. `refused` means that no item was accepted."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    id: str
    """The object's ID, bat_…."""
    status: Literal["completed", "refused"] | str
    """The current state."""
    all_or_nothing: bool
    """Whether to accept all items or none."""
    items: int
    """The number of items in the batch."""
    counts: BatchCounts
    """The number of items in each state."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    cancelled_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    completed_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


class CreatedKey(Model):
    """A key that was just created or rotated. `key` is its secret, which is shown only this once."""

    id: str
    """The object's ID, key_…."""
    parent_id: str | None
    """The ID of the parent key. Null if none."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    name: str
    """The display name."""
    prefix: str
    """The secret's first 16 characters, to recognise it."""
    last4: str
    """The last 4 characters."""
    scopes: list[Scope]
    """The granted permissions."""
    caps: KeyCaps
    """The spending limits, in calendar periods of UTC."""
    ip_allow_list: list[str]
    """IP addresses or CIDRs that may use the key. If empty, any address."""
    approval_above_cents: int | None
    """A send above this amount needs a user's approval."""
    approval_above_per_day_cents: int | None
    """A send also needs approval if it takes the UTC day's total of unapproved sends above this. The other threshold alone lets any number of smaller sends pass."""
    approval_threshold_cents: int | None
    """The old name of approval_above_cents."""
    purpose: str | None
    """The key's purpose, in your words."""
    client_id: str | None
    """The MCP client that a user connected with this key: its ID, or the URL of its metadata document. Such a key has no secret: prefix and last4 are empty, and the client uses its tokens instead. Null for any other key."""
    lifetime_cents: int | None
    """The most that the key may ever spend. Earlier spending counts."""
    platforms: list[str] | None
    """The only platforms for which the key may send. Null means any."""
    recipients: list[str] | None
    """The only recipients: addresses, or *@domain for a domain without its subdomains. Null means anybody."""
    windows: list[KeyWindow]
    """Limits for rolling windows. All of them apply."""
    per_recipient_per_day_cents: int | None
    """The most that one recipient may be sent on a UTC day. Addresses that differ only after a plus are the same recipient."""
    max_sends_per_hour: int | None
    """The number of accepted sends in any hour. Cancelled sends count."""
    max_recipients_per_week: int | None
    """The number of different recipients in any seven days, each counted once. Addresses that differ only after a plus are the same recipient."""
    repeat_guard_s: int | None
    """For this many seconds, a send with the same recipient, platform and amount is refused with 2006, unless the send says distinct."""
    expires_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    last_used_at: AwareDatetime | None
    """When the credential was last used, to the minute. The time is recorded some seconds later."""
    last_used_by: str | None
    """The agent that last signed a call with the key: the URL of its public keys (Web Bot Auth)."""
    paused_at: AwareDatetime | None
    """From when the key can only read. Its ancestors may be paused, too."""
    revoked_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    key: str
    """The secret, which is shown only this once."""


class CreatedPortalLink(Model):
    """A new portal link. `url` is shown only once."""

    id: str
    """The object's ID, ptl_…."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    name: str
    """The display name."""
    can: Literal["manage", "read", "replay"] | str
    """The link's access. read: only look. replay: also replay deliveries and test webhooks. manage: also change webhooks."""
    origins: list[str]
    """The sites that may embed the page; empty means none."""
    endpoint_ids: list[str]
    """The webhooks that the page shows; empty means all."""
    made_by: str
    """The key, token or user that created the link, and with whose access it ends."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    expires_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    revoked_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    status: Literal["active", "closed", "expired", "revoked"] | str
    """closed: the page doesn't open now, because its maker lost access or the account is suspended."""
    url: str
    """The page's URL, shown only once. Anyone who has it gets the link's access."""


class CreatedToken(Model):
    """A token that was just created. `token` is its secret, which is shown only this once."""

    id: str
    """The object's ID, tok_…."""
    key_id: str | None
    """The key's ID. Null if no key is involved."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    name: str
    """The display name."""
    prefix: str
    """The secret's first 16 characters, to recognise it."""
    last4: str
    """The last 4 characters."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    last_used_at: AwareDatetime | None
    """When the credential was last used, to the minute. The time is recorded some seconds later."""
    revoked_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    token: str
    """The secret, which is shown only this once."""


class CreditExpiredEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["credit.expired"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: ExpiredCreditEventData
    """The event's data."""


class CreditExpiringEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["credit.expiring"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: ExpiringCreditEventData
    """The event's data."""


class CreditLine(Model):
    """A payment, or a redeemed code or voucher. Only the last characters of a code are shown."""

    id: str
    """The ID of the order, redemption or top-up."""
    kind: Literal["code", "payment", "voucher"] | str
    """The source of the credit."""
    number: str
    """For a payment, the order's order_no; for a code, the redemption's ID; for a voucher, ATU- and its last characters."""
    method: str
    """The payment method, or redemption or voucher."""
    status: str
    """The order's state; always paid for a code or voucher."""
    credits: int
    """The number of credits that the payment or code grants."""
    pay_amount: int
    """An amount in the currency's smallest unit: USD has 2 places, KWD 3, JPY 0."""
    pay_currency: str
    """The currency's ISO 4217 code."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    completed_at: AwareDatetime | None
    """When the credit was granted. Null before that."""


class DecidedTopUp(Model):
    """A decided approval, with its top-up after the decision."""

    transaction_id: str
    """The top-up's ID."""
    status: TopUpStatus
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: str | None
    """The code that redeems the credit: a voucher ATU-…, or the platform's own code that replaced it. Null unless you may see the code."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: int | None
    """An amount in US cents."""
    reference: str | None
    """The sender's reference, unique by environment."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    note: str | None
    """The sender's note."""
    failure_reason: str | None
    """The reason for a failure or cancellation. Null if there is none."""
    delivery: ShownDelivery | None
    """How the recipient is notified."""
    claim_url: str | None
    """The recipient's claim page. It is as valuable as the code, so it is null unless you may see the code, and in responses that are stored for a repeated call."""
    claimed_at: AwareDatetime | None
    """When the claim page was first opened."""
    emailed_at: AwareDatetime | None
    """When the first mail was accepted."""
    key_id: str | None
    """The key that sent it; null if none did."""
    key_name: str | None
    """The key's name at that time."""
    scheduled_for: AwareDatetime | None
    """When the top-up is to be sent, by the account's own clock."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    settled_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    wallet_balance_cents: int
    """The sender's balance afterwards, in US cents."""
    approval: Approval | None
    """The decided approval."""
    links: list[Link] | None = None
    """The calls to make next, most useful first."""
    next_action: Literal["poll"] | str | None = None
    """While the top-up waits: call the link whose rel is poll until the state changes."""


class DeletedEndpoint(Model):
    """A deleted endpoint."""

    id: str
    """The object's ID, we_…."""
    deleted: bool
    """Always true."""


class Deliverable(Model):
    """What the recipient gets. All fields except `value` are visible to anyone who can read the top-up."""

    kind: Literal["code", "credit", "key", "link", "note"] | str
    """The kind of deliverable. credit: the credit is in an account of the recipient, and there is nothing to hand over."""
    value: str | None
    """The code, key, link or note. Null without access to it."""
    value_hint: str | None
    """The code's last four characters."""
    redeem_url: str | None
    """The URL to redeem at."""
    instructions: str | None
    """How to redeem, in plain text."""
    expires_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class DeliveredTopUpEventData(Model):
    """A delivered top-up. new_balance_cents is the recipient's balance on that platform. It doesn't include this top-up if a supplier delivered it. voucher_code and deliverable.value are null unless the endpoint has include_codes. voucher_code and its hint are also null if the top-up delivered a key, link or note."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    transaction_id: str
    """The top-up's ID."""
    status: Literal["delivered"] | str
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: str | None
    """The code that redeems the credit: a voucher ATU-…, or the platform's own code that replaced it. Null unless you may see the code."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: int
    """An amount in US cents."""
    reference: str | None
    """The sender's own reference."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    key_id: str | None
    """The ID of the key that sent the top-up."""
    key_name: str | None
    """The key's name when the top-up was sent."""
    scheduled_for: AwareDatetime | None = None
    """When the top-up is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """The reason for a failure or cancellation. Null if there is none."""


class Delivery(Model):
    """The delivery of one event to one endpoint. next_attempt_at is null unless the delivery is pending and isn't waiting for another delivery."""

    id: str
    """The object's ID, dlv_…."""
    event_id: str
    """The event's ID."""
    event_type: EventType
    """The event type."""
    endpoint_id: str
    """The webhook endpoint's ID."""
    transaction_id: str | None
    """The top-up's ID."""
    status: Literal["cancelled", "delivered", "failed", "pending", "sending"] | str
    """The current state."""
    attempts_made: int
    """The number of attempts made."""
    next_attempt_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    replay_of: str | None
    """The delivery that this one replays. Null if none."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    key_id: str | None
    """The key that sent the event's top-up; null if there is none."""
    key_name: str | None
    """The key's name at that time."""
    blocked_by: str | None
    """The delivery that must end first, because the webhook is `ordered` and the delivery is of an earlier event about the same object; null if there is none."""


class DeliveryWithAttempts(Model):
    """A delivery and all its attempts."""

    id: str
    """The object's ID, dlv_…."""
    event_id: str
    """The event's ID."""
    event_type: EventType
    """The event type."""
    endpoint_id: str
    """The webhook endpoint's ID."""
    transaction_id: str | None
    """The top-up's ID."""
    status: Literal["cancelled", "delivered", "failed", "pending", "sending"] | str
    """The current state."""
    attempts_made: int
    """The number of attempts made."""
    next_attempt_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    replay_of: str | None
    """The delivery that this one replays. Null if none."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    key_id: str | None
    """The key that sent the event's top-up; null if there is none."""
    key_name: str | None
    """The key's name at that time."""
    blocked_by: str | None
    """The delivery that must end first, because the webhook is `ordered` and the delivery is of an earlier event about the same object; null if there is none."""
    attempts: list[Attempt]
    """All attempts, oldest first."""


class Dispute(Model):
    """A dispute that a payer's bank has opened, or the bank's inquiry, which takes no money."""

    id: str
    """The provider's ID of the dispute."""
    provider: str
    """The payment provider."""
    account_id: str | None
    """The account's ID. Null if unknown."""
    order_id: str | None
    """The order's ID. Null if the payment isn't for an order."""
    amount: int
    """An amount in the currency's smallest unit: USD has 2 places, KWD 3, JPY 0."""
    currency: str
    """The ISO 4217 code."""
    status: str
    """The state, in the provider's words."""
    reason: str
    """The reason, in the provider's words."""
    is_inquiry: bool
    """Whether this is only an inquiry of the bank, which withdraws no money."""
    evidence_due_at: AwareDatetime | None
    """The deadline for evidence. Null if the provider didn't report it."""
    page_url: str | None
    """The page at the provider. Null if unknown."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    ended_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class DisputeOpenedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["dispute.opened"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: OpenedDisputeEventData
    """The event's data."""


class DisputedOrderEventData(Model):
    """An order whose payment the payer's bank disputes, in part or in full. refunded_cents is 0 if the bank has not withdrawn any more money."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    id: str
    """The object's ID, ord_…."""
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
    """The current state."""
    provider: str
    """The payment provider."""
    url: str | None
    """The payment page. Null if nothing is to be paid."""
    pack_id: str | None
    """The pack's ID."""
    amount: int
    """An amount in the currency's smallest unit."""
    currency: str
    """The currency's ISO 4217 code."""
    pay_amount: int
    """An amount in the currency's smallest unit."""
    pay_currency: str
    """The currency's ISO 4217 code."""
    credits: int
    """The number of credits. 1 credit is $0.001."""
    refunded_amount: int
    """The amount refunded so far, in the unit of pay_amount."""
    coupon: str | None
    """The coupon's code. Null if none."""
    order_no: str
    """The order's number at the provider."""
    reference: str | None
    """The txn_… ID of the order's events and deliveries."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    paid_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    origin: Literal["recharge"] | str | None
    """recharge for automatic orders."""
    paid_amount: int | None
    """The amount paid before tax, in the unit of pay_amount. 0 for a trial. Null if nothing was paid yet."""
    trial_days: int
    """The length of the free trial."""
    refunded_cents: int
    """The amount refunded now, at least 0."""
    refunded_total_cents: int
    """An amount in the currency's smallest unit."""
    reason: str
    """The reason, in words for people."""
    dispute_id: str
    """The dispute's ID at the provider."""
    disputed_cents: int
    """The amount of the dispute."""


class EndpointDisabledEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["endpoint.disabled"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: EndpointEventData
    """The event's data."""


class EndpointEventData(Model):
    """A webhook endpoint. Empty `events` means all types. Header values are masked."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    id: str
    """The object's ID, we_…."""
    url: str
    """The URL that events are sent to."""
    events: list[str]
    """The event types to send. Empty means all."""
    description: str
    """A description, in plain text."""
    status: Literal["disabled", "enabled"] | str
    """The current state."""
    disabled_reason: str | None
    """The reason for disabling. Null if enabled."""
    retry_schedule_s: list[int]
    """The seconds to wait before each attempt, in order."""
    rate_limit_per_s: int | None
    """The most requests per second. Null means no limit."""
    ordered: bool
    """Whether events of an object are sent one by one, by `sequence`."""
    include_codes: bool
    """Whether bodies contain voucher_code."""
    include_approval_links: bool
    """Whether approval.requested contains decide_url."""
    filter: dict[str, Any] | None
    """The data that an event must contain to be sent; null means no filter."""
    headers: dict[str, str] | None
    """Your own headers, with masked values. Null if the stored headers are damaged: nothing is sent until you set them again."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


class EndpointTestEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["endpoint.test"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: EndpointEventData
    """The event's data."""


class EndpointWithSecret(Model):
    """An endpoint with its signing secret, which is shown only once."""

    id: str
    """The object's ID, we_…."""
    url: str
    """The URL to which events are sent."""
    events: list[EventType]
    """The event types to send. Empty means all."""
    description: str
    """A description, in plain text."""
    status: Literal["disabled", "enabled"] | str
    """The current state."""
    disabled_reason: str | None
    """The reason for disabling. Null if enabled."""
    retry_schedule_s: list[int]
    """The seconds before each attempt."""
    rate_limit_per_s: int | None
    """The most requests per second. Null means no limit."""
    ordered: bool
    """Whether events about the same object are sent one after the other, by `sequence`."""
    include_codes: bool
    """Whether bodies contain voucher_code."""
    include_approval_links: bool
    """Whether approval.requested contains decide_url."""
    filter: dict[str, Any] | None
    """The data that an event must contain to be sent; null means no filter."""
    headers: dict[str, str] | None
    """Your own headers, with masked values. Null if the stored headers are damaged: nothing is sent until you set them again."""
    failing_since: AwareDatetime | None
    """Since when all deliveries have failed; null if the webhook works."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    ed25519: bool
    """Whether events are also signed with the webhook's own key pair."""
    public_key: str | None
    """The public key that verifies the Ed25519 signatures; null if there is none."""
    mcp_subscription: McpSubscription | None
    """Set if an MCP client created the webhook; only that client can change it."""
    secret: str
    """The secret that signs the bodies, shown only once."""


class Entitlement(Model):
    """Whether the account may use an entitlement now."""

    name: str
    """The entitlement's name in the plan."""
    allowed: bool
    """In a query: whether at least one more use is allowed. After a use: whether it was counted."""
    limit: int | None
    """Uses allowed in a period; null for any number."""
    used: int
    """The number of uses since the last reset."""
    resets_at: AwareDatetime | None
    """When the count is reset, if ever."""


class Error(Model):
    """The format of every error, identified by its code."""

    success: Literal[False]
    """Whether the HTTP status is 2xx."""
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
    """The result's code; see GET /codes."""
    message: str
    """The code's meaning in words."""
    transaction_id: str | None
    """The top-up's ID. Null if the call concerns no single top-up."""
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
    """The top-up's status, or else ok or error."""
    timestamp: AwareDatetime
    """The time of the response (RFC 3339, UTC)."""
    data: Refused
    """The result, or data.error."""


class Event(Model):
    """An event, exactly as in the body that webhooks receive."""

    id: str
    """The object's ID, evt_…."""
    type: EventType
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"] | str
    """The version of the event's format."""
    data: dict[str, Any]
    """The event's data, which depends on its type; see the webhooks in this document."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""


class EventOfTopUp(Model):
    """An event about the top-up. GET /events/{event_id} returns its body."""

    id: str
    """The object's ID, evt_…."""
    type: EventType
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


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
"""The event type; see GET /docs/events."""


class ExpiredCreditEventData(Model):
    """Credit that expired unused. The event is sent only when it is clear that the credit doesn't roll over."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    id: str
    """The grant's ID."""
    kind: Literal["plan", "promotional"] | str
    """The kind of credit. plan: credit paid for with a plan."""
    amount_micros: int
    """The amount in millionths of a dollar."""
    amount_cents: int
    """Whole US cents, rounded down."""
    currency: Literal["USD"] | str
    """The currency (ISO 4217)."""
    expires_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    plan_id: str | None
    """The plan's ID."""
    subscription_id: str | None
    """The subscription's ID."""


class ExpiringCreditEventData(Model):
    """Credit that expires in a few days unless it is spent."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    id: str
    """The grant's ID."""
    kind: Literal["plan", "promotional"] | str
    """The kind of credit. plan: credit paid for with a plan."""
    amount_micros: int
    """The amount in millionths of a dollar."""
    amount_cents: int
    """Whole US cents, rounded down."""
    currency: Literal["USD"] | str
    """The currency (ISO 4217)."""
    expires_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    plan_id: str | None
    """The plan's ID."""
    subscription_id: str | None
    """The subscription's ID."""
    days_before: int
    """The most days left."""
    rolls_over_micros: int
    """The credit that rolls over if the next period is paid."""


class FailedRechargeEventData(Model):
    """An automatic purchase that failed or, if `disputed`, one that the payer's bank disputes. order_id is null if no charge was tried. retry_at is null if no retry is planned. url is null if nobody can confirm the payment."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    order_id: str | None
    """The order's ID."""
    amount_cents: int
    """An amount in US cents."""
    method: str
    """The payment method, as its owner knows it."""
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
    """The reason for the failure."""
    disabled: bool
    """Whether auto-recharge is now turned off."""
    failures: int
    """Charges that failed in a row. The third turns auto-recharge off."""
    retry_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    url: str | None
    """The page to confirm the payment, if needed."""
    currency: Literal["USD"] | str
    """The currency (ISO 4217)."""


class FailedTopUpEventData(Model):
    """A failed top-up. failure_reason says why. Its funds are back in the sender's wallet."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    transaction_id: str
    """The top-up's ID."""
    status: Literal["failed"] | str
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: None
    """The voucher's code. Null if there is nothing to redeem."""
    voucher_code_hint: None
    """The last characters of the voucher's code. Null if there is nothing to redeem."""
    deliverable: None
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: None
    """The recipient's balance on that platform afterwards, in US cents. Null if unchanged."""
    reference: str | None
    """The sender's own reference."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    key_id: str | None
    """The ID of the key that sent the top-up."""
    key_name: str | None
    """The key's name when the top-up was sent."""
    scheduled_for: AwareDatetime | None = None
    """When the top-up is to be sent, by the account's own clock."""
    failure_reason: str
    """The reason for a failure or cancellation. Null if there is none."""


class Failure(Model):
    """The cause of a refusal, and what to do about it. Some causes add fields."""

    model_config = ConfigDict(extra="allow")
    detail: str
    """The cause, in a sentence for people."""
    param: str | None
    """The field that is wrong, or null."""
    retryable: bool
    """Whether the same request may succeed later."""
    retry_after_s: int | None
    """Seconds to wait before a retry."""
    next_action: NextAction
    """What a program should do next."""
    doc_url: str
    """The page that explains the code: HTML; Markdown with .md; JSON with .json."""
    reason: str | None = None
    """The cause, if the code has several."""
    errors: list[FieldProblem] | None = None
    """All problems of the request."""
    links: list[Link] | None = None
    """Calls to make next, the most useful first."""
    did_you_mean: str | None = None
    """The most similar name."""
    limit: Any | None = None
    """The limit that was reached."""
    remaining: Any | None = None
    """The part of the limit that is left."""
    oldest_cursor: str | None = None
    """For lists of events: the cursor to continue from. Older events are no longer stored."""
    resets_at: AwareDatetime | None = None
    """A UTC time in RFC 3339, to the second."""


class FailureSummary(Model):
    """Failed deliveries whose last attempts had the same result."""

    deliveries: int
    """The number of such deliveries among those that were read."""
    http_status: int | None
    """The HTTP status; null if no response came."""
    error: str | None
    """The error, as in an attempt, such as timeout or http."""
    response: str
    """The response body in one line, without numbers and IDs."""
    first_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    last_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    last_delivery_id: str
    """The newest failed delivery; try to replay this one first."""


class FieldProblem(Model):
    """A field of the request that can't be accepted, and what would be accepted."""

    param: str
    """The path of the field in the request."""
    detail: str
    """The problem, in a sentence for people."""
    code: int | None = None
    """The code of this problem alone."""
    allowed: list[Any] | None = None
    """All accepted values."""
    minimum: float | None = None
    """The smallest accepted number."""
    maximum: float | None = None
    """The largest accepted number."""
    did_you_mean: str | None = None
    """The name or value that was probably meant."""
    example: Any | None = None
    """An accepted value."""


class Finding(Model):
    """One problem with a received webhook."""

    part: Literal["bytes", "header", "public_key", "secret", "timestamp"] | str
    """The part that is wrong."""
    header: str | None
    """The header concerned. Null if none."""
    detail: str
    """An explanation for people."""


class FreePeriod(Model):
    """A period that an operator gave for free."""

    id: str
    """The object's ID, per_…."""
    subscription_id: str
    """The subscription's ID."""
    plan_id: str
    """The plan's ID."""
    period_start: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    period_end: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    credits: int
    """The credits that the period granted so far and that weren't taken back."""
    reason: str
    """The reason, in words for people."""
    granted_by: str | None
    """Who gave the period. Null if unknown."""
    revoked_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class FulfilmentAttempt(Model):
    """A call to a supplier to deliver a top-up. `supplier` and `detail` are shown only to operators."""

    outcome: (
        Literal[
            "delivered", "dropped", "kept", "refused", "requested", "revoked", "unknown", "waiting"
        ]
        | str
    )
    """The outcome. waiting: accepted, but not delivered yet. unknown: no reliable response, so the supplier is called again. dropped: an operator ended the attempt. revoked, kept: the result of asking the supplier to revoke the delivery."""
    requests_made: int
    """The number of calls to the supplier."""
    requested_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    last_requested_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    ended_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    supplier: str | None
    """The supplier; null except for operators."""
    detail: str | None
    """The supplier's message, for operators."""


class Funding(Model):
    """Test credit that was added, and the new balance."""

    id: str
    """The object's ID."""
    amount_cents: int
    """An amount in US cents."""
    balance_cents: int
    """An amount in US cents."""


class GivenBack(Model):
    """A refund for a payment that delivered nothing. Its code can be redeemed at POST /codes/redeem. The code is null unless the caller shows the payment's identifier."""

    voucher_code: str | None
    """The code that redeems the credit: a voucher ATU-…, or the platform's own code that replaced it. Null unless you may see the code."""
    voucher_code_hint: str
    """The code's last four characters."""
    amount_cents: int
    """An amount in US cents."""
    reason: str | None
    """The reason, in words for people."""


class HealthStep(Model):
    """One part of the period. It counts the deliveries that were created in this part."""

    at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    delivered: int
    """Deliveries that succeeded."""
    failed: int
    """Deliveries that failed, and whose replays did not succeed."""


class Held(Model):
    """The approval that the send needs, and the page on which a user decides."""

    id: str
    """The object's ID, apr_…."""
    url: str
    """The dashboard page on which a user decides."""
    expires_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


class Hold(Model):
    """Held credit. When a hold ends, what wasn't captured returns to the wallet."""

    id: str
    """The object's ID, hld_…."""
    status: Literal["captured", "expired", "held", "released"] | str
    """The current state."""
    amount_micros: int
    """An amount in millionths of a US dollar."""
    credits: int
    """The amount in credits of $0.001, rounded down."""
    captured_micros: int
    """An amount in millionths of a US dollar."""
    captured_credits: int
    """The amount in credits of $0.001, rounded down."""
    overage: Literal["cap", "owe", "reject"] | str
    """What happens if a capture exceeds the held amount; see POST /holds."""
    overage_micros: int
    """The capture above it, in micros."""
    description: str
    """A description, in plain text."""
    model: str | None
    """The model's name."""
    reference: str | None
    """The caller's reference, unique by environment."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    expires_at: str
    """Expiry on the account's clock; see GET /sandbox/clock."""
    ended_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    input_tokens: int | None
    """The number of input tokens. Null if an amount was charged."""
    output_tokens: int | None
    """The number of output tokens. Null if an amount was charged."""
    cached_tokens: int | None
    """The number of cached input tokens. Null if an amount was charged."""
    price_version: int | None
    """The version of the price list that was used. Null if an amount was charged."""


class IssuedVoucher(Model):
    """A voucher: the right to the credit in the recipient's wallet. Its status is spent if that credit is gone. `deliverable` is what a supplier delivered. That delivery settled the voucher. Its kind is credit if nothing else was delivered."""

    code: str
    """The voucher's code."""
    status: Literal["issued", "redeemed", "spent"] | str
    """The voucher's status. spent: its credit is no longer in the recipient's wallet."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    transaction_id: str | None
    """The top-up's ID."""
    issued_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    redeemed_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    deliverable: Deliverable | None
    """The deliverable for the recipient. Null before delivery."""


class ItemError(Model):
    """A refused item. `code`, `message` and `error` are the same as for a refused single send."""

    index: int
    """The item's position, counted from 0."""
    reference: str | None
    """The item's reference, if readable."""
    code: int
    """The error code, as for a single send."""
    message: str
    """The result in words, for people."""
    error: Failure
    """The reason for the refusal."""
    line: int | None = None
    """The item's line in the CSV."""
    transaction_id: str | None = None
    """The earlier top-up that has the same reference or intent."""


class KeyCapNearEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["key.cap_near"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: CapUsedEventData
    """The event's data."""


class KeyCapReachedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["key.cap_reached"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: CapUsedEventData
    """The event's data."""


class KeyCaps(Model):
    """A key's caps for each UTC day and month. null means that the key has no cap of its own."""

    per_call_cents: int | None
    """A cap in US cents, by UTC day or month. Null means no cap."""
    per_day_cents: int | None
    """A cap in US cents, by UTC day or month. Null means no cap."""
    per_month_cents: int | None
    """A cap in US cents, by UTC day or month. Null means no cap."""


class KeyChangedEventData(Model):
    """A key's current state, without its secret. Pausing or revoking a key also affects its descendants."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    id: str
    """The object's ID, key_…."""
    parent_id: str | None
    """The ID of the parent key. Null if none."""
    name: str
    """The display name."""
    purpose: str | None
    """The purpose, as stated by the creator. Null if none was stated."""
    scopes: list[str]
    """The granted permissions."""
    by: str
    """The credential that made the change, such as key_…, or cli."""
    expires_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    paused_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    revoked_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class KeyCreatedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["key.created"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: KeyChangedEventData
    """The event's data."""


class KeyLimits(Model):
    """What the calling key may still spend."""

    id: str
    """The object's ID, key_…."""
    per_call_cents: int | None
    """An amount in US cents."""
    windows: list[Window]
    """The key's caps, and what is left of each."""


class KeyPausedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["key.paused"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: KeyChangedEventData
    """The event's data."""


class KeyResumedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["key.resumed"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: KeyChangedEventData
    """The event's data."""


class KeyRevokedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["key.revoked"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: KeyChangedEventData
    """The event's data."""


class KeyTree(Model):
    """A key and its descendants. Parents come before their children. Revoked keys are omitted."""

    keys: list[KeyTreeNode]
    """The requested key first; parents come before their children."""


class KeyTreeNode(Model):
    """A key with its own limits. Its descendants' spending counts against these limits, too."""

    id: str
    """The object's ID, key_…."""
    parent_id: str | None
    """The ID of the parent key. Null if none."""
    depth: int
    """The distance from the requested key, which has 0."""
    name: str
    """The display name."""
    purpose: str | None
    """The purpose, as stated by the creator. Null if none was stated."""
    limits: list[LimitUsage]
    """The key's own limits, and what is left of each."""
    paused_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    expires_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    revoked_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class KeyWindow(Model):
    """A spending limit for a rolling window of the given number of seconds."""

    seconds: int
    """The length of the window, in seconds."""
    cents: int
    """An amount in US cents."""


class LimitUsage(Model):
    """A spending limit, with how much of it is used and how much is left."""

    key_id: str | None
    """The key that has the limit. Null for the account's own limit."""
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
    """The name of the limit."""
    unit: Literal["cents", "recipients", "sends"] | str
    """The unit of limit, spent and remaining; cents are US cents."""
    seconds: int | None
    """The length of a rolling window, in seconds. Null for other limits."""
    limit: int
    """The limit, in that unit."""
    spent: int
    """The part that the key and its descendants used, rounded up."""
    remaining: int
    """The part that is left, rounded down."""
    resets_at: AwareDatetime | None
    """When the full limit is available again. Null means never."""


class Link(Model):
    """A call to make next with the caller's own credential. If rel is `page`, it is an address for a user's browser."""

    rel: str
    """The call's purpose, such as earlier or balance."""
    method: str
    """The HTTP method."""
    href: str
    """The whole URL."""
    body: dict[str, Any] | None = None
    """The JSON body to send."""


class LowBalanceEventData(Model):
    """The account's wallet after a change that took its balance below the threshold."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    balance_cents: int
    """An amount in US cents."""
    low_balance_threshold_cents: int
    """An amount in US cents."""
    currency: Literal["USD"] | str
    """The currency (ISO 4217)."""


class LowStockEventData(Model):
    """A platform and an amount whose codes are running out. Operators' accounts get the event once. They get it again only after the stock has recovered."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    supplier: str
    """The supplier's name."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    remaining: int
    """The codes that are left to deliver."""
    low_threshold: int
    """The stock is low below this number."""


class MachinePaymentShape(Model):
    """A payment's current state."""

    id: str
    """The object's ID."""
    state: Literal["paid", "refunded", "refused", "settling"] | str
    """The payment's state. settling: the outcome isn't known yet; repeat the request with the same payment."""
    network: str
    """The network's CAIP-2 name, such as eip155:8453, or stripe for a card."""
    asset: str
    """The token's contract, or usd for a card."""
    amount: str
    """The amount in atomic units; for a card in US cents."""
    payer: str
    """The wallet that signed, or the last characters of a card's token."""
    settlement: str | None
    """The transaction's hash on the network or the card's payment ID, once known."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    settled_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class McpSubscription(Model):
    """The MCP client's subscription that an endpoint belongs to."""

    id: str
    """The subscription's ID, as the client and its deliveries use it."""
    credential_id: str
    """The key or token with which the subscription ends."""
    expires_at: AwareDatetime
    """When the subscription ends, unless the client renews it."""


NextAction = TypeAliasType(
    "NextAction", Literal["fix_request", "wait", "poll", "top_up", "pay", "ask_human", "stop"] | str
)
"""What a program should do after an error."""


class NextCharge(Model):
    """When the next period is charged, and its price before tax, discounts and the customer's balance."""

    at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    amount: int
    """An amount in the currency's smallest unit."""
    currency: str
    """The currency's ISO 4217 code."""


class Notice(Model):
    """A notice that an endpoint is failing, or was disabled for failing. ended_at is null until the notice ends."""

    id: str
    """The object's ID, ntc_…."""
    endpoint_id: str
    """The webhook endpoint's ID."""
    url: str
    """The webhook's URL."""
    stage: str
    """The stage: failing, failing_for_a_day, failing_for_four_days or disabled."""
    reason: str | None
    """Why the webhook was disabled; null if unknown."""
    failing_since: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    ended_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    disable_at: AwareDatetime | None
    """For failing_for_four_days: when the webhook is disabled unless a delivery succeeds before."""


class OpenedDisputeEventData(Model):
    """A dispute, or an inquiry (which withdraws no money). `amount` is in the currency's smallest unit. evidence_due_at is the deadline for evidence. It is null if the provider sets none."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    id: str
    """The object's ID."""
    provider: str
    """The payment provider."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    account_id: str | None
    """The account's ID."""
    order_id: str | None
    """The order's ID."""
    amount: int
    """An amount in the currency's smallest unit."""
    currency: str
    """The currency (ISO 4217)."""
    status: str
    """The current state."""
    reason: str
    """The reason given by the payer's bank."""
    is_inquiry: bool
    """Whether this is only an inquiry of the bank, which withdraws no money."""
    evidence_due_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    page_url: str | None
    """The page at the provider. Null if unknown."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    ended_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class Order(Model):
    """An order for credit. The payer pays at `url`. `url` is null until the provider has responded, or if there is nothing to pay."""

    id: str
    """The object's ID, ord_…."""
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
    """The current state."""
    provider: str
    """The payment provider, whose notifications settle the order. If the sandbox simulates it, this is still the simulated provider's name, never `sandbox`."""
    url: str | None
    """The page where the payer pays. Null until the provider has responded, and if there is nothing to pay."""
    status_url: str
    """The payer's page of the order, with the payment's outcome and `I have paid`, which queries the provider. It needs no account."""
    pack_id: str | None
    """The pack's ID. Null for an amount."""
    amount: int
    """The list price, in the smallest unit."""
    currency: str
    """The currency's ISO 4217 code."""
    pay_amount: int
    """The amount that the provider charges."""
    pay_currency: str
    """The currency's ISO 4217 code."""
    credits: int
    """A number of credits. 1 credit is $0.001."""
    refunded_amount: int
    """The part of the payment that was returned, in the smallest unit of pay_currency. For a plan, the sum over all periods."""
    coupon: str | None
    """The coupon's code. Null if none."""
    order_no: str
    """The order's number, as sent to the provider."""
    reference: str
    """The top-up's ID."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    paid_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    origin: Literal["recharge"] | str | None
    """recharge if an auto-recharge made the order. Null if a user or key ordered."""
    paid_amount: int | None
    """The amount paid, before tax, in the unit of pay_amount. 0 for a trial, null before payment."""
    trial_days: int
    """The number of free days at a plan's beginning. The subscription has the end date."""


class OrderDisputeLostEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["order.dispute_lost"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: DisputedOrderEventData
    """The event's data."""


class OrderDisputedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["order.disputed"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: DisputedOrderEventData
    """The event's data."""


class OrderEventData(Model):
    """An order for credit. `reference` is the transaction ID (txn_…) of its events and deliveries."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    id: str
    """The object's ID, ord_…."""
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
    """The current state."""
    provider: str
    """The payment provider."""
    url: str | None
    """The payment page. Null if nothing is to be paid."""
    pack_id: str | None
    """The pack's ID."""
    amount: int
    """An amount in the currency's smallest unit."""
    currency: str
    """The currency's ISO 4217 code."""
    pay_amount: int
    """An amount in the currency's smallest unit."""
    pay_currency: str
    """The currency's ISO 4217 code."""
    credits: int
    """The number of credits. 1 credit is $0.001."""
    refunded_amount: int
    """The amount refunded so far, in the unit of pay_amount."""
    coupon: str | None
    """The coupon's code. Null if none."""
    order_no: str
    """The order's number at the provider."""
    reference: str | None
    """The txn_… ID of the order's events and deliveries."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    paid_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    origin: Literal["recharge"] | str | None
    """recharge for automatic orders."""
    paid_amount: int | None
    """The amount paid before tax, in the unit of pay_amount. 0 for a trial. Null if nothing was paid yet."""
    trial_days: int
    """The length of the free trial."""


class OrderFailedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["order.failed"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: OrderEventData
    """The event's data."""


class OrderPaidEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["order.paid"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: OrderEventData
    """The event's data."""


class OrderRefundedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["order.refunded"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: RefundedOrderEventData
    """The event's data."""


class OrderRestoredEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["order.restored"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: RestoredOrderEventData
    """The event's data."""


class OutstandingLine(Model):
    """One month's changes in the credit that all customers hold in wallets, grants and holds."""

    month: str
    """The UTC month, such as 2026-06."""
    opening_micros: int
    """Credit held before the month, in millionths of a US dollar."""
    sold_micros: int
    """Credit sold for money, in millionths of a US dollar."""
    granted_micros: int
    """Credit granted, in millionths of a US dollar."""
    reversed_micros: int
    """Credit taken back after refunds and disputes, in millionths of a US dollar."""
    used_micros: int
    """Credit used, in millionths of a US dollar."""
    breakage_micros: int
    """Paid credit of plans that expired unused, in millionths of a US dollar."""
    expired_micros: int
    """Granted credit that expired unused, in millionths of a US dollar."""
    withdrawn_micros: int
    """Credit that operators withdrew, in millionths of a US dollar."""
    debts_micros: int
    """Debts paid or made, in millionths of a US dollar."""
    closing_micros: int
    """Credit held at the month's end, in millionths of a US dollar."""


class OwnKey(Model):
    """What the calling key may do now, under its own limits and those of all its ancestors."""

    id: str
    """The object's ID, key_…."""
    name: str
    """The display name."""
    purpose: str | None
    """The purpose, as stated by the creator. Null if none was stated."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    parents: list[AncestorKey]
    """The key's ancestors, nearest first."""
    paused: bool
    """True if the key or an ancestor is paused. It can then only read."""
    scopes: list[Scope]
    """The granted permissions."""
    ip_allow_lists: list[list[str]]
    """Lists of CIDRs. The caller's address must be in each list."""
    platforms: list[str] | None
    """The only platforms allowed. Null means any."""
    recipients: list[str] | None
    """The only recipients allowed, as addresses or *@domain. Null means any."""
    per_call_cents: int | None
    """A cap in US cents, by UTC day or month. Null means no cap."""
    per_recipient_per_day_cents: int | None
    """An amount in US cents."""
    repeat_guard_s: int | None
    """A send with the same recipient, platform and amount is refused for this many seconds. Null means no refusal."""
    approval_above_cents: int | None
    """A send above this amount needs a user's approval."""
    approval_above_per_day_cents: int | None
    """A send also needs approval if it takes the UTC day's total of unapproved sends above this. The other threshold alone lets any number of smaller sends pass."""
    limits: list[LimitUsage]
    """The limits of the key and its ancestors, and what is left of each."""
    max_now_cents: int | None
    """The largest amount that the limits allow to spend now. Null means any."""
    expires_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class OwnTime(Model):
    """The account's current time, and how far it is ahead of the gateway's clock."""

    ahead_s: int
    """Seconds ahead of the gateway's clock."""
    now: AwareDatetime
    """The time on the account's clock."""


class Pack(Model):
    """A fixed amount of credit at a fixed price. `credits` includes `bonus_credits`."""

    id: str
    """The object's ID."""
    name: str
    """The display name."""
    amount: int
    """An amount in the currency's smallest unit: USD has 2 places, KWD 3, JPY 0."""
    currency: str
    """The currency's ISO 4217 code."""
    credits: int
    """A number of credits. 1 credit is $0.001."""
    bonus_credits: int
    """A number of credits. 1 credit is $0.001."""
    popular: bool
    """Whether to highlight this as the usual choice."""
    active: bool
    """Whether this is offered."""


class PaidTopUp(Model):
    """A top-up that was paid for in its request. Codes are null unless the caller shows the payment's identifier."""

    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: str | None
    """The code that redeems the credit: a voucher ATU-…, or the platform's own code that replaced it. Null unless you may see the code."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """The deliverable for the recipient. Null before delivery."""
    claim_url: str | None
    """The recipient's claim page, which is as valuable as the code."""
    payment: MachinePaymentShape | None
    """The payment. Null if the intent was already used without a payment."""
    refund: GivenBack | None
    """The refund of a payment that couldn't be delivered."""
    error: Failure | None = None
    """The reason why nothing was delivered. `refund` then returns the money."""
    approval: Held | None = None
    """The approval needed first, shown to the request's key."""
    links: list[Link] | None = None
    """The calls to make next, most useful first."""
    next_action: Literal["poll"] | str | None = None
    """While the top-up waits: call the link whose rel is poll until the state changes."""


class PaymentMethod(Model):
    """A saved payment method."""

    ref: str
    """The provider's ID of the payment method."""
    brand: str
    """The kind of card or account, such as visa."""
    last4: str
    """The last 4 characters."""
    expires: str | None
    """The month in which the method expires, such as 2027-04, or null."""


class PaymentMethods(Model):
    """The account's saved payment methods at one provider, newest first."""

    provider: str
    """The payment provider."""
    items: list[PaymentMethod]
    """The saved payment methods, newest first."""


class PendingAction(Model):
    """A change that was requested from the provider and isn't complete yet."""

    action: Literal["cancel", "cancel_now", "change", "pause", "resume"] | str
    """The requested change."""
    plan_id: str | None
    """The new plan's ID, if it changes."""
    interval: Literal["month", "year"] | str | None
    """The new interval, if it changes."""
    requested_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    is_outcome_unknown: bool
    """True while the provider's response is unclear. The request is repeated automatically."""
    attempts: int
    """The number of calls to the provider."""


class PendingTopUpEventData(Model):
    """A pending top-up. Its funds are held. The recipient gets the credit on delivery."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    transaction_id: str
    """The top-up's ID."""
    status: Literal["pending"] | str
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: None
    """The voucher's code. Null if there is nothing to redeem."""
    voucher_code_hint: None
    """The last characters of the voucher's code. Null if there is nothing to redeem."""
    deliverable: None
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: None
    """The recipient's balance on that platform afterwards, in US cents. Null if unchanged."""
    reference: str | None
    """The sender's own reference."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    key_id: str | None
    """The ID of the key that sent the top-up."""
    key_name: str | None
    """The key's name when the top-up was sent."""
    scheduled_for: AwareDatetime | None = None
    """When the top-up is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """The reason for a failure or cancellation. Null if there is none."""


class PlanChange(Model):
    """The cost of a change, and when the new price begins to apply."""

    subscription_id: str
    """The subscription's ID."""
    plan_id: str
    """The plan's ID."""
    plan_name: str
    """The plan's name."""
    interval: Literal["month", "year"] | str
    """The billing interval."""
    amount: int
    """The new price of one period, in the currency's smallest unit."""
    currency: str
    """The currency's ISO 4217 code."""
    is_charged_now: bool
    """True if the change is charged now, as for a more expensive plan. A cheaper plan applies from the next period on."""
    amount_due: int
    """The amount charged now, in the currency's smallest unit."""
    is_estimate: bool
    """True if the gateway computed the price, without tax, because the provider quotes none."""
    effective_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


class Platform(Model):
    """A platform for which top-ups can be sent."""

    id: str
    """The platform's ID in calls."""
    name: str
    """The platform's name."""
    min_amount_cents: int
    """An amount in US cents."""
    max_amount_cents: int
    """An amount in US cents."""
    fulfilment: Literal["asynchronous", "immediate"] | str
    """Whether the platform is credited immediately or later."""


class PortalLink(Model):
    """A link to a page of the account's webhooks. It stops working when the key, token or user that made it loses access."""

    id: str
    """The object's ID, ptl_…."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    name: str
    """The display name."""
    can: Literal["manage", "read", "replay"] | str
    """The link's access. read: only look. replay: also replay deliveries and test webhooks. manage: also change webhooks."""
    origins: list[str]
    """The sites that may embed the page; empty means none."""
    endpoint_ids: list[str]
    """The webhooks that the page shows; empty means all."""
    made_by: str
    """The key, token or user that created the link, and with whose access it ends."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    expires_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    revoked_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    status: Literal["active", "closed", "expired", "revoked"] | str
    """closed: the page doesn't open now, because its maker lost access or the account is suspended."""


class Price(Model):
    """The price of 1,000,000 tokens of a model. A name that ends in * covers all names that begin with the text before it. Longer entries take precedence."""

    model: str
    """The model. A name that ends in * covers all names that begin with the text before it, unless a longer entry matches."""
    input_micros: int
    """Micros for 1,000,000 tokens."""
    output_micros: int
    """Micros for 1,000,000 tokens."""
    cached_micros: int
    """The price of 1,000,000 cached input tokens, in millionths of a US dollar."""
    version: int
    """The list's version that set this price."""
    changed_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


class Quote(Model):
    """The result of validating a send: what it would cost and do now. `cap_remaining_cents` is null if there is no cap. A send with this `quote_id` before `quote_expires_at` costs `charged_cents`, even if the price changes."""

    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    wallet_balance_cents: int
    """An amount in US cents."""
    wallet_balance_after_cents: int
    """An amount in US cents."""
    cap_remaining_cents: int | None
    """An amount in US cents."""
    would_be: Literal["approval_required", "delivered", "pending", "replayed", "scheduled"] | str
    """The result that the send would have. replayed: its intent was already used, so nothing would be sent or charged."""
    quote_id: str
    """The value for the send's `quote_id`."""
    quote_expires_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


class Recharge(Model):
    """Credit that is bought automatically when the balance drops. If status is off, nothing is charged until the recharge is set again. disabled_reason is null if the recharge is on or was removed."""

    provider: str
    """The payment provider."""
    below_cents: int
    """An amount in US cents."""
    amount_cents: int
    """An amount in US cents."""
    monthly_max_cents: int
    """The most to charge in a calendar month (UTC), in US cents."""
    method_ref: str
    """The saved payment method."""
    brand: str
    """The kind of card or account, such as visa."""
    last4: str
    """The last 4 characters."""
    status: Literal["off", "on"] | str
    """The current state."""
    disabled_reason: Literal["dispute", "failures", "operator"] | str | None
    """Why the auto-recharge is off. Null if it is on or was removed."""
    failures: int
    """The number of failed charges in a row."""
    retry_at: AwareDatetime | None
    """When a declined charge is retried, or null."""
    changed_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    charges: list[RechargeCharge]
    """The latest charges, newest first."""


class RechargeCharge(Model):
    """The charge after a drop in the balance. If it was declined, reason says why. If the payer must confirm it, url is the page for that."""

    order_id: str
    """The order's ID."""
    amount_cents: int
    """An amount in US cents."""
    method: str
    """The payment method, such as visa 4242."""
    month: str
    """The month whose maximum the charge counts against, such as 2026-11."""
    reason: str | None
    """Why the charge was declined, or null."""
    url: str | None
    """The page where the payer confirms the charge. Null if not needed."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


class RechargeFailedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["recharge.failed"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: FailedRechargeEventData
    """The event's data."""


class RechargeSucceededEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["recharge.succeeded"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: SucceededRechargeEventData
    """The event's data."""


class RecipientMail(Model):
    """An email about a top-up. It contains the link to the claim page and never the code itself."""

    id: str
    """The object's ID, mal_…."""
    status: Literal["bounced", "failed", "limited", "outbox", "queued", "sent", "unwanted"] | str
    """The mail's status. sent: a mail server accepted it. bounced: it was finally refused. failed: it couldn't be sent for a day and a half. unwanted: the recipient wants no mail. outbox: this gateway sends no mail, so read it in the dashboard. limited: the limit of mails in 24 hours was reached."""
    attempts: int
    """The number of attempts to send."""
    reason: str | None
    """The mail server's message."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    next_attempt_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    ended_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class RecipientWallet(Model):
    """A recipient's balance on one platform, from this account's top-ups."""

    recipient_email: str
    """The recipient's email address."""
    platform: str
    """The platform's ID; see GET /platforms."""
    balance_cents: int
    """An amount in US cents."""
    updated_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


class RedeemedCode(Model):
    """Credit from a redeemed code or voucher. `expires_at` is null if the credit doesn't expire."""

    id: str | None
    """The ID of the redemption; null for a voucher."""
    type: Literal["code", "voucher"] | str
    """The kind of code."""
    last4: str
    """The last 4 characters."""
    amount_cents: int
    """An amount in US cents."""
    amount_micros: int
    """An amount in millionths of a US dollar."""
    credits: int
    """The amount in credits of $0.001."""
    promotional: bool
    """Whether the credit was given, not bought."""
    expires_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    redeemed_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    balance_cents: int
    """The caller's balance, in US cents."""


class RedeemedVoucher(Model):
    """A voucher that was just redeemed. `transaction_id` is null unless the caller's account issued the voucher."""

    code: str
    """The voucher's code."""
    status: Literal["issued", "redeemed", "spent"] | str
    """The voucher's status. spent: its credit is no longer in the recipient's wallet."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    transaction_id: str | None
    """The top-up's ID."""
    issued_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    redeemed_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    deliverable: Deliverable | None
    """The deliverable for the recipient. Null before delivery."""
    settle: Literal["external", "wallet"] | str
    """The kind of redemption. wallet: into a wallet of this gateway. external: by the platform."""
    balance_cents: int
    """The caller's balance, in US cents."""


class Refund(Model):
    """A refund that was requested here. While its status is requested, unknown or pending, its credit is held."""

    id: str
    """The object's ID, rfd_…."""
    status: Literal["failed", "pending", "requested", "succeeded", "unknown"] | str
    """The current state."""
    amount: int
    """The amount, in the smallest unit of the currency that was paid."""
    currency: str
    """The currency's ISO 4217 code."""
    order_id: str
    """The order's ID."""
    period_id: str | None
    """The paid period's ID, if a plan's payment is refunded. Otherwise null."""
    account_id: str
    """The account's ID."""
    provider: str
    """The payment provider."""
    payment: str
    """The provider's ID of the payment."""
    provider_refund_id: str | None
    """The provider's ID of the refund. Null if there is none yet."""
    made_at_provider: bool
    """Whether an operator made the refund at the provider."""
    reason: str
    """The reason, in words for people."""
    detail: str | None
    """Why the refund failed or its outcome is unknown, or null."""
    held_micros: int
    """The credit that is held for the refund, in millionths of a US dollar."""
    requested_by: str | None
    """The key, token or user that requested the refund. Null if made elsewhere."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    ended_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class RefundedOrderEventData(Model):
    """An order whose payment was refunded, in part or in full. Amounts are in the smallest unit of pay_currency."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    id: str
    """The object's ID, ord_…."""
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
    """The current state."""
    provider: str
    """The payment provider."""
    url: str | None
    """The payment page. Null if nothing is to be paid."""
    pack_id: str | None
    """The pack's ID."""
    amount: int
    """An amount in the currency's smallest unit."""
    currency: str
    """The currency's ISO 4217 code."""
    pay_amount: int
    """An amount in the currency's smallest unit."""
    pay_currency: str
    """The currency's ISO 4217 code."""
    credits: int
    """The number of credits. 1 credit is $0.001."""
    refunded_amount: int
    """The amount refunded so far, in the unit of pay_amount."""
    coupon: str | None
    """The coupon's code. Null if none."""
    order_no: str
    """The order's number at the provider."""
    reference: str | None
    """The txn_… ID of the order's events and deliveries."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    paid_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    origin: Literal["recharge"] | str | None
    """recharge for automatic orders."""
    paid_amount: int | None
    """The amount paid before tax, in the unit of pay_amount. 0 for a trial. Null if nothing was paid yet."""
    trial_days: int
    """The length of the free trial."""
    refunded_cents: int
    """The amount refunded now, at least 0."""
    refunded_total_cents: int
    """An amount in the currency's smallest unit."""
    reason: str
    """The reason, in words for people."""


class Refused(Model):
    """The `data` of an error."""

    error: Failure
    """The cause, and what to do about it."""


class Replay(Model):
    """A job that sends deliveries again. It sends at most rate_per_s per second."""

    id: str
    """The object's ID, rpl_…."""
    status: Literal["cancelled", "done", "paused", "running"] | str
    """The current state."""
    paused_reason: Literal["failing"] | str | None
    """failing: the ramp met a failed delivery. Null if a user paused the replay, or if it isn't paused."""
    matched: int
    """The number of matching deliveries."""
    queued: int
    """Deliveries queued so far."""
    done: int
    """Queued deliveries that have succeeded or failed."""
    delivered: int
    """Deliveries that succeeded."""
    failed: int
    """Deliveries that failed again after all attempts."""
    rate_per_s: int
    """The most deliveries per second."""
    ramp: bool
    """Whether the replay starts with one delivery and grows."""
    endpoint_id: str
    """The webhook endpoint's ID."""
    delivery_status: str
    """The status of the deliveries to replay."""
    events: list[EventType]
    """The event types to send. Empty means all."""
    like: str | None
    """The failed delivery whose response the others share; null means any response."""
    since: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    until: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    expected_end_at: AwareDatetime | None
    """The estimated end at the current rate; null if the replay isn't running or it is too early to tell."""
    ended_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class ReplayCount(Model):
    """The number of deliveries that a replay would send. A dry run sends nothing."""

    dry_run: bool
    """Report the result without changing anything."""
    matched: int
    """The number of matching deliveries."""
    rate_per_s: int
    """The most deliveries per second."""
    endpoint_id: str
    """The webhook endpoint's ID."""
    delivery_status: str
    """The status of the deliveries to replay."""
    events: list[EventType]
    """The event types to send. Empty means all."""
    like: str | None
    """The failed delivery whose response the others share; null means any response."""
    since: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    until: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


class RequestedApprovalEventData(Model):
    """A requested approval. decide_url is null unless the endpoint has include_approval_links."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    transaction_id: str
    """The top-up's ID."""
    status: Literal["pending"] | str
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: None
    """The voucher's code. Null if there is nothing to redeem."""
    voucher_code_hint: None
    """The last characters of the voucher's code. Null if there is nothing to redeem."""
    deliverable: None
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: None
    """The recipient's balance on that platform afterwards, in US cents. Null if unchanged."""
    reference: str | None
    """The sender's own reference."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    key_id: str | None
    """The ID of the key that sent the top-up."""
    key_name: str | None
    """The key's name when the top-up was sent."""
    scheduled_for: AwareDatetime | None = None
    """When the top-up is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """The reason for a failure or cancellation. Null if there is none."""
    approval: Approval
    """The approval to decide."""
    decide_url: str | None
    """A page where a person decides, once. Anyone with the URL can decide."""


class Requester(Model):
    """The requesting key."""

    key_id: str
    """The key's ID. Null if no key is involved."""
    key_name: str | None
    """The key's name, if it still exists."""


class ResponseTimes(Model):
    """How long the receiver took to respond; null if it never responded."""

    p50: int | None
    """In milliseconds."""
    p95: int | None
    """In milliseconds."""


class RestoredOrderEventData(Model):
    """An order whose payment was returned to us. Amounts are in the smallest unit of pay_currency. refunded_total_cents is the amount that remains refunded or disputed."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    id: str
    """The object's ID, ord_…."""
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
    """The current state."""
    provider: str
    """The payment provider."""
    url: str | None
    """The payment page. Null if nothing is to be paid."""
    pack_id: str | None
    """The pack's ID."""
    amount: int
    """An amount in the currency's smallest unit."""
    currency: str
    """The currency's ISO 4217 code."""
    pay_amount: int
    """An amount in the currency's smallest unit."""
    pay_currency: str
    """The currency's ISO 4217 code."""
    credits: int
    """The number of credits. 1 credit is $0.001."""
    refunded_amount: int
    """The amount refunded so far, in the unit of pay_amount."""
    coupon: str | None
    """The coupon's code. Null if none."""
    order_no: str
    """The order's number at the provider."""
    reference: str | None
    """The txn_… ID of the order's events and deliveries."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    paid_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    origin: Literal["recharge"] | str | None
    """recharge for automatic orders."""
    paid_amount: int | None
    """The amount paid before tax, in the unit of pay_amount. 0 for a trial. Null if nothing was paid yet."""
    trial_days: int
    """The length of the free trial."""
    restored_cents: int
    """The amount returned now. 0 if a refund had already returned it."""
    refunded_total_cents: int
    """An amount in the currency's smallest unit."""
    reason: str
    """The reason, in words for people."""


class RevenueLine(Model):
    """Payments in one UTC month, by the time of payment."""

    month: str
    """The UTC month, such as 2026-06."""
    provider: str
    """The payment provider."""
    currency: str
    """The currency (ISO 4217)."""
    payments: int
    """The number of payments."""
    paid: int
    """The amount paid, in the currency's smallest unit."""
    refunded: int
    """The part of these payments that was refunded or disputed so far."""
    refunded_in_month: int
    """The amount refunded or disputed in this month, for payments of any month."""
    net: int
    """The payments minus refunds and disputes."""
    fee: int
    """The provider's fees, if it reports them."""
    fees_known: int
    """The number of payments whose fee is known."""


class Reversal(Model):
    """A request to reverse a delivered top-up. `outcome` is null until the supplier has responded."""

    reason: str
    """The reason that the sender or the operator gave."""
    outcome: Literal["kept", "reversed"] | str | None
    """The outcome, once known."""
    detail: str | None
    """The reason why the delivery was kept."""
    requested_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    ended_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class ReversedTopUp(Model):
    """A top-up that has been reversed or is being reversed. While its supplier hasn't responded, its status is reversing."""

    transaction_id: str
    """The top-up's ID."""
    status: TopUpStatus
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: str | None
    """The code that redeems the credit: a voucher ATU-…, or the platform's own code that replaced it. Null unless you may see the code."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: int | None
    """An amount in US cents."""
    reference: str | None
    """The sender's reference, unique by environment."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    note: str | None
    """The sender's note."""
    failure_reason: str | None
    """The reason for a failure or cancellation. Null if there is none."""
    delivery: ShownDelivery | None
    """How the recipient is notified."""
    claim_url: str | None
    """The recipient's claim page. It is as valuable as the code, so it is null unless you may see the code, and in responses that are stored for a repeated call."""
    claimed_at: AwareDatetime | None
    """When the claim page was first opened."""
    emailed_at: AwareDatetime | None
    """When the first mail was accepted."""
    key_id: str | None
    """The key that sent it; null if none did."""
    key_name: str | None
    """The key's name at that time."""
    scheduled_for: AwareDatetime | None
    """When the top-up is to be sent, by the account's own clock."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    settled_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    wallet_balance_cents: int
    """The sender's balance afterwards, in US cents."""
    reversal: Reversal
    """The request to reverse the top-up."""
    links: list[Link] | None = None
    """The calls to make next, most useful first."""
    next_action: Literal["poll"] | str | None = None
    """While the top-up waits: call the link whose rel is poll until the state changes."""


class ReversedTopUpEventData(Model):
    """A top-up that was reversed before it was used. Its funds are back in the sender's wallet. `reason` says why the sender or operator reversed it. new_balance_cents is the recipient's balance on that platform afterwards."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    transaction_id: str
    """The top-up's ID."""
    status: Literal["reversed"] | str
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: None
    """The voucher's code. Null if there is nothing to redeem."""
    voucher_code_hint: None
    """The last characters of the voucher's code. Null if there is nothing to redeem."""
    deliverable: None
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: int
    """An amount in US cents."""
    reference: str | None
    """The sender's own reference."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    key_id: str | None
    """The ID of the key that sent the top-up."""
    key_name: str | None
    """The key's name when the top-up was sent."""
    scheduled_for: AwareDatetime | None = None
    """When the top-up is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """The reason for a failure or cancellation. Null if there is none."""
    reason: str
    """The reason, in words for people."""


class SandboxKey(Model):
    """A new sandbox account's key, and a second key that approves its requests."""

    id: str
    """The object's ID, key_…."""
    parent_id: str | None
    """The ID of the parent key. Null if none."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    name: str
    """The display name."""
    prefix: str
    """The secret's first 16 characters, to recognise it."""
    last4: str
    """The last 4 characters."""
    scopes: list[Scope]
    """The granted permissions."""
    caps: KeyCaps
    """The spending limits, in calendar periods of UTC."""
    ip_allow_list: list[str]
    """IP addresses or CIDRs that may use the key. If empty, any address."""
    approval_above_cents: int | None
    """A send above this amount needs a user's approval."""
    approval_above_per_day_cents: int | None
    """A send also needs approval if it takes the UTC day's total of unapproved sends above this. The other threshold alone lets any number of smaller sends pass."""
    approval_threshold_cents: int | None
    """The old name of approval_above_cents."""
    purpose: str | None
    """The key's purpose, in your words."""
    client_id: str | None
    """The MCP client that a user connected with this key: its ID, or the URL of its metadata document. Such a key has no secret: prefix and last4 are empty, and the client uses its tokens instead. Null for any other key."""
    lifetime_cents: int | None
    """The most that the key may ever spend. Earlier spending counts."""
    platforms: list[str] | None
    """The only platforms for which the key may send. Null means any."""
    recipients: list[str] | None
    """The only recipients: addresses, or *@domain for a domain without its subdomains. Null means anybody."""
    windows: list[KeyWindow]
    """Limits for rolling windows. All of them apply."""
    per_recipient_per_day_cents: int | None
    """The most that one recipient may be sent on a UTC day. Addresses that differ only after a plus are the same recipient."""
    max_sends_per_hour: int | None
    """The number of accepted sends in any hour. Cancelled sends count."""
    max_recipients_per_week: int | None
    """The number of different recipients in any seven days, each counted once. Addresses that differ only after a plus are the same recipient."""
    repeat_guard_s: int | None
    """For this many seconds, a send with the same recipient, platform and amount is refused with 2006, unless the send says distinct."""
    expires_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    last_used_at: AwareDatetime | None
    """When the credential was last used, to the minute. The time is recorded some seconds later."""
    last_used_by: str | None
    """The agent that last signed a call with the key: the URL of its public keys (Web Bot Auth)."""
    paused_at: AwareDatetime | None
    """From when the key can only read. Its ancestors may be paused, too."""
    revoked_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    key: str
    """The secret, which is shown only this once."""
    account_id: str
    """The account's ID."""
    approver_key: str
    """An unrelated key with approvals:write only, shown only once."""


class SavePage(Model):
    """The page on which a user saves a payment method."""

    url: str
    """The page where the user agrees and saves the payment method."""


class ScheduledTopUpEventData(Model):
    """A scheduled top-up. Its funds are held. At scheduled_for it is delivered, stays pending, or is refused and refunded."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    transaction_id: str
    """The top-up's ID."""
    status: Literal["scheduled"] | str
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: None
    """The voucher's code. Null if there is nothing to redeem."""
    voucher_code_hint: None
    """The last characters of the voucher's code. Null if there is nothing to redeem."""
    deliverable: None
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: None
    """The recipient's balance on that platform afterwards, in US cents. Null if unchanged."""
    reference: str | None
    """The sender's own reference."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    key_id: str | None
    """The ID of the key that sent the top-up."""
    key_name: str | None
    """The key's name when the top-up was sent."""
    scheduled_for: AwareDatetime
    """When the top-up is to be sent, by the account's own clock."""
    failure_reason: str | None = None
    """The reason for a failure or cancellation. Null if there is none."""


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
"""A permission of a credential."""


class SealedDay(Model):
    """One UTC day of an environment's ledger, sealed against changes."""

    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    day: str
    """The UTC day, such as 2026-11-22."""
    size: int
    """The number of transfers of all accounts on that day."""
    late: int
    """How many of these belong to earlier days that were already sealed."""
    root: str
    """The root of the Merkle tree (RFC 6962) over the transfers."""
    digest: str
    """The SHA-256 of the signed statement. The next day's statement contains it."""
    sealed_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    jws: str
    """The signed statement, for others to store as evidence."""


class Sent(Model):
    """The result of a send. The voucher and the new balance are null until the top-up is delivered."""

    voucher_code: str | None
    """The code that redeems the credit: a voucher ATU-…, or the platform's own code that replaced it. Null unless you may see the code."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """The deliverable for the recipient. Null before delivery."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    new_balance_cents: int | None
    """The balance of the recipient's wallet for that platform, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    wallet_balance_cents: int
    """The sender's balance afterwards, in US cents."""
    claim_url: str | None
    """The recipient's claim page. It is as valuable as the code, so it is null unless you may see the code."""
    scheduled_for: AwareDatetime | None = None
    """When the top-up is to be sent, by the account's own clock."""
    links: list[Link] | None = None
    """The calls to make next, most useful first."""
    next_action: Literal["poll"] | str | None = None
    """While the top-up waits: call the link whose rel is poll until the state changes."""


class SentForApproval(Model):
    """A send that is waiting for approval. Its funds are held until then."""

    voucher_code: str | None
    """The code that redeems the credit: a voucher ATU-…, or the platform's own code that replaced it. Null unless you may see the code."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """The deliverable for the recipient. Null before delivery."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    new_balance_cents: int | None
    """The balance of the recipient's wallet for that platform, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    wallet_balance_cents: int
    """The sender's balance afterwards, in US cents."""
    claim_url: str | None
    """The recipient's claim page. It is as valuable as the code, so it is null unless you may see the code."""
    scheduled_for: AwareDatetime | None = None
    """When the top-up is to be sent, by the account's own clock."""
    links: list[Link]
    """The calls to make next, most useful first."""
    next_action: Literal["poll"] | str
    """While the top-up waits: call the link whose rel is poll until the state changes."""
    approval: Held
    """The approval that a user must decide."""


class SettledTopUp(Model):
    """A top-up that has just ended, and the sender's wallet balance."""

    transaction_id: str
    """The top-up's ID."""
    status: TopUpStatus
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: str | None
    """The code that redeems the credit: a voucher ATU-…, or the platform's own code that replaced it. Null unless you may see the code."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: int | None
    """An amount in US cents."""
    reference: str | None
    """The sender's reference, unique by environment."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    note: str | None
    """The sender's note."""
    failure_reason: str | None
    """The reason for a failure or cancellation. Null if there is none."""
    delivery: ShownDelivery | None
    """How the recipient is notified."""
    claim_url: str | None
    """The recipient's claim page. It is as valuable as the code, so it is null unless you may see the code, and in responses that are stored for a repeated call."""
    claimed_at: AwareDatetime | None
    """When the claim page was first opened."""
    emailed_at: AwareDatetime | None
    """When the first mail was accepted."""
    key_id: str | None
    """The key that sent it; null if none did."""
    key_name: str | None
    """The key's name at that time."""
    scheduled_for: AwareDatetime | None
    """When the top-up is to be sent, by the account's own clock."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    settled_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    wallet_balance_cents: int
    """The sender's balance afterwards, in US cents."""


class ShownDelivery(Model):
    """The notification that the sender requested."""

    email: bool
    """Whether the sender requested a mail."""
    locale: str | None
    """The language that the sender requested."""
    message: str | None
    """The sender's message to the recipient."""


class StatedTransfer(Model):
    """A transfer in a statement, with the wallet's balance after it."""

    id: str
    """The object's ID."""
    debit: str
    """The ledger account that the money left."""
    credit: str
    """The ledger account that received the money."""
    amount_cents: int
    """An amount in US cents."""
    amount_micros: int
    """An amount in millionths of a US dollar."""
    code: str
    """The reason for the transfer."""
    key_id: str | None
    """The key whose call moved the money; null if no key did, or if that isn't known."""
    key_name: str | None
    """The key's name."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    balance_micros: int
    """An amount in millionths of a US dollar."""


class Statement(Model):
    """A period's transfers. The opening balance plus all transfers equals the closing balance."""

    from_: AwareDatetime = Field(..., alias="from")
    """A UTC time in RFC 3339, to the second."""
    to: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    opening_balance_cents: int
    """An amount in US cents."""
    opening_balance_micros: int
    """An amount in millionths of a US dollar."""
    transfers: list[StatedTransfer]
    """The ledger transfers."""
    closing_balance_cents: int
    """An amount in US cents."""
    closing_balance_micros: int
    """An amount in millionths of a US dollar."""


class StockLowEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["stock.low"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: LowStockEventData
    """The event's data."""


class Subscription(Model):
    """A plan that the account has or had. Its state changes only when the provider reports a change."""

    id: str
    """The object's ID, sub_…."""
    status: (
        Literal["active", "cancelled", "expired", "incomplete", "past_due", "paused", "trialing"]
        | str
    )
    """incomplete: the first payment isn't made yet. past_due: a renewal wasn't paid; the plan expires at grace_ends_at. paused: the provider charges nothing, and unpaid time grants no credit, until the plan resumes. cancelled: ended by choice. expired: ended because it wasn't paid."""
    provider: str
    """The payment provider that bills the plan."""
    order_id: str
    """The order's ID."""
    plan_id: str
    """The plan's ID."""
    plan_name: str
    """The plan's name."""
    interval: Literal["month", "year"] | str
    """The billing interval."""
    amount: int
    """The price of one period, in the currency's smallest unit."""
    currency: str
    """The currency's ISO 4217 code."""
    credits: int
    """The number of credits in one period. 1 credit is $0.001."""
    current_period_start: AwareDatetime | None
    """The start of the paid period. Null before payment."""
    current_period_end: AwareDatetime | None
    """The end of the paid time."""
    trial_ends_at: AwareDatetime | None
    """The end of the trial. Null without a trial."""
    cancel_at_period_end: bool
    """Whether the subscription ends with its current period."""
    next_plan_id: str | None
    """The plan from the next period on, if another one was chosen."""
    next_interval: Literal["month", "year"] | str | None
    """The billing interval from the next period on. Null if unchanged."""
    next_charge: UpcomingCharge | None
    """The next charge. Null if the plan is paused, ends with its period or has ended."""
    grace_ends_at: AwareDatetime | None
    """When a plan that is past due expires unless it is paid."""
    paused_at: AwareDatetime | None
    """When the plan was paused. Null if it isn't paused."""
    resumes_at: AwareDatetime | None
    """When a paused plan resumes automatically. Null if you have to resume it."""
    credits_granted: int
    """A number of credits. 1 credit is $0.001."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    ended_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    pending: PendingAction | None
    """A requested change that isn't complete yet, or null."""


class SubscriptionActivatedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["subscription.activated"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: SubscriptionEventData
    """The event's data."""


class SubscriptionCancelingEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["subscription.canceling"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: SubscriptionEventData
    """The event's data."""


class SubscriptionChangedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["subscription.changed"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: SubscriptionEventData
    """The event's data."""


class SubscriptionEndedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["subscription.ended"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: SubscriptionEventData
    """The event's data."""


class SubscriptionEventData(Model):
    """An account's subscription to a plan, after the reported change. - credits: what one paid period grants. - credits_granted: what all periods have granted so far. - credits_granted_now: what this change granted. - next_charge: null while the subscription is paused, if it ends with its period, or if it has ended. - next_plan_id, next_interval: the plan that starts with the next period, if it changes. - grace_ends_at: when the subscription expires, if a payment is past due. - resumes_at: when a pause ends, or null if it has no end."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    id: str
    """The object's ID, sub_…."""
    status: (
        Literal["active", "cancelled", "expired", "incomplete", "past_due", "paused", "trialing"]
        | str
    )
    """The current state."""
    provider: str
    """The payment provider."""
    order_id: str
    """The order's ID."""
    plan_id: str
    """The plan's ID."""
    plan_name: str
    """The plan's name."""
    interval: Literal["month", "year"] | str
    """The billing interval."""
    amount: int
    """An amount in the currency's smallest unit."""
    currency: str
    """The currency's ISO 4217 code."""
    credits: int
    """The number of credits. 1 credit is $0.001."""
    current_period_start: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    current_period_end: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    trial_ends_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    cancel_at_period_end: bool
    """Whether the subscription ends with its current period."""
    next_plan_id: str | None
    """The plan from the next period on. Null if unchanged."""
    next_interval: Literal["month", "year"] | str | None
    """The billing interval from the next period on. Null if unchanged."""
    next_charge: NextCharge | None
    """The next charge. Null if none is due."""
    grace_ends_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    paused_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    resumes_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    credits_granted: int
    """The credits of all periods so far."""
    credits_granted_now: int
    """The credits granted by this event. 0 if none."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    ended_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class SubscriptionPastDueEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["subscription.past_due"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: SubscriptionEventData
    """The event's data."""


class SubscriptionPausedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["subscription.paused"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: SubscriptionEventData
    """The event's data."""


class SubscriptionRenewedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["subscription.renewed"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: SubscriptionEventData
    """The event's data."""


class SubscriptionResumedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["subscription.resumed"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: SubscriptionEventData
    """The event's data."""


class SubscriptionStartedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["subscription.started"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: SubscriptionEventData
    """The event's data."""


class SucceededRechargeEventData(Model):
    """Credit that was bought automatically because the balance was low."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    order_id: str
    """The order's ID."""
    amount_cents: int
    """An amount in US cents."""
    method: str
    """The payment method, as its owner knows it."""
    balance_cents: int
    """An amount in US cents."""
    currency: Literal["USD"] | str
    """The currency (ISO 4217)."""


class TaxLine(Model):
    """A tax as the payment provider reported it."""

    name: str
    """The tax's name and rate, such as VAT 20 %."""
    amount: int
    """An amount in the currency's smallest unit: USD has 2 places, KWD 3, JPY 0."""
    included: bool
    """Whether the price includes the tax."""


class Threshold(Model):
    """The balances at which balance.low fires: the highest threshold (0 for none), and all thresholds in descending order."""

    low_balance_threshold_cents: int
    """An amount in US cents."""
    low_balance_thresholds_cents: list[int]
    """The thresholds of balance.low, highest first, in US cents."""


class TopUp(Model):
    """A top-up. The voucher and the new balance are null unless it was delivered. After a reversal, the new balance is what the recipient's wallet held afterwards. `voucher_code` and `deliverable.value` are shown only to the sending key, its ancestors and readers with the scope vouchers:read. If a supplier delivered a key, a link or a note, see `deliverable`. There is then no voucher code."""

    transaction_id: str
    """The top-up's ID."""
    status: TopUpStatus
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: str | None
    """The code that redeems the credit: a voucher ATU-…, or the platform's own code that replaced it. Null unless you may see the code."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: int | None
    """An amount in US cents."""
    reference: str | None
    """The sender's reference, unique by environment."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    note: str | None
    """The sender's note."""
    failure_reason: str | None
    """The reason for a failure or cancellation. Null if there is none."""
    delivery: ShownDelivery | None
    """How the recipient is notified."""
    claim_url: str | None
    """The recipient's claim page. It is as valuable as the code, so it is null unless you may see the code, and in responses that are stored for a repeated call."""
    claimed_at: AwareDatetime | None
    """When the claim page was first opened."""
    emailed_at: AwareDatetime | None
    """When the first mail was accepted."""
    key_id: str | None
    """The key that sent it; null if none did."""
    key_name: str | None
    """The key's name at that time."""
    scheduled_for: AwareDatetime | None
    """When the top-up is to be sent, by the account's own clock."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    settled_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""


class TopUpReceipt(Model):
    """A top-up's receipt. You can store it and verify it without this gateway."""

    transaction_id: str
    """The top-up's ID."""
    status: TopUpStatus
    """The current state."""
    receipt: str
    """JWS in compact form, Ed25519: payment, transfers with their proofs, the deliverable's digest, mandate and approval. `topup verify-receipt` checks it."""
    checkpoint: SealedDay | None
    """The sealed day of the top-up's last transfer. Null until all are sealed; try again a day later."""
    keys_url: str
    """The URL of the public keys, a JWK Set."""


TopUpStatus = TypeAliasType(
    "TopUpStatus",
    Literal["scheduled", "pending", "delivered", "failed", "cancelled", "reversing", "reversed"]
    | str,
)
"""The top-up's status."""


class TopUpStory(Model):
    """A top-up with its history. `approval_id` is present if the send needed approval. `needs_review` means that the supplier's outcome is unknown and an operator must investigate. `reversal` is null unless a reversal was requested. `supplier` and `cost_cents` are shown only to operators."""

    transaction_id: str
    """The top-up's ID."""
    status: TopUpStatus
    """The current state."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    fee_cents: int
    """The fee on top of the amount, in US cents."""
    charged_cents: int
    """The total that the sender paid, amount and fee, in US cents."""
    recipient_email: str
    """The recipient's email address."""
    voucher_code: str | None
    """The code that redeems the credit: a voucher ATU-…, or the platform's own code that replaced it. Null unless you may see the code."""
    voucher_code_hint: str | None
    """The code's last four characters."""
    deliverable: Deliverable | None
    """The deliverable for the recipient. Null before delivery."""
    new_balance_cents: int | None
    """An amount in US cents."""
    reference: str | None
    """The sender's reference, unique by environment."""
    metadata: dict[str, str]
    """The sender's own names and values."""
    note: str | None
    """The sender's note."""
    failure_reason: str | None
    """The reason for a failure or cancellation. Null if there is none."""
    delivery: ShownDelivery | None
    """How the recipient is notified."""
    claim_url: str | None
    """The recipient's claim page. It is as valuable as the code, so it is null unless you may see the code, and in responses that are stored for a repeated call."""
    claimed_at: AwareDatetime | None
    """When the claim page was first opened."""
    emailed_at: AwareDatetime | None
    """When the first mail was accepted."""
    key_id: str | None
    """The key that sent it; null if none did."""
    key_name: str | None
    """The key's name at that time."""
    scheduled_for: AwareDatetime | None
    """When the top-up is to be sent, by the account's own clock."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    settled_at: AwareDatetime | None
    """A UTC time in RFC 3339, to the second."""
    transfers: list[Transfer]
    """The ledger transfers."""
    events: list[EventOfTopUp]
    """The events about the top-up."""
    attempts: list[FulfilmentAttempt]
    """The attempts at suppliers."""
    mails: list[RecipientMail]
    """The mails to the recipient."""
    needs_review: bool
    """Whether an operator must decide."""
    reversal: Reversal | None
    """The request to reverse it, if any."""
    supplier: str | None
    """The supplier; null except for operators."""
    cost_cents: int | None
    """The supplier's cost, in US cents; null unless an operator reads it."""
    approval_id: str | None = None
    """The approval's ID, if an approval is required."""
    request_id: str | None
    """The X-Request-Id of the send, which the top-up's webhooks also contain. Null if it is no longer stored."""
    caller_address: str | None
    """The sender's IP address, if known."""
    idempotency_key: str | None
    """The Idempotency-Key of the send. Anything that looks like a secret is masked."""
    url: str
    """The top-up's permanent page in the dashboard."""
    links: list[Link] | None = None
    """The calls to make next, most useful first."""
    next_action: Literal["poll"] | str | None = None
    """While the top-up waits: call the link whose rel is poll until the state changes."""


class TopupCancelledEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["topup.cancelled"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: CancelledTopUpEventData
    """The event's data."""


class TopupClaimedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["topup.claimed"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: ClaimedTopUpEventData
    """The event's data."""


class TopupDeliveredEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["topup.delivered"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: DeliveredTopUpEventData
    """The event's data."""


class TopupFailedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["topup.failed"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: FailedTopUpEventData
    """The event's data."""


class TopupPendingEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["topup.pending"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: PendingTopUpEventData
    """The event's data."""


class TopupReversedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["topup.reversed"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: ReversedTopUpEventData
    """The event's data."""


class TopupScheduledEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["topup.scheduled"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: ScheduledTopUpEventData
    """The event's data."""


class Transfer(Model):
    """A transfer on the ledger from one account to another."""

    id: str
    """The object's ID."""
    debit: str
    """The ledger account that the money left."""
    credit: str
    """The ledger account that received the money."""
    amount_cents: int
    """An amount in US cents."""
    amount_micros: int
    """An amount in millionths of a US dollar."""
    code: str
    """The reason for the transfer."""
    key_id: str | None
    """The key whose call moved the money; null if no key did, or if that isn't known."""
    key_name: str | None
    """The key's name."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


class UpcomingCharge(Model):
    """The next charge and when it is due. Tax, discounts and the customer's balance at the provider aren't included."""

    at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    amount: int
    """An amount in the currency's smallest unit: USD has 2 places, KWD 3, JPY 0."""
    currency: str
    """The currency's ISO 4217 code."""


class Usage(Model):
    """A completed charge for usage. The tokens and the price list's version are null if the caller gave an amount instead of tokens. `repeated` means that the reference had already been charged. The balance is the current one."""

    id: str
    """The object's ID, usg_…."""
    amount_micros: int
    """An amount in millionths of a US dollar."""
    credits: int
    """The amount in credits of $0.001, rounded down."""
    description: str
    """A description, in plain text."""
    model: str | None
    """The model's name."""
    reference: str | None
    """The caller's reference, unique by environment."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    balance_micros: int
    """The new balance, in millionths of a US dollar."""
    balance_credits: int
    """The balance in credits of $0.001, rounded down."""
    balance_cents: int
    """The same balance in US cents, rounded down."""
    input_tokens: int | None
    """The number of input tokens. Null if an amount was charged."""
    output_tokens: int | None
    """The number of output tokens. Null if an amount was charged."""
    cached_tokens: int | None
    """The number of cached input tokens. Null if an amount was charged."""
    price_version: int | None
    """The version of the price list that was used. Null if an amount was charged."""
    repeated: bool
    """Whether the same reference had already been charged."""


class UsageBatch(Model):
    """The result of a batch. The records' results are in the order given. `amount_micros` is what this call charged."""

    records_total: int
    """The number of records in the batch."""
    charged: int
    """The number of records charged now."""
    repeated: int
    """Records that had already been charged."""
    refused: int
    """The number of refused records."""
    amount_micros: int
    """An amount in millionths of a US dollar."""
    balance_micros: int
    """The new balance, in millionths of a US dollar."""
    balance_credits: int
    """The balance in credits of $0.001, rounded down."""
    balance_cents: int
    """The same balance in US cents, rounded down."""
    results: list[UsageVerdict]
    """Each record's result, in order."""


class UsageGroup(Model):
    """The sum of one group. Only the fields of the grouping are set: `day`, `model`, or, for keys, `key_id` or `app_id`. All four are null in the total, and in the group of charges that have no model or key."""

    day: str | None
    """The UTC day, such as 2026-06-13."""
    model: str | None
    """The model's name."""
    key_id: str | None
    """The key's ID. Null if no key is involved."""
    app_id: str | None
    """The ID of the app that charged, or null."""
    records: int
    """The number of charges."""
    amount_micros: int
    """An amount in millionths of a US dollar."""
    credits: int
    """The amount in credits of $0.001, rounded down."""
    input_tokens: int
    """The number of the model's tokens."""
    output_tokens: int
    """The number of the model's tokens."""
    cached_tokens: int
    """The number of cached input tokens."""


class UsageGroups(Model):
    """Sums over whole UTC days. Days are listed newest first. Models and keys are listed by amount, largest first. `to` is exclusive."""

    group_by: Literal["day", "key", "model"] | str
    """The field that charges are grouped by."""
    from_: AwareDatetime = Field(..., alias="from")
    """A UTC time in RFC 3339, to the second."""
    to: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    total: UsageGroup
    """The sum of all groups, on every page."""
    items: list[UsageGroup]
    """The groups on this page."""
    next_cursor: str | None
    """The cursor for the next page. Null on the last page."""
    has_more: bool
    """Whether there is another page."""


class UsageLine(Model):
    """One charge. If the caller gave an amount instead of tokens, the token counts and price_version are null. A charge of kind `hold` is a captured hold, and its created_at is when the money was held."""

    id: str
    """The object's ID."""
    kind: Literal["app", "hold", "usage"] | str
    """usage: a charge; hold: a captured hold; app: charged by an app."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    amount_micros: int
    """An amount in millionths of a US dollar."""
    credits: int
    """The amount in credits of $0.001, rounded down."""
    description: str
    """A description, in plain text."""
    model: str | None
    """The model's name."""
    key_id: str | None
    """The ID of the key that charged, or null."""
    app_id: str | None
    """The ID of the app that charged, or null."""
    reference: str | None
    """The caller's own reference, or an app's order_no."""
    input_tokens: int | None
    """The number of the model's tokens."""
    output_tokens: int | None
    """The number of the model's tokens."""
    cached_tokens: int | None
    """The number of cached input tokens."""
    price_version: int | None
    """The version of the price list that was used."""


class UsageVerdict(Model):
    """The result for one record of a batch. It is charged, repeated (if its reference had already been charged) or refused. A refused record has a code and an error."""

    index: int
    """The record's position, counted from 0."""
    status: Literal["charged", "refused", "repeated"] | str
    """The result."""
    reference: str | None
    """The caller's reference, unique by environment."""
    id: str | None
    """The object's ID."""
    amount_micros: int | None
    """An amount in millionths of a US dollar."""
    price_version: int | None
    """The version of the price list that was used. Null if an amount was charged."""
    code: int | None
    """The error code, if refused."""
    message: str | None
    """The error code in words, if refused."""
    error: Failure | None
    """The reason for the refusal, if any."""


class Verification(Model):
    """The result of a check. `valid` means that no problem was found."""

    valid: bool
    """Whether the request is valid."""
    findings: list[Finding]
    """Everything that is wrong."""


class VoucherRedeemedEvent(Model):
    """The body of a webhook; the raw bytes are what is signed."""

    id: str
    """The event's ID."""
    type: Literal["voucher.redeemed"]
    """The event type."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    environment: Literal["live", "staging"] | str
    """The environment. Staging and live share no data."""
    api_version: Literal["v1"]
    """The version of the event's format."""
    sequence: int | None = None
    """The event's number in its account and environment. Numbers have no gaps and follow the order of events: of two events about one object, the greater number is the later event."""
    data: VoucherRedeemedEventData
    """The event's data."""


class VoucherRedeemedEventData(Model):
    """A redeemed voucher. The account that issued it gets the event. settle: `wallet` if the credit went into a wallet here, or `external` if the platform redeemed it."""

    test: Literal[True] | None = None
    """Present only in the sample of a test ping, where nothing is real."""
    transaction_id: str
    """The top-up's ID."""
    platform: str
    """The platform's ID; see GET /platforms."""
    amount_cents: int
    """An amount in US cents."""
    recipient_email: str
    """The recipient's email address."""
    settle: Literal["external", "wallet"] | str
    """The kind of redemption. wallet: into a wallet of this gateway. external: by the platform."""
    redeemed_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    reference: str | None
    """The sender's own reference."""
    metadata: dict[str, str]
    """The sender's own names and values."""


class WebhookEndpoint(Model):
    """A webhook endpoint that receives events. Header values are masked."""

    id: str
    """The object's ID, we_…."""
    url: str
    """The URL to which events are sent."""
    events: list[EventType]
    """The event types to send. Empty means all."""
    description: str
    """A description, in plain text."""
    status: Literal["disabled", "enabled"] | str
    """The current state."""
    disabled_reason: str | None
    """The reason for disabling. Null if enabled."""
    retry_schedule_s: list[int]
    """The seconds before each attempt."""
    rate_limit_per_s: int | None
    """The most requests per second. Null means no limit."""
    ordered: bool
    """Whether events about the same object are sent one after the other, by `sequence`."""
    include_codes: bool
    """Whether bodies contain voucher_code."""
    include_approval_links: bool
    """Whether approval.requested contains decide_url."""
    filter: dict[str, Any] | None
    """The data that an event must contain to be sent; null means no filter."""
    headers: dict[str, str] | None
    """Your own headers, with masked values. Null if the stored headers are damaged: nothing is sent until you set them again."""
    failing_since: AwareDatetime | None
    """Since when all deliveries have failed; null if the webhook works."""
    created_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    ed25519: bool
    """Whether events are also signed with the webhook's own key pair."""
    public_key: str | None
    """The public key that verifies the Ed25519 signatures; null if there is none."""
    mcp_subscription: McpSubscription | None
    """Set if an MCP client created the webhook; only that client can change it."""


class WebhookHealth(Model):
    """An endpoint's health. If the period has too many deliveries to read, `since` is later than requested."""

    endpoint_id: str
    """The webhook endpoint's ID."""
    failing_since: AwareDatetime | None
    """Since when all deliveries have failed; null if the webhook works."""
    disable_at: AwareDatetime | None
    """When the webhook is disabled unless a delivery succeeds before; null without a warning."""
    probe_at: AwareDatetime | None
    """When the disabled webhook is next probed; null if it isn't probed."""
    since: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    until: AwareDatetime
    """A UTC time in RFC 3339, to the second."""
    delivered: int
    """Deliveries that succeeded."""
    failed: int
    """Deliveries that failed, and whose replays did not succeed."""
    pending: int
    """Deliveries that are still being tried."""
    success_rate: float | None
    """The share of ended deliveries that succeeded; null if none ended."""
    response_ms: ResponseTimes
    """Response times of the last attempts that got a response."""
    failures: list[FailureSummary]
    """Groups of similar failures, at most ten."""
    steps: list[HealthStep]
    """24 parts of equal length, oldest first."""


class Window(Model):
    """A spend cap and what is left of it. If the key and its ancestors have several, the tightest cap is shown."""

    period: Literal["day", "month"] | str
    """The period: a UTC day or month."""
    cap_cents: int
    """An amount in US cents."""
    spent_cents: int
    """An amount in US cents."""
    remaining_cents: int
    """An amount in US cents."""
    resets_at: AwareDatetime
    """A UTC time in RFC 3339, to the second."""


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
