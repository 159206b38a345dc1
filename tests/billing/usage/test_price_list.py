"""What tokens cost: exactly, rounded up once, by the entry that fits; and never nothing by mistake."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis.strategies import integers

from billing.usage.price_list import (
    COMPARED_MAX,
    PRICE_MICROS_MAX,
    TOKENS_MAX,
    ModelPrice,
    PriceList,
    Tokens,
    UnknownModel,
)
from billing.usage.price_rows import (
    NewPrice,
    dollars_micros,
    history,
    read_list,
    read_prices,
    withdraw_price,
)
from kernel.errors import InvalidInput, NotFound
from keys.audit_log import Actor
from store.database import Database
from tests.support.prices import GPT, price

TOKENS = integers(0, TOKENS_MAX)
PRICES = integers(0, PRICE_MICROS_MAX)


def a_price(
    model: str, input_micros: int = 1, output_micros: int = 1, cached: int = 1
) -> ModelPrice:
    return ModelPrice("live", model, 1, input_micros, output_micros, cached, "cli", 0)


@settings(max_examples=60)
@given(TOKENS, TOKENS, TOKENS, PRICES, PRICES, PRICES)
def test_the_charge_is_the_exact_sum_rounded_up_once(
    fresh: int, cached: int, out: int, input_micros: int, output_micros: int, cached_micros: int
) -> None:
    charged = a_price("m", input_micros, output_micros, cached_micros).charge_micros(
        Tokens(fresh + cached, out, cached)
    )

    million = 1_000_000
    exact = (
        Fraction(fresh * input_micros, million)
        + Fraction(cached * cached_micros, million)
        + Fraction(out * output_micros, million)
    )
    assert charged == math.ceil(exact)


@pytest.mark.parametrize(
    ("tokens", "micros"),
    [
        # 400 * 2.5 + 800 * 1.25 + 300 * 10
        (Tokens(1200, 300, 800), 5000),
        # 1 * 2.5 and 1 * 1.25 are 3.75 together: rounded up once, not twice to 3 and 2.
        (Tokens(2, 0, 1), 4),
        (Tokens(1, 0), 3),
        # A billion tokens each way: $2,500 and $10,000.
        (Tokens(10**9, 10**9), 12_500_000_000),
        (Tokens(10**9, 0, 10**9), 1_250_000_000),
    ],
)
def test_charges_worked_out_by_hand(tokens: Tokens, micros: int) -> None:
    assert a_price("gpt-4o", 2_500_000, 10**7, 1_250_000).charge_micros(tokens) == micros


def test_a_models_own_entry_goes_before_the_longest_that_it_begins_with() -> None:
    listed = PriceList(1, [a_price(name) for name in ("gpt-4o", "gpt-4*", "gpt-4o*", "claude")])

    found = {
        name: entry.model if (entry := listed.find(name)) else None
        for name in ("gpt-4o", "gpt-4o-mini", "gpt-4", "gpt-3", "GPT-4o", "gpt-4*")
    }

    assert found == {
        "gpt-4o": "gpt-4o",
        "gpt-4o-mini": "gpt-4o*",
        "gpt-4": "gpt-4*",
        "gpt-3": None,
        "GPT-4o": None,
        "gpt-4*": "gpt-4*",
    }


def test_an_unknown_model_is_refused_with_the_most_similar_name() -> None:
    listed = PriceList(1, [a_price("gpt-4o"), a_price("claude-opus-4")])

    with pytest.raises(UnknownModel) as refused:
        listed.price_of("claude-opus4")

    assert refused.value.reason == "unknown_model"
    assert refused.value.extra["did_you_mean"] == "claude-opus-4"
    with pytest.raises(UnknownModel) as plain:
        PriceList().price_of("x")
    assert "did_you_mean" not in plain.value.extra


def test_of_a_long_list_few_names_are_compared() -> None:
    names = [f"gpt-{number:04}-{'x' * (number % 60)}" for number in range(4_000)]
    listed = PriceList(1, [a_price(name) for name in [*names, "claude-opus-4", "gemini-pro"]])

    compared = listed.compared_with("gemini-2.5-pro")

    assert len(compared) <= COMPARED_MAX == 40
    assert "gemini-pro" in compared
    # Its first letters are swapped, so it is found by its length.
    assert "claude-opus-4" in listed.compared_with("calude-opus-4")


async def test_each_change_is_a_version_and_none_is_edited(database: Database) -> None:
    first = await price(database, GPT, NewPrice(model="m-*", input_micros=0, output_micros=0))
    same = await price(database, GPT)
    dearer = NewPrice(model="gpt-4o", input_micros=3_000_000, output_micros=10**7)
    second = await price(database, dearer)
    whole = await price(database, dearer, is_whole=True)

    assert [one.version for one in (first, same, second, whole)] == [1, 1, 2, 3]
    assert [len(one.changed) for one in (first, same, second, whole)] == [2, 0, 1, 1]
    current = await database.read(lambda tx: read_list(tx, "staging"))
    assert [(one.model, one.input_micros, one.cached_micros) for one in current.prices] == [
        ("gpt-4o", 3_000_000, 3_000_000)
    ]
    told = await database.read(lambda tx: history(tx, "staging", limit=10))
    assert [(one.version, one.model, one.input_micros, one.changed_by) for one in told] == [
        (3, "m-*", None, "cli"),
        (2, "gpt-4o", 3_000_000, "cli"),
        (1, "gpt-4o", 2_500_000, "cli"),
        (1, "m-*", 0, "cli"),
    ]
    rest = await database.read(lambda tx: history(tx, "staging", after=(1, "gpt-4o"), limit=10))
    assert [one.model for one in rest] == ["m-*"]
    assert (await database.read(lambda tx: read_list(tx, "live"))).prices == []


@pytest.mark.one_database
async def test_a_price_is_withdrawn_once_and_the_audit_log_says_who(database: Database) -> None:
    await price(database, GPT)

    async def withdraw() -> None:
        await database.transaction(
            lambda tx: withdraw_price(tx, "staging", "gpt-4o", by=Actor(), now_us=8)
        )

    await withdraw()

    with pytest.raises(NotFound):
        await withdraw()
    rows = await database.read(
        lambda tx: tx.fetch("SELECT actor, action, subject_id FROM audit_log ORDER BY id")
    )
    assert [tuple(row) for row in rows] == [
        ("cli", "price.set", "gpt-4o"),
        ("cli", "price.withdraw", "gpt-4o"),
    ]


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("new", "param"),
    [
        ([], "model"),
        ([GPT, GPT], "model"),
        ([NewPrice(model="a*b", input_micros=1, output_micros=1)], "model"),
        ([NewPrice(model=" m", input_micros=1, output_micros=1)], "model"),
        ([NewPrice(model="m", input_micros=-1, output_micros=1)], "input_micros"),
        ([NewPrice(model="m", input_micros=1, output_micros=10**12 + 1)], "output_micros"),
    ],
)
async def test_nonsense_makes_no_version(
    database: Database, new: list[NewPrice], param: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        await price(database, *new)

    assert refused.value.param == param
    assert (await database.read(lambda tx: read_list(tx, "staging"))).version == 0


def test_a_file_is_read_in_both_forms() -> None:
    table = "\ufeffmodel,input,output,cached\r\ngpt-4o,2.50,10,1.25\r\nm-*,$0.000001,0,\r\n"
    text = '[{"model": "gpt-4o", "input_micros": 2500000, "output_micros": 10000000}]'

    assert read_prices(table) == [GPT, NewPrice(model="m-*", input_micros=1, output_micros=0)]
    assert read_prices(text) == [
        NewPrice(model="gpt-4o", input_micros=2_500_000, output_micros=10**7)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "model,input\nx,1",
        "model,input,output,price\nx,1,1,1",
        "model,input,output\nx,1,1,1",
        "model,input,output\nx,one,1",
        "model,input,output\nx,1.0000001,1",
        'model,input,output\n"x,1,1',
        "[1]",
        '[{"model": "x", "input_micros": 1, "output_micros": 1, "more": 1}]',
    ],
)
def test_a_file_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        read_prices(text)


def test_dollars_are_read_exactly() -> None:
    assert [dollars_micros(text, "x") for text in ("2.5", "0.000001", "$10", "1234567.123456")] == [
        2_500_000,
        1,
        10_000_000,
        1_234_567_123_456,
    ]
