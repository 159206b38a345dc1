"""The receiver under test: sends it a request, and reads how much it has done so far. Stores nothing.

All requests go through the guarded transport, also those that read the number. A failure of any kind is a
value.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from webhooks.certification.trial_message import TrialMessage
from webhooks.http.guard import Policy
from webhooks.http.transport import ErrorClass, SendResult, Transport

READ_TIMEOUT_S: Final = 5.0
STILL_S_MAX: Final = 10.0
_NUMBER_CHARACTERS_MAX: Final = 18
_SUCCESS: Final = range(200, 300)
# As the delivery log names them; http has a status.
_WHY: Final[Mapping[ErrorClass, str]] = {
    "timeout": "in time",
    "connect": "(no connection)",
    "tls": "(TLS failed)",
    "address": "(the address is not called)",
    "protocol": "(it broke off, or it was no HTTP)",
}


class Answered(NamedTuple):
    """The response to one request. status null: none came; error says why."""

    status: int | None
    error: ErrorClass | None
    took_s: float

    @property
    def is_taken(self) -> bool:
        return self.status in _SUCCESS

    @property
    def is_refused(self) -> bool:
        """Return whether it refused; a missing response is no refusal."""
        return self.status is not None and not self.is_taken

    def __str__(self) -> str:
        if self.status is not None:
            return f"HTTP {self.status}"
        why = None if self.error is None else _WHY.get(self.error)
        return "no answer" if why is None else f"no answer {why}"


class EffectsUnreadable(Exception):
    """The address of effects returned no whole number. Its text is for the person who gave it."""


class TrialReceiver:
    """One endpoint's address, and where it reports how much it has done; null: nowhere.

    effects_url may count anything: any whole number that moves by the same with each accepted top-up, such as
    a count of orders or a balance.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        policy: Policy,
        account_id: str,
        url: str,
        effects_url: str | None,
        timeout_s: float,
        still_s: float,
    ) -> None:
        self._transport = transport
        self._policy = policy
        self._account_id = account_id
        self._url = url
        self._effects_url = effects_url
        self._still_s = still_s
        self.timeout_s = timeout_s

    async def send(self, message: TrialMessage, *, timeout_s: float | None = None) -> Answered:
        result = await self._transport.request(
            "POST",
            self._url,
            message.headers.items(),
            message.body,
            self.timeout_s if timeout_s is None else timeout_s,
            policy=self._policy,
            account_id=self._account_id,
        )
        return _answered(result)

    async def effects(self) -> int | None:
        """Return the number once it stands still, at most STILL_S_MAX later; null without an address.

        Raises EffectsUnreadable.
        """
        if self._effects_url is None:
            return None
        number = await self._read(self._effects_url)
        for _ in range(round(STILL_S_MAX / max(self._still_s, 0.1))):
            await asyncio.sleep(self._still_s)
            before, number = number, await self._read(self._effects_url)
            if number == before:
                break
        return number

    async def _read(self, url: str) -> int:
        result = await self._transport.request(
            *("GET", url, [("Accept", "application/json, text/plain")], b"", READ_TIMEOUT_S),
            policy=self._policy,
            account_id=self._account_id,
        )
        if result.error is not None:
            answered = "gave no answer" if result.status is None else f"answered {result.status}"
            raise EffectsUnreadable(f"effects_url {answered}")
        return _number(result.response_body)


def _number(body: bytes) -> int:
    """Accept a whole number as text or JSON, or an object with it in "effects"."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if isinstance(found, dict):
        found = found.get("effects")
    if type(found) is not int or len(str(found)) > _NUMBER_CHARACTERS_MAX:
        raise EffectsUnreadable('effects_url answers a whole number, such as 12 or {"effects": 12}')
    return found


def _answered(result: SendResult) -> Answered:
    took_s = max(0, result.ended_at_us - result.started_at_us) / 1e6
    return Answered(result.status, result.error if result.status is None else None, took_s)
