"""docs/performance.md says of each figure what its own tables say, and a quick run takes no table away."""

from bench import asked, report

QUICK = "one short run; 2026-01-01\n\nquick"
FULL = "medians of three runs; 2026-01-01\n\nfull"
PAGE = """
<!-- bench:send -->
medians of five runs; 2026-01-01

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

Deadlocks of the whole job: 2.
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
        "| its p99 ÷ the no-op's | ≤ 4 | ≤ 3 | 4.00 SQLite, 3.00 PostgreSQL | yes | **no** SQLite |",
        "| send ÷ no-op, 64 connections, 1,000 wallets |  | ≥ 0.22 | 0.220 SQLite |  | yes |",
        "| hot wallet ÷ 1,000 wallets, PostgreSQL, two gateways | ≥ 0.9 |  | 2.00 | yes |  |",
    ]
    assert "| ÷ ARQ tuned | ≥ 5 |  | not in the tables |  |  |" in lines
    assert "| deadlocks of it |  | ≤ 0 | 2 |  | **no** |" in lines
    [two_of_each] = [line for line in lines if line.startswith("| two gateways")]
    assert two_of_each.endswith("|  | ≥ 1 | 0.750 |  | **no** |")


def test_a_quick_run_replaces_quick_figures_alone() -> None:
    quick = report.replaced("# Page\n", "send", QUICK)
    full = report.replaced(quick, "send", FULL)

    assert not report.is_of_full_run("# Page\n", "send")
    assert not report.is_of_full_run(quick, "send")
    assert report.is_of_full_run(full, "send")
    assert full == f"# Page\n\n## Send\n\n<!-- bench:send -->\n{FULL}\n<!-- /bench:send -->\n"
