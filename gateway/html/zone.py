"""The time zone of pages: the person's choice, else the browser's, else UTC."""

from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Final

from starlette.types import Scope

from billing.credits.checkin import start_of, zone_of
from gateway.html import language
from kernel.clock import rfc3339
from kernel.errors import InvalidInput

ZONE_COOKIE: Final = "topup_zone"
# Marks a zone that the script wrote. A colon replaces the slash.
_AUTOMATIC: Final = "~"
_SLASH: Final = ":"


@dataclass(frozen=True, slots=True)
class ReadersZone:
    """is_chosen: true if the user chose the zone, false if the browser reported it."""

    name: str = "UTC"
    is_chosen: bool = False
    info: tzinfo = UTC

    def shown(self, at_us: int) -> str:
        reading = language.current.get()
        if not reading.is_english:
            return reading.moment(self._at(at_us))
        return f"{self._at(at_us):%Y-%m-%d %H:%M:%S %Z}"

    def with_utc(self, at_us: int) -> str:
        shown = self.shown(at_us)
        if self.info is UTC:
            return shown
        return f"{shown} · {datetime.fromtimestamp(at_us // 1_000_000, UTC):%H:%M:%S} UTC"

    def start_of_day(self, day: str) -> str:
        return rfc3339(start_of(date.fromisoformat(day), self.info))

    def day_before(self, now_us: int, days: int) -> str:
        return (self._at(now_us).date() - timedelta(days=days)).isoformat()

    def _at(self, at_us: int) -> datetime:
        return datetime.fromtimestamp(at_us // 1_000_000, self.info)


NO_ZONE: Final = ReadersZone()
current: ContextVar[ReadersZone] = ContextVar("readers_zone", default=NO_ZONE)


def zone_of_request(scope: Scope) -> ReadersZone:
    for name, value in scope["headers"]:
        if name == b"cookie":
            for part in value.decode("latin-1").split(";"):
                key, _, text = part.strip().partition("=")
                if key == ZONE_COOKIE and text:
                    return _read(text)
    return NO_ZONE


def cookie_of(name: str) -> str:
    zone_of(name)
    return name.replace("/", _SLASH)


def _read(text: str) -> ReadersZone:
    name = text.removeprefix(_AUTOMATIC).replace(_SLASH, "/")
    try:
        return ReadersZone(name, not text.startswith(_AUTOMATIC), zone_of(name))
    except InvalidInput:
        return NO_ZONE
