"""`topup packs` and `topup coupons`: the catalogue of each environment."""

import json
from typing import Any

import pytest

from tests.support.command_line import Topup, result_of, topup as topup

PACK = ("--id", "pack_big", "--name", "Big Pack", "--price", "99.50", "--credits", "120000")


def test_the_seeds_packs_are_there_in_both_environments(topup: Topup) -> None:
    for environment in ("staging", "live"):
        listed = result_of(topup("packs", "list", "--environment", environment, "--json"))

        assert [
            (pack["id"], pack["amount"], pack["credits"], pack["popular"])
            for pack in listed["items"]
        ] == [
            ("pack_starter", 500, 5_000, False),
            ("pack_pro", 2_000, 25_000, True),
            ("pack_business", 5_000, 70_000, False),
        ]


def test_a_pack_is_added_to_one_environment(topup: Topup) -> None:
    made = result_of(topup("packs", "create", *PACK, "--bonus-credits", "20500", "--json"))

    assert made == {
        "id": "pack_big",
        "name": "Big Pack",
        "amount": 9950,
        "currency": "USD",
        "credits": 120_000,
        "bonus_credits": 20_500,
        "popular": False,
        "active": True,
    }
    staging = result_of(topup("packs", "list", "--json"))["items"]
    live = result_of(topup("packs", "list", "--environment", "live", "--json"))["items"]
    assert [pack["id"] for pack in staging][-1] == "pack_big"
    assert len(live) == 3


def test_a_price_has_its_currencys_places(topup: Topup) -> None:
    def create(price: str, currency: str) -> Any:
        words = ("--id", currency.lower(), "--name", "P", "--credits", "10", "--json")
        return topup("packs", "create", *words, "--price", price, "--currency", currency)

    assert result_of(create("1.5", "kwd"))["amount"] == 1500
    assert result_of(create("300", "jpy"))["amount"] == 300
    refused = create("300.5", "JPY")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "at most 0 places" in refused.stderr


def test_a_disabled_pack_is_listed_on_demand(topup: Topup) -> None:
    assert result_of(topup("packs", "disable", "pack_pro", "--json"))["active"] is False

    sold = result_of(topup("packs", "list", "--json"))["items"]
    known = result_of(topup("packs", "list", "--all", "--json"))["items"]

    assert [len(sold), len(known)] == [2, 3]
    assert result_of(topup("packs", "enable", "pack_pro", "--json"))["active"] is True


def test_a_coupon_is_made_and_listed(topup: Topup) -> None:
    made = result_of(
        topup(
            "coupons",
            "create",
            *("--code", "summer", "--percent", "25", "--minimum", "20.00", "--uses-max", "100"),
            *("--uses-per-account", "1", "--expires-at", "2027-01-31T00:00:00Z", "--json"),
        )
    )
    listed = result_of(topup("coupons", "list", "--json"))
    in_live = result_of(topup("coupons", "list", "--environment", "live", "--json"))

    assert listed == {"items": [made], "next_cursor": None}
    assert in_live["items"] == []
    assert made["id"].startswith("cpn_")
    expected = {
        "environment": "staging",
        "code": "SUMMER",
        "kind": "percent",
        "percent": 25,
        "amount_off": None,
        "currency": "USD",
        "minimum_amount": 2000,
        "uses_max": 100,
        "uses_per_account": 1,
        "used_count": 0,
        "active": True,
        "expires_at": "2027-01-31T00:00:00Z",
    }
    assert {name: made[name] for name in expected} == expected


def test_a_coupon_is_disabled_by_its_code(topup: Topup) -> None:
    result_of(topup("coupons", "create", "--code", "FIVE", "--amount-off", "5.00", "--json"))

    off = result_of(topup("coupons", "disable", "five", "--json"))
    on = result_of(topup("coupons", "enable", "FIVE", "--json"))

    assert (off["active"], on["active"], on["amount_off"]) == (False, True, 500)


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("packs", "create", *PACK[:-1], "0"), "credits: expected an integer >= 1"),
        (("packs", "create", "--id", "pack_pro", *PACK[2:]), "a pack with this ID"),
        (("packs", "create", "--id", "PACK PRO", *PACK[2:]), "An ID can have"),
        (("packs", "create", *PACK[:4], "--price", "1e3", *PACK[6:]), "decimal number"),
        (("packs", "create", *PACK[:4], "--price", "-5", *PACK[6:]), "decimal number"),
        (("packs", "create", *PACK[:4], "--price", "0", *PACK[6:]), "amount must be from 1 to"),
        (("packs", "create", *PACK, "--currency", "BITCOIN"), "Use an ISO 4217 currency"),
        (
            ("packs", "create", *PACK, "--bonus-credits", "120000"),
            "The bonus must not exceed the credits.",
        ),
        (("packs", "disable", "nothing"), "Pack not found"),
        (("coupons", "create", "--code", "A B", "--percent", "5"), "code must have 2 to"),
        (("coupons", "create", "--code", "TEN"), "percent: Give a percentage or an amount."),
        (
            ("coupons", "create", "--code", "TEN", "--percent", "101"),
            "percent: expected an integer <= 100",
        ),
        (
            ("coupons", "create", "--code", "TEN", "--amount-off", "0"),
            "amount_off must be from 1 to",
        ),
        (
            ("coupons", "create", "--code", "TEN", "--amount-off", "5", "--percent", "5"),
            "a percentage or an amount",
        ),
        (
            ("coupons", "create", "--code", "TEN", "--percent", "5", "--expires-at", "tomorrow"),
            "expected a time such as",
        ),
        (("coupons", "enable", "NOTHING"), "Coupon not found"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(
    topup: Topup, words: tuple[str, ...], problem: str
) -> None:
    result = topup(*words)

    assert result.exit_code in {1, 2}
    assert problem in " ".join(result.stderr.replace("│", " ").split())
    assert result.stdout == ""


def test_a_second_coupon_of_a_code_is_refused_in_json_too(topup: Topup) -> None:
    make = ("coupons", "create", "--code", "TEN", "--percent", "10", "--json")
    result_of(topup(*make))

    refused = topup(*make)

    assert refused.exit_code == 1
    assert "a coupon with this code" in json.loads(refused.stderr)["error"]["detail"]
