"""Send test requests to a receiver, as a worker or a forger would, and read how many effects the receiver reports.

Events look like real staging events, because receivers may ignore sample events. Network failures are returned as
values.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kernel.clock import SECOND_US, Clock
from kernel.ids import new_id
from keys.principal import Environment
from keys.signatures.signing import (
    ID_HEADER,
    SECRET_PREFIX,
    SIGNATURE_HEADER,
    STANDARD_HEADER,
    TIMESTAMP_HEADER,
    new_seed,
    new_webhook_secret,
    signature_headers,
    signer_of,
)
from webhooks.deliveries.message import ATTEMPT_HEADER, DELIVERY_HEADER, EVENT_HEADER, USER_AGENT
from webhooks.events.catalogue import sample_data
from webhooks.events.event import render_event
from webhooks.http.guard import Policy
from webhooks.http.transport import ErrorClass, SendResult, Transport

READ_TIMEOUT_S: Final = 5.0
STILL_S_MAX: Final = 10.0
_NUMBER_CHARACTERS_MAX: Final = 18
_SUCCESS: Final = range(200, 300)
# These texts explain the delivery log's error classes. The class `http` needs no text, because the status says enough.
_WHY: Final[Mapping[ErrorClass, str]] = {
    "timeout": "in time",
    "connect": "(no connection)",
    "tls": "(TLS failed)",
    "address": "(the address is refused)",
    "protocol": "(the connection broke off, or it wasn't HTTP)",
}
ENVIRONMENT: Final[Environment] = "staging"
METADATA: Final[Mapping[str, str]] = {"certify": "true"}
SIGNATURES: Final = (SIGNATURE_HEADER, ID_HEADER, TIMESTAMP_HEADER, STANDARD_HEADER)
# A receiver that parses the JSON before it checks the signature would change these characters.
_ODD_TEXT: Final = "Zoë & Søn / 株式会社 <café> 🎁"
Verdict = Literal["passed", "warned", "failed", "not_seen", "skipped"]
Harm = Literal["lost", "twice", "forged"]


@dataclass(frozen=True, slots=True)
class TrialEvent:
    id: str
    type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class TrialMessage:
    headers: Mapping[str, str]
    body: bytes

    def without_signatures(self) -> "TrialMessage":
        kept = {name: value for name, value in self.headers.items() if name not in SIGNATURES}
        return replace(self, headers=kept)

    def with_headers(self, **changed: str) -> "TrialMessage":
        """Replace headers without signing again. Write `_` for `-` in their names."""
        named = {name.replace("_", "-"): value for name, value in changed.items()}
        return replace(self, headers={**self.headers, **named})


def trial_event(
    event_type: str,
    *,
    now_us: int,
    sequence: int,
    transaction_id: str | None = None,
    has_odd_text: bool = False,
    more: Mapping[str, Any] | None = None,
) -> TrialEvent:
    """Make a test event. `more` adds fields that no version of the gateway sends."""
    data = sample_data("topup.delivered" if more else event_type, {}, now_us=now_us)
    del data["test"]
    data["transaction_id"] = transaction_id or new_id("txn")
    data["metadata"] = {**METADATA, "note": _ODD_TEXT} if has_odd_text else dict(METADATA)
    event_id = new_id("evt")
    body = render_event(
        id=event_id,
        type=event_type,
        created_at_us=now_us,
        environment=ENVIRONMENT,
        sequence=sequence,
        data={**data, **(more or {})},
    )
    return TrialEvent(event_id, event_type, body)


def other_amount(body: bytes) -> bytes:
    event = msgspec.json.decode(body)
    event["data"]["amount_cents"] *= 100
    return msgspec.json.encode(event)


@dataclass(frozen=True, slots=True)
class TrialSigner:
    secrets: Sequence[str]
    own_headers: Mapping[str, str]
    signers: Sequence[Ed25519PrivateKey] = ()

    def message(self, event: TrialEvent, *, timestamp_s: int, attempt: int = 1) -> TrialMessage:
        return TrialMessage(
            {
                "Content-Type": "application/json",
                "User-Agent": USER_AGENT,
                EVENT_HEADER: event.type,
                DELIVERY_HEADER: new_id("dlv"),
                ATTEMPT_HEADER: str(attempt),
                **signature_headers(
                    secrets=self.secrets,
                    signers=self.signers,
                    message_id=event.id,
                    timestamp_s=timestamp_s,
                    body=event.body,
                ),
                **self.own_headers,
            },
            event.body,
        )

    def stranger(self) -> "TrialSigner":
        return replace(self, secrets=[new_webhook_secret()], signers=self._new_signers())

    def knows_public_key_alone(self) -> "TrialSigner":
        assert self.signers, "it has a public key"
        public = self.signers[0].public_key().public_bytes_raw()
        secret = SECRET_PREFIX + base64.b64encode(public).decode("ascii")
        return replace(self, secrets=[secret], signers=())

    def in_rotation(self) -> "TrialSigner":
        """Return a signer that also uses a newer secret, which the receiver doesn't have yet."""
        return replace(
            self,
            secrets=[new_webhook_secret(), *self.secrets],
            signers=[*self._new_signers(), *self.signers],
        )

    def _new_signers(self) -> Sequence[Ed25519PrivateKey]:
        return [signer_of(new_seed())] if self.signers else []


