"""Providers are found in folders, and held by name and environment with what they can do there."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path

import pytest

from billing.providers.protocol import Charge, Paid, ProviderSettings, Received
from billing.providers.registry import Key, Providers, discover
from kernel.clock import FixedClock
from tests.support.plain_http import http_client
from tests.support.providers import API_BASE, SETTINGS, wish

TOY = """
from billing.ledger.price import Price
from billing.providers.protocol import (
    Notification, NotificationRefused, Opened, Paid, Received, Registration, Subject, Waiting,
)
from billing.providers.protocol import ProviderSettings, rotated
from pydantic import Field, SecretStr


class Settings(ProviderSettings):
    word: SecretStr = Field(default=SecretStr(""), description="The magic word.")

    @property
    def is_complete(self):
        return bool(self.webhook_secrets)

    @property
    def webhook_secrets(self):
        return rotated(self.word)

    @classmethod
    def for_sandbox(cls, secret):
        return cls(word=SecretStr(secret))


class Toy:
    def __init__(self, settings, environment, client, clock):
        self._word = settings.webhook_secrets[0]

    async def open(self, request):
        return Opened(f"https://toy.example/{request.order_id}", request.order_id)

    def read(self, received):
        word, _, rest = received.body.decode().partition(" ")
        if word != self._word:
            raise NotificationRefused("not the magic word", reason="signature")
        order_id, payment_id, amount, currency = rest.split(" ")
        fact = Paid(Subject(order_id), payment_id, Price(int(amount), currency))
        return Notification(payment_id, "paid", (fact,))

    async def inquire(self, order_id, ref):
        return (Waiting(Subject(order_id)),)

    async def portal(self, customer_ref, return_url):
        return return_url

    def simulate(self, sandbox_event):
        price = sandbox_event.price
        said = f"{self._word} {sandbox_event.order_id} {sandbox_event.payment_id} {price.amount} {price.currency}"
        return Received("POST", {}, b"", said.encode())


