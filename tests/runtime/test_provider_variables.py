"""Payment providers' variables: both environments', masked, and a secret belongs to one of them."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from cli.server.settings import shown_settings
from runtime.settings import SettingsError, load_settings, unknown_variables
from tests.billing.providers.test_registry import TOY


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_nothing_is_set_by_default() -> None:
    setup = load_settings().providers

    assert sorted(setup.registrations) == ["creem", "epay", "myfatoorah", "stripe"]
    assert not any(settings.is_complete for settings in setup.settings.values())
    assert setup.notes == ()


def test_each_environment_has_its_own_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    Path(".env").write_text(
        "TOPUP_STRIPE_SECRET_KEY=sk_live_file\nTOPUP_STRIPE_WEBHOOK_SECRET=whsec_file\n"
    )
    monkeypatch.setenv("TOPUP_STRIPE_SECRET_KEY", "sk_live_1")
    monkeypatch.setenv("TOPUP_STRIPE_STAGING_SECRET_KEY", "sk_test_1")
    monkeypatch.setenv("TOPUP_STRIPE_STAGING_WEBHOOK_SECRET", "")

    settings = load_settings(stripe_staging_webhook_secret="whsec_1,whsec_2")

    live = settings.providers.settings["stripe", "live"]
    staging = settings.providers.settings["stripe", "staging"]
    assert live.model_dump()["secret_key"] == SecretStr("sk_live_1")
    assert live.webhook_secrets == ("whsec_file",)
    assert staging.webhook_secrets == ("whsec_1", "whsec_2")
    assert live.is_complete
    assert staging.is_complete
    sources = {row.variable: row.source for row in shown_settings(settings)}
    assert sources["TOPUP_STRIPE_SECRET_KEY"] == "environment"
    assert sources["TOPUP_STRIPE_WEBHOOK_SECRET"] == ".env"
    assert sources["TOPUP_STRIPE_STAGING_WEBHOOK_SECRET"] == "command"
    assert sources["TOPUP_STRIPE_API_BASE"] == "default"


def test_they_are_known_and_shown_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOPUP_EPAY_KEY", "hunter2")
    monkeypatch.setenv("TOPUP_EPAY_STAGING_PID", "1000")
    monkeypatch.setenv("TOPUP_STRIPE_SECRET_KYE", "hunter2")

    shown = {row.variable: row for row in shown_settings(load_settings())}

    assert unknown_variables() == ["TOPUP_STRIPE_SECRET_KYE"]
    assert shown["TOPUP_EPAY_KEY"].value == "********"
    assert shown["TOPUP_EPAY_STAGING_PID"].value == "1000"
    assert shown["TOPUP_EPAY_CURRENCY"].value == "CNY"
    assert "hunter2" not in str(shown)
    assert all(row.description.endswith(".") for row in shown.values())


@pytest.mark.parametrize(
    ("variable", "value", "wanted"),
    [
        ("STRIPE_API_BASE", "ftp://hunter2", "TOPUP_STRIPE_API_BASE: is http(s)://"),
        ("STRIPE_API_BASE", "https://hunter2@h", "TOPUP_STRIPE_API_BASE: is http(s)://"),
        (
            "CREEM_STAGING_CURRENCY",
            "hunter2",
            "TOPUP_CREEM_STAGING_CURRENCY: use an ISO 4217 currency",
        ),
        ("EPAY_PRICE_PER_USD", "hunter2", "TOPUP_EPAY_PRICE_PER_USD: give a decimal number"),
        ("EPAY_PRICE_PER_USD", "0.0", "TOPUP_EPAY_PRICE_PER_USD: is above 0"),
        ("EPAY_CONFIRM_ABOVE", "hunter2", "TOPUP_EPAY_CONFIRM_ABOVE: give a decimal number"),
    ],
)
def test_a_wrong_value_names_its_variable_and_is_not_repeated(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, wanted: str
) -> None:
    monkeypatch.setenv(f"TOPUP_{variable}", value)

    with pytest.raises(SettingsError) as raised:
        load_settings()

    assert wanted in str(raised.value)
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("stripe", "webhook_secret"),
        ("creem", "webhook_secret"),
        ("myfatoorah", "webhook_secret"),
        ("epay", "key"),
    ],
)
def test_a_secret_in_both_environments_is_refused(name: str, field: str) -> None:
    given = {
        f"{name}_{field}": "hunter2",
        # An old secret is as good as a new one.
        f"{name}_staging_{field}": "other, hunter2",
        "epay_pid": "1000",
        "epay_staging_pid": "1000",
    }

    with pytest.raises(SettingsError) as raised:
        load_settings(**given)

    variables = f"TOPUP_{name}_STAGING_{field}: is also in TOPUP_{name}_{field}".upper()
    assert variables in str(raised.value).upper()
    assert "hunter2" not in str(raised.value)


def test_what_is_set_up_in_part_is_told() -> None:
    setup = load_settings(
        stripe_secret_key="hunter2",
        myfatoorah_staging_api_token="hunter2",
        myfatoorah_staging_webhook_secret="hunter3",
        creem_api_key="hunter2",
        creem_staging_api_key="hunter2",
    ).providers

    price = "TOPUP_MYFATOORAH_STAGING_PRICE_PER_USD"
    assert setup.notes == (
        "creem in staging is set up in part: give TOPUP_CREEM_STAGING_WEBHOOK_SECRET too",
        "TOPUP_CREEM_STAGING_API_KEY is live's too: money is real",
        "creem in live is set up in part: give TOPUP_CREEM_WEBHOOK_SECRET too",
        f"myfatoorah in staging is not offered: {price} is the price of a US dollar",
        "stripe in live is set up in part: give TOPUP_STRIPE_WEBHOOK_SECRET too",
    )


def test_folders_of_the_operator_are_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Path("my providers")
    folder.mkdir()
    (folder / "toy.py").write_text(TOY)
    monkeypatch.setenv("TOPUP_PROVIDER_FOLDERS", '"my providers"')

    with pytest.raises(SettingsError, match="TOPUP_PROVIDER_FOLDERS: names a folder"):
        load_settings()

    folder.rename("mine")
    monkeypatch.setenv("TOPUP_PROVIDER_FOLDERS", "mine")
    setup = load_settings(toy_word="please").providers
    assert setup.settings["toy", "live"].is_complete
    assert unknown_variables() == []


def test_a_folder_with_a_file_that_is_no_provider_is_refused() -> None:
    Path("mine").mkdir()
    Path("mine/toy.py").write_text("")

    with pytest.raises(SettingsError, match=r"TOPUP_PROVIDER_FOLDERS: toy\.py defines no PROVIDER"):
        load_settings(provider_folders="mine")


def test_what_nobody_set_is_shown_as_empty() -> None:
    shown = {row.variable: row.value for row in shown_settings(load_settings())}

    assert shown["TOPUP_CREEM_CREDIT_PRODUCT_ID"] == ""
    assert "None" not in shown.values()
