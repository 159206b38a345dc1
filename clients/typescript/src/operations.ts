/** The calls of the API by subject. Made by `make clients`: changes here are lost. */

import { type Answer, type Call, Group, inPath, type Keyed, List, type Page, type Runner } from "./calls.js";
import type * as types from "./types.js";

export class Account extends Group {
  /** Show the account's daily limit. */
  limits(): Promise<Answer<types.AccountLimits>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/account/limits`,
    });
  }

  /** Set the account's daily limit. */
  setLimits(fields: types.AccountLimitsBody, options?: Keyed): Promise<Answer<types.AccountLimits>> {
    return this.client.run({
      method: "PUT",
      path: `/api/public/v1/account/limits`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }
}

export class Approvals extends Group {
  /** Approve a held send. */
  approve(approvalId: string, options?: Keyed): Promise<Answer<types.DecidedTopUp>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/approvals/${inPath(approvalId)}/approve`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Deny a held send. */
  deny(approvalId: string, options?: Keyed): Promise<Answer<types.DecidedTopUp>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/approvals/${inPath(approvalId)}/deny`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Show an approval. */
  get(approvalId: string, fields?: types.ApprovalsGetQuery): Promise<Answer<types.AskedApproval>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/approvals/${inPath(approvalId)}`,
      query: fields,
    });
  }

  /** List sends that need approval, and decided ones. */
  list(fields?: types.ApprovalsListQuery): List<types.AskedApproval> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/approvals`,
      query: fields,
    });
  }
}

export class Audit extends Group {
  /** List the account's security log. */
  list(fields?: types.AuditListQuery): List<types.AuditEntry> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/audit`,
      query: fields,
    });
  }
}

export class Batches extends Group {
  /** Cancel the undelivered top-ups of a bulk send. */
  cancel(batchId: string, options?: Keyed): Promise<Answer<types.Batch>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/batches/${inPath(batchId)}/cancel`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Show a bulk send with its items. */
  get(batchId: string, fields?: types.BatchesGetQuery): Promise<Answer<types.BatchStory>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/batches/${inPath(batchId)}`,
      query: fields,
    });
  }

  /** List bulk sends, newest first. */
  list(fields?: types.BatchesListQuery): List<types.Batch> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/batches`,
      query: fields,
    });
  }
}

export class Billing extends Group {
  /** Show the billing details for receipts. */
  details(): Promise<Answer<types.BillingDetails>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/billing/details`,
    });
  }

  /** Set the billing details for receipts. */
  setDetails(fields?: types.BillingDetailsBody, options?: Keyed): Promise<Answer<types.BillingDetails>> {
    return this.client.run({
      method: "PUT",
      path: `/api/public/v1/billing/details`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }
}

export class Cli extends Group {
  /** Start a login through a user's browser. */
  login(fields: types.CliLoginBody): Promise<Answer<types.CliLogin>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/cli/login`,
      body: fields,
    });
  }

  /** Poll for the result of a login. */
  loginToken(fields: types.CliTokenBody): Promise<Answer<types.CreatedKey | types.CliLoginPending>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/cli/login/token`,
      body: fields,
    });
  }
}

export class Codes extends Group {
  /** List all codes. */
  list(fields?: types.CodesListQuery): List<types.CodeRow> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/codes`,
      query: fields,
    });
  }

  /** Redeem a code or a voucher once. */
  redeem(fields: types.RedemptionsRedeemBody, options?: Keyed): Promise<Answer<types.RedeemedCode>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/codes/redeem`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }
}

export class Credits extends Group {
  /** List the account's payments and redemptions, newest first. */
  list(fields?: types.CreditsListQuery): List<types.CreditLine> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/credits`,
      query: fields,
    });
  }
}

export class Deliveries extends Group {
  /** Cancel a delivery. */
  cancel(deliveryId: string, options?: Keyed): Promise<Answer<types.Delivery>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/deliveries/${inPath(deliveryId)}/cancel`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Show a delivery with its attempts. */
  get(deliveryId: string): Promise<Answer<types.DeliveryWithAttempts>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/deliveries/${inPath(deliveryId)}`,
    });
  }

  /** List deliveries. */
  list(fields?: types.DeliveriesListQuery): List<types.Delivery> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/deliveries`,
      query: fields,
    });
  }

  /** Replay a delivery. */
  replay(deliveryId: string, options?: Keyed): Promise<Answer<types.Delivery>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/deliveries/${inPath(deliveryId)}/replay`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }
}

export class Disputes extends Group {
  /** List disputes: open ones by their deadline for evidence, or ended ones. */
  list(fields?: types.DisputesListQuery): List<types.Dispute> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/disputes`,
      query: fields,
    });
  }
}

