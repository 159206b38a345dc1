"""A send of this tree beside a send of an earlier one, in turns: whether what came between made it slower.

    python -m bench.against FOLDER [--turns 3] [--only sqlite|postgresql]

FOLDER holds the earlier tree with a .venv of its own: `make old-code ARGS=REVISION` leaves one in .old-code/, or
`git worktree add FOLDER REVISION` and `make .venv/installed` there. Each turn runs `bench.send` of both trees, quick.
What is compared is CPU, in µs a send, and memory, the least of the turns: other work on the machine only adds to
them. Exit 1 where a send takes 1.03 or more of the CPU that it took.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.report import Table
from bench.scene import KINDS
from tests.support.installation import ROOT

# How many equal runs differ by on a quiet machine.
RATIO_MAX: Final = 1.03
CASE: Final = ("database", "wallets", "connections")
FIGURES: Final = ("gateway µs", "PostgreSQL µs", "gateway MB")

_Case = tuple[str, ...]
_Figures = dict[_Case, dict[str, float]]


def sends_of(folder: Path, kind: str) -> _Figures:
    """By database, wallets and connections: what that tree's bench.send printed."""
    argv = [str(folder / ".venv/bin/python"), "-m", "bench.send", "--only", kind]
    done = subprocess.run(
        argv, cwd=folder, stdout=subprocess.PIPE, text=True, check=True, timeout=900
    )
    return read_figures(done.stdout)


def read_figures(printed: str) -> _Figures:
    """The rows of the table that has the figures; a dash is no figure."""
    found: _Figures = {}
    columns: list[str] = []
    for line in printed.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if CASE[0] in cells:
            columns = cells
        elif set(FIGURES) <= set(columns) and len(cells) == len(columns) and cells[0] in KINDS:
            row = dict(zip(columns, cells, strict=True))
            found[tuple(row[name] for name in CASE)] = {
                name: float(row[name].replace(",", "")) for name in FIGURES if row[name] != "-"
            }
    return found


def least(turns: list[_Figures]) -> _Figures:
    return {
        case: {name: min(turn[case][name] for turn in turns) for name in figures}
        for case, figures in turns[0].items()
    }


def compare(before: _Figures, now: _Figures) -> tuple[Table, float]:
    """The table, and the largest ratio of CPU."""
    names = (f"{name}{part}" for name in FIGURES for part in ("", " now", " ÷"))
    table, worst = Table("A send, before and now, the least of the turns", (*CASE, *names)), 0.0
    for case, figures in now.items():
        cells: list[float | None] = []
        for name in FIGURES:
            old, new = before[case].get(name), figures.get(name)
            ratio = None if old is None or new is None else new / old
            cells += [old, new, ratio]
            if ratio is not None and name.endswith("µs"):
                worst = max(worst, ratio)
        table.add(*case, *cells)
    return table, worst


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="the earlier tree")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--only", choices=KINDS, default="")
    chosen = parser.parse_args()
    before: _Figures = {}
    now: _Figures = {}
    for kind in [chosen.only] if chosen.only else KINDS:
        turns = [
            (sends_of(chosen.folder.resolve(), kind), sends_of(ROOT, kind))
            for _ in range(chosen.turns)
        ]
        before |= least([old for old, _ in turns])
        now |= least([new for _, new in turns])
    table, worst = compare(before, now)
    print(table.text())
    if worst >= RATIO_MAX:
        sys.exit(f"slower: {worst:.2f} times the CPU of before")


if __name__ == "__main__":
    main()
