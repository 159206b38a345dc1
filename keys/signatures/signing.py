"""Sign webhooks and check signatures. Two of the schemes use the same secret. The third, Ed25519, uses a key pair.

The Stripe (X-AiTopUp-Signature) and Standard Webhooks (webhook-*) libraries accept these signatures.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets as random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, NamedTuple, Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from kernel.errors import InvalidInput

PUBLIC_PREFIX: Final = "whpk_"
ED25519_VERSION: Final = "v1a"
SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 32
SECRET_PREFIX = "whsec_"  # noqa: S105 - the public form of a secret, not one
SECRET_BYTES = 32
SECRET_BYTES_MIN = 24
SECRET_BYTES_MAX = 64
SIGNATURE_HEADER = "X-AiTopUp-Signature"
ID_HEADER = "webhook-id"
TIMESTAMP_HEADER = "webhook-timestamp"
STANDARD_HEADER = "webhook-signature"
TOLERANCE_S = 300
HEADER_CHARACTERS_MAX = 4096
# The limit exists because each check with a public key takes 0.1 ms. Our webhooks have at most six signatures.
SIGNATURES_CHECKED_MAX = 8
_TIMESTAMP_DIGITS_MAX = 12
_SHA256 = "sha256"
Matches = Callable[[Sequence[str], bytes], bool]


class InvalidPublicKey(InvalidInput):
    def __init__(self, detail: str) -> None:
        super().__init__(detail, param="public_key")


def new_seed() -> bytes:
    return random.token_bytes(SEED_BYTES)


def signer_of(seed: bytes) -> Ed25519PrivateKey:
    """Return a signer. Making it costs as much as signing, so cache it."""
    return Ed25519PrivateKey.from_private_bytes(seed)


def public_text(seed: bytes) -> str:
    public = signer_of(seed).public_key().public_bytes_raw()
    return PUBLIC_PREFIX + base64.b64encode(public).decode("ascii")


def read_public_key(text: str) -> Ed25519PublicKey:
    if not text.startswith(PUBLIC_PREFIX):
        raise InvalidPublicKey("The public key does not begin with whpk_.")
    try:
        public = base64.b64decode(text[len(PUBLIC_PREFIX) :], validate=True)
    except (binascii.Error, ValueError):
        raise InvalidPublicKey("The part after whpk_ is not base64.") from None
    if len(public) != PUBLIC_BYTES:
        raise InvalidPublicKey(f"The public key has {len(public)} bytes instead of {PUBLIC_BYTES}.")
    return Ed25519PublicKey.from_public_bytes(public)


def ed25519_signature(signer: Ed25519PrivateKey, signed: bytes) -> str:
    return base64.b64encode(signer.sign(signed)).decode("ascii")


def fits(public: Ed25519PublicKey, text: str, signed: bytes) -> bool:
    """Return whether the signature is right. A malformed signature counts as wrong."""
    try:
        public.verify(base64.b64decode(text, validate=True), signed)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


class InvalidSecret(InvalidInput):
    """The text isn't whsec_ followed by the base64 of 24 to 64 bytes. The message doesn't show it."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail, param="secret")


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a received webhook. `header` names the header concerned, if there is one."""

    part: Literal["secret", "public_key", "timestamp", "bytes", "header"]
    header: str | None
    detail: str


def new_webhook_secret() -> str:
    return SECRET_PREFIX + base64.b64encode(random.token_bytes(SECRET_BYTES)).decode("ascii")


def secret_key(secret: str) -> bytes:
    """Return the 24 to 64 bytes of the key inside a whsec_ secret. Raise InvalidSecret for any other text."""
    if secret != secret.strip():
        raise InvalidSecret("The secret begins or ends with white space.")
    if not secret.startswith(SECRET_PREFIX):
        raise InvalidSecret("The secret does not begin with whsec_.")
    try:
        key = base64.b64decode(secret[len(SECRET_PREFIX) :], validate=True)
    except (binascii.Error, ValueError):
        raise InvalidSecret("The part after whsec_ is not base64.") from None
    if not SECRET_BYTES_MIN <= len(key) <= SECRET_BYTES_MAX:
        raise InvalidSecret(
            f"The secret has {len(key)} bytes instead of {SECRET_BYTES_MIN} to {SECRET_BYTES_MAX}."
        )
    return key


class ReadSecret(NamedTuple):
    """A secret, prepared for signing with its whole text and with its key bytes.

    Each message copies the two prepared states, so the key is hashed only once [5.1 instead of 7.5 µs].
    """

    text: str
    by_text: hmac.HMAC
    by_key: hmac.HMAC

    @classmethod
    def of(cls, secret: str) -> Self:
        text, key = secret.encode(), secret_key(secret)
        return cls(secret, hmac.new(text, digestmod=_SHA256), hmac.new(key, digestmod=_SHA256))


def signature_headers(
    *,
    secrets: Sequence[str],
    signers: Sequence[Ed25519PrivateKey] = (),
    message_id: str,
    timestamp_s: int,
    body: bytes,
) -> dict[str, str]:
    read = [ReadSecret.of(one) for one in secrets]
    return headers_signed_by(read, signers, message_id, timestamp_s, body)


def headers_signed_by(
    secrets: Sequence[ReadSecret],
    signers: Sequence[Ed25519PrivateKey],
    message_id: str,
    timestamp_s: int,
    body: bytes,
) -> dict[str, str]:
    """Return the four signature headers of a request. They contain one signature per secret, newest first.

    Sources: Stripe's webhook signatures, scheme v1; Standard Webhooks 1.0.
    """
    assert secrets, "an endpoint has at least one secret"
    stripe = [f"t={timestamp_s}"]
    standard = []
    dated, named = _stripe_bytes(timestamp_s, body), _standard_bytes(message_id, timestamp_s, body)
    for secret in secrets:
        stripe.append(f"v1={_mac(secret.by_text, dated).hex()}")
        standard.append(f"v1,{_base64(_mac(secret.by_key, named))}")
    for signer in signers:
        signed = ed25519_signature(signer, named)
        standard.append(f"{ED25519_VERSION},{signed}")
    return {
        SIGNATURE_HEADER: ",".join(stripe),
        ID_HEADER: message_id,
        TIMESTAMP_HEADER: str(timestamp_s),
        STANDARD_HEADER: " ".join(standard),
    }


def stripe_signature(secret: str, timestamp_s: int, body: bytes) -> str:
    """Return the HMAC-SHA256 in hex. Its key is the whole secret. Its message is "{t}." followed by the raw
    body.
    """
    return hmac.digest(secret.encode(), _stripe_bytes(timestamp_s, body), hashlib.sha256).hex()


def _mac(ready: hmac.HMAC, message: bytes) -> bytes:
    mac = ready.copy()
    mac.update(message)
    return mac.digest()


def _base64(signature: bytes) -> str:
    return binascii.b2a_base64(signature, newline=False).decode("ascii")


def _stripe_bytes(timestamp_s: int, body: bytes) -> bytes:
    return b"%d." % timestamp_s + body


def _standard_bytes(message_id: str, timestamp_s: int, body: bytes) -> bytes:
    return b"%s.%d." % (message_id.encode(), timestamp_s) + body


def verify(
    *,
    headers: Mapping[str, str],
    body: bytes,
    secret: str | None = None,
    public_key: str | None = None,
    now_s: int,
    tolerance_s: int = TOLERANCE_S,
) -> list[Finding]:
    """Return everything that is wrong with a received webhook. The list is empty if the webhook is genuine.

    If a secret and a public key are given, both signatures must be valid. No input from a sender
    raises an error.
    """
    assert secret is not None or public_key is not None, "there is something to check by"
    found = {name.lower(): value for name, value in headers.items()}
    findings = [] if secret is None else _check_by_secret(found, body, secret, now_s, tolerance_s)
    if public_key is not None:
        by_key = _check_by_public_key(found, body, public_key, now_s, tolerance_s)
        findings += [one for one in by_key if one not in findings]
    return findings


def _check_by_secret(
    found: Mapping[str, str], body: bytes, secret: str, now_s: int, tolerance_s: int
) -> list[Finding]:
    findings: list[Finding] = []
    key: bytes | None = None
    try:
        key = secret_key(secret)
    except InvalidSecret as error:
        findings.append(Finding("secret", None, error.detail))
    stripe = found.get(SIGNATURE_HEADER.lower())
    standard = [name for name in (ID_HEADER, TIMESTAMP_HEADER, STANDARD_HEADER) if name in found]
    if stripe is None and not standard:
        detail = f"Neither {SIGNATURE_HEADER} nor {STANDARD_HEADER} is among the headers."
        findings.append(Finding("header", None, detail))
    if stripe is not None:
        findings += _check_stripe(stripe, body, secret if key is not None else None)
        findings += _check_age(SIGNATURE_HEADER, _stripe_timestamp(stripe), now_s, tolerance_s)
    if standard:
        matches = None if key is None else partial(_has_mac, key)
        findings += _check_standard(found, body, "v1", matches)
        timestamp_s = _seconds(found.get(TIMESTAMP_HEADER, ""))
        findings += _check_age(TIMESTAMP_HEADER, timestamp_s, now_s, tolerance_s)
    return findings


def _check_by_public_key(
    found: Mapping[str, str], body: bytes, public_key: str, now_s: int, tolerance_s: int
) -> list[Finding]:
    findings: list[Finding] = []
    matches: Matches | None = None
    try:
        matches = partial(_has_signature, read_public_key(public_key))
    except InvalidPublicKey as error:
        findings.append(Finding("public_key", None, error.detail))
    findings += _check_standard(found, body, ED25519_VERSION, matches)
    if TIMESTAMP_HEADER in found:
        timestamp_s = _seconds(found[TIMESTAMP_HEADER])
        findings += _check_age(TIMESTAMP_HEADER, timestamp_s, now_s, tolerance_s)
    return findings


def _check_stripe(header: str, body: bytes, secret: str | None) -> list[Finding]:
    timestamp_s = _stripe_timestamp(header)
    signatures = [part[3:] for part in _parts(header, ",") if part.startswith("v1=")]
    if timestamp_s is None or not signatures or len(header) > HEADER_CHARACTERS_MAX:
        detail = "The form is t=<Unix seconds>,v1=<64 hex digits>, once or more."
        return [Finding("header", SIGNATURE_HEADER, detail)]
    if secret is None:
        return []

    def matches(candidate: bytes) -> bool:
        return _matches_any(signatures, stripe_signature(secret, timestamp_s, candidate))

    return _check_bytes(SIGNATURE_HEADER, body, matches)


def _has_mac(key: bytes, signatures: Sequence[str], signed: bytes) -> bool:
    expected = _base64(hmac.digest(key, signed, hashlib.sha256))
    return _matches_any(signatures, expected)


def _has_signature(public: Ed25519PublicKey, signatures: Sequence[str], signed: bytes) -> bool:
    return any(fits(public, one, signed) for one in signatures[:SIGNATURES_CHECKED_MAX])


def _check_standard(
    found: Mapping[str, str], body: bytes, version: str, matches: Matches | None
) -> list[Finding]:
    missing = [
        name for name in (ID_HEADER, TIMESTAMP_HEADER, STANDARD_HEADER) if not found.get(name)
    ]
    if missing:
        return [Finding("header", name, f"{name} is missing.") for name in missing]
    message_id, header = found[ID_HEADER], found[STANDARD_HEADER]
    timestamp_s = _seconds(found[TIMESTAMP_HEADER])
    prefix = f"{version},"
    signatures = [
        part.removeprefix(prefix) for part in _parts(header, " ") if part.startswith(prefix)
    ]
    if not signatures or max(len(header), len(message_id)) > HEADER_CHARACTERS_MAX:
        detail = f"The form is {version},<base64>, once or more, with a space between."
        if version == ED25519_VERSION:
            detail += " A webhook has it while its ed25519 is true."
        return [Finding("header", STANDARD_HEADER, detail)]
    if matches is None or timestamp_s is None:
        return []

    def is_signed(candidate: bytes) -> bool:
        return matches(signatures, _standard_bytes(message_id, timestamp_s, candidate))

    return _check_bytes(STANDARD_HEADER, body, is_signed)


def _check_age(header: str, timestamp_s: int | None, now_s: int, tolerance_s: int) -> list[Finding]:
    if timestamp_s is None:
        if header == SIGNATURE_HEADER:
            return []
        return [Finding("timestamp", header, "The timestamp is not Unix seconds in digits.")]
    off_s = now_s - timestamp_s
    if abs(off_s) <= tolerance_s:
        return []
    side = "old" if off_s > 0 else "in the future"
    detail = f"The timestamp is {abs(off_s)} s {side}; {tolerance_s} s are tolerated."
    return [Finding("timestamp", header, detail)]


def _check_bytes(header: str, body: bytes, matches: Callable[[bytes], bool]) -> list[Finding]:
    if matches(body):
        return []
    for change, candidate in _likely_originals(body):
        if matches(candidate):
            return [Finding("bytes", header, f"The body was changed after signing: {change}.")]
    detail = (
        "No signature matches: the body's bytes are not those that were signed, or the secret or public "
        "key is not this endpoint's. Verify the raw bytes, before any parsing."
    )
    return [Finding("bytes", header, detail)]


def _likely_originals(body: bytes) -> list[tuple[str, bytes]]:
    """Return what the sender probably signed, if the receiver made one of the most common mistakes."""
    originals = [
        ("white space was added at its ends", body.strip()),
        ("line ends were rewritten", body.replace(b"\r\n", b"\n")),
    ]
    try:
        parsed = json.loads(body)
        for is_ascii in (False, True):
            compact = json.dumps(parsed, ensure_ascii=is_ascii, separators=(",", ":"))
            spaced = json.dumps(parsed, ensure_ascii=is_ascii)
            change = "the JSON was parsed and written again"
            originals += [(change, compact.encode()), (change, spaced.encode())]
    except (ValueError, RecursionError):
        return originals
    return originals


def _stripe_timestamp(header: str) -> int | None:
    stamps = [part[2:] for part in _parts(header, ",") if part.startswith("t=")]
    return _seconds(stamps[0]) if len(stamps) == 1 else None


def _seconds(text: str) -> int | None:
    # isdigit() also accepts digits from other scripts.
    if text.isascii() and text.isdigit() and len(text) <= _TIMESTAMP_DIGITS_MAX:
        return int(text)
    return None


def _parts(header: str, separator: str) -> list[str]:
    return [part.strip() for part in header[:HEADER_CHARACTERS_MAX].split(separator)]


def _matches_any(signatures: Sequence[str], expected: str) -> bool:
    # compare_digest accepts only bytes and ASCII text.
    wanted = expected.encode()
    equal = [hmac.compare_digest(one.encode(errors="replace"), wanted) for one in signatures]
    return any(equal)
