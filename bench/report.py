"""Tables on the screen, and the same ones between markers in docs/performance.md.

Promise: a section is replaced as a whole and names its day, its machine and its versions; a quick
run never replaces the figures of a full one.
"""

import argparse
import os
import platform
import re
import signal
import sqlite3
import statistics
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

from tests.support.installation import ROOT

PAGE = ROOT / "docs" / "performance.md"
FULL_RUNS = 5
# The default of the product writes a line for each request and attempt; no peer here does.
LOG_LEVEL = "warning"
# How many runs a part may take the medians of, as the page says it.
_MEDIANS = {3: "Figures are medians of three runs", 5: "Figures are medians of five runs"}
# Of what takes minutes and differs little from one time to the next.
_LONG = "Figures are from one long run"
_QUICK = "Figures are from one short run"
_PACKAGES = ("uvicorn", "uvloop", "starlette", "asyncpg", "arq")


@dataclass(frozen=True, slots=True)
class Options:
    """How thorough a run is, and whether its tables are kept."""

    is_full: bool
    is_kept: bool
    log_level: str
    others: argparse.Namespace
    full_runs: int = FULL_RUNS

    @property
    def runs(self) -> int:
        return self.full_runs if self.is_full else 1

    def pick(self, quick: float, full: float) -> float:
        return full if self.is_full else quick

    def count(self, quick: int, full: int) -> int:
        return full if self.is_full else quick


def options(
    description: str | None,
    add: Callable[[argparse.ArgumentParser], object] = lambda _: None,
    *,
    full_runs: int = FULL_RUNS,
) -> Options:
    """From the command line; `add` declares what one measurement has beside the common ones. full_runs: of how many
    runs a full one takes the medians. From here on SIGTERM ends it as Ctrl-C does, so that nothing it started is left.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    group = parser.add_mutually_exclusive_group()
    group.add_argument("--quick", action="store_true", help="one short run (the default)")
    group.add_argument("--full", action="store_true", help="longer, as the page keeps it")
    parser.add_argument("--write", action="store_true", help="keep the tables in the page")
    parser.add_argument("--log-level", default=LOG_LEVEL, help="of gateway and worker")
    add(parser)
    found = parser.parse_args()
    return Options(found.full, found.write, found.log_level, found, full_runs)


@dataclass(slots=True)
class Table:
    """Rows under a heading; a cell that is a number is shown with three digits that matter."""

    title: str
    columns: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)

    def add(self, *cells: object) -> None:
        assert len(cells) == len(self.columns), "one cell for each column"
        self.rows.append([shown(cell) for cell in cells])

    def text(self) -> str:
        widths = [
            max(len(row[place]) for row in [self.columns, *self.rows])
            for place in range(len(self.columns))
        ]
        lines = [_line(self.columns, widths), _line(["-" * width for width in widths], widths)]
        lines += [_line(row, widths) for row in self.rows]
        return f"**{self.title}**\n\n" + "\n".join(lines) + "\n"


def shown(cell: object) -> str:
    """12,345 · 123 · 12.3 · 1.23 · 0.123; a dash for nothing."""
    if cell is None:
        return "-"
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return str(cell)
    size = abs(cell)
    if isinstance(cell, int) or size >= 1000:
        return f"{cell:,.0f}"
    digits = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 1 else 3
    return f"{cell:.{digits}f}"


def show(
    chosen: Options, name: str, tables: Iterable[Table], *, notes: str = "", is_once: bool = False
) -> None:
    """Prints the tables, ratios first as they are given, and keeps them where that was asked. is_once: a full run
    measured everything once.
    """
    said = f"{notes} The log level was `{chosen.log_level}`.".strip()
    text = "\n".join([table.text() for table in tables] + [said + "\n"])
    thorough = _LONG if is_once else _MEDIANS[chosen.full_runs]
    head = f"{thorough if chosen.is_full else _QUICK} {circumstances()}"
    print(f"\n{head}\n\n{text}", flush=True)
    if chosen.is_kept:
        _keep(name, f"{head}\n\n{text}", is_full=chosen.is_full)


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def circumstances() -> str:
    """The day, the machine and what ran on it."""
    today = datetime.now(UTC).date()
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"on {today}. The machine had {os.cpu_count()} cores, {memory_gb:.0f} GB of memory and a load average"
        f" of {os.getloadavg()[0]:.1f} at the start. It ran {platform.system()}"
        f" {platform.release().partition('-')[0]}, Python {platform.python_version()},"
        f" SQLite {sqlite3.sqlite_version}, {_postgresql()}, {versions}."
    )


def _postgresql() -> str:
    try:
        said = subprocess.run(
            ["postgres", "--version"], capture_output=True, text=True, check=True, timeout=10
        )
    except (OSError, subprocess.SubprocessError):
        return "PostgreSQL unknown"
    found = re.search(r"\d+(\.\d+)?", said.stdout)
    return f"PostgreSQL {found[0]}" if found else "PostgreSQL unknown"


def marks(name: str) -> tuple[str, str]:
    """What stands before and after a section of the page."""
    return f"<!-- bench:{name} -->", f"<!-- /bench:{name} -->"


def replaced(page: str, name: str, text: str) -> str:
    """The page with this as its section; at its end, where it had none."""
    begin, end = marks(name)
    section = f"{begin}\n{text}\n{end}"
    before, found, rest = page.partition(begin)
    if found:
        return before + section + rest.partition(end)[2]
    return f"{page.rstrip()}\n\n## {name.capitalize()}\n\n{section}\n"


def is_of_full_run(page: str, name: str) -> bool:
    """Whether the page has figures of this name that no quick run may replace."""
    begin, end = marks(name)
    old = page.partition(begin)[2].partition(end)[0].strip()
    return bool(old) and not old.startswith(_QUICK)


def _keep(name: str, text: str, *, is_full: bool) -> None:
    page = PAGE.read_text() if PAGE.exists() else "# Performance: measured\n"
    if is_of_full_run(page, name) and not is_full:
        print(f"{PAGE.name} keeps the full run's figures for {name}")
        return
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(replaced(page, name, text))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    return f"| {' | '.join(padded)} |"
