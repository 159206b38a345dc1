"""`topup send`: send credit once, even if the command is repeated."""

import re
import secrets
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import click

from cli.client.profiles import Access, access, profile_option
from cli.client.remote_gateway import WAIT_S_MAX, RemoteAnswer, RemoteGateway
from cli.output import (
    EXIT_USAGE,
    dollars_of,
    examples,
    fail,
    json_option,
    note,
    show_record,
    wants_json,
)

_OPEN: Final = ("pending", "scheduled", "reversing")
_SHOWN: Final = (
    *("voucher_code", "deliverable", "claim_url"),
    *("fulfilled_at", "reference", "note", "approval"),
)

_AMOUNT: Final = re.compile(r"\$?([0-9]{1,9})(?:\.([0-9]{1,2}))?")


class Dollars(click.ParamType[int]):
    """Parse US dollars such as 25, 25.5 or 25.00 as cents, without rounding."""

    name = "AMOUNT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        found = _AMOUNT.fullmatch(str(value).strip())
        if found is None:
            self.fail("write it in dollars, such as 25 or 25.00", param, ctx)
        return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


@click.command(
    epilog=examples(
        "topup send claude 25 ann@acme.example",
        "topup send claude 12.50 self --reference order-1001 --wait 30 --yes",
    )
)
@click.argument("platform")
@click.argument("amount", type=Dollars())
@click.argument("recipient")
@click.option("--reference", help="Your own name for the top-up, unique in its environment.")
@click.option("--note", "remark", help="A note to store with the top-up.")
@click.option(
    "--idempotency-key",
    help="The idempotency key of an earlier attempt, so that the credit is sent at most once.",
)
@click.option(
    "--wait",
    "wait_s",
    type=click.IntRange(1, 3600),
    metavar="SECONDS",
    help="Wait for the delivery, at most this long.",
)
@click.option("--yes", is_flag=True, help="Spend live credit without asking for confirmation.")
@profile_option
@json_option
def send(
    *,
    platform: str,
    amount: int,
    recipient: str,
    reference: str | None,
    remark: str | None,
    idempotency_key: str | None,
    wait_s: int | None,
    yes: bool,
    profile: str,
) -> None:
    """Send credit. AMOUNT is in dollars. RECIPIENT is an email address, or `self` for your account.

    The idempotency key is printed first. If the response is lost, repeat the command with --idempotency-key. The
    credit is then sent only once.
    """
    given = access(profile)
    if not yes:
        _confirm(given, f"Send {dollars_of(amount)} of {platform} to {recipient}")
    who = {"recipient": "self"} if recipient == "self" else {"recipient_email": recipient}
    body = {"platform": platform, "amount_cents": amount, **who}
    body |= {} if reference is None else {"reference": reference}
    body |= {} if remark is None else {"note": remark}
    key = idempotency_key or f"cli-{secrets.token_hex(16)}"
    if not wants_json():
        note(f"idempotency key: {key}")
    gateway = RemoteGateway(given)
    answer = gateway.post("/topup/send", body, idempotency_key=key)
    if wait_s is not None:
        answer = _waited(gateway, answer, wait_s)
    _show(answer, body, key)
    if wait_s is not None and answer.status != "delivered":
        raise fail(
            f"it is {answer.status} after {wait_s} s" if _is_open(answer) else answer.message
        )


def _confirm(given: Access, what: str) -> None:
    """Ask before spending live credit. Exit if the user says no, or if there is no terminal."""
    if given.is_staging:
        return
    if not sys.stdin.isatty():
        raise fail(
            "this would spend live credit, and there is no terminal to ask on",
            advice="add --yes to continue without a question",
            exit_code=EXIT_USAGE,
        )
    click.confirm(f"{what} in live at {given.url}?", abort=True, err=True)


def _waited(gateway: RemoteGateway, answer: RemoteAnswer, wait_s: int) -> RemoteAnswer:
    until = time.monotonic() + wait_s
    while _is_open(answer) and (left_s := int(until - time.monotonic())) > 0:
        path = f"/topup/status/{answer.transaction_id}"
        answer = gateway.get(path, wait_s=min(left_s, WAIT_S_MAX))
    return answer


def _is_open(answer: RemoteAnswer) -> bool:
    return answer.transaction_id is not None and answer.status in _OPEN


def _show(answer: RemoteAnswer, body: Mapping[str, Any], key: str) -> None:
    data = answer.data if isinstance(answer.data, dict) else {}
    known = {"transaction_id": answer.transaction_id, "status": answer.status}
    if wants_json():
        show_record({"idempotency_key": key, "code": answer.code, **data, **known})
        return
    show_record(
        {
            **known,
            "sent": f"{dollars_of(body['amount_cents'])} of {body['platform']}",
            "recipient": body.get("recipient_email", "self"),
            **{name: _words(data[name]) for name in _SHOWN if data.get(name) is not None},
        }
    )


def _words(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    return ", ".join(f"{name}: {one}" for name, one in value.items() if one is not None)
