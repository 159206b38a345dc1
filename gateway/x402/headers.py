"""Read and write the three headers of x402 version 2, with the x402 package's own models.

Only the signed parts of a payment are used and passed on. Otherwise, if a payment contained a second authorization, a
facilitator would settle that, too.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from pydantic import ValidationError
from x402.extensions.bazaar import (
    DeclareMcpDiscoveryConfig,
    OutputConfig,
    declare_discovery_extension,
    declare_mcp_discovery_extension,
)
from x402.http.utils import encode_payment_required_header, encode_payment_response_header
from x402.schemas import PaymentPayload, PaymentRequired, SettleResponse

from billing.machine_payments.offer import SCHEME, Offer
from billing.machine_payments.payment import X402, PaidRequest
from gateway.http.fields import refuse_repeated_names
from kernel.clock import SECOND_US
from kernel.errors import InvalidInput

BAZAAR: Final = "bazaar"
_BAZAAR_EXAMPLE: Final = {
    "platform": "claude",
    "amount_cents": 1000,
    "recipient_email": "user@example.com",
}
_BAZAAR_BODY: Final = {
    "type": "object",
    "properties": {
        name: {"type": "integer" if isinstance(value, int) else "string"}
        for name, value in _BAZAAR_EXAMPLE.items()
    },
    "required": [*_BAZAAR_EXAMPLE],
}
_BAZAAR_OUTPUT: Final = OutputConfig(example={"success": True, "code": 1001, "status": "delivered"})


def bazaar_resource(url: str, *, icon_url: str | None = None) -> dict[str, Any]:
    made = {
        "url": url,
        "description": "A top-up of prepaid AI credit",
        "mimeType": "application/json",
        "serviceName": "Topup Gateway",
        "tags": ["ai-credit", "prepaid", "top-up", "gift"],
    }
    return made if icon_url is None else {**made, "iconUrl": icon_url}


def bazaar_entry() -> dict[str, Any]:
    made = declare_discovery_extension(
        input=_BAZAAR_EXAMPLE, input_schema=_BAZAAR_BODY, body_type="json", output=_BAZAAR_OUTPUT
    )[BAZAAR]
    # The package omits the method, although its own schema requires it.
    made["info"]["input"]["method"] = "POST"
    return dict(made)


def bazaar_tool_entry(name: str, about: str, input_schema: Mapping[str, Any]) -> dict[str, Any]:
    config = DeclareMcpDiscoveryConfig(
        tool_name=name,
        description=about,
        input_schema=dict(input_schema),
        example=_BAZAAR_EXAMPLE,
        output=_BAZAAR_OUTPUT,
    )
    return dict(declare_mcp_discovery_extension(config)[BAZAAR])


HEADER: Final = "PAYMENT-SIGNATURE"
IDENTIFIER: Final = "payment-identifier"
BYTES_MAX: Final = 16_384
_AGO_S: Final = 6  # Facilitators refuse an authorization that expires within seconds.
_AHEAD_S: Final = 86_400
_AUTHORIZATION: Final = frozenset({"from", "to", "value", "validAfter", "validBefore", "nonce"})
_NUMBER = re.compile(r"(0|[1-9][0-9]{0,77})").fullmatch
_ADDRESS = re.compile(r"0x[0-9a-f]{40}").fullmatch
_NONCE = re.compile(r"0x[0-9a-f]{64}").fullmatch
_SIGNATURE = re.compile(r"0x[0-9a-fA-F]{130,8192}").fullmatch
_IDENTIFIER_CHARACTERS: Final = (16, 128)
_SAFE_IDENTIFIER = re.compile(r"[A-Za-z0-9_-]+").fullmatch
_HEXADECIMAL = re.compile(r"(?:[A-Za-z]{1,16}_)?([0-9a-f]{32,})").fullmatch
_DIFFERENT_DIGITS_MIN: Final = 8
_IDENTIFIER_SCHEMA: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "required": {"type": "boolean"},
        "id": {
            "type": "string",
            "minLength": _IDENTIFIER_CHARACTERS[0],
            "maxLength": _IDENTIFIER_CHARACTERS[1],
            "pattern": "^[a-zA-Z0-9_-]+$",
        },
    },
    "required": ["required"],
}


class Asking(NamedTuple):
    resource: Mapping[str, Any]
    bazaar: Mapping[str, Any]


class Presented(NamedTuple):
    """A payment in a request. Times are in seconds since the epoch.

    `ref` identifies the payment. `identifier` is a digest of the secret identifier. `digest` is a digest of the
    signed authorization. `payload` and `extensions` are passed on to the facilitator.
    """

    ref: str
    identifier: str
    payer: str
    amount: str
    pay_to: str
    network: str
    asset: str
    valid_after_s: int
    valid_before_s: int
    payload: Mapping[str, Any]
    extensions: Mapping[str, Any]
    digest: str
    is_random: bool
    protocol: str = X402

    @property
    def expires_at(self) -> int:
        return self.valid_before_s * SECOND_US


def required(offer: Offer, cents: int, asking: Asking, *, why: str) -> PaymentRequired:
    return PaymentRequired.model_validate(
        {
            "x402Version": 2,
            "error": why,
            "resource": asking.resource,
            "accepts": [offer.requirements(cents)],
            "extensions": {
                IDENTIFIER: {"info": {"required": True}, "schema": _IDENTIFIER_SCHEMA},
                BAZAAR: asking.bazaar,
            },
        }
    )


def required_header(wanted: PaymentRequired) -> bytes:
    return encode_payment_required_header(wanted).encode()


def response_header(
    *,
    is_settled: bool,
    payer: str,
    network: str,
    amount: str,
    settlement: str | None,
    reason: str | None,
) -> bytes:
    return encode_payment_response_header(
        SettleResponse(
            success=is_settled,
            error_reason=None if is_settled else reason or "settlement_pending",
            payer=payer,
            transaction=settlement or "",
            network=network,
            amount=amount if is_settled else None,
        )
    ).encode()


def request_of(presented: Presented, offer: Offer, cents: int, asking: Asking) -> dict[str, Any]:
    """Return the body for the facilitator's /verify and /settle. The caller has checked the payment."""
    wanted = offer.requirements(cents)
    return {
        "x402Version": 2,
        "paymentPayload": {
            "x402Version": 2,
            "accepted": wanted,
            "payload": presented.payload,
            "resource": asking.resource,
            "extensions": {**presented.extensions, BAZAAR: asking.bazaar},
        },
        "paymentRequirements": wanted,
    }


