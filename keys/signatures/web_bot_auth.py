"""Identify automated callers by Web Bot Auth, which uses HTTP Message Signatures (RFC 9421).

Until a signature expires, it can be copied to a request with another body. So a signature identifies a caller but
grants nothing (docs/decisions/0049-web-bot-auth.md).
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

MEMBERS_MAX: Final = 8
ITEMS_MAX: Final = 32
PARAMS_MAX: Final = 16
_KEY: Final = re.compile(r"[a-z*][a-z0-9_.*-]{0,63}")
_INTEGER: Final = re.compile(r"-?[0-9]{1,15}(?![0-9.])")
_PLAIN: Final = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*")
_BYTES: Final = re.compile(r":([A-Za-z0-9+/]*={0,2}):")
_TOKEN: Final = re.compile(r"[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*")
_ESCAPED: Final = re.compile(r'\\(["\\])')

Bare = str | int | bytes | bool


class Malformed(ValueError):
    """The text is too large, or isn't a valid header field of the expected kind."""


class Item(NamedTuple):
    value: Bare
    params: Mapping[str, Bare]
    text: str


class InnerList(NamedTuple):
    items: tuple[Item, ...]
    params: Mapping[str, Bare]
    text: str


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    @property
    def is_over(self) -> bool:
        return self.at >= len(self.text)

    def skip(self, characters: str) -> None:
        while not self.is_over and self.text[self.at] in characters:
            self.at += 1

    def takes(self, character: str) -> bool:
        is_next = self.text.startswith(character, self.at)
        self.at += len(character) if is_next else 0
        return is_next

    def match(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise Malformed
        self.at = found.end()
        return found

    def string(self) -> str:
        self.at += 1
        parts = [self.match(_PLAIN)[0]]
        while not self.takes('"'):
            parts += [self.match(_ESCAPED)[1], self.match(_PLAIN)[0]]
        return "".join(parts)

    def bare(self) -> Bare:
        first = self.text[self.at : self.at + 1]
        if first == '"':
            return self.string()
        if first == ":":
            try:
                return base64.b64decode(self.match(_BYTES)[1], validate=True)
            except (binascii.Error, ValueError):
                raise Malformed from None
        if first == "?":
            self.at += 1
            if self.takes("1"):
                return True
            if self.takes("0"):
                return False
            raise Malformed
        if first.isdigit() or first == "-":
            return int(self.match(_INTEGER)[0])
        return self.match(_TOKEN)[0]

    def params(self) -> dict[str, Bare]:
        found: dict[str, Bare] = {}
        while self.takes(";"):
            self.skip(" ")
            name = self.match(_KEY)[0]
            found[name] = self.bare() if self.takes("=") else True
            if len(found) > PARAMS_MAX:
                raise Malformed
        return found

    def item(self) -> Item:
        begin = self.at
        value = self.bare()
        params = self.params()
        return Item(value, params, self.text[begin : self.at])

    def member(self) -> Item | InnerList:
        begin = self.at
        if not self.takes("("):
            return self.item()
        items: list[Item] = []
        while True:
            self.skip(" ")
            if self.takes(")"):
                break
            items.append(self.item())
            if len(items) > ITEMS_MAX or self.text[self.at : self.at + 1] not in {" ", ")"}:
                raise Malformed
        params = self.params()
        return InnerList(tuple(items), params, self.text[begin : self.at])


def read_dictionary(text: str) -> dict[str, Item | InnerList]:
    reader, found = _Reader(text), dict[str, Item | InnerList]()
    reader.skip(" ")
    while not reader.is_over:
        name = reader.match(_KEY)[0]
        if reader.takes("="):
            found[name] = reader.member()
        else:
            found[name] = Item(True, reader.params(), "?1")
        if len(found) > MEMBERS_MAX:
            raise Malformed
        reader.skip(" \t")
        if reader.is_over:
            return found
        if not reader.takes(","):
            raise Malformed
        reader.skip(" \t")
        if reader.is_over:
            raise Malformed
    return found


def read_string(text: str) -> str:
    reader = _Reader(text.strip(" "))
    found = reader.item()
    if not reader.is_over or not isinstance(found.value, str) or not found.text.startswith('"'):
        raise Malformed
    if found.params:
        raise Malformed
    return found.value


TAG: Final = "web-bot-auth"
AGENT_HEADER: Final = b"signature-agent"
INPUT_HEADER: Final = b"signature-input"
SIGNATURE_HEADER: Final = b"signature"
FIELD_BYTES_MAX: Final = 2_048
URL_CHARACTERS_MAX: Final = 256
LIFE_S_MAX: Final = 86_400
# Clocks differ, so a signature may seem to come from the future.
AHEAD_S_MAX: Final = 60
KEYS_MAX: Final = 20
_ALGORITHM: Final = "ed25519"
_KEY_BYTES: Final = 32
_THUMBPRINT: Final = re.compile(r"[A-Za-z0-9_-]{43}")
_HOST: Final = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})+")
_AGENT: Final = "signature-agent"
_TARGETS: Final = frozenset({"@authority", "@target-uri"})
# The example key of RFC 9421. Anybody can sign with it, because its private half is published.
TEST_KEY: Final = "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U"


