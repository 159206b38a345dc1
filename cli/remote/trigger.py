"""`topup trigger`: brings an event about by the calls that cause it, in staging alone. Nothing is made up."""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import click
import httpx

from cli.examples import examples
from cli.output import EXIT_USAGE, fail, json_option, show_record
from cli.remote.client import RemoteGateway
from cli.remote.profiles import access, profile_option

PLATFORM: Final = "claude"
AMOUNT_CENTS: Final = 100
_REFUSED_BY_PLATFORM: Final = 3005
_EVENT_S_MAX: Final = 5.0
_PAUSE_S: Final = 0.1

# The subject's id, by which its event is found.
Cause = Callable[["_Sandbox"], str]


class _Sandbox:
    """The calls that the causes are made of."""

    def __init__(self, gateway: RemoteGateway, platform: str) -> None:
        self._gateway = gateway
        self._platform = platform

    def made(self, path: str, body: Mapping[str, Any], method: str = "POST") -> Any:
        """The data of a call that succeeds."""
        return self._gateway.change(method, path, body, look="topup topups list").data

    def sent(self, recipient: str = "trigger", **more: Any) -> str:
        """A send to one of the sandbox's recipients; the top-up's id."""
        body = {
            "platform": self._platform,
            "amount_cents": AMOUNT_CENTS,
            "recipient_email": f"{recipient}@sandbox.test",
            "note": "topup trigger",
            **more,
        }
        answer = self._gateway.change(
            "POST", "/topup/send", body, look="topup topups list", takes={_REFUSED_BY_PLATFORM}
        )
        return str(answer.transaction_id)

    def cancelled(self, recipient: str) -> str:
        """A send that waits, taken back."""
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
        """An order whose payer presses this button of the sandbox's payment page."""
        order = self.made("/orders", {"provider": "sandbox", "amount_cents": AMOUNT_CENTS})
        page = self._gateway.page_of(order["url"], below="/sandbox/checkout/")
        # The page belongs to anybody who has its address: no key goes there.
        try:
            answer = httpx.post(page, data={"outcome": outcome}, timeout=_EVENT_S_MAX)
        except httpx.TransportError as error:
            raise fail(f"{page} cannot be reached: {error}") from None
        if answer.status_code >= 400:
            raise fail(f"the sandbox's payment page answers HTTP {answer.status_code}")
        return str(order["id"])

    def key(self, *, is_paused: bool) -> str:
        """A key that may only read, and is revoked again."""
        key_id = str(self.made("/keys", {"name": "topup trigger", "scopes": ["topup:read"]})["id"])
        if is_paused:
            self.made(f"/keys/{key_id}/pause", {})
        self.made(f"/keys/{key_id}", {}, "DELETE")
        return key_id


CAUSES: Final[Mapping[str, Cause]] = {
    "topup.delivered": lambda sandbox: sandbox.sent(),
    "topup.failed": lambda sandbox: sandbox.sent("failed"),
    "topup.pending": lambda sandbox: sandbox.sent("pending"),
    "topup.cancelled": lambda sandbox: sandbox.cancelled("pending"),
    "topup.scheduled": lambda sandbox: sandbox.scheduled(),
    "topup.reversed": lambda sandbox: sandbox.reversed(),
    "voucher.redeemed": lambda sandbox: sandbox.redeemed(),
    "batch.completed": lambda sandbox: sandbox.batch(),
    "approval.requested": lambda sandbox: sandbox.sent("approval"),
    "approval.cancelled": lambda sandbox: sandbox.cancelled("approval"),
    "order.paid": lambda sandbox: sandbox.order("paid"),
    "order.failed": lambda sandbox: sandbox.order("failed"),
    "key.created": lambda sandbox: sandbox.key(is_paused=False),
    "key.paused": lambda sandbox: sandbox.key(is_paused=True),
    "key.revoked": lambda sandbox: sandbox.key(is_paused=False),
}


@click.command(epilog=examples("topup trigger topup.failed", "topup trigger order.paid --json"))
@click.argument("event", type=click.Choice(list(CAUSES)), metavar="EVENT")
@click.option(
    "--platform", default=PLATFORM, show_default=True, help="Of the top-ups that are sent for it."
)
@profile_option
@json_option
def trigger(*, event: str, platform: str, profile: str) -> None:
    """Cause an event in staging by real calls, and print it.

    EVENT is one of: topup.delivered, topup.failed, topup.pending, topup.cancelled, topup.scheduled,
    topup.reversed, voucher.redeemed, batch.completed, approval.requested, approval.cancelled,
    order.paid, order.failed, key.created, key.paused, key.revoked.

    Each top-up is $1.00 of test credit. What waits afterwards (pending, scheduled, for approval) stays,
    for you to go on with. A sample of any other type: `topup webhooks test`.
    """
    given = access(profile)
    if not given.is_staging:
        raise fail(
            "events are triggered in staging alone: this key is not of staging",
            advice="log in with an ak_staging_ key under another --profile",
            exit_code=EXIT_USAGE,
        )
    gateway = RemoteGateway(given)
    subject_id = CAUSES[event](_Sandbox(gateway, platform))
    found = _event_of(gateway, event, subject_id)
    show_record({"event": event, "event_id": found, "subject_id": subject_id})


def _event_of(gateway: RemoteGateway, event: str, subject_id: str) -> str:
    """The event's id: most are written with their cause, a batch's by a worker soon after."""
    until = time.monotonic() + _EVENT_S_MAX
    while True:
        for one in gateway.page("/events", type=event, limit=20)["items"]:
            if subject_id in one["data"].values() or subject_id in _inner(one["data"]):
                return str(one["id"])
        if time.monotonic() > until:
            raise fail(
                f"{subject_id} was made, and no {event} of it is there yet",
                advice="is a worker running? see `topup events list`",
            )
        time.sleep(_PAUSE_S)


def _inner(data: Mapping[str, Any]) -> list[Any]:
    return [one for value in data.values() if isinstance(value, dict) for one in value.values()]


def _reference() -> str:
    return f"trigger-{time.time_ns()}"
