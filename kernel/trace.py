"""Record which request caused something: its ID and, if given, the caller's W3C trace.

The stored line is `req_5Fx`, or `req_5Fx 00-<trace id>-<span id>-01 <tracestate>`. A caller's text is stored
only if it has the standard's form. We start no trace of our own, because its sampling flag would decide for
the receiver. Source: W3C Trace Context, level 2 (https://www.w3.org/TR/trace-context-2/).
"""

import re
from contextvars import ContextVar
from random import getrandbits
from typing import Final, NamedTuple

REQUEST_ID_HEADER: Final = "X-Request-Id"
PARENT_HEADER: Final = "traceparent"
STATE_HEADER: Final = "tracestate"
# The standard asks to pass on at least this much. A longer state is left out completely.
STATE_CHARACTERS_MAX: Final = 512
STATE_MEMBERS_MAX: Final = 32
_VERSION = "00"
# The flags that version 00 defines: sampled, and that the trace ID is random.
_FLAGS_KNOWN = 0b11
_FLAGS_KNOWN_TO_ALL = 0b01
_PARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_KEY = re.compile(r"[a-z0-9][a-z0-9_*/@-]{0,255}")
_VALUE = re.compile(r"[ -+\--<>-~]{0,255}[!-+\--<>-~]")

# The line of the request that the current task serves.
current_line: ContextVar[str | None] = ContextVar("current_line", default=None)


class Span(NamedTuple):
    """An outgoing request that is made because of another request."""

    request_id: str
    trace_id: str | None = None
    span_id: str | None = None
    flags: str = ""
    state: str = ""

    @property
    def headers(self) -> list[tuple[str, str]]:
        headers = [(REQUEST_ID_HEADER, self.request_id)]
        if self.trace_id is not None:
            headers.append((PARENT_HEADER, self._parent))
            if self.state:
                headers.append((STATE_HEADER, self.state))
        return headers

    @property
    def line(self) -> str:
        if self.trace_id is None:
            return self.request_id
        return f"{self.request_id} {self._parent} {self.state}".rstrip(" ")

    @property
    def _parent(self) -> str:
        return f"{_VERSION}-{self.trace_id}-{self.span_id}-{self.flags}"


def line_of(request_id: str, parent: bytes | None = None, state: bytes | None = None) -> str:
    """Return the line to store. request_id contains no space. Malformed headers count as missing."""
    if parent is None or (kept := _parent_of(parent.decode("latin-1"))) is None:
        return request_id
    members = "" if state is None else _state_of(state.decode("latin-1"))
    return f"{request_id} {kept} {members}" if members else f"{request_id} {kept}"


def request_id_of(line: str) -> str:
    return line.partition(" ")[0]


def trace_id_of(line: str) -> str | None:
    parent = line.partition(" ")[2]
    return parent[3:35] if parent else None


def span_of(line: str) -> Span:
    named = named_span_of(line)
    if named.trace_id is None:
        return named
    # The standard doesn't allow 0.
    return named._replace(span_id=f"{getrandbits(64) or 1:016x}")


def named_span_of(line: str) -> Span:
    request_id, _, rest = line.partition(" ")
    if not rest:
        return Span(request_id)
    parent, _, state = rest.partition(" ")
    _, trace_id, span_id, flags = parent.split("-")
    return Span(request_id, trace_id, span_id, flags, state)


def _parent_of(text: str) -> str | None:
    found = _PARENT.match(text)
    if found is None:
        return None
    version, trace_id, span_id, flags = found.groups()
    rest = text[found.end() :]
    if version == "ff" or not trace_id.strip("0") or not span_id.strip("0"):
        return None
    if rest and (version == _VERSION or not rest.startswith("-")):
        return None
    known = _FLAGS_KNOWN if version == _VERSION else _FLAGS_KNOWN_TO_ALL
    return f"{_VERSION}-{trace_id}-{span_id}-{int(flags, 16) & known:02x}"


def _state_of(text: str) -> str:
    """Remove empty members. Return an empty text if a member is malformed."""
    if len(text) > STATE_CHARACTERS_MAX:
        return ""
    members = [member for one in text.split(",") if (member := one.strip(" \t"))]
    keys = set()
    for member in members:
        key, _, value = member.partition("=")
        if _KEY.fullmatch(key) is None or _VALUE.fullmatch(value) is None:
            return ""
        keys.add(key)
    is_whole = len(keys) == len(members) <= STATE_MEMBERS_MAX
    return ",".join(members) if is_whole else ""
