"""Make one delivery's signed message, decide what its outcome settles, and store and show its headers.

The body's bytes are those of the event; every attempt has a new timestamp and signature by each secret and
private key in force.

An attempt shows all sent headers in order; signatures and the tenant's own values are masked. Nine headers
are the same in each message except for its timestamp and its delivery's values, so only the timestamp is
stored of them [80 bytes of a row instead of 350].
"""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kernel.clock import SECOND_US
from kernel.ids import new_id
from kernel.storable import storable
from kernel.trace import PARENT_HEADER, REQUEST_ID_HEADER, STATE_HEADER, Span
from keys.signatures.signing import (
    ID_HEADER,
    SIGNATURE_HEADER,
    STANDARD_HEADER,
    TIMESTAMP_HEADER,
    ReadSecret,
    headers_signed_by,
    signer_of,
)
from keys.vault import Vault
from webhooks.deliveries.occurrence import SUBSCRIPTION_HEADER
from webhooks.deliveries.retry import (
    aborts_delivery,
    after_lost_at_us,
    disable_reason,
    next_attempt_at_us,
)
from webhooks.deliveries.sealed import (
    MASKED,
    opened_headers,
    opened_keys,
    opened_older,
    opened_secret,
)
from webhooks.deliveries.stage import (
    DELIVERED,
    FAILED,
    LOST,
    PENDING,
    AttemptRow,
    Claimed,
    Settlement,
    Target,
)
from webhooks.http.transport import SendResult

USER_AGENT: Final = "AiTopUp-Webhooks/1"
EVENT_HEADER: Final = "X-AiTopUp-Event"
DELIVERY_HEADER: Final = "X-AiTopUp-Delivery"
ATTEMPT_HEADER: Final = "X-AiTopUp-Attempt"
# Stored with their values.
_KEPT: Final = frozenset(
    {
        "Content-Type",
        "User-Agent",
        EVENT_HEADER,
        DELIVERY_HEADER,
        ATTEMPT_HEADER,
        ID_HEADER,
        TIMESTAMP_HEADER,
        REQUEST_ID_HEADER,
        PARENT_HEADER,
        SUBSCRIPTION_HEADER,
    }
)
# Stored rows depend on this: another first value or name needs a second form beside this one.
_CONSTANT: Final = [("Content-Type", "application/json"), ("User-Agent", "AiTopUp-Webhooks/1")]
_OF_DELIVERY: Final = [
    *(EVENT_HEADER, DELIVERY_HEADER, ATTEMPT_HEADER),
    *(SIGNATURE_HEADER, ID_HEADER, TIMESTAMP_HEADER, STANDARD_HEADER),
]
_TOLD: Final = len(_CONSTANT) + len(_OF_DELIVERY)
_TIMESTAMP: Final = _TOLD - 2
OPENED_MAX: Final = 4096
REASON_CHARACTERS_MAX: Final = 500
# Ours since a later version: an endpoint may have an older one of its own, which isn't sent.
_TRACED = frozenset(name.lower() for name in (REQUEST_ID_HEADER, PARENT_HEADER, STATE_HEADER))
_encode = msgspec.json.Encoder().encode
Headers = list[tuple[str, str]]
_log = logging.getLogger(__name__)


def stored_headers(headers: Sequence[tuple[str, str]]) -> str:
    """Encode a message's headers as JSON. If the timestamp is first, the constant ones are left out."""
    is_told = headers[:2] == _CONSTANT and [name for name, _ in headers[2:_TOLD]] == _OF_DELIVERY
    rest = headers[_TOLD:] if is_told else headers
    found = {TIMESTAMP_HEADER: headers[_TIMESTAMP][1]} if is_told else {}
    for name, value in rest:
        found[name] = value if name in _KEPT else MASKED
    return _encode(found).decode()


def shown_headers(
    found: Mapping[str, str], *, delivery_id: str, event_id: str, event_type: str, number: int
) -> Mapping[str, str]:
    if next(iter(found), None) != TIMESTAMP_HEADER:
        return found
    told = [event_type, delivery_id, str(number), MASKED, event_id, "", MASKED]
    return dict([*_CONSTANT, *zip(_OF_DELIVERY, told, strict=True), *found.items()])


class Signer(NamedTuple):
    """until is exclusive; null: the newest."""

    key: Ed25519PrivateKey
    until_us: int | None


class OlderReadSecret(NamedTuple):
    """A rotated secret, and until when it still signs, exclusive."""

    secret: ReadSecret
    until_us: int


class Opened(NamedTuple):
    """An endpoint's secrets, private keys and own headers in the clear; in memory only."""

    secret: ReadSecret
    older_secrets: tuple[OlderReadSecret, ...]
    headers: dict[str, str]
    signers: tuple[Signer, ...]

    def signing_at(self, now_us: int) -> list[Ed25519PrivateKey]:
        return [one.key for one in self.signers if one.until_us is None or now_us < one.until_us]


