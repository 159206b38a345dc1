"""The guide to payment providers names what the code needs: each webhook path, and each event of Stripe's."""

from pathlib import Path

from billing.providers.registry import discover
from billing.providers.stripe.events import NEEDED_EVENTS

ROOT = Path(__file__).parents[3]
OPERATORS = (ROOT / "docs/payments.md").read_text("utf-8")


def section_of(label: str) -> str:
    return OPERATORS.partition(f"### {label}\n")[2].partition("\n##")[0]


def test_the_events_that_are_to_be_enabled_are_those_that_are_read() -> None:
    block = section_of("Stripe").partition("```text\n")[2].partition("```")[0]
    assert set(block.split()) == NEEDED_EVENTS


def test_each_provider_has_a_section_with_its_path() -> None:
    for registration in discover().values():
        assert f"`{registration.paths[0]}`" in section_of(registration.label)
