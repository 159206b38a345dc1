"""`topup prices`: set, import, show, withdraw and history, in dollars."""

from pathlib import Path

import pytest

from tests.support.command_line import Topup, result_of, topup as topup

pytestmark = pytest.mark.one_database


def test_a_list_is_kept_by_commands(topup: Topup, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("model,input,output,cached\ngpt-4o,2.50,10,1.25\nm-*,1,2,\n")

    imported = result_of(topup("prices", "import", "--file", str(file), "--json"))
    again = result_of(topup("prices", "import", "--file", str(file), "--json"))
    changed = result_of(
        topup("prices", "set", "--model", "gpt-4o", "--input", "3", "--output", "12", "--json")
    )
    (shown,) = result_of(topup("prices", "list", "--model", "m-1", "--json"))["items"]
    withdrawn = result_of(topup("prices", "withdraw", "--model", "m-*", "--yes", "--json"))
    listed = result_of(topup("prices", "list", "--json"))
    told = result_of(topup("prices", "history", "--limit", "3", "--json"))

    assert imported == {"version": 1, "changed": 2, "withdrawn": 0}
    assert again == {"version": 1, "changed": 0, "withdrawn": 0}
    assert changed == {"version": 2, "changed": 1, "withdrawn": 0}
    assert (shown["model"], shown["input_micros"], shown["cached_micros"]) == (
        "m-*",
        1_000_000,
        1_000_000,
    )
    assert withdrawn == {"version": 3, "changed": 0, "withdrawn": 1}
    assert [(one["model"], one["output_micros"]) for one in listed["items"]] == [
        ("gpt-4o", 12_000_000)
    ]
    assert [(one["version"], one["model"]) for one in told["items"]] == [
        (3, "m-*"),
        (2, "gpt-4o"),
        (1, "gpt-4o"),
    ]
    assert told["next_cursor"] == "1:gpt-4o"


def test_an_unknown_model_is_refused(topup: Topup) -> None:
    refused = topup("prices", "list", "--model", "gpt-4o")

    assert refused.exit_code == 1
    assert "the price list has no price for this model" in refused.stderr
