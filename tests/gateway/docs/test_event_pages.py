"""Each event is a page for people, text for agents and a schema for programs; crawlers find the public pages alone."""

import re
from xml.etree import ElementTree as ET

import pytest

from gateway.docs.events import grouped
from tests.support.gateway import Gateway
from webhooks.events.event import EVENT_TYPES

pytestmark = pytest.mark.asyncio(loop_scope="module")
# What Chromium 140 and curl 8 send.
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


async def test_each_type_has_a_page_with_its_fields_its_sample_and_its_text(
    shared_gateway: Gateway,
) -> None:
    client, asked = shared_gateway.client, {"Accept": BROWSER}
    listed = await client.get("/docs/events", headers=asked)
    assert listed.headers["content-type"].startswith("text/html")

    for event_type in EVENT_TYPES:
        path = f"/docs/events/{event_type}"
        assert f'href="{path}"' in listed.text
        page = await client.get(path, headers=asked)
        text = await client.get(f"{path}.md")
        schema = await client.get(path)
        assert [one.status_code for one in (page, text, schema)] == [200, 200, 200], path
        assert schema.headers["content-type"] == "application/schema+json"
        assert "Accept" in page.headers["vary"]
        for field in schema.json()["$defs"]["Event"]["properties"]:
            assert f"<code>{field}</code>" in page.text, (path, field)
            assert f"- `{field}`" in text.text, (path, field)
        assert f"X-AiTopUp-Event: {event_type}" in page.text
    assert sum(len(types) for _, types in grouped()) == len(EVENT_TYPES)
    assert (await client.get("/docs/events/topup.lost", headers=asked)).status_code == 404
    assert (await client.get("/docs/events/topup.lost.md")).status_code == 404
    assert "For operators." in (await client.get("/docs/events/stock.low", headers=asked)).text


async def test_a_crawler_is_led_to_public_pages_that_are_there(shared_gateway: Gateway) -> None:
    client = shared_gateway.client
    robots = await client.get("/robots.txt")
    found = re.search(r"^Sitemap: (\S+)$", robots.text, re.MULTILINE)
    assert found is not None
    places = [
        place.text or ""
        for place in ET.fromstring((await client.get(found[1])).content).findall("{*}url/{*}loc")
    ]

    assert "Disallow: /dashboard" in robots.text
    assert len(places) == len(set(places)) > 80
    forbidden = re.findall(r"^Disallow: (\S+)$", robots.text, re.MULTILINE)
    for place in places:
        path = place.removeprefix(shared_gateway.url)
        assert not path.startswith(tuple(forbidden)), path
        answer = await client.get(place, headers={"Accept": BROWSER})
        assert answer.status_code == 200, place
        assert answer.headers["content-type"].startswith("text/html"), place
