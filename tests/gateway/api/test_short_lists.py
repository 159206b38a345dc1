"""Tables and catalogues come by page like every other list."""

from typing import Any

import pytest

from gateway.answers.response_codes import CODES
from tests.support.gateway import Gateway

LISTS = {
    "/packs": ("id", ["pack_starter", "pack_pro", "pack_business"]),
    "/platforms": ("id", ["claude", "chatgpt", "gemini"]),
    "/codes": ("code", [*CODES]),
}


@pytest.mark.parametrize("path", LISTS)
async def test_page_by_page_is_the_whole_list_once(gateway: Gateway, path: str) -> None:
    key = await gateway.key(await gateway.account())
    name, expected = LISTS[path]
    whole = (await gateway.call("GET", path, key=key)).json()["data"]
    pages: list[dict[str, Any]] = []
    cursor = ""
    while not pages or pages[-1]["has_more"]:
        answer = await gateway.call("GET", f"{path}?limit=2{cursor}", key=key)
        pages.append(answer.json()["data"])
        cursor = f"&cursor={pages[-1]['next_cursor']}"

    assert [item[name] for item in whole["items"]] == expected
    assert (whole["next_cursor"], whole["has_more"]) == (None, False)
    assert [item for page in pages for item in page["items"]] == whole["items"]
    assert {len(page["items"]) for page in pages[:-1]} == {2}
    assert pages[-1]["next_cursor"] is None


@pytest.mark.one_database
@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", ["limit=201", "limit=0", "cursor=nobody", "page=2"])
async def test_a_limit_or_a_cursor_that_cannot_be_is_malformed(
    gateway: Gateway, path: str, query: str
) -> None:
    key = await gateway.key(await gateway.account())
    refused = await gateway.call("GET", f"{path}?{query}", key=key)

    assert (refused.status_code, refused.json()["code"]) == (422, 2007)
