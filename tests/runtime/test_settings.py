"""Settings: sources in order, errors that name the variable and never the value, masks."""

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import main
from cli.server.settings import shown_settings
from runtime.installation import made_master_key, read_master_key
from runtime.settings import (
    Settings,
    SettingsError,
    load_settings,
    unknown_variables,
)


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty folder and no TOPUP_ variable of the developer's."""
    monkeypatch.chdir(tmp_path)
    for name in Settings.model_fields:
        monkeypatch.delenv("TOPUP_" + name.upper(), raising=False)


def test_defaults_are_the_contracts() -> None:
    settings = load_settings()

    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.data_dir == Path("data")
    assert settings.webhook_timeout_s == 10
    assert settings.rate_limit_per_s == 200
    assert settings.webhook_allow_private is False
    assert settings.promo_sendable is False
    assert settings.address() == "http://127.0.0.1:8000"
    assert settings.database_address.startswith("sqlite:////")


def test_the_environment_beats_the_file_and_an_override_beats_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Path(".env").write_text("TOPUP_PORT=1111\nTOPUP_HOST=::1\nTOPUP_RATE_LIMIT_PER_S=5\n")
    monkeypatch.setenv("TOPUP_PORT", "2222")
    monkeypatch.setenv("TOPUP_HOST", "0.0.0.0")
    overrides = {"host": "127.0.0.2"}

    settings = load_settings(**overrides)

    assert (settings.host, settings.port, settings.rate_limit_per_s) == ("127.0.0.2", 2222, 5)
    sources = {row.variable: row.source for row in shown_settings(settings, overrides=overrides)}
    assert sources["TOPUP_HOST"] == "command"
    assert sources["TOPUP_PORT"] == "environment"
    assert sources["TOPUP_RATE_LIMIT_PER_S"] == ".env"
    assert sources["TOPUP_DATA_DIR"] == "default"


def test_every_setting_says_what_it_means() -> None:
    for row in shown_settings(load_settings()):
        assert row.description.endswith("."), row.variable


@pytest.mark.parametrize(
    ("name", "value", "wanted"),
    [
        ("PORT", "65536", "TOPUP_PORT: "),
        ("PORT", "http", "TOPUP_PORT: "),
        ("DATABASE_URL", "mysql://u:hunter2@h/d", "TOPUP_DATABASE_URL: begins with postgresql://"),
        ("REDIS_URL", "http://u:hunter2@h", "TOPUP_REDIS_URL: begins with redis://"),
        ("PUBLIC_URL", "https://hunter2@pay.example", "TOPUP_PUBLIC_URL: is http(s)://host"),
        ("PUBLIC_URL", "https://pay.example/hunter2", "TOPUP_PUBLIC_URL: is http(s)://host"),
        ("TRUSTED_PROXIES", "10.0.0.1/8", "TOPUP_TRUSTED_PROXIES: entry 1 is not"),
        ("PLATFORMS", '[{"id": "hunter2', "TOPUP_PLATFORMS: is not valid JSON"),
        ("PLATFORMS", '[{"id": "hunter2 !"}]', "TOPUP_PLATFORMS[0][id]: "),
        ("PLATFORMS", '[{"id": "a", "typo": "hunter2"}]', "TOPUP_PLATFORMS[0][typo]: "),
        ("PLATFORMS", '[{"id": "a"}, {"id": "a"}]', "TOPUP_PLATFORMS: names one id twice"),
        ("X402_FACILITATOR_URL", "hunter2", "TOPUP_X402_FACILITATOR_URL and TOPUP_X402_PAY_TO "),
        ("X402_NETWORK", "hunter2", "TOPUP_X402_NETWORK is one of "),
        ("X402_ASSET", "hunter2", "TOPUP_X402_ASSET is no asset of "),
        ("SELLER_FONT", "/hunter2", "TOPUP_SELLER_FONT is no file"),
        ("LOG_LEVEL", "hunter2", "TOPUP_LOG_LEVEL: "),
        ("PROCESSES", "hunter2", "TOPUP_PROCESSES: is 1 to 64, or auto for one a core"),
        ("PROCESSES", "0", "TOPUP_PROCESSES: is 1 to 64"),
        ("WEBHOOK_TIMEOUT_S", "nan", "TOPUP_WEBHOOK_TIMEOUT_S: input should be a finite number"),
    ],
)
def test_a_wrong_value_names_its_variable_and_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, wanted: str
) -> None:
    monkeypatch.setenv(f"TOPUP_{name}", value)

    with pytest.raises(SettingsError) as raised:
        load_settings()

    assert wanted in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_processes_may_be_as_many_as_the_cores_that_are_granted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    granted = os.sched_getaffinity(0)
    monkeypatch.setenv("TOPUP_PROCESSES", "auto")
    os.sched_setaffinity(0, {min(granted)})
    try:
        on_one = load_settings().processes
    finally:
        os.sched_setaffinity(0, granted)

    assert on_one == 1
    assert load_settings().processes == len(granted)
    assert load_settings(processes="3").processes == 3