PROVIDER = Registration("toy", Settings, Toy, ("/payment/webhook/toy",))
"""


def made(
    given: Mapping[Key, Mapping[str, str]] | None = None,
    *,
    folders: tuple[Path, ...] = (),
    has_stand_ins: bool = True,
) -> Providers:
    registrations = discover(*folders)
    settings: dict[Key, ProviderSettings] = {
        key: registrations[key[0]].settings.model_validate(dict(values))
        for key, values in (given or {}).items()
    }
    return Providers(
        registrations,
        settings,
        simulated_secrets=dict.fromkeys(registrations, "5f" * 32) if has_stand_ins else {},
        client=http_client(),
        clock=FixedClock(0),
    )


def test_four_providers_ship_each_with_its_paths() -> None:
    found = discover()

    assert {name: one.paths for name, one in found.items()} == {
        "creem": ("/payment/webhook/creem",),
        "epay": ("/payment/webhook/epay", "/api/user/epay/notify"),
        "myfatoorah": ("/api/billing/webhook/myfatoorah",),
        "stripe": ("/payment/webhook/stripe",),
    }
    assert found["epay"].methods == ("GET", "POST")
    assert (found["epay"].accepted.body, found["epay"].refused.body) == (b"success", b"fail")


def test_a_provider_has_the_name_that_payers_know() -> None:
    providers = made()

    labels = [providers.label(name) for name in sorted(discover())]
    assert labels == ["Creem", "Epay", "MyFatoorah", "Stripe"]
    assert providers.label("gone") == "gone"


def test_without_credentials_live_offers_nothing_and_staging_stand_ins() -> None:
    providers = made()

    assert providers.offered("live") == []
    assert providers.of("stripe", "live") is None
    assert providers.offered("staging") == ["creem", "epay", "myfatoorah", "stripe"]
    assert all(providers.is_simulated(name, "staging") for name in providers.offered("staging"))
    assert [environment for environment, _ in providers.readers("stripe")] == ["staging"]


def test_without_any_secret_nobody_can_verify() -> None:
    providers = made(has_stand_ins=False)

    assert providers.offered("staging") == []
    assert providers.readers("stripe") == []
    assert providers.readers("unknown") == []
    assert providers.registration("unknown") is None


def test_credentials_take_a_stand_ins_place() -> None:
    providers = made(
        {
            ("stripe", "live"): SETTINGS["stripe"],
            ("stripe", "staging"): {"secret_key": "sk_test_1", "webhook_secret": "whsec_other"},
        }
    )

    assert providers.offered("live") == ["stripe"]
    assert not providers.is_simulated("stripe", "staging")
    assert [environment for environment, _ in providers.readers("stripe")] == ["staging", "live"]


def test_a_staging_secret_alone_is_believed_beside_the_stand_in() -> None:
    providers = made({("stripe", "staging"): {"webhook_secret": "whsec_other"}})

    assert providers.is_simulated("stripe", "staging")
    assert [environment for environment, _ in providers.readers("stripe")] == ["staging", "staging"]


def test_a_live_secret_alone_is_believed_and_sells_nothing() -> None:
    providers = made({("creem", "live"): {"webhook_secret": "creem_secret"}})

    assert providers.offered("live") == []
    assert [environment for environment, _ in providers.readers("creem")] == ["staging", "live"]


def test_without_a_rate_another_currency_is_not_offered() -> None:
    complete = {"pid": "1000", "key": "KEY", "api_base": API_BASE}

    without = made({("epay", "live"): complete})
    with_rate = made({("epay", "live"): {**complete, "price_per_usd": "7.30"}})
    in_dollars = made({("epay", "live"): {**complete, "currency": "usd"}})

    assert without.offered("live") == []
    assert with_rate.offered("live") == in_dollars.offered("live") == ["epay"]
    assert with_rate.charge("epay", "live") == Charge("CNY", Fraction(73, 10))
    assert in_dollars.charge("epay", "live") == Charge("USD", Fraction(1))
    assert with_rate.methods("epay", "live") == ("alipay", "wxpay")


def test_a_stand_in_charges_what_staging_is_set_to() -> None:
    default = made()
    chosen = made({("epay", "staging"): {"currency": "EUR", "price_per_usd": "0.92"}})

    assert default.charge("stripe", "staging") == Charge()
    assert default.charge("epay", "staging") == Charge("CNY", Fraction(7))
    assert default.charge("myfatoorah", "staging") == Charge("KWD", Fraction(31, 100))
    assert chosen.charge("epay", "staging") == Charge("EUR", Fraction(23, 25))


async def test_a_new_provider_is_one_new_file(tmp_path: Path) -> None:
    (tmp_path / "toy.py").write_text(TOY)
    (tmp_path / "_part.py").write_text("raise AssertionError('a part is not loaded alone')")
    providers = made({("toy", "live"): {"word": "please"}}, folders=(tmp_path,))

    assert "toy" in providers.offered("live")
    assert "toy" in providers.offered("staging")
    toy = providers.of("toy", "live")
    assert toy is not None
    assert (await toy.open(wish())).url == "https://toy.example/ord_1OeHk2Gq0Zb4yT7a"
    said = toy.read(Received("POST", {}, b"", b"please ord_1 pay_1 500 USD"))
    assert isinstance(said.facts[0], Paid)


def test_two_of_one_name_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(TOY.replace('"toy"', '"stripe"'))

    with pytest.raises(ValueError, match="two payment providers are called stripe"):
        discover(tmp_path)


@pytest.mark.parametrize("text", ["", "PROVIDER = None", "import this_is_not_there"])
def test_a_file_that_is_no_provider_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "nothing.py").write_text(text)

    with pytest.raises(ValueError, match=r"nothing\.py"):
        discover(tmp_path)
