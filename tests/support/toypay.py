"""Toypay's own side: its API on a loopback socket, and the events that it signs.

The provider's file is the example tests/examples/provider/toypay.py, put into a folder of its own as
an operator would.
"""

import asyncio
import contextlib
import hashlib
import hmac
import itertools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from billing.orders.order import Order
from billing.providers.protocol import Received
from tests.support import plain_http

SOURCE = Path(__file__).parent.parent / "examples" / "provider" / "toypay.py"
SECRETS = {"staging": "toy_staging_secret", "live": "toy_live_secret"}


def folder_of(parent: Path) -> Path:
    """A folder with the provider's one file in it."""
    folder = parent / "providers"
    folder.mkdir()
    shutil.copy(SOURCE, folder / "toypay.py")
    return folder


def event(
    kind: str,
    order: Order,
    *,
    secret: str = SECRETS["staging"],
    event_id: str | None = None,
    **changes: Any,
) -> Received:
    """A signed event about the order's checkout; changes are of the checkout's fields."""
    checkout = {
        "id": order.provider_ref or "co_unknown",
        "url": "",
        "status": kind,
        "order_id": order.id,
        "amount": order.pay_amount,
        "currency": order.pay_currency,
        "payment_id": f"pay_{order.id}",
        **changes,
    }
    body = msgspec.json.encode(
        {"id": event_id or f"evt_{kind}_{order.id}", "type": kind, "checkout": checkout}
    )
    signature = hmac.digest(secret.encode(), body, hashlib.sha256).hex().encode()
    return Received(
        "POST", {b"content-type": b"application/json", b"toypay-signature": signature}, b"", body
    )


@dataclass(slots=True)
class Server:
    """What Toypay holds, and how it behaves: answers is a queue of statuses for the next calls.

    on_open runs while a request waits for its answer.
    """

    url: str = ""
    checkouts: dict[str, dict[str, Any]] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    is_away: bool = False
    is_refusing: bool = False
    # Until it is set, a question about a checkout gets no answer.
    hanging: asyncio.Event | None = None
    on_open: Callable[[str], Awaitable[None]] | None = None
    _numbers: Any = field(default_factory=lambda: itertools.count(1))

    def settings(self, environment: str = "staging") -> dict[str, str]:
        """As overrides of the gateway's settings."""
        twin = "staging_" if environment == "staging" else ""
        return {
            f"toypay_{twin}api_base": self.url,
            f"toypay_{twin}key": "toy_key",
            f"toypay_{twin}webhook_secret": SECRETS[environment],
        }

    def pay(self, order: Order) -> None:
        """The payer pays, and no event is sent."""
        assert order.provider_ref is not None
        self.checkouts[order.provider_ref] |= {"status": "paid", "payment_id": f"pay_{order.id}"}

    async def open(self, request: Request) -> Response:
        body = await request.json()
        self.asked.append(f"open {body['order_id']}")
        if self.on_open is not None:
            await self.on_open(body["order_id"])
        if self.is_refusing:
            return JSONResponse({"error": "no"}, 402)
        key = request.headers["idempotency-key"]
        if key not in self.by_key:
            made = f"co_{next(self._numbers)}"
            self.by_key[key] = made
            self.checkouts[made] = {
                "id": made,
                "url": f"https://toypay.example/{made}",
                "status": "open",
                "order_id": body["order_id"],
                "amount": body["amount"],
                "currency": body["currency"],
            }
        if self.is_away:
            return Response("", 500)
        return JSONResponse(self.checkouts[self.by_key[key]])

    async def show(self, request: Request) -> Response:
        made = request.path_params["id"]
        self.asked.append(f"ask {made}")
        if self.hanging is not None:
            await self.hanging.wait()
        if self.is_away:
            return Response("", 500)
        found = self.checkouts.get(made)
        return Response("", 404) if found is None else JSONResponse(found)


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """Toypay on a free port of this machine."""
    server = Server()
    app = Starlette(
        routes=[
            Route("/checkouts", server.open, methods=["POST"]),
            Route("/checkouts/{id}", server.show, methods=["GET"]),
        ]
    )
    async with plain_http.serving(app) as url:
        server.url = url
        yield server
