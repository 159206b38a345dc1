"""The calls of the API by subject. Made by `make clients`: changes here are lost."""

from typing import Unpack

from . import models, requests
from .answers import Answer, Page
from .lists import Group, List, Runner, in_path
from .retries import Call, new_key


class Account(Group):
    def limits(self) -> Answer[models.AccountLimits]:
        """Show the account's daily limit."""
        call = Call("GET", "/api/public/v1/account/limits", Answer[models.AccountLimits])
        return self._client.run(call)

    def set_limits(
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
        return self._client.run(call)


class Approvals(Group):
    def approve(
        self, approval_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.DecidedTopUp]:
        """Approve a held send."""
        call = Call(
            "POST",
            f"/api/public/v1/approvals/{in_path(approval_id)}/approve",
            Answer[models.DecidedTopUp],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def deny(
        self, approval_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.DecidedTopUp]:
        """Deny a held send."""
        call = Call(
            "POST",
            f"/api/public/v1/approvals/{in_path(approval_id)}/deny",
            Answer[models.DecidedTopUp],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def get(
        self, approval_id: str, **fields: Unpack[requests.ApprovalsGetQuery]
    ) -> Answer[models.AskedApproval]:
        """Show an approval."""
        call = Call(
            "GET",
            f"/api/public/v1/approvals/{in_path(approval_id)}",
            Answer[models.AskedApproval],
            query=fields,
        )
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.ApprovalsListQuery]) -> List[models.AskedApproval]:
        """List sends that need approval, and decided ones."""
        call = Call(
            "GET", "/api/public/v1/approvals", Answer[Page[models.AskedApproval]], query=fields
        )
        return List(self._client, call)


class Audit(Group):
    def list(self, **fields: Unpack[requests.AuditListQuery]) -> List[models.AuditEntry]:
        """List the account's security log."""
        call = Call("GET", "/api/public/v1/audit", Answer[Page[models.AuditEntry]], query=fields)
        return List(self._client, call)


class Batches(Group):
    def cancel(self, batch_id: str, *, idempotency_key: str | None = None) -> Answer[models.Batch]:
        """Cancel the undelivered top-ups of a bulk send."""
        call = Call(
            "POST",
            f"/api/public/v1/batches/{in_path(batch_id)}/cancel",
            Answer[models.Batch],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def get(
        self, batch_id: str, **fields: Unpack[requests.BatchesGetQuery]
    ) -> Answer[models.BatchStory]:
        """Show a bulk send with its items."""
        call = Call(
            "GET",
            f"/api/public/v1/batches/{in_path(batch_id)}",
            Answer[models.BatchStory],
            query=fields,
        )
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.BatchesListQuery]) -> List[models.Batch]:
        """List bulk sends, newest first."""
        call = Call("GET", "/api/public/v1/batches", Answer[Page[models.Batch]], query=fields)
        return List(self._client, call)


