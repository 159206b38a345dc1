"""Check where a browser can be sent with an authorization code. Only addresses that the app registered are
allowed (RFC 9700, 2.1).

Only an app of the OhMyGPT dialect can register a host with any path. All URL parsers read an accepted URL in the same
way.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from kernel.errors import DomainError, InvalidInput
from kernel.limits import URL_CHARACTERS_MAX

HOST_CHARACTERS_MAX = 253
STATE_CHARACTERS_MAX = 512
TEMPLATE_CHARACTERS_MAX = 1024
LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
# As in RFC 3986, but without characters that some parsers read differently.
_PART = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_QUERY = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*"
_URL = re.compile(rf"(https?)://([^/?#]*)((?:/{_PART})?)(?:\?({_QUERY}))?")
# Encoded slashes, backslashes and control characters, which some servers decode before they read the path.
_SPLIT = re.compile(r"%(?:2f|5c|[01][0-9a-f]|7f)", re.IGNORECASE)
_RESERVED = frozenset({"code", "state", "error", "iss"})
_LOOPBACK_URL = re.compile(r"http://(127\.0\.0\.1|\[::1\]|localhost)(?::[0-9]{1,5})?(/.*|\Z)")
URIS_MAX = 10
_TEMPLATE = "redirect_template"


class RedirectRefused(DomainError):
    pass


@dataclass(frozen=True, slots=True)
class Registered:
    """An app's registered URLs, and a host on which every path is allowed. If the host is empty, only the registered
    URLs are allowed.
    """

    host: str
    uris: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        named = (self.host, *(urlsplit(uri).netloc for uri in self.uris))
        return tuple(dict.fromkeys(host for host in named if host))

    def holds(self, url: str) -> bool:
        return any(url == uri or _is_same_program(url, uri) for uri in self.uris)


def register(host: str, uris: Sequence[str]) -> Registered:
    if not host and not uris:
        raise InvalidInput("An app needs at least one redirect address.", param="redirect_uris")
    if len(uris) > URIS_MAX:
        raise InvalidInput(f"An app can have at most {URIS_MAX} addresses.", param="redirect_uris")
    for uri in uris:
        found = _URL.fullmatch(uri)
        wrong = "is not a plain absolute URL without a fragment"
        if found is not None:
            host_wrong = "" if _is_host(found[2]) else "names no host such as app.example.com"
            wrong = host_wrong or _wrong_with(uri, found[2]) or ""
        if wrong or _reserved_in(uri):
            reason = wrong or "already has a parameter of ours"
            raise InvalidInput(f"{uri[:200]} {reason}", param="redirect_uris")
    return Registered(normalise_host(host) if host else "", tuple(dict.fromkeys(uris)))


def normalise_host(text: str) -> str:
    """Return the host in the form that redirects use, without port 443. Raise InvalidInput if the host isn't valid."""
    if not text.isascii():
        raise InvalidInput(
            "Write the host in ASCII. An international name begins with xn--.",
            param="redirect_host",
        )
    host, colon, port = split_port(text.lower())
    if host not in LOOPBACK and not _is_name(host):
        raise InvalidInput(
            "A redirect host is a name such as app.example.com, optionally with a port.",
            param="redirect_host",
        )
    if colon and not (_PORT.fullmatch(port) and int(port) < 65_536):
        raise InvalidInput("The port must be from 1 to 65535.", param="redirect_host")
    if port == "443":
        colon = port = ""
    return host + colon + port


def check_redirect(url: str, registered: Registered) -> None:
    """Raise RedirectRefused unless the URL or its host is registered."""
    if registered.holds(url):
        return
    if not registered.host:
        raise _refused("is not one of the addresses that this app registered")
    wrong = _wrong_with(url, registered.host)
    if wrong is not None:
        raise _refused(wrong)


def landing(
    redirect_uri: str,
    *,
    registered: Registered,
    code: str,
    state: str | None,
    issuer: str,
    template: str | None = None,
) -> str:
    """Return the URL to which the browser is sent with the code. Raise RedirectRefused if it isn't registered.

    `template` is the base64 of a text with {code}, {state} and {iss} (RFC 9207). The text is appended to
    redirect_uri.
    """
    check_redirect(redirect_uri, registered)
    if template is None:
        return with_parameters(redirect_uri, [("code", code), ("state", state), ("iss", issuer)])
    if not registered.host:
        raise _refused("is for apps that registered a whole host", _TEMPLATE)
    given = {"{code}": code, "{state}": state or "", "{iss}": issuer}
    values = {name: quote(value, safe="") for name, value in given.items()}
    text = decode_template(template)
    url = redirect_uri + re.sub(r"\{code\}|\{state\}|\{iss\}", lambda found: values[found[0]], text)
    wrong = _wrong_with(url, registered.host)
    if wrong is not None:
        raise _refused(f"makes a URL that {wrong}", _TEMPLATE)
    return url


def denial(
    redirect_uri: str, *, registered: Registered, error: str, state: str | None, issuer: str
) -> str:
    """Return the URL to which the browser is sent with an error instead of a code (RFC 6749, 4.1.2.1)."""
    check_redirect(redirect_uri, registered)
    return with_parameters(redirect_uri, [("error", error), ("state", state), ("iss", issuer)])


def decode_template(template: str) -> str:
    """Return the template's text. Accept both base64 alphabets. Raise RedirectRefused if {code} is missing."""
    if len(template) > TEMPLATE_CHARACTERS_MAX:
        raise _refused(f"is longer than {TEMPLATE_CHARACTERS_MAX} characters", _TEMPLATE)
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
    if scheme != "https" and split_port(host)[0] not in LOOPBACK:
        return "is not https"
    if "//" in path or _SPLIT.search(path) or {".", ".."} & set(unquote(path).split("/")):
        return "has a path that can be read in two ways"
    return None


def _is_same_program(url: str, uri: str) -> bool:
    asked, known = _LOOPBACK_URL.fullmatch(url), _LOOPBACK_URL.fullmatch(uri)
    if asked is None or known is None:
        return False
    found = _URL.fullmatch(url)
    return found is not None and asked.groups() == known.groups()


def with_parameters(url: str, pairs: Sequence[tuple[str, str | None]]) -> str:
    """Add the parameters that have a value. Raise RedirectRefused if the URL already has one of them."""
    _, mark, query = url.partition("?")
    if _reserved_in(url):
        raise _refused("already has a parameter of ours")
    added = "&".join(
        f"{name}={quote(value, safe='')}" for name, value in pairs if value is not None
    )
    return f"{url}{'&' if query else '' if mark else '?'}{added}"


def _reserved_in(url: str) -> bool:
    query = url.partition("?")[2]
    return not _RESERVED.isdisjoint(name for name, _ in parse_qsl(query, keep_blank_values=True))


def _is_host(authority: str) -> bool:
    try:
        return normalise_host(authority) == authority
    except InvalidInput:
        return False


def split_port(text: str) -> tuple[str, str, str]:
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
        # Browsers read a host that ends with a number as an IP address, so it isn't a name.
        and _NUMBER.fullmatch(labels[-1]) is None
    )


def _refused(why: str, param: str = "redirect_uri") -> RedirectRefused:
    return RedirectRefused(f"{param} {why}", param=param)
