"""Overview, search, top-ups and what belongs to them, in Arabic."""

from dataclasses import dataclass
from typing import Any

import pytest

from gateway.html.language import ROOMS
from tests.support.browser import Browser, browser_account, in_live, signed_in
from tests.support.gateway import Gateway
from tests.support.operator_pages import ADMIN, account_of, operator
from tests.support.other_language import Visit, arabic, not_arabic

pytestmark = pytest.mark.one_database
FILE = "reference,platform,amount_cents,recipient_email\no-1,claude,1000,ana@mail.com\n"
WRONG_FILE = FILE + "o-1,claude,1000,bo@mail.com\no-3,claude,10x,\n"
SEND = {"step": "check", "platform": "claude", "amount": "10.00", "recipient_email": "a@mail.com"}


@dataclass(frozen=True)
class Account:
    """An account with something of each kind."""

    gateway: Gateway
    key: str

    async def made(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        answer = await self.gateway.call(method, path, key=self.key, json=body)
        # A send that failed is a top-up, too.
        assert answer.status_code < 300 or answer.json()["transaction_id"], answer.text
        return dict(answer.json())

    async def topup(self, email: str, **fields: Any) -> dict[str, Any]:
        body = {"platform": "claude", "amount_cents": 1000, "recipient_email": email, **fields}
        return await self.made("POST", "/topup/send", **body)


async def some_of_each(browser: Browser) -> dict[str, str]:
    """The ids of what the account has, by their kinds."""
    gateway = browser.gateway
    account_id = await browser_account(browser)
    key = await gateway.key(account_id, name="Agent 7", per_day_cents=50_000)
    account = Account(gateway, key)
    hook = {"url": "https://127.0.0.1/hooks", "events": ["topup.delivered"]}
    await account.made("POST", "/webhooks/register", **hook)
    delivered = await account.topup(
        "ana@mail.com",
        reference="R-1",
        note="Note",
        metadata={"team": "red"},
        delivery={"email": True, "message": "Hello"},
    )
    pending = await account.topup("pending@sandbox.test")
    failed = await account.topup("failed@sandbox.test")
    asked = await account.topup("approval@sandbox.test", note="Please")
    cancelled = await account.topup("pending@sandbox.test")
    await account.made("POST", "/topup/cancel", transaction_id=cancelled["transaction_id"])
    later = await account.topup("bo@mail.com", send_at="2027-01-01T00:00:00Z")
    reversed_ = await account.topup("cy@mail.com")
    await account.made("POST", f"/topup/{reversed_['transaction_id']}/reverse", reason="Mistake")
    batch = await browser.send("/dashboard/bulk", {"step": "send", "text": FILE})
    mails = await browser.get("/dashboard/outbox")
    return {
        "delivered": delivered["transaction_id"],
        "pending": pending["transaction_id"],
        "failed": failed["transaction_id"],
        "later": later["transaction_id"],
        "cancelled": cancelled["transaction_id"],
        "reversed": reversed_["transaction_id"],
        "waiting": asked["transaction_id"],
        "approval": asked["data"]["approval"]["id"],
        "batch": batch.headers["location"].rpartition("/")[2],
        "mail": mails.text.partition("/dashboard/outbox/mal_")[2][:16],
        "voucher": delivered["data"]["voucher_code"],
    }


EMPTY = (
    Visit("overview.html", "/dashboard?said=signed-in"),
    Visit("list.html", "/dashboard/topups"),
    Visit("list.html", "/dashboard/batches"),
    Visit("approvals.html", "/dashboard/approvals"),
    Visit("vouchers.html", "/dashboard/vouchers"),
    Visit("list.html", "/dashboard/wallets"),
    Visit("outbox.html", "/dashboard/outbox"),
    Visit("send.html", "/dashboard/send"),
)
# {name}: the id of what the account has of that kind.
PAGES = (
    Visit("overview.html", "/dashboard?said=funded"),
    Visit("overview.html", "/dashboard/fund", {"amount": "1,0"}),
    Visit("overview.html", "/dashboard/fund", {"amount": ""}),
    Visit("overview.html", "/dashboard/fund", {"amount": "99999999"}),
    Visit("overview.html", "/dashboard/threshold", {"threshold": "x"}),
    Visit("overview.html", "/dashboard/clock", {"advance_s": "-1"}),
    Visit("search.html", "/dashboard/search"),
    Visit("search.html", "/dashboard/search?q={delivered}"),
    Visit("search.html", "/dashboard/search?q=ana@mail.com"),
    Visit("search.html", "/dashboard/search?q=zz"),
    Visit("search.html", "/dashboard/search?q=%D8%A5%D8%B1%D8%B3%D8%A7%D9%84"),
    Visit("search.html", "/dashboard/search?q={voucher}"),
    Visit("search.html", "/dashboard/search?q=" + "a" * 400),
    Visit("error.html", "/dashboard/topups/txn_0000000000000000"),
    Visit("error.html", "/dashboard/admin/home"),
    Visit("error.html", "/dashboard/topups/{pending}/settle", {"environment": "live"}),
    Visit("error.html", "/dashboard/send", {"note": "x" * 70_000}),
    Visit("send.html", "/dashboard/send"),
    Visit("send.html", "/dashboard/send", SEND),
    Visit("send.html", "/dashboard/send", SEND | {"amount": "", "recipient_email": ""}),
    Visit("send.html", "/dashboard/send", SEND | {"amount": "0.01", "recipient_email": "x"}),
    Visit("send.html", "/dashboard/send", SEND | {"note": "x" * 2000, "reference": "x" * 300}),
    Visit("send.html", "/dashboard/send", SEND | {"message": "x" * 2000, "locale": "xx"}),
    Visit("send.html", "/dashboard/send", SEND | {"send_at": "2020-01-01T00:00"}),
    Visit("send.html", "/dashboard/send", SEND | {"reference": "R-1"}),
    Visit("send.html", "/dashboard/send", SEND | {"platform": "none"}),
    Visit("send.html", "/dashboard/send", SEND | {"recipient_email": "failed@sandbox.test"}),
    Visit("list.html", "/dashboard/topups"),
    Visit("list.html", "/dashboard/topups?status=failed&sort=amount"),
    Visit("list.html", "/dashboard/topups?recipient_email=nobody@mail.com"),
    Visit("list.html", "/dashboard/topups?status=none&created_after=never"),
    Visit("match_all.html", "/dashboard/all?on=topups&do=cancel"),
    Visit("match_all.html", "/dashboard/all?on=topups&do=cancel", {"of": "others"}),
    Visit("match_all.html", "/dashboard/all?on=approvals&do=deny&status=denied"),
    Visit("search.html", "/dashboard/search?q=pause+key+agent"),
    Visit("search.html", "/dashboard/search?q=replay"),
    *(
        Visit("topup.html", f"/dashboard/topups/{{{name}}}?said=sent-{name}")
        for name in (
            "delivered",
            "pending",
            "failed",
            "later",
            "cancelled",
            "reversed",
            "waiting",
        )
    ),
    Visit("bulk.html", "/dashboard/bulk"),
    Visit("bulk.html", "/dashboard/bulk", {"step": "check", "text": FILE}),
    Visit("bulk.html", "/dashboard/bulk", {"step": "check", "text": WRONG_FILE}),
    Visit("bulk.html", "/dashboard/bulk", {"step": "check", "text": ""}),
    Visit("bulk.html", "/dashboard/bulk", {"step": "check", "text": "a,b\n1,2\n"}),
    Visit("list.html", "/dashboard/batches"),
    Visit("batch.html", "/dashboard/batches/{batch}"),
    Visit("batch.html", "/dashboard/batches/{batch}?status=failed"),
    Visit("approvals.html", "/dashboard/approvals"),
    Visit("approvals.html", "/dashboard/approvals?status=denied"),
    Visit("approval.html", "/dashboard/approvals/{approval}"),
    Visit("vouchers.html", "/dashboard/vouchers"),
    Visit("vouchers.html", "/dashboard/vouchers?code={voucher}"),
    Visit("vouchers.html", "/dashboard/vouchers?code=ATU-NONE"),
    Visit("vouchers.html", "/dashboard/vouchers", {"code": "x", "settle": "wallet"}),
    Visit("vouchers.html", "/dashboard/vouchers", {"code": "{voucher}", "settle": "wallet"}),
    Visit("vouchers.html", "/dashboard/vouchers", {"code": "{voucher}", "settle": "external"}),
    Visit("outbox.html", "/dashboard/outbox"),
    Visit("outbox_mail.html", "/dashboard/outbox/mal_{mail}"),
    Visit("list.html", "/dashboard/wallets"),
    Visit("list.html", "/dashboard/wallets?recipient_email=nobody@mail.com"),
)
LIVE = (
    Visit("overview.html", "/dashboard"),
    Visit("send.html", "/dashboard/send"),
    Visit("bulk.html", "/dashboard/bulk"),
    Visit("elsewhere.html", "/dashboard/topups/{delivered}"),
    Visit("outbox.html", "/dashboard/outbox"),
)


# Of an operator, and of an account that one suspended.
OPERATORS = (
    Visit("overview.html", "/dashboard"),
    Visit("search.html", "/dashboard/admin/search?q=ana@mail.com"),
    Visit("search.html", "/dashboard/search?q=desk"),
)
SUSPENDED = (
    Visit("overview.html", "/dashboard"),
    Visit("send.html", "/dashboard/send", SEND | {"step": "send"}),
)


async def test_the_room_of_topups_is_whole_in_arabic(gateway: Gateway) -> None:
    browser = arabic(await signed_in(gateway))
    wrong = await not_arabic(browser, EMPTY)
    ids = await some_of_each(browser)
    wrong += await not_arabic(browser, PAGES, ids)
    wrong += await not_arabic(await in_live(browser), LIVE, ids)
    boss = arabic(await operator(gateway))
    wrong += await not_arabic(boss, OPERATORS)
    suspend = f"{ADMIN}/accounts/{await account_of(browser)}/suspend"
    answer = await boss.send(suspend, {"reason": "Fraud"})
    assert answer.status_code == 303, answer.text
    wrong += await not_arabic(browser, SUSPENDED)

    assert wrong == []
    assert {one.template for one in PAGES + LIVE} == ROOMS["topups"]
