"""Whatever a client, a thief and a lossy network do in any order: of a family at most one refresh token can
still be used, and nothing of one that ended works.
"""

import asyncio
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from kernel.clock import FixedClock
from keys.authorization.client import AuthorizationRefused
from keys.authorization.token import TokenPair
from keys.token_format import digest
from store.database import Database
from tests.support.mcp_client import MAKER, SignedIn, open_client

pytestmark = pytest.mark.one_database

ACTS = st.one_of(
    st.tuples(st.just("refresh"), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.sampled_from([1, 29, 31, 4000])),
    st.tuples(st.just("revoke"), st.integers(0, 5)),
    st.tuples(st.just("both"), st.integers(0, 5)),
)


async def tried(desk: SignedIn, token: str) -> TokenPair | None:
    try:
        return await desk.refresh(token)
    except AuthorizationRefused:
        return None


async def usable(desk: SignedIn, texts: list[str]) -> list[str]:
    """Those that were not used and did not end, as the database has them."""
    found = []
    for text in texts:
        row = await desk.database.read(partial(_row, text=text))
        if row is not None and row["used_at"] is None and row["revoked_at"] is None:
            found.append(text)
    return found


async def _row(tx: Any, text: str) -> Any:
    return await tx.fetch_one(
        "SELECT used_at, revoked_at FROM authorization_tokens WHERE digest = :digest",
        digest=digest(text),
    )


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(acts=st.lists(ACTS, max_size=12))
async def test_no_order_of_calls_leaves_two_ways_on(
    database: Database, clock: FixedClock, acts: list[tuple[str, int]]
) -> None:
    desk = await open_client(database, clock)
    first = await desk.signed_in()
    seen, ended = [first.refresh], False
    for act, number in acts:
        token = seen[number % len(seen)]
        if act == "wait":
            clock.advance_s(number)
        elif act == "revoke":
            await desk.revoke(token)
            ended = True
        else:
            calls = 2 if act == "both" else 1
            answers = await asyncio.gather(*(tried(desk, token) for _ in range(calls)))
            made = {one.refresh for one in answers if one is not None}
            assert made <= {MAKER.pair_of(token)[1]}
            assert not (ended and made)
            seen += [one for one in made if one not in seen]
        alive = await usable(desk, seen)
        assert len(alive) <= 1
        ended = ended or not alive
        assert not (ended and alive)
