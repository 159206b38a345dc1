"""Responses to what never reaches the application."""

import time
from typing import Final

from gateway.answers import envelope
from gateway.http.errors import refusal_of
from gateway.http.strict_json import Unreadable
from kernel.ids import new_id

HEAD_BYTES_MAX: Final = 32 * 1024
TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-length: 0\r\nconnection: close\r\n\r\n"
)
# A page's form has what was typed into it in its address.
_SAID = f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>That is too long</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/static/app.css"></head>
<body><main id="content"><div class="entry stack"><h1>That is too long</h1>
<p>The address of a page and its headers may have {HEAD_BYTES_MAX // 1024} kB together, and these have more: something
very long was typed into a field, or is in the address. Go back in your browser and shorten it.</p>
<p class="buttons"><a class="button primary" href="/dashboard">Go to the dashboard</a></p></div></main></body></html>
""".encode()
PAGE_TOO_LARGE: Final = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
    b"content-type: text/html; charset=utf-8\r\ncache-control: no-store\r\n"
    b"content-security-policy: default-src 'none'; style-src 'self'; frame-ancestors 'none'\r\n"
    b"x-content-type-options: nosniff\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
    % (len(_SAID), _SAID)
)
# A transfer coding other than chunked (RFC 9112, 6.1).
NOT_IMPLEMENTED: Final = (
    b"HTTP/1.1 501 Not Implemented\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
)
TOO_MANY: Final = (
    b"HTTP/1.1 429 Too Many Requests\r\n"
    b"content-length: 0\r\nretry-after: 5\r\nconnection: close\r\n\r\n"
)


def no_http() -> bytes:
    """Return the envelope: clients read one shape even if they didn't send HTTP."""
    refusal = refusal_of(Unreadable("Invalid HTTP request received."))
    body = envelope.refuse(refusal, time.time_ns() // 1000).body
    return (
        b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\n"
        b"x-request-id: %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b"
        % (new_id("req").encode(), len(body), body)
    )
