"""A merchant's receiver on loopback that counts orders, rightly or with one fault that is asked for."""

import asyncio
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from stripe import SignatureVerificationError, WebhookSignature

from keys.signatures.signing import SIGNATURE_HEADER, Finding, verify
from tests.support.scripted_receiver import ScriptedReceiver, Talk

WORK_S = 0.02
# Between looking and writing: longer than a busy machine takes to send a second one.
LOOK_S = 0.3


@dataclass
class Shop:
    """GET /orders answers how many orders there are; a POST is a webhook. Each fault is a word:

    "no_signature", "no_age", "rewrites_json", "first_signature", "strict", "no_memory",
    "memory_by_header", "looks_then_writes", "counts_pending", "ends_when_hung_up", "refuses",
    "refuses_repeats", "fails_at_forgeries", "acts_on_all", "public_key_as_secret". "stripe" is none: it
    checks by Stripe's own library.

    With a public key it checks by that, and where it has a secret by both, over webhook-signature alone.
    """

    secret: str
    fault: str = ""
    public_key: str | None = None
    orders: int = 0
    known: set[str] = field(default_factory=set)

    async def __aenter__(self) -> Self:
        self._server = ScriptedReceiver(self._talk)
        await self._server.start("127.0.0.1", 0, None)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._server.stop()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}/hook"

    @property
    def effects_url(self) -> str:
        return f"http://127.0.0.1:{self._server.port}/orders"

    async def _talk(self, talk: Talk) -> None:
        while True:
            request = await talk.request()
            status, body = await self._answer(talk, request)
            talk.say(b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body))

    async def _answer(self, talk: Talk, request: bytes) -> tuple[int, bytes]:
        head, _, body = request.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        if first.startswith("GET"):
            return 200, b'{"effects": %d}' % self.orders
        pairs = (line.partition(":") for line in lines)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        return await self._take(talk, headers, body), b""

    async def _take(self, talk: Talk, headers: Mapping[str, str], body: bytes) -> int:
        if self.fault == "refuses":
            return 500
        if self._findings(headers, body):
            return 500 if self.fault == "fails_at_forgeries" else 400
        event = json.loads(body)
        if self.fault == "strict" and "added_later" in event["data"]:
            return 422
        return await self._store(talk, headers, event)

    def _findings(self, headers: Mapping[str, str], body: bytes) -> list[Finding]:
        if self.fault == "no_signature":
            return []
        if self.fault == "stripe":
            return _by_stripe(headers, body, self.secret)
        if self.fault == "rewrites_json":
            body = json.dumps(json.loads(body), separators=(",", ":")).encode()
        if self.public_key is not None:
            return self._findings_by_key(headers, body, self.public_key)
        seen = {SIGNATURE_HEADER: headers.get(SIGNATURE_HEADER.lower(), "")}
        if self.fault == "first_signature":
            seen[SIGNATURE_HEADER] = ",".join(seen[SIGNATURE_HEADER].split(",")[:2])
        tolerance_s = 10**9 if self.fault == "no_age" else 300
        return verify(
            headers=seen,
            body=body,
            secret=self.secret,
            now_s=int(time.time()),
            tolerance_s=tolerance_s,
        )

    def _findings_by_key(
        self, headers: Mapping[str, str], body: bytes, public_key: str
    ) -> list[Finding]:
        seen = {name: value for name, value in headers.items() if name.startswith("webhook-")}
        now_s = int(time.time())
        found = verify(
            headers=seen,
            body=body,
            secret=self.secret or None,
            public_key=public_key,
            now_s=now_s,
        )
        if found and self.fault == "public_key_as_secret":
            # It takes whichever scheme the request names, with the one key that it has.
            secret = public_key.replace("whpk_", "whsec_")
            return verify(headers=seen, body=body, secret=secret, now_s=now_s)
        return found

    async def _store(self, talk: Talk, headers: Mapping[str, str], event: Mapping[str, Any]) -> int:
        by_header = self.fault == "memory_by_header"
        event_id = headers["webhook-id"] if by_header else event["id"]
        if event_id in self.known and self.fault != "no_memory":
            return 409 if self.fault == "refuses_repeats" else 200
        if self.fault == "looks_then_writes":
            await asyncio.sleep(LOOK_S)
        self.known.add(event_id)
        if self.fault == "ends_when_hung_up":
            await asyncio.sleep(WORK_S)
            if talk.reader.at_eof():
                return 500
        self.orders += self.fault == "acts_on_all" or event["type"] in self._counted
        return 200

    @property
    def _counted(self) -> set[str]:
        pending = {"topup.pending"} if self.fault == "counts_pending" else set()
        return {"topup.delivered", *pending}


def _by_stripe(headers: Mapping[str, str], body: bytes, secret: str) -> list[Finding]:
    header = headers.get(SIGNATURE_HEADER.lower(), "")
    try:
        WebhookSignature.verify_header(body.decode(), header, secret, tolerance=300)
    except SignatureVerificationError as error:
        return [Finding("bytes", None, str(error))]
    return []
