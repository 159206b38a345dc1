"""The administrative commands, on both databases: results on standard output, failures in words."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec import Struct, convert
from msgspec.structs import fields

from cli.main import COMMANDS, main
from kernel.clock import SystemClock
from kernel.ids import number_of
from keys.api_keys.views import ApiKey, CreatedKey
from keys.authenticator import Authenticator
from keys.principal import CredentialEnded, Principal
from keys.tokens.acts import IssuedToken
from store.database import Transaction
from store.open import open_database
from store.version import VERSIONS
from tests.support.command_line import SECRET_KEY, Topup, result_of, topup as topup


def fields_of(shape: type[Struct]) -> list[str]:
    return [field.name for field in fields(shape)]


def sign_in(database_url: str, token: str) -> Principal:
    async def work() -> Principal:
        database = open_database(database_url)
        authenticator = Authenticator(database, SystemClock())
        try:
            return await authenticator.authenticate(token)
        finally:
            await authenticator.close()
            await database.close()

    return asyncio.run(work())


def execute(database_url: str, statement: str) -> None:
    async def work() -> None:
        database = open_database(database_url)

        async def change(tx: Transaction) -> None:
            await tx.execute(statement)

        await database.transaction(change)
        await database.close()

    asyncio.run(work())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])

    assert result.exit_code == 0
    assert result.stdout.startswith("Usage:")


def test_help_lists_every_command_and_a_wrong_one_is_a_usage_error() -> None:
    shown = CliRunner().invoke(main, ["--help"])
    wrong = CliRunner().invoke(main, ["devv"])

    assert all(f"\n  {command} " in shown.stdout for command in COMMANDS)
    assert wrong.exit_code == 2


def test_an_account_is_made_listed_and_shown(topup: Topup) -> None:
    made = result_of(
        topup("accounts", "create", "--name", "Acme", "--email", "Ops@Acme.Example", "--json")
    )
    listed = result_of(topup("accounts", "list", "--json"))
    shown = result_of(topup("accounts", "show", "ops@acme.example", "--json"))

    assert made["email"] == "ops@acme.example"
    assert made["operator"] is False
    assert made["user_id"] == number_of(made["id"])
    assert listed == {"items": [made | {"wallet_micros": 10_000_000_000}], "next_cursor": None}
    assert shown == made | {"two_factor": False, "recovery_codes_left": 0}


def test_a_second_account_with_the_same_address_is_refused(topup: Topup) -> None:
    topup("accounts", "create", "--name", "One", "--email", "a@b.example")

    result = topup("accounts", "create", "--name", "Two", "--email", "A@B.example")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Another account has this email address." in result.stderr


def test_an_accounts_days_begin_in_its_time_zone(topup: Topup) -> None:
    account = result_of(topup("accounts", "create", "--name", "Acme", "--json"))

    moved = result_of(
        topup("accounts", "set", account["id"], "--time-zone", "Asia/Kuwait", "--json")
    )
    wrong = [
        topup("accounts", "set", account["id"], "--time-zone", name)
        for name in ("Mars/Base", "../../etc/passwd", "America", "/etc/passwd", "")
    ]

    assert (account["time_zone"], moved["time_zone"]) == ("UTC", "Asia/Kuwait")
    assert {result.exit_code for result in wrong} == {1}
    assert all("a time zone" in result.stderr for result in wrong)


def test_accounts_are_paged_by_cursor(topup: Topup) -> None:
    for name in ("One", "Two", "Three"):
        topup("accounts", "create", "--name", name)

    first = result_of(topup("accounts", "list", "--limit", "2", "--json"))
    second = result_of(
        topup("accounts", "list", "--limit", "2", "--cursor", first["next_cursor"], "--json")
    )

    assert [account["name"] for account in first["items"]] == ["Three", "Two"]
    assert [account["name"] for account in second["items"]] == ["One"]
    assert second["next_cursor"] is None


def test_a_key_is_shown_once_and_works_until_it_is_revoked(topup: Topup, database_url: str) -> None:
    account = result_of(topup("accounts", "create", "--name", "Acme", "--json"))["id"]

    made = result_of(
        topup("keys", "create", "--account", account, "--scope", "topup:read", "--json")
    )
    principal = sign_in(database_url, made["key"])
    listed = topup("keys", "list", "--account", account, "--json")

    assert made["key"].startswith("ak_staging_")
    assert principal.account_id == account
    assert principal.scopes == {"topup:read"}
    assert made["key"] not in listed.stdout
    assert result_of(listed)["items"][0]["id"] == made["id"]

    revoked = result_of(topup("keys", "revoke", made["id"], "--yes", "--json"))
    assert revoked["revoked_at"] is not None
    with pytest.raises(CredentialEnded):
        sign_in(database_url, made["key"])


def test_keys_and_tokens_have_the_fields_of_the_api(topup: Topup) -> None:
    account = result_of(topup("accounts", "create", "--name", "Acme", "--json"))["id"]
    owner = ("--account", account)

    key = result_of(topup("keys", "create", *owner, "--per-day-cents=500", "--json"))
    shown = result_of(topup("keys", "show", key["id"], "--json"))
    token = result_of(topup("tokens", "create", *owner, "--kind=system", "--json"))
    listed = result_of(topup("tokens", "list", *owner, "--kind=system", "--json"))["items"]

    assert list(shown) == [*fields_of(ApiKey), "account_id"]
    assert key.keys() - shown.keys() == {"key"}
    assert shown["caps"] == {
        "per_call_cents": None,
        "per_day_cents": 500,
        "per_month_cents": None,
    }
    assert list(listed[0]) == [*fields_of(IssuedToken)]
    assert token.keys() - listed[0].keys() == {"token"}
    assert convert(key, CreatedKey).last4 == key["key"][-4:]


def test_a_key_is_limited_stopped_and_let_go_from_here(topup: Topup) -> None:
    account = result_of(topup("accounts", "create", "--name=Acme", "--json"))["id"]
    limits = ("--recipient=*@acme.example", "--window=3600:500", "--lifetime-cents=900")
    made = result_of(topup("keys", "create", "--account", account, *limits, "--json"))
    changes = ("--per-day-cents=300", "--platform=claude", "--no=lifetime")
    changed = result_of(topup("keys", "set", made["id"], *changes, "--json"))
    paused = result_of(topup("keys", "pause", made["id"], "--json"))
    tree = result_of(topup("keys", "tree", made["id"], "--json"))["keys"][0]["limits"]
    resumed = result_of(topup("keys", "resume", made["id"], "--json"))
    day = result_of(
        topup("accounts", "limit", "--account", account, "--per-day-cents=1000", "--json")
    )

    assert made["windows"] == [{"seconds": 3600, "cents": 500}]
    assert (changed["recipients"], changed["platforms"]) == (["*@acme.example"], ["claude"])
    assert (changed["lifetime_cents"], changed["caps"]["per_day_cents"]) == (None, 300)
    assert paused["paused_at"] is not None
    assert resumed["paused_at"] is None
    assert [(row["cap"], row["remaining"]) for row in tree] == [("per_day", 300), ("window", 500)]
    assert day["per_day_cents"] == 1000
    assert topup("keys", "set", made["id"], "--window=soon").exit_code == 2
    refused = topup("keys", "set", made["id"], "--platform=zzz")
    assert (refused.exit_code, "they are claude, chatgpt, gemini" in refused.stderr) == (1, True)


def test_rotation_gives_the_same_key_another_secret(topup: Topup, database_url: str) -> None:
    account = result_of(topup("accounts", "create", "--name", "Acme", "--json"))["id"]
    made = result_of(topup("keys", "create", "--account", account, "--environment=live", "--json"))

    rotated = result_of(topup("keys", "rotate", made["id"], "--json"))

    assert rotated["id"] == made["id"]
    assert rotated["key"] != made["key"]
    assert sign_in(database_url, rotated["key"]).environment == "live"


def test_operator_tokens_come_from_here_and_administer(topup: Topup, database_url: str) -> None:
    opened = topup("accounts", "create", "--name", "Ops", "--operator", "--json")
    account = result_of(opened)["id"]

    made = result_of(topup("tokens", "create", "--account", account, "--kind=operator", "--json"))
    listed = result_of(topup("tokens", "list", "--account", account, "--json"))
    principal = sign_in(database_url, made["token"])

    assert made["token"].startswith("adm_staging_")
    assert "admin" in principal.scopes
    assert [token["id"] for token in listed["items"]] == [made["id"]]

    topup("tokens", "revoke", made["id"], "--yes")
    with pytest.raises(CredentialEnded):
        sign_in(database_url, made["token"])


def test_an_unknown_id_is_told_in_json_too(topup: Topup) -> None:
    result = topup("keys", "show", "key_0000000000000000", "--json")

    assert result.exit_code == 1
    assert result.stdout == ""
    assert json.loads(result.stderr)["error"]["detail"] == "Key not found"


def test_people_get_a_table_of_whole_values(topup: Topup) -> None:
    account = result_of(topup("accounts", "create", "--name", "[bold]Acme[/]", "--json"))

    result = topup("accounts", "list")

    assert account["id"] in result.stdout
    assert "[bold]Acme[/]" in result.stdout
    assert "{" not in result.stdout


def test_a_sound_ledger_is_proved(topup: Topup) -> None:
    topup("accounts", "create", "--name", "Acme")

    result = topup("audit", "--json")

    assert result.exit_code == 0
    assert json.loads(result.stdout)["items"] == []
    assert ledger_by_the_doctor(topup) == (True, "was proved 0 h ago")


def ledger_by_the_doctor(topup: Topup) -> tuple[bool | None, str]:
    findings = json.loads(topup("doctor", "--json").stdout)
    [ledger] = [one for one in findings if one["part"] == "ledger"]
    return ledger["is_well"], ledger["detail"]


def test_a_balance_that_is_off_is_found(topup: Topup, database_url: str) -> None:
    account = result_of(topup("accounts", "create", "--name", "Acme", "--json"))["id"]
    execute(database_url, "UPDATE ledger_accounts SET balance_micros = balance_micros + 1")

    result = topup("audit", "--json")

    assert result.exit_code == 1
    findings = json.loads(result.stdout)["items"]
    assert {finding["account_id"] for finding in findings} == {account}
    assert "balance is the sum of its transfers" in {finding["rule"] for finding in findings}
    is_well, detail = ledger_by_the_doctor(topup)
    assert is_well is False
    assert f"rows that broke a rule: {len(findings)}." in detail


def test_the_doctor_is_content_with_a_fresh_installation(topup: Topup) -> None:
    result = topup("doctor", "--json")

    findings = {finding["part"]: finding for finding in json.loads(result.stdout)}
    assert result.exit_code == 0
    parts = {"settings", "consistency", "address", "webhooks", "database", "servers"}
    parts |= {
        "connections",
        "pooler",
        "space",
        "staging",
        "files",
        "clock",
        "deliveries",
        "platforms",
    }
    parts |= {"ledger", "master key", "copies", "copy tools", "disk", "redis"}
    parts |= {"redis room", "redis clock"}
    parts |= {"workers", "mail", "manual-review", "payments", "checkpoints", "machines", "tracing"}
    assert set(findings) == parts
    assert findings["deliveries"]["is_well"] is True
    assert findings["database"]["is_well"] is True
    assert findings["clock"]["is_well"] is True
    assert findings["ledger"]["is_well"] is None
    assert findings["redis"]["is_well"] is None
    assert findings["workers"]["is_well"] is None


def test_the_doctor_tells_a_missing_key_and_a_dead_redis(topup: Topup) -> None:
    result = topup(
        "doctor", "--json", TOPUP_SECRET_KEY="", TOPUP_REDIS_URL="redis://:hunter2@127.0.0.1:1/0"
    )

    unwell = {one["part"] for one in json.loads(result.stdout) if one["is_well"] is False}
    assert result.exit_code == 1
    assert unwell == {"master key", "redis"}
    assert "hunter2" not in result.output


@pytest.mark.one_database
def test_the_doctor_says_that_staging_is_refused_for_want_of_room(topup: Topup) -> None:
    result = topup("doctor", "--json", TOPUP_STAGING_RESERVE_MB="1000000000")

    [staging] = [one for one in json.loads(result.stdout) if one["part"] == "staging"]
    assert (result.exit_code, staging["is_well"]) == (1, False)
    assert "TOPUP_STAGING_RESERVE_MB" in staging["detail"]


def test_migrate_again_changes_nothing(topup: Topup) -> None:
    assert result_of(topup("migrate", "--json")) == {"schema": VERSIONS[-1]}


def test_a_database_that_was_never_migrated_says_what_to_run(tmp_path: Path, topup: Topup) -> None:
    result = topup("audit", TOPUP_DATABASE_URL=f"sqlite:///{tmp_path}/other.db")

    assert result.exit_code == 30
    assert "topup migrate" in result.stderr


def test_a_list_without_an_account_is_of_the_installations_own(topup: Topup) -> None:
    assert "Account not found" in topup("keys", "list").stderr
    for name in ("Ours", "Other"):
        result_of(
            topup("accounts", "create", "--name", name, "--email", f"{name}@x.example", "--json")
        )
    made = result_of(topup("keys", "create", "--account", "ours@x.example", "--json"))
    listed = result_of(topup("keys", "list", "--json"))

    assert [one["id"] for one in listed["items"]] == [made["id"]]
    for words in (("deliveries", "list"), ("replay", "list"), ("tokens", "list")):
        assert result_of(topup(*words, "--json"))["items"] == []
    assert topup("keys", "create").exit_code == 2


@pytest.mark.parametrize("command", [("migrate",), ("audit",), ("accounts", "list")])
def test_an_unreachable_database_is_told_without_its_password(
    topup: Topup, command: tuple[str, ...]
) -> None:
    result = topup(*command, TOPUP_DATABASE_URL="postgresql://u:hunter2@127.0.0.1:1/none")

    assert result.exit_code == 13
    assert "hunter2" not in result.output
    assert result.stderr.startswith("error: ")
    assert "Traceback" not in result.output


def test_a_wrong_setting_ends_every_command_with_its_name(topup: Topup) -> None:
    result = topup("accounts", "list", TOPUP_PORT="hunter2")

    assert result.exit_code == 2
    assert "TOPUP_PORT" in result.stderr
    assert "hunter2" not in result.output


def test_serve_does_not_start_without_a_master_key(topup: Topup) -> None:
    result = topup("serve", "--port=0", TOPUP_SECRET_KEY="")

    assert result.exit_code == 2
    assert "TOPUP_SECRET_KEY is empty" in result.stderr


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "gateway.example"])
def test_serve_wants_its_public_url_where_others_reach_it(topup: Topup, host: str) -> None:
    result = topup("serve", "--host", host, "--port=0", TOPUP_PUBLIC_URL="")

    assert result.exit_code == 2
    assert "TOPUP_PUBLIC_URL is not set" in result.stderr
    assert "https://pay.example.com" in result.stderr


def test_settings_show_sources_and_mask_secrets(topup: Topup) -> None:
    result = topup("settings", "--json", TOPUP_PROT="1")

    rows = {row["variable"]: row for row in json.loads(result.stdout)["items"]}
    assert rows["TOPUP_SECRET_KEY"]["value"] == "********"
    assert rows["TOPUP_SECRET_KEY"]["source"] == "environment"
    assert rows["TOPUP_PORT"] == {
        "variable": "TOPUP_PORT",
        "value": "8000",
        "source": "default",
        "description": "Port the gateway listens on. 0 means any free port.",
    }
    assert SECRET_KEY not in result.output
    assert "TOPUP_PROT names no setting" in result.stderr
    assert os.environ.get("TOPUP_PROT") is None
