"""`topup accounts close-live`, `open-live`, `verify-email` and `log`, and apps that have no secret."""

import json
from typing import Any

from tests.cli.operator.test_apps import account
from tests.support.command_line import Topup, result_of, topup as topup


def test_an_account_of_the_command_line_has_live_until_it_is_closed(topup: Topup) -> None:
    made = account(topup, "ann")
    live_key = ("keys", "create", "--account", made, "--environment", "live", "--json")

    assert topup(*live_key).exit_code == 0
    assert result_of(topup("accounts", "close-live", made, "--yes", "--json"))["live"] is False
    refused = topup(*live_key)
    token = topup(
        "tokens", "create", "--account", made, "--environment", "live", "--kind", "system"
    )
    app = ("apps", "create", "--name", "A", "--redirect-uri", "https://a.example/cb")
    scope = ("--scope", "general_api_access", "--account", made, "--environment", "live")
    assert result_of(topup("accounts", "open-live", "ann@example.com", "--json"))["live"] is True

    for result in (refused, token):
        assert result.exit_code == 1
        assert "Live isn't open" in result.stderr
    assert topup(*live_key).exit_code == 0
    assert topup(*app, *scope).exit_code == 0


def test_what_the_command_line_does_is_in_the_accounts_log(topup: Topup) -> None:
    made = account(topup, "ann")
    key = result_of(topup("keys", "create", "--account", made, "--json"))
    topup("keys", "rotate", key["id"])
    verified = result_of(topup("accounts", "verify-email", made, "--json"))
    topup("accounts", "close-live", made, "--yes")

    entries: list[dict[str, Any]] = result_of(
        topup("accounts", "log", "--account", made, "--json")
    )["items"]

    assert verified["email_verified"] is True
    assert [(one["action"], one["actor"]["kind"]) for one in entries] == [
        ("live.closed", "cli"),
        ("email.verified", "cli"),
        ("key.rotated", "cli"),
        ("key.created", "cli"),
    ]
    assert key["key"] not in json.dumps(entries)


def test_a_public_app_has_exact_addresses_and_no_secret(topup: Topup) -> None:
    owner = ("--account", account(topup, "ann"))
    base = ("apps", "create", "--name", "Desk", "--public", "--scope", "general_api_access", *owner)

    addresses = ("--redirect-uri", "http://127.0.0.1/cb", "--redirect-uri", "https://a.example/cb")
    made = result_of(topup(*base, *addresses, "--json"))
    whole_host = topup(*base, "--redirect-host", "a.example")
    nowhere = topup(*base)
    rotated = topup("apps", "rotate", made["client_id"], "--yes")

    assert "client_secret" not in made
    assert (made["public"], made["redirect_host"]) == (True, "")
    assert made["redirect_uris"] == ["http://127.0.0.1/cb", "https://a.example/cb"]
    assert "exact addresses" in whole_host.stderr
    assert "at least one redirect address" in nowhere.stderr
    assert "no secret" in rotated.stderr
    assert {whole_host.exit_code, nowhere.exit_code, rotated.exit_code} == {1}
