"""Platforms, suppliers, stock and waiting top-ups by the command line: what is shown, and what never is."""

import json
import os
from pathlib import Path

import pytest

from cli.options import actor_name
from tests.support.command_line import Topup, result_of, topup as topup

SECRET = "whsec_" + "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
pytestmark = pytest.mark.one_database


def test_a_supplier_is_added_named_and_changed_and_its_secret_is_never_shown(
    topup: Topup, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n", encoding="utf-8")
    live = ("--environment", "live", "--json")
    options = ("--option", "url=https://own.example/topup", "--secret", f"secret=@{secret}")

    made = topup("suppliers", "create", "--id", "own", "--kind", "http", *options, *live)
    odd = topup("suppliers", "create", "--id", "odd", "--kind", "http", "--option", "url=x", *live)
    gone = topup("suppliers", "set", "own", "--secret", f"secret=@{tmp_path / 'gone'}", *live)
    elsewhere = topup(
        "platforms", "set", "claude", "--supplier", "own"
    )  # of staging, where there is no "own"
    wrong = topup("suppliers", "set", "own", "--option", "timeout_s=61", *live)
    changed = topup("suppliers", "set", "own", "--option", "timeout-s=20", *live)
    named = topup("platforms", "set", "claude", "--supplier", "own", *live)
    listed = topup("suppliers", "list", *live)
    logged = topup("doctor", "--json")

    assert result_of(made)["options"]["secret"] == f"…{SECRET[-4:]}"
    assert (odd.exit_code, wrong.exit_code) == (1, 1)
    assert "timeout_s" in wrong.stderr
    assert (gone.exit_code, "gone: No such file or directory" in gone.stderr) == (1, True)
    assert "Supplier own in staging not found" in elsewhere.stderr
    assert result_of(changed)["options"]["timeout_s"] == 20.0
    assert result_of(named)["suppliers"] == ["own"]
    every = "".join(one.stdout + one.stderr for one in (made, odd, wrong, changed, named, listed))
    assert SECRET not in every
    findings = {one["part"]: one for one in json.loads(logged.stdout)}
    assert "live doesn't offer chatgpt, gemini" in findings["platforms"]["detail"]


def test_a_secret_is_taken_from_a_file_and_never_as_a_word(topup: Topup, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    secret = tmp_path / "secret"
    secret.write_text(SECRET, encoding="utf-8")
    url = ("--option", "url=https://own.example/topup")
    new = ("suppliers", "create", "--id", "own", "--kind", "http", *url)

    refused = [
        topup(*new, "--option", f"secret={SECRET}"),
        topup(*new, "--secret", f"secret={SECRET}"),
        topup(*new, "--secret", f"secret=@{empty}"),
    ]
    made = topup(*new, "--secret", f"secret=@{secret}")
    again = topup("suppliers", "set", "own", "--option", f"secret={SECRET}")
    in_the_open = topup("suppliers", "set", "own", "--secret", f"timeout_s=@{secret}")

    assert [one.exit_code for one in (*refused, again, in_the_open)] == [1] * 5
    assert "--secret secret=@FILE" in refused[0].stderr
    assert "NAME=@FILE" in refused[1].stderr
    assert "The first line of" in refused[2].stderr
    assert "timeout_s isn't secret" in in_the_open.stderr
    assert made.exit_code == 0
    assert SECRET not in "".join(one.stdout + one.stderr for one in (*refused, made, again))


def test_stock_is_read_whole_before_any_of_it_is_taken_in(topup: Topup, tmp_path: Path) -> None:
    codes = tmp_path / "codes.csv"
    topup("suppliers", "create", "--id", "cards", "--kind", "code_stock")
    codes.write_text("platform,amount_cents,code\nclaude,1000,GIFT-1\nclaude,-5,GIFT-2\n")
    refused = topup("stock", "add", "--supplier", "cards", "--codes", str(codes))
    codes.write_text("platform,amount_cents,code\nnope,1000,GIFT-0001-0001\n")
    unknown = topup("stock", "add", "--supplier", "cards", "--codes", str(codes))
    codes.write_text("platform,amount_cents,code\nclaude,1000,GIFT-0001-0001\nclaude,500,GIFT-2\n")
    added = topup("stock", "add", "--supplier", "cards", "--codes", str(codes), "--json")
    again = topup("stock", "add", "--supplier", "cards", "--codes", str(codes), "--json")
    low = topup("stock", "low", "--json")
    listed = topup("stock", "list", "--json")

    assert (refused.exit_code, unknown.exit_code) == (1, 1)
    assert "Line 3: amount_cents" in refused.stderr
    assert "GIFT" not in refused.stderr
    assert result_of(added) == {"given": 2, "added": 2, "known_before": 0}
    assert result_of(again) == {"given": 2, "added": 0, "known_before": 2}
    assert low.exit_code == 1  # one of each is fewer than ten
    assert [one["remaining"] for one in json.loads(low.stdout)["items"]] == [1, 1]
    assert "GIFT-0001-0001" not in listed.stdout
    assert {one["code"] for one in result_of(listed)["items"]} == {"…0001", "…****"}


def test_a_top_up_that_is_not_there_is_neither_taken_nor_settled(topup: Topup) -> None:
    topup_id = "txn_0000000000000000"
    tried = [
        topup("manual-review", "show", topup_id),
        topup("manual-review", "take", topup_id),
        topup("manual-review", "settle", topup_id, "--kind", "credit", "--yes"),
        topup("manual-review", "fail", topup_id, "--reason", "no", "--yes"),
        topup("manual-review", "retry", topup_id),
        topup("manual-review", "switch", topup_id, "--to", "wallet", "--reason", "no"),
    ]

    assert [one.exit_code for one in tried] == [1] * 6
    assert result_of(topup("manual-review", "list", "--json"))["items"] == []


def test_a_supplier_is_paused_and_resumed_with_a_reason_once(topup: Topup) -> None:
    topup("suppliers", "create", "--id", "cards", "--kind", "code_stock")

    mute = topup("suppliers", "pause", "cards")
    early = topup("suppliers", "resume", "cards", "--reason", "x")
    held = topup("suppliers", "pause", "cards", "--reason", "they asked us to", "--json")
    again = topup("suppliers", "pause", "cards", "--reason", "x")
    released = topup("suppliers", "resume", "cards", "--reason", "they are back", "--json")

    assert (mute.exit_code, early.exit_code, again.exit_code) == (1, 1, 1)
    assert "is already active" in early.stderr
    assert "already paused" in again.stderr
    assert result_of(held)["paused_at"] is not None
    assert result_of(released)["paused_at"] is None


def test_whoever_has_a_number_and_no_name_acts_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54_321)

    assert actor_name(None) == "user 54321 on the command line"
    assert actor_name("ana") == "ana"
