"""Each row that a send writes or locks says whose it is, so that rows can be placed by account (docs/scale.md)."""

import pytest

from store.schema import metadata

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
