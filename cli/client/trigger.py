"""`topup trigger`: cause an event with real calls, in staging only."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
import httpx

from cli.client.profiles import Access, access, access_kept, profile_option
from cli.client.remote_gateway import RemoteGateway
from cli.output import EXIT_USAGE, examples, fail, json_option, show_record

AMOUNT_CENTS: Final = 100
EVENT_S_MAX: Final = 5.0
_REFUSED_BY_PLATFORM: Final = 3005
_LOOK: Final = "topup topups list"

# A cause is a function that returns the ID of the event's subject. The event is found by this ID.
Cause = Callable[["Sandbox"], str]

CAUSES: Final[Mapping[str, Cause]] = {
    "topup.delivered": lambda sandbox: sandbox.sent(),
    "topup.failed": lambda sandbox: sandbox.sent("failed"),
    "topup.pending": lambda sandbox: sandbox.sent("pending"),
    "topup.cancelled": lambda sandbox: sandbox.cancelled("pending"),
    "topup.scheduled": lambda sandbox: sandbox.scheduled(),
    "topup.claimed": lambda sandbox: sandbox.claimed(),
    "topup.reversed": lambda sandbox: sandbox.reversed(),
    "voucher.redeemed": lambda sandbox: sandbox.redeemed(),
    "batch.completed": lambda sandbox: sandbox.batch(),
    "approval.requested": lambda sandbox: sandbox.sent("approval"),
    "approval.approved": lambda sandbox: sandbox.decided("approve"),
    "approval.denied": lambda sandbox: sandbox.decided("deny"),
    "approval.cancelled": lambda sandbox: sandbox.cancelled("approval"),
    "order.paid": lambda sandbox: sandbox.order("paid"),
    "order.failed": lambda sandbox: sandbox.order("failed"),
    "key.created": lambda sandbox: sandbox.key(is_paused=False),
    "key.paused": lambda sandbox: sandbox.key(is_paused=True),
    "key.resumed": lambda sandbox: sandbox.key(is_paused=True, is_resumed=True),
    "key.revoked": lambda sandbox: sandbox.key(is_paused=False),
    "key.cap_near": lambda sandbox: sandbox.used_up(),
    "key.cap_reached": lambda sandbox: sandbox.used_up(),
}
# Requesters can't decide on their own requests, so these events need another, unrelated key.
NEEDS_APPROVER: Final = frozenset({"approval.approved", "approval.denied", "key.resumed"})
_PLAN: Final = "a plan is bought, paid and changed by a person: `topup open plan`"
_SAVED: Final = "a recharge charges a card that a person saved: `topup open recharge`"
_LATER: Final = "it comes with time: move the account's clock, POST /sandbox/clock"
# Events that no key of the account can trigger, and what triggers them.
NOT_CAUSED: Final[Mapping[str, str]] = {
    "approval.expired": _LATER,
    "credit.expiring": _LATER,
    "credit.expired": _LATER,
    "balance.low": "set a threshold above the balance, PUT /topup/balance/threshold, and spend",
    "stock.low": "the operator's stock of codes runs low, not an account's",
    "dispute.opened": "the payer's bank opens it at a payment provider; the sandbox has no banks",
    "order.disputed": "a payer's bank opens it at a payment provider; the sandbox has no banks",
    "order.dispute_lost": "a payer's bank decides for its customer; the sandbox has no banks",
    "order.restored": "a payer's bank gives a disputed payment back; the sandbox has no banks",
    "order.refunded": "the operator refunds: `topup orders refund`",
    "recharge.succeeded": _SAVED,
    "recharge.failed": _SAVED,
    "subscription.started": _PLAN,
    "subscription.activated": _PLAN,
    "subscription.renewed": _PLAN,
    "subscription.changed": _PLAN,
    "subscription.past_due": _PLAN,
    "subscription.paused": _PLAN,
    "subscription.resumed": _PLAN,
    "subscription.canceling": _PLAN,
    "subscription.ended": _PLAN,
    "endpoint.disabled": "the receiver answers 410, or fails for days",
    "endpoint.test": "`topup webhooks test ENDPOINT_ID` sends it",
}
PLATFORM: Final = "claude"
_PAUSE_S: Final = 0.1


class Sandbox:
    """The calls that trigger events. `approver` decides with an unrelated key."""

    def __init__(self, given: Access, platform: str, approver: Access | None) -> None:
        self._given = given
        self._gateway = RemoteGateway(given)
        self._platform = platform
        self._approver = approver

    def made(self, path: str, body: Mapping[str, Any], method: str = "POST") -> Any:
        return self._gateway.change(method, path, body, look=_LOOK).data

    def sent(self, recipient: str = "trigger", **more: Any) -> str:
        body = {
            "platform": self._platform,
            "amount_cents": AMOUNT_CENTS,
            "recipient_email": f"{recipient}@sandbox.test",
            "note": "topup trigger",
            **more,
        }
        answer = self._gateway.change(
            "POST", "/topup/send", body, look=_LOOK, takes={_REFUSED_BY_PLATFORM}
        )
        return str(answer.transaction_id)

    def cancelled(self, recipient: str) -> str:
        transaction_id = self.sent(recipient)
        self.made("/topup/cancel", {"transaction_id": transaction_id})
        return transaction_id

    def reversed(self) -> str:
        transaction_id = self.sent()
        self.made(f"/topup/{transaction_id}/reverse", {"reason": "topup trigger"})
        return transaction_id

    def redeemed(self) -> str:
        transaction_id = self.sent()
        story = self._gateway.get(f"/topup/status/{transaction_id}").data
        self.made("/vouchers/redeem", {"code": story["voucher_code"]})
        return transaction_id

    def scheduled(self) -> str:
        later = datetime.now(UTC) + timedelta(days=1)
        return self.sent(send_at=later.strftime("%Y-%m-%dT%H:%M:%SZ"))

    def batch(self) -> str:
        item = {"platform": self._platform, "amount_cents": AMOUNT_CENTS}
        line = {**item, "recipient_email": "trigger@sandbox.test", "reference": _reference()}
        return str(self.made("/topup/bulk", {"items": [line]})["id"])

    def order(self, outcome: str) -> str:
        """Create an order, and press the button with this outcome on the sandbox's payment page."""
        order = self.made("/orders", {"provider": "sandbox", "amount_cents": AMOUNT_CENTS})
        self._press(order["url"], below="/sandbox/checkout/", outcome=outcome)
        return str(order["id"])

    def claimed(self) -> str:
        transaction_id = self.sent()
        story = self._gateway.get(f"/topup/status/{transaction_id}").data
        if story["claim_url"] is None:
            raise fail("the key does not see the claim page", exit_code=EXIT_USAGE)
        self._press(story["claim_url"], below="/claim/")
        return transaction_id

    def decided(self, decision: str) -> str:
        transaction_id = self.sent("approval")
        waiting = self._gateway.page("/approvals", limit=20)["items"]
        (approval_id,) = [one["id"] for one in waiting if one["transaction_id"] == transaction_id]
        self._outside().change("POST", f"/approvals/{approval_id}/{decision}", look=_LOOK)
        return str(approval_id)

    def key(self, *, is_paused: bool, is_resumed: bool = False) -> str:
        key_id = str(self.made("/keys", {"name": "topup trigger", "scopes": ["topup:read"]})["id"])
        if is_paused:
            self.made(f"/keys/{key_id}/pause", {})
        if is_resumed:
            self._outside().change("POST", f"/keys/{key_id}/resume", look=_LOOK)
        self.made(f"/keys/{key_id}", {}, "DELETE")
        return key_id

    def used_up(self) -> str:
        limits = {"name": "topup trigger", "scopes": ["topup:send"], "per_day_cents": AMOUNT_CENTS}
        made = self.made("/keys", limits)
        child = Access(url=self._given.url, api_key=made["key"])
        Sandbox(child, self._platform, None).sent()
        self.made(f"/keys/{made['id']}", {}, "DELETE")
        return str(made["id"])

    def _outside(self) -> RemoteGateway:
        assert self._approver is not None, "the command asks for it"
        return RemoteGateway(self._approver)

    def _press(self, url: str, *, below: str, **fields: str) -> None:
        """Submit a page's form without a key. Anyone with the page's address can do so."""
        page = self._gateway.page_of(url, below=below)
        try:
            answer = httpx.post(page, data=fields, timeout=EVENT_S_MAX)
        except httpx.TransportError as error:
            raise fail(f"{page} cannot be reached: {error}") from None
        if answer.status_code >= 400:
            raise fail(f"the page {below} answers HTTP {answer.status_code}")


