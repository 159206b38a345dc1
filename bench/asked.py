"""What is asked of the figures of docs/performance.md, and whether its tables say that it came out.

    python -m bench.asked [--write]

Reads the tables that the parts of `python -m bench` have kept in the page; measures nothing. `asked` must hold,
`goal` is the next step (issue 18). With --write the page's own table of it is made anew.
"""

import argparse
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench import report

SECTION: Final = "asked"
HOT: Final = "sends, 1 wallets"
MANY: Final = "sends, 1,000 wallets"
WHOLE_JOB: Final = "whole job"
WHOLE_JOB_OF_256: Final = "whole job, 256 connections"
NAMES: Final = {
    "sqlite": "SQLite",
    "postgresql": "PostgreSQL",
    "topup, embedded": "embedded",
    "topup, PostgreSQL": "PostgreSQL",
}
_UNMEASURED = "not in the tables"

Row = Mapping[str, str]
# What came out, by the name of a database or whatever tells them apart; several cases of it each.
Found = Mapping[str, Sequence[float]]


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit that every figure keeps, from above or from below."""

    limit: float
    is_most: bool
    unit: str = ""

    def __str__(self) -> str:
        return f"{'≤' if self.is_most else '≥'} {self.limit:,g}{self.unit}"

    def broken_by(self, found: Found) -> list[str]:
        return [name for name, values in found.items() if any(map(self._breaks, values))]

    def _breaks(self, value: float) -> bool:
        return value > self.limit if self.is_most else value < self.limit


@dataclass(frozen=True, slots=True)
class Asked:
    """One figure; asked of it, or a goal, or both."""

    what: str
    figures: Callable[["Page"], Found]
    asked: Bound | None
    goal: Bound | None = None

    def cells(self, page: "Page") -> Sequence[str]:
        found = {name: values for name, values in self.figures(page).items() if values}
        unit = next(bound.unit for bound in (self.asked, self.goal) if bound is not None)
        bounds = (self.asked, self.goal)
        return (
            self.what,
            *(str(bound or "") for bound in bounds),
            ", ".join(f"{_shown(values, unit)} {name}".strip() for name, values in found.items())
            or _UNMEASURED,
            *(_verdict(bound, found) for bound in bounds),
        )


def _verdict(bound: Bound | None, found: Found) -> str:
    if bound is None or not found:
        return ""
    broken = bound.broken_by(found)
    if not broken:
        return "yes"
    return "**no**" if len(broken) == len(found) else f"**no** {', '.join(broken)}"


def _shown(values: Sequence[float], unit: str) -> str:
    first, last = report.shown(min(values)), report.shown(max(values))
    return f"{first if first == last else f'{first} to {last}'}{unit}"


class Page:
    """The tables of a page, as bench/report.py writes them."""

    def __init__(self, text: str) -> None:
        self._text = text

    def rows(self, section: str, title: str, **where: str) -> list[Row]:
        """Of the section's table whose title begins so; those that have these cells."""
        text = self.section(section)
        _, found, rest = text.partition(f"**{title}")
        if not found:
            return []
        lines = rest.partition("\n\n")[2].partition("\n\n")[0].splitlines()
        head, *rows = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
        named = [dict(zip(head, row, strict=True)) for row in rows[1:]]
        return [row for row in named if all(row.get(k) == v for k, v in where.items())]

    def section(self, name: str) -> str:
        """Empty where the page has no such section."""
        begin, end = report.marks(name)
        return self._text.partition(begin)[2].partition(end)[0]


def number(cell: str) -> float | None:
    """1,234 · 0.12 · 0.25%; None for a dash."""
    found = re.fullmatch(r"-?[\d,]+(\.\d+)?%?", cell)
    return float(cell.replace(",", "").rstrip("%")) if found else None


def by_name(rows: Sequence[Row], column: str, *, name: str = "database") -> Found:
    """The numbers of a column, by what stands in another one."""
    found: dict[str, list[float]] = {}
    for row in rows:
        value = number(row.get(column, ""))
        if value is not None:
            found.setdefault(NAMES.get(row[name], row[name]), []).append(value)
    return found


