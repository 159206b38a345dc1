"""The written form of keys and tokens."""

import re
import string

import pytest
from hypothesis import given, strategies as st

from keys import token_format
from keys.principal import Environment

BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
ALL_ZEROS = "0" * 26


def test_a_key_has_its_environment_and_32_base62_characters() -> None:
    staging = token_format.new_api_key("staging")
    live = token_format.new_api_key("live")

    assert re.fullmatch(r"ak_staging_[0-9A-Za-z]{32}", staging)
    assert re.fullmatch(r"ak_live_[0-9A-Za-z]{32}", live)


def test_ten_thousand_keys_are_all_different() -> None:
    assert len({token_format.new_api_key("live") for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    ("random", "checksum"),
    [
        # CRC-32 (IEEE) of "123456789" is the published check value 0xCBF43926 = 3421780262,
        # and 3421780262 = ((((3*62 + 45)*62 + 35)*62 + 27)*62 + 22)*62 + 14: 3 j Z R M E.
        ("123456789", "3jZRME"),
        # Of nothing it is 0, so the padding shows.
        ("", "000000"),
    ],
)
def test_the_checksum_is_crc32_in_base62_with_digits_first(random: str, checksum: str) -> None:
    assert token_format.checksum(random) == checksum


@pytest.mark.parametrize(
    ("kind", "prefix"), [("key", "ak"), ("system_token", "sat"), ("operator_token", "adm")]
)
@pytest.mark.parametrize("environment", ["staging", "live"])
def test_a_fresh_token_says_its_kind_and_environment(
    kind: token_format.TokenKind, environment: Environment, prefix: str
) -> None:
    token = token_format.new_token(kind, environment)

    assert token.startswith(f"{prefix}_{environment}_")
    assert token_format.parse(token) == token_format.ParsedToken(kind, environment)


@given(st.integers(0, 31), st.sampled_from(BASE62))
def test_any_single_wrong_character_is_recognised(place: int, character: str) -> None:
    token = token_format.new_api_key("staging")
    at = len("ak_staging_") + place
    typo = token[:at] + character + token[at + 1 :]

    assert (token_format.parse(typo) is not None) is (typo == token)


@given(st.integers(0, 30))
def test_two_swapped_neighbours_are_recognised(place: int) -> None:
    token = token_format.new_api_key("live")
    at = len("ak_live_") + place
    typo = token[:at] + token[at + 1] + token[at] + token[at + 2 :]

    assert (token_format.parse(typo) is not None) is (typo == token)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ak_staging_",
        f"ak_staging_{ALL_ZEROS}000000",
        f"ak_test_{ALL_ZEROS}000000",
        "Bearer ak_live_1",
        "ak_live_" + "é" * 32,
        "ak_live_" + "٣" * 32,
        "\x00",
        "\ud800",
    ],
)
def test_what_cannot_be_a_token_is_none(text: str) -> None:
    assert token_format.parse(text) is None


@pytest.mark.parametrize("around", ["{} ", " {}", "{}\n", "{}0"])
def test_nothing_may_stand_around_a_token(around: str) -> None:
    assert token_format.parse(around.format(token_format.new_api_key("live"))) is None


@given(st.text())
def test_any_text_has_a_digest_of_64_hex_characters(text: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}", token_format.digest(text))


def test_a_digest_is_sha256() -> None:
    # The published test vector of FIPS 180-2 for "abc".
    assert token_format.digest("abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_a_list_shows_the_first_16_and_last_4_characters() -> None:
    token = "ak_staging_ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"

    assert token_format.prefix16(token) == "ak_staging_ABCDE"
    assert token_format.last4(token) == "2345"
