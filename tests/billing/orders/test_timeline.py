"""What went back of an order, as its page lists it."""

import pytest

from billing.payments.trace import Returned, returned_of


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        # One refund of $5.00 at Stripe: by itself, and in the charge's sum.
        ([("part", 500, "done"), ("refund", 500, "done")], [("refund", 500, "done")]),
        # Of the sum's $8.00 the part of $5.00 explains all but $3.00.
        (
            [("part", 500, "done"), ("refund", 800, "done")],
            [("refund", 500, "done"), ("refund", 300, "done")],
        ),
        # One that came back, which the sum still counts.
        ([("part", 500, "failed"), ("refund", 500, "done")], [("refund", 500, "failed")]),
        # Providers that tell each by itself as a sum; one under a name that another took over.
        (
            [("refund", 500, "done"), ("refund", 200, "done"), ("refund", 500, "replaced")],
            [("refund", 500, "done"), ("refund", 200, "done")],
        ),
        ([("dispute", 900, "open")], [("dispute", 900, "open")]),
    ],
)
def test_a_refund_that_is_told_in_two_ways_is_one_line(
    told: list[tuple[str, int, str]], shown: list[tuple[str, int, str]]
) -> None:
    listed = returned_of([Returned(*one, at) for at, one in enumerate(told)])

    assert [(one.kind, one.amount, one.status) for one in listed] == shown
