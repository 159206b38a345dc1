"""Whatever is asked in whatever order, the ledger agrees with a model that only counts.

The model knows nothing of batches, holds or transfers: a wallet, recipients' wallets, what is
pending. Commands are submitted in groups, so that batches of every mix are decided.
"""

import asyncio
import shutil
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from billing.topups.send import Sent
from kernel.clock import FixedClock, parse_rfc3339
from kernel.errors import DomainError
from store.open import open_database
from tests.support.funded_account import FundedAccount, open_funded_account

pytestmark = pytest.mark.long

RECIPIENTS = ("a@example.com", "b@example.com")
send = st.tuples(
    st.just("send"), st.sampled_from(RECIPIENTS), st.integers(100, 100_000), st.booleans()
)
end = st.tuples(
    st.sampled_from(["cancel", "deliver", "fail"]), st.integers(0, 30), st.just(0), st.just(False)
)
groups = st.lists(st.lists(st.one_of(send, send, end), min_size=1, max_size=6), max_size=8)


@dataclass
class Model:
    """Cents; a spend that the wallet does not cover changes nothing."""

    wallet: int = 1_000_000
    recipients: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    pending: dict[str, tuple[str, int]] = field(default_factory=dict)

    def send(self, address: str, cents: int, sent: Sent | None) -> None:
        assert (sent is not None) == (cents <= self.wallet)
        if sent is None:
            return
        self.wallet -= cents
        if sent.topup.status == "pending":
            self.pending[sent.topup.id] = (address, cents)
        else:
            self.recipients[address] += cents
            assert sent.topup.new_balance_cents == self.recipients[address]

    def end(self, how: str, topup_id: str, *, is_ok: bool) -> None:
        assert is_ok == (topup_id in self.pending)
        if not is_ok:
            return
        address, cents = self.pending.pop(topup_id)
        if how == "deliver":
            self.recipients[f"slow/{address}"] += cents
        else:
            self.wallet += cents


async def _step(
    account: FundedAccount, action: tuple[str, str | int, int, bool], ids: list[str]
) -> object:
    name, target, cents, is_slow = action
    try:
        if name == "send":
            platform = "slow" if is_slow else "claude"
            return await account.send(cents, to=str(target), platform=platform)
        topup_id = ids[int(target) % len(ids)] if ids else "txn_0000000000000000"
        if name == "cancel":
            return await account.cancel(topup_id)
        return await account.settle(topup_id, "delivered" if name == "deliver" else "failed")
    except DomainError as refusal:
        return refusal


async def _run(path: Path, plan: list[list[tuple[str, str | int, int, bool]]]) -> None:
    database = open_database(f"sqlite:///{path}")
    account = await open_funded_account(database, FixedClock(parse_rfc3339("2026-06-13T12:00:00Z")))
    model, ids = Model(), list[str]()
    for group in plan:
        known = list(ids)
        outcomes = await asyncio.gather(*(_step(account, action, known) for action in group))
        for action, outcome in zip(group, outcomes, strict=True):
            name, target, cents, _ = action
            if name == "send":
                sent = outcome if isinstance(outcome, Sent) else None
                model.send(str(target), cents, sent)
                ids += [sent.topup.id] if sent is not None else []
            elif known:
                is_ok = not isinstance(outcome, DomainError)
                model.end(name, known[int(target) % len(known)], is_ok=is_ok)
    balance = await account.balance()
    assert balance["balance_cents"] == model.wallet
    assert balance["held_cents"] == sum(cents for _, cents in model.pending.values())
    assert await account.findings() == []
    await account.engine.close()
    await database.close()


@given(plan=groups)
@settings(max_examples=40, deadline=None)
def test_any_mix_of_commands_agrees_with_the_model(
    sqlite_template: Path, plan: list[list[tuple[str, str | int, int, bool]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topup.db"
        shutil.copy(sqlite_template, path)
        asyncio.run(_run(path, plan))
