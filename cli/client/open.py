"""`topup open`: open a gateway page in the browser, or print its address."""

import re
import sys
from collections.abc import Mapping
from typing import Final

import click

from cli.client.profiles import profile_option, url_of
from cli.output import EXIT_USAGE, examples, fail, json_option, print_json, wants_json

PAGES: Final[Mapping[str, str]] = {
    "overview": "/dashboard",
    **{
        name: f"/dashboard/{name}"
        for name in (
            *("send", "topups", "bulk", "approvals", "vouchers", "statement", "buy", "orders"),
            *("plan", "recharge", "usage", "keys", "webhooks", "deliveries", "apps", "account"),
        )
    },
    "docs": "/docs",
    "sandbox": "/docs/sandbox",
    "reference": "/docs/reference",
}
# Object pages, by ID prefix.
_OF_ID: Final[Mapping[str, str]] = {
    "txn": "/dashboard/topups/",
    "dlv": "/dashboard/deliveries/",
    "we": "/dashboard/webhooks/",
    "key": "/dashboard/keys/",
    "ord": "/dashboard/orders/",
}


@click.command("open", epilog=examples("topup open keys", "topup open txn_4Kp1 --print"))
@click.argument("page", default="overview")
@click.option(
    "--print", "is_printed", is_flag=True, help="Print the address instead of opening it."
)
@profile_option
@json_option
def open_(*, page: str, is_printed: bool, profile: str) -> None:
    """Open a dashboard page. PAGE is a page's name, such as keys, or an ID.

    Names: overview, send, topups, bulk, approvals, vouchers, statement, buy, orders, plan, recharge, usage,
    keys, webhooks, deliveries, apps, account, docs, sandbox, reference. IDs begin with txn_, dlv_, we_, key_
    or ord_. No key is sent: you sign in through the browser.
    """
    address = url_of(profile) + _path(page)
    if wants_json():
        print_json({"url": address})
        return
    click.echo(address)
    if not is_printed and sys.stdout.isatty():
        click.launch(address)


def _path(page: str) -> str:
    found = re.fullmatch(r"([a-z]{2,3})_[0-9A-Za-z]{1,40}", page)
    if found is not None and found[1] in _OF_ID:
        return _OF_ID[found[1]] + page
    if page in PAGES:
        return PAGES[page]
    raise fail(
        f"there is no page {page!r}", advice=f"one of {', '.join(PAGES)}", exit_code=EXIT_USAGE
    )
