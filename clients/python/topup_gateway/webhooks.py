"""Webhooks: is it the gateway's, and what does it tell?

verify() checks a request by one of its signatures, over the raw bytes of its body, and returns
the event. Deliveries come at least once: remember the id of what was dealt with.
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .errors import InvalidSignature
from .generated.events import EVENTS, TypedEvent
from .generated.models import Event

TOLERANCE_S = 300
_PREFIX = "whsec_"
_PUBLIC_PREFIX = "whpk_"
_DIGITS_MAX = 12
_MISFITS = (ValueError, TypeError, KeyError, AttributeError)


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    tolerance_s: int = TOLERANCE_S,
    now_s: float | None = None,
) -> TypedEvent | Event:
    """The event of a genuine request: of its own class, or Event for a type or a form of another version.

    body: the raw bytes. secret: the endpoint's whsec_…, or its public key whpk_… (which needs the extra
    ed25519), or several while one is rotated; one that fits is enough. tolerance_s: how old or how far ahead it
    may be. Raises InvalidSignature, and ImportError where all keys are whpk_… and the extra is missing.
    """
    given = {name.lower(): value for name, value in headers.items()}
    keys = [secret] if isinstance(secret, str) else list(secret)
    # Never a secret of an HMAC: everybody knows a public key.
    public_keys = [one for one in keys if one.startswith(_PUBLIC_PREFIX)]
    secrets = [one for one in keys if not one.startswith(_PUBLIC_PREFIX)]
    now_s = time.time() if now_s is None else now_s
    if "webhook-signature" in given:
        _standard(body, given, secrets, public_keys, now_s, tolerance_s)
    elif "x-aitopup-signature" in given:
        _stripe(body, given["x-aitopup-signature"], secrets, now_s, tolerance_s)
    else:
        raise InvalidSignature("no signature among the headers")
    return event_of(body)


def event_of(body: bytes | str | Mapping[str, Any]) -> TypedEvent | Event:
    """The event of a body that is known to be genuine, such as one of GET /events.

    One that an older gateway wrote, and that lacks a field of today's, is an Event, too.
    """
    try:
        value = body if isinstance(body, Mapping) else json.loads(body)
        known = EVENTS.get(value["type"], Event)
        with contextlib.suppress(*_MISFITS):
            return known.from_dict(value)
        return Event.from_dict(value)
    except _MISFITS as error:
        raise InvalidSignature("the body is no event") from error


def _standard(
    body: bytes,
    given: Mapping[str, str],
    secrets: list[str],
    public_keys: list[str],
    now_s: float,
    tolerance_s: int,
) -> None:
    """Standard Webhooks 1.0, of id.timestamp.body, in base64: v1 is HMAC-SHA256 by the secret's bytes, v1a
    Ed25519.
    """
    timestamp = given.get("webhook-timestamp", "")
    _check_time(timestamp, now_s, tolerance_s)
    signed = f"{given.get('webhook-id', '')}.{timestamp}.".encode() + body
    parts = [part.partition(",") for part in given["webhook-signature"].split()]
    expected = [base64.b64encode(_mac(_key(one), signed)) for one in secrets]
    if _fits_any(expected, (value.encode() for version, _, value in parts if version == "v1")):
        return
    if not public_keys or not _is_signed(public_keys, parts, signed, has_secrets=bool(secrets)):
        raise InvalidSignature("no signature fits")


def _is_signed(
    public_keys: list[str], parts: list[tuple[str, str, str]], signed: bytes, *, has_secrets: bool
) -> bool:
    # Who has a secret needs no cryptography.
    try:
        from .public_keys import fits_any  # noqa: PLC0415
    except ImportError as error:
        if not has_secrets:
            raise
        raise InvalidSignature(f"no signature fits that could be checked: {error}") from None
    return fits_any(public_keys, [value for version, _, value in parts if version == "v1a"], signed)


def _stripe(body: bytes, header: str, secrets: list[str], now_s: float, tolerance_s: int) -> None:
    """Stripe's scheme: HMAC-SHA256 of timestamp.body, in hex, by the secret as it is written."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    timestamp = next((value for name, _, value in pairs if name == "t"), "")
    _check_time(timestamp, now_s, tolerance_s)
    signed = f"{timestamp}.".encode() + body
    expected = [_mac(one.encode(), signed).hex().encode() for one in secrets]
    if not _fits_any(expected, (value.encode() for name, _, value in pairs if name == "v1")):
        raise InvalidSignature("no signature fits")


def _check_time(timestamp: str, now_s: float, tolerance_s: int) -> None:
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _DIGITS_MAX
    if not is_number:
        raise InvalidSignature("no time among the headers")
    if abs(now_s - int(timestamp)) > tolerance_s:
        raise InvalidSignature("signed too long ago, or ahead of this machine's clock")


def _fits_any(expected: list[bytes], given: Iterator[bytes]) -> bool:
    """Each is compared with each, in constant time."""
    fits = [hmac.compare_digest(one, other) for other in given for one in expected]
    return any(fits)


def _mac(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSignature("the secret is not whsec_ and base64") from None