export class Documents extends Group {
  /** List receipts and credit notes, newest first. */
  list(fields?: types.DocumentsListQuery): List<types.BillingDocument> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/documents`,
      query: fields,
    });
  }

  /** Get a receipt or credit note as a PDF. */
  pdf(documentId: string): Promise<Uint8Array> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/documents/${inPath(documentId)}/pdf`,
      isFile: true,
    });
  }
}

export class Entitlements extends Group {
  /** Check whether the account may use an entitlement now. */
  get(entitlementName: string): Promise<Answer<types.Entitlement>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/entitlements/${inPath(entitlementName)}`,
    });
  }

  /** List what the account's plan entitles it to. */
  list(fields?: types.EntitlementsListQuery): List<types.Entitlement> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/entitlements`,
      query: fields,
    });
  }

  /** Count uses of a limited entitlement. */
  use(entitlementName: string, fields: types.UseBody, options?: Keyed): Promise<Answer<types.Entitlement>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/entitlements/${inPath(entitlementName)}/use`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }
}

export class Events extends Group {
  /** Show an event. */
  get(eventId: string): Promise<Answer<types.Event>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/events/${inPath(eventId)}`,
    });
  }

  /** List or poll events. */
  list(fields?: types.EventsListQuery): List<types.Event> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/events`,
      query: fields,
    });
  }
}

export class Holds extends Group {
  /** Capture what was used of a hold, and release the rest. */
  capture(holdId: string, fields?: types.CaptureBody, options?: Keyed): Promise<Answer<types.ChangedHold>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/holds/${inPath(holdId)}/capture`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Hold credit for usage whose price isn't known yet. */
  create(fields: types.HoldBody, options?: Keyed): Promise<Answer<types.ChangedHold>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/holds`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Extend a hold. */
  extend(holdId: string, fields?: types.ExtendBody, options?: Keyed): Promise<Answer<types.ChangedHold>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/holds/${inPath(holdId)}/extend`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Show a hold. */
  get(holdId: string): Promise<Answer<types.Hold>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/holds/${inPath(holdId)}`,
    });
  }

  /** List holds, newest first. */
  list(fields?: types.HoldsListQuery): List<types.Hold> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/holds`,
      query: fields,
    });
  }

  /** Release a hold. */
  release(holdId: string, options?: Keyed): Promise<Answer<types.ChangedHold>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/holds/${inPath(holdId)}/release`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }
}

export class Keys extends Group {
  /** Create a key. */
  create(fields?: types.NewKey, options?: Keyed): Promise<Answer<types.CreatedKey>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/keys`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Create a sandbox account. */
  createSandbox(fields?: types.SandboxBody): Promise<Answer<types.SandboxKey>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/keys/sandbox`,
      body: fields ?? {},
    });
  }

  /** Revoke a key. */
  delete(keyId: string, options?: Keyed): Promise<Answer<types.ApiKey>> {
    return this.client.run({
      method: "DELETE",
      path: `/api/public/v1/keys/${inPath(keyId)}`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Revoke the calling key. */
  deleteOwn(options?: Keyed): Promise<Answer<types.ApiKey>> {
    return this.client.run({
      method: "DELETE",
      path: `/api/public/v1/keys/self`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Show a key. */
  get(keyId: string): Promise<Answer<types.ApiKey>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/keys/${inPath(keyId)}`,
    });
  }

  /** List keys. */
  list(fields?: types.KeysListQuery): List<types.ApiKey> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/keys`,
      query: fields,
    });
  }

  /** Show what the calling key may do now. */
  own(): Promise<Answer<types.OwnKey>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/keys/self`,
    });
  }

  /** Pause a key. */
  pause(keyId: string, options?: Keyed): Promise<Answer<types.ApiKey>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/keys/${inPath(keyId)}/pause`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Resume a paused key. */
  resume(keyId: string, options?: Keyed): Promise<Answer<types.ApiKey>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/keys/${inPath(keyId)}/resume`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Rotate a key. */
  rotate(keyId: string, fields?: types.Rotation, options?: Keyed): Promise<Answer<types.CreatedKey>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/keys/${inPath(keyId)}/rotate`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Show a key and its descendants. */
  tree(keyId: string): Promise<Answer<types.KeyTree>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/keys/${inPath(keyId)}/tree`,
    });
  }

  /** Change a key. */
  update(keyId: string, fields?: types.KeyChanges, options?: Keyed): Promise<Answer<types.ApiKey>> {
    return this.client.run({
      method: "PATCH",
      path: `/api/public/v1/keys/${inPath(keyId)}`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }
}

export class Notices extends Group {
  /** List notices of failing webhooks. */
  list(fields?: types.NoticesListQuery): List<types.Notice> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/notices`,
      query: fields,
    });
  }
}

export class Orders extends Group {
  /** Create an order for credit. */
  create(fields: types.OrderBody, options?: Keyed): Promise<Answer<types.Order>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/orders`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** List an order's credit notes and debit notes, newest first. */
  creditNotes(orderId: string, fields?: types.OrdersCreditNotesQuery): List<types.BillingDocument> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/orders/${inPath(orderId)}/credit-notes`,
      query: fields,
    });
  }

  /** Show an order. */
  get(orderId: string): Promise<Answer<types.Order>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/orders/${inPath(orderId)}`,
    });
  }

  /** List orders, newest first. */
  list(fields?: types.OrdersListQuery): List<types.Order> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/orders`,
      query: fields,
    });
  }

  /** Get an order's receipt as a PDF. */
  receiptPdf(orderId: string): Promise<Uint8Array> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/orders/${inPath(orderId)}/receipt.pdf`,
      isFile: true,
    });
  }

  /** Refund an order, fully or partly. */
  refund(orderId: string, fields: types.RefundBody, options?: Keyed): Promise<Answer<types.Refund>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/orders/${inPath(orderId)}/refund`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }
}

export class Packs extends Group {
  /** List the packs that can be bought. */
  list(fields?: types.PacksListQuery): List<types.Pack> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/packs`,
      query: fields,
    });
  }
}

