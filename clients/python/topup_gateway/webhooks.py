"""Webhooks: check that a request is the gateway's, and read its event.

Deliveries come at least once: remember the IDs of the events that you have handled.
"""

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, get_args

from pydantic import ValidationError

from .errors import InvalidSignature
from .models import Event, TypedEvent

TOLERANCE_S = 300
_PREFIX = "whsec_"
_PUBLIC_PREFIX = "whpk_"
_PUBLIC_BYTES = 32
_DIGITS_MAX = 12
# The gateway sends six at most. A forger might send thousands.
_SIGNATURES_MAX = 20
_EVENTS: Mapping[str, type[TypedEvent]] = {
    get_args(kind.model_fields["type"].annotation)[0]: kind for kind in get_args(TypedEvent)
}


def verify(
    body: bytes,
    headers: Mapping[str, str],
    secret: str | Sequence[str],
    *,
    tolerance_s: int = TOLERANCE_S,
    now_s: float | None = None,
) -> TypedEvent | Event:
    """Return the event of a genuine request, or raise InvalidSignature.

    - body: the raw bytes.
    - secret: the endpoint's whsec_…, or its public key whpk_… (needs the extra `ed25519`). Give several
      while you rotate one: one that matches is enough.
    - tolerance_s: how old, or how far ahead, the request may be.

    An event whose type or fields this version doesn't know is returned as an Event. If only public keys are
    given and the extra is missing, ImportError is raised.
    """
    given = {name.lower(): value for name, value in headers.items()}
    keys = [secret] if isinstance(secret, str) else list(secret)
    # Everybody knows a public key, so it is never used as the secret of an HMAC.
    public_keys = [one for one in keys if one.startswith(_PUBLIC_PREFIX)]
    secrets = [one for one in keys if not one.startswith(_PUBLIC_PREFIX)]
    now_s = time.time() if now_s is None else now_s
    if "webhook-signature" in given:
        _standard(body, given, secrets, public_keys, now_s, tolerance_s)
    elif "x-aitopup-signature" in given:
        _stripe(body, given["x-aitopup-signature"], secrets, now_s, tolerance_s)
    else:
        raise InvalidSignature("The request has no signature header.")
    return event_of(body)


def event_of(body: bytes | str | Mapping[str, Any]) -> TypedEvent | Event:
    """Return the event of a body that is known to be genuine."""
    try:
        value = body if isinstance(body, Mapping) else json.loads(body)
        known = _EVENTS.get(value["type"], Event)
    except (ValueError, TypeError, KeyError):
        raise InvalidSignature("The body isn't an event.") from None
    for kind in (known, Event):
        try:
            return kind.model_validate(value)
        except ValidationError:
            continue
    raise InvalidSignature("The body isn't an event.")


def _standard(
    body: bytes,
    given: Mapping[str, str],
    secrets: list[str],
    public_keys: list[str],
    now_s: float,
    tolerance_s: int,
) -> None:
    """Check Standard Webhooks' signatures of id.timestamp.body: v1 is HMAC-SHA256, v1a Ed25519."""
    timestamp = given.get("webhook-timestamp", "")
    _check_time(timestamp, now_s, tolerance_s)
    signed = f"{given.get('webhook-id', '')}.{timestamp}.".encode() + body
    parts = [part.partition(",") for part in given["webhook-signature"].split()]
    expected = [base64.b64encode(_mac(_key(one), signed)) for one in secrets]
    if _matches_any(expected, (value.encode() for version, _, value in parts if version == "v1")):
        return
    signatures = [value for version, _, value in parts if version == "v1a"][:_SIGNATURES_MAX]
    if not public_keys or not _is_signed(public_keys, signatures, signed, is_only=not secrets):
        raise InvalidSignature("No signature matches.")


def _stripe(body: bytes, header: str, secrets: list[str], now_s: float, tolerance_s: int) -> None:
    """Check Stripe's scheme: HMAC-SHA256 of timestamp.body, in hex, by the secret as it is written."""
    pairs = [part.strip().partition("=") for part in header.split(",")]
    timestamp = next((value for name, _, value in pairs if name == "t"), "")
    _check_time(timestamp, now_s, tolerance_s)
    signed = f"{timestamp}.".encode() + body
    expected = [_mac(one.encode(), signed).hex().encode() for one in secrets]
    if not _matches_any(expected, (value.encode() for name, _, value in pairs if name == "v1")):
        raise InvalidSignature("No signature matches.")


def _is_signed(keys: list[str], signatures: list[str], signed: bytes, *, is_only: bool) -> bool:
    """Return whether one of the Ed25519 signatures is by one of the keys. is_only: there is no secret."""
    try:
        from cryptography.exceptions import InvalidSignature as Unfit  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PublicKey,
        )
    except ImportError as error:
        remedy = "To check by a whpk_…, pip install 'topup-gateway-client[ed25519]'."
        if is_only:
            raise ImportError(remedy) from error
        raise InvalidSignature(f"No signature matches the secret. {remedy}") from None
    for key in [Ed25519PublicKey.from_public_bytes(_public_key(one)) for one in keys]:
        for one in signatures:
            try:
                key.verify(base64.b64decode(one, validate=True), signed)
            except (Unfit, ValueError):
                continue
            return True
    return False


def _check_time(timestamp: str, now_s: float, tolerance_s: int) -> None:
    is_number = timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= _DIGITS_MAX
    if not is_number:
        raise InvalidSignature("The request has no timestamp.")
    if abs(now_s - int(timestamp)) > tolerance_s:
        raise InvalidSignature(
            "The request was signed too long ago, or this machine's clock is wrong."
        )


def _matches_any(expected: list[bytes], given: Iterator[bytes]) -> bool:
    """Compare each with each, in constant time."""
    found = [hmac.compare_digest(one, other) for other in given for one in expected]
    return any(found)


def _mac(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()


def _key(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSignature("The secret isn't whsec_ and base64.") from None


def _public_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.removeprefix(_PUBLIC_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _PUBLIC_BYTES:
        raise InvalidSignature("The public key isn't whpk_ and the base64 of 32 bytes.")
    return key
