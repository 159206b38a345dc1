"""What a refusal of the API says under a field of a form."""

import pytest

from gateway.html.field_words import for_people
from gateway.html.forms import problem_of
from kernel.errors import InvalidInput


@pytest.mark.parametrize(
    ("detail", "param", "words"),
    [
        (
            "`amount_cents` must be from 100 to 1000000.",
            "amount_cents",
            "write an amount from $1.00 to $10,000.00",
        ),
        (
            "`amount_cents` must be from 100 to 100000 US cents for claude: 100 means $1.00.",
            "amount_cents",
            "write an amount from $1.00 to $1,000.00 for claude",
        ),
        (
            "The limit must be from 0 to 100, or null.",
            "per_day_cents",
            "write an amount from $0.00 to $1.00",
        ),
        ("uses_max must be from 1 to 1000.", "uses_max", "write a whole number from 1 to 1,000"),
        ("price_monthly is 1 to 99", "price_monthly", "the price is 0, or too large"),
        (
            "expected an integer <= 604800",
            "repeat_guard_s",
            "write a whole number of at most 604,800",
        ),
        ("expected an integer >= 0", "lifetime_cents", "write an amount of at least $0.00"),
        ("expected an integer, got null", "amount_cents", "fill this in"),
        ("is required where recipient is not given", "recipient_email", "fill this in"),
        ("expected a string of length <= 128", "reference", "write at most 128 characters"),
        ("expected a list of length >= 1", "platforms", "write at least 1 item"),
        ("The name must have 1 to 100 characters.", "name", "write 1 to 100 characters"),
        ("`status` must be one of paid, failed.", "status", "choose one of paid, failed"),
        (
            "per_day_cents must be at most 1000, the limit of a parent key.",
            "per_day_cents",
            "this must be at most $10.00, the limit of a parent key",
        ),
        ("Give platform IDs such as claude.", "platforms", "Give platform IDs such as claude."),
        ("`send_at` must be in the future.", "send_at", "this must be in the future."),
        ("There is no coupon with this code.", "coupon", "There is no coupon with this code."),
        (
            "The body is longer than 65536 bytes.",
            None,
            (
                "more was sent than the 64 kB that are read of it, so nothing was done: go back, shorten it"
                " and send it once more"
            ),
        ),
        (
            "Confirm your password: post it to /dashboard/confirm as the form field `password`.",
            "password",
            "Confirm your password",
        ),
        ("is 1 to 5", None, "write a whole number from 1 to 5"),
    ],
)
def test_it_is_told_in_the_words_of_the_form(detail: str, param: str | None, words: str) -> None:
    assert for_people(detail, param) == words


def test_a_line_of_a_list_is_named_under_its_field() -> None:
    told = [
        {"param": "windows[1].seconds", "detail": "expected an integer >= 60"},
        {"param": "windows[0].seconds", "detail": "expected an integer >= 60"},
        {"param": "name", "detail": "is required"},
    ]

    problem = problem_of(InvalidInput("windows[1].seconds: …", param="windows", errors=told))

    assert problem.fields == {
        "windows": "Line 2, seconds: write a whole number of at least 60",
        "name": "Fill this in",
    }
    assert problem.sentence == "Line 2, seconds: write a whole number of at least 60. Fill this in."