export class Platforms extends Group {
  /** List platforms that can be topped up. */
  list(fields?: types.PlatformsListQuery): List<types.Platform> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/platforms`,
      query: fields,
    });
  }
}

export class PortalLinks extends Group {
  /** Create a portal link. */
  create(fields?: types.PortalLinkBody, options?: Keyed): Promise<Answer<types.CreatedPortalLink>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/portal-links`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Revoke a portal link. */
  delete(linkId: string, options?: Keyed): Promise<Answer<types.PortalLink>> {
    return this.client.run({
      method: "DELETE",
      path: `/api/public/v1/portal-links/${inPath(linkId)}`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Show a portal link. */
  get(linkId: string): Promise<Answer<types.PortalLink>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/portal-links/${inPath(linkId)}`,
    });
  }

  /** List portal links. */
  list(fields?: types.PortalLinksListQuery): List<types.PortalLink> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/portal-links`,
      query: fields,
    });
  }
}

export class Prices extends Group {
  /** List what each model's tokens cost. */
  list(fields?: types.PricesListQuery): List<types.Price> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/prices`,
      query: fields,
    });
  }
}

export class Refunds extends Group {
  /** Decide a refund whose outcome is unknown. */
  decide(refundId: string, fields: types.DecideBody, options?: Keyed): Promise<Answer<types.Refund>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/refunds/${inPath(refundId)}/decide`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Show a refund. */
  get(refundId: string): Promise<Answer<types.Refund>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/refunds/${inPath(refundId)}`,
    });
  }

  /** List all orders' refunds, newest first. */
  list(fields?: types.RefundsListQuery): List<types.Refund> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/refunds`,
      query: fields,
    });
  }
}

