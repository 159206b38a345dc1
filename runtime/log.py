"""Write a log line for each request, job and attempt, as JSON or as short coloured text.

    logger.info("delivery.attempted", extra={"delivery_id": id, "duration_ms": 3})

Secrets are masked in each line. Database drivers print values in their errors, so only the SQLSTATE of such an
error is shown. The caller only appends to a list. A thread formats and writes the lines.
"""

import json
import logging
import re
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

import msgspec

GATHER_S = 0.05
LINES_WAITING_MAX = 100_000
_WRITE_LINES_MAX = 1_000

# \\b is missing here, because an escape such as \\n or a colour may come before a secret.
_SECRET = re.compile(
    r"(?P<key>(?:ak|sat|adm)_(?:staging|live)_|(?:oa[ts]|m[ar]t|spt)_(?=[A-Za-z0-9_-]{16})|sst_|whsec_)[A-Za-z0-9+/=_-]+"
    r"|(?P<scheme>(?:Bearer|Basic)(?:\s|%20|\\u0020)+)[^\s\"',;\\]+"
    # A payment credential is long. Shorter matches are ignored, because "payment" is also an ordinary word.
    r"|(?P<payment>Payment(?:\s|%20|\\u0020)+)[A-Za-z0-9+/=_-]{40,}"
    r"|(?P<parameter>(?:passw(?:or)?d|secret|token|device_code|code_verifier|api_key)=)[^&\s\"']+"
    r"|(?P<field>\"(?:\w*(?:password|secret)|token|device_code|authorization|cookie|set-cookie)\": ?\")"
    r"(?:[^\"\\]|\\.)+"
    r"|(?P<voucher>(?:ATU|TOPUP)-)[0-9A-Z]{4}-[0-9A-Z-]*"
    r"|(?P<link>/(?:claim|decide|invitation|no-mail|new-password|receipts|orders/status|sign-in-link|verify-address|webhook-portal)\\{0,8}/)[A-Za-z0-9_-]{16,}",
    re.IGNORECASE,
)
# The first matches a URL's user before a password. The second matches the end of text that may hold the password.
_USER = re.compile(r"://[^\s/:@\"']*:")
_RUN_END = re.compile(r"[\s\"']|\Z")
# A line without any of these has nothing to mask. Searching for them is 20 times cheaper than the expression above.
_MARKS = (
    "_staging_",
    "_live_",
    "oat_",
    "oas_",
    "mat_",
    "mrt_",
    "spt_",
    "payment",
    "sst_",
    "whsec_",
    "bearer",
    "basic",
    "://",
    "passw",
    "secret",
    "token",
    "verifier",
    "api_key",
    "authorization",
    "cookie",
    "atu-",
    "topup-",
    "device_code",
    "/claim",
    "/decide",
    "/invitation",
    "/no-mail",
    "/new-password",
    "/receipts",
    "/orders/status",
    "/sign-in-link",
    "/verify-address",
    "/webhook-portal",
)
_MARK = re.compile("|".join(map(re.escape, _MARKS)))
_FEW_CHARACTERS = 64
_GROUPS = ("key", "scheme", "payment", "parameter", "field", "voucher", "link")
_HIDDEN = "***"
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Errors from these packages quote a statement's values.
_DRIVERS = ("sqlite3", "asyncpg", "sqlalchemy", "aiosqlite")
_encoder = msgspec.json.Encoder(enc_hook=str)

_COLOURS = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31;1m"}
_DIM, _GREEN, _PLAIN = "\x1b[2m", "\x1b[32m", "\x1b[0m"
_REPETITIVE = frozenset(
    {
        "account_id",
        "address",
        "attempt_id",
        "credential_id",
        "endpoint_id",
        "environment",
        "event_id",
        "is_replay",
        "is_stale",
        "request_id",
    }
)


class Stream(Protocol):
    def write(self, text: str, /) -> Any: ...
    def flush(self) -> Any: ...
    def isatty(self) -> bool: ...


def mask(text: str) -> str:
    """Replace everything that looks like a credential with its kind and ***. This takes linear time."""
    if _has_mark(text.lower()):
        return _SECRET.sub(_hide, _without_passwords(text))
    return text


def _has_mark(lowered: str) -> bool:
    if len(lowered) <= _FEW_CHARACTERS:
        return _MARK.search(lowered) is not None
    for mark in _MARKS:  # noqa: SIM110 - a generator takes twice as long
        if mark in lowered:
            return True
    return False


def _without_passwords(text: str) -> str:
    """Replace the passwords in URLs. A password ends at the last @ before a space or quote.

    A regular expression that searches for that @ after each :// would take quadratic time.
    """
    parts: list[str] = []
    copied = position = 0
    while (user := _USER.search(text, position)) is not None:
        run_end = _RUN_END.search(text, user.end())
        assert run_end is not None, "the end of the text is an end"
        position = run_end.start()
        at = text.rfind("@", user.end(), position)
        if at >= 0:
            parts += (text[copied : user.end()], _HIDDEN)
            copied = at
    return "".join((*parts, text[copied:])) if parts else text


def _hide(match: re.Match[str]) -> str:
    return next(part for name in _GROUPS if (part := match[name]) is not None) + _HIDDEN