class Billing(Group):
    def details(self) -> Answer[models.BillingDetails]:
        """Show the billing details for receipts."""
        call = Call("GET", "/api/public/v1/billing/details", Answer[models.BillingDetails])
        return self._client.run(call)

    def set_details(
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
        return self._client.run(call)


class Cli(Group):
    def login(self, **fields: Unpack[requests.CliLoginBody]) -> Answer[models.CliLogin]:
        """Start a login through a user's browser."""
        call = Call("POST", "/api/public/v1/cli/login", Answer[models.CliLogin], body=fields)
        return self._client.run(call)

    def login_token(
        self, **fields: Unpack[requests.CliTokenBody]
    ) -> Answer[models.CreatedKey | models.CliLoginPending]:
        """Poll for the result of a login."""
        call = Call(
            "POST",
            "/api/public/v1/cli/login/token",
            Answer[models.CreatedKey | models.CliLoginPending],
            body=fields,
        )
        return self._client.run(call)


class Codes(Group):
    def list(self, **fields: Unpack[requests.CodesListQuery]) -> List[models.CodeRow]:
        """List all codes."""
        call = Call("GET", "/api/public/v1/codes", Answer[Page[models.CodeRow]], query=fields)
        return List(self._client, call)

    def redeem(
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
        return self._client.run(call)


class Credits(Group):
    def list(self, **fields: Unpack[requests.CreditsListQuery]) -> List[models.CreditLine]:
        """List the account's payments and redemptions, newest first."""
        call = Call("GET", "/api/public/v1/credits", Answer[Page[models.CreditLine]], query=fields)
        return List(self._client, call)


class Deliveries(Group):
    def cancel(
        self, delivery_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.Delivery]:
        """Cancel a delivery."""
        call = Call(
            "POST",
            f"/api/public/v1/deliveries/{in_path(delivery_id)}/cancel",
            Answer[models.Delivery],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def get(self, delivery_id: str) -> Answer[models.DeliveryWithAttempts]:
        """Show a delivery with its attempts."""
        call = Call(
            "GET",
            f"/api/public/v1/deliveries/{in_path(delivery_id)}",
            Answer[models.DeliveryWithAttempts],
        )
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.DeliveriesListQuery]) -> List[models.Delivery]:
        """List deliveries."""
        call = Call("GET", "/api/public/v1/deliveries", Answer[Page[models.Delivery]], query=fields)
        return List(self._client, call)

    def replay(
        self, delivery_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.Delivery]:
        """Replay a delivery."""
        call = Call(
            "POST",
            f"/api/public/v1/deliveries/{in_path(delivery_id)}/replay",
            Answer[models.Delivery],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)


class Disputes(Group):
    def list(self, **fields: Unpack[requests.DisputesListQuery]) -> List[models.Dispute]:
        """List disputes: open ones by their deadline for evidence, or ended ones."""
        call = Call("GET", "/api/public/v1/disputes", Answer[Page[models.Dispute]], query=fields)
        return List(self._client, call)


class Documents(Group):
    def list(self, **fields: Unpack[requests.DocumentsListQuery]) -> List[models.BillingDocument]:
        """List receipts and credit notes, newest first."""
        call = Call(
            "GET", "/api/public/v1/documents", Answer[Page[models.BillingDocument]], query=fields
        )
        return List(self._client, call)

    def pdf(self, document_id: str) -> bytes:
        """Get a receipt or credit note as a PDF."""
        call = Call("GET", f"/api/public/v1/documents/{in_path(document_id)}/pdf", bytes)
        return self._client.run(call)


class Entitlements(Group):
    def get(self, entitlement_name: str) -> Answer[models.Entitlement]:
        """Check whether the account may use an entitlement now."""
        call = Call(
            "GET",
            f"/api/public/v1/entitlements/{in_path(entitlement_name)}",
            Answer[models.Entitlement],
        )
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.EntitlementsListQuery]) -> List[models.Entitlement]:
        """List what the account's plan entitles it to."""
        call = Call(
            "GET", "/api/public/v1/entitlements", Answer[Page[models.Entitlement]], query=fields
        )
        return List(self._client, call)

    def use(
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
        return self._client.run(call)


class Events(Group):
    def get(self, event_id: str) -> Answer[models.Event]:
        """Show an event."""
        call = Call("GET", f"/api/public/v1/events/{in_path(event_id)}", Answer[models.Event])
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.EventsListQuery]) -> List[models.Event]:
        """List or poll events."""
        call = Call("GET", "/api/public/v1/events", Answer[Page[models.Event]], query=fields)
        return List(self._client, call)


