"""Implement the HTTP authentication scheme `Payment` (draft-httpauth-payment-01) with Stripe's shared payment
tokens (draft-stripe-charge-00).

Challenges aren't stored. A challenge's ID is a MAC of the request, price, seller and expiry. Only the payer knows the
challenge's random identifier, which later gives access to what was bought.
"""

import base64
import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import mpp
import msgspec
from mpp import (  # type: ignore[attr-defined]  # its ParseError is no part of what it says to export
    Challenge,
    ChallengeEcho,
    Credential,
    ParseError,
    Receipt,
)

from billing.machine_payments.offer import METHOD, TokenOffer
from billing.machine_payments.payment import MPP
from kernel.clock import SECOND_US, parse_rfc3339, rfc3339

INTENT: Final = "charge"
# The credential's header if Authorization already holds an API key.
BESIDE_KEY: Final = mpp.PAYMENT_AUTHORIZATION_HEADER
PROBLEMS: Final = "https://paymentauth.org/problems/"
CHALLENGE_S: Final = 900
BYTES_MAX: Final = 16_384
DESCRIPTION: Final = "A top-up of prepaid AI credit"
_SCHEME: Final = b"payment "
_TOKEN = re.compile(r"spt_[A-Za-z0-9_]{4,200}").fullmatch
_IDENTIFIER = re.compile(r"[0-9a-f]{32}").fullmatch
_TAIL: Final = 4


class Misfit(NamedTuple):
    """Why a payment isn't accepted. `problem` is the draft's name for the reason, if any."""

    detail: str
    problem: str | None = None


class ShownCredential(NamedTuple):
    """A credential in a request. Don't trust its challenge until `misfit` has checked it.

    `ref` and `identifier` are digests of the token and of the challenge's secret. The challenge expires at
    `expires_at`.
    """

    ref: str
    identifier: str
    payer: str
    expires_at: int
    token: str
    challenge: ChallengeEcho
    secret: str
    is_beside_key: bool
    protocol: str = MPP
    digest: str = ""
    is_random: bool = True


class Priced(NamedTuple):
    """What a challenge is made from. `key` signs its ID. If `is_beside_key` is true, the request's Authorization
    header contains an API key.
    """

    key: str
    realm: str
    offer: TokenOffer
    cents: int
    body: bytes
    is_beside_key: bool


class _Opaque(msgspec.Struct):
    identifier: str


_OPAQUE: Final = msgspec.json.Decoder(_Opaque)


def is_payment(header: bytes | None) -> bool:
    return header is not None and header[: len(_SCHEME)].lower() == _SCHEME


def read(headers: Mapping[bytes, bytes]) -> ShownCredential | Misfit | None:
    in_front = headers.get(b"authorization")
    beside = headers.get(BESIDE_KEY.lower().encode())
    if beside is not None and is_payment(in_front):
        return Misfit("one payment at a time: two credentials came", "malformed-credential")
    header = in_front if is_payment(in_front) else beside
    if header is None:
        return None
    if len(header) > BYTES_MAX:
        return Misfit(f"the credential is longer than {BYTES_MAX} bytes", "malformed-credential")
    try:
        found = Credential.from_authorization(header.decode("latin-1"))
    except (ParseError, RecursionError, UnicodeError):
        return Misfit("the credential cannot be read", "malformed-credential")
    return _shown(found, is_beside_key=header is beside)


def challenge(priced: Priced, *, now_us: int) -> bytes:
    until = (now_us // SECOND_US + CHALLENGE_S) * SECOND_US
    made = _made(priced, rfc3339(until), secrets.token_hex(16))
    return made.to_www_authenticate(priced.realm).encode()


def misfit(shown: ShownCredential, priced: Priced, *, now_us: int) -> Misfit | None:
    """Return why the credential doesn't pay for the request, or None if it does."""
    echo = shown.challenge
    if (echo.method, echo.intent) != (METHOD, INTENT):
        return Misfit(f"{METHOD}/{INTENT} is taken here alone", "method-unsupported")
    wanted = _made(priced, echo.expires or "", shown.secret)
    is_ours = hmac.compare_digest(wanted.id.encode(), echo.id.encode())
    if not is_ours or shown.is_beside_key is not priced.is_beside_key:
        return Misfit(
            "the challenge was not made here for this request at this price: answer the new one",
            "invalid-challenge",
        )
    if shown.expires_at <= now_us:
        return Misfit("the challenge has ended: answer the new one", "payment-expired")
    return None


def receipt(settlement: str, settled_at: int) -> bytes:
    at = datetime.fromisoformat(rfc3339(settled_at))
    return Receipt.success(settlement, timestamp=at, method=METHOD).to_payment_receipt().encode()


def realm_of(address: str) -> str:
    return urlsplit(address).netloc


def _made(priced: Priced, expires: str, secret: str) -> Challenge:
    digest = base64.b64encode(hashlib.sha256(priced.body).digest()).decode()
    return Challenge.create(
        secret_key=priced.key,
        realm=priced.realm,
        method=METHOD,
        intent=INTENT,
        request=priced.offer.request(priced.cents),
        expires=expires,
        digest=f"sha-256=:{digest}:",
        description=DESCRIPTION,
        meta={"environment": priced.offer.environment, "identifier": secret},
        header=BESIDE_KEY if priced.is_beside_key else None,
    )


def _shown(found: Credential, *, is_beside_key: bool) -> ShownCredential | Misfit:
    payload: Any = found.payload
    token = payload.get("spt") if isinstance(payload, dict) else None
    if not isinstance(token, str) or not _TOKEN(token):
        return Misfit("payload.spt is no shared payment token, spt_…", "invalid-payload")
    secret = _secret(found.challenge.opaque)
    if secret is None:
        return Misfit("the challenge was not made here", "invalid-challenge")
    return ShownCredential(
        ref=hashlib.sha256(token.encode()).hexdigest(),
        identifier=hashlib.sha256(secret.encode()).hexdigest(),
        payer=f"spt_…{token[-_TAIL:]}",
        expires_at=_moment(found.challenge.expires),
        token=token,
        challenge=found.challenge,
        secret=secret,
        is_beside_key=is_beside_key,
    )


def _secret(opaque: str | None) -> str | None:
    text = opaque or ""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        said = _OPAQUE.decode(raw)
    except (ValueError, RecursionError):
        return None
    return said.identifier if _IDENTIFIER(said.identifier) else None


def _moment(text: str | None) -> int:
    try:
        return parse_rfc3339(text or "")
    except ValueError:
        return 0
