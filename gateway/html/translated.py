"""The pages in other languages, by room. A room has a catalogue in each language, and a table in
tests/gateway/dashboard/languages/.
"""

from collections.abc import Mapping
from typing import Final

from kernel.fields import Fields
from keys.api_keys.inputs import KeyChanges, NewKey

ROOMS: Final[Mapping[str, frozenset[str]]] = {
    "account": frozenset(
        {
            "account.html",
            "confirm.html",
            "grant.html",
            "grants.html",
            "invitation.html",
            "invitation_accept.html",
            "passkey_new.html",
            "recovery_codes.html",
            "security_log.html",
            "sign_in_code.html",
            "departure.html",
            "team.html",
            "two_factor.html",
        }
    ),
    "checkout": frozenset(
        {
            "order_pay.html",
            "plan_portal.html",
            "sandbox_card.html",
            "sandbox_checkout.html",
            "sandbox_portal.html",
        }
    ),
    "consent": frozenset(
        {
            "cli_login.html",
            "cli_login_code.html",
            "cli_login_done.html",
            "consent.html",
            "consent_code.html",
            "mcp_consent.html",
            "mcp_fault.html",
        }
    ),
    "developers": frozenset(
        {
            "app_secret.html",
            "apps.html",
            "deliveries.html",
            "delivery.html",
            "key.html",
            "key_first.html",
            "key_made.html",
            "key_new.html",
            "keys.html",
            "keys_all.html",
            "portal_delivery.html",
            "portal_links.html",
            "portal_message.html",
            "portal_webhook.html",
            "portal_webhooks.html",
            "replay.html",
            "replays.html",
            "request.html",
            "requests.html",
            "webhook.html",
            "webhook_certify.html",
            "webhook_made.html",
            "webhook_new.html",
            "webhooks.html",
        }
    ),
    "money": frozenset(
        {
            "buy.html",
            "codes.html",
            "documents.html",
            "holds.html",
            "order.html",
            "orders.html",
            "plan.html",
            "plan_change.html",
            "prices.html",
            "recharge.html",
            "recharge_card.html",
            "statement.html",
            "usage.html",
        }
    ),
    "topups": frozenset(
        {
            "approval.html",
            "approvals.html",
            "batch.html",
            "batches.html",
            "bulk.html",
            "elsewhere.html",
            "match_all.html",
            "error.html",
            "outbox.html",
            "outbox_mail.html",
            "overview.html",
            "search.html",
            "send.html",
            "topup.html",
            "topups.html",
            "vouchers.html",
            "wallets.html",
        }
    ),
    "sign_in": frozenset(
        {
            "forgot_password.html",
            "new_password.html",
            "sign_in.html",
            "sign_in_link.html",
            "sign_up.html",
            "verify_address.html",
            "verify_address_press.html",
        }
    ),
}
TRANSLATED: Final = frozenset().union(*ROOMS.values())
# Every catalogue has the sentences of these inputs, too.
FORMS: Final[tuple[type[Fields], ...]] = (NewKey, KeyChanges)