def send(column: str, wallets: str) -> Callable[[Page], Found]:
    return lambda page: by_name(
        page.rows("send", "A send ÷", wallets=wallets, connections="64"), column
    )


def whole_job(peer: str, column: str) -> Callable[[Page], Found]:
    return lambda page: by_name(page.rows("pipeline", "Ours ÷", peer=peer), column, name="ours")


def cpu_an_event(system: str) -> Callable[[Page], Found]:
    def figures(page: Page) -> Found:
        return by_name(page.rows("pipeline", "CPU µs", system=system), "total µs", name="system")

    return figures


def delivery(**where: str) -> Callable[[Page], Found]:
    return lambda page: by_name(page.rows("delivery", "One worker ÷", **where), "per core")


def claim(page: Page) -> Found:
    return by_name(page.rows("claims", "A claim", operation="claim"), "ratio")


def growth(column: str, *, part: str = "growth", **where: str) -> Callable[[Page], Found]:
    def figures(page: Page) -> Found:
        measured = re.search(r"\*\*Cost at ([\d,]+)", page.section(part))
        if measured is None:
            return {}
        found = by_name(page.rows(part, "Cost at", **where), column)
        return {f"{name} at {measured[1]}": values for name, values in found.items()}

    return figures


def _per_s(page: Page, what: str, processes: str) -> float | None:
    rows = page.rows("scale-out", "Efficiency", what=what, processes=processes)
    return number(rows[0]["per second"]) if rows else None


def hot_and_many(page: Page) -> Found:
    return _ratio(_per_s(page, HOT, "2"), _per_s(page, MANY, "2"))


def two_of_each(what: str) -> Callable[[Page], Found]:
    return lambda page: _ratio(_per_s(page, what, "2"), _per_s(page, what, "1"))


def _ratio(value: float | None, other: float | None) -> Found:
    return {"": [value / other]} if value and other else {}


def deadlocks(page: Page) -> Found:
    found = re.search(r"Deadlocks during the whole job: (\d+)", page.section("scale-out"))
    return {"": [int(found[1])]} if found else {}


def at_rest(page: Page) -> Found:
    return by_name(page.rows("idle", "Share"), "all three")


def gateway_mb(page: Page) -> Found:
    return by_name(page.rows("send", "Figures"), "gateway MB")


def worker_mb(page: Page) -> Found:
    return by_name(page.rows("delivery", "One worker ÷"), "worker MB")


def records(page: Page) -> Found:
    return by_name(page.rows("metering", "Records", call="batches of 1,000"), "records/s")


def loop_held(page: Page) -> Found:
    rows = page.rows("metering", "What other calls", alongside="batches of 1,000")
    return by_name(rows, "loop blocked, ms")


def isolation(page: Page) -> Found:
    return by_name(page.rows("isolation", "Response to receipt"), "÷ none")


def least(limit: float, unit: str = "") -> Bound:
    return Bound(limit, is_most=False, unit=unit)


def most(limit: float, unit: str = "") -> Bound:
    return Bound(limit, is_most=True, unit=unit)


