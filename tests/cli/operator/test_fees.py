"""Fees and the margin by the command line: what is set is charged, what was delivered is added up."""

import pytest

from tests.support.command_line import Topup, result_of, topup as topup

pytestmark = pytest.mark.one_database


def test_a_fee_is_set_listed_and_taken_away(topup: Topup) -> None:
    fee = ("fees",)
    account = result_of(
        topup("accounts", "create", "--name", "Shop", "--email", "s@example.com", "--json")
    )

    parts = ("--fixed-cents", "30", "--basis-points", "250", "--max-cents", "500")
    made = topup(*fee, "set", "claude", *parts, "--json")
    own = topup(*fee, "set", "claude", "--account", "s@example.com", "--json")
    unknown = topup(*fee, "set", "nope", "--fixed-cents", "1")
    crossed = topup(*fee, "set", "claude", "--min-cents", "2", "--max-cents", "1")
    listed = result_of(topup(*fee, "list", "--json"))["items"]
    cleared = topup(*fee, "clear", "claude", "--account", "s@example.com")
    again = topup(*fee, "clear", "claude", "--account", "s@example.com")

    assert result_of(made) == {
        "environment": "staging",
        "platform": "claude",
        "account": None,
        "fixed_cents": 30,
        "basis_points": 250,
        "min_cents": 0,
        "max_cents": 500,
    }
    assert result_of(own)["account"] == account["id"]
    assert (unknown.exit_code, crossed.exit_code) == (1, 1)
    assert [one["fixed_cents"] for one in listed] == [30, 0]
    assert (cleared.exit_code, again.exit_code) == (0, 1)


def test_a_margin_of_nothing_is_no_line(topup: Topup) -> None:
    as_csv = topup("report", "margin", "--by", "supplier", "--csv")

    assert as_csv.stdout == (
        "day,platform,supplier,account,topups,amount_cents,fee_cents,charged_cents,cost_cents,"
        "margin_cents,without_cost\n"
    )
    assert result_of(topup("report", "margin", "--json"))["items"] == []
