"""Reports of money by the command line: amounts as people read them, exact ones in CSV and JSON."""

import pytest

from cli.amounts import read_by_people
from tests.support.command_line import Topup, result_of, topup as topup

pytestmark = pytest.mark.one_database


def test_people_read_amounts_with_their_currency() -> None:
    revenue = {"month": "2026-11", "payments": 1200, "paid": 123_456_789, "net": -500, "fee": 88}
    known = {"currency": "KWD", "fees_known": 1200}
    names = (*revenue, *known)

    lines, shown = read_by_people(
        [{**revenue, **known}, {**revenue, **known, "fees_known": 0}], names
    )

    assert shown == ["month", "payments", "paid", "net", "fee"]
    assert lines[0] == {
        "month": "2026-11",
        "payments": "1,200",
        "paid": "123,456.789 KWD",
        "net": "-0.500 KWD",
        "fee": "0.088 KWD",
    }
    assert lines[1]["fee"] == "not known"


def test_micros_and_cents_are_dollars_to_people() -> None:
    row = {
        "month": "2026-11",
        "closing_micros": 1_234_567_890_000,
        "used_micros": -1,
        "fee_cents": 5,
    }

    lines, shown = read_by_people([row], tuple(row))

    assert shown == ["month", "closing", "used", "fee"]
    assert lines == [
        {
            "month": "2026-11",
            "closing": "1,234,567.89 USD",
            "used": "-0.000001 USD",
            "fee": "0.05 USD",
        }
    ]


def test_a_report_takes_months_and_days_and_refuses_a_time_of_no_length(topup: Topup) -> None:
    header = "month,breakage_micros,expired_micros,closing_micros\n"

    csv = topup("report", "breakage", "--from", "2026-01", "--to", "2026-02-15", "--format", "csv")
    table = topup("report", "revenue", "--from", "2026-11", "--to", "2026-11")
    nonsense = topup("report", "outstanding", "--from", "2026-13")

    assert csv.stdout == header
    assert result_of(topup("report", "outstanding", "--json"))["items"] == []
    assert (table.exit_code, nonsense.exit_code) == (1, 2)
    assert "November is --from 2026-11 --to 2026-12" in table.stderr
    assert "a month like 2026-06" in " ".join(nonsense.stderr.split())
