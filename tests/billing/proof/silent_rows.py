"""Rows whose deletion or move to another account the rules of the proof don't find, each with why."""

from collections.abc import Mapping
from typing import Final

_LEAVES: Final = "the record log's leaves prove it: tests/billing/records/test_tampering.py"
_ACCESS: Final = "it opens a door and holds no money"
_HEARD: Final = "a note of what a provider said; what it brought about is proved"
_TWICE: Final = "one of several notes of the same refund: what went back in all is proved"
_LOG: Final = "a log or a counter that retention deletes"
_CATALOGUE: Final = "a setting that no act in the audit log names, such as one of the first start"
_SIMULATED: Final = "the simulated provider's own row, in staging alone"
_CHECKED: Final = "another proof reads it: tests/billing/checkpoints"
_MAIL: Final = "a mail on its way, which retention deletes"
_TRIED: Final = "how a supplier was asked; what was delivered and what it cost is proved"
_TOLD: Final = "who is told what; no money hangs on it"

SILENT: Final[Mapping[str, str]] = {
    "access_tokens deleted": _ACCESS,
    "access_tokens moved": _ACCESS,
    "api_key_secrets deleted": _ACCESS,
    "attempts deleted": _LEAVES,
    "attempts moved": _LEAVES,
    "audit_log deleted": _LEAVES,
    "audit_log moved": _LEAVES,
    "batches moved": "a refused bulk send has no top-up, so nothing else names its account",
    "billing_details deleted": "whom future receipts name; each receipt states its own buyer",
    "checkpoint_tiles deleted": _CHECKED,
    "checkpoints deleted": _CHECKED,
    "commit_tokens deleted": "how a commit in doubt was settled; a sweep deletes it within minutes",
    "deliveries deleted": _LEAVES,
    "deliveries moved": _LEAVES,
    "device_logins deleted": _ACCESS,
    "device_logins moved": _ACCESS,
    "disputes deleted": "one that took nothing of a payment, such as an inquiry",
    "endpoint_queue deleted": "a worker makes it again from the deliveries",
    "fulfilment_attempts deleted": _TRIED,
    "handed_over deleted": "a keyed digest, by which a code sold twice is known",
    "handed_over_fill deleted": "how far a worker is",
    "held_invoices deleted": "a payment that waits for an operator, whom its provider can tell again",
    "idempotency_keys deleted": _LOG,
    "mails deleted": _MAIL,
    "manual_tasks deleted": _TRIED,
    "notices deleted": _TOLD,
    "oauth_codes deleted": _ACCESS,
    "oauth_tokens deleted": _ACCESS,
    "order_reversals deleted": _TWICE,
    "owner_mails deleted": _MAIL,
    "owner_mails moved": _MAIL,
    "payment_breakdowns deleted": _HEARD,
    "payment_fees deleted": _HEARD,
    "period_reversals deleted": _TWICE,
    "plan_grants deleted": "a part that never expires; what its period gave in all is proved",
    "plan_products deleted": _CATALOGUE,
    "platform_suppliers deleted": _CATALOGUE,
    "platform_versions deleted": "a number by which processes read the platforms again",
    "platforms deleted": _CATALOGUE,
    "price_lists deleted": "the number of the newest price list; each price is proved",
    "provider_customers deleted": _HEARD,
    "provider_events deleted": _HEARD,
    "provider_links deleted": _HEARD,
    "provider_objects deleted": _HEARD,
    "provider_strays deleted": _HEARD,
    "recharge_charges deleted": "a charge under way; what was paid of it is an order",
    "replays deleted": "a job of sending again; each delivery is proved",
    "request_log deleted": _LOG,
    "request_log moved": _LOG,
    "sandbox_cards deleted": _SIMULATED,
    "sandbox_cards moved": _SIMULATED,
    "sandbox_charges deleted": _SIMULATED,
    "sandbox_checkouts deleted": _SIMULATED,
    "sandbox_subscriptions deleted": _SIMULATED,
    "schema_notes deleted": "how far an upgrade is",
    "sealed_balances deleted": _CHECKED,
    "sealed_keys deleted": "the store finds a missing key when it opens",
    "sealed_sums deleted": _CHECKED,
    "portal_links deleted": _ACCESS,
    "portal_links moved": _ACCESS,
    "sessions deleted": _ACCESS,
    "sessions moved": _ACCESS,
    "signing_keys deleted": _CHECKED,
    "spend_windows moved": "a window is its key's, whichever account stands beside it",
    "stock_codes deleted": "a code that nobody bought",
    "subscription_objects deleted": _HEARD,
    "subscription_steers deleted": "a wish; what became of the subscription is proved",
    "supplier_words deleted": _TRIED,
    "suppliers deleted": _CATALOGUE,
    "volume_days deleted": "a glance at sums, which reports add up from the rows themselves",
    "volume_marks deleted": "how far a worker is",
}
