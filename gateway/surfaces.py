"""Every API that this gateway answers to: the one table that requests, documents and tests walk."""

from gateway.answers import envelope
from gateway.answers.words import API_PREFIX as API_PREFIX
from gateway.api import (
    approvals,
    audit,
    bulk,
    cli_login,
    codes,
    fulfilments,
    keys,
    mandates,
    recipients,
    redemptions,
    reversals,
    sandbox,
    tokens,
    topup_receipts,
    topup_status,
    topups,
    vouchers,
)
from gateway.api.money import (
    documents,
    entitlements,
    free_periods,
    holds,
    orders,
    packs,
    prices,
    recharge,
    refunds,
    reports,
    statement,
    subscriptions,
    usage,
    wallets,
)
from gateway.api.webhooks import certification, deliveries, events, notices, replays, webhooks
from gateway.dialects.discovery import discover
from gateway.http.routing import ApiSurface
from gateway.x402 import endpoint as x402

API = ApiSurface(
    API_PREFIX,
    (
        *topups.ROUTES,
        *topup_status.ROUTES,
        *topup_receipts.ROUTES,
        *reversals.ROUTES,
        *bulk.ROUTES,
        *wallets.ROUTES,
        *recharge.ROUTES,
        *statement.ROUTES,
        *vouchers.ROUTES,
        *redemptions.ROUTES,
        *approvals.ROUTES,
        *recipients.ROUTES,
        *sandbox.ROUTES,
        *usage.ROUTES,
        *holds.ROUTES,
        *prices.ROUTES,
        *fulfilments.ROUTES,
        *entitlements.ROUTES,
        *packs.ROUTES,
        *subscriptions.ROUTES,
        *free_periods.ROUTES,
        *orders.ROUTES,
        *refunds.ROUTES,
        *documents.ROUTES,
        *reports.ROUTES,
        *keys.ROUTES,
        *mandates.ROUTES,
        *cli_login.ROUTES,
        *tokens.ROUTES,
        *webhooks.ROUTES,
        *certification.ROUTES,
        *events.ROUTES,
        *deliveries.ROUTES,
        *replays.ROUTES,
        *notices.ROUTES,
        *audit.ROUTES,
        *codes.ROUTES,
    ),
    envelope.refuse,
)
SURFACES = (API, x402.SURFACE, *discover())
