"""The context: every part works once it is open, and a wrong start says why."""

from pathlib import Path

import pytest

from kernel.clock import FixedClock
from runtime.context import connections_of_a_process, open_context, webhook_policy
from runtime.settings import Settings, SettingsError, load_settings
from store.database import Transaction
from store.version import SchemaOutOfRange
from webhooks.http.guard import UrlRefused, check_url

SECRET_KEY = "5f" * 32


def settings_for(url: str, data_dir: Path, secret_key: str = SECRET_KEY) -> Settings:
    return load_settings(database_url=url, data_dir=data_dir, secret_key=secret_key)


async def test_an_open_context_commits_and_tells_its_listeners(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    heard: list[str] = []

    async def work(tx: Transaction) -> int:
        row = await tx.fetch_one("SELECT 7 AS number")
        assert row is not None
        tx.hint("deliveries")
        return int(row["number"])

    async with open_context(settings_for(database_url, tmp_path), clock=clock) as context:
        context.hints.listen(heard.append)
        number = await context.database.transaction(work)
        platforms = [
            platform.id for platform in context.topup_rules.platforms.of("staging").offered()
        ]

    assert number == 7
    assert heard == ["deliveries"]
    assert platforms == ["claude", "chatgpt", "gemini"]


async def test_voucher_codes_are_the_same_after_a_restart(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    codes = []
    for _ in range(2):
        async with open_context(settings_for(database_url, tmp_path), clock=clock) as context:
            codes.append(context.topup_rules.codes.code_of("txn_1OeHk2Gq0Zb4yT7a"))

    assert codes[0] == codes[1]


async def test_another_master_key_is_refused_and_a_rotated_one_opens(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    other = "a1" * 32
    async with open_context(settings_for(database_url, tmp_path), clock=clock):
        pass

    with pytest.raises(SettingsError, match="does not open") as raised:
        async with open_context(settings_for(database_url, tmp_path, other), clock=clock):
            pass
    rotated = settings_for(database_url, tmp_path, f"{other},{SECRET_KEY}")
    async with open_context(rotated, clock=clock) as context:
        assert context.settings is rotated

    assert SECRET_KEY not in str(raised.value)
    assert other not in str(raised.value)


async def test_an_empty_master_key_and_a_missing_schema_say_what_to_do(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/never-migrated.db"

    with pytest.raises(SettingsError, match="TOPUP_SECRET_KEY is empty"):
        async with open_context(settings_for(url, tmp_path, "")):
            pass
    with pytest.raises(SchemaOutOfRange, match="topup migrate"):
        async with open_context(settings_for(url, tmp_path)):
            pass


def test_the_policy_opens_what_the_settings_name_and_nothing_else() -> None:
    closed = webhook_policy(load_settings())
    named = webhook_policy(load_settings(webhook_allow_cidrs=("10.1.0.0/16",)))
    lifted = webhook_policy(load_settings(webhook_allow_private=True))

    check_url("https://hooks.example/in", closed)
    check_url("https://10.1.2.3/in", named)
    check_url("http://127.0.0.1:3000/in", lifted)
    for url, policy in [
        ("https://10.1.2.3/in", closed),
        ("https://10.2.0.1/in", named),
        ("http://hooks.example/in", closed),
    ]:
        with pytest.raises(UrlRefused):
            check_url(url, policy)


def test_a_process_has_nineteen_connections_unless_told_otherwise() -> None:
    assert connections_of_a_process(load_settings()) == 19
    assert connections_of_a_process(load_settings(database_connections=10)) == 27
