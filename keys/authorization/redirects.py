"""Check where an MCP client's codes may go: the exact addresses that it registered, compared as text. Pure.

Allowed are https, http for a program on the person's own machine (any port, RFC 8252 7.3), and a program's
own scheme such as cursor:// (RFC 8252 7.1). Such a scheme holds a dot, as a domain written backwards does, or
is one of PRIVATE_SCHEMES. A scheme that a browser runs or reads itself is never allowed.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

from kernel.errors import InvalidInput
from kernel.limits import URL_CHARACTERS_MAX
from keys.authorization.refused import AuthorizationRefused
from keys.oauth import redirect
from keys.oauth.redirect import LOOPBACK, URIS_MAX, RedirectRefused, Registered, split_port

# Of editors and assistants that sign in to MCP servers; each program registers its scheme.
PRIVATE_SCHEMES: Final = frozenset(
    {"cursor", "vscode", "vscode-insiders", "vscodium", "windsurf", "zed", "claude", "jetbrains"}
)
_PRIVATE = re.compile(
    r"([a-z][a-z0-9+.-]{0,62}):/{1,2}[A-Za-z0-9._~!$&'()*+,;=:@/%-]*"
    r"(?:\?[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*)?"
)
_WEB: Final = ("http", "https")


def check_uris(uris: Sequence[str]) -> tuple[str, ...]:
    """Return each address once; raise AuthorizationRefused."""
    if not 1 <= len(uris) <= URIS_MAX:
        raise _refused(f"a client has 1 to {URIS_MAX} redirect_uris")
    web = [uri for uri in uris if uri.partition(":")[0] in _WEB]
    for uri in uris:
        if uri not in web:
            _check_private(uri)
    if web:
        try:
            redirect.register("", web)
        except InvalidInput as error:
            raise _refused(error.detail) from None
    return tuple(dict.fromkeys(uris))


def is_registered(uri: str, registered: Sequence[str]) -> bool:
    return len(uri) <= URL_CHARACTERS_MAX and Registered("", tuple(registered)).holds(uri)


def with_answer(uri: str, answer: Sequence[tuple[str, str | None]]) -> str:
    """Add parameters such as code, state and iss to the registered address; null: left out."""
    try:
        return redirect.with_parameters(uri, answer)
    except RedirectRefused as error:
        raise _refused(error.detail) from None


def is_on_device(uri: str) -> bool:
    """Return whether it leads to a program on the person's own machine, which can't be identified."""
    parts = urlsplit(uri)
    return parts.scheme not in _WEB or split_port(parts.netloc)[0] in LOOPBACK


def destination(uri: str) -> str:
    parts = urlsplit(uri)
    return parts.netloc if parts.scheme in _WEB else f"{parts.scheme}:"


def _check_private(uri: str) -> None:
    found = _PRIVATE.fullmatch(uri)
    if found is None or len(uri) > URL_CHARACTERS_MAX:
        raise _refused("an address is https, http on loopback, or a program's own scheme")
    with_answer(uri, ())  # it must not have a parameter of our answers
    scheme = found[1]
    if "." not in scheme and scheme not in PRIVATE_SCHEMES:
        known = ", ".join(sorted(PRIVATE_SCHEMES))
        raise _refused(f"a program's own scheme holds a dot (com.example.app), or is of: {known}")


def _refused(detail: str) -> AuthorizationRefused:
    return AuthorizationRefused("invalid_redirect_uri", detail, param="redirect_uris")
