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
    # 10,000 x 181 us and 141 us of a process: 3.22 cores; 1.81 / 0.6 and 1.41 / 0.6 rounded up: 4 and 3.
    one = need(10_000)
    assert (one.gateways, one.workers, one.connections) == (4, 3, 133)
    assert one.process_cores == pytest.approx(3.22)
    assert one.wal_mb_per_s == pytest.approx(61.1)

    assert f"\n{table()}\n<!-- /bench" in (ROOT / "docs/scale.md").read_text(encoding="utf-8")
