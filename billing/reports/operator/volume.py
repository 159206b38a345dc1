"""Volume."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from billing.ledger.volume import VolumeDay, volume_since
from kernel.clock import DAY_US, rfc3339
from keys.principal import ENVIRONMENTS
from store.database import Transaction

DAYS: Final = 30


class Volume(NamedTuple):
    number: int = 0
    amount_micros: int = 0


class VolumeOfSpan(NamedTuple):
    """UTC days; from inclusive, to exclusive."""

    label: str
    since: int
    until: int

    @property
    def first_day(self) -> str:
        return rfc3339(self.since)[:10]

    @property
    def end_day(self) -> str:
        return rfc3339(self.until)[:10]


@dataclass(frozen=True, slots=True)
class VolumeSeen:
    """spans: today, yesterday, and the last 7 and 30 days with today. counted_at: how far workers have
    counted.
    """

    spans: Sequence[VolumeOfSpan]
    days: Sequence[VolumeDay]
    counted_at: int | None

    def sent(self, environment: str, span: VolumeOfSpan) -> Volume:
        return self._sum("sent", environment, span)

    def sold(self, environment: str, provider: str, span: VolumeOfSpan) -> Volume:
        return self._sum("sold", environment, span, provider)

    def providers(self, environment: str) -> Sequence[str]:
        return sorted(
            {day.name for day in self.days if (day.kind, day.environment) == ("sold", environment)}
        )

    def sent_by_day(self, environment: str) -> Mapping[int, int]:
        return {
            day.day_start_at: day.amount_micros
            for day in self.days
            if (day.kind, day.environment) == ("sent", environment)
        }

    def _sum(self, kind: str, environment: str, span: VolumeOfSpan, name: str = "") -> Volume:
        assert environment in ENVIRONMENTS, environment
        found = [
            day
            for day in self.days
            if (day.kind, day.environment, day.name) == (kind, environment, name)
            and span.since <= day.day_start_at < span.until
        ]
        return Volume(sum(one.number for one in found), sum(one.amount_micros for one in found))


async def read_volume(tx: Transaction, *, now_us: int) -> VolumeSeen:
    today = now_us - now_us % DAY_US
    end, first = today + DAY_US, today - (DAYS - 1) * DAY_US
    days, counted_at = await volume_since(tx, since_us=first)
    spans = (
        VolumeOfSpan("Today", today, end),
        VolumeOfSpan("Yesterday", today - DAY_US, today),
        VolumeOfSpan("Last 7 days", today - 6 * DAY_US, end),
        VolumeOfSpan("Last 30 days", first, end),
    )
    return VolumeSeen(spans, days, counted_at)
