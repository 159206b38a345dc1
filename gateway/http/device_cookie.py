"""Remember a browser in which somebody signed in before.

It gets tries of its own, so that a stranger's guesses lock no owner out.
"""

import re
import secrets
from typing import Final

from gateway.http.session_cookie import Headers, cookies_named
from keys.vault import Vault

NAME: Final = "topup_device"
AGE_S: Final = 31_536_000
_PURPOSE: Final = "device"
_FORM: Final = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{64})")


def known_device(headers: Headers, vault: Vault, name: str) -> str | None:
    for value in cookies_named(headers, NAME):
        found = _FORM.fullmatch(value)
        if found is None:
            continue
        if vault.is_signed(f"{found[1]} {name}", found[2], purpose=_PURPOSE):
            return found[1]
    return None


def device_cookie(vault: Vault, name: str, *, is_secure: bool) -> tuple[bytes, bytes]:
    device = secrets.token_hex(16)
    proof = vault.sign(f"{device} {name}", purpose=_PURPOSE)
    text = f"{NAME}={device}.{proof}; Path=/sign-in; Max-Age={AGE_S}; HttpOnly; SameSite=Lax"
    return b"set-cookie", f"{text}; Secure".encode() if is_secure else text.encode()
