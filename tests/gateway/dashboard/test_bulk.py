"""A file of sends on the dashboard: looked through first, sent once, seen and taken back."""

import re

import httpx
import pytest

from tests.support.browser import Browser, csrf_of, signed_in, text_of
from tests.support.gateway import API, Gateway

HEADER = "reference,platform,amount_cents,recipient_email,note\r\n"
FILE = (
    "\ufeff" + HEADER + "a,claude,1000,ann@example.com,<script>alert(1)</script>\r\n"
    "b,claude,ten,bob@example.com,\r\n"
    "c,gemini,2500,cara@example.com,=cmd()<img src=x>\r\n"
)

pytestmark = pytest.mark.one_database


async def upload(
    browser: Browser, fields: dict[str, str], content: bytes | None = None
) -> httpx.Response:
    """As a browser sends the form with its file, chosen or not."""
    files = {"file": ("" if content is None else "sends.csv", content or b"", "text/csv")}
    origin = {"Origin": browser.gateway.url}
    return await browser.request("POST", "/dashboard/bulk", origin, data=fields, files=files)


def hidden_text(html: str) -> str:
    found = re.search(r'<textarea name="text" hidden[^>]*>\n(.*?)</textarea>', html, re.DOTALL)
    assert found is not None, text_of(html)
    return found[1].replace("&lt;", "<").replace("&gt;", ">").replace("&#34;", '"')


async def test_a_file_is_looked_through_and_sent_once(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    token = csrf_of((await browser.get("/dashboard/bulk")).text)
    fields = {"csrf_token": token, "environment": "staging"}

    seen = await upload(browser, {**fields, "step": "check"}, FILE.encode())

    shown = text_of(seen.text)
    assert "Send 2 top-ups for $35.00 in staging?" in shown
    assert "3 amount_cents" in shown
    assert "b,claude,ten,bob@example.com" in shown
    assert "<script>alert" not in seen.text
    assert "<img" not in seen.text
    listed = await browser.request("GET", f"{API}/batches")
    assert listed.json()["data"]["items"] == []

    once = re.search(r'name="once" value="([^"]+)"', seen.text)
    assert once is not None
    sending = {**fields, "step": "send", "once": once[1], "text": hidden_text(seen.text)}
    first = await upload(browser, sending)
    second = await upload(browser, sending)
    assert first.headers["location"] == second.headers["location"]

    page = text_of((await browser.get(first.headers["location"])).text)
    assert "2 of them delivered: $35.00 of $35.00" in page
    wallet = await browser.request("GET", f"{API}/topup/balance")
    assert wallet.json()["data"]["balance_cents"] == 996_500


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "Choose a file, or paste its lines"),
        (b"\xff\xfea\x00", "not UTF-8"),
        (b"name,price\na,1\n", "The first line must name the columns"),
        ((HEADER + "a,claude,1,a@b.example\n" * 1001).encode(), "at most 1000 items"),
    ],
)
async def test_a_file_that_cannot_be_read_is_told(
    gateway: Gateway, content: bytes, said: str
) -> None:
    browser = await signed_in(gateway)

    answer = await upload(browser, {"environment": "staging", "step": "check"}, content)

    assert answer.status_code in {400, 422}
    assert said.lower() in text_of(answer.text).lower()


async def test_a_page_of_another_environment_sends_nothing(gateway: Gateway) -> None:
    browser = await signed_in(gateway)

    answer = await upload(browser, {"environment": "live", "step": "send"}, FILE.encode())

    assert answer.status_code == 403


async def test_what_is_scheduled_is_taken_back(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    text = "reference,platform,amount_cents,recipient_email\na,claude,1000,pending@sandbox.test\n"
    made = await browser.send("/dashboard/bulk", {"step": "send", "text": text})
    path = made.headers["location"]
    assert "Cancel the rest" in text_of((await browser.get(path)).text)

    await browser.send(f"{path}/cancel", {})

    assert "Cancelled 1" in text_of((await browser.get(path)).text)
    wallet = await browser.request("GET", f"{API}/topup/balance")
    assert wallet.json()["data"]["balance_cents"] == 1_000_000
