"""The outbox, and what the top-up's page and the send form do for recipients."""

import re

import pytest

from tests.support.browser import Browser, csrf_of, signed_in, text_of
from tests.support.gateway import Gateway

pytestmark = pytest.mark.one_database


async def sent(browser: Browser) -> str:
    """The path of the page of a top-up that was sent by the form, with mail."""
    page = await browser.get("/dashboard/send")
    fields = {
        "csrf_token": csrf_of(page.text),
        "platform": "claude",
        "amount": "10.00",
        "recipient_email": "user@mail.com",
        "email": "yes",
        "locale": "es",
        "message": "Hola\r\nAna",
        "step": "check",
    }
    to_check = await browser.send("/dashboard/send", fields)
    checked = await browser.get(to_check.headers["location"])
    assert "to the recipient" in text_of(checked.text)
    kept = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', checked.text))
    answer = await browser.send("/dashboard/send", {**kept, "step": "send"})
    assert answer.status_code == 303, text_of(answer.text)
    return str(answer.headers["location"].partition("?")[0])


async def test_mail_of_staging_is_read_in_the_outbox(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    path = await sent(browser)

    topup = await browser.get(path)
    outbox = await browser.get("/dashboard/outbox")
    [mail_path] = set(re.findall(r"/dashboard/outbox/mal_\w+", outbox.text))
    mail = await browser.get(mail_path)

    assert "In staging, no email leaves this installation" in text_of(outbox.text)
    assert mail_path in topup.text
    assert "/claim/" in topup.text
    shown = text_of(mail.text)
    assert "te ha enviado 10,00 US$ para Claude" in shown
    assert "> Hola > Ana" in shown
    assert "/claim/" in shown


async def test_the_mail_is_sent_once_more_by_a_press(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    path = await sent(browser)
    page = await browser.get(path)

    fields = {"csrf_token": csrf_of(page.text), "transaction_id": path.rpartition("/")[2]}
    answer = await browser.send("/dashboard/outbox", fields)
    outbox = await browser.get("/dashboard/outbox")

    assert answer.headers["location"] == f"{path}?said=mail-written"
    assert len(set(re.findall(r"/dashboard/outbox/mal_\w+", outbox.text))) == 2


async def test_another_accounts_mail_does_not_exist(gateway: Gateway) -> None:
    browser = await signed_in(gateway)
    await sent(browser)
    outbox = await browser.get("/dashboard/outbox")
    [mail_path] = set(re.findall(r"/dashboard/outbox/mal_\w+", outbox.text))
    stranger = await signed_in(gateway, "bob@example.com")

    assert (await stranger.get(mail_path)).status_code == 404


async def test_the_language_of_mail_to_the_owner_is_chosen_of_those_there_are(
    gateway: Gateway,
) -> None:
    browser = await signed_in(gateway)
    await browser.send("/dashboard/account/mail", {"language": "zh"})
    nonsense = await browser.send("/dashboard/account/mail", {"language": "xx"})

    shown = (await browser.get("/dashboard/account")).text
    assert '<option value="zh" lang="zh" dir="auto" selected>中文</option>' in shown
    assert nonsense.status_code == 422