export class Replays extends Group {
  /** Cancel a replay. */
  cancel(replayId: string, options?: Keyed): Promise<Answer<types.Replay>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/replays/${inPath(replayId)}/cancel`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Show a replay. */
  get(replayId: string): Promise<Answer<types.Replay>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/replays/${inPath(replayId)}`,
    });
  }

  /** List replays. */
  list(fields?: types.ReplaysListQuery): List<types.Replay> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/replays`,
      query: fields,
    });
  }

  /** Pause a replay. */
  pause(replayId: string, options?: Keyed): Promise<Answer<types.Replay>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/replays/${inPath(replayId)}/pause`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Resume a replay. */
  resume(replayId: string, options?: Keyed): Promise<Answer<types.Replay>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/replays/${inPath(replayId)}/resume`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }
}

export class Reports extends Group {
  /** Report credit sold, granted, used, expired and still held, by month. */
  outstanding(fields?: types.ReportsOutstandingQuery): List<types.OutstandingLine> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/reports/outstanding`,
      query: fields,
    });
  }

  /** Report payments, refunds and providers' fees by month. */
  revenue(fields?: types.ReportsRevenueQuery): List<types.RevenueLine> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/reports/revenue`,
      query: fields,
    });
  }
}

export class Sandbox extends Group {
  /** Show the account's clock. */
  clock(): Promise<Answer<types.OwnTime>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/sandbox/clock`,
    });
  }

  /** Add test credit to the staging wallet. */
  fund(fields: types.FundBody, options?: Keyed): Promise<Answer<types.Funding>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/sandbox/fund`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Advance the staging account's clock. */
  setClock(fields: types.ClockBody, options?: Keyed): Promise<Answer<types.AccountClock>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/sandbox/clock`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Settle a pending staging top-up. */
  settleTopup(transactionId: string, fields: types.OutcomeBody, options?: Keyed): Promise<Answer<types.SettledTopUp>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/sandbox/topups/${inPath(transactionId)}`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }
}

export class Subscriptions extends Group {
  /** End a plan at the period's end or now. */
  cancel(subscriptionId: string, fields?: types.CancelPlanBody, options?: Keyed): Promise<Answer<types.Subscription>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/subscriptions/${inPath(subscriptionId)}/cancel`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Change to another plan or billing interval. */
  change(subscriptionId: string, fields: types.ChangePlanBody, options?: Keyed): Promise<Answer<types.Subscription>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/subscriptions/${inPath(subscriptionId)}/change`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Show a plan of the account, and its next charge. */
  get(subscriptionId: string): Promise<Answer<types.Subscription>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/subscriptions/${inPath(subscriptionId)}`,
    });
  }

  /** Grant a free period of a plan. */
  grantFreePeriod(subscriptionId: string, fields: types.GrantFreePeriodBody, options?: Keyed): Promise<Answer<types.FreePeriod>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/subscriptions/${inPath(subscriptionId)}/free-periods`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** List the account's plans, newest first. */
  list(fields?: types.SubscriptionsListQuery): List<types.Subscription> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/subscriptions`,
      query: fields,
    });
  }

  /** Pause a plan: nothing is charged until it resumes. */
  pause(subscriptionId: string, fields?: types.PausePlanBody, options?: Keyed): Promise<Answer<types.Subscription>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/subscriptions/${inPath(subscriptionId)}/pause`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Show what a change of plan would cost. */
  previewChange(subscriptionId: string, fields?: types.SubscriptionsPreviewChangeQuery): Promise<Answer<types.PlanChange>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/subscriptions/${inPath(subscriptionId)}/change`,
      query: fields,
    });
  }

  /** Resume a plan that is paused, or would end with its period. */
  resume(subscriptionId: string, options?: Keyed): Promise<Answer<types.Subscription>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/subscriptions/${inPath(subscriptionId)}/resume`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Revoke a free period. */
  revokeFreePeriod(subscriptionId: string, periodId: string, fields: types.RevokeFreePeriodBody, options?: Keyed): Promise<Answer<types.FreePeriod>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/subscriptions/${inPath(subscriptionId)}/free-periods/${inPath(periodId)}/revoke`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }
}

export class Tokens extends Group {
  /** Create an access token. */
  create(fields?: types.CreateTokenBody, options?: Keyed): Promise<Answer<types.CreatedToken>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/tokens`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Revoke an access token. */
  delete(tokenId: string, options?: Keyed): Promise<Answer<types.AccessToken>> {
    return this.client.run({
      method: "DELETE",
      path: `/api/public/v1/tokens/${inPath(tokenId)}`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Revoke the access token that the body names. */
  deleteByValue(fields: types.DeleteTokenBody, options?: Keyed): Promise<Answer<types.AccessToken>> {
    return this.client.run({
      method: "DELETE",
      path: `/api/public/v1/tokens`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** List access tokens. */
  list(fields?: types.TokensListQuery): List<types.AccessToken> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/tokens`,
      query: fields,
    });
  }
}

