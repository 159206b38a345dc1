"""`topup trigger`: cause an event by real calls, in staging alone."""

import time
from collections.abc import Mapping
from typing import Any, Final

import click

from cli.client.causes import CAUSES, EVENT_S_MAX, NEEDS_APPROVER, NOT_CAUSED, Sandbox
from cli.client.profiles import Access, access, access_kept, profile_option
from cli.client.remote_gateway import RemoteGateway
from cli.examples import examples
from cli.output import EXIT_USAGE, fail, json_option, show_record

PLATFORM: Final = "claude"
_PAUSE_S: Final = 0.1


@click.command(
    epilog=examples(
        "topup trigger topup.failed",
        "topup trigger order.paid --json",
        "topup trigger approval.approved --approver owner",
    )
)
@click.argument("event", type=click.Choice([*CAUSES, *NOT_CAUSED]), metavar="EVENT")
@click.option(
    "--platform", default=PLATFORM, show_default=True, help="Of the top-ups that are sent for it."
)
@click.option("--approver", help="Profile of a key of another lineage, which decides.")
@profile_option
@json_option
def trigger(*, event: str, platform: str, approver: str | None, profile: str) -> None:
    """Cause an event in staging by real calls, and print it.

    EVENT is any type of `topup events`; if no key of the account causes it, the command says why, and what
    does. approval.approved, approval.denied and key.resumed take --approver, since a requester can't decide:
    a key with approvals:write (key.resumed: keys:write) that is no parent or child of the first one.

    Each top-up is $1.00 of test credit. What waits afterwards (pending, scheduled, for approval) stays, for
    you to continue with. A sample of any type: `topup webhooks test`.
    """
    given = access(profile)
    if not given.is_staging:
        raise fail(
            "events are triggered in staging alone: this key is not of staging",
            advice="log in with an ak_staging_ key under another --profile",
            exit_code=EXIT_USAGE,
        )
    why = NOT_CAUSED.get(event)
    if why is not None:
        raise fail(f"no key of the account causes {event}", advice=why, exit_code=EXIT_USAGE)
    subject_id = CAUSES[event](Sandbox(given, platform, _outside(event, approver, given)))
    found = _event_of(RemoteGateway(given), event, subject_id)
    show_record({"event": event, "event_id": found, "subject_id": subject_id})


def _outside(event: str, approver: str | None, given: Access) -> Access | None:
    """Return the approver's access if the event takes one; exit if it is missing or of another gateway."""
    if event not in NEEDS_APPROVER:
        return None
    if approver is None:
        raise fail(
            f"{event} takes somebody else's word: whoever asks does not decide",
            advice="name the profile of a key of another lineage: --approver PROFILE",
            exit_code=EXIT_USAGE,
        )
    found = access_kept(approver)
    if found.url != given.url:
        raise fail(f"the profile {approver!r} is of another gateway", exit_code=EXIT_USAGE)
    return found


def _event_of(gateway: RemoteGateway, event: str, subject_id: str) -> str:
    """Return the event's ID: most are written with their cause, a batch's soon after."""
    until = time.monotonic() + EVENT_S_MAX
    while True:
        for one in gateway.page("/events", type=event, limit=20)["items"]:
            if subject_id in one["data"].values() or subject_id in _inner(one["data"]):
                return str(one["id"])
        if time.monotonic() > until:
            raise fail(
                f"{subject_id} was made, and no {event} of it is there yet",
                advice="is a worker running? see `topup events list`",
            )
        time.sleep(_PAUSE_S)


def _inner(data: Mapping[str, Any]) -> list[Any]:
    return [one for value in data.values() if isinstance(value, dict) for one in value.values()]
