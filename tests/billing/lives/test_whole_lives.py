"""Whole lives at the gateway and at Stripe's stand-in: what each costs and credits, to the micro.

Each is what a payer, an operator in Stripe's dashboard, a bank and time do. What it must come to was
worked out by hand, and stands above it in payment_lives.py, plan_lives.py and steered_lives.py.
"""

from pathlib import Path

import pytest

from kernel.clock import FixedClock
from tests.billing.lives import grant_lives, payment_lives, plan_lives, refund_lives, steered_lives
from tests.billing.lives.table import TABLE
from tests.support.stripe_life import Lives, Outcome, open_lives

assert payment_lives.first_payment.__name__ in TABLE.acts
assert grant_lives.a_year_in_parts.__name__ in TABLE.acts
assert plan_lives.renewed_twice.__name__ in TABLE.acts
assert refund_lives.given_back.__name__ in TABLE.acts
assert steered_lives.changed_up.__name__ in TABLE.acts


async def came_of(lives: Lives, seed: int | None = None) -> dict[str, Outcome]:
    """What each life of the table came to, one after the other at one gateway."""
    came: dict[str, Outcome] = {}
    for name, act in TABLE.acts.items():
        life = await lives.begin(seed)
        await act(life)
        came[name] = await life.outcome()
    assert await lives.findings() == []
    return came


@pytest.mark.long
async def test_each_life_costs_and_credits_what_was_worked_out(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    """On SQLite as things came about; on PostgreSQL out of order, a third of the events again."""
    seed = None if database_url.startswith("sqlite") else 1
    async with open_lives(database_url, tmp_path, clock) as lives:
        assert await came_of(lives, seed) == TABLE.outcomes


@pytest.mark.long
@pytest.mark.one_database
async def test_a_gateway_that_hears_of_a_whole_life_at_its_end_comes_to_the_same(
    database_url: str, tmp_path: Path, clock: FixedClock
) -> None:
    names = TABLE.acts.keys() - TABLE.step_by_step
    came: dict[str, Outcome] = {}
    async with open_lives(database_url, tmp_path, clock) as lives:
        for name in sorted(names):
            life = await lives.begin(seed=2, is_late=True)
            await TABLE.acts[name](life)
            await life.hear_all()
            came[name] = await life.outcome()
        assert await lives.findings() == []

    assert came == {name: TABLE.outcomes[name] for name in names}
