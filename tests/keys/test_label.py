"""Names of accounts, keys and tokens."""

import pytest

from kernel.errors import InvalidInput
from keys.normalise import normalise_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Checkout", "Checkout"),
        ("  two words ", "two words"),
        ("e\u0301", "\u00e9"),
        ("東京", "東京"),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
        ("x" * 100, "x" * 100),
    ],
)
def test_a_name_is_kept_in_nfc_without_outer_spaces(text: str, name: str) -> None:
    assert normalise_name(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "x" * 101,
        "a\x00b",
        "a\nb",
        "a\x7fb",
        "\u202eb",
        "\ud800",
        "a\u2028b",
        "x" * 99_999,
    ],
)
def test_a_name_that_cannot_be_shown_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        normalise_name(text)

    assert refused.value.param == "name"