export class Topups extends Group {
  /** Show the wallet and what the key may still spend. */
  balance(): Promise<Answer<types.Balance>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/topup/balance`,
    });
  }

  /** Cancel a scheduled or pending top-up. */
  cancel(fields: types.CancelBody, options?: Keyed): Promise<Answer<types.SettledTopUp>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/topup/cancel`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Remove a saved payment method. */
  deletePaymentMethod(methodRef: string, fields?: types.TopupsDeletePaymentMethodQuery, options?: Keyed): Promise<Answer<types.PaymentMethods>> {
    return this.client.run({
      method: "DELETE",
      path: `/api/public/v1/topup/balance/recharge/methods/${inPath(methodRef)}`,
      query: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Remove the auto-recharge. */
  deleteRecharge(options?: Keyed): Promise<Answer<types.Recharge>> {
    return this.client.run({
      method: "DELETE",
      path: `/api/public/v1/topup/balance/recharge`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** List top-ups, newest first. */
  history(fields?: types.TopupsHistoryQuery): List<types.TopUp> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/topup/history`,
      query: fields,
    });
  }

  /** List saved payment methods. */
  paymentMethods(fields?: types.TopupsPaymentMethodsQuery): Promise<Answer<types.PaymentMethods>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/topup/balance/recharge/methods`,
      query: fields,
    });
  }

  /** Get a top-up's signed receipt. */
  receipt(transactionId: string): Promise<Answer<types.TopUpReceipt>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/topup/${inPath(transactionId)}/receipt`,
    });
  }

  /** Show the auto-recharge and its latest charges. */
  recharge(): Promise<Answer<types.Recharge>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/topup/balance/recharge`,
    });
  }

  /** Send the recipient's mail once more. */
  resend(transactionId: string, options?: Keyed): Promise<Answer<types.RecipientMail>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/topup/${inPath(transactionId)}/resend`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Reverse a delivered top-up that was not used. */
  reverse(transactionId: string, fields: types.ReverseBody, options?: Keyed): Promise<Answer<types.ReversedTopUp>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/topup/${inPath(transactionId)}/reverse`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Get the page for saving a payment method. */
  savePaymentMethod(fields: types.SaveBody, options?: Keyed): Promise<Answer<types.SavePage>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/topup/balance/recharge/methods`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Send prepaid credit to a recipient's wallet. */
  send(fields: types.SendBody, options?: Keyed): Promise<Answer<types.Sent | types.SentForApproval>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/topup/send`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Send many top-ups in one call. */
  sendBulk(fields: types.BulkBody, options?: Keyed): Promise<Answer<types.BulkQuote | types.AcceptedBatch>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/topup/bulk`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Set the thresholds of balance.low. */
  setBalanceThreshold(fields?: types.ThresholdBody, options?: Keyed): Promise<Answer<types.Threshold>> {
    return this.client.run({
      method: "PUT",
      path: `/api/public/v1/topup/balance/threshold`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Set the auto-recharge. */
  setRecharge(fields: types.RechargeBody, options?: Keyed): Promise<Answer<types.Recharge>> {
    return this.client.run({
      method: "PUT",
      path: `/api/public/v1/topup/balance/recharge`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Show a statement: opening balance, transfers, closing balance. */
  statement(fields?: types.TopupsStatementQuery): Promise<Answer<types.Statement>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/topup/statement`,
      query: fields,
    });
  }

  /** Show a top-up with its ledger transfers and events. */
  status(transactionId: string, fields?: types.TopupsStatusQuery): Promise<Answer<types.TopUpStory>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/topup/status/${inPath(transactionId)}`,
      query: fields,
    });
  }

  /** Validate a send: check the same rules, and write nothing. */
  validate(fields: types.ValidateBody): Promise<Answer<types.Quote>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/topup/validate`,
      body: fields,
    });
  }
}

export class Usage extends Group {
  /** List usage, newest first, or add it up by day, model or key. */
  list(fields?: types.UsageListQuery): List<types.UsageLine> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/usage`,
      query: fields,
    });
  }

  /** Charge credit for AI usage. */
  record(fields?: types.UsageBody, options?: Keyed): Promise<Answer<types.Usage | types.UsageBatch>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/usage`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** List usage, newest first, or add it up by day, model or key. */
  sums(fields?: types.UsageSumsQuery): Promise<Answer<types.UsageGroups>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/usage`,
      query: fields,
    });
  }
}

export class Vouchers extends Group {
  /** Show a voucher that this account issued. */
  get(code: string): Promise<Answer<types.IssuedVoucher>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/vouchers/${inPath(code)}`,
    });
  }

  /** Redeem a voucher once. */
  redeem(fields: types.VouchersRedeemBody, options?: Keyed): Promise<Answer<types.RedeemedVoucher>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/vouchers/redeem`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }
}

export class Wallets extends Group {
  /** List recipients' wallets. */
  list(fields?: types.WalletsListQuery): List<types.RecipientWallet> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/wallets`,
      query: fields,
    });
  }
}

