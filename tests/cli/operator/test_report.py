"""Reports of money by the command line: amounts as people read them, exact ones in CSV and JSON."""

import pytest

from tests.support.command_line import Topup, result_of, topup as topup

pytestmark = pytest.mark.one_database


def test_a_report_takes_months_and_days_and_refuses_a_time_of_no_length(topup: Topup) -> None:
    header = "month,breakage_micros,expired_micros,closing_micros\n"

    csv = topup("report", "breakage", "--from", "2026-01", "--to", "2026-02-15", "--csv")
    table = topup("report", "revenue", "--from", "2026-11", "--to", "2026-11")
    nonsense = topup("report", "outstanding", "--from", "2026-13")

    assert csv.stdout == header
    assert result_of(topup("report", "outstanding", "--json"))["items"] == []
    assert (table.exit_code, nonsense.exit_code) == (1, 1)
    assert "November is from 2026-11 to 2026-12" in table.stderr
    assert "expected a time" in nonsense.stderr
