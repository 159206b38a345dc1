"""Every call of the API, by method and path."""

from .api.calls.delete_keys_key_id import delete_keys_key_id
from .api.calls.delete_keys_self import delete_keys_self
from .api.calls.delete_tokens import delete_tokens
from .api.calls.delete_tokens_token_id import delete_tokens_token_id
from .api.calls.delete_topup_balance_recharge import delete_topup_balance_recharge
from .api.calls.delete_topup_balance_recharge_methods_method_ref import (
    delete_topup_balance_recharge_methods_method_ref,
)
from .api.calls.delete_webhooks_endpoint_id import delete_webhooks_endpoint_id
from .api.calls.get_account_limits import get_account_limits
from .api.calls.get_approvals import get_approvals
from .api.calls.get_approvals_approval_id import get_approvals_approval_id
from .api.calls.get_audit import get_audit
from .api.calls.get_batches import get_batches
from .api.calls.get_batches_batch_id import get_batches_batch_id
from .api.calls.get_billing_details import get_billing_details
from .api.calls.get_codes import get_codes
from .api.calls.get_credits import get_credits
from .api.calls.get_deliveries import get_deliveries
from .api.calls.get_deliveries_delivery_id import get_deliveries_delivery_id
from .api.calls.get_disputes import get_disputes
from .api.calls.get_documents import get_documents
from .api.calls.get_documents_document_id_pdf import get_documents_document_id_pdf
from .api.calls.get_entitlements import get_entitlements
from .api.calls.get_entitlements_entitlement_name import get_entitlements_entitlement_name
from .api.calls.get_events import get_events
from .api.calls.get_events_event_id import get_events_event_id
from .api.calls.get_events_stream import get_events_stream
from .api.calls.get_holds_hold_id import get_holds_hold_id
from .api.calls.get_keys import get_keys
from .api.calls.get_keys_key_id import get_keys_key_id
from .api.calls.get_keys_key_id_tree import get_keys_key_id_tree
from .api.calls.get_keys_self import get_keys_self
from .api.calls.get_notices import get_notices
from .api.calls.get_orders import get_orders
from .api.calls.get_orders_order_id import get_orders_order_id
from .api.calls.get_orders_order_id_credit_notes import get_orders_order_id_credit_notes
from .api.calls.get_orders_order_id_receipt_pdf import get_orders_order_id_receipt_pdf
from .api.calls.get_packs import get_packs
from .api.calls.get_platforms import get_platforms
from .api.calls.get_prices import get_prices
from .api.calls.get_refunds import get_refunds
from .api.calls.get_refunds_refund_id import get_refunds_refund_id
from .api.calls.get_replays import get_replays
from .api.calls.get_replays_replay_id import get_replays_replay_id
from .api.calls.get_reports_outstanding import get_reports_outstanding
from .api.calls.get_reports_revenue import get_reports_revenue
from .api.calls.get_sandbox_clock import get_sandbox_clock
from .api.calls.get_subscriptions import get_subscriptions
from .api.calls.get_subscriptions_subscription_id import get_subscriptions_subscription_id
from .api.calls.get_subscriptions_subscription_id_change import (
    get_subscriptions_subscription_id_change,
)
from .api.calls.get_tokens import get_tokens
from .api.calls.get_topup_balance import get_topup_balance
from .api.calls.get_topup_balance_recharge import get_topup_balance_recharge
from .api.calls.get_topup_balance_recharge_methods import get_topup_balance_recharge_methods
from .api.calls.get_topup_history import get_topup_history
from .api.calls.get_topup_statement import get_topup_statement
from .api.calls.get_topup_status_transaction_id import get_topup_status_transaction_id
from .api.calls.get_topup_transaction_id_receipt import get_topup_transaction_id_receipt
from .api.calls.get_usage import get_usage
from .api.calls.get_vouchers_code import get_vouchers_code
from .api.calls.get_wallets import get_wallets
from .api.calls.get_webhooks import get_webhooks
from .api.calls.get_webhooks_endpoint_id import get_webhooks_endpoint_id
from .api.calls.get_webhooks_endpoint_id_health import get_webhooks_endpoint_id_health
from .api.calls.patch_keys_key_id import patch_keys_key_id
from .api.calls.patch_webhooks_endpoint_id import patch_webhooks_endpoint_id
from .api.calls.post_approvals_approval_id_approve import post_approvals_approval_id_approve
from .api.calls.post_approvals_approval_id_deny import post_approvals_approval_id_deny
from .api.calls.post_batches_batch_id_cancel import post_batches_batch_id_cancel
from .api.calls.post_cli_login import post_cli_login
from .api.calls.post_cli_login_token import post_cli_login_token
from .api.calls.post_codes_redeem import post_codes_redeem
from .api.calls.post_deliveries_delivery_id_cancel import post_deliveries_delivery_id_cancel
from .api.calls.post_deliveries_delivery_id_replay import post_deliveries_delivery_id_replay
from .api.calls.post_endpoint_x402_topup import post_endpoint_x402_topup
from .api.calls.post_entitlements_entitlement_name_use import post_entitlements_entitlement_name_use
from .api.calls.post_fulfilment_transaction_id import post_fulfilment_transaction_id
from .api.calls.post_holds import post_holds
from .api.calls.post_holds_hold_id_capture import post_holds_hold_id_capture
from .api.calls.post_holds_hold_id_extend import post_holds_hold_id_extend
from .api.calls.post_holds_hold_id_release import post_holds_hold_id_release
from .api.calls.post_keys import post_keys
from .api.calls.post_keys_key_id_pause import post_keys_key_id_pause
from .api.calls.post_keys_key_id_resume import post_keys_key_id_resume
from .api.calls.post_keys_key_id_rotate import post_keys_key_id_rotate
from .api.calls.post_keys_sandbox import post_keys_sandbox
from .api.calls.post_orders import post_orders
from .api.calls.post_orders_order_id_refund import post_orders_order_id_refund
from .api.calls.post_refunds_refund_id_decide import post_refunds_refund_id_decide
from .api.calls.post_replays_replay_id_cancel import post_replays_replay_id_cancel
from .api.calls.post_replays_replay_id_pause import post_replays_replay_id_pause
from .api.calls.post_replays_replay_id_resume import post_replays_replay_id_resume
from .api.calls.post_sandbox_clock import post_sandbox_clock
from .api.calls.post_sandbox_fund import post_sandbox_fund
from .api.calls.post_sandbox_topups_transaction_id import post_sandbox_topups_transaction_id
from .api.calls.post_subscriptions_subscription_id_cancel import (
    post_subscriptions_subscription_id_cancel,
)
from .api.calls.post_subscriptions_subscription_id_change import (
    post_subscriptions_subscription_id_change,
)
from .api.calls.post_subscriptions_subscription_id_free_periods import (
    post_subscriptions_subscription_id_free_periods,
)
from .api.calls.post_subscriptions_subscription_id_free_periods_period_id_revoke import (
    post_subscriptions_subscription_id_free_periods_period_id_revoke,
)
from .api.calls.post_subscriptions_subscription_id_pause import (
    post_subscriptions_subscription_id_pause,
)
from .api.calls.post_subscriptions_subscription_id_resume import (
    post_subscriptions_subscription_id_resume,
)
from .api.calls.post_tokens import post_tokens
from .api.calls.post_topup_balance_recharge_methods import post_topup_balance_recharge_methods
from .api.calls.post_topup_bulk import post_topup_bulk
from .api.calls.post_topup_cancel import post_topup_cancel
from .api.calls.post_topup_send import post_topup_send
from .api.calls.post_topup_transaction_id_resend import post_topup_transaction_id_resend
from .api.calls.post_topup_transaction_id_reverse import post_topup_transaction_id_reverse
from .api.calls.post_topup_validate import post_topup_validate
from .api.calls.post_usage import post_usage
from .api.calls.post_vouchers_redeem import post_vouchers_redeem
from .api.calls.post_webhooks_endpoint_id_certify import post_webhooks_endpoint_id_certify
from .api.calls.post_webhooks_endpoint_id_replay import post_webhooks_endpoint_id_replay
from .api.calls.post_webhooks_endpoint_id_rotate_secret import (
    post_webhooks_endpoint_id_rotate_secret,
)
from .api.calls.post_webhooks_endpoint_id_test import post_webhooks_endpoint_id_test
from .api.calls.post_webhooks_register import post_webhooks_register
from .api.calls.post_webhooks_verify import post_webhooks_verify
from .api.calls.put_account_limits import put_account_limits
from .api.calls.put_billing_details import put_billing_details
from .api.calls.put_topup_balance_recharge import put_topup_balance_recharge
from .api.calls.put_topup_balance_threshold import put_topup_balance_threshold

