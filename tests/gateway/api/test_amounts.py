"""An amount that is an integer but not one of those allowed is 2005, wherever it stands."""

from typing import Any

import pytest

from tests.support.gateway import Gateway

FUND, THRESHOLD = "/sandbox/fund", "/topup/balance/threshold"
FUND_FIELD, THRESHOLD_FIELD = "amount_cents", "low_balance_threshold_cents"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("method", "path", "field", "amount", "limits"),
    [
        ("POST", FUND, FUND_FIELD, 0, (1, 10_000_000_000)),
        ("POST", FUND, FUND_FIELD, -1, (1, 10_000_000_000)),
        ("POST", FUND, FUND_FIELD, 10_000_000_001, (1, 10_000_000_000)),
        ("PUT", THRESHOLD, THRESHOLD_FIELD, -1, (0, 100_000_000_000)),
        ("PUT", THRESHOLD, THRESHOLD_FIELD, 100_000_000_001, (0, 100_000_000_000)),
    ],
)
async def test_an_amount_beyond_its_limits_is_out_of_range(
    gateway: Gateway, method: str, path: str, field: str, amount: int, limits: tuple[int, int]
) -> None:
    key = await gateway.key(await gateway.account())
    refused = await gateway.call(method, path, key=key, json={field: amount})
    error = refused.json()["data"]["error"]

    assert (refused.status_code, refused.json()["code"]) == (422, 2005)
    assert (error["param"], error["min"], error["max"]) == (field, *limits)


@pytest.mark.one_database
@pytest.mark.parametrize("amount", [None, "1", 1.0, True])
async def test_an_amount_that_is_no_integer_is_malformed(gateway: Gateway, amount: Any) -> None:
    key = await gateway.key(await gateway.account())
    for method, path, field in (("POST", FUND, FUND_FIELD), ("PUT", THRESHOLD, THRESHOLD_FIELD)):
        refused = await gateway.call(method, path, key=key, json={field: amount})
        assert (refused.status_code, refused.json()["code"]) == (422, 2007), path


async def test_the_limits_themselves_are_taken(gateway: Gateway) -> None:
    key = await gateway.key(await gateway.account())
    least = await gateway.call("POST", FUND, key=key, json={FUND_FIELD: 1})
    off = await gateway.call("PUT", THRESHOLD, key=key, json={THRESHOLD_FIELD: 0})
    most = await gateway.call("PUT", THRESHOLD, key=key, json={THRESHOLD_FIELD: 100_000_000_000})

    assert least.json()["data"]["balance_cents"] == 1_000_001
    assert [off.status_code, most.status_code] == [200, 200]