class Target(NamedTuple):
    """The request as the signer saw it. `authority` is our own name, not one that a caller sent."""

    method: str
    scheme: str
    authority: str
    path: str
    query: str
    headers: Mapping[bytes, bytes]


class Claim(NamedTuple):
    """A well-formed signature that isn't checked yet.

    `agent` is the URL of the signer's keys. `base` has the signed bytes. A signature without a `nonce` can be
    used again.
    """

    agent: str
    key_id: str
    signature: bytes
    base: bytes
    nonce: str | None
    life_s: int

    def is_signed_by(self, key: bytes) -> bool:
        try:
            Ed25519PublicKey.from_public_bytes(key).verify(self.signature, self.base)
        except (InvalidSignature, ValueError):
            return False
        return True


def claim_of(target: Target, *, now_s: int, life_s_max: int = LIFE_S_MAX) -> Claim | None:
    """Return the request's first signature with this tag, if its algorithm and components are supported."""
    texts = [target.headers.get(name) for name in (INPUT_HEADER, SIGNATURE_HEADER, AGENT_HEADER)]
    if any(text is None or len(text) > FIELD_BYTES_MAX for text in texts):
        return None
    inputs, signatures, agents = (text.decode("latin-1") for text in texts if text is not None)
    try:
        found = _claim(target, inputs, signatures, agents, now_s)
    except (Malformed, UnicodeEncodeError):
        return None
    return found if found is None or found.life_s <= life_s_max else None


def _claim(target: Target, inputs: str, signatures: str, agents: str, now_s: int) -> Claim | None:
    for label, listed in read_dictionary(inputs).items():
        if not isinstance(listed, InnerList) or listed.params.get("tag") != TAG:
            continue
        signature = read_dictionary(signatures).get(label)
        if not isinstance(signature, Item) or not isinstance(signature.value, bytes):
            return None
        params = listed.params
        key_id, nonce = params.get("keyid"), params.get("nonce")
        if not _is_timely(params, now_s) or params.get("alg", _ALGORITHM) != _ALGORITHM:
            return None
        if not isinstance(key_id, str) or _THUMBPRINT.fullmatch(key_id) is None:
            return None
        if nonce is not None and not isinstance(nonce, str):
            return None
        agent = _agent_of(listed, agents, label)
        base = _base_of(target, listed, agents)
        if agent is None or base is None:
            return None
        return Claim(
            agent,
            key_id,
            signature.value,
            base,
            nonce,
            int(params["expires"]) - int(params["created"]),
        )
    return None


def _is_timely(params: Mapping[str, Any], now_s: int) -> bool:
    created, expires = params.get("created"), params.get("expires")
    if type(created) is not int or type(expires) is not int:
        return False
    return created < expires and created <= now_s + AHEAD_S_MAX and now_s < expires