__all__ = [
    "delete_keys_key_id",
    "delete_keys_self",
    "delete_tokens",
    "delete_tokens_token_id",
    "delete_topup_balance_recharge",
    "delete_topup_balance_recharge_methods_method_ref",
    "delete_webhooks_endpoint_id",
    "get_account_limits",
    "get_approvals",
    "get_approvals_approval_id",
    "get_audit",
    "get_batches",
    "get_batches_batch_id",
    "get_billing_details",
    "get_codes",
    "get_credits",
    "get_deliveries",
    "get_deliveries_delivery_id",
    "get_disputes",
    "get_documents",
    "get_documents_document_id_pdf",
    "get_entitlements",
    "get_entitlements_entitlement_name",
    "get_events",
    "get_events_event_id",
    "get_events_stream",
    "get_holds_hold_id",
    "get_keys",
    "get_keys_key_id",
    "get_keys_key_id_tree",
    "get_keys_self",
    "get_notices",
    "get_orders",
    "get_orders_order_id",
    "get_orders_order_id_credit_notes",
    "get_orders_order_id_receipt_pdf",
    "get_packs",
    "get_platforms",
    "get_prices",
    "get_refunds",
    "get_refunds_refund_id",
    "get_replays",
    "get_replays_replay_id",
    "get_reports_outstanding",
    "get_reports_revenue",
    "get_sandbox_clock",
    "get_subscriptions",
    "get_subscriptions_subscription_id",
    "get_subscriptions_subscription_id_change",
    "get_tokens",
    "get_topup_balance",
    "get_topup_balance_recharge",
    "get_topup_balance_recharge_methods",
    "get_topup_history",
    "get_topup_statement",
    "get_topup_status_transaction_id",
    "get_topup_transaction_id_receipt",
    "get_usage",
    "get_vouchers_code",
    "get_wallets",
    "get_webhooks",
    "get_webhooks_endpoint_id",
    "get_webhooks_endpoint_id_health",
    "patch_keys_key_id",
    "patch_webhooks_endpoint_id",
    "post_approvals_approval_id_approve",
    "post_approvals_approval_id_deny",
    "post_batches_batch_id_cancel",
    "post_cli_login",
    "post_cli_login_token",
    "post_codes_redeem",
    "post_deliveries_delivery_id_cancel",
    "post_deliveries_delivery_id_replay",
    "post_endpoint_x402_topup",
    "post_entitlements_entitlement_name_use",
    "post_fulfilment_transaction_id",
    "post_holds",
    "post_holds_hold_id_capture",
    "post_holds_hold_id_extend",
    "post_holds_hold_id_release",
    "post_keys",
    "post_keys_key_id_pause",
    "post_keys_key_id_resume",
    "post_keys_key_id_rotate",
    "post_keys_sandbox",
    "post_orders",
    "post_orders_order_id_refund",
    "post_refunds_refund_id_decide",
    "post_replays_replay_id_cancel",
    "post_replays_replay_id_pause",
    "post_replays_replay_id_resume",
    "post_sandbox_clock",
    "post_sandbox_fund",
    "post_sandbox_topups_transaction_id",
    "post_subscriptions_subscription_id_cancel",
    "post_subscriptions_subscription_id_change",
    "post_subscriptions_subscription_id_free_periods",
    "post_subscriptions_subscription_id_free_periods_period_id_revoke",
    "post_subscriptions_subscription_id_pause",
    "post_subscriptions_subscription_id_resume",
    "post_tokens",
    "post_topup_balance_recharge_methods",
    "post_topup_bulk",
    "post_topup_cancel",
    "post_topup_send",
    "post_topup_transaction_id_resend",
    "post_topup_transaction_id_reverse",
    "post_topup_validate",
    "post_usage",
    "post_vouchers_redeem",
    "post_webhooks_endpoint_id_certify",
    "post_webhooks_endpoint_id_replay",
    "post_webhooks_endpoint_id_rotate_secret",
    "post_webhooks_endpoint_id_test",
    "post_webhooks_register",
    "post_webhooks_verify",
    "put_account_limits",
    "put_billing_details",
    "put_topup_balance_recharge",
    "put_topup_balance_threshold",
]
