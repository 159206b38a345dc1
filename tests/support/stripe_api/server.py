"""The stand-in as an HTTP server: credentials, idempotency keys, faults, JSON."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from kernel.clock import SECOND_US, Clock
from tests.support import plain_http
from tests.support.stripe_api import checkout, customers, cycle, webhooks
from tests.support.stripe_api.account import Json, Refusal, StripeAccount
from tests.support.stripe_api.faults import Fault, Faults
from tests.support.stripe_api.lists import expanded
from tests.support.stripe_api.params import decoded
from tests.support.stripe_api.routes import answered

KEY_LIFE_S = 86_400
METHODS = ["GET", "POST", "DELETE"]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it came in."""

    method: str
    path: str
    form: str
    idempotency_key: str | None


@dataclass(frozen=True, slots=True)
class _Stored:
    digest: str
    status: int
    body: bytes
    made_at_s: int


class StripeApi:
    """A running stand-in: its account, its address, and what it was asked.

    The account's time is its own: it begins at the clock's and goes on by `pass_time`. Events are
    signed at the clock's time, as the gateway checks it by that.
    """

    def __init__(self, clock: Clock) -> None:
        self.account = StripeAccount(clock.now_us() // SECOND_US)
        self.faults = Faults()
        self.asked: list[Asked] = []
        self.url = ""
        self.over = asyncio.Event()
        self._clock = clock
        self._stored: dict[str, _Stored] = {}
        self._told = 0

    def settings(self, environment: str = "staging") -> dict[str, str]:
        """As overrides of the gateway's settings."""
        twin = "staging_" if environment == "staging" else ""
        return {
            f"stripe_{twin}api_base": self.url,
            f"stripe_{twin}secret_key": self.account.secret_key,
            f"stripe_{twin}webhook_secret": webhooks.SECRET,
        }

    def pay(self, session_id: str, card: str = customers.PAYS) -> bool:
        """The payer pays on the session's page; whether the card did."""
        return checkout.pay(self.account, session_id, card)

    def pass_time(self, seconds: int) -> None:
        """Whatever falls due in that time happens."""
        cycle.advance(self.account, self.account.now_s + seconds)

    def news(self) -> list[Json]:
        """Events since the last look, in the order in which they came about."""
        found = self.account.events[self._told :]
        self._told = len(self.account.events)
        return found

    async def deliver(
        self, client: httpx.AsyncClient, url: str, events: list[Json] | None = None
    ) -> list[int]:
        """Posts the events, else the news, to the gateway's path; the statuses that it answered."""
        at_s = self._clock.now_us() // SECOND_US
        return await webhooks.deliver(client, url, self.news() if events is None else events, at_s)

    async def answer(self, request: Request) -> Response:
        """One request: done, or befallen by a fault."""
        form = request.url.query if request.method == "GET" else (await request.body()).decode()
        key = request.headers.get("idempotency-key")
        asked = Asked(request.method, request.url.path, form, key)
        self.asked.append(asked)
        fault = self.faults.next_for(asked.method, asked.path)
        if fault == "hang":
            await self.over.wait()
        if fault in {"error", "busy", "hang", "locked"}:
            return _failed(fault)
        status, body = self._done(asked, request.headers.get("authorization", ""), fault)
        if fault == "lost":
            return _NoAnswer()
        return Response(body, status, media_type="application/json")

    def _done(self, asked: Asked, credential: str, fault: Fault | None) -> tuple[int, bytes]:
        if credential != f"Bearer {self.account.secret_key}":
            return _refused(Refusal("Invalid API Key provided", status=401))
        digest = hashlib.sha256(f"{asked.method} {asked.path} {asked.form}".encode()).hexdigest()
        stored = self._stored.get(asked.idempotency_key or "")
        if stored is not None and self.account.now_s < stored.made_at_s + KEY_LIFE_S:
            if stored.digest == digest:
                return stored.status, stored.body
            message = "Keys for idempotent requests can only be used with the same parameters."
            return _refused(Refusal(message, kind="idempotency_error"))
        status, body = self._tried(asked)
        if fault == "error_after":
            status, body = _refused(Refusal("An error occurred", status=500, kind="api_error"))
        # What never began, since a parameter was wrong, is not kept.
        if asked.idempotency_key and asked.method != "GET" and status not in {400, 401, 404}:
            now_s = self.account.now_s
            self._stored[asked.idempotency_key] = _Stored(digest, status, body, now_s)
        return status, body

    def _tried(self, asked: Asked) -> tuple[int, bytes]:
        params = decoded(asked.form)
        try:
            made = answered(self.account, asked.method, asked.path, params)
            return 200, msgspec.json.encode(expanded(self.account, made, params))
        except Refusal as error:
            return _refused(error)


class _NoAnswer(Response):
    """The connection ends amid the answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: list[Any] = [(b"content-length", b"100")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


def _failed(fault: str) -> Response:
    if fault == "busy":
        error = Refusal("Too many requests", status=429, code="rate_limit")
    elif fault == "locked":
        error = Refusal("Invalid API Key provided", status=401)
    else:
        error = Refusal("An error occurred", status=500, kind="api_error")
    status, body = _refused(error)
    return Response(body, status, media_type="application/json")


def _refused(error: Refusal) -> tuple[int, bytes]:
    return error.status, msgspec.json.encode({"error": error.error})


@contextlib.asynccontextmanager
async def serving(clock: Clock) -> AsyncIterator[StripeApi]:
    """Stripe on a free port of this machine."""
    stand_in = StripeApi(clock)
    app = Starlette(routes=[Route("/{path:path}", stand_in.answer, methods=METHODS)])
    async with plain_http.serving(app) as url:
        stand_in.url = url
        try:
            yield stand_in
        finally:
            stand_in.over.set()
