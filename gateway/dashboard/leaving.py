"""Let a browser leave for an app's or a client's address, with a code in it."""

from typing import Final
from urllib.parse import urlsplit

from starlette.responses import RedirectResponse

from gateway.html.render import SEE_OTHER
from gateway.http.routing import Reply

# Codes in an address must not travel on as somebody's Referer.
PRIVATE: Final = {"referrer-policy": "no-referrer"}
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self' {origin}; base-uri 'none'; frame-ancestors 'none'"
)


def leave_for(target: str) -> Reply:
    """Redirect uncached."""
    return RedirectResponse(target, SEE_OTHER, headers={"cache-control": "no-store", **PRIVATE})


def policy_for(redirect_uri: str) -> str:
    """Return the page's content security policy: browsers check a form's redirect against form-action."""
    parts = urlsplit(redirect_uri)
    # The policy can't name an IPv6 address, nor the rest of a program's own scheme.
    is_plain = parts.scheme in {"http", "https"} and not parts.netloc.startswith("[")
    origin = f"{parts.scheme}://{parts.netloc}" if is_plain else f"{parts.scheme}:"
    return _POLICY.format(origin=origin)
