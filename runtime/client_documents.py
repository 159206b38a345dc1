"""Fetch and cache the documents in which MCP clients describe themselves.

Only public addresses are called, by https and without redirects. A fetch reads at most BYTES_MAX within TIMEOUT_S. Any
failure counts as a refusal. A document is cached for as long as its Cache-Control says. A failure is cached for a few
seconds, so that callers can't make us flood other servers. Don't call this inside a transaction.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from kernel.clock import SECOND_US, Clock
from keys.authorization.client import (
    AuthorizationRefused,
    McpClient,
    check_document_url,
    client_of_document,
)
from keys.authorization.token import TokenMaker
from webhooks.http.transport import SendResult, Transport

BYTES_MAX: Final = 16_384
TIMEOUT_S: Final = 5.0
KEPT_MAX: Final = 500
MINUTE_S: Final = 60
HOUR_S: Final = 3600
_USUAL_S: Final = 300
_FAILURE_S: Final = 10
_HEADERS: Final = (("Accept", "application/json"), ("User-Agent", "AiTopUp-Gateway/1"))
_MAX_AGE: Final = re.compile(r"(?:^|[\s,])max-age=\"?(\d{1,9})\"?(?:$|[\s,])", re.IGNORECASE)
_NO_STORE: Final = re.compile(r"\b(?:no-store|no-cache|private)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Kept:
    found: McpClient | AuthorizationRefused
    until_us: int


class ClientDocuments:
    def __init__(self, transport: Transport, clock: Clock, *, timeout_s: float = TIMEOUT_S) -> None:
        self._transport = transport
        self._clock = clock
        self._timeout_s = timeout_s
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def find_now(self, client_id: str) -> McpClient | None:
        """Return the cached client, or None if it must be fetched. Raise AuthorizationRefused for a cached
        refusal.
        """
        kept = self._kept.get(client_id)
        if kept is None or kept.until_us <= self._clock.now_us():
            return None
        self._kept.move_to_end(client_id)
        return _or_raise(kept.found)

    async def fetch(self, client_id: str, *, account_id: str) -> McpClient:
        """Fetch and cache the client's document. Raise AuthorizationRefused if this fails."""
        check_document_url(client_id)
        result = await self._transport.request(
            "GET",
            client_id,
            _HEADERS,
            b"",
            self._timeout_s,
            account_id=account_id,
            body_bytes_max=BYTES_MAX,
            body_bytes_kept_max=BYTES_MAX,
        )
        found = _client_in(client_id, result)
        self._store(client_id, found, _max_age_s(found, result.response_headers))
        return _or_raise(found)

    def _store(self, client_id: str, found: McpClient | AuthorizationRefused, kept_s: int) -> None:
        self._kept[client_id] = _Kept(found, self._clock.now_us() + kept_s * SECOND_US)
        self._kept.move_to_end(client_id)
        while len(self._kept) > KEPT_MAX:
            self._kept.popitem(last=False)


class McpSignIn(NamedTuple):
    tokens: TokenMaker
    documents: ClientDocuments


def _client_in(client_id: str, result: SendResult) -> McpClient | AuthorizationRefused:
    if result.status != 200 or result.error is not None:
        answered = "no answer" if result.status is None else f"HTTP {result.status}"
        return _refused(f"the client's document could not be read: {answered}")
    if result.is_cut:
        return _refused(f"the client's document has more than {BYTES_MAX} bytes")
    try:
        return client_of_document(client_id, result.response_body)
    except AuthorizationRefused as refused:
        return refused


def _max_age_s(found: McpClient | AuthorizationRefused, headers: Mapping[str, str]) -> int:
    if isinstance(found, AuthorizationRefused):
        return _FAILURE_S
    said = headers.get("cache-control", "")
    if _NO_STORE.search(said):
        return MINUTE_S
    age = _MAX_AGE.search(said)
    return _USUAL_S if age is None else min(max(int(age[1]), MINUTE_S), HOUR_S)


def _or_raise(found: McpClient | AuthorizationRefused) -> McpClient:
    if isinstance(found, AuthorizationRefused):
        raise AuthorizationRefused(found.error, found.detail, param=found.param)
    return found


def _refused(detail: str) -> AuthorizationRefused:
    return AuthorizationRefused("invalid_client_metadata", detail, param="client_id")
