"""The guides to payments name what the code needs: each webhook path, and each event of Stripe's."""

import re
from pathlib import Path

from billing.providers.registry import discover
from billing.providers.stripe.events import NEEDED_EVENTS

ROOT = Path(__file__).parents[3]
PUBLIC = (ROOT / "gateway/docs/text/payments.md").read_text("utf-8")
OPERATORS = (ROOT / "docs/payments.md").read_text("utf-8")


def row_of(label: str) -> str:
    (row,) = [line for line in PUBLIC.splitlines() if line.startswith(f"| {label} |")]
    return row


def test_the_events_that_are_to_be_enabled_are_those_that_are_read() -> None:
    events = row_of("Stripe").rpartition("|")[0].rpartition("|")[2]
    assert set(re.findall(r"`([a-z_.]+)`", events)) == NEEDED_EVENTS


def test_each_provider_has_its_path_in_the_public_guide_and_a_section_in_the_operators() -> None:
    for registration in discover().values():
        assert f"`{registration.paths[0]}`" in row_of(registration.label)
        assert f"### {registration.label}\n" in OPERATORS