def _agent_of(listed: InnerList, agents: str, label: str) -> str | None:
    covered = [one for one in listed.items if one.value == _AGENT]
    if agents.lstrip(" ").startswith('"'):
        # Earlier drafts allowed a plain URL if there was only one signature.
        is_plain = len(covered) == 1 and not covered[0].params
        return _url(read_string(agents)) if is_plain else None
    names = [one.params.get("key") for one in covered if len(one.params) == 1]
    name = label if label in names else names[0] if len(names) == 1 else None
    found = read_dictionary(agents).get(str(name))
    if not isinstance(found, Item) or found.params or not isinstance(found.value, str):
        return None
    return _url(found.value)


def _url(text: str) -> str | None:
    if len(text) > URL_CHARACTERS_MAX or not text.isascii():
        return None
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return None
    host = (parts.hostname or "").lower()
    is_plain = (
        parts.username is None and parts.password is None and "?" not in text and "#" not in text
    )
    if parts.scheme.lower() != "https" or not is_plain or _HOST.fullmatch(host) is None:
        return None
    place = host if port in {None, 443} else f"{host}:{port}"
    return f"https://{place}{parts.path or '/'}"


def _base_of(target: Target, listed: InnerList, agents: str) -> bytes | None:
    lines: list[str] = []
    names = [one.text for one in listed.items]
    if len(set(names)) < len(names):
        return None
    if _TARGETS.isdisjoint(str(one.value) for one in listed.items):
        return None
    for one in listed.items:
        value = _value_of(target, one, agents)
        if value is None or "\n" in value:
            return None
        lines.append(f"{one.text}: {value}")
    lines.append(f'"@signature-params": {listed.text}')
    return "\n".join(lines).encode("latin-1")


def _value_of(target: Target, one: Item, agents: str) -> str | None:
    name = one.value
    if not isinstance(name, str) or not one.text.startswith('"'):
        return None
    if name == _AGENT and one.params:
        member = read_dictionary(agents).get(str(one.params.get("key")))
        return None if member is None else member.text
    if one.params:
        return None
    query = f"?{target.query}" if target.query else ""
    derived = {
        "@method": target.method,
        "@authority": target.authority,
        "@scheme": target.scheme,
        "@path": target.path,
        "@query": query or "?",
        "@request-target": f"{target.path}{query}",
        "@target-uri": f"{target.scheme}://{target.authority}{target.path}{query}",
    }
    if name.startswith("@"):
        return derived.get(name)
    found = target.headers.get(name.encode())
    return None if found is None else found.decode("latin-1").strip(" \t")


class _Jwk(msgspec.Struct):
    kty: str = ""
    crv: str = ""
    x: str = ""
    nbf: int | None = None
    exp: int | None = None


class _Directory(msgspec.Struct):
    keys: list[dict[str, Any]]


def keys_of(body: bytes, *, now_s: int) -> dict[str, bytes]:
    """Return a directory's current Ed25519 keys by their thumbprints. Raise ValueError if the directory isn't valid."""
    try:
        listed = msgspec.json.decode(body, type=_Directory).keys
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"it is no JWK Set: {error}") from None
    if len(listed) > KEYS_MAX:
        raise ValueError(f"it has more than {KEYS_MAX} keys")
    found: dict[str, bytes] = {}
    for one in listed:
        key = _key_of(one, now_s)
        if key is not None and (name := thumbprint(key)) != TEST_KEY:
            found[name] = key
    return found


def _key_of(listed: Mapping[str, Any], now_s: int) -> bytes | None:
    try:
        jwk = msgspec.convert(listed, _Jwk)
        key = base64.urlsafe_b64decode(f"{jwk.x}==")
    except (msgspec.ValidationError, ValueError):
        return None
    is_now = (jwk.nbf is None or jwk.nbf <= now_s) and (jwk.exp is None or now_s < jwk.exp)
    is_known = (jwk.kty, jwk.crv, len(key)) == ("OKP", "Ed25519", _KEY_BYTES)
    return key if is_known and is_now else None


def thumbprint(key: bytes) -> str:
    text = msgspec.json.encode({"crv": "Ed25519", "kty": "OKP", "x": _base64url(key)})
    return _base64url(hashlib.sha256(text).digest())


def _base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
