"""Build one attempt's signed message, and decide from its result what happens next.

Each attempt has a new timestamp and signatures. Stored headers mask signatures and the tenant's own values.
Headers that never change aren't stored.

Attempt k is due schedule_s[k-1] after attempt k-1. The Retry-After of a 429 or 503 response can delay it by up to
an hour.
"""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kernel.clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US
from kernel.errors import InvalidInput
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

SUBSCRIPTION_HEADER: Final = "X-MCP-Subscription-Id"
SCHEDULE_S_DEFAULT = (0, 5, 30)
SCHEDULE_ENTRIES_MAX = 20
SCHEDULE_WAIT_S_MAX = 3 * DAY_US // SECOND_US
RETRY_AFTER_US_MAX = HOUR_US
LOST_WAIT_US = MINUTE_US
LOST_WAIT_US_MAX = HOUR_US
CONTROL_HEADER = "webhook-delivery"
ABORT = "abort-message"
DISABLE = "disable"
GONE = "gone"
ASKED = "asked"
_RETRY_AFTER_CHARACTERS_MAX = 64
_RETRY_AFTER_STATUSES = frozenset({429, 503})
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
USER_AGENT: Final = "AiTopUp-Webhooks/1"
EVENT_HEADER: Final = "X-AiTopUp-Event"
DELIVERY_HEADER: Final = "X-AiTopUp-Delivery"
ATTEMPT_HEADER: Final = "X-AiTopUp-Attempt"
# These headers are stored unmasked.
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
# Stored attempts depend on these values. If you change one, keep the old form for existing rows.
_CONSTANT: Final = [("Content-Type", "application/json"), ("User-Agent", "AiTopUp-Webhooks/1")]
_OF_DELIVERY: Final = [
    *(EVENT_HEADER, DELIVERY_HEADER, ATTEMPT_HEADER),
    *(SIGNATURE_HEADER, ID_HEADER, TIMESTAMP_HEADER, STANDARD_HEADER),
]
_TOLD: Final = len(_CONSTANT) + len(_OF_DELIVERY)
_TIMESTAMP: Final = _TOLD - 2
OPENED_MAX: Final = 4096
REASON_CHARACTERS_MAX: Final = 500
# The gateway sets these headers. Values that older endpoints have for them aren't sent.
_TRACED = frozenset(name.lower() for name in (REQUEST_ID_HEADER, PARENT_HEADER, STATE_HEADER))
_encode = msgspec.json.Encoder().encode
Headers = list[tuple[str, str]]
_log = logging.getLogger(__name__)


class _Event(msgspec.Struct):
    id: str
    type: str
    created_at: str
    data: dict[str, Any]


_decode: Final = msgspec.json.Decoder(_Event).decode


def occurrence_of(body: bytes) -> dict[str, Any]:
    """Return the event in an MCP client's format. It is made from the stored body, so no second body is stored."""
    event = _decode(body)
    return {
        "eventId": event.id,
        "name": event.type,
        "timestamp": event.created_at,
        "data": event.data,
    }


def as_occurrence(claimed: Claimed) -> Claimed:
    """Return the delivery with the body in the format that its endpoint expects."""
    target = claimed.target
    if target.subscription_id is None:
        return claimed
    body = {**occurrence_of(claimed.body), "cursor": target.subscription_cursor}
    return claimed._replace(body=_encode(body))


def disable_reason(status: int | None, headers: Mapping[str, str]) -> str | None:
    """Return why the response disables its endpoint (GONE or ASKED), or None.

    The control header is obeyed with any status.
    """
    if status == 410:
        return GONE
    return ASKED if _control(headers) == DISABLE else None


def aborts_delivery(headers: Mapping[str, str]) -> bool:
    return _control(headers) == ABORT


def check_schedule(schedule_s: Sequence[int]) -> tuple[int, ...]:
    """Return the schedule. Raise InvalidInput unless it has 1 to 20 waits of 0 s to 3 days each."""
    if not 1 <= len(schedule_s) <= SCHEDULE_ENTRIES_MAX:
        raise InvalidInput(
            f"A schedule must have 1 to {SCHEDULE_ENTRIES_MAX} entries.", param="retry_schedule_s"
        )
    for wait_s in schedule_s:
        if type(wait_s) is not int or not 0 <= wait_s <= SCHEDULE_WAIT_S_MAX:
            raise InvalidInput(
                f"Each wait must be a whole number of seconds from 0 to {SCHEDULE_WAIT_S_MAX}.",
                param="retry_schedule_s",
            )
    return tuple(schedule_s)


