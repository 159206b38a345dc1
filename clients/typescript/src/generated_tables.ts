/** Made from the gateway's /openapi.json by `make clients`; changes here are lost. */

import type { components } from "./generated.js";

type Schemas = components["schemas"];

export type TypedEvent =
  | Schemas["TopupDeliveredEvent"]
  | Schemas["TopupFailedEvent"]
  | Schemas["TopupCancelledEvent"]
  | Schemas["TopupPendingEvent"]
  | Schemas["TopupClaimedEvent"]
  | Schemas["TopupScheduledEvent"]
  | Schemas["TopupReversedEvent"]
  | Schemas["VoucherRedeemedEvent"]
  | Schemas["BatchCompletedEvent"]
  | Schemas["BalanceLowEvent"]
  | Schemas["CreditExpiringEvent"]
  | Schemas["CreditExpiredEvent"]
  | Schemas["StockLowEvent"]
  | Schemas["OrderPaidEvent"]
  | Schemas["OrderFailedEvent"]
  | Schemas["DisputeOpenedEvent"]
  | Schemas["OrderRefundedEvent"]
  | Schemas["OrderDisputedEvent"]
  | Schemas["OrderDisputeLostEvent"]
  | Schemas["OrderRestoredEvent"]
  | Schemas["RechargeSucceededEvent"]
  | Schemas["RechargeFailedEvent"]
  | Schemas["SubscriptionStartedEvent"]
  | Schemas["SubscriptionActivatedEvent"]
  | Schemas["SubscriptionRenewedEvent"]
  | Schemas["SubscriptionChangedEvent"]
  | Schemas["SubscriptionPastDueEvent"]
  | Schemas["SubscriptionPausedEvent"]
  | Schemas["SubscriptionResumedEvent"]
  | Schemas["SubscriptionCancelingEvent"]
  | Schemas["SubscriptionEndedEvent"]
  | Schemas["ApprovalRequestedEvent"]
  | Schemas["ApprovalApprovedEvent"]
  | Schemas["ApprovalDeniedEvent"]
  | Schemas["ApprovalCancelledEvent"]
  | Schemas["ApprovalExpiredEvent"]
  | Schemas["KeyCreatedEvent"]
  | Schemas["KeyPausedEvent"]
  | Schemas["KeyResumedEvent"]
  | Schemas["KeyRevokedEvent"]
  | Schemas["KeyCapNearEvent"]
  | Schemas["KeyCapReachedEvent"]
  | Schemas["EndpointDisabledEvent"]
  | Schemas["EndpointTestEvent"];

export const EVENT_TYPES: ReadonlySet<string> = new Set([
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
]);

export const KEYLESS: readonly RegExp[] = [
  /^POST .*\/x402\/topup$/,
  /^POST .*\/api\/public\/v1\/topup\/validate$/,
  /^PUT .*\/api\/public\/v1\/topup\/balance\/recharge$/,
  /^DELETE .*\/api\/public\/v1\/topup\/balance\/recharge$/,
  /^POST .*\/api\/public\/v1\/topup\/balance\/recharge\/methods$/,
  /^DELETE .*\/api\/public\/v1\/topup\/balance\/recharge\/methods\/[^\/]+$/,
  /^POST .*\/api\/public\/v1\/fulfilment\/[^\/]+$/,
  /^POST .*\/api\/public\/v1\/keys\/sandbox$/,
  /^POST .*\/api\/public\/v1\/cli\/login$/,
  /^POST .*\/api\/public\/v1\/cli\/login\/token$/,
  /^POST .*\/api\/public\/v1\/webhooks\/verify$/,
];
