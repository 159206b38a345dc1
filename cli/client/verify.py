"""`topup verify`: check a received webhook and explain what is wrong. It needs no gateway."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import BinaryIO

import click

from cli.options import READS_STDIN, take_secret
from cli.output import EXIT_REFUSED, examples, json_option, print_json, visible, wants_json
from kernel.clock import SECOND_US, SystemClock
from keys.signatures.signing import TOLERANCE_S, verify as verify_signature

BODY_BYTES_MAX = 1 << 20


@click.command(
    epilog=examples(
        "topup verify --secret @secret.txt --header 'X-AiTopUp-Signature: t=1765432100,v1=5257a869' --body-file body.json",
        "topup verify --public-key whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo= --header 'webhook-id: evt_1'"
        " --header 'webhook-timestamp: 1765432100' --header 'webhook-signature: v1a,hnO3f9T8' --body-file body.json",
    )
)
@click.option(
    "--secret",
    envvar="WEBHOOK_SECRET",
    callback=take_secret,
    metavar="-|@FILE",
    help="The endpoint's whsec_… secret, from standard input, a file or WEBHOOK_SECRET.",
)
@click.option(
    "--public-key",
    metavar="WHPK",
    help="The endpoint's whpk_… public key, to check the Ed25519 signature. It isn't secret.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    required=True,
    metavar="'NAME: VALUE'",
    help="A header as it was received. Repeat this option for each signature header.",
)
@click.option(
    "--body-file",
    type=click.File("rb", lazy=True),
    required=True,
    help="A file with the raw body, or - for standard input.",
)
@click.option(
    "--tolerance-s",
    type=click.IntRange(0),
    default=TOLERANCE_S,
    show_default=True,
    help="How old the timestamp may be. Use a large number for a stored body.",
)
@json_option
@click.pass_context
def verify(
    context: click.Context,
    /,
    secret: str | None,
    public_key: str | None,
    headers: Sequence[str],
    body_file: BinaryIO,
    tolerance_s: int,
) -> None:
    """Check whether a received webhook is genuine. If it isn't, say why and exit 1."""
    if secret is None and public_key is None:
        raise click.UsageError("give --secret or --public-key")
    if READS_STDIN in context.meta and body_file.name == "-":
        raise click.UsageError("standard input holds the secret; give the body as a file")
    body = body_file.read(BODY_BYTES_MAX + 1)
    if len(body) > BODY_BYTES_MAX:
        raise click.UsageError(f"the body is larger than {BODY_BYTES_MAX} bytes; ours are not")
    findings = verify_signature(
        secret=secret,
        public_key=public_key,
        headers=dict(_pair(header) for header in headers),
        body=body,
        now_s=SystemClock().now_us() // SECOND_US,
        tolerance_s=tolerance_s,
    )
    if wants_json():
        print_json({"valid": not findings, "findings": [asdict(one) for one in findings]})
    elif findings:
        for finding in findings:
            where = f" ({finding.header})" if finding.header else ""
            words = visible(f"{finding.part}{where}: {finding.detail}")
            click.echo(f"{click.style('✗', fg='red')} {words}")
    else:
        click.echo(f"{click.style('✓', fg='green')} genuine: {len(body)} bytes as they were signed")
    if findings:
        context.exit(EXIT_REFUSED)


def _pair(header: str) -> tuple[str, str]:
    name, colon, value = header.partition(":")
    if not colon or not name.strip():
        raise click.UsageError(f"--header is 'Name: value', not {name[:40]!r}")
    return name.strip(), value.strip()