def _reference() -> str:
    return f"trigger-{time.time_ns()}"


@click.command(
    epilog=examples(
        "topup trigger topup.failed",
        "topup trigger order.paid --json",
        "topup trigger approval.approved --approver owner",
    )
)
@click.argument("event", type=click.Choice([*CAUSES, *NOT_CAUSED]), metavar="EVENT")
@click.option(
    "--platform", default=PLATFORM, show_default=True, help="Platform to send top-ups to."
)
@click.option(
    "--approver",
    help="Profile of the key that approves or denies. It must not be a parent or child of the requesting key.",
)
@profile_option
@json_option
def trigger(*, event: str, platform: str, approver: str | None, profile: str) -> None:
    """Trigger an event in staging with real calls, and print the event.

    EVENT is any event type. If no key can trigger it, the command says what does. approval.approved, approval.denied
    and key.resumed need --approver, because requesters can't decide on their own requests. The approver's key needs
    approvals:write or, for key.resumed, keys:write. It must not be a parent or child of the requesting key.

    Each top-up sends $1.00 of test credit. A top-up that is left pending, scheduled or waiting for approval isn't
    cancelled. For a sample of any event type, use `topup webhooks test`.
    """
    given = access(profile)
    if not given.is_staging:
        raise fail(
            "events are triggered only in staging, and this key isn't a staging key",
            advice="log in with an ak_staging_ key under another --profile",
            exit_code=EXIT_USAGE,
        )
    why = NOT_CAUSED.get(event)
    if why is not None:
        raise fail(f"no key of the account causes {event}", advice=why, exit_code=EXIT_USAGE)
    subject_id = CAUSES[event](Sandbox(given, platform, _outside(event, approver, given)))
    found = _event_of(RemoteGateway(given), event, subject_id)
    show_record({"event": event, "event_id": found, "subject_id": subject_id})


def _outside(event: str, approver: str | None, given: Access) -> Access | None:
    if event not in NEEDS_APPROVER:
        return None
    if approver is None:
        raise fail(
            f"{event} needs another key, because the requester can't decide",
            advice="name the profile of an unrelated key: --approver PROFILE",
            exit_code=EXIT_USAGE,
        )
    found = access_kept(approver)
    if found.url != given.url:
        raise fail(f"the profile {approver!r} is for another gateway", exit_code=EXIT_USAGE)
    return found


def _event_of(gateway: RemoteGateway, event: str, subject_id: str) -> str:
    until = time.monotonic() + EVENT_S_MAX
    while True:
        for one in gateway.page("/events", type=event, limit=20)["items"]:
            if subject_id in one["data"].values() or subject_id in _inner(one["data"]):
                return str(one["id"])
        if time.monotonic() > until:
            raise fail(
                f"{subject_id} was created, but its event {event} isn't there yet",
                advice="is a worker running? see `topup events list`",
            )
        time.sleep(_PAUSE_S)


def _inner(data: Mapping[str, Any]) -> list[Any]:
    return [one for value in data.values() if isinstance(value, dict) for one in value.values()]
