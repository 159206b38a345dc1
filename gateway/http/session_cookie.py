"""Handle the session cookie and known devices, and check that requests come from our own pages.

A known device has its own limit on sign-in attempts, so that a stranger's guesses don't lock out the owner.
"""

import re
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qs

from starlette.types import Scope

from kernel.clock import SECOND_US
from kernel.errors import DomainError
from keys.session import LIFE_US, is_forgery_token
from keys.vault import Vault
from runtime.settings import Settings

NAME = "topup_session"
TOKEN_HEADER = b"x-csrf-token"
TOKEN_FIELD = "csrf_token"  # noqa: S105 a name, not a secret
_FORM_TYPE = b"application/x-www-form-urlencoded"
_FIELDS_MAX = 500

Headers = Mapping[bytes, bytes]


class ForgeryRefused(DomainError):
    pass


class SignInRefused(DomainError):
    """The sign-in was refused. The response doesn't say whether the address or the password is wrong."""


def is_https(scope: Scope, settings: Settings) -> bool:
    return settings.public_url.startswith("https://") or scope.get("scheme") == "https"


def cookie_name(*, is_secure: bool) -> str:
    return f"__Host-{NAME}" if is_secure else NAME


def read_cookie(headers: Headers, *, is_secure: bool) -> str | None:
    found = cookies_named(headers, cookie_name(is_secure=is_secure))
    return found.pop() if len(found) == 1 else None


def cookies_named(headers: Headers, wanted: str) -> set[str]:
    found: set[str] = set()
    for pair in headers.get(b"cookie", b"").decode("latin-1").split(";"):
        name, _, value = pair.strip().partition("=")
        if name == wanted:
            found.add(value)
    return found


def set_cookie(token: str, *, is_secure: bool) -> tuple[bytes, bytes]:
    return _header(token, LIFE_US // SECOND_US, is_secure=is_secure)


def clear_cookie(*, is_secure: bool) -> tuple[bytes, bytes]:
    return _header("", 0, is_secure=is_secure)


def check_forgery(
    scope: Scope, headers: Headers, raw: bytes, settings: Settings, token: str
) -> None:
    if is_same_origin(scope, headers, settings):
        return
    given = headers.get(TOKEN_HEADER, b"").decode("latin-1")
    if not given and headers.get(b"content-type", b"").startswith(_FORM_TYPE):
        given = _field(raw)
    if not is_forgery_token(given, token):
        raise ForgeryRefused(
            "This change did not come from a page of this gateway. Reload the page and try again.",
            reason="forgery",
        )


def is_same_origin(scope: Scope, headers: Headers, settings: Settings) -> bool:
    if headers.get(b"sec-fetch-site") == b"same-origin":
        return True
    origin = headers.get(b"origin")
    return origin is not None and origin in _own_origins(scope, headers, settings)


def is_foreign(scope: Scope, headers: Headers, settings: Settings) -> bool:
    """Return whether the browser says that the request comes from another site."""
    says = headers.get(b"sec-fetch-site") or headers.get(b"origin")
    return says is not None and not is_same_origin(scope, headers, settings)


def _own_origins(scope: Scope, headers: Headers, settings: Settings) -> set[bytes]:
    scheme = "https" if is_https(scope, settings) else "http"
    host = headers.get(b"host", b"")
    own = {f"{scheme}://".encode() + host} if host else set()
    return own | ({settings.public_url.encode()} if settings.public_url else set())


def _field(raw: bytes) -> str:
    try:
        fields = parse_qs(raw.decode("ascii"), max_num_fields=_FIELDS_MAX)
    except ValueError:
        return ""
    values = fields.get(TOKEN_FIELD, [])
    return values[0] if len(values) == 1 else ""


def _header(value: str, age_s: int, *, is_secure: bool) -> tuple[bytes, bytes]:
    name = cookie_name(is_secure=is_secure)
    text = f"{name}={value}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax"
    return b"set-cookie", f"{text}; Secure".encode() if is_secure else text.encode()


DEVICE_COOKIE: Final = "topup_device"
DEVICE_AGE_S: Final = 31_536_000
_PURPOSE: Final = "device"
_FORM: Final = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})")


def known_device(headers: Headers, vault: Vault, name: str) -> str | None:
    for value in cookies_named(headers, DEVICE_COOKIE):
        found = _FORM.fullmatch(value)
        if found is None:
            continue
        if vault.is_signed(f"{found[1]} {name}", found[2], purpose=_PURPOSE):
            return found[1]
    return None


def device_cookie(vault: Vault, name: str, *, is_secure: bool) -> tuple[bytes, bytes]:
    device = secrets.token_hex(16)
    proof = vault.sign(f"{device} {name}", purpose=_PURPOSE)
    text = f"{DEVICE_COOKIE}={device}.{proof}; Path=/sign-in; Max-Age={DEVICE_AGE_S}; HttpOnly; SameSite=Lax"
    return b"set-cookie", f"{text}; Secure".encode() if is_secure else text.encode()
