"""Where a browser may be sent with an authorization code: the app's own host, to the letter; pure.

Promise: a URL that passes is understood alike by every parser, because nothing in it is left to
their reading: the scheme is https (http for this machine), what stands between it and the path is
the app's registered host byte for byte, and the rest holds no character that some parser treats
differently. What a template makes is judged as a whole, after its values were put in.
"""

import base64
import binascii
import re
from urllib.parse import parse_qsl, quote

from kernel.errors import DomainError, InvalidInput
from kernel.limits import URL_CHARACTERS_MAX

HOST_CHARACTERS_MAX = 253
STATE_CHARACTERS_MAX = 512
TEMPLATE_CHARACTERS_MAX = 1024
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
# RFC 3986 without what some parser reads differently; a per cent sign needs its two digits.
_PART = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_QUERY = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*"
_URL = re.compile(rf"(https?)://([^/?#]*)((?:/{_PART})?)(?:\?({_QUERY}))?")
# Encoded slashes, backslashes and control characters in a path, which some servers decode first.
_SPLIT = re.compile(r"%(?:2f|5c|[01][0-9a-f]|7f)", re.IGNORECASE)
_RESERVED = frozenset({"code", "state", "error"})
_TEMPLATE = "redirect_template"


class RedirectRefused(DomainError):
    """The URL is not on the app's registered host, or not written as it must be."""


def normalise_host(text: str) -> str:
    """A host with its port where given, as it must stand in a redirect; raises InvalidInput.

    Names in ASCII, https's own port left out. This machine's are localhost, 127.0.0.1 and [::1].
    """
    if not text.isascii():
        raise InvalidInput(
            "write the host in ASCII, an international name as xn--…", param="redirect_host"
        )
    host, colon, port = _split_port(text.lower())
    if host not in LOOPBACK and not _is_name(host):
        raise InvalidInput(
            "a redirect host is a name such as app.example.com, with its port if it has one",
            param="redirect_host",
        )
    if colon and not (_PORT.fullmatch(port) and int(port) < 65_536):
        raise InvalidInput("the port is 1 to 65535", param="redirect_host")
    if port == "443":
        colon = port = ""
    return host + colon + port


def check_redirect(url: str, host: str) -> None:
    """Raises RedirectRefused unless the URL is on that registered host (with its port)."""
    wrong = _wrong_with(url, host)
    if wrong is not None:
        raise _refused(wrong)


def landing(
    redirect_uri: str, *, host: str, code: str, state: str | None, template: str | None = None
) -> str:
    """Where the browser goes with the code; raises RedirectRefused.

    template is base64 of a text with {code} and perhaps {state}, which is put behind redirect_uri.
    """
    check_redirect(redirect_uri, host)
    if template is None:
        return _with(redirect_uri, [("code", code), ("state", state)])
    values = {"{code}": quote(code, safe=""), "{state}": quote(state or "", safe="")}
    text = decode_template(template)
    url = redirect_uri + re.sub(r"\{code\}|\{state\}", lambda found: values[found[0]], text)
    wrong = _wrong_with(url, host)
    if wrong is not None:
        raise _refused(f"makes a URL that {wrong}", _TEMPLATE)
    return url


def denial(redirect_uri: str, *, host: str, state: str | None) -> str:
    """Where the browser goes when the user refuses; raises RedirectRefused."""
    check_redirect(redirect_uri, host)
    return _with(redirect_uri, [("error", "access_denied"), ("state", state)])


def decode_template(template: str) -> str:
    """The template's text, with {code} in it; raises RedirectRefused. Both base64 alphabets pass."""
    if len(template) > TEMPLATE_CHARACTERS_MAX:
        raise _refused(f"is longer than {TEMPLATE_CHARACTERS_MAX} characters", _TEMPLATE)
    # In a query a plus sign is a space.
    plain = template.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        text = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        raise _refused("is not base64 of ASCII text", _TEMPLATE) from None
    if "{code}" not in text:
        raise _refused("has no {code} in it", _TEMPLATE)
    return text


def _wrong_with(url: str, host: str) -> str | None:
    if len(url) > URL_CHARACTERS_MAX:
        return f"is longer than {URL_CHARACTERS_MAX} characters"
    found = _URL.fullmatch(url)
    if found is None:
        return "is not a plain absolute URL without a fragment"
    scheme, authority, path, _ = found.groups()
    if authority != host:
        return "is not on the app's registered host"
    if scheme != "https" and _split_port(host)[0] not in LOOPBACK:
        return "is not https"
    if "//" in path or _SPLIT.search(path):
        return "has a path that can be read in two ways"
    return None


def _with(url: str, pairs: list[tuple[str, str | None]]) -> str:
    _, mark, query = url.partition("?")
    if {name for name, _ in parse_qsl(query, keep_blank_values=True)} & _RESERVED:
        raise _refused("already has a parameter of ours")
    added = "&".join(
        f"{name}={quote(value, safe='')}" for name, value in pairs if value is not None
    )
    return f"{url}{'&' if query else '' if mark else '?'}{added}"


def _split_port(text: str) -> tuple[str, str, str]:
    if text.startswith("["):
        host, bracket, rest = text.partition("]")
        return host + bracket, rest[:1], rest[1:]
    return text.partition(":")


def _is_name(host: str) -> bool:
    labels = host.split(".")
    return (
        len(host) <= HOST_CHARACTERS_MAX
        and len(labels) > 1
        and all(_LABEL.fullmatch(label) for label in labels)
        # A number at the end is an address to a browser, in one of many spellings.
        and _NUMBER.fullmatch(labels[-1]) is None
    )


def _refused(why: str, param: str = "redirect_uri") -> RedirectRefused:
    return RedirectRefused(f"{param} {why}", param=param)
