"""The calls of the API by subject. Made by `make clients`: changes here are lost."""

from typing import Unpack

from . import models, requests
from .answers import Answer, Page
from .lists import AsyncGroup, AsyncList, AsyncRunner, in_path
from .retries import Call, new_key


class AsyncAccount(AsyncGroup):
    async def limits(self) -> Answer[models.AccountLimits]:
        """Show the account's daily limit."""
        call = Call("GET", "/api/public/v1/account/limits", Answer[models.AccountLimits])
        return await self._client.run(call)

    async def set_limits(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.AccountLimitsBody]
    ) -> Answer[models.AccountLimits]:
        """Set the account's daily limit."""
        call = Call(
            "PUT",
            "/api/public/v1/account/limits",
            Answer[models.AccountLimits],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)


class AsyncApprovals(AsyncGroup):
    async def approve(
        self, approval_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.DecidedTopUp]:
        """Approve a held send."""
        call = Call(
            "POST",
            f"/api/public/v1/approvals/{in_path(approval_id)}/approve",
            Answer[models.DecidedTopUp],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def deny(
        self, approval_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.DecidedTopUp]:
        """Deny a held send."""
        call = Call(
            "POST",
            f"/api/public/v1/approvals/{in_path(approval_id)}/deny",
            Answer[models.DecidedTopUp],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def get(
        self, approval_id: str, **fields: Unpack[requests.ApprovalsGetQuery]
    ) -> Answer[models.AskedApproval]:
        """Show an approval."""
        call = Call(
            "GET",
            f"/api/public/v1/approvals/{in_path(approval_id)}",
            Answer[models.AskedApproval],
            query=fields,
        )
        return await self._client.run(call)

    def list(
        self, **fields: Unpack[requests.ApprovalsListQuery]
    ) -> AsyncList[models.AskedApproval]:
        """List sends that need approval, and decided ones."""
        call = Call(
            "GET", "/api/public/v1/approvals", Answer[Page[models.AskedApproval]], query=fields
        )
        return AsyncList(self._client, call)


class AsyncAudit(AsyncGroup):
    def list(self, **fields: Unpack[requests.AuditListQuery]) -> AsyncList[models.AuditEntry]:
        """List the account's security log."""
        call = Call("GET", "/api/public/v1/audit", Answer[Page[models.AuditEntry]], query=fields)
        return AsyncList(self._client, call)


class AsyncBatches(AsyncGroup):
    async def cancel(
        self, batch_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.Batch]:
        """Cancel the undelivered top-ups of a bulk send."""
        call = Call(
            "POST",
            f"/api/public/v1/batches/{in_path(batch_id)}/cancel",
            Answer[models.Batch],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def get(
        self, batch_id: str, **fields: Unpack[requests.BatchesGetQuery]
    ) -> Answer[models.BatchStory]:
        """Show a bulk send with its items."""
        call = Call(
            "GET",
            f"/api/public/v1/batches/{in_path(batch_id)}",
            Answer[models.BatchStory],
            query=fields,
        )
        return await self._client.run(call)

    def list(self, **fields: Unpack[requests.BatchesListQuery]) -> AsyncList[models.Batch]:
        """List bulk sends, newest first."""
        call = Call("GET", "/api/public/v1/batches", Answer[Page[models.Batch]], query=fields)
        return AsyncList(self._client, call)


class AsyncBilling(AsyncGroup):
    async def details(self) -> Answer[models.BillingDetails]:
        """Show the billing details for receipts."""
        call = Call("GET", "/api/public/v1/billing/details", Answer[models.BillingDetails])
        return await self._client.run(call)

    async def set_details(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.BillingDetailsBody]
    ) -> Answer[models.BillingDetails]:
        """Set the billing details for receipts."""
        call = Call(
            "PUT",
            "/api/public/v1/billing/details",
            Answer[models.BillingDetails],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)


class AsyncCli(AsyncGroup):
    async def login(self, **fields: Unpack[requests.CliLoginBody]) -> Answer[models.CliLogin]:
        """Start a login through a user's browser."""
        call = Call("POST", "/api/public/v1/cli/login", Answer[models.CliLogin], body=fields)
        return await self._client.run(call)

    async def login_token(
        self, **fields: Unpack[requests.CliTokenBody]
    ) -> Answer[models.CreatedKey | models.CliLoginPending]:
        """Poll for the result of a login."""
        call = Call(
            "POST",
            "/api/public/v1/cli/login/token",
            Answer[models.CreatedKey | models.CliLoginPending],
            body=fields,
        )
        return await self._client.run(call)


class AsyncCodes(AsyncGroup):
    def list(self, **fields: Unpack[requests.CodesListQuery]) -> AsyncList[models.CodeRow]:
        """List all codes."""
        call = Call("GET", "/api/public/v1/codes", Answer[Page[models.CodeRow]], query=fields)
        return AsyncList(self._client, call)

    async def redeem(
        self,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.RedemptionsRedeemBody],
    ) -> Answer[models.RedeemedCode]:
        """Redeem a code or a voucher once."""
        call = Call(
            "POST",
            "/api/public/v1/codes/redeem",
            Answer[models.RedeemedCode],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)


class AsyncCredits(AsyncGroup):
    def list(self, **fields: Unpack[requests.CreditsListQuery]) -> AsyncList[models.CreditLine]:
        """List the account's payments and redemptions, newest first."""
        call = Call("GET", "/api/public/v1/credits", Answer[Page[models.CreditLine]], query=fields)
        return AsyncList(self._client, call)


class AsyncDeliveries(AsyncGroup):
    async def cancel(
        self, delivery_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.Delivery]:
        """Cancel a delivery."""
        call = Call(
            "POST",
            f"/api/public/v1/deliveries/{in_path(delivery_id)}/cancel",
            Answer[models.Delivery],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def get(self, delivery_id: str) -> Answer[models.DeliveryWithAttempts]:
        """Show a delivery with its attempts."""
        call = Call(
            "GET",
            f"/api/public/v1/deliveries/{in_path(delivery_id)}",
            Answer[models.DeliveryWithAttempts],
        )
        return await self._client.run(call)

    def list(self, **fields: Unpack[requests.DeliveriesListQuery]) -> AsyncList[models.Delivery]:
        """List deliveries."""
        call = Call("GET", "/api/public/v1/deliveries", Answer[Page[models.Delivery]], query=fields)
        return AsyncList(self._client, call)

    async def replay(
        self, delivery_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.Delivery]:
        """Replay a delivery."""
        call = Call(
            "POST",
            f"/api/public/v1/deliveries/{in_path(delivery_id)}/replay",
            Answer[models.Delivery],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)


class AsyncDisputes(AsyncGroup):
    def list(self, **fields: Unpack[requests.DisputesListQuery]) -> AsyncList[models.Dispute]:
        """List disputes: open ones by their deadline for evidence, or ended ones."""
        call = Call("GET", "/api/public/v1/disputes", Answer[Page[models.Dispute]], query=fields)
        return AsyncList(self._client, call)


class AsyncDocuments(AsyncGroup):
    def list(
        self, **fields: Unpack[requests.DocumentsListQuery]
    ) -> AsyncList[models.BillingDocument]:
        """List receipts and credit notes, newest first."""
        call = Call(
            "GET", "/api/public/v1/documents", Answer[Page[models.BillingDocument]], query=fields
        )
        return AsyncList(self._client, call)

    async def pdf(self, document_id: str) -> bytes:
        """Get a receipt or credit note as a PDF."""
        call = Call("GET", f"/api/public/v1/documents/{in_path(document_id)}/pdf", bytes)
        return await self._client.run(call)


class AsyncEntitlements(AsyncGroup):
    async def get(self, entitlement_name: str) -> Answer[models.Entitlement]:
        """Check whether the account may use an entitlement now."""
        call = Call(
            "GET",
            f"/api/public/v1/entitlements/{in_path(entitlement_name)}",
            Answer[models.Entitlement],
        )
        return await self._client.run(call)

    def list(
        self, **fields: Unpack[requests.EntitlementsListQuery]
    ) -> AsyncList[models.Entitlement]:
        """List what the account's plan entitles it to."""
        call = Call(
            "GET", "/api/public/v1/entitlements", Answer[Page[models.Entitlement]], query=fields
        )
        return AsyncList(self._client, call)

    async def use(
        self,
        entitlement_name: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.UseBody],
    ) -> Answer[models.Entitlement]:
        """Count uses of a limited entitlement."""
        call = Call(
            "POST",
            f"/api/public/v1/entitlements/{in_path(entitlement_name)}/use",
            Answer[models.Entitlement],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)


class AsyncEvents(AsyncGroup):
    async def get(self, event_id: str) -> Answer[models.Event]:
        """Show an event."""
        call = Call("GET", f"/api/public/v1/events/{in_path(event_id)}", Answer[models.Event])
        return await self._client.run(call)

    def list(self, **fields: Unpack[requests.EventsListQuery]) -> AsyncList[models.Event]:
        """List or poll events."""
        call = Call("GET", "/api/public/v1/events", Answer[Page[models.Event]], query=fields)
        return AsyncList(self._client, call)


class AsyncHolds(AsyncGroup):
    async def capture(
        self,
        hold_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.CaptureBody],
    ) -> Answer[models.ChangedHold]:
        """Capture what was used of a hold, and release the rest."""
        call = Call(
            "POST",
            f"/api/public/v1/holds/{in_path(hold_id)}/capture",
            Answer[models.ChangedHold],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.HoldBody]
    ) -> Answer[models.ChangedHold]:
        """Hold credit for usage whose price isn't known yet."""
        call = Call(
            "POST",
            "/api/public/v1/holds",
            Answer[models.ChangedHold],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def extend(
        self,
        hold_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.ExtendBody],
    ) -> Answer[models.ChangedHold]:
        """Extend a hold."""
        call = Call(
            "POST",
            f"/api/public/v1/holds/{in_path(hold_id)}/extend",
            Answer[models.ChangedHold],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def get(self, hold_id: str) -> Answer[models.Hold]:
        """Show a hold."""
        call = Call("GET", f"/api/public/v1/holds/{in_path(hold_id)}", Answer[models.Hold])
        return await self._client.run(call)

    def list(self, **fields: Unpack[requests.HoldsListQuery]) -> AsyncList[models.Hold]:
        """List holds, newest first."""
        call = Call("GET", "/api/public/v1/holds", Answer[Page[models.Hold]], query=fields)
        return AsyncList(self._client, call)

    async def release(
        self, hold_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.ChangedHold]:
        """Release a hold."""
        call = Call(
            "POST",
            f"/api/public/v1/holds/{in_path(hold_id)}/release",
            Answer[models.ChangedHold],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)


class AsyncKeys(AsyncGroup):
    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.NewKey]
    ) -> Answer[models.CreatedKey]:
        """Create a key."""
        call = Call(
            "POST",
            "/api/public/v1/keys",
            Answer[models.CreatedKey],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def create_sandbox(
        self, **fields: Unpack[requests.SandboxBody]
    ) -> Answer[models.SandboxKey]:
        """Create a sandbox account."""
        call = Call("POST", "/api/public/v1/keys/sandbox", Answer[models.SandboxKey], body=fields)
        return await self._client.run(call)

    async def delete(
        self, key_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.ApiKey]:
        """Revoke a key."""
        call = Call(
            "DELETE",
            f"/api/public/v1/keys/{in_path(key_id)}",
            Answer[models.ApiKey],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def delete_own(self, *, idempotency_key: str | None = None) -> Answer[models.ApiKey]:
        """Revoke the calling key."""
        call = Call(
            "DELETE",
            "/api/public/v1/keys/self",
            Answer[models.ApiKey],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def get(self, key_id: str) -> Answer[models.ApiKey]:
        """Show a key."""
        call = Call("GET", f"/api/public/v1/keys/{in_path(key_id)}", Answer[models.ApiKey])
        return await self._client.run(call)

    def list(self, **fields: Unpack[requests.KeysListQuery]) -> AsyncList[models.ApiKey]:
        """List keys."""
        call = Call("GET", "/api/public/v1/keys", Answer[Page[models.ApiKey]], query=fields)
        return AsyncList(self._client, call)

    async def own(self) -> Answer[models.OwnKey]:
        """Show what the calling key may do now."""
        call = Call("GET", "/api/public/v1/keys/self", Answer[models.OwnKey])
        return await self._client.run(call)

    async def pause(
        self, key_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.ApiKey]:
        """Pause a key."""
        call = Call(
            "POST",
            f"/api/public/v1/keys/{in_path(key_id)}/pause",
            Answer[models.ApiKey],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def resume(
        self, key_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.ApiKey]:
        """Resume a paused key."""
        call = Call(
            "POST",
            f"/api/public/v1/keys/{in_path(key_id)}/resume",
            Answer[models.ApiKey],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def rotate(
        self,
        key_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.Rotation],
    ) -> Answer[models.CreatedKey]:
        """Rotate a key."""
        call = Call(
            "POST",
            f"/api/public/v1/keys/{in_path(key_id)}/rotate",
            Answer[models.CreatedKey],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def tree(self, key_id: str) -> Answer[models.KeyTree]:
        """Show a key and its descendants."""
        call = Call("GET", f"/api/public/v1/keys/{in_path(key_id)}/tree", Answer[models.KeyTree])
        return await self._client.run(call)

    async def update(
        self,
        key_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.KeyChanges],
    ) -> Answer[models.ApiKey]:
        """Change a key."""
        call = Call(
            "PATCH",
            f"/api/public/v1/keys/{in_path(key_id)}",
            Answer[models.ApiKey],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)


class AsyncNotices(AsyncGroup):
    def list(self, **fields: Unpack[requests.NoticesListQuery]) -> AsyncList[models.Notice]:
        """List notices of failing webhooks."""
        call = Call("GET", "/api/public/v1/notices", Answer[Page[models.Notice]], query=fields)
        return AsyncList(self._client, call)


class AsyncOrders(AsyncGroup):
    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.OrderBody]
    ) -> Answer[models.Order]:
        """Create an order for credit."""
        call = Call(
            "POST",
            "/api/public/v1/orders",
            Answer[models.Order],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    def credit_notes(
        self, order_id: str, **fields: Unpack[requests.OrdersCreditNotesQuery]
    ) -> AsyncList[models.BillingDocument]:
        """List an order's credit notes and debit notes, newest first."""
        call = Call(
            "GET",
            f"/api/public/v1/orders/{in_path(order_id)}/credit-notes",
            Answer[Page[models.BillingDocument]],
            query=fields,
        )
        return AsyncList(self._client, call)

    async def get(self, order_id: str) -> Answer[models.Order]:
        """Show an order."""
        call = Call("GET", f"/api/public/v1/orders/{in_path(order_id)}", Answer[models.Order])
        return await self._client.run(call)

    def list(self, **fields: Unpack[requests.OrdersListQuery]) -> AsyncList[models.Order]:
        """List orders, newest first."""
        call = Call("GET", "/api/public/v1/orders", Answer[Page[models.Order]], query=fields)
        return AsyncList(self._client, call)

    async def receipt_pdf(self, order_id: str) -> bytes:
        """Get an order's receipt as a PDF."""
        call = Call("GET", f"/api/public/v1/orders/{in_path(order_id)}/receipt.pdf", bytes)
        return await self._client.run(call)

    async def refund(
        self,
        order_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.RefundBody],
    ) -> Answer[models.Refund]:
        """Refund an order, fully or partly."""
        call = Call(
            "POST",
            f"/api/public/v1/orders/{in_path(order_id)}/refund",
            Answer[models.Refund],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)


class AsyncPacks(AsyncGroup):
    def list(self, **fields: Unpack[requests.PacksListQuery]) -> AsyncList[models.Pack]:
        """List the packs that can be bought."""
        call = Call("GET", "/api/public/v1/packs", Answer[Page[models.Pack]], query=fields)
        return AsyncList(self._client, call)


class AsyncPlatforms(AsyncGroup):
    def list(self, **fields: Unpack[requests.PlatformsListQuery]) -> AsyncList[models.Platform]:
        """List platforms that can be topped up."""
        call = Call("GET", "/api/public/v1/platforms", Answer[Page[models.Platform]], query=fields)
        return AsyncList(self._client, call)


class AsyncPortalLinks(AsyncGroup):
    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.PortalLinkBody]
    ) -> Answer[models.CreatedPortalLink]:
        """Create a portal link."""
        call = Call(
            "POST",
            "/api/public/v1/portal-links",
            Answer[models.CreatedPortalLink],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def delete(
        self, link_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.PortalLink]:
        """Revoke a portal link."""
        call = Call(
            "DELETE",
            f"/api/public/v1/portal-links/{in_path(link_id)}",
            Answer[models.PortalLink],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def get(self, link_id: str) -> Answer[models.PortalLink]:
        """Show a portal link."""
        call = Call(
            "GET", f"/api/public/v1/portal-links/{in_path(link_id)}", Answer[models.PortalLink]
        )
        return await self._client.run(call)

    def list(self, **fields: Unpack[requests.PortalLinksListQuery]) -> AsyncList[models.PortalLink]:
        """List portal links."""
        call = Call(
            "GET", "/api/public/v1/portal-links", Answer[Page[models.PortalLink]], query=fields
        )
        return AsyncList(self._client, call)


class AsyncPrices(AsyncGroup):
    def list(self, **fields: Unpack[requests.PricesListQuery]) -> AsyncList[models.Price]:
        """List what each model's tokens cost."""
        call = Call("GET", "/api/public/v1/prices", Answer[Page[models.Price]], query=fields)
        return AsyncList(self._client, call)


class AsyncRefunds(AsyncGroup):
    async def decide(
        self,
        refund_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.DecideBody],
    ) -> Answer[models.Refund]:
        """Decide a refund whose outcome is unknown."""
        call = Call(
            "POST",
            f"/api/public/v1/refunds/{in_path(refund_id)}/decide",
            Answer[models.Refund],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def get(self, refund_id: str) -> Answer[models.Refund]:
        """Show a refund."""
        call = Call("GET", f"/api/public/v1/refunds/{in_path(refund_id)}", Answer[models.Refund])
        return await self._client.run(call)

    def list(self, **fields: Unpack[requests.RefundsListQuery]) -> AsyncList[models.Refund]:
        """List all orders' refunds, newest first."""
        call = Call("GET", "/api/public/v1/refunds", Answer[Page[models.Refund]], query=fields)
        return AsyncList(self._client, call)


class AsyncReplays(AsyncGroup):
    async def cancel(
        self, replay_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.Replay]:
        """Cancel a replay."""
        call = Call(
            "POST",
            f"/api/public/v1/replays/{in_path(replay_id)}/cancel",
            Answer[models.Replay],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def get(self, replay_id: str) -> Answer[models.Replay]:
        """Show a replay."""
        call = Call("GET", f"/api/public/v1/replays/{in_path(replay_id)}", Answer[models.Replay])
        return await self._client.run(call)

    def list(self, **fields: Unpack[requests.ReplaysListQuery]) -> AsyncList[models.Replay]:
        """List replays."""
        call = Call("GET", "/api/public/v1/replays", Answer[Page[models.Replay]], query=fields)
        return AsyncList(self._client, call)

    async def pause(
        self, replay_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.Replay]:
        """Pause a replay."""
        call = Call(
            "POST",
            f"/api/public/v1/replays/{in_path(replay_id)}/pause",
            Answer[models.Replay],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def resume(
        self, replay_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.Replay]:
        """Resume a replay."""
        call = Call(
            "POST",
            f"/api/public/v1/replays/{in_path(replay_id)}/resume",
            Answer[models.Replay],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)


class AsyncReports(AsyncGroup):
    def outstanding(
        self, **fields: Unpack[requests.ReportsOutstandingQuery]
    ) -> AsyncList[models.OutstandingLine]:
        """Report credit sold, granted, used, expired and still held, by month."""
        call = Call(
            "GET",
            "/api/public/v1/reports/outstanding",
            Answer[Page[models.OutstandingLine]],
            query=fields,
        )
        return AsyncList(self._client, call)

    def revenue(
        self, **fields: Unpack[requests.ReportsRevenueQuery]
    ) -> AsyncList[models.RevenueLine]:
        """Report payments, refunds and providers' fees by month."""
        call = Call(
            "GET", "/api/public/v1/reports/revenue", Answer[Page[models.RevenueLine]], query=fields
        )
        return AsyncList(self._client, call)


class AsyncSandbox(AsyncGroup):
    async def clock(self) -> Answer[models.OwnTime]:
        """Show the account's clock."""
        call = Call("GET", "/api/public/v1/sandbox/clock", Answer[models.OwnTime])
        return await self._client.run(call)

    async def fund(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.FundBody]
    ) -> Answer[models.Funding]:
        """Add test credit to the staging wallet."""
        call = Call(
            "POST",
            "/api/public/v1/sandbox/fund",
            Answer[models.Funding],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def set_clock(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.ClockBody]
    ) -> Answer[models.AccountClock]:
        """Advance the staging account's clock."""
        call = Call(
            "POST",
            "/api/public/v1/sandbox/clock",
            Answer[models.AccountClock],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def settle_topup(
        self,
        transaction_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.OutcomeBody],
    ) -> Answer[models.SettledTopUp]:
        """Settle a pending staging top-up."""
        call = Call(
            "POST",
            f"/api/public/v1/sandbox/topups/{in_path(transaction_id)}",
            Answer[models.SettledTopUp],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)


class AsyncSubscriptions(AsyncGroup):
    async def cancel(
        self,
        subscription_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.CancelPlanBody],
    ) -> Answer[models.Subscription]:
        """End a plan at the period's end or now."""
        call = Call(
            "POST",
            f"/api/public/v1/subscriptions/{in_path(subscription_id)}/cancel",
            Answer[models.Subscription],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def change(
        self,
        subscription_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.ChangePlanBody],
    ) -> Answer[models.Subscription]:
        """Change to another plan or billing interval."""
        call = Call(
            "POST",
            f"/api/public/v1/subscriptions/{in_path(subscription_id)}/change",
            Answer[models.Subscription],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def get(self, subscription_id: str) -> Answer[models.Subscription]:
        """Show a plan of the account, and its next charge."""
        call = Call(
            "GET",
            f"/api/public/v1/subscriptions/{in_path(subscription_id)}",
            Answer[models.Subscription],
        )
        return await self._client.run(call)

    async def grant_free_period(
        self,
        subscription_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.GrantFreePeriodBody],
    ) -> Answer[models.FreePeriod]:
        """Grant a free period of a plan."""
        call = Call(
            "POST",
            f"/api/public/v1/subscriptions/{in_path(subscription_id)}/free-periods",
            Answer[models.FreePeriod],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    def list(
        self, **fields: Unpack[requests.SubscriptionsListQuery]
    ) -> AsyncList[models.Subscription]:
        """List the account's plans, newest first."""
        call = Call(
            "GET", "/api/public/v1/subscriptions", Answer[Page[models.Subscription]], query=fields
        )
        return AsyncList(self._client, call)

    async def pause(
        self,
        subscription_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.PausePlanBody],
    ) -> Answer[models.Subscription]:
        """Pause a plan: nothing is charged until it resumes."""
        call = Call(
            "POST",
            f"/api/public/v1/subscriptions/{in_path(subscription_id)}/pause",
            Answer[models.Subscription],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def preview_change(
        self, subscription_id: str, **fields: Unpack[requests.SubscriptionsPreviewChangeQuery]
    ) -> Answer[models.PlanChange]:
        """Show what a change of plan would cost."""
        call = Call(
            "GET",
            f"/api/public/v1/subscriptions/{in_path(subscription_id)}/change",
            Answer[models.PlanChange],
            query=fields,
        )
        return await self._client.run(call)

    async def resume(
        self, subscription_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.Subscription]:
        """Resume a plan that is paused, or would end with its period."""
        call = Call(
            "POST",
            f"/api/public/v1/subscriptions/{in_path(subscription_id)}/resume",
            Answer[models.Subscription],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def revoke_free_period(
        self,
        subscription_id: str,
        period_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.RevokeFreePeriodBody],
    ) -> Answer[models.FreePeriod]:
        """Revoke a free period."""
        call = Call(
            "POST",
            f"/api/public/v1/subscriptions/{in_path(subscription_id)}/free-periods/{in_path(period_id)}/revoke",
            Answer[models.FreePeriod],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)


class AsyncTokens(AsyncGroup):
    async def create(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.CreateTokenBody]
    ) -> Answer[models.CreatedToken]:
        """Create an access token."""
        call = Call(
            "POST",
            "/api/public/v1/tokens",
            Answer[models.CreatedToken],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def delete(
        self, token_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.AccessToken]:
        """Revoke an access token."""
        call = Call(
            "DELETE",
            f"/api/public/v1/tokens/{in_path(token_id)}",
            Answer[models.AccessToken],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def delete_by_value(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.DeleteTokenBody]
    ) -> Answer[models.AccessToken]:
        """Revoke the access token that the body names."""
        call = Call(
            "DELETE",
            "/api/public/v1/tokens",
            Answer[models.AccessToken],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    def list(self, **fields: Unpack[requests.TokensListQuery]) -> AsyncList[models.AccessToken]:
        """List access tokens."""
        call = Call("GET", "/api/public/v1/tokens", Answer[Page[models.AccessToken]], query=fields)
        return AsyncList(self._client, call)


class AsyncTopups(AsyncGroup):
    async def balance(self) -> Answer[models.Balance]:
        """Show the wallet and what the key may still spend."""
        call = Call("GET", "/api/public/v1/topup/balance", Answer[models.Balance])
        return await self._client.run(call)

    async def cancel(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.CancelBody]
    ) -> Answer[models.SettledTopUp]:
        """Cancel a scheduled or pending top-up."""
        call = Call(
            "POST",
            "/api/public/v1/topup/cancel",
            Answer[models.SettledTopUp],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def delete_payment_method(
        self,
        method_ref: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.TopupsDeletePaymentMethodQuery],
    ) -> Answer[models.PaymentMethods]:
        """Remove a saved payment method."""
        call = Call(
            "DELETE",
            f"/api/public/v1/topup/balance/recharge/methods/{in_path(method_ref)}",
            Answer[models.PaymentMethods],
            query=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def delete_recharge(
        self, *, idempotency_key: str | None = None
    ) -> Answer[models.Recharge]:
        """Remove the auto-recharge."""
        call = Call(
            "DELETE",
            "/api/public/v1/topup/balance/recharge",
            Answer[models.Recharge],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    def history(self, **fields: Unpack[requests.TopupsHistoryQuery]) -> AsyncList[models.TopUp]:
        """List top-ups, newest first."""
        call = Call("GET", "/api/public/v1/topup/history", Answer[Page[models.TopUp]], query=fields)
        return AsyncList(self._client, call)

    async def payment_methods(
        self, **fields: Unpack[requests.TopupsPaymentMethodsQuery]
    ) -> Answer[models.PaymentMethods]:
        """List saved payment methods."""
        call = Call(
            "GET",
            "/api/public/v1/topup/balance/recharge/methods",
            Answer[models.PaymentMethods],
            query=fields,
        )
        return await self._client.run(call)

    async def receipt(self, transaction_id: str) -> Answer[models.TopUpReceipt]:
        """Get a top-up's signed receipt."""
        call = Call(
            "GET",
            f"/api/public/v1/topup/{in_path(transaction_id)}/receipt",
            Answer[models.TopUpReceipt],
        )
        return await self._client.run(call)

    async def recharge(self) -> Answer[models.Recharge]:
        """Show the auto-recharge and its latest charges."""
        call = Call("GET", "/api/public/v1/topup/balance/recharge", Answer[models.Recharge])
        return await self._client.run(call)

    async def resend(
        self, transaction_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.RecipientMail]:
        """Send the recipient's mail once more."""
        call = Call(
            "POST",
            f"/api/public/v1/topup/{in_path(transaction_id)}/resend",
            Answer[models.RecipientMail],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def reverse(
        self,
        transaction_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.ReverseBody],
    ) -> Answer[models.ReversedTopUp]:
        """Reverse a delivered top-up that was not used."""
        call = Call(
            "POST",
            f"/api/public/v1/topup/{in_path(transaction_id)}/reverse",
            Answer[models.ReversedTopUp],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def save_payment_method(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.SaveBody]
    ) -> Answer[models.SavePage]:
        """Get the page for saving a payment method."""
        call = Call(
            "POST",
            "/api/public/v1/topup/balance/recharge/methods",
            Answer[models.SavePage],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def send(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.SendBody]
    ) -> Answer[models.Sent | models.SentForApproval]:
        """Send prepaid credit to a recipient's wallet."""
        call = Call(
            "POST",
            "/api/public/v1/topup/send",
            Answer[models.Sent | models.SentForApproval],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def send_bulk(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.BulkBody]
    ) -> Answer[models.BulkQuote | models.AcceptedBatch]:
        """Send many top-ups in one call."""
        call = Call(
            "POST",
            "/api/public/v1/topup/bulk",
            Answer[models.BulkQuote | models.AcceptedBatch],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def set_balance_threshold(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.ThresholdBody]
    ) -> Answer[models.Threshold]:
        """Set the thresholds of balance.low."""
        call = Call(
            "PUT",
            "/api/public/v1/topup/balance/threshold",
            Answer[models.Threshold],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def set_recharge(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.RechargeBody]
    ) -> Answer[models.Recharge]:
        """Set the auto-recharge."""
        call = Call(
            "PUT",
            "/api/public/v1/topup/balance/recharge",
            Answer[models.Recharge],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def statement(
        self, **fields: Unpack[requests.TopupsStatementQuery]
    ) -> Answer[models.Statement]:
        """Show a statement: opening balance, transfers, closing balance."""
        call = Call("GET", "/api/public/v1/topup/statement", Answer[models.Statement], query=fields)
        return await self._client.run(call)

    async def status(
        self, transaction_id: str, **fields: Unpack[requests.TopupsStatusQuery]
    ) -> Answer[models.TopUpStory]:
        """Show a top-up with its ledger transfers and events."""
        call = Call(
            "GET",
            f"/api/public/v1/topup/status/{in_path(transaction_id)}",
            Answer[models.TopUpStory],
            query=fields,
        )
        return await self._client.run(call)

    async def validate(self, **fields: Unpack[requests.ValidateBody]) -> Answer[models.Quote]:
        """Validate a send: check the same rules, and write nothing."""
        call = Call("POST", "/api/public/v1/topup/validate", Answer[models.Quote], body=fields)
        return await self._client.run(call)


class AsyncUsage(AsyncGroup):
    def list(self, **fields: Unpack[requests.UsageListQuery]) -> AsyncList[models.UsageLine]:
        """List usage, newest first, or add it up by day, model or key."""
        call = Call("GET", "/api/public/v1/usage", Answer[Page[models.UsageLine]], query=fields)
        return AsyncList(self._client, call)

    async def record(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.UsageBody]
    ) -> Answer[models.Usage | models.UsageBatch]:
        """Charge credit for AI usage."""
        call = Call(
            "POST",
            "/api/public/v1/usage",
            Answer[models.Usage | models.UsageBatch],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def sums(self, **fields: Unpack[requests.UsageSumsQuery]) -> Answer[models.UsageGroups]:
        """List usage, newest first, or add it up by day, model or key."""
        call = Call("GET", "/api/public/v1/usage", Answer[models.UsageGroups], query=fields)
        return await self._client.run(call)


class AsyncVouchers(AsyncGroup):
    async def get(self, code: str) -> Answer[models.IssuedVoucher]:
        """Show a voucher that this account issued."""
        call = Call("GET", f"/api/public/v1/vouchers/{in_path(code)}", Answer[models.IssuedVoucher])
        return await self._client.run(call)

    async def redeem(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.VouchersRedeemBody]
    ) -> Answer[models.RedeemedVoucher]:
        """Redeem a voucher once."""
        call = Call(
            "POST",
            "/api/public/v1/vouchers/redeem",
            Answer[models.RedeemedVoucher],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)


class AsyncWallets(AsyncGroup):
    def list(
        self, **fields: Unpack[requests.WalletsListQuery]
    ) -> AsyncList[models.RecipientWallet]:
        """List recipients' wallets."""
        call = Call(
            "GET", "/api/public/v1/wallets", Answer[Page[models.RecipientWallet]], query=fields
        )
        return AsyncList(self._client, call)


class AsyncWebhooks(AsyncGroup):
    async def certify(
        self,
        endpoint_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.CertifyBody],
    ) -> Answer[models.CertifiedReceiver]:
        """Certify a receiver."""
        call = Call(
            "POST",
            f"/api/public/v1/webhooks/{in_path(endpoint_id)}/certify",
            Answer[models.CertifiedReceiver],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def delete(
        self, endpoint_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.DeletedEndpoint]:
        """Delete a webhook."""
        call = Call(
            "DELETE",
            f"/api/public/v1/webhooks/{in_path(endpoint_id)}",
            Answer[models.DeletedEndpoint],
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def get(self, endpoint_id: str) -> Answer[models.WebhookEndpoint]:
        """Show a webhook."""
        call = Call(
            "GET", f"/api/public/v1/webhooks/{in_path(endpoint_id)}", Answer[models.WebhookEndpoint]
        )
        return await self._client.run(call)

    async def health(
        self, endpoint_id: str, **fields: Unpack[requests.WebhooksHealthQuery]
    ) -> Answer[models.WebhookHealth]:
        """Show a webhook's health."""
        call = Call(
            "GET",
            f"/api/public/v1/webhooks/{in_path(endpoint_id)}/health",
            Answer[models.WebhookHealth],
            query=fields,
        )
        return await self._client.run(call)

    def list(
        self, **fields: Unpack[requests.WebhooksListQuery]
    ) -> AsyncList[models.WebhookEndpoint]:
        """List webhooks."""
        call = Call(
            "GET", "/api/public/v1/webhooks", Answer[Page[models.WebhookEndpoint]], query=fields
        )
        return AsyncList(self._client, call)

    async def register(
        self, *, idempotency_key: str | None = None, **fields: Unpack[requests.RegisterBody]
    ) -> Answer[models.EndpointWithSecret]:
        """Register a webhook."""
        call = Call(
            "POST",
            "/api/public/v1/webhooks/register",
            Answer[models.EndpointWithSecret],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def replay(
        self,
        endpoint_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.ReplayBody],
    ) -> Answer[models.Replay | models.ReplayCount]:
        """Send deliveries of a period again."""
        call = Call(
            "POST",
            f"/api/public/v1/webhooks/{in_path(endpoint_id)}/replay",
            Answer[models.Replay | models.ReplayCount],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def rotate_secret(
        self,
        endpoint_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.WebhooksRotateBody],
    ) -> Answer[models.EndpointWithSecret]:
        """Rotate a webhook's secret."""
        call = Call(
            "POST",
            f"/api/public/v1/webhooks/{in_path(endpoint_id)}/rotate-secret",
            Answer[models.EndpointWithSecret],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def test(
        self,
        endpoint_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.TestEventBody],
    ) -> Answer[models.Attempt]:
        """Send a sample event."""
        call = Call(
            "POST",
            f"/api/public/v1/webhooks/{in_path(endpoint_id)}/test",
            Answer[models.Attempt],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def update(
        self,
        endpoint_id: str,
        *,
        idempotency_key: str | None = None,
        **fields: Unpack[requests.WebhooksPatchBody],
    ) -> Answer[models.WebhookEndpoint]:
        """Change a webhook."""
        call = Call(
            "PATCH",
            f"/api/public/v1/webhooks/{in_path(endpoint_id)}",
            Answer[models.WebhookEndpoint],
            body=fields,
            key=idempotency_key or new_key(),
        )
        return await self._client.run(call)

    async def verify(self, **fields: Unpack[requests.VerifyBody]) -> Answer[models.Verification]:
        """Check a received webhook."""
        call = Call(
            "POST", "/api/public/v1/webhooks/verify", Answer[models.Verification], body=fields
        )
        return await self._client.run(call)


class AsyncOperations(AsyncRunner):
    def __init__(self) -> None:
        self.account = AsyncAccount(self)
        self.approvals = AsyncApprovals(self)
        self.audit = AsyncAudit(self)
        self.batches = AsyncBatches(self)
        self.billing = AsyncBilling(self)
        self.cli = AsyncCli(self)
        self.codes = AsyncCodes(self)
        self.credits = AsyncCredits(self)
        self.deliveries = AsyncDeliveries(self)
        self.disputes = AsyncDisputes(self)
        self.documents = AsyncDocuments(self)
        self.entitlements = AsyncEntitlements(self)
        self.events = AsyncEvents(self)
        self.holds = AsyncHolds(self)
        self.keys = AsyncKeys(self)
        self.notices = AsyncNotices(self)
        self.orders = AsyncOrders(self)
        self.packs = AsyncPacks(self)
        self.platforms = AsyncPlatforms(self)
        self.portal_links = AsyncPortalLinks(self)
        self.prices = AsyncPrices(self)
        self.refunds = AsyncRefunds(self)
        self.replays = AsyncReplays(self)
        self.reports = AsyncReports(self)
        self.sandbox = AsyncSandbox(self)
        self.subscriptions = AsyncSubscriptions(self)
        self.tokens = AsyncTokens(self)
        self.topups = AsyncTopups(self)
        self.usage = AsyncUsage(self)
        self.vouchers = AsyncVouchers(self)
        self.wallets = AsyncWallets(self)
        self.webhooks = AsyncWebhooks(self)
