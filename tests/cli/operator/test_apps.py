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
    first = account(topup, "first")
    account(topup, "second")

    made = result_of(topup("apps", "create", *WIKI, "--json"))

    assert made["client_id"].startswith("app_")
    assert made["client_secret"].startswith("oas_")
    assert (made["account_id"], made["environment"]) == (first, "staging")
    assert (made["redirect_host"], made["scope"]) == ("wiki.example.com", "advanced_access")
    assert made["cap"] == "$10.00 a month"


def test_an_operators_account_owns_apps_before_older_ones(topup: Topup) -> None:
    account(topup, "first")
    operator = account(topup, "operator", "--operator")

    made = result_of(topup("apps", "create", *WIKI, "--json"))

    assert made["account_id"] == operator


def test_owner_environment_and_cap_may_be_said(topup: Topup) -> None:
    account(topup, "first")
    second = account(topup, "second")

    made = result_of(
        topup(
            "apps",
            "create",
            *WIKI,
            "--account",
            "second@example.com",
            "--environment",
            "live",
            "--cap",
            "2.500001",
            "--cap-period",
            "day",
            "--json",
        )
    )

    assert (made["account_id"], made["environment"]) == (second, "live")
    assert made["cap"] == "$2.500001 a day"


def test_no_list_shows_a_secret(topup: Topup) -> None:
    account(topup, "first")
    made = result_of(topup("apps", "create", *WIKI, "--json"))

    listed = topup("apps", "list", "--json")
    shown = topup("apps", "list")

    secret = made["client_secret"]
    assert [item["client_id"] for item in result_of(listed)["items"]] == [made["client_id"]]
    assert secret[:-4] not in listed.stdout + listed.stderr + shown.stdout + shown.stderr
    assert "Wiki bot" in shown.stdout


def test_a_secret_is_rotated_and_an_app_disabled(topup: Topup) -> None:
    account(topup, "first")
    made = result_of(topup("apps", "create", *WIKI, "--json"))

    rotated = result_of(topup("apps", "rotate", made["client_id"], "--json"))
    disabled = result_of(topup("apps", "disable", made["client_id"], "--json"))
    again = topup("apps", "rotate", made["client_id"], "--json")

    assert rotated["client_secret"] != made["client_secret"]
    assert disabled["disabled_at"] is not None
    assert (again.exit_code, json.loads(again.stderr)["error"]["detail"]) == (1, "App not found")


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("words", "exit_code"),
    [
        (("--name", "A", "--redirect-host", "a.example", "--scope", "admin"), 2),
        (("--name", "A", "--redirect-host", "https://a.example", "--scope", "advanced_access"), 1),
        ((*WIKI, "--cap", "-1"), 2),
        ((*WIKI, "--cap", "1e9"), 2),
        ((*WIKI, "--account", "nobody@example.com"), 1),
        ((*WIKI, "--account", "acc_0000000000000000"), 1),
    ],
)
def test_nonsense_makes_no_app(topup: Topup, words: tuple[str, ...], exit_code: int) -> None:
    account(topup, "first")

    assert topup("apps", "create", *words).exit_code == exit_code
    assert result_of(topup("apps", "list", "--json"))["items"] == []


def test_without_any_account_there_is_no_owner(topup: Topup) -> None:
    refused = topup("apps", "create", *WIKI)

    assert refused.exit_code == 1
    assert "Account not found" in refused.stderr
