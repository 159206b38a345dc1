"""Each row that a send writes or locks says whose it is, so that rows can be placed by account (docs/scale.md)."""

import pytest

from bench.machines import need, table
from store.schema import metadata
from tests.support.installation import ROOT

# A send with a key that has caps and windows, on an account with webhooks: what it locks, reads and writes.
OF_A_SEND = (
    "account_environments",
    "api_keys",
    "attempts",
    "deliveries",
    "endpoint_queue",
    "endpoints",
    "events",
    "idempotency_keys",
    "ledger_accounts",
    "spend_windows",
    "topup_intents",
    "topups",
    "transfers",
)


@pytest.mark.parametrize("name", OF_A_SEND)
def test_a_row_of_a_send_names_its_account(name: str) -> None:
    assert metadata.tables[name].c.account_id.nullable is False


def test_the_page_has_what_is_calculated() -> None:
    # 10,000 x 252 us and 146 us of a process: 3.98 cores; 2.52 / 0.6 and 1.46 / 0.6 rounded up: 5 and 3.
    one = need(10_000)
    assert (one.gateways, one.workers, one.connections) == (5, 3, 152)
    assert one.process_cores == pytest.approx(3.98)
    assert one.wal_mb_per_s == pytest.approx(58.4)

    assert f"\n{table()}\n<!-- /bench" in (ROOT / "docs/scale.md").read_text(encoding="utf-8")