class SecretCache:
    """The opened secrets of a bounded number of recently used endpoints.

    Keyed by the sealed bytes themselves, so a rotated secret is never taken for the one before.
    """

    def __init__(self, vault: Vault, *, endpoints_max: int = OPENED_MAX) -> None:
        self._vault = vault
        self._endpoints_max = endpoints_max
        self._opened: OrderedDict[tuple[bytes | None, ...], Opened] = OrderedDict()

    def open(self, target: Target) -> Opened:
        """Raise keys.vault.SealBroken."""
        key = (
            target.secret_sealed,
            target.previous_secret_sealed,
            target.headers_sealed,
            target.signing_keys_sealed,
        )
        opened = self._opened.get(key)
        if opened is None:
            opened = self._opened[key] = self._open(target)
            if len(self._opened) > self._endpoints_max:
                self._opened.popitem(last=False)
        return opened

    def _open(self, target: Target) -> Opened:
        headers = opened_headers(self._vault, target.id, target.headers_sealed)
        # Names with an underscore are refused today, but were stored once: CGI-like servers read
        # Transfer_Encoding as Transfer-Encoding.
        return Opened(
            ReadSecret.of(opened_secret(self._vault, target.id, target.secret_sealed)),
            tuple(
                OlderReadSecret(ReadSecret.of(one.secret), one.until_us)
                for one in opened_older(self._vault, target.id, target.previous_secret_sealed)
            ),
            {
                name: value
                for name, value in headers.items()
                if "_" not in name and name.lower() not in _TRACED
            },
            tuple(
                Signer(signer_of(one.seed), one.until_us)
                for one in opened_keys(self._vault, target.id, target.signing_keys_sealed)
            ),
        )


def message_headers(
    claimed: Claimed, opened: Opened, *, now_us: int, span: Span | None = None
) -> Headers:
    """Return all headers except the connection's; older secrets and keys sign until their overlaps end.

    span: of the request behind the event, a caller's words, which no signature covers.
    """
    target = claimed.target
    secrets = [opened.secret]
    until_us = target.previous_secret_until_at
    if until_us is not None and now_us < until_us:
        secrets += [one.secret for one in opened.older_secrets if now_us < one.until_us]
    headers = [
        ("Content-Type", "application/json"),
        ("User-Agent", USER_AGENT),
        (EVENT_HEADER, claimed.event_type),
        (DELIVERY_HEADER, claimed.id),
        (ATTEMPT_HEADER, str(claimed.number)),
    ]
    signatures = headers_signed_by(
        secrets, opened.signing_at(now_us), claimed.event_id, now_us // SECOND_US, claimed.body
    )
    headers += signatures.items()
    if target.subscription_id is not None:
        headers.append((SUBSCRIPTION_HEADER, target.subscription_id))
    if span is not None:
        headers += span.headers
    headers += opened.headers.items()
    return headers


def settlement_of(
    claimed: Claimed,
    outcome: SendResult,
    headers: Sequence[tuple[str, str]],
    *,
    ended_at_us: int,
    schedule_s: Sequence[int] | None = None,
) -> Settlement:
    """Return what the attempt's outcome makes of the delivery; ended_at_us by the claim's clock.

    schedule_s overrides the endpoint's own: a test ping isn't tried again. headers is empty if no request
    could be made.
    """
    duration_us = max(0, outcome.ended_at_us - outcome.started_at_us)
    why = outcome.reason
    # By position: names would take a microsecond of each delivery.
    attempt = AttemptRow(
        new_id("att"),
        ended_at_us - duration_us,
        duration_us,
        outcome.status,
        outcome.error,
        None if why is None else storable(why, characters_max=REASON_CHARACTERS_MAX),
        outcome.remote_address,
        _encode(outcome.timings_ms).decode(),
        stored_headers(headers),
        hashlib.sha256(claimed.body).hexdigest() if headers else None,
        outcome.response_body,
    )
    reason = disable_reason(outcome.status, outcome.response_headers)
    if outcome.error is None:
        return Settlement(claimed, DELIVERED, None, ended_at_us, attempt, reason)
    next_at_us = None
    is_too_large = outcome.status == 413 and claimed.target.subscription_id is not None
    if not aborts_delivery(outcome.response_headers) and not is_too_large:
        next_at_us = next_attempt_at_us(
            schedule_s=claimed.target.schedule_s if schedule_s is None else schedule_s,
            attempts_made=claimed.number,
            ended_at_us=ended_at_us,
            status=outcome.status,
            retry_after=outcome.response_headers.get("retry-after"),
        )
    status = FAILED if next_at_us is None else PENDING
    return Settlement(claimed, status, next_at_us, ended_at_us, attempt, reason)


def unsendable(reason: str, now_us: int) -> SendResult:
    """Return the outcome if the master key is missing, or the row was altered."""
    _log.error("delivery.unsendable", extra={"reason": reason})
    return SendResult(None, "protocol", reason, {}, b"", False, None, {}, now_us, now_us)


def lost_settlement(claimed: Claimed, *, now_us: int) -> Settlement:
    """Settle a delivery whose worker died too often while sending it.

    The attempt counts as failed and is logged as lost. The next one waits its schedule's time, and longer
    each time.
    """
    attempt = AttemptRow(
        id=new_id("att"),
        started_at=now_us,
        duration_us=0,
        http_status=None,
        error=LOST,
        reason=f"{claimed.lost_claims} claims in a row were not settled",
        remote_address=None,
        timings_ms="{}",
        request_headers="{}",
        body_sha256=None,
        response_body=b"",
    )
    next_at_us = after_lost_at_us(
        schedule_s=claimed.target.schedule_s, attempts_made=claimed.number, lost_at_us=now_us
    )
    status = FAILED if next_at_us is None else PENDING
    return Settlement(claimed, status, next_at_us, now_us, attempt)
