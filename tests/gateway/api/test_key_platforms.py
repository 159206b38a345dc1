"""The platforms that a key is limited to: a name that no platform has is refused, with the one that was meant."""

from typing import Any

import pytest

from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database


async def test_a_mistyped_platform_is_refused_with_the_one_that_was_meant(gateway: Gateway) -> None:
    owner = await gateway.key(await gateway.account())

    async def asked(method: str, path: str, **body: Any) -> tuple[int, Any]:
        answer = await gateway.call(method, path, key=owner, json=body)
        return answer.status_code, answer.json()["data"]

    status, refused = await asked("POST", "/keys", name="agent", platforms=["claude", "cluade"])
    (problem,) = refused["error"]["errors"]
    assert (status, problem["param"], problem["did_you_mean"]) == (422, "platforms", "claude")
    assert problem["allowed"] == ["claude", "chatgpt", "gemini"]
    status, refused = await asked("POST", "/keys", name="agent", platforms=["vendor-nobody-has"])
    assert (status, "did_you_mean" in refused["error"]["errors"][0]) == (422, False)

    status, made = await asked("POST", "/keys", name="agent", platforms=["Claude "])
    assert (status, made["platforms"]) == (201, ["claude"])
    path = f"/keys/{made['id']}"
    assert (await asked("PATCH", path, platforms=["geminy"]))[0] == 422
    assert (await asked("PATCH", path, platforms=["gemini"]))[1]["platforms"] == ["gemini"]
    assert (await asked("PATCH", path, platforms=None))[1]["platforms"] is None


async def test_a_platform_that_was_taken_away_since_stays_on_its_keys(gateway: Gateway) -> None:
    owner = await gateway.key(await gateway.account())
    body = {"name": "agent", "platforms": ["claude"]}
    made = (await gateway.call("POST", "/keys", key=owner, json=body)).json()["data"]
    # As a key has it whose platform the operator took away.
    await gateway.context.database.transaction(
        lambda tx: tx.execute(
            "UPDATE api_keys SET mandate = :mandate WHERE id = :id",
            mandate='{"platforms":["olden"]}',
            id=made["id"],
        )
    )

    changed = await gateway.call(
        "PATCH", f"/keys/{made['id']}", key=owner, json={"platforms": ["olden"], "purpose": "x"}
    )

    assert changed.status_code == 200, changed.text
    assert changed.json()["data"]["platforms"] == ["olden"]
