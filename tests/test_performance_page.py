"""docs/performance.md says of each figure what its own tables say, pages that plan say what it says, and a quick run
takes no table away.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from bench import asked, machines, report
from bench.machines import Cost, need

Made = Callable[[str], str]

QUICK = "Figures are from one short run on 2026-01-01.\n\nquick"
FULL = "Figures are medians of three runs on 2026-01-01.\n\nfull"
PAGE = """
<!-- bench:send -->
Figures are medians of five runs on 2026-01-01.

**A send ÷ a route that does nothing**

| database   | wallets | connections | rate  | p99  |
| ---------- | ------- | ----------- | ----- | ---- |
| sqlite     | 1       | 64          | 0.290 | 4.00 |
| sqlite     | 1,000   | 64          | 0.220 | 9.00 |
| postgresql | 1       | 1           | 0.050 | 99.0 |
| postgresql | 1       | 64          | 0.190 | 3.00 |

<!-- /bench:send -->
<!-- bench:scale-out -->
**Efficiency of one of n processes**

| what                 | processes | per second |
| -------------------- | --------- | ---------- |
| sends, 1 wallets     | 2         | 6,000      |
| sends, 1,000 wallets | 2         | 3,000      |
| whole job            | 1         | 2,000      |
| whole job            | 2         | 1,500      |

Deadlocks during the whole job: 2.
<!-- /bench:scale-out -->
"""


def test_the_page_says_of_each_figure_what_its_tables_say() -> None:
    """`python -m bench.asked --write` makes it so."""
    page = report.PAGE.read_text()

    assert report.replaced(page, asked.SECTION, asked.table(page)) == page


def test_a_figure_is_judged_by_its_worst_and_one_without_a_table_is_not() -> None:
    lines = asked.table(PAGE).splitlines()

    assert lines[2].endswith(
        "| ≥ 0.2 | ≥ 0.28 | 0.290 SQLite, 0.190 PostgreSQL | **no** PostgreSQL | **no** PostgreSQL |"
    )
    assert lines[3:6] == [
        "| p99 of a send ÷ p99 of a no-op, one busy wallet | ≤ 4 | ≤ 3 | 4.00 SQLite, 3.00 PostgreSQL | yes | **no** SQLite |",
        "| rate of sends ÷ rate of no-ops, 1,000 wallets, 64 connections |  | ≥ 0.22 | 0.220 SQLite |  | yes |",
        "| rate with one busy wallet ÷ with 1,000 wallets, PostgreSQL, two gateways | ≥ 0.9 |  | 2.00 | yes |  |",
    ]
    assert "| events delivered a second ÷ tuned ARQ | ≥ 5 |  | not in the tables |  |  |" in lines
    assert "| deadlocks with two gateways and two workers |  | ≤ 0 | 2 |  | **no** |" in lines
    [two_of_each] = [line for line in lines if "÷ rate with one of each, 1,000 wallets" in line]
    assert two_of_each.endswith("|  | ≥ 1 | 0.750 |  | **no** |")


def test_a_quick_run_replaces_quick_figures_alone() -> None:
    quick = report.replaced("# Page\n", "send", QUICK)
    full = report.replaced(quick, "send", FULL)

    assert not report.is_of_full_run("# Page\n", "send")
    assert not report.is_of_full_run(quick, "send")
    assert report.is_of_full_run(full, "send")
    assert full == f"# Page\n\n## Send\n\n<!-- bench:send -->\n{FULL}\n<!-- /bench:send -->\n"


# At a low rate a send pays a commit of its own; at a high one it shares it.
COSTS = (
    Cost(50, 2_000, 1_000, 3_000, 5_000, 12_000),
    Cost(500, 400, 200, 400, 4_000, 8_000),
    Cost(2_000, 250, 150, 200, 4_000, 6_000),
)


def test_a_low_rate_is_planned_by_what_a_send_costs_at_it() -> None:
    # Two of each for the restart, 50 a second each: 100 x 3,000 us of processes, 100 x 3,000 us of PostgreSQL.
    low = need(100, COSTS)

    assert (low.gateways, low.workers, low.connections) == (2, 2, 76)
    assert (low.send_ms, low.process_cores, low.postgresql_cores) == pytest.approx((6, 0.3, 0.3))
    assert (low.wal_mb_per_s, low.disk_gb_per_day) == pytest.approx((1.2, 43.2))


def test_a_high_rate_is_planned_for_processes_of_which_each_is_measured() -> None:
    # 10,000 / 5 = 2,000 at 250 us: 0.5 of a core; 10,000 / 4 = 2,500 at 250 us: 0.625, above 0.6. A worker has
    # 10,000 / 3 = 3,333 at 150 us: 0.5; half of 10,000 would be 0.75. So five gateways, three workers.
    high = need(10_000, COSTS)

    assert (high.gateways, high.workers, high.connections) == (5, 3, 152)
    assert (high.send_ms, high.process_cores, high.postgresql_cores) == pytest.approx((0.6, 4, 2))
    assert (high.wal_mb_per_s, high.disk_gb_per_day) == pytest.approx((60, 3456))


def test_a_rate_between_two_measured_ones_costs_what_the_lower_does() -> None:
    assert need(2_000, COSTS).send_ms == pytest.approx(1.0)


@pytest.mark.parametrize(("path", "name", "made"), machines.KEPT)
def test_a_page_that_plans_says_what_was_measured(path: Path, name: str, made: Made) -> None:
    """`python -m bench.machines --write` makes it so."""
    page = path.read_text()

    assert report.replaced(page, name, made(report.PAGE.read_text())) == page