FIGURES: Final = (
    Asked(
        "rate of sends ÷ rate of no-ops, one busy wallet, 64 connections",
        send("rate", "1"),
        least(0.2),
        least(0.28),
    ),
    Asked("p99 of a send ÷ p99 of a no-op, one busy wallet", send("p99", "1"), most(4), most(3)),
    Asked(
        "rate of sends ÷ rate of no-ops, 1,000 wallets, 64 connections",
        send("rate", "1,000"),
        None,
        least(0.22),
    ),
    Asked(
        "rate with one busy wallet ÷ with 1,000 wallets, PostgreSQL, two gateways",
        hot_and_many,
        least(0.9),
    ),
    Asked(
        "events delivered a second ÷ BullMQ + undici (durable)",
        whole_job("bullmq", "delivered/s"),
        least(1),
        least(2.5),
    ),
    Asked(
        "events delivered a second ÷ Celery with 8 processes",
        whole_job("celery, 8 processes", "delivered/s"),
        least(8),
    ),
    Asked(
        "events delivered a second ÷ tuned ARQ", whole_job("arq, tuned", "delivered/s"), least(5)
    ),
    Asked(
        "events delivered a second ÷ ARQ as documented",
        whole_job("arq, as documented", "delivered/s"),
        least(15),
    ),
    Asked(
        "events delivered a second to receivers that take 50 ms ÷ BullMQ at concurrency 500",
        whole_job("bullmq", "delivered/s to receivers that take 50 ms"),
        least(1),
        least(1.8),
    ),
    Asked(
        "p50 of the time from send to receipt at 10/s ÷ BullMQ",
        whole_job("bullmq", "p50 at 10/s"),
        most(2),
        most(1),
    ),
    Asked("CPU time per event ÷ BullMQ", whole_job("bullmq", "CPU per event"), most(1)),
    Asked("CPU time per event, embedded", cpu_an_event("topup, embedded"), None, most(200, " µs")),
    Asked(
        "CPU time per event, including PostgreSQL",
        cpu_an_event("topup, PostgreSQL"),
        None,
        most(280, " µs"),
    ),
    Asked(
        "share of a core that gateway, worker and Redis use at rest",
        at_rest,
        most(1, "%"),
        most(0.5, "%"),
    ),
    Asked("deliveries per core ÷ bare aiohttp", delivery(), least(0.4)),
    Asked(
        "deliveries per core ÷ bare aiohttp, 1,000 endpoints that respond in 1 ms",
        delivery(endpoints="1,000", receiver="1 ms"),
        None,
        least(0.85),
    ),
    Asked("cost of a claim with 10,000 busy endpoints ÷ with 10", claim, None, most(1.5)),
    Asked(
        "median cost of any call with many stored top-ups ÷ with 10,000",
        growth("median"),
        most(1.15),
    ),
    Asked(
        "mean cost of any call with many stored top-ups ÷ with 10,000, PostgreSQL",
        growth("mean", database="postgresql"),
        most(1.15),
    ),
    Asked(
        "mean cost of any call with many stored top-ups ÷ with 10,000, SQLite",
        growth("mean", database="sqlite"),
        most(1.5),
    ),
    Asked(
        "median cost of any call with 10,000,000 stored top-ups ÷ with 10,000",
        growth("median", part="growth-large"),
        None,
        most(1.05),
    ),
    Asked(
        "rate with two gateways and two workers ÷ rate with one of each, 1,000 wallets",
        two_of_each(WHOLE_JOB),
        None,
        least(1),
    ),
    Asked(
        "rate with two gateways and two workers ÷ rate with one of each, 256 connections",
        two_of_each(WHOLE_JOB_OF_256),
        None,
        least(1),
    ),
    Asked("deadlocks with two gateways and two workers", deadlocks, None, most(0)),
    Asked("gateway memory under load", gateway_mb, most(150, " MB")),
    Asked("worker memory under load", worker_mb, most(150, " MB")),
    Asked("usage records a second, in batches of 1,000", records, least(5000)),
    Asked("longest time that a batch blocks the event loop", loop_held, most(10, " ms")),
    Asked(
        "p99 of healthy endpoints while a fifth of all hang ÷ while none hang", isolation, most(1.5)
    ),
)


def table(page: str) -> str:
    """The page's table of what is asked, by its other tables."""
    read = Page(page)
    head = ("figure", "required", "goal", "measured", "requirement met", "goal met")
    lines: Iterator[Sequence[str]] = (one.cells(read) for one in FIGURES)
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def tell(*, is_kept: bool) -> None:
    page = report.PAGE.read_text()
    made = table(page)
    print(made)
    if is_kept:
        report.PAGE.write_text(report.replaced(page, SECTION, made))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="make the page's table anew")
    tell(is_kept=parser.parse_args().write)


if __name__ == "__main__":
    main()