class LineHandler(logging.Handler):
    def __init__(self, stream: Stream, form: Callable[[logging.LogRecord], str]) -> None:
        super().__init__()
        self._stream = stream
        self._form = form
        self._waiting: deque[logging.LogRecord] = deque()
        self._dropped = 0
        self._has_lines = threading.Event()
        self._is_closed = False
        self._writing = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        if len(self._waiting) >= LINES_WAITING_MAX:
            self._dropped += 1
            return
        self._waiting.append(record)
        if self._is_closed:
            self.flush()
        elif not self._has_lines.is_set():
            self._has_lines.set()

    def handle(self, record: logging.LogRecord) -> bool:
        # deque.append is atomic, so the handler's lock isn't needed.
        is_wanted = bool(self.filter(record))
        if is_wanted:
            self.emit(record)
        return is_wanted

    def flush(self) -> None:
        with self._writing:
            while self._waiting:
                self._write_some()

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._has_lines.set()
            self._thread.join()
            self.flush()
        super().close()

    def _run(self) -> None:
        while not self._is_closed:
            self._has_lines.wait()
            time.sleep(GATHER_S if not self._is_closed else 0)
            self._has_lines.clear()
            self.flush()

    def _write_some(self) -> None:
        lines: list[str] = []
        while self._waiting and len(lines) < _WRITE_LINES_MAX:
            record = self._waiting.popleft()
            try:
                lines.append(mask(self._form(record)))
            except Exception as error:
                # An unreadable value must not prevent other lines from being written.
                lines.append(json.dumps({"event": "log.unreadable", "error": type(error).__name__}))
        if self._dropped:
            lines.append(
                json.dumps({"level": "error", "event": "log.dropped", "lines": self._dropped})
            )
            self._dropped = 0
        try:
            self._stream.write("\n".join(lines) + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            self._waiting.clear()


def json_line(record: logging.LogRecord) -> str:
    """Return the record as JSON: at, level, event, logger and its own fields, and any error with its trace."""
    line: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname.lower(),
        "event": record.getMessage(),
        "logger": record.name,
    }
    line.update(_fields(record))
    if record.exc_info and record.exc_info[1] is not None:
        line["error"], line["trace"] = _described(record.exc_info[1])
    return _encoder.encode(line).decode()


def human_line(record: logging.LogRecord) -> str:
    """Return a short coloured line: time, event and the important fields. An error's trace follows.

    A request reads "POST /path 200 1001". IDs that hardly change while a developer works are shown only in
    warnings and errors.
    """
    at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
    fields = _fields(record)
    event = record.getMessage()
    if record.levelno < logging.WARNING:
        fields = {name: value for name, value in fields.items() if name not in _REPETITIVE}
        if "route" in fields:
            event = _request(fields)
    colour = _COLOURS.get(record.levelname, "")
    rest = "  ".join(
        f"{_DIM}{name}={_PLAIN}{value}" for name, value in fields.items() if value is not None
    )
    text = f"{_DIM}{at}{_PLAIN} {colour}{event}{_PLAIN if colour else ''}  {rest}"
    if record.exc_info and record.exc_info[1] is not None:
        error, trace = _described(record.exc_info[1])
        text += f"\n  {_COLOURS['ERROR']}{error}{_PLAIN}\n{_DIM}" + "\n".join(trace) + _PLAIN
    return text.rstrip()


def _request(fields: dict[str, Any]) -> str:
    method, route = fields.pop("method", ""), fields.pop("route")
    status, code = fields.pop("status", 0), fields.pop("code", None)
    colour = _GREEN if status < 400 else _COLOURS["WARNING" if status < 500 else "ERROR"]
    return f"{method} {route} {colour}{status}{_PLAIN} {code or ''}"


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in vars(record).items():
        if name in _STANDARD:
            continue
        if name == "fields" and isinstance(value, Mapping):
            found.update(value)
        else:
            found[name] = value
    return found


def _described(error: BaseException) -> tuple[str, list[str]]:
    names: list[str] = []
    current: BaseException | None = error
    while current is not None and len(names) < 10:
        names.append(_safe(current))
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )
    frames = [
        f"  {frame.filename}:{frame.lineno} {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
    ]
    return " < ".join(names), frames


def _safe(error: BaseException) -> str:
    kind = type(error)
    if kind.__module__.partition(".")[0] in _DRIVERS:
        code = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
        return f"{kind.__name__} {code or ''}".strip()
    return f"{kind.__name__}: {error}" if str(error) else kind.__name__


def _note_child(child: str, record: logging.LogRecord) -> bool:
    record.child = child
    return True


def start_logging(
    *,
    level: str = "info",
    form: str = "auto",
    stream: Stream | None = None,
    child: str | None = None,
) -> LineHandler:
    """Send all logs of this process to `stream`, by default standard error. Close the handler to stop.

    `form` is json, human or auto. auto is human on a terminal, otherwise json. If `child` is given, each line
    has that process's name.
    """
    stream = stream or sys.stderr
    is_human = form == "human" or (form == "auto" and stream.isatty())
    handler = LineHandler(stream, human_line if is_human else json_line)
    if child is not None:
        handler.addFilter(partial(_note_child, child))
    root = logging.getLogger()
    for other in list(root.handlers):
        root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(level.upper())
    # Our own lines already contain what these packages log.
    for chatty in ("uvicorn", "arq", "alembic", "asyncio", "httpx", "httpcore", "stripe", "mcp"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    # No line shows these fields. Collecting them costs more than the rest of a record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    return handler