def test_lists_are_separated_by_commas_or_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPUP_TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8")
    monkeypatch.setenv("TOPUP_WEBHOOK_ALLOW_HOSTS", "hooks.internal other.internal")

    settings = load_settings()

    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.0/8", "fd00::/8"]
    assert settings.webhook_allow_hosts == ("hooks.internal", "other.internal")


def test_a_platform_takes_its_defaults_and_keeps_its_options(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(
        "TOPUP_PLATFORMS",
        '[{"id": "mistral", "max_amount_cents": 5000, "fulfilment": "http",'
        ' "options": {"url": "https://fulfil.example", "secret": "hunter2"}}]',
    )

    settings = load_settings()
    (platform,) = [setting.platform() for setting in settings.platforms]

    assert (platform.id, platform.name) == ("mistral", "Mistral")
    assert (platform.min_amount_cents, platform.max_amount_cents) == (100, 5000)
    assert platform.options["secret"] == "hunter2"
    shown = {row.variable: row.value for row in shown_settings(settings)}
    assert "https://fulfil.example" in shown["TOPUP_PLATFORMS"]
    assert "hunter2" not in str(shown)


def test_shown_secrets_are_masked_and_urls_keep_all_but_the_password() -> None:
    settings = load_settings(
        secret_key="hunter2-hunter2-hunter2-hunter2-hunter2",
        database_url="postgresql://topup:hunter2@db.example:5432/topup",
        redis_url="redis://:hunter2@redis.example:6379/0",
    )

    shown = {row.variable: row.value for row in shown_settings(settings)}

    assert shown["TOPUP_DATABASE_URL"] == "postgresql://topup:********@db.example:5432/topup"
    assert shown["TOPUP_REDIS_URL"] == "redis://:********@redis.example:6379/0"
    assert shown["TOPUP_SECRET_KEY"] == "********"
    assert "hunter2" not in repr(settings)


def test_a_misspelt_variable_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPUP_PROT", "1")

    assert unknown_variables() == ["TOPUP_PROT"]


def test_only_loopback_hosts_count_as_such() -> None:
    hosts = ["127.0.0.1", "127.8.8.8", "::1", "localhost", "0.0.0.0", "::", "10.0.0.1", "a.example"]

    found = [load_settings(host=host).is_loopback for host in hosts]

    assert found == [True, True, True, True, False, False, False, False]


def test_a_master_key_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "fresh"
    assert read_master_key(folder) == ""

    first = made_master_key(folder)
    second = made_master_key(folder)

    assert first == second == read_master_key(folder)
    assert len(bytes.fromhex(first)) == 32
    assert [stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()] == [0o600]


def test_a_pipe_gets_the_descriptions() -> None:
    piped = CliRunner().invoke(main, ["settings"])

    assert piped.exit_code == 0
    assert "not shown" not in piped.stderr
    assert "Address the gateway listens on" in piped.stdout
