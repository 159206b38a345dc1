"""Lists in another order than the newest first: over pages, filters and files."""

import csv
import io
import re
from html import unescape

import pytest

from tests.support.browser import Browser, signed_in
from tests.support.gateway import API, Gateway
from tests.support.operator_pages import ADMIN, account_of, operator

# In cents, in the order of the sends: two are equal.
SENT = (500, 2000, 1000, 2000, 700)


async def sending(gateway: Gateway, browser: Browser) -> list[str]:
    """The ids of the top-ups, in the order of SENT."""
    key, ids = await gateway.key(await account_of(browser)), []
    for number, cents in enumerate(SENT):
        body = {
            "platform": "claude",
            "amount_cents": cents,
            "recipient_email": f"r{number}@example.com",
        }
        answer = await gateway.call("POST", "/topup/send", key=key, json=body)
        ids.append(answer.json()["transaction_id"])
    return ids


async def walked(browser: Browser, path: str, cursor: str, name: str) -> list[str]:
    """The field of each item, two a page, from the first page to the last."""
    found: list[str] = []
    while cursor:
        answer = await browser.get(f"{API}{path}?limit=2&cursor={cursor}")
        assert answer.status_code == 200, answer.text
        data = answer.json()["data"]
        found += [item[name] for item in data["items"]]
        cursor = data["next_cursor"] or ""
    return found


def heads(html: str) -> dict[str, tuple[str, str]]:
    """Of each column that orders its list: its aria-sort and where it leads."""
    found = re.findall(
        r'<th [^>]*class="sorts[^>]*?(?:aria-sort="(\w+)")?><a href="([^"]+)"[^>]*>([^<]+)<', html
    )
    return {label: (way, unescape(url)) for way, url, label in found}


async def test_cursors_hold_an_order_on_every_page_of_it(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    await ann.send(
        "/dashboard/webhooks", {"url": "http://127.0.0.1:7999/b", "retry_schedule_s": "0"}
    )
    a, b, c, d, e = await sending(gateway, ann)
    eve = await signed_in(gateway, "eve@example.com")
    (hers, *_) = await sending(gateway, eve)

    lists = {
        cursor: await walked(ann, "/topup/history", cursor, "transaction_id")
        for cursor in ("created", "amount", "-amount")
    }
    log = await walked(ann, "/deliveries", "created", "transaction_id")
    file = (await ann.get(f"{API}/topup/history?format=csv&cursor=-amount")).text
    foreign = await ann.get(f"{API}/topup/history?cursor=amount.{hers}")
    refused = [
        (await ann.get(f"{API}/topup/history?cursor={cursor}")).status_code
        for cursor in ("-created", "recipient", "amount.ord_0000000000000000", "-")
    ]

    assert lists == {
        "created": [a, b, c, d, e],
        "amount": [a, e, c, b, d],
        "-amount": [d, b, c, e, a],
    }
    assert log == [a, b, c, d, e]
    rows = csv.DictReader(io.StringIO(file))
    assert [row["amount_cents"] for row in rows] == ["2000", "2000", "1000", "700", "500"]
    assert foreign.json()["data"]["items"] == []
    assert refused == [422, 422, 422, 422]


@pytest.mark.one_database
async def test_the_heads_of_a_list_lead_to_its_orders(gateway: Gateway) -> None:
    ann = await signed_in(gateway)
    await sending(gateway, ann)
    for name in ("b", "a"):
        form = {"url": f"http://127.0.0.1:7999/{name}", "retry_schedule_s": "0"}
        await ann.send("/dashboard/webhooks", form)
        await ann.send("/dashboard/keys", {"name": f"Agent {name}", "scopes": "topup:send"})
    boss = await operator(gateway)
    account_id, here = await account_of(ann), "/dashboard/topups"

    newest = (await ann.get(f"{here}?status=delivered")).text
    largest = (await ann.get(f"{here}?status=delivered&sort=-amount")).text
    oldest = (await ann.get(f"{here}?sort=created")).text
    odd = (await ann.get(f"{here}?sort=-recipient_email")).text
    hooks = (await ann.get("/dashboard/webhooks?sort=url")).text
    keys = [
        re.findall(r">Agent ([ab])<", (await ann.get(f"/dashboard/keys{path}")).text)
        for path in ("", "?sort=name", "/all?sort=-name", "?sort=-used", "?sort=spent")
    ]
    accounts = (await boss.get(f"{ADMIN}/accounts?sort=wallet")).text
    theirs = (await boss.get(f"{ADMIN}/accounts/{account_id}/topups?sort=amount&format=csv")).text

    assert heads(newest) == {
        "Created": ("descending", f"{here}?status=delivered&sort=created"),
        "Amount": ("", f"{here}?status=delivered&sort=-amount"),
    }
    assert heads(largest) == {
        "Created": ("", f"{here}?status=delivered"),
        "Amount": ("descending", f"{here}?status=delivered&sort=amount"),
    }
    rows = {page: page.partition("<tbody>")[2] for page in (largest, oldest)}
    assert re.findall(r"\$[0-9.]+", rows[largest]) == [
        "$20.00",
        "$20.00",
        "$10.00",
        "$7.00",
        "$5.00",
    ]
    assert re.findall(r"\$[0-9.]+", rows[oldest]) == [
        "$5.00",
        "$20.00",
        "$10.00",
        "$20.00",
        "$7.00",
    ]
    assert '<input type="hidden" name="sort" value="-amount">' in largest
    assert "?status=delivered&amp;cursor=-amount&amp;format=csv_excel" in largest
    assert heads(oldest)["Created"] == ("ascending", here)
    assert heads(odd)["Created"][0] == "descending"
    assert re.findall(r"7999/([ab])<", hooks) == ["a", "b"]
    assert keys == [["a", "b"], ["a", "b"], ["b", "a"], ["a", "b"], ["b", "a"]]
    assert heads(accounts)["Wallet"][0] == "ascending"
    names = re.findall(r'accounts/(acc_\w+)"', accounts)
    assert names == [account_id, await account_of(boss)]
    amounts = [row["amount_cents"] for row in csv.DictReader(io.StringIO(theirs))]
    assert amounts == ["500", "700", "1000", "2000", "2000"]
