"""`topup webhooks`: where an account's events are sent."""

import click

from cli.acts.command import group_of
from cli.examples import examples
from cli.output import json_option, show_record
from cli.remote.arguments import IdOf
from cli.remote.client import RemoteGateway
from cli.remote.profiles import access, profile_option
from webhooks.endpoints.acts import ACTS

webhooks = group_of("webhooks", "Webhooks: where an account's events are sent.", ACTS)


@webhooks.command(
    "test",
    epilog=examples(
        "topup webhooks test we_5Fxp", "topup webhooks test we_5Fxp --event topup.failed"
    ),
)
@click.argument("endpoint_id", type=IdOf("we"))
@click.option("--event", help="Of which type the sample is; default: a test event.")
@profile_option
@json_option
def test(*, endpoint_id: str, event: str | None, profile: str) -> None:
    """Send a sample event now, and show what the receiver answered; exit code 1: it did not take it."""
    body = {} if event is None else {"event": event}
    look = f"topup webhooks show {endpoint_id}"
    answer = RemoteGateway(access(profile)).change(
        "POST", f"/webhooks/{endpoint_id}/test", body, look=look
    )
    show_record(answer.data)
