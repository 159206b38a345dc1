"""`topup verify-receipt`: show what a top-up's receipt proves. It needs no gateway and no database."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import httpx
import msgspec

from billing.checkpoints.checkpoint import Statement, statement_of
from billing.checkpoints.jws import NOT_JSON, StatementRefused, keys_of_jwks
from billing.checkpoints.receipt import ReceiptVerdict, verify_receipt as check
from cli.output import EXIT_REFUSED, examples, json_option, print_json, visible, wants_json

BYTES_MAX = 4 << 20
_TIMEOUT_S = 10.0


@click.command(
    epilog=examples(
        "topup verify-receipt txn_4Kp1.jws --keys keys.json",
        "topup verify-receipt - --keys https://topup.example/.well-known/receipt-keys --checkpoint kept.jws",
    )
)
@click.argument("receipt", metavar="FILE|-")
@click.option(
    "--keys",
    required=True,
    metavar="FILE|URL",
    help="The public keys (a JWK Set), as a stored file or as their URL at the gateway.",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    multiple=True,
    metavar="FILE",
    help="A stored checkpoint, as its JWS or the JSON that contains it. Can be given several times.",
)
@json_option
@click.pass_context
def verify_receipt(
    context: click.Context, /, receipt: str, keys: str, checkpoints: Sequence[str]
) -> None:
    """Show what a receipt proves and what it doesn't.

    Exit 1 if the receipt was changed or forged, or contradicts a stored checkpoint. Pass the receipt's JWS, or the API
    response that contains it.
    """
    try:
        known = keys_of_jwks(_keys(keys))
        kept = [_known_statement(_text(path), known) for path in checkpoints]
        verdict = check(_jws_of(_text(receipt), "receipt"), keys=known, kept=kept)
    except StatementRefused as error:
        _refused(error.detail)
        context.exit(EXIT_REFUSED)
    _show(verdict)


def _known_statement(text: str, known: dict[str, bytes]) -> Statement:
    return statement_of(_jws_of(text, "jws"), known)[0]


def _show(verdict: ReceiptVerdict) -> None:
    payment = verdict.receipt.payment
    if wants_json():
        shown: dict[str, Any] = {
            "valid": True,
            "kid": verdict.kid,
            "proved": verdict.proved,
            "not_proved": verdict.not_proved,
            "receipt": msgspec.to_builtins(verdict.receipt),
        }
        print_json(shown)
        return
    said = (
        f"{payment.get('transaction_id')}: {payment.get('charged_cents')} US cents for"
        f" {payment.get('platform')} to {payment.get('recipient_email')}, {payment.get('status')}"
    )
    click.echo(visible(said))
    for line in verdict.proved:
        click.echo(f"{click.style('✓', fg='green')} {visible(line)}")
    for line in verdict.not_proved:
        click.echo(f"{click.style('·', fg='yellow')} not proved: {visible(line)}")


def _refused(detail: str) -> None:
    if wants_json():
        print_json({"valid": False, "detail": detail})
    else:
        click.echo(f"{click.style('✗', fg='red')} {visible(detail)}")


def _jws_of(text: str, name: str) -> str:
    text = text.strip()
    if not text.startswith("{"):
        return text
    try:
        answered = msgspec.json.decode(text)
        found = answered.get("data", answered)[name]
    except (*NOT_JSON, KeyError, TypeError):
        found = None
    if not isinstance(found, str):
        raise StatementRefused(f"The JSON has no field {name}.")
    return found


def _text(path: str) -> str:
    if path == "-":
        data = sys.stdin.buffer.read(BYTES_MAX + 1)
    else:
        with Path(path).open("rb") as file:
            data = file.read(BYTES_MAX + 1)
    if len(data) > BYTES_MAX:
        raise click.UsageError(f"{path} is larger than {BYTES_MAX} bytes; ours are not")
    return data.decode(errors="replace")


def _keys(source: str) -> bytes:
    if not source.startswith(("https://", "http://")):
        return _text(source).encode()
    try:
        answer = httpx.get(source, timeout=_TIMEOUT_S)
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise click.UsageError(f"the keys cannot be fetched from {source}: {error}") from None
    return answer.content
