"""`topup certify`: test a webhook receiver. It needs no gateway."""

import asyncio
import textwrap
from typing import Any, Final

import click

from cli.options import take_secret, web_address
from cli.output import EXIT_REFUSED, examples, json_option, print_json, run, visible, wants_json
from kernel.clock import SystemClock
from keys.signatures.signing import secret_key
from webhooks.certification.certify import Certification, CheckResult, certify as try_receiver
from webhooks.certification.trial import TrialReceiver, TrialSigner
from webhooks.http.guard import Policy
from webhooks.http.names import SystemResolver
from webhooks.http.transport import Transport

RUN_S_MAX: Final = 600.0
WIDTH: Final = 78
_MARKS: Final = {
    "passed": ("✓", "green"),
    "warned": ("!", "yellow"),
    "failed": ("✗", "red"),
    "not_seen": ("?", "yellow"),
    "skipped": ("-", "white"),
}
_HARMS: Final = {
    "lost": "an event is lost",
    "twice": "an event is done twice",
    "forged": "a forgery is believed",
}


@click.command(
    epilog=examples(
        "topup certify http://localhost:3000/hook --secret @secret.txt",
        "topup certify http://localhost:3000/hook --effects-url http://localhost:3000/orders/count",
    )
)
@click.argument("url", callback=web_address)
@click.option(
    "--secret",
    required=True,
    envvar="WEBHOOK_SECRET",
    callback=take_secret,
    metavar="-|@FILE",
    help="The receiver's webhook secret, from standard input, a file or WEBHOOK_SECRET.",
)
@click.option(
    "--effects-url",
    callback=web_address,
    metavar="URL",
    help="A URL that returns a whole number, such as a count of orders. Each top-up must change "
    "the number by the same amount. Without this URL, events that are handled twice aren't "
    "noticed.",
)
@click.option(
    "--timeout-s",
    type=click.FloatRange(0.1, 60),
    default=10.0,
    show_default=True,
    help="How long the receiver may take to respond. The default is the same as the gateway's.",
)
@click.option(
    "--still-s",
    type=click.FloatRange(0, 10),
    default=0.5,
    show_default=True,
    help="How long the number at --effects-url must stay the same. Use a longer time for a receiver with a queue.",
)
@json_option
@click.pass_context
def certify(
    context: click.Context,
    /,
    url: str,
    secret: str,
    effects_url: str | None,
    timeout_s: float,
    still_s: float,
) -> None:
    """Test whether a webhook receiver loses events, handles them twice, or accepts forged ones. Exit 1 if a check fails.

    The receiver gets genuine, repeated, late and forged staging webhooks. Some connections are closed before the
    response. The receiver acts on these webhooks, so use a test system.
    """
    secret_key(secret)
    found = run(_try(url, secret, effects_url, timeout_s, still_s))
    if wants_json():
        print_json(_shown(found))
    else:
        _print(found)
    if found.is_faulty:
        context.exit(EXIT_REFUSED)


async def _try(
    url: str, secret: str, effects_url: str | None, timeout_s: float, still_s: float
) -> Certification:
    resolver, clock, policy = SystemResolver(), SystemClock(), Policy.of_operator()
    transport = Transport(policy, resolver, clock)
    receiver = TrialReceiver(
        transport,
        policy=policy,
        account_id="",
        url=url,
        effects_url=effects_url,
        timeout_s=timeout_s,
        still_s=still_s,
    )
    try:
        return await try_receiver(
            receiver, TrialSigner([secret], {}), clock, url=url, run_s=RUN_S_MAX
        )
    finally:
        await asyncio.shield(transport.close())
        resolver.close()


def _shown(found: Certification) -> dict[str, Any]:
    return {
        "url": found.url,
        "certified": found.is_certified,
        "counts": found.counts,
        "checks": found.checks,
    }


def _print(found: Certification) -> None:
    for result in found.checks:
        _print_check(result)
    click.echo(f"\n{_sum(found)}")


def _sum(found: Certification) -> str:
    if found.is_certified:
        return "certified: nothing failed"
    if found.is_faulty:
        return f"not certified: {found.counts['failed']} failed"
    unseen = found.counts["not_seen"]
    return f"nothing failed, but {unseen} checks could not be seen: give --effects-url"


def _print_check(result: CheckResult) -> None:
    mark, colour = _MARKS[result.verdict]
    impact = f" ({_HARMS[result.impact]})" if result.impact else ""
    click.echo(f"{click.style(mark, fg=colour)} {result.title}{impact}")
    if result.verdict != "passed":
        text = textwrap.wrap(visible(result.detail), WIDTH - 4)
        click.echo("\n".join(f"    {line}" for line in text))
