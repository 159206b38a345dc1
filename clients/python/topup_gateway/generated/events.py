"""Every type of event with its class."""

from .models import (
    ApprovalApprovedEvent,
    ApprovalCancelledEvent,
    ApprovalDeniedEvent,
    ApprovalExpiredEvent,
    ApprovalRequestedEvent,
    BalanceLowEvent,
    BatchCompletedEvent,
    CreditExpiredEvent,
    CreditExpiringEvent,
    DisputeOpenedEvent,
    EndpointDisabledEvent,
    EndpointTestEvent,
    KeyCapNearEvent,
    KeyCapReachedEvent,
    KeyCreatedEvent,
    KeyPausedEvent,
    KeyResumedEvent,
    KeyRevokedEvent,
    OrderDisputedEvent,
    OrderDisputeLostEvent,
    OrderFailedEvent,
    OrderPaidEvent,
    OrderRefundedEvent,
    OrderRestoredEvent,
    RechargeFailedEvent,
    RechargeSucceededEvent,
    StockLowEvent,
    SubscriptionActivatedEvent,
    SubscriptionCancelingEvent,
    SubscriptionChangedEvent,
    SubscriptionEndedEvent,
    SubscriptionPastDueEvent,
    SubscriptionPausedEvent,
    SubscriptionRenewedEvent,
    SubscriptionResumedEvent,
    SubscriptionStartedEvent,
    TopupCancelledEvent,
    TopupClaimedEvent,
    TopupDeliveredEvent,
    TopupFailedEvent,
    TopupPendingEvent,
    TopupReversedEvent,
    TopupScheduledEvent,
    VoucherRedeemedEvent,
)

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

EVENTS: dict[str, type[TypedEvent]] = {
    "topup.delivered": TopupDeliveredEvent,
    "topup.failed": TopupFailedEvent,
    "topup.cancelled": TopupCancelledEvent,
    "topup.pending": TopupPendingEvent,
    "topup.claimed": TopupClaimedEvent,
    "topup.scheduled": TopupScheduledEvent,
    "topup.reversed": TopupReversedEvent,
    "voucher.redeemed": VoucherRedeemedEvent,
    "batch.completed": BatchCompletedEvent,
    "balance.low": BalanceLowEvent,
    "credit.expiring": CreditExpiringEvent,
    "credit.expired": CreditExpiredEvent,
    "stock.low": StockLowEvent,
    "order.paid": OrderPaidEvent,
    "order.failed": OrderFailedEvent,
    "dispute.opened": DisputeOpenedEvent,
    "order.refunded": OrderRefundedEvent,
    "order.disputed": OrderDisputedEvent,
    "order.dispute_lost": OrderDisputeLostEvent,
    "order.restored": OrderRestoredEvent,
    "recharge.succeeded": RechargeSucceededEvent,
    "recharge.failed": RechargeFailedEvent,
    "subscription.started": SubscriptionStartedEvent,
    "subscription.activated": SubscriptionActivatedEvent,
    "subscription.renewed": SubscriptionRenewedEvent,
    "subscription.changed": SubscriptionChangedEvent,
    "subscription.past_due": SubscriptionPastDueEvent,
    "subscription.paused": SubscriptionPausedEvent,
    "subscription.resumed": SubscriptionResumedEvent,
    "subscription.canceling": SubscriptionCancelingEvent,
    "subscription.ended": SubscriptionEndedEvent,
    "approval.requested": ApprovalRequestedEvent,
    "approval.approved": ApprovalApprovedEvent,
    "approval.denied": ApprovalDeniedEvent,
    "approval.cancelled": ApprovalCancelledEvent,
    "approval.expired": ApprovalExpiredEvent,
    "key.created": KeyCreatedEvent,
    "key.paused": KeyPausedEvent,
    "key.resumed": KeyResumedEvent,
    "key.revoked": KeyRevokedEvent,
    "key.cap_near": KeyCapNearEvent,
    "key.cap_reached": KeyCapReachedEvent,
    "endpoint.disabled": EndpointDisabledEvent,
    "endpoint.test": EndpointTestEvent,
}