export class Webhooks extends Group {
  /** Certify a receiver. */
  certify(endpointId: string, fields?: types.CertifyBody, options?: Keyed): Promise<Answer<types.CertifiedReceiver>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/webhooks/${inPath(endpointId)}/certify`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Delete a webhook. */
  delete(endpointId: string, options?: Keyed): Promise<Answer<types.DeletedEndpoint>> {
    return this.client.run({
      method: "DELETE",
      path: `/api/public/v1/webhooks/${inPath(endpointId)}`,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Show a webhook. */
  get(endpointId: string): Promise<Answer<types.WebhookEndpoint>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/webhooks/${inPath(endpointId)}`,
    });
  }

  /** Show a webhook's health. */
  health(endpointId: string, fields?: types.WebhooksHealthQuery): Promise<Answer<types.WebhookHealth>> {
    return this.client.run({
      method: "GET",
      path: `/api/public/v1/webhooks/${inPath(endpointId)}/health`,
      query: fields,
    });
  }

  /** List webhooks. */
  list(fields?: types.WebhooksListQuery): List<types.WebhookEndpoint> {
    return new List(this.client, {
      method: "GET",
      path: `/api/public/v1/webhooks`,
      query: fields,
    });
  }

  /** Register a webhook. */
  register(fields: types.RegisterBody, options?: Keyed): Promise<Answer<types.EndpointWithSecret>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/webhooks/register`,
      body: fields,
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Send deliveries of a period again. */
  replay(endpointId: string, fields?: types.ReplayBody, options?: Keyed): Promise<Answer<types.Replay | types.ReplayCount>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/webhooks/${inPath(endpointId)}/replay`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Rotate a webhook's secret. */
  rotateSecret(endpointId: string, fields?: types.WebhooksRotateBody, options?: Keyed): Promise<Answer<types.EndpointWithSecret>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/webhooks/${inPath(endpointId)}/rotate-secret`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Send a sample event. */
  test(endpointId: string, fields?: types.TestEventBody, options?: Keyed): Promise<Answer<types.Attempt>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/webhooks/${inPath(endpointId)}/test`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Change a webhook. */
  update(endpointId: string, fields?: types.WebhooksPatchBody, options?: Keyed): Promise<Answer<types.WebhookEndpoint>> {
    return this.client.run({
      method: "PATCH",
      path: `/api/public/v1/webhooks/${inPath(endpointId)}`,
      body: fields ?? {},
      key: options?.idempotencyKey ?? crypto.randomUUID(),
    });
  }

  /** Check a received webhook. */
  verify(fields: types.VerifyBody): Promise<Answer<types.Verification>> {
    return this.client.run({
      method: "POST",
      path: `/api/public/v1/webhooks/verify`,
      body: fields,
    });
  }
}

export abstract class Operations implements Runner {
  readonly account = new Account(this);
  readonly approvals = new Approvals(this);
  readonly audit = new Audit(this);
  readonly batches = new Batches(this);
  readonly billing = new Billing(this);
  readonly cli = new Cli(this);
  readonly codes = new Codes(this);
  readonly credits = new Credits(this);
  readonly deliveries = new Deliveries(this);
  readonly disputes = new Disputes(this);
  readonly documents = new Documents(this);
  readonly entitlements = new Entitlements(this);
  readonly events = new Events(this);
  readonly holds = new Holds(this);
  readonly keys = new Keys(this);
  readonly notices = new Notices(this);
  readonly orders = new Orders(this);
  readonly packs = new Packs(this);
  readonly platforms = new Platforms(this);
  readonly portalLinks = new PortalLinks(this);
  readonly prices = new Prices(this);
  readonly refunds = new Refunds(this);
  readonly replays = new Replays(this);
  readonly reports = new Reports(this);
  readonly sandbox = new Sandbox(this);
  readonly subscriptions = new Subscriptions(this);
  readonly tokens = new Tokens(this);
  readonly topups = new Topups(this);
  readonly usage = new Usage(this);
  readonly vouchers = new Vouchers(this);
  readonly wallets = new Wallets(this);
  readonly webhooks = new Webhooks(this);

  abstract run<T>(call: Call<T>): Promise<T>;
}