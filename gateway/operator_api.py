"""Serve the operators' API: every act for operators as a route under /api/operator/v1, for adm_ tokens.

It is off until TOPUP_OPERATOR_API lists the addresses that may call it.
"""

from typing import Final

from billing.accounts import acts as account_acts, people_acts
from billing.catalog import coupon_acts, pack_acts, plan_acts
from billing.credits import checkin, code_acts
from billing.credits.adjustment import ADJUST_CREDIT
from billing.fulfilment import fee_acts, platform_acts, stock_acts
from billing.machine_payments import acts as machine_payment_acts
from billing.manual_review import acts as review_acts, supplier_acts
from billing.orders import acts as order_acts
from billing.payments import disputes, order_acts as order_decisions, provider_acts
from billing.payments.recharging import acts as recharging_acts
from billing.recipients import mail_acts
from billing.reconciliation import acts as reconciliation_acts
from billing.refunds import acts as refund_acts
from billing.reports import key_limit_acts, report_acts, subscription_acts
from billing.reports.key_limit_acts import SHOW_TREE
from billing.team import acts as team_acts
from billing.usage import price_acts
from gateway.answers import envelope
from gateway.http.acts import routes_of
from gateway.http.routing import ApiSurface
from keys.api_keys import acts as api_keys
from keys.audit_acts import LIST_ACTS, LIST_ENTRIES
from keys.oauth import acts as oauth_acts
from keys.tokens import acts as tokens
from webhooks.delivery_log import acts as deliveries
from webhooks.events import acts as events
from webhooks.replays import acts as replays

PREFIX: Final = "/api/operator/v1"
ACTS: Final = (
    *account_acts.ACTS,
    *people_acts.ACTS,
    *team_acts.ACTS,
    *key_limit_acts.ACCOUNT_LIMIT_ACTS,
    LIST_ENTRIES,
    ADJUST_CREDIT,
    *recharging_acts.ACTS,
    *mail_acts.ACTS,
    LIST_ACTS,
    *pack_acts.ACTS,
    *plan_acts.ACTS,
    *coupon_acts.ACTS,
    *code_acts.BATCH_ACTS,
    *code_acts.CODE_ACTS,
    *checkin.ACTS,
    *price_acts.ACTS,
    *api_keys.ACTS,
    SHOW_TREE,
    *tokens.OPERATOR_ACTS,
    *oauth_acts.ACTS,
    *platform_acts.ACTS,
    *fee_acts.ACTS,
    *events.ACTS,
    *deliveries.ACTS,
    *replays.ACTS,
    *supplier_acts.ACTS,
    *stock_acts.ACTS,
    *review_acts.ACTS,
    *order_acts.ACTS,
    *order_decisions.ACTS,
    refund_acts.REFUND_ORDER,
    *refund_acts.ACTS,
    *disputes.ACTS,
    *provider_acts.ACTS,
    *machine_payment_acts.ACTS,
    *subscription_acts.ACTS,
    *report_acts.ACTS,
    *reconciliation_acts.ACTS,
)
SURFACE: Final = ApiSurface(PREFIX, routes_of(ACTS, is_operator=True), envelope.refuse)