def read(header: bytes, key: str) -> Presented:
    if len(header) > BYTES_MAX:
        raise _wrong(f"is longer than {BYTES_MAX} characters")
    try:
        raw = base64.b64decode(header, validate=True)
        refuse_repeated_names(raw)
        payload = PaymentPayload.model_validate_json(raw)
    except (binascii.Error, ValidationError, RecursionError):
        raise _wrong("is not base64 of a payment payload of x402 version 2") from None
    if payload.x402_version != 2 or payload.accepted.scheme != SCHEME:
        raise _wrong("takes x402 version 2 and the scheme exact")
    authorization = payload.payload.get("authorization")
    signature = payload.payload.get("signature")
    if not isinstance(authorization, dict) or not isinstance(signature, str):
        raise _wrong("holds no signed authorization (EIP-3009)")
    if len(payload.payload) != 2 or not _AUTHORIZATION.issuperset(authorization):
        raise _wrong("holds more than one authorization (EIP-3009) and its signature")
    if not _SIGNATURE(signature):
        raise _wrong("has a signature of another form")
    payer = _field(authorization, "from", _ADDRESS)
    nonce = _field(authorization, "nonce", _NONCE)
    network, asset = payload.accepted.network, payload.accepted.asset.lower()
    identifier = _identifier(payload.extensions)
    ref = f"{network}/{asset}/{payer}/{nonce}"
    return Presented(
        ref=ref,
        identifier=digest_of(identifier, key),
        payer=payer,
        amount=_field(authorization, "value", _NUMBER),
        pay_to=_field(authorization, "to", _ADDRESS),
        network=network,
        asset=asset,
        valid_after_s=int(_field(authorization, "validAfter", _NUMBER)),
        valid_before_s=int(_field(authorization, "validBefore", _NUMBER)),
        payload={"authorization": authorization, "signature": signature},
        extensions={IDENTIFIER: {"info": {"required": True, "id": identifier}}},
        digest=digest_of(f"{ref} {signature.lower()}", key),
        is_random=_is_random(identifier),
    )


def misfit(presented: Presented, offer: Offer, request: PaidRequest, now_s: int) -> str | None:
    asset = offer.asset
    wanted = (asset.network, asset.address.lower(), offer.pay_to.lower())
    if (presented.network, presented.asset, presented.pay_to) != wanted:
        return "the payment is for another network, asset or address"
    if presented.amount != offer.amount(request.charged_cents):
        return "the payment is of another amount than the price"
    if presented.valid_after_s > now_s:
        return "the authorization is not valid yet"
    if presented.valid_before_s < now_s + _AGO_S:
        return "the authorization has expired"
    if presented.valid_before_s > now_s + _AHEAD_S:
        return "the authorization is valid for longer than a day"
    return None


def digest_of(identifier: str, key: str) -> str:
    """Return a keyed digest of a payer's secret.

    With a plain digest, anybody with a copy of the database could find a short secret by guessing.
    """
    return hmac.new(key.encode(), identifier.encode(), hashlib.sha256).hexdigest()


def _is_random(identifier: str) -> bool:
    found = _HEXADECIMAL(identifier)
    digits = "" if found is None else found[1]
    return len(set(digits)) >= _DIFFERENT_DIGITS_MIN and not digits.isdecimal()


def _identifier(extensions: Mapping[str, Any] | None) -> str:
    info = (extensions or {}).get(IDENTIFIER)
    info = info.get("info") if isinstance(info, dict) else None
    found = info.get("id") if isinstance(info, dict) else None
    least, most = _IDENTIFIER_CHARACTERS
    if isinstance(found, str) and least <= len(found) <= most and _SAFE_IDENTIFIER(found):
        return found
    raise _wrong(
        f"needs extensions.{IDENTIFIER}.info.id: {least} to {most} letters, digits, - or _, made at random for"
        " this top-up, such as pay_ and 32 hexadecimal digits; keep it secret, since it shows what was bought",
        reason="payment_identifier",
    )


def _field(authorization: Mapping[str, Any], name: str, matches: Any) -> str:
    found = authorization.get(name)
    text = found.lower() if isinstance(found, str) else ""
    if not matches(text):
        raise _wrong(f"has no authorization.{name} that can be read")
    return text


def _wrong(what: str, *, reason: str | None = None) -> InvalidInput:
    return InvalidInput(f"{HEADER} {what}", param=HEADER, reason=reason)