class Holds(Group):
    def capture(
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
        return self._client.run(call)

    def create(
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
        return self._client.run(call)

    def extend(
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
        return self._client.run(call)

    def get(self, hold_id: str) -> Answer[models.Hold]:
        """Show a hold."""
        call = Call("GET", f"/api/public/v1/holds/{in_path(hold_id)}", Answer[models.Hold])
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.HoldsListQuery]) -> List[models.Hold]:
        """List holds, newest first."""
        call = Call("GET", "/api/public/v1/holds", Answer[Page[models.Hold]], query=fields)
        return List(self._client, call)

    def release(
        self, hold_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.ChangedHold]:
        """Release a hold."""
        call = Call(
            "POST",
            f"/api/public/v1/holds/{in_path(hold_id)}/release",
            Answer[models.ChangedHold],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)


class Keys(Group):
    def create(
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
        return self._client.run(call)

    def create_sandbox(self, **fields: Unpack[requests.SandboxBody]) -> Answer[models.SandboxKey]:
        """Create a sandbox account."""
        call = Call("POST", "/api/public/v1/keys/sandbox", Answer[models.SandboxKey], body=fields)
        return self._client.run(call)

    def delete(self, key_id: str, *, idempotency_key: str | None = None) -> Answer[models.ApiKey]:
        """Revoke a key."""
        call = Call(
            "DELETE",
            f"/api/public/v1/keys/{in_path(key_id)}",
            Answer[models.ApiKey],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def delete_own(self, *, idempotency_key: str | None = None) -> Answer[models.ApiKey]:
        """Revoke the calling key."""
        call = Call(
            "DELETE",
            "/api/public/v1/keys/self",
            Answer[models.ApiKey],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def get(self, key_id: str) -> Answer[models.ApiKey]:
        """Show a key."""
        call = Call("GET", f"/api/public/v1/keys/{in_path(key_id)}", Answer[models.ApiKey])
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.KeysListQuery]) -> List[models.ApiKey]:
        """List keys."""
        call = Call("GET", "/api/public/v1/keys", Answer[Page[models.ApiKey]], query=fields)
        return List(self._client, call)

    def own(self) -> Answer[models.OwnKey]:
        """Show what the calling key may do now."""
        call = Call("GET", "/api/public/v1/keys/self", Answer[models.OwnKey])
        return self._client.run(call)

    def pause(self, key_id: str, *, idempotency_key: str | None = None) -> Answer[models.ApiKey]:
        """Pause a key."""
        call = Call(
            "POST",
            f"/api/public/v1/keys/{in_path(key_id)}/pause",
            Answer[models.ApiKey],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def resume(self, key_id: str, *, idempotency_key: str | None = None) -> Answer[models.ApiKey]:
        """Resume a paused key."""
        call = Call(
            "POST",
            f"/api/public/v1/keys/{in_path(key_id)}/resume",
            Answer[models.ApiKey],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def rotate(
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
        return self._client.run(call)

    def tree(self, key_id: str) -> Answer[models.KeyTree]:
        """Show a key and its descendants."""
        call = Call("GET", f"/api/public/v1/keys/{in_path(key_id)}/tree", Answer[models.KeyTree])
        return self._client.run(call)

    def update(
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
        return self._client.run(call)


class Notices(Group):
    def list(self, **fields: Unpack[requests.NoticesListQuery]) -> List[models.Notice]:
        """List notices of failing webhooks."""
        call = Call("GET", "/api/public/v1/notices", Answer[Page[models.Notice]], query=fields)
        return List(self._client, call)


class Orders(Group):
    def create(
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
        return self._client.run(call)

    def credit_notes(
        self, order_id: str, **fields: Unpack[requests.OrdersCreditNotesQuery]
    ) -> List[models.BillingDocument]:
        """List an order's credit notes and debit notes, newest first."""
        call = Call(
            "GET",
            f"/api/public/v1/orders/{in_path(order_id)}/credit-notes",
            Answer[Page[models.BillingDocument]],
            query=fields,
        )
        return List(self._client, call)

    def get(self, order_id: str) -> Answer[models.Order]:
        """Show an order."""
        call = Call("GET", f"/api/public/v1/orders/{in_path(order_id)}", Answer[models.Order])
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.OrdersListQuery]) -> List[models.Order]:
        """List orders, newest first."""
        call = Call("GET", "/api/public/v1/orders", Answer[Page[models.Order]], query=fields)
        return List(self._client, call)

    def receipt_pdf(self, order_id: str) -> bytes:
        """Get an order's receipt as a PDF."""
        call = Call("GET", f"/api/public/v1/orders/{in_path(order_id)}/receipt.pdf", bytes)
        return self._client.run(call)

    def refund(
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
        return self._client.run(call)


class Packs(Group):
    def list(self, **fields: Unpack[requests.PacksListQuery]) -> List[models.Pack]:
        """List the packs that can be bought."""
        call = Call("GET", "/api/public/v1/packs", Answer[Page[models.Pack]], query=fields)
        return List(self._client, call)


class Platforms(Group):
    def list(self, **fields: Unpack[requests.PlatformsListQuery]) -> List[models.Platform]:
        """List platforms that can be topped up."""
        call = Call("GET", "/api/public/v1/platforms", Answer[Page[models.Platform]], query=fields)
        return List(self._client, call)


class PortalLinks(Group):
    def create(
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
        return self._client.run(call)

    def delete(
        self, link_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.PortalLink]:
        """Revoke a portal link."""
        call = Call(
            "DELETE",
            f"/api/public/v1/portal-links/{in_path(link_id)}",
            Answer[models.PortalLink],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def get(self, link_id: str) -> Answer[models.PortalLink]:
        """Show a portal link."""
        call = Call(
            "GET", f"/api/public/v1/portal-links/{in_path(link_id)}", Answer[models.PortalLink]
        )
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.PortalLinksListQuery]) -> List[models.PortalLink]:
        """List portal links."""
        call = Call(
            "GET", "/api/public/v1/portal-links", Answer[Page[models.PortalLink]], query=fields
        )
        return List(self._client, call)


class Prices(Group):
    def list(self, **fields: Unpack[requests.PricesListQuery]) -> List[models.Price]:
        """List what each model's tokens cost."""
        call = Call("GET", "/api/public/v1/prices", Answer[Page[models.Price]], query=fields)
        return List(self._client, call)


class Refunds(Group):
    def decide(
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
        return self._client.run(call)

    def get(self, refund_id: str) -> Answer[models.Refund]:
        """Show a refund."""
        call = Call("GET", f"/api/public/v1/refunds/{in_path(refund_id)}", Answer[models.Refund])
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.RefundsListQuery]) -> List[models.Refund]:
        """List all orders' refunds, newest first."""
        call = Call("GET", "/api/public/v1/refunds", Answer[Page[models.Refund]], query=fields)
        return List(self._client, call)


class Replays(Group):
    def cancel(
        self, replay_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.Replay]:
        """Cancel a replay."""
        call = Call(
            "POST",
            f"/api/public/v1/replays/{in_path(replay_id)}/cancel",
            Answer[models.Replay],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def get(self, replay_id: str) -> Answer[models.Replay]:
        """Show a replay."""
        call = Call("GET", f"/api/public/v1/replays/{in_path(replay_id)}", Answer[models.Replay])
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.ReplaysListQuery]) -> List[models.Replay]:
        """List replays."""
        call = Call("GET", "/api/public/v1/replays", Answer[Page[models.Replay]], query=fields)
        return List(self._client, call)

    def pause(self, replay_id: str, *, idempotency_key: str | None = None) -> Answer[models.Replay]:
        """Pause a replay."""
        call = Call(
            "POST",
            f"/api/public/v1/replays/{in_path(replay_id)}/pause",
            Answer[models.Replay],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def resume(
        self, replay_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.Replay]:
        """Resume a replay."""
        call = Call(
            "POST",
            f"/api/public/v1/replays/{in_path(replay_id)}/resume",
            Answer[models.Replay],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)


class Reports(Group):
    def outstanding(
        self, **fields: Unpack[requests.ReportsOutstandingQuery]
    ) -> List[models.OutstandingLine]:
        """Report credit sold, granted, used, expired and still held, by month."""
        call = Call(
            "GET",
            "/api/public/v1/reports/outstanding",
            Answer[Page[models.OutstandingLine]],
            query=fields,
        )
        return List(self._client, call)

    def revenue(self, **fields: Unpack[requests.ReportsRevenueQuery]) -> List[models.RevenueLine]:
        """Report payments, refunds and providers' fees by month."""
        call = Call(
            "GET", "/api/public/v1/reports/revenue", Answer[Page[models.RevenueLine]], query=fields
        )
        return List(self._client, call)


class Sandbox(Group):
    def clock(self) -> Answer[models.OwnTime]:
        """Show the account's clock."""
        call = Call("GET", "/api/public/v1/sandbox/clock", Answer[models.OwnTime])
        return self._client.run(call)

    def fund(
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
        return self._client.run(call)

    def set_clock(
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
        return self._client.run(call)

    def settle_topup(
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
        return self._client.run(call)


class Subscriptions(Group):
    def cancel(
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
        return self._client.run(call)

    def change(
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
        return self._client.run(call)

    def get(self, subscription_id: str) -> Answer[models.Subscription]:
        """Show a plan of the account, and its next charge."""
        call = Call(
            "GET",
            f"/api/public/v1/subscriptions/{in_path(subscription_id)}",
            Answer[models.Subscription],
        )
        return self._client.run(call)

    def grant_free_period(
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
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.SubscriptionsListQuery]) -> List[models.Subscription]:
        """List the account's plans, newest first."""
        call = Call(
            "GET", "/api/public/v1/subscriptions", Answer[Page[models.Subscription]], query=fields
        )
        return List(self._client, call)

    def pause(
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
        return self._client.run(call)

    def preview_change(
        self, subscription_id: str, **fields: Unpack[requests.SubscriptionsPreviewChangeQuery]
    ) -> Answer[models.PlanChange]:
        """Show what a change of plan would cost."""
        call = Call(
            "GET",
            f"/api/public/v1/subscriptions/{in_path(subscription_id)}/change",
            Answer[models.PlanChange],
            query=fields,
        )
        return self._client.run(call)

    def resume(
        self, subscription_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.Subscription]:
        """Resume a plan that is paused, or would end with its period."""
        call = Call(
            "POST",
            f"/api/public/v1/subscriptions/{in_path(subscription_id)}/resume",
            Answer[models.Subscription],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def revoke_free_period(
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
        return self._client.run(call)


class Tokens(Group):
    def create(
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
        return self._client.run(call)

    def delete(
        self, token_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.AccessToken]:
        """Revoke an access token."""
        call = Call(
            "DELETE",
            f"/api/public/v1/tokens/{in_path(token_id)}",
            Answer[models.AccessToken],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def delete_by_value(
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
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.TokensListQuery]) -> List[models.AccessToken]:
        """List access tokens."""
        call = Call("GET", "/api/public/v1/tokens", Answer[Page[models.AccessToken]], query=fields)
        return List(self._client, call)


class Topups(Group):
    def balance(self) -> Answer[models.Balance]:
        """Show the wallet and what the key may still spend."""
        call = Call("GET", "/api/public/v1/topup/balance", Answer[models.Balance])
        return self._client.run(call)

    def cancel(
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
        return self._client.run(call)

    def delete_payment_method(
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
        return self._client.run(call)

    def delete_recharge(self, *, idempotency_key: str | None = None) -> Answer[models.Recharge]:
        """Remove the auto-recharge."""
        call = Call(
            "DELETE",
            "/api/public/v1/topup/balance/recharge",
            Answer[models.Recharge],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def history(self, **fields: Unpack[requests.TopupsHistoryQuery]) -> List[models.TopUp]:
        """List top-ups, newest first."""
        call = Call("GET", "/api/public/v1/topup/history", Answer[Page[models.TopUp]], query=fields)
        return List(self._client, call)

    def payment_methods(
        self, **fields: Unpack[requests.TopupsPaymentMethodsQuery]
    ) -> Answer[models.PaymentMethods]:
        """List saved payment methods."""
        call = Call(
            "GET",
            "/api/public/v1/topup/balance/recharge/methods",
            Answer[models.PaymentMethods],
            query=fields,
        )
        return self._client.run(call)

    def receipt(self, transaction_id: str) -> Answer[models.TopUpReceipt]:
        """Get a top-up's signed receipt."""
        call = Call(
            "GET",
            f"/api/public/v1/topup/{in_path(transaction_id)}/receipt",
            Answer[models.TopUpReceipt],
        )
        return self._client.run(call)

    def recharge(self) -> Answer[models.Recharge]:
        """Show the auto-recharge and its latest charges."""
        call = Call("GET", "/api/public/v1/topup/balance/recharge", Answer[models.Recharge])
        return self._client.run(call)

    def resend(
        self, transaction_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.RecipientMail]:
        """Send the recipient's mail once more."""
        call = Call(
            "POST",
            f"/api/public/v1/topup/{in_path(transaction_id)}/resend",
            Answer[models.RecipientMail],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def reverse(
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
        return self._client.run(call)

    def save_payment_method(
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
        return self._client.run(call)

    def send(
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
        return self._client.run(call)

    def send_bulk(
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
        return self._client.run(call)

    def set_balance_threshold(
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
        return self._client.run(call)

    def set_recharge(
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
        return self._client.run(call)

    def statement(
        self, **fields: Unpack[requests.TopupsStatementQuery]
    ) -> Answer[models.Statement]:
        """Show a statement: opening balance, transfers, closing balance."""
        call = Call("GET", "/api/public/v1/topup/statement", Answer[models.Statement], query=fields)
        return self._client.run(call)

    def status(
        self, transaction_id: str, **fields: Unpack[requests.TopupsStatusQuery]
    ) -> Answer[models.TopUpStory]:
        """Show a top-up with its ledger transfers and events."""
        call = Call(
            "GET",
            f"/api/public/v1/topup/status/{in_path(transaction_id)}",
            Answer[models.TopUpStory],
            query=fields,
        )
        return self._client.run(call)

    def validate(self, **fields: Unpack[requests.ValidateBody]) -> Answer[models.Quote]:
        """Validate a send: check the same rules, and write nothing."""
        call = Call("POST", "/api/public/v1/topup/validate", Answer[models.Quote], body=fields)
        return self._client.run(call)


class Usage(Group):
    def list(self, **fields: Unpack[requests.UsageListQuery]) -> List[models.UsageLine]:
        """List usage, newest first, or add it up by day, model or key."""
        call = Call("GET", "/api/public/v1/usage", Answer[Page[models.UsageLine]], query=fields)
        return List(self._client, call)

    def record(
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
        return self._client.run(call)

    def sums(self, **fields: Unpack[requests.UsageSumsQuery]) -> Answer[models.UsageGroups]:
        """List usage, newest first, or add it up by day, model or key."""
        call = Call("GET", "/api/public/v1/usage", Answer[models.UsageGroups], query=fields)
        return self._client.run(call)


class Vouchers(Group):
    def get(self, code: str) -> Answer[models.IssuedVoucher]:
        """Show a voucher that this account issued."""
        call = Call("GET", f"/api/public/v1/vouchers/{in_path(code)}", Answer[models.IssuedVoucher])
        return self._client.run(call)

    def redeem(
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
        return self._client.run(call)


class Wallets(Group):
    def list(self, **fields: Unpack[requests.WalletsListQuery]) -> List[models.RecipientWallet]:
        """List recipients' wallets."""
        call = Call(
            "GET", "/api/public/v1/wallets", Answer[Page[models.RecipientWallet]], query=fields
        )
        return List(self._client, call)


class Webhooks(Group):
    def certify(
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
        return self._client.run(call)

    def delete(
        self, endpoint_id: str, *, idempotency_key: str | None = None
    ) -> Answer[models.DeletedEndpoint]:
        """Delete a webhook."""
        call = Call(
            "DELETE",
            f"/api/public/v1/webhooks/{in_path(endpoint_id)}",
            Answer[models.DeletedEndpoint],
            key=idempotency_key or new_key(),
        )
        return self._client.run(call)

    def get(self, endpoint_id: str) -> Answer[models.WebhookEndpoint]:
        """Show a webhook."""
        call = Call(
            "GET", f"/api/public/v1/webhooks/{in_path(endpoint_id)}", Answer[models.WebhookEndpoint]
        )
        return self._client.run(call)

    def health(
        self, endpoint_id: str, **fields: Unpack[requests.WebhooksHealthQuery]
    ) -> Answer[models.WebhookHealth]:
        """Show a webhook's health."""
        call = Call(
            "GET",
            f"/api/public/v1/webhooks/{in_path(endpoint_id)}/health",
            Answer[models.WebhookHealth],
            query=fields,
        )
        return self._client.run(call)

    def list(self, **fields: Unpack[requests.WebhooksListQuery]) -> List[models.WebhookEndpoint]:
        """List webhooks."""
        call = Call(
            "GET", "/api/public/v1/webhooks", Answer[Page[models.WebhookEndpoint]], query=fields
        )
        return List(self._client, call)

    def register(
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
        return self._client.run(call)

    def replay(
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
        return self._client.run(call)

    def rotate_secret(
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
        return self._client.run(call)

    def test(
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
        return self._client.run(call)

    def update(
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
        return self._client.run(call)

    def verify(self, **fields: Unpack[requests.VerifyBody]) -> Answer[models.Verification]:
        """Check a received webhook."""
        call = Call(
            "POST", "/api/public/v1/webhooks/verify", Answer[models.Verification], body=fields
        )
        return self._client.run(call)


class Operations(Runner):
    def __init__(self) -> None:
        self.account = Account(self)
        self.approvals = Approvals(self)
        self.audit = Audit(self)
        self.batches = Batches(self)
        self.billing = Billing(self)
        self.cli = Cli(self)
        self.codes = Codes(self)
        self.credits = Credits(self)
        self.deliveries = Deliveries(self)
        self.disputes = Disputes(self)
        self.documents = Documents(self)
        self.entitlements = Entitlements(self)
        self.events = Events(self)
        self.holds = Holds(self)
        self.keys = Keys(self)
        self.notices = Notices(self)
        self.orders = Orders(self)
        self.packs = Packs(self)
        self.platforms = Platforms(self)
        self.portal_links = PortalLinks(self)
        self.prices = Prices(self)
        self.refunds = Refunds(self)
        self.replays = Replays(self)
        self.reports = Reports(self)
        self.sandbox = Sandbox(self)
        self.subscriptions = Subscriptions(self)
        self.tokens = Tokens(self)
        self.topups = Topups(self)
        self.usage = Usage(self)
        self.vouchers = Vouchers(self)
        self.wallets = Wallets(self)
        self.webhooks = Webhooks(self)
