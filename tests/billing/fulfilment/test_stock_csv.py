"""A file of codes is read as it is meant, or refused by its line: no code is cut or taken for two."""

import io

import pytest

from billing.fulfilment.stock_acts import read_codes
from kernel.errors import InvalidInput

HEAD = "platform,amount_cents,code"


def read(text: str) -> list[str]:
    return [one.code for one in read_codes(io.StringIO(text, newline=""), "live", "cards")]


def test_quoted_code_keeps_its_comma() -> None:
    assert read(f'{HEAD}\r\nclaude,1000,"AB,CD"\r\nclaude,1000, EF \r\n') == ["AB,CD", "EF"]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{HEAD}\nclaude,1000,AB,CD\n", "Line 2"),  # would be sold as AB
        (f'{HEAD}\nclaude,1000,"AB\nclaude,1000,CD\n', "Line 2"),  # two codes as one
        (f'{HEAD}\nclaude,1000,"AB\nclaude,1000,CD"\n', "Line 2"),
        (f'{HEAD}\nclaude,1000,"A"B\n', "Line 2"),
        (f"{HEAD}\nclaude,1000,{'A' * 140_000}\n", "Line 2"),
        (f"{HEAD},expires_at\nclaude,1000,AB,0001-01-01T00:00:00+14:00\n", "Line 2"),
        (f"{HEAD},code\nclaude,1000,AB,CD\n", "The first line"),
    ],
)
def test_line_that_may_mean_another_code_is_refused(text: str, line: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read(text)

    assert str(refusal.value).startswith(line)
    assert "AB" not in str(refusal.value)
