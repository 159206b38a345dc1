"""List every API that this gateway serves. Routing, documentation and tests use this table."""

from billing.bulk import acts as bulk_acts
from billing.catalog import pack_acts
from billing.credits import code_acts, sandbox_acts
from billing.documents import acts as document_acts
from billing.fulfilment.reversal_acts import REVERSE
from billing.payments import disputes, order_acts
from billing.payments.recharging import acts as recharging_acts
from billing.recipients.mail_acts import RESEND
from billing.refunds import acts as refund_acts
from billing.reports import balance_acts, key_limit_acts, report_acts, subscription_acts
from billing.reports.key_limit_acts import SHOW_OWN, SHOW_TREE
from billing.subscriptions import entitlement
from billing.topups import acts as topup_acts, approval_acts, voucher_redemption as vouchers
from billing.usage import hold_acts, price_acts
from gateway.answers import envelope
from gateway.answers.words import API_PREFIX as API_PREFIX
from gateway.api import (
    bulk,
    cli_login,
    codes,
    fulfilments,
    keys,
    topup_receipts,
    topups,
)
from gateway.api.money import (
    documents,
    statement,
    usage,
)
from gateway.api.webhooks import events as event_stream
from gateway.dialects.discovery import discover
from gateway.http.acts import routes_of
from gateway.http.routing import ApiSurface
from gateway.x402 import endpoint as x402
from keys.api_keys import acts as api_keys
from keys.audit_acts import LIST_ENTRIES
from keys.tokens import acts as tokens
from webhooks.certification.acts import CERTIFY
from webhooks.delivery_log import acts as deliveries
from webhooks.delivery_log.acts import TEST
from webhooks.endpoints import acts as endpoints, portal_acts
from webhooks.endpoints.health_acts import HEALTH, NOTICES
from webhooks.endpoints.verify_acts import VERIFY
from webhooks.events import acts as events
from webhooks.replays import acts as replays

API = ApiSurface(
    API_PREFIX,
    (
        *topups.ROUTES,
        *routes_of(topup_acts.ACTS),
        *topup_receipts.ROUTES,
        *routes_of((REVERSE,)),
        *bulk.ROUTES,
        *routes_of(bulk_acts.ACTS),
        *routes_of(balance_acts.ACTS),
        *routes_of(recharging_acts.OWN_ACTS),
        *statement.ROUTES,
        *routes_of((vouchers.SHOW, vouchers.REDEEM, code_acts.REDEEM)),
        *routes_of(approval_acts.ACTS),
        *routes_of((RESEND,)),
        *routes_of(sandbox_acts.ACTS),
        *usage.ROUTES,
        *routes_of(hold_acts.ACTS),
        *routes_of(price_acts.ACTS),
        *fulfilments.ROUTES,
        *routes_of(entitlement.ACTS),
        *routes_of(pack_acts.ACTS),
        *routes_of(subscription_acts.OWN_ACTS),
        *routes_of(order_acts.OWN_ACTS),
        *routes_of((balance_acts.CREDITS, refund_acts.REFUND_ORDER)),
        *routes_of((*refund_acts.ACTS, *disputes.ACTS)),
        *routes_of(document_acts.ACTS),
        *documents.ROUTES,
        *routes_of(report_acts.ACTS),
        *routes_of((*api_keys.ACTS, SHOW_TREE)),
        *keys.ROUTES,
        *routes_of((SHOW_OWN, api_keys.REVOKE_OWN)),
        *routes_of(key_limit_acts.ACCOUNT_LIMIT_ACTS),
        *cli_login.ROUTES,
        *routes_of(tokens.ACTS),
        *routes_of(endpoints.ACTS),
        *routes_of((VERIFY, TEST, CERTIFY, HEALTH)),
        *routes_of((events.LIST,)),
        *event_stream.ROUTES,
        *routes_of((events.SHOW,)),
        *routes_of(deliveries.ACTS),
        *routes_of((*replays.ACTS, NOTICES)),
        *routes_of(portal_acts.ACTS),
        *routes_of((LIST_ENTRIES,)),
        *codes.ROUTES,
    ),
    envelope.refuse,
)
SURFACES = (API, x402.SURFACE, *discover())
