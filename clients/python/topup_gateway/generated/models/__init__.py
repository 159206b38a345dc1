"""Contains all the data models used in inputs/outputs"""

from .accepted_batch import AcceptedBatch
from .accepted_batch_202_answer import AcceptedBatch202Answer
from .accepted_batch_202_answer_status import AcceptedBatch202AnswerStatus
from .accepted_batch_next_action_type_0 import AcceptedBatchNextActionType0
from .accepted_batch_status import AcceptedBatchStatus
from .access_token import AccessToken
from .access_token_answer import AccessTokenAnswer
from .access_token_answer_status import AccessTokenAnswerStatus
from .access_token_environment import AccessTokenEnvironment
from .access_token_page import AccessTokenPage
from .access_token_page_answer import AccessTokenPageAnswer
from .access_token_page_answer_status import AccessTokenPageAnswerStatus
from .account_clock import AccountClock
from .account_clock_answer import AccountClockAnswer
from .account_clock_answer_status import AccountClockAnswerStatus
from .account_limits import AccountLimits
from .account_limits_answer import AccountLimitsAnswer
from .account_limits_answer_status import AccountLimitsAnswerStatus
from .account_limits_body import AccountLimitsBody
from .ancestor_key import AncestorKey
from .api_key import ApiKey
from .api_key_answer import ApiKeyAnswer
from .api_key_answer_status import ApiKeyAnswerStatus
from .api_key_environment import ApiKeyEnvironment
from .api_key_page import ApiKeyPage
from .api_key_page_answer import ApiKeyPageAnswer
from .api_key_page_answer_status import ApiKeyPageAnswerStatus
from .approval import Approval
from .approval_approved_event import ApprovalApprovedEvent
from .approval_approved_event_environment import ApprovalApprovedEventEnvironment
from .approval_cancelled_event import ApprovalCancelledEvent
from .approval_cancelled_event_environment import ApprovalCancelledEventEnvironment
from .approval_denied_event import ApprovalDeniedEvent
from .approval_denied_event_environment import ApprovalDeniedEventEnvironment
from .approval_expired_event import ApprovalExpiredEvent
from .approval_expired_event_environment import ApprovalExpiredEventEnvironment
from .approval_of_top_up_event_data import ApprovalOfTopUpEventData
from .approval_of_top_up_event_data_metadata import ApprovalOfTopUpEventDataMetadata
from .approval_of_top_up_event_data_status import ApprovalOfTopUpEventDataStatus
from .approval_reason import ApprovalReason
from .approval_requested_event import ApprovalRequestedEvent
from .approval_requested_event_environment import ApprovalRequestedEventEnvironment
from .approval_status import ApprovalStatus
from .asked_approval import AskedApproval
from .asked_approval_answer import AskedApprovalAnswer
from .asked_approval_answer_status import AskedApprovalAnswerStatus
from .asked_approval_page import AskedApprovalPage
from .asked_approval_page_answer import AskedApprovalPageAnswer
from .asked_approval_page_answer_status import AskedApprovalPageAnswerStatus
from .asked_approval_reason import AskedApprovalReason
from .asked_approval_status import AskedApprovalStatus
from .attempt import Attempt
from .attempt_answer import AttemptAnswer
from .attempt_answer_status import AttemptAnswerStatus
from .attempt_error_type_0 import AttemptErrorType0
from .attempt_request_headers import AttemptRequestHeaders
from .attempt_timings_ms import AttemptTimingsMs
from .audit_actor import AuditActor
from .audit_actor_kind import AuditActorKind
from .audit_entry import AuditEntry
from .audit_entry_after_type_0 import AuditEntryAfterType0
from .audit_entry_before_type_0 import AuditEntryBeforeType0
from .audit_entry_environment_type_0 import AuditEntryEnvironmentType0
from .audit_entry_page import AuditEntryPage
from .audit_entry_page_answer import AuditEntryPageAnswer
from .audit_entry_page_answer_status import AuditEntryPageAnswerStatus
from .balance import Balance
from .balance_answer import BalanceAnswer
from .balance_answer_status import BalanceAnswerStatus
from .balance_currency import BalanceCurrency
from .balance_environment import BalanceEnvironment
from .balance_low_event import BalanceLowEvent
from .balance_low_event_environment import BalanceLowEventEnvironment
from .batch import Batch
from .batch_answer import BatchAnswer
from .batch_answer_status import BatchAnswerStatus
from .batch_completed_event import BatchCompletedEvent
from .batch_completed_event_environment import BatchCompletedEventEnvironment
from .batch_counts import BatchCounts
from .batch_line import BatchLine
from .batch_line_page import BatchLinePage
from .batch_line_status import BatchLineStatus
from .batch_page import BatchPage
from .batch_page_answer import BatchPageAnswer
from .batch_page_answer_status import BatchPageAnswerStatus
from .batch_status import BatchStatus
from .batch_story import BatchStory
from .batch_story_answer import BatchStoryAnswer
from .batch_story_answer_status import BatchStoryAnswerStatus
from .batch_story_status import BatchStoryStatus
from .billing_details import BillingDetails
from .billing_details_answer import BillingDetailsAnswer
from .billing_details_answer_status import BillingDetailsAnswerStatus
from .billing_details_body import BillingDetailsBody
from .billing_document import BillingDocument
from .billing_document_kind import BillingDocumentKind
from .billing_document_page import BillingDocumentPage
from .billing_document_page_answer import BillingDocumentPageAnswer
from .billing_document_page_answer_status import BillingDocumentPageAnswerStatus
from .bulk_body import BulkBody
from .bulk_item import BulkItem
from .bulk_item_metadata_type_0 import BulkItemMetadataType0
from .bulk_item_recipient_type_0 import BulkItemRecipientType0
from .bulk_quote import BulkQuote
from .bulk_quote_answer import BulkQuoteAnswer
from .bulk_quote_answer_status import BulkQuoteAnswerStatus
from .cancel_body import CancelBody
from .cancel_plan_body import CancelPlanBody
from .cancel_plan_body_at import CancelPlanBodyAt
from .cancelled_top_up_event_data import CancelledTopUpEventData
from .cancelled_top_up_event_data_metadata import CancelledTopUpEventDataMetadata
from .cancelled_top_up_event_data_status import CancelledTopUpEventDataStatus
from .cap_used_event_data import CapUsedEventData
from .cap_used_event_data_cap import CapUsedEventDataCap
from .cap_used_event_data_unit import CapUsedEventDataUnit
from .caps import Caps
from .capture_body import CaptureBody
from .certification_check import CertificationCheck
from .certification_check_impact_type_0 import CertificationCheckImpactType0
from .certification_check_verdict import CertificationCheckVerdict
from .certification_counts import CertificationCounts
from .certified_receiver import CertifiedReceiver
from .certified_receiver_answer import CertifiedReceiverAnswer
from .certified_receiver_answer_status import CertifiedReceiverAnswerStatus
from .certify_body import CertifyBody
from .change_plan_body import ChangePlanBody
from .change_plan_body_interval import ChangePlanBodyInterval
from .changed_hold import ChangedHold
from .changed_hold_answer import ChangedHoldAnswer
from .changed_hold_answer_status import ChangedHoldAnswerStatus
from .changed_hold_overage import ChangedHoldOverage
from .changed_hold_status import ChangedHoldStatus
from .claimed_top_up_event_data import ClaimedTopUpEventData
from .claimed_top_up_event_data_metadata import ClaimedTopUpEventDataMetadata
from .claimed_top_up_event_data_status import ClaimedTopUpEventDataStatus
from .cli_login import CliLogin
from .cli_login_answer import CliLoginAnswer
from .cli_login_answer_status import CliLoginAnswerStatus
from .cli_login_body import CliLoginBody
from .cli_login_pending import CliLoginPending
from .cli_login_pending_202_answer import CliLoginPending202Answer
from .cli_login_pending_202_answer_status import CliLoginPending202AnswerStatus
from .cli_login_pending_next_action import CliLoginPendingNextAction
from .cli_login_pending_reason import CliLoginPendingReason
from .cli_token_body import CliTokenBody
from .clock_body import ClockBody
from .code_row import CodeRow
from .code_row_next_action_type_0 import CodeRowNextActionType0
from .code_row_page import CodeRowPage
from .code_row_page_answer import CodeRowPageAnswer
from .code_row_page_answer_status import CodeRowPageAnswerStatus
from .completed_batch_event_data import CompletedBatchEventData
from .completed_batch_event_data_status import CompletedBatchEventDataStatus
from .create_token_body import CreateTokenBody
from .created_key import CreatedKey
from .created_key_answer import CreatedKeyAnswer
from .created_key_answer_status import CreatedKeyAnswerStatus
from .created_key_environment import CreatedKeyEnvironment
from .created_token import CreatedToken
from .created_token_answer import CreatedTokenAnswer
from .created_token_answer_status import CreatedTokenAnswerStatus
from .created_token_environment import CreatedTokenEnvironment
from .credit_expired_event import CreditExpiredEvent
from .credit_expired_event_environment import CreditExpiredEventEnvironment
from .credit_expiring_event import CreditExpiringEvent
from .credit_expiring_event_environment import CreditExpiringEventEnvironment
from .credit_line import CreditLine
from .credit_line_kind import CreditLineKind
from .credit_line_page import CreditLinePage
from .credit_line_page_answer import CreditLinePageAnswer
from .credit_line_page_answer_status import CreditLinePageAnswerStatus
from .decide_body import DecideBody
from .decide_body_verdict import DecideBodyVerdict
from .decided_top_up import DecidedTopUp
from .decided_top_up_answer import DecidedTopUpAnswer
from .decided_top_up_answer_code import DecidedTopUpAnswerCode
from .decided_top_up_answer_status import DecidedTopUpAnswerStatus
from .decided_top_up_metadata import DecidedTopUpMetadata
from .decided_top_up_next_action import DecidedTopUpNextAction
from .delete_token_body import DeleteTokenBody
from .deleted_endpoint import DeletedEndpoint
from .deleted_endpoint_answer import DeletedEndpointAnswer
from .deleted_endpoint_answer_status import DeletedEndpointAnswerStatus
from .deliverable import Deliverable
from .deliverable_body import DeliverableBody
from .deliverable_body_kind import DeliverableBodyKind
from .deliverable_kind import DeliverableKind
from .delivered_top_up_event_data import DeliveredTopUpEventData
from .delivered_top_up_event_data_metadata import DeliveredTopUpEventDataMetadata
from .delivered_top_up_event_data_status import DeliveredTopUpEventDataStatus
from .delivery import Delivery
from .delivery_202_answer import Delivery202Answer
from .delivery_202_answer_status import Delivery202AnswerStatus
from .delivery_answer import DeliveryAnswer
from .delivery_answer_status import DeliveryAnswerStatus
from .delivery_body import DeliveryBody
from .delivery_page import DeliveryPage
from .delivery_page_answer import DeliveryPageAnswer
from .delivery_page_answer_status import DeliveryPageAnswerStatus
from .delivery_status import DeliveryStatus
from .delivery_with_attempts import DeliveryWithAttempts
from .delivery_with_attempts_answer import DeliveryWithAttemptsAnswer
from .delivery_with_attempts_answer_status import DeliveryWithAttemptsAnswerStatus
from .delivery_with_attempts_status import DeliveryWithAttemptsStatus
from .dispute import Dispute
from .dispute_opened_event import DisputeOpenedEvent
from .dispute_opened_event_environment import DisputeOpenedEventEnvironment
from .dispute_page import DisputePage
from .dispute_page_answer import DisputePageAnswer
from .dispute_page_answer_status import DisputePageAnswerStatus
from .disputed_order_event_data import DisputedOrderEventData
from .disputed_order_event_data_origin_type_0 import DisputedOrderEventDataOriginType0
from .disputed_order_event_data_status import DisputedOrderEventDataStatus
from .endpoint_disabled_event import EndpointDisabledEvent
from .endpoint_disabled_event_environment import EndpointDisabledEventEnvironment
from .endpoint_event_data import EndpointEventData
from .endpoint_event_data_filter_type_0 import EndpointEventDataFilterType0
from .endpoint_event_data_headers_type_0 import EndpointEventDataHeadersType0
from .endpoint_event_data_status import EndpointEventDataStatus
from .endpoint_test_event import EndpointTestEvent
from .endpoint_test_event_environment import EndpointTestEventEnvironment
from .endpoint_with_secret import EndpointWithSecret
from .endpoint_with_secret_answer import EndpointWithSecretAnswer
from .endpoint_with_secret_answer_status import EndpointWithSecretAnswerStatus
from .endpoint_with_secret_filter_type_0 import EndpointWithSecretFilterType0
from .endpoint_with_secret_headers_type_0 import EndpointWithSecretHeadersType0
from .endpoint_with_secret_status import EndpointWithSecretStatus
from .entitlement import Entitlement
from .entitlement_answer import EntitlementAnswer
from .entitlement_answer_status import EntitlementAnswerStatus
from .entitlement_page import EntitlementPage
from .entitlement_page_answer import EntitlementPageAnswer
from .entitlement_page_answer_status import EntitlementPageAnswerStatus
from .error import Error
from .error_code import ErrorCode
from .error_status import ErrorStatus
from .event import Event
from .event_answer import EventAnswer
from .event_answer_status import EventAnswerStatus
from .event_api_version import EventApiVersion
from .event_data import EventData
from .event_environment import EventEnvironment
from .event_of_top_up import EventOfTopUp
from .event_page import EventPage
from .event_page_answer import EventPageAnswer
from .event_page_answer_status import EventPageAnswerStatus
from .event_type import EventType
from .expired_credit_event_data import ExpiredCreditEventData
from .expired_credit_event_data_currency import ExpiredCreditEventDataCurrency
from .expired_credit_event_data_kind import ExpiredCreditEventDataKind
from .expiring_credit_event_data import ExpiringCreditEventData
from .expiring_credit_event_data_currency import ExpiringCreditEventDataCurrency
from .expiring_credit_event_data_kind import ExpiringCreditEventDataKind
from .extend_body import ExtendBody
from .failed_recharge_event_data import FailedRechargeEventData
from .failed_recharge_event_data_currency import FailedRechargeEventDataCurrency
from .failed_recharge_event_data_reason import FailedRechargeEventDataReason
from .failed_top_up_event_data import FailedTopUpEventData
from .failed_top_up_event_data_metadata import FailedTopUpEventDataMetadata
from .failed_top_up_event_data_status import FailedTopUpEventDataStatus
from .failure import Failure
from .failure_summary import FailureSummary
from .field_problem import FieldProblem
from .finding import Finding
from .finding_part import FindingPart
from .free_period import FreePeriod
from .free_period_answer import FreePeriodAnswer
from .free_period_answer_status import FreePeriodAnswerStatus
from .fulfilment_attempt import FulfilmentAttempt
from .fulfilment_attempt_outcome import FulfilmentAttemptOutcome
from .fund_body import FundBody
from .funding import Funding
from .funding_answer import FundingAnswer
from .funding_answer_status import FundingAnswerStatus
from .get_approvals_format import GetApprovalsFormat
from .get_approvals_status import GetApprovalsStatus
from .get_audit_format import GetAuditFormat
from .get_batches_batch_id_format import GetBatchesBatchIdFormat
from .get_batches_batch_id_status import GetBatchesBatchIdStatus
from .get_batches_format import GetBatchesFormat
from .get_credits_format import GetCreditsFormat
from .get_deliveries_format import GetDeliveriesFormat
from .get_deliveries_status import GetDeliveriesStatus
from .get_disputes_state import GetDisputesState
from .get_documents_format import GetDocumentsFormat
from .get_documents_kind import GetDocumentsKind
from .get_events_format import GetEventsFormat
from .get_keys_format import GetKeysFormat
from .get_orders_format import GetOrdersFormat
from .get_orders_status import GetOrdersStatus
from .get_prices_format import GetPricesFormat
from .get_refunds_status import GetRefundsStatus
from .get_replays_format import GetReplaysFormat
from .get_reports_outstanding_format import GetReportsOutstandingFormat
from .get_reports_revenue_format import GetReportsRevenueFormat
from .get_subscriptions_subscription_id_change_interval import (
    GetSubscriptionsSubscriptionIdChangeInterval,
)
from .get_topup_history_format import GetTopupHistoryFormat
from .get_topup_statement_format import GetTopupStatementFormat
from .get_usage_format import GetUsageFormat
from .get_usage_group_by import GetUsageGroupBy
from .get_wallets_format import GetWalletsFormat
from .get_webhooks_format import GetWebhooksFormat
from .given_back import GivenBack
from .grant_free_period_body import GrantFreePeriodBody
from .health_step import HealthStep
from .held import Held
from .hold import Hold
from .hold_answer import HoldAnswer
from .hold_answer_status import HoldAnswerStatus
from .hold_body import HoldBody
from .hold_body_overage import HoldBodyOverage
from .hold_overage import HoldOverage
from .hold_status import HoldStatus
from .issued_voucher import IssuedVoucher
from .issued_voucher_answer import IssuedVoucherAnswer
from .issued_voucher_answer_status import IssuedVoucherAnswerStatus
from .issued_voucher_status import IssuedVoucherStatus
from .item_error import ItemError
from .key_cap_near_event import KeyCapNearEvent
from .key_cap_near_event_environment import KeyCapNearEventEnvironment
from .key_cap_reached_event import KeyCapReachedEvent
from .key_cap_reached_event_environment import KeyCapReachedEventEnvironment
from .key_caps import KeyCaps
from .key_changed_event_data import KeyChangedEventData
from .key_changes import KeyChanges
from .key_created_event import KeyCreatedEvent
from .key_created_event_environment import KeyCreatedEventEnvironment
from .key_limits import KeyLimits
from .key_paused_event import KeyPausedEvent
from .key_paused_event_environment import KeyPausedEventEnvironment
from .key_resumed_event import KeyResumedEvent
from .key_resumed_event_environment import KeyResumedEventEnvironment
from .key_revoked_event import KeyRevokedEvent
from .key_revoked_event_environment import KeyRevokedEventEnvironment
from .key_tree import KeyTree
from .key_tree_answer import KeyTreeAnswer
from .key_tree_answer_status import KeyTreeAnswerStatus
from .key_tree_node import KeyTreeNode
from .key_window import KeyWindow
from .limit_usage import LimitUsage
from .limit_usage_cap import LimitUsageCap
from .limit_usage_unit import LimitUsageUnit
from .link import Link
from .link_body_type_0 import LinkBodyType0
from .low_balance_event_data import LowBalanceEventData
from .low_balance_event_data_currency import LowBalanceEventDataCurrency
from .low_stock_event_data import LowStockEventData
from .machine_payment_shape import MachinePaymentShape
from .machine_payment_shape_state import MachinePaymentShapeState
from .new_key import NewKey
from .new_key_preset_type_0 import NewKeyPresetType0
from .next_action import NextAction
from .next_charge import NextCharge
from .notice import Notice
from .notice_page import NoticePage
from .notice_page_answer import NoticePageAnswer
from .notice_page_answer_status import NoticePageAnswerStatus
from .opened_dispute_event_data import OpenedDisputeEventData
from .opened_dispute_event_data_environment import OpenedDisputeEventDataEnvironment
from .order import Order
from .order_answer import OrderAnswer
from .order_answer_status import OrderAnswerStatus
from .order_body import OrderBody
from .order_dispute_lost_event import OrderDisputeLostEvent
from .order_dispute_lost_event_environment import OrderDisputeLostEventEnvironment
from .order_disputed_event import OrderDisputedEvent
from .order_disputed_event_environment import OrderDisputedEventEnvironment
from .order_event_data import OrderEventData
from .order_event_data_origin_type_0 import OrderEventDataOriginType0
from .order_event_data_status import OrderEventDataStatus
from .order_failed_event import OrderFailedEvent
from .order_failed_event_environment import OrderFailedEventEnvironment
from .order_origin_type_0 import OrderOriginType0
from .order_page import OrderPage
from .order_page_answer import OrderPageAnswer
from .order_page_answer_status import OrderPageAnswerStatus
from .order_paid_event import OrderPaidEvent
from .order_paid_event_environment import OrderPaidEventEnvironment
from .order_refunded_event import OrderRefundedEvent
from .order_refunded_event_environment import OrderRefundedEventEnvironment
from .order_restored_event import OrderRestoredEvent
from .order_restored_event_environment import OrderRestoredEventEnvironment
from .order_status import OrderStatus
from .outcome_body import OutcomeBody
from .outcome_body_outcome import OutcomeBodyOutcome
from .outstanding_line import OutstandingLine
from .outstanding_line_page import OutstandingLinePage
from .outstanding_line_page_answer import OutstandingLinePageAnswer
from .outstanding_line_page_answer_status import OutstandingLinePageAnswerStatus
from .own_key import OwnKey
from .own_key_answer import OwnKeyAnswer
from .own_key_answer_status import OwnKeyAnswerStatus
from .own_key_environment import OwnKeyEnvironment
from .own_time import OwnTime
from .own_time_answer import OwnTimeAnswer
from .own_time_answer_status import OwnTimeAnswerStatus
from .pack import Pack
from .pack_page import PackPage
from .pack_page_answer import PackPageAnswer
from .pack_page_answer_status import PackPageAnswerStatus
from .paid_body import PaidBody
from .paid_body_environment_type_0 import PaidBodyEnvironmentType0
from .paid_body_metadata_type_0 import PaidBodyMetadataType0
from .paid_top_up import PaidTopUp
from .paid_top_up_202_answer import PaidTopUp202Answer
from .paid_top_up_202_answer_code import PaidTopUp202AnswerCode
from .paid_top_up_202_answer_status import PaidTopUp202AnswerStatus
from .paid_top_up_answer import PaidTopUpAnswer
from .paid_top_up_answer_code import PaidTopUpAnswerCode
from .paid_top_up_answer_status import PaidTopUpAnswerStatus
from .paid_top_up_next_action import PaidTopUpNextAction
from .pause_plan_body import PausePlanBody
from .payment_method import PaymentMethod
from .payment_methods import PaymentMethods
from .payment_methods_answer import PaymentMethodsAnswer
from .payment_methods_answer_status import PaymentMethodsAnswerStatus
from .pending_action import PendingAction
from .pending_action_action import PendingActionAction
from .pending_action_interval_type_0 import PendingActionIntervalType0
from .pending_top_up_event_data import PendingTopUpEventData
from .pending_top_up_event_data_metadata import PendingTopUpEventDataMetadata
from .pending_top_up_event_data_status import PendingTopUpEventDataStatus
from .plan_change import PlanChange
from .plan_change_answer import PlanChangeAnswer
from .plan_change_answer_status import PlanChangeAnswerStatus
from .plan_change_interval import PlanChangeInterval
from .platform import Platform
from .platform_fulfilment import PlatformFulfilment
from .platform_page import PlatformPage
from .platform_page_answer import PlatformPageAnswer
from .platform_page_answer_status import PlatformPageAnswerStatus
from .price import Price
from .price_page import PricePage
from .price_page_answer import PricePageAnswer
from .price_page_answer_status import PricePageAnswerStatus
from .quote import Quote
from .quote_answer import QuoteAnswer
from .quote_answer_status import QuoteAnswerStatus
from .quote_would_be import QuoteWouldBe
from .recharge import Recharge
from .recharge_answer import RechargeAnswer
from .recharge_answer_status import RechargeAnswerStatus
from .recharge_body import RechargeBody
from .recharge_charge import RechargeCharge
from .recharge_disabled_reason_type_0 import RechargeDisabledReasonType0
from .recharge_failed_event import RechargeFailedEvent
from .recharge_failed_event_environment import RechargeFailedEventEnvironment
from .recharge_status import RechargeStatus
from .recharge_succeeded_event import RechargeSucceededEvent
from .recharge_succeeded_event_environment import RechargeSucceededEventEnvironment
from .recipient_mail import RecipientMail
from .recipient_mail_answer import RecipientMailAnswer
from .recipient_mail_answer_status import RecipientMailAnswerStatus
from .recipient_mail_status import RecipientMailStatus
from .recipient_wallet import RecipientWallet
from .recipient_wallet_page import RecipientWalletPage
from .recipient_wallet_page_answer import RecipientWalletPageAnswer
from .recipient_wallet_page_answer_status import RecipientWalletPageAnswerStatus
from .redeemed_code import RedeemedCode
from .redeemed_code_answer import RedeemedCodeAnswer
from .redeemed_code_answer_status import RedeemedCodeAnswerStatus
from .redeemed_code_type import RedeemedCodeType
from .redeemed_voucher import RedeemedVoucher
from .redeemed_voucher_answer import RedeemedVoucherAnswer
from .redeemed_voucher_answer_status import RedeemedVoucherAnswerStatus
from .redeemed_voucher_settle import RedeemedVoucherSettle
from .redeemed_voucher_status import RedeemedVoucherStatus
from .redemptions_redeem_body import RedemptionsRedeemBody
from .refund import Refund
from .refund_202_answer import Refund202Answer
from .refund_202_answer_status import Refund202AnswerStatus
from .refund_answer import RefundAnswer
from .refund_answer_status import RefundAnswerStatus
from .refund_body import RefundBody
from .refund_page import RefundPage
from .refund_page_answer import RefundPageAnswer
from .refund_page_answer_status import RefundPageAnswerStatus
from .refund_status import RefundStatus
from .refunded_order_event_data import RefundedOrderEventData
from .refunded_order_event_data_origin_type_0 import RefundedOrderEventDataOriginType0
from .refunded_order_event_data_status import RefundedOrderEventDataStatus
from .refused import Refused
from .register_body import RegisterBody
from .register_body_filter_type_0 import RegisterBodyFilterType0
from .register_body_filter_type_0_additional_property_type_1 import (
    RegisterBodyFilterType0AdditionalPropertyType1,
)
from .register_body_headers import RegisterBodyHeaders
from .replay import Replay
from .replay_202_answer import Replay202Answer
from .replay_202_answer_status import Replay202AnswerStatus
from .replay_answer import ReplayAnswer
from .replay_answer_status import ReplayAnswerStatus
from .replay_body import ReplayBody
from .replay_body_status import ReplayBodyStatus
from .replay_count import ReplayCount
from .replay_count_202_answer import ReplayCount202Answer
from .replay_count_202_answer_status import ReplayCount202AnswerStatus
from .replay_page import ReplayPage
from .replay_page_answer import ReplayPageAnswer
from .replay_page_answer_status import ReplayPageAnswerStatus
from .replay_paused_reason_type_0 import ReplayPausedReasonType0
from .replay_status import ReplayStatus
from .requested_approval_event_data import RequestedApprovalEventData
from .requested_approval_event_data_metadata import RequestedApprovalEventDataMetadata
from .requested_approval_event_data_status import RequestedApprovalEventDataStatus
from .requester import Requester
from .response_times import ResponseTimes
from .restored_order_event_data import RestoredOrderEventData
from .restored_order_event_data_origin_type_0 import RestoredOrderEventDataOriginType0
from .restored_order_event_data_status import RestoredOrderEventDataStatus
from .revenue_line import RevenueLine
from .revenue_line_page import RevenueLinePage
from .revenue_line_page_answer import RevenueLinePageAnswer
from .revenue_line_page_answer_status import RevenueLinePageAnswerStatus
from .reversal import Reversal
from .reversal_outcome_type_0 import ReversalOutcomeType0
from .reverse_body import ReverseBody
from .reversed_top_up import ReversedTopUp
from .reversed_top_up_202_answer import ReversedTopUp202Answer
from .reversed_top_up_202_answer_status import ReversedTopUp202AnswerStatus
from .reversed_top_up_answer import ReversedTopUpAnswer
from .reversed_top_up_answer_status import ReversedTopUpAnswerStatus
from .reversed_top_up_event_data import ReversedTopUpEventData
from .reversed_top_up_event_data_metadata import ReversedTopUpEventDataMetadata
from .reversed_top_up_event_data_status import ReversedTopUpEventDataStatus
from .reversed_top_up_metadata import ReversedTopUpMetadata
from .reversed_top_up_next_action import ReversedTopUpNextAction
from .revoke_free_period_body import RevokeFreePeriodBody
from .rotation import Rotation
from .sandbox_body import SandboxBody
from .sandbox_key import SandboxKey
from .sandbox_key_answer import SandboxKeyAnswer
from .sandbox_key_answer_status import SandboxKeyAnswerStatus
from .sandbox_key_environment import SandboxKeyEnvironment
from .save_body import SaveBody
from .save_page import SavePage
from .save_page_answer import SavePageAnswer
from .save_page_answer_status import SavePageAnswerStatus
from .scheduled_top_up_event_data import ScheduledTopUpEventData
from .scheduled_top_up_event_data_metadata import ScheduledTopUpEventDataMetadata
from .scheduled_top_up_event_data_status import ScheduledTopUpEventDataStatus
from .scope import Scope
from .sealed_day import SealedDay
from .sealed_day_environment import SealedDayEnvironment
from .send_body import SendBody
from .send_body_metadata_type_0 import SendBodyMetadataType0
from .send_body_recipient_type_0 import SendBodyRecipientType0
from .sent import Sent
from .sent_202_answer import Sent202Answer
from .sent_202_answer_status import Sent202AnswerStatus
from .sent_answer import SentAnswer
from .sent_answer_code import SentAnswerCode
from .sent_answer_status import SentAnswerStatus
from .sent_for_approval import SentForApproval
from .sent_for_approval_202_answer import SentForApproval202Answer
from .sent_for_approval_202_answer_status import SentForApproval202AnswerStatus
from .sent_for_approval_next_action import SentForApprovalNextAction
from .sent_next_action import SentNextAction
from .settle_body import SettleBody
from .settle_body_environment_type_0 import SettleBodyEnvironmentType0
from .settle_body_status import SettleBodyStatus
from .settled_top_up import SettledTopUp
from .settled_top_up_answer import SettledTopUpAnswer
from .settled_top_up_answer_code import SettledTopUpAnswerCode
from .settled_top_up_answer_status import SettledTopUpAnswerStatus
from .settled_top_up_metadata import SettledTopUpMetadata
from .settlement import Settlement
from .settlement_answer import SettlementAnswer
from .settlement_answer_status import SettlementAnswerStatus
from .shown_delivery import ShownDelivery
from .stated_transfer import StatedTransfer
from .statement import Statement
from .statement_answer import StatementAnswer
from .statement_answer_status import StatementAnswerStatus
from .stock_low_event import StockLowEvent
from .stock_low_event_environment import StockLowEventEnvironment
from .subscription import Subscription
from .subscription_202_answer import Subscription202Answer
from .subscription_202_answer_status import Subscription202AnswerStatus
from .subscription_activated_event import SubscriptionActivatedEvent
from .subscription_activated_event_environment import SubscriptionActivatedEventEnvironment
from .subscription_answer import SubscriptionAnswer
from .subscription_answer_status import SubscriptionAnswerStatus
from .subscription_canceling_event import SubscriptionCancelingEvent
from .subscription_canceling_event_environment import SubscriptionCancelingEventEnvironment
from .subscription_changed_event import SubscriptionChangedEvent
from .subscription_changed_event_environment import SubscriptionChangedEventEnvironment
from .subscription_ended_event import SubscriptionEndedEvent
from .subscription_ended_event_environment import SubscriptionEndedEventEnvironment
from .subscription_event_data import SubscriptionEventData
from .subscription_event_data_interval import SubscriptionEventDataInterval
from .subscription_event_data_next_interval_type_0 import SubscriptionEventDataNextIntervalType0
from .subscription_event_data_status import SubscriptionEventDataStatus
from .subscription_interval import SubscriptionInterval
from .subscription_next_interval_type_0 import SubscriptionNextIntervalType0
from .subscription_page import SubscriptionPage
from .subscription_page_answer import SubscriptionPageAnswer
from .subscription_page_answer_status import SubscriptionPageAnswerStatus
from .subscription_past_due_event import SubscriptionPastDueEvent
from .subscription_past_due_event_environment import SubscriptionPastDueEventEnvironment
from .subscription_paused_event import SubscriptionPausedEvent
from .subscription_paused_event_environment import SubscriptionPausedEventEnvironment
from .subscription_renewed_event import SubscriptionRenewedEvent
from .subscription_renewed_event_environment import SubscriptionRenewedEventEnvironment
from .subscription_resumed_event import SubscriptionResumedEvent
from .subscription_resumed_event_environment import SubscriptionResumedEventEnvironment
from .subscription_started_event import SubscriptionStartedEvent
from .subscription_started_event_environment import SubscriptionStartedEventEnvironment
from .subscription_status import SubscriptionStatus
from .succeeded_recharge_event_data import SucceededRechargeEventData
from .succeeded_recharge_event_data_currency import SucceededRechargeEventDataCurrency
from .tax_line import TaxLine
from .test_event_body import TestEventBody
from .threshold import Threshold
from .threshold_answer import ThresholdAnswer
from .threshold_answer_status import ThresholdAnswerStatus
from .threshold_body import ThresholdBody
from .top_up import TopUp
from .top_up_metadata import TopUpMetadata
from .top_up_page import TopUpPage
from .top_up_page_answer import TopUpPageAnswer
from .top_up_page_answer_status import TopUpPageAnswerStatus
from .top_up_receipt import TopUpReceipt
from .top_up_receipt_answer import TopUpReceiptAnswer
from .top_up_receipt_answer_status import TopUpReceiptAnswerStatus
from .top_up_status import TopUpStatus
from .top_up_story import TopUpStory
from .top_up_story_answer import TopUpStoryAnswer
from .top_up_story_answer_code import TopUpStoryAnswerCode
from .top_up_story_answer_status import TopUpStoryAnswerStatus
from .top_up_story_metadata import TopUpStoryMetadata
from .top_up_story_next_action import TopUpStoryNextAction
from .topup_cancelled_event import TopupCancelledEvent
from .topup_cancelled_event_environment import TopupCancelledEventEnvironment
from .topup_claimed_event import TopupClaimedEvent
from .topup_claimed_event_environment import TopupClaimedEventEnvironment
from .topup_delivered_event import TopupDeliveredEvent
from .topup_delivered_event_environment import TopupDeliveredEventEnvironment
from .topup_failed_event import TopupFailedEvent
from .topup_failed_event_environment import TopupFailedEventEnvironment
from .topup_pending_event import TopupPendingEvent
from .topup_pending_event_environment import TopupPendingEventEnvironment
from .topup_reversed_event import TopupReversedEvent
from .topup_reversed_event_environment import TopupReversedEventEnvironment
from .topup_scheduled_event import TopupScheduledEvent
from .topup_scheduled_event_environment import TopupScheduledEventEnvironment
from .transfer import Transfer
from .upcoming_charge import UpcomingCharge
from .usage import Usage
from .usage_answer import UsageAnswer
from .usage_answer_status import UsageAnswerStatus
from .usage_batch import UsageBatch
from .usage_batch_answer import UsageBatchAnswer
from .usage_batch_answer_status import UsageBatchAnswerStatus
from .usage_body import UsageBody
from .usage_group import UsageGroup
from .usage_groups import UsageGroups
from .usage_groups_answer import UsageGroupsAnswer
from .usage_groups_answer_status import UsageGroupsAnswerStatus
from .usage_groups_group_by import UsageGroupsGroupBy
from .usage_line import UsageLine
from .usage_line_kind import UsageLineKind
from .usage_line_page import UsageLinePage
from .usage_line_page_answer import UsageLinePageAnswer
from .usage_line_page_answer_status import UsageLinePageAnswerStatus
from .usage_record_body import UsageRecordBody
from .usage_verdict import UsageVerdict
from .usage_verdict_status import UsageVerdictStatus
from .use_body import UseBody
from .validate_body import ValidateBody
from .validate_body_metadata_type_0 import ValidateBodyMetadataType0
from .validate_body_recipient_type_0 import ValidateBodyRecipientType0
from .verification import Verification
from .verification_answer import VerificationAnswer
from .verification_answer_status import VerificationAnswerStatus
from .verify_body import VerifyBody
from .verify_body_headers import VerifyBodyHeaders
from .voucher_redeemed_event import VoucherRedeemedEvent
from .voucher_redeemed_event_data import VoucherRedeemedEventData
from .voucher_redeemed_event_data_metadata import VoucherRedeemedEventDataMetadata
from .voucher_redeemed_event_data_settle import VoucherRedeemedEventDataSettle
from .voucher_redeemed_event_environment import VoucherRedeemedEventEnvironment
from .vouchers_redeem_body import VouchersRedeemBody
from .vouchers_redeem_body_settle import VouchersRedeemBodySettle
from .webhook_endpoint import WebhookEndpoint
from .webhook_endpoint_answer import WebhookEndpointAnswer
from .webhook_endpoint_answer_status import WebhookEndpointAnswerStatus
from .webhook_endpoint_filter_type_0 import WebhookEndpointFilterType0
from .webhook_endpoint_headers_type_0 import WebhookEndpointHeadersType0
from .webhook_endpoint_page import WebhookEndpointPage
from .webhook_endpoint_page_answer import WebhookEndpointPageAnswer
from .webhook_endpoint_page_answer_status import WebhookEndpointPageAnswerStatus
from .webhook_endpoint_status import WebhookEndpointStatus
from .webhook_health import WebhookHealth
from .webhook_health_answer import WebhookHealthAnswer
from .webhook_health_answer_status import WebhookHealthAnswerStatus
from .webhooks_patch_body import WebhooksPatchBody
from .webhooks_patch_body_filter_type_0 import WebhooksPatchBodyFilterType0
from .webhooks_patch_body_filter_type_0_additional_property_type_1 import (
    WebhooksPatchBodyFilterType0AdditionalPropertyType1,
)
from .webhooks_patch_body_headers import WebhooksPatchBodyHeaders
from .webhooks_patch_body_status import WebhooksPatchBodyStatus
from .webhooks_rotate_body import WebhooksRotateBody
from .window import Window
from .window_body import WindowBody
from .window_period import WindowPeriod