class Answered(NamedTuple):
    """The receiver's response. If none came, status is None and error says why."""

    status: int | None
    error: ErrorClass | None
    took_s: float

    @property
    def is_taken(self) -> bool:
        return self.status in _SUCCESS

    @property
    def is_refused(self) -> bool:
        return self.status is not None and not self.is_taken

    def __str__(self) -> str:
        if self.status is not None:
            return f"HTTP {self.status}"
        why = None if self.error is None else _WHY.get(self.error)
        return "no response" if why is None else f"no response {why}"


class EffectsUnreadable(Exception):
    pass


class TrialReceiver:
    """The receiver under test.

    effects_url returns a whole number. Each accepted top-up must change it by the same amount.
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
        """Return the number of effects once two readings agree, or after about STILL_S_MAX.

        Raise EffectsUnreadable if effects_url returns no number.
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
            answered = (
                "didn't respond" if result.status is None else f"responded with {result.status}"
            )
            raise EffectsUnreadable(f"`effects_url` {answered}")
        return _number(result.response_body)


def _number(body: bytes) -> int:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    if isinstance(found, dict):
        found = found.get("effects")
    if type(found) is not int or len(str(found)) > _NUMBER_CHARACTERS_MAX:
        raise EffectsUnreadable(
            '`effects_url` must return a whole number, such as 12 or {"effects": 12}'
        )
    return found


def _answered(result: SendResult) -> Answered:
    took_s = max(0, result.ended_at_us - result.started_at_us) / 1e6
    return Answered(result.status, result.error if result.status is None else None, took_s)


@dataclass(frozen=True, slots=True)
class Judged:
    verdict: Verdict
    detail: str
    impact: Harm | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """A test's responses, and the change in the number of effects, or None if that is unknown."""

    answers: Sequence[Answered]
    moved: int | None


@dataclass(slots=True)
class Trial:
    """The state of one run. `unit` is how much one top-up changes the number of effects, or None if that is unknown."""

    receiver: TrialReceiver
    signer: TrialSigner
    clock: Clock
    unit: int | None = None
    answers: list[Answered] = field(default_factory=list)
    events_made: int = 0

    @property
    def now_s(self) -> int:
        return self.clock.now_us() // SECOND_US

    def event(self, event_type: str = "topup.delivered", **about: Any) -> TrialEvent:
        self.events_made += 1
        now_us = self.clock.now_us()
        return trial_event(event_type, now_us=now_us, sequence=self.events_made, **about)

    def genuine(self, event: TrialEvent, *, attempt: int = 1) -> TrialMessage:
        return self.signer.message(event, timestamp_s=self.now_s, attempt=attempt)

    async def send(self, message: TrialMessage) -> Answered:
        answered = await self.receiver.send(message)
        self.answers.append(answered)
        return answered

    async def send_each(self, *messages: TrialMessage) -> list[Answered]:
        return [await self.send(message) for message in messages]

    async def send_at_once(self, *messages: TrialMessage) -> list[Answered]:
        return list(await asyncio.gather(*map(self.send, messages)))

    async def watch(self, work: Callable[[], Awaitable[Sequence[Answered]]]) -> Seen:
        """Count the effects of `work`. Raise EffectsUnreadable if effects_url returns no number."""
        before = await self.receiver.effects()
        answers = await work()
        after = await self.receiver.effects()
        moved = None if before is None or after is None else after - before
        return Seen(answers, moved)
