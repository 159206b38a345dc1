"""`topup apps`: an app's secret is printed once, when it is made."""

import json

import pytest

from tests.support.command_line import Topup, result_of, topup as topup

WIKI = ("--name", "Wiki bot", "--redirect-host", "Wiki.example.com", "--scope", "advanced_access")


def account(topup: Topup, name: str, *flags: str) -> str:
    made = topup(
        "accounts", "create", "--name", name, "--email", f"{name}@example.com", *flags, "--json"
    )
    return str(result_of(made)["id"])


def test_an_app_is_made_with_its_id_and_its_secret(topup: Topup) -> None:
    owner = account(topup, "first")

    made = result_of(topup("apps", "create", "--account", owner, *WIKI, "--json"))

    assert made["client_id"].startswith("app_")
    assert made["client_secret"].startswith("oas_")
    assert (made["account_id"], made["environment"]) == (owner, "staging")
    assert (made["redirect_host"], made["scope"]) == ("wiki.example.com", "advanced_access")
    assert (made["cap_micros"], made["cap_period"]) == (10_000_000, "month")


def test_environment_and_cap_may_be_said(topup: Topup) -> None:
    second = account(topup, "second")
    cap = ("--cap-cents", "250", "--cap-period", "day")

    words = ("--account", "second@example.com", "--environment", "live", *cap, "--json")
    made = result_of(topup("apps", "create", *WIKI, *words))

    assert (made["account_id"], made["environment"]) == (second, "live")
    assert (made["cap_micros"], made["cap_period"]) == (2_500_000, "day")


def test_no_list_shows_a_secret(topup: Topup) -> None:
    owner = account(topup, "first")
    made = result_of(topup("apps", "create", "--account", owner, *WIKI, "--json"))

    listed = topup("apps", "list", "--account", owner, "--json")
    shown = topup("apps", "list", "--account", owner)

    secret = made["client_secret"]
    assert [item["client_id"] for item in result_of(listed)["items"]] == [made["client_id"]]
    assert secret[:-4] not in listed.stdout + listed.stderr + shown.stdout + shown.stderr
    assert "Wiki bot" in shown.stdout


def test_a_secret_is_rotated_and_an_app_disabled(topup: Topup) -> None:
    owner = account(topup, "first")
    made = result_of(topup("apps", "create", "--account", owner, *WIKI, "--json"))

    rotated = result_of(topup("apps", "rotate", made["client_id"], "--yes", "--json"))
    disabled = result_of(topup("apps", "disable", made["client_id"], "--yes", "--json"))
    again = topup("apps", "rotate", made["client_id"], "--yes", "--json")

    assert rotated["client_secret"] != made["client_secret"]
    assert disabled["disabled_at"] is not None
    assert (again.exit_code, json.loads(again.stderr)["error"]["detail"]) == (1, "App not found")


@pytest.mark.one_database
@pytest.mark.parametrize(
    "words",
    [
        ("--name", "A", "--redirect-host", "a.example", "--scope", "admin"),
        ("--name", "A", "--redirect-host", "https://a.example", "--scope", "advanced_access"),
        (*WIKI, "--cap-cents", "-1"),
        (*WIKI, "--cap-cents", "1e9"),
        (*WIKI, "--account", "nobody@example.com"),
        (*WIKI, "--account", "acc_0000000000000000"),
    ],
)
def test_nonsense_makes_no_app(topup: Topup, words: tuple[str, ...]) -> None:
    owner = account(topup, "first")

    assert topup("apps", "create", "--account", owner, *words).exit_code == 1
    assert result_of(topup("apps", "list", "--account", owner, "--json"))["items"] == []


def test_a_new_app_has_to_have_an_owner(topup: Topup) -> None:
    refused = topup("apps", "create", *WIKI)

    assert refused.exit_code == 2
    assert "--account" in refused.stderr