def next_attempt_at_us(
    *,
    schedule_s: Sequence[int],
    attempts_made: int,
    ended_at_us: int,
    status: int | None,
    retry_after: str | None,
) -> int | None:
    """Return when to try again, or None if the schedule has no further attempt.

    attempts_made includes the attempt that just ended.
    """
    assert attempts_made >= 1, "the first attempt is due as its event is published"
    if attempts_made >= len(schedule_s):
        return None
    scheduled_at_us = ended_at_us + schedule_s[attempts_made] * SECOND_US
    if status not in _RETRY_AFTER_STATUSES or retry_after is None:
        return scheduled_at_us
    asked_at_us = retry_after_at_us(retry_after, received_at_us=ended_at_us)
    if asked_at_us is None:
        return scheduled_at_us
    return max(scheduled_at_us, min(asked_at_us, ended_at_us + RETRY_AFTER_US_MAX))


def after_lost_at_us(
    *, schedule_s: Sequence[int], attempts_made: int, lost_at_us: int
) -> int | None:
    """Return when to retry an attempt whose worker died, or None if the schedule has no further attempt.

    The wait is at least a minute. It doubles with each lost attempt, up to an hour.
    """
    next_at_us = next_attempt_at_us(
        schedule_s=schedule_s,
        attempts_made=attempts_made,
        ended_at_us=lost_at_us,
        status=None,
        retry_after=None,
    )
    if next_at_us is None:
        return None
    wait_us = min(LOST_WAIT_US << (attempts_made - 1), LOST_WAIT_US_MAX)
    return max(next_at_us, lost_at_us + wait_us)


def _control(headers: Mapping[str, str]) -> str:
    return headers.get(CONTROL_HEADER, "").strip().lower()


def retry_after_at_us(text: str, *, received_at_us: int) -> int | None:
    """Parse a Retry-After header (RFC 9110, 10.2.3) into a time in microseconds, or None if it is malformed."""
    value = text.strip()
    if len(value) > _RETRY_AFTER_CHARACTERS_MAX or not value.isascii():
        return None
    if value.isdigit():
        return received_at_us + int(value) * SECOND_US
    try:
        moment = parsedate_to_datetime(value)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, TypeError, OverflowError):
        return None


def stored_headers(headers: Sequence[tuple[str, str]]) -> str:
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
    """A signing key that is valid before until_us. The newest key doesn't expire."""

    key: Ed25519PrivateKey
    until_us: int | None


class OlderReadSecret(NamedTuple):
    secret: ReadSecret
    until_us: int


class Opened(NamedTuple):
    """An endpoint's decrypted secrets, headers and keys. Never store them."""

    secret: ReadSecret
    older_secrets: tuple[OlderReadSecret, ...]
    headers: dict[str, str]
    signers: tuple[Signer, ...]

    def signing_at(self, now_us: int) -> list[Ed25519PrivateKey]:
        return [one.key for one in self.signers if one.until_us is None or now_us < one.until_us]


class SecretCache:
    """Caches the decrypted secrets of recently used endpoints. The keys are the encrypted bytes."""

    def __init__(self, vault: Vault, *, endpoints_max: int = OPENED_MAX) -> None:
        self._vault = vault
        self._endpoints_max = endpoints_max
        self._opened: OrderedDict[tuple[bytes | None, ...], Opened] = OrderedDict()

    def open(self, target: Target) -> Opened:
        """Return the endpoint's decrypted values. Raise keys.vault.SealBroken if one was altered."""
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
        # CGI-like servers read Transfer_Encoding as Transfer-Encoding, so names with an underscore aren't sent.
        # Older endpoints may still have such names.
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
    """Return all headers except those for the connection. `span` adds trace headers, which aren't signed."""
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
    """Decide the delivery's next state from the attempt's result.

    schedule_s overrides the endpoint's schedule. headers is empty if no request could be made.
    """
    duration_us = max(0, outcome.ended_at_us - outcome.started_at_us)
    why = outcome.reason
    # Arguments are positional, because keywords would cost a microsecond for each delivery.
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
    _log.error("delivery.unsendable", extra={"reason": reason})
    return SendResult(None, "protocol", reason, {}, b"", False, None, {}, now_us, now_us)


def lost_settlement(claimed: Claimed, *, now_us: int) -> Settlement:
    """Settle a delivery after several workers in a row died while sending it."""
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
