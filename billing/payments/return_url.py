"""Where a payer goes after the checkout: a buyer's URL that we never call.

An absolute http or https URL of visible ASCII without credentials, so it may be in a link, a form and a
request as it is.
"""

import re
from urllib.parse import urlsplit

from kernel.errors import InvalidInput
from kernel.limits import URL_CHARACTERS_MAX

_VISIBLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\]")


def check_return_url(text: str, *, param: str) -> str:
    if len(text) > URL_CHARACTERS_MAX:
        raise InvalidInput(f"at most {URL_CHARACTERS_MAX} characters", param=param)
    # Browsers read a backslash as a slash, so what looks like a path may name another host.
    if not _VISIBLE.fullmatch(text) or "\\" in text:
        raise InvalidInput("a URL has visible ASCII characters only", param=param)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise InvalidInput("not a URL", param=param) from None
    if parts.scheme not in {"http", "https"}:
        raise InvalidInput("a URL begins with https:// or http://", param=param)
    if "@" in parts.netloc:
        raise InvalidInput("a URL here carries no user name and no password", param=param)
    host = parts.netloc if port is None else parts.netloc.rpartition(":")[0]
    if not _HOST.fullmatch(host):
        raise InvalidInput("the URL names no host", param=param)
    return text
