"""Every API that this gateway answers to: the one table that requests, documents and tests walk."""

from billing.catalog import pack_acts
from billing.credits import sandbox_acts
from billing.documents import acts as document_acts
from billing.payments import dispute_acts, purchase_acts
from billing.payments.recharging import acts as recharging_acts
from billing.refunds import acts as refund_acts, order_acts as refund_order_acts
from billing.reports import (
    balance_acts,
    day_limit,
    free_period_acts,
    report_acts,
    subscription_acts,
    subscription_change_acts,
)
from billing.reports.key_tree import SHOW_TREE
from billing.reports.own_key import SHOW_OWN
from billing.subscriptions import entitlement_acts
from billing.topups import approval_acts
from billing.usage import price_acts
from gateway.answers import envelope
from gateway.answers.words import API_PREFIX as API_PREFIX
from gateway.api import (
    approvals,
    bulk,
    cli_login,
    codes,
    fulfilments,
    keys,
    platforms,
    recipients,
    redemptions,
    reversals,
    sandbox,
    topup_receipts,
    topup_status,
    topups,
    vouchers,
)
from gateway.api.money import (
    credit_lines,
    documents,
    holds,
    statement,
    usage,
)
from gateway.api.webhooks import events as event_stream, verify
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
from webhooks.endpoints import acts as endpoints
from webhooks.endpoints.health_acts import HEALTH, NOTICES
from webhooks.events import acts as events
from webhooks.replays import acts as replays

API = ApiSurface(
    API_PREFIX,
    (
        *topups.ROUTES,
        *topup_status.ROUTES,
        *topup_receipts.ROUTES,
        *reversals.ROUTES,
        *bulk.ROUTES,
        *routes_of(balance_acts.ACTS),
        *platforms.ROUTES,
        *routes_of(recharging_acts.OWN_ACTS),
        *statement.ROUTES,
        *vouchers.ROUTES,
        *redemptions.ROUTES,
        *routes_of(approval_acts.ACTS),
        *approvals.ROUTES,
        *recipients.ROUTES,
        *sandbox.ROUTES,
        *routes_of(sandbox_acts.ACTS),
        *usage.ROUTES,
        *holds.ROUTES,
        *routes_of(price_acts.ACTS),
        *fulfilments.ROUTES,
        *routes_of(entitlement_acts.ACTS),
        *routes_of(pack_acts.ACTS),
        *routes_of(subscription_acts.OWN_ACTS),
        *routes_of((*subscription_change_acts.OWN_ACTS, *free_period_acts.PUBLIC_ACTS)),
        *routes_of(purchase_acts.ACTS),
        *credit_lines.ROUTES,
        *routes_of((*refund_order_acts.ACTS, *refund_acts.ACTS, *dispute_acts.ACTS)),
        *routes_of(document_acts.ACTS),
        *documents.ROUTES,
        *routes_of(report_acts.ACTS),
        *routes_of((*api_keys.ACTS, SHOW_TREE)),
        *keys.ROUTES,
        *routes_of((SHOW_OWN,)),
        *routes_of(day_limit.ACTS),
        *cli_login.ROUTES,
        *routes_of(tokens.ACTS),
        *routes_of(endpoints.ACTS),
        *verify.ROUTES,
        *routes_of((TEST, CERTIFY, HEALTH)),
        *routes_of((events.LIST,)),
        *event_stream.ROUTES,
        *routes_of((events.SHOW,)),
        *routes_of(deliveries.ACTS),
        *routes_of((*replays.ACTS, NOTICES)),
        *routes_of((LIST_ENTRIES,)),
        *codes.ROUTES,
    ),
    envelope.refuse,
)
SURFACES = (API, x402.SURFACE, *discover())