__all__ = (
    "AcceptedBatch",
    "AcceptedBatch202Answer",
    "AcceptedBatch202AnswerStatus",
    "AcceptedBatchNextActionType0",
    "AcceptedBatchStatus",
    "AccessToken",
    "AccessTokenAnswer",
    "AccessTokenAnswerStatus",
    "AccessTokenEnvironment",
    "AccessTokenPage",
    "AccessTokenPageAnswer",
    "AccessTokenPageAnswerStatus",
    "AccountClock",
    "AccountClockAnswer",
    "AccountClockAnswerStatus",
    "AccountLimits",
    "AccountLimitsAnswer",
    "AccountLimitsAnswerStatus",
    "AccountLimitsBody",
    "AncestorKey",
    "ApiKey",
    "ApiKeyAnswer",
    "ApiKeyAnswerStatus",
    "ApiKeyEnvironment",
    "ApiKeyPage",
    "ApiKeyPageAnswer",
    "ApiKeyPageAnswerStatus",
    "Approval",
    "ApprovalApprovedEvent",
    "ApprovalApprovedEventEnvironment",
    "ApprovalCancelledEvent",
    "ApprovalCancelledEventEnvironment",
    "ApprovalDeniedEvent",
    "ApprovalDeniedEventEnvironment",
    "ApprovalExpiredEvent",
    "ApprovalExpiredEventEnvironment",
    "ApprovalOfTopUpEventData",
    "ApprovalOfTopUpEventDataMetadata",
    "ApprovalOfTopUpEventDataStatus",
    "ApprovalReason",
    "ApprovalRequestedEvent",
    "ApprovalRequestedEventEnvironment",
    "ApprovalStatus",
    "AskedApproval",
    "AskedApprovalAnswer",
    "AskedApprovalAnswerStatus",
    "AskedApprovalPage",
    "AskedApprovalPageAnswer",
    "AskedApprovalPageAnswerStatus",
    "AskedApprovalReason",
    "AskedApprovalStatus",
    "Attempt",
    "AttemptAnswer",
    "AttemptAnswerStatus",
    "AttemptErrorType0",
    "AttemptRequestHeaders",
    "AttemptTimingsMs",
    "AuditActor",
    "AuditActorKind",
    "AuditEntry",
    "AuditEntryAfterType0",
    "AuditEntryBeforeType0",
    "AuditEntryEnvironmentType0",
    "AuditEntryPage",
    "AuditEntryPageAnswer",
    "AuditEntryPageAnswerStatus",
    "Balance",
    "BalanceAnswer",
    "BalanceAnswerStatus",
    "BalanceCurrency",
    "BalanceEnvironment",
    "BalanceLowEvent",
    "BalanceLowEventEnvironment",
    "Batch",
    "BatchAnswer",
    "BatchAnswerStatus",
    "BatchCompletedEvent",
    "BatchCompletedEventEnvironment",
    "BatchCounts",
    "BatchLine",
    "BatchLinePage",
    "BatchLineStatus",
    "BatchPage",
    "BatchPageAnswer",
    "BatchPageAnswerStatus",
    "BatchStatus",
    "BatchStory",
    "BatchStoryAnswer",
    "BatchStoryAnswerStatus",
    "BatchStoryStatus",
    "BillingDetails",
    "BillingDetailsAnswer",
    "BillingDetailsAnswerStatus",
    "BillingDetailsBody",
    "BillingDocument",
    "BillingDocumentKind",
    "BillingDocumentPage",
    "BillingDocumentPageAnswer",
    "BillingDocumentPageAnswerStatus",
    "BulkBody",
    "BulkItem",
    "BulkItemMetadataType0",
    "BulkItemRecipientType0",
    "BulkQuote",
    "BulkQuoteAnswer",
    "BulkQuoteAnswerStatus",
    "CancelBody",
    "CancelledTopUpEventData",
    "CancelledTopUpEventDataMetadata",
    "CancelledTopUpEventDataStatus",
    "CancelPlanBody",
    "CancelPlanBodyAt",
    "Caps",
    "CaptureBody",
    "CapUsedEventData",
    "CapUsedEventDataCap",
    "CapUsedEventDataUnit",
    "CertificationCheck",
    "CertificationCheckImpactType0",
    "CertificationCheckVerdict",
    "CertificationCounts",
    "CertifiedReceiver",
    "CertifiedReceiverAnswer",
    "CertifiedReceiverAnswerStatus",
    "CertifyBody",
    "ChangedHold",
    "ChangedHoldAnswer",
    "ChangedHoldAnswerStatus",
    "ChangedHoldOverage",
    "ChangedHoldStatus",
    "ChangePlanBody",
    "ChangePlanBodyInterval",
    "ClaimedTopUpEventData",
    "ClaimedTopUpEventDataMetadata",
    "ClaimedTopUpEventDataStatus",
    "CliLogin",
    "CliLoginAnswer",
    "CliLoginAnswerStatus",
    "CliLoginBody",
    "CliLoginPending",
    "CliLoginPending202Answer",
    "CliLoginPending202AnswerStatus",
    "CliLoginPendingNextAction",
    "CliLoginPendingReason",
    "CliTokenBody",
    "ClockBody",
    "CodeRow",
    "CodeRowNextActionType0",
    "CodeRowPage",
    "CodeRowPageAnswer",
    "CodeRowPageAnswerStatus",
    "CompletedBatchEventData",
    "CompletedBatchEventDataStatus",
    "CreatedKey",
    "CreatedKeyAnswer",
    "CreatedKeyAnswerStatus",
    "CreatedKeyEnvironment",
    "CreatedToken",
    "CreatedTokenAnswer",
    "CreatedTokenAnswerStatus",
    "CreatedTokenEnvironment",
    "CreateTokenBody",
    "CreditExpiredEvent",
    "CreditExpiredEventEnvironment",
    "CreditExpiringEvent",
    "CreditExpiringEventEnvironment",
    "CreditLine",
    "CreditLineKind",
    "CreditLinePage",
    "CreditLinePageAnswer",
    "CreditLinePageAnswerStatus",
    "DecideBody",
    "DecideBodyVerdict",
    "DecidedTopUp",
    "DecidedTopUpAnswer",
    "DecidedTopUpAnswerCode",
    "DecidedTopUpAnswerStatus",
    "DecidedTopUpMetadata",
    "DecidedTopUpNextAction",
    "DeletedEndpoint",
    "DeletedEndpointAnswer",
    "DeletedEndpointAnswerStatus",
    "DeleteTokenBody",
    "Deliverable",
    "DeliverableBody",
    "DeliverableBodyKind",
    "DeliverableKind",
    "DeliveredTopUpEventData",
    "DeliveredTopUpEventDataMetadata",
    "DeliveredTopUpEventDataStatus",
    "Delivery",
    "Delivery202Answer",
    "Delivery202AnswerStatus",
    "DeliveryAnswer",
    "DeliveryAnswerStatus",
    "DeliveryBody",
    "DeliveryPage",
    "DeliveryPageAnswer",
    "DeliveryPageAnswerStatus",
    "DeliveryStatus",
    "DeliveryWithAttempts",
    "DeliveryWithAttemptsAnswer",
    "DeliveryWithAttemptsAnswerStatus",
    "DeliveryWithAttemptsStatus",
    "Dispute",
    "DisputedOrderEventData",
    "DisputedOrderEventDataOriginType0",
    "DisputedOrderEventDataStatus",
    "DisputeOpenedEvent",
    "DisputeOpenedEventEnvironment",
    "DisputePage",
    "DisputePageAnswer",
    "DisputePageAnswerStatus",
    "EndpointDisabledEvent",
    "EndpointDisabledEventEnvironment",
    "EndpointEventData",
    "EndpointEventDataFilterType0",
    "EndpointEventDataHeadersType0",
    "EndpointEventDataStatus",
    "EndpointTestEvent",
    "EndpointTestEventEnvironment",
    "EndpointWithSecret",
    "EndpointWithSecretAnswer",
    "EndpointWithSecretAnswerStatus",
    "EndpointWithSecretFilterType0",
    "EndpointWithSecretHeadersType0",
    "EndpointWithSecretStatus",
    "Entitlement",
    "EntitlementAnswer",
    "EntitlementAnswerStatus",
    "EntitlementPage",
    "EntitlementPageAnswer",
    "EntitlementPageAnswerStatus",
    "Error",
    "ErrorCode",
    "ErrorStatus",
    "Event",
    "EventAnswer",
    "EventAnswerStatus",
    "EventApiVersion",
    "EventData",
    "EventEnvironment",
    "EventOfTopUp",
    "EventPage",
    "EventPageAnswer",
    "EventPageAnswerStatus",
    "EventType",
    "ExpiredCreditEventData",
    "ExpiredCreditEventDataCurrency",
    "ExpiredCreditEventDataKind",
    "ExpiringCreditEventData",
    "ExpiringCreditEventDataCurrency",
    "ExpiringCreditEventDataKind",
    "ExtendBody",
    "FailedRechargeEventData",
    "FailedRechargeEventDataCurrency",
    "FailedRechargeEventDataReason",
    "FailedTopUpEventData",
    "FailedTopUpEventDataMetadata",
    "FailedTopUpEventDataStatus",
    "Failure",
    "FailureSummary",
    "FieldProblem",
    "Finding",
    "FindingPart",
    "FreePeriod",
    "FreePeriodAnswer",
    "FreePeriodAnswerStatus",
    "FulfilmentAttempt",
    "FulfilmentAttemptOutcome",
    "FundBody",
    "Funding",
    "FundingAnswer",
    "FundingAnswerStatus",
    "GetApprovalsFormat",
    "GetApprovalsStatus",
    "GetAuditFormat",
    "GetBatchesBatchIdFormat",
    "GetBatchesBatchIdStatus",
    "GetBatchesFormat",
    "GetCreditsFormat",
    "GetDeliveriesFormat",
    "GetDeliveriesStatus",
    "GetDisputesState",
    "GetDocumentsFormat",
    "GetDocumentsKind",
    "GetEventsFormat",
    "GetKeysFormat",
    "GetOrdersFormat",
    "GetOrdersStatus",
    "GetPricesFormat",
    "GetRefundsStatus",
    "GetReplaysFormat",
    "GetReportsOutstandingFormat",
    "GetReportsRevenueFormat",
    "GetSubscriptionsSubscriptionIdChangeInterval",
    "GetTopupHistoryFormat",
    "GetTopupStatementFormat",
    "GetUsageFormat",
    "GetUsageGroupBy",
    "GetWalletsFormat",
    "GetWebhooksFormat",
    "GivenBack",
    "GrantFreePeriodBody",
    "HealthStep",
    "Held",
    "Hold",
    "HoldAnswer",
    "HoldAnswerStatus",
    "HoldBody",
    "HoldBodyOverage",
    "HoldOverage",
    "HoldStatus",
    "IssuedVoucher",
    "IssuedVoucherAnswer",
    "IssuedVoucherAnswerStatus",
    "IssuedVoucherStatus",
    "ItemError",
    "KeyCapNearEvent",
    "KeyCapNearEventEnvironment",
    "KeyCapReachedEvent",
    "KeyCapReachedEventEnvironment",
    "KeyCaps",
    "KeyChangedEventData",
    "KeyChanges",
    "KeyCreatedEvent",
    "KeyCreatedEventEnvironment",
    "KeyLimits",
    "KeyPausedEvent",
    "KeyPausedEventEnvironment",
    "KeyResumedEvent",
    "KeyResumedEventEnvironment",
    "KeyRevokedEvent",
    "KeyRevokedEventEnvironment",
    "KeyTree",
    "KeyTreeAnswer",
    "KeyTreeAnswerStatus",
    "KeyTreeNode",
    "KeyWindow",
    "LimitUsage",
    "LimitUsageCap",
    "LimitUsageUnit",
    "Link",
    "LinkBodyType0",
    "LowBalanceEventData",
    "LowBalanceEventDataCurrency",
    "LowStockEventData",
    "MachinePaymentShape",
    "MachinePaymentShapeState",
    "NewKey",
    "NewKeyPresetType0",
    "NextAction",
    "NextCharge",
    "Notice",
    "NoticePage",
    "NoticePageAnswer",
    "NoticePageAnswerStatus",
    "OpenedDisputeEventData",
    "OpenedDisputeEventDataEnvironment",
    "Order",
    "OrderAnswer",
    "OrderAnswerStatus",
    "OrderBody",
    "OrderDisputedEvent",
    "OrderDisputedEventEnvironment",
    "OrderDisputeLostEvent",
    "OrderDisputeLostEventEnvironment",
    "OrderEventData",
    "OrderEventDataOriginType0",
    "OrderEventDataStatus",
    "OrderFailedEvent",
    "OrderFailedEventEnvironment",
    "OrderOriginType0",
    "OrderPage",
    "OrderPageAnswer",
    "OrderPageAnswerStatus",
    "OrderPaidEvent",
    "OrderPaidEventEnvironment",
    "OrderRefundedEvent",
    "OrderRefundedEventEnvironment",
    "OrderRestoredEvent",
    "OrderRestoredEventEnvironment",
    "OrderStatus",
    "OutcomeBody",
    "OutcomeBodyOutcome",
    "OutstandingLine",
    "OutstandingLinePage",
    "OutstandingLinePageAnswer",
    "OutstandingLinePageAnswerStatus",
    "OwnKey",
    "OwnKeyAnswer",
    "OwnKeyAnswerStatus",
    "OwnKeyEnvironment",
    "OwnTime",
    "OwnTimeAnswer",
    "OwnTimeAnswerStatus",
    "Pack",
    "PackPage",
    "PackPageAnswer",
    "PackPageAnswerStatus",
    "PaidBody",
    "PaidBodyEnvironmentType0",
    "PaidBodyMetadataType0",
    "PaidTopUp",
    "PaidTopUp202Answer",
    "PaidTopUp202AnswerCode",
    "PaidTopUp202AnswerStatus",
    "PaidTopUpAnswer",
    "PaidTopUpAnswerCode",
    "PaidTopUpAnswerStatus",
    "PaidTopUpNextAction",
    "PausePlanBody",
    "PaymentMethod",
    "PaymentMethods",
    "PaymentMethodsAnswer",
    "PaymentMethodsAnswerStatus",
    "PendingAction",
    "PendingActionAction",
    "PendingActionIntervalType0",
    "PendingTopUpEventData",
    "PendingTopUpEventDataMetadata",
    "PendingTopUpEventDataStatus",
    "PlanChange",
    "PlanChangeAnswer",
    "PlanChangeAnswerStatus",
    "PlanChangeInterval",
    "Platform",
    "PlatformFulfilment",
    "PlatformPage",
    "PlatformPageAnswer",
    "PlatformPageAnswerStatus",
    "Price",
    "PricePage",
    "PricePageAnswer",
    "PricePageAnswerStatus",
    "Quote",
    "QuoteAnswer",
    "QuoteAnswerStatus",
    "QuoteWouldBe",
    "Recharge",
    "RechargeAnswer",
    "RechargeAnswerStatus",
    "RechargeBody",
    "RechargeCharge",
    "RechargeDisabledReasonType0",
    "RechargeFailedEvent",
    "RechargeFailedEventEnvironment",
    "RechargeStatus",
    "RechargeSucceededEvent",
    "RechargeSucceededEventEnvironment",
    "RecipientMail",
    "RecipientMailAnswer",
    "RecipientMailAnswerStatus",
    "RecipientMailStatus",
    "RecipientWallet",
    "RecipientWalletPage",
    "RecipientWalletPageAnswer",
    "RecipientWalletPageAnswerStatus",
    "RedeemedCode",
    "RedeemedCodeAnswer",
    "RedeemedCodeAnswerStatus",
    "RedeemedCodeType",
    "RedeemedVoucher",
    "RedeemedVoucherAnswer",
    "RedeemedVoucherAnswerStatus",
    "RedeemedVoucherSettle",
    "RedeemedVoucherStatus",
    "RedemptionsRedeemBody",
    "Refund",
    "Refund202Answer",
    "Refund202AnswerStatus",
    "RefundAnswer",
    "RefundAnswerStatus",
    "RefundBody",
    "RefundedOrderEventData",
    "RefundedOrderEventDataOriginType0",
    "RefundedOrderEventDataStatus",
    "RefundPage",
    "RefundPageAnswer",
    "RefundPageAnswerStatus",
    "RefundStatus",
    "Refused",
    "RegisterBody",
    "RegisterBodyFilterType0",
    "RegisterBodyFilterType0AdditionalPropertyType1",
    "RegisterBodyHeaders",
    "Replay",
    "Replay202Answer",
    "Replay202AnswerStatus",
    "ReplayAnswer",
    "ReplayAnswerStatus",
    "ReplayBody",
    "ReplayBodyStatus",
    "ReplayCount",
    "ReplayCount202Answer",
    "ReplayCount202AnswerStatus",
    "ReplayPage",
    "ReplayPageAnswer",
    "ReplayPageAnswerStatus",
    "ReplayPausedReasonType0",
    "ReplayStatus",
    "RequestedApprovalEventData",
    "RequestedApprovalEventDataMetadata",
    "RequestedApprovalEventDataStatus",
    "Requester",
    "ResponseTimes",
    "RestoredOrderEventData",
    "RestoredOrderEventDataOriginType0",
    "RestoredOrderEventDataStatus",
    "RevenueLine",
    "RevenueLinePage",
    "RevenueLinePageAnswer",
    "RevenueLinePageAnswerStatus",
    "Reversal",
    "ReversalOutcomeType0",
    "ReverseBody",
    "ReversedTopUp",
    "ReversedTopUp202Answer",
    "ReversedTopUp202AnswerStatus",
    "ReversedTopUpAnswer",
    "ReversedTopUpAnswerStatus",
    "ReversedTopUpEventData",
    "ReversedTopUpEventDataMetadata",
    "ReversedTopUpEventDataStatus",
    "ReversedTopUpMetadata",
    "ReversedTopUpNextAction",
    "RevokeFreePeriodBody",
    "Rotation",
    "SandboxBody",
    "SandboxKey",
    "SandboxKeyAnswer",
    "SandboxKeyAnswerStatus",
    "SandboxKeyEnvironment",
    "SaveBody",
    "SavePage",
    "SavePageAnswer",
    "SavePageAnswerStatus",
    "ScheduledTopUpEventData",
    "ScheduledTopUpEventDataMetadata",
    "ScheduledTopUpEventDataStatus",
    "Scope",
    "SealedDay",
    "SealedDayEnvironment",
    "SendBody",
    "SendBodyMetadataType0",
    "SendBodyRecipientType0",
    "Sent",
    "Sent202Answer",
    "Sent202AnswerStatus",
    "SentAnswer",
    "SentAnswerCode",
    "SentAnswerStatus",
    "SentForApproval",
    "SentForApproval202Answer",
    "SentForApproval202AnswerStatus",
    "SentForApprovalNextAction",
    "SentNextAction",
    "SettleBody",
    "SettleBodyEnvironmentType0",
    "SettleBodyStatus",
    "SettledTopUp",
    "SettledTopUpAnswer",
    "SettledTopUpAnswerCode",
    "SettledTopUpAnswerStatus",
    "SettledTopUpMetadata",
    "Settlement",
    "SettlementAnswer",
    "SettlementAnswerStatus",
    "ShownDelivery",
    "StatedTransfer",
    "Statement",
    "StatementAnswer",
    "StatementAnswerStatus",
    "StockLowEvent",
    "StockLowEventEnvironment",
    "Subscription",
    "Subscription202Answer",
    "Subscription202AnswerStatus",
    "SubscriptionActivatedEvent",
    "SubscriptionActivatedEventEnvironment",
    "SubscriptionAnswer",
    "SubscriptionAnswerStatus",
    "SubscriptionCancelingEvent",
    "SubscriptionCancelingEventEnvironment",
    "SubscriptionChangedEvent",
    "SubscriptionChangedEventEnvironment",
    "SubscriptionEndedEvent",
    "SubscriptionEndedEventEnvironment",
    "SubscriptionEventData",
    "SubscriptionEventDataInterval",
    "SubscriptionEventDataNextIntervalType0",
    "SubscriptionEventDataStatus",
    "SubscriptionInterval",
    "SubscriptionNextIntervalType0",
    "SubscriptionPage",
    "SubscriptionPageAnswer",
    "SubscriptionPageAnswerStatus",
    "SubscriptionPastDueEvent",
    "SubscriptionPastDueEventEnvironment",
    "SubscriptionPausedEvent",
    "SubscriptionPausedEventEnvironment",
    "SubscriptionRenewedEvent",
    "SubscriptionRenewedEventEnvironment",
    "SubscriptionResumedEvent",
    "SubscriptionResumedEventEnvironment",
    "SubscriptionStartedEvent",
    "SubscriptionStartedEventEnvironment",
    "SubscriptionStatus",
    "SucceededRechargeEventData",
    "SucceededRechargeEventDataCurrency",
    "TaxLine",
    "TestEventBody",
    "Threshold",
    "ThresholdAnswer",
    "ThresholdAnswerStatus",
    "ThresholdBody",
    "TopUp",
    "TopupCancelledEvent",
    "TopupCancelledEventEnvironment",
    "TopupClaimedEvent",
    "TopupClaimedEventEnvironment",
    "TopupDeliveredEvent",
    "TopupDeliveredEventEnvironment",
    "TopupFailedEvent",
    "TopupFailedEventEnvironment",
    "TopUpMetadata",
    "TopUpPage",
    "TopUpPageAnswer",
    "TopUpPageAnswerStatus",
    "TopupPendingEvent",
    "TopupPendingEventEnvironment",
    "TopUpReceipt",
    "TopUpReceiptAnswer",
    "TopUpReceiptAnswerStatus",
    "TopupReversedEvent",
    "TopupReversedEventEnvironment",
    "TopupScheduledEvent",
    "TopupScheduledEventEnvironment",
    "TopUpStatus",
    "TopUpStory",
    "TopUpStoryAnswer",
    "TopUpStoryAnswerCode",
    "TopUpStoryAnswerStatus",
    "TopUpStoryMetadata",
    "TopUpStoryNextAction",
    "Transfer",
    "UpcomingCharge",
    "Usage",
    "UsageAnswer",
    "UsageAnswerStatus",
    "UsageBatch",
    "UsageBatchAnswer",
    "UsageBatchAnswerStatus",
    "UsageBody",
    "UsageGroup",
    "UsageGroups",
    "UsageGroupsAnswer",
    "UsageGroupsAnswerStatus",
    "UsageGroupsGroupBy",
    "UsageLine",
    "UsageLineKind",
    "UsageLinePage",
    "UsageLinePageAnswer",
    "UsageLinePageAnswerStatus",
    "UsageRecordBody",
    "UsageVerdict",
    "UsageVerdictStatus",
    "UseBody",
    "ValidateBody",
    "ValidateBodyMetadataType0",
    "ValidateBodyRecipientType0",
    "Verification",
    "VerificationAnswer",
    "VerificationAnswerStatus",
    "VerifyBody",
    "VerifyBodyHeaders",
    "VoucherRedeemedEvent",
    "VoucherRedeemedEventData",
    "VoucherRedeemedEventDataMetadata",
    "VoucherRedeemedEventDataSettle",
    "VoucherRedeemedEventEnvironment",
    "VouchersRedeemBody",
    "VouchersRedeemBodySettle",
    "WebhookEndpoint",
    "WebhookEndpointAnswer",
    "WebhookEndpointAnswerStatus",
    "WebhookEndpointFilterType0",
    "WebhookEndpointHeadersType0",
    "WebhookEndpointPage",
    "WebhookEndpointPageAnswer",
    "WebhookEndpointPageAnswerStatus",
    "WebhookEndpointStatus",
    "WebhookHealth",
    "WebhookHealthAnswer",
    "WebhookHealthAnswerStatus",
    "WebhooksPatchBody",
    "WebhooksPatchBodyFilterType0",
    "WebhooksPatchBodyFilterType0AdditionalPropertyType1",
    "WebhooksPatchBodyHeaders",
    "WebhooksPatchBodyStatus",
    "WebhooksRotateBody",
    "Window",
    "WindowBody",
    "WindowPeriod",
)
