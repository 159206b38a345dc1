"""Format keys and tokens so that a typing error is noticed before any look-up.

- ak_staging_, ak_live_: an account's API key.
- sat_staging_, sat_live_: an account's system access token. adm_…: an operator's token.
- oat_: an OAuth app's token for one user.
- mat_, mrt_: an MCP client's access token and refresh token.
- sst_: a dashboard session's cookie.

The prefix is followed by 26 random base62 characters (43 for a session). Their CRC-32 follows in 6 characters,
for leak scanners. With so many random bits, the hash needs no salt and can be fast.
"""

import hashlib
import re
import secrets
import zlib
from dataclasses import dataclass
from typing import Literal, cast

from kernel.ids import BASE62
from keys.principal import Environment

TokenKind = Literal["key", "system_token", "operator_token", "session", "oauth_token", "mcp_token"]

TOKEN_CHARACTERS_MAX = 64
_RANDOM_CHARACTERS = 26
_SESSION_CHARACTERS = 43
_CHECKSUM_CHARACTERS = 6
_PREFIXES: dict[TokenKind, str] = {
    "key": "ak",
    "system_token": "sat",
    "operator_token": "adm",
}
_KINDS: dict[str, TokenKind] = {prefix: kind for kind, prefix in _PREFIXES.items()}
_FORM = re.compile(r"(ak|sat|adm)_(staging|live)_([0-9A-Za-z]{26})([0-9A-Za-z]{6})")
_BARE_FORM = re.compile(r"(?:sst_([0-9A-Za-z]{43})|(oat|mat)_([0-9A-Za-z]{26}))([0-9A-Za-z]{6})")
_BARE_KINDS: dict[str | None, TokenKind] = {
    None: "session",
    "oat": "oauth_token",
    "mat": "mcp_token",
}


@dataclass(frozen=True, slots=True)
class ParsedToken:
    kind: TokenKind
    environment: Environment | None


def new_token(kind: TokenKind, environment: Environment) -> str:
    random = _random(_RANDOM_CHARACTERS)
    return f"{_PREFIXES[kind]}_{environment}_{random}{checksum(random)}"


def new_session_token() -> str:
    random = _random(_SESSION_CHARACTERS)
    return f"sst_{random}{checksum(random)}"


def new_oauth_token() -> str:
    random = _random(_RANDOM_CHARACTERS)
    return f"oat_{random}{checksum(random)}"


def new_api_key(environment: Environment) -> str:
    return new_token("key", environment)


def checksum(random: str) -> str:
    """Return the CRC-32 (IEEE) as 6 base62 characters, padded with zeros. Digits come before letters."""
    number = zlib.crc32(random.encode("ascii"))
    characters = ""
    for _ in range(_CHECKSUM_CHARACTERS):
        number, value = divmod(number, 62)
        characters = BASE62[value] + characters
    return characters


def parse(text: str) -> ParsedToken | None:
    match = _FORM.fullmatch(text)
    if match is None:
        return _parse_bare(text)
    if checksum(match[3]) != match[4]:
        return None
    return ParsedToken(_KINDS[match[1]], cast(Environment, match[2]))


def is_mistyped(text: str) -> bool:
    match = _FORM.fullmatch(text)
    return match is not None and checksum(match[3]) != match[4]


def digest(text: str) -> str:
    """Return the SHA-256 in hex. Characters that UTF-8 can't encode are escaped first."""
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def prefix16(text: str) -> str:
    return text[:16]


def last4(text: str) -> str:
    return text[-4:]


def _random(characters: int) -> str:
    return "".join(secrets.choice(BASE62) for _ in range(characters))


def _parse_bare(text: str) -> ParsedToken | None:
    match = _BARE_FORM.fullmatch(text)
    if match is None or checksum(match[1] or match[3]) != match[4]:
        return None
    return ParsedToken(_BARE_KINDS[match[2]], None)
