"""`topup events`: list and follow an account's events."""

import contextlib

import click
import httpx
import msgspec

from cli.acts.command import group_of
from cli.acts.shown import subject_id
from cli.client.event_source import Streamed, StreamRefused, follow, hear_ctrl_c
from cli.client.profiles import Access, access, authorization, note_asked, profile_option
from cli.output import examples, fail, json_option, json_text, note, run, visible, wants_json
from webhooks.events.acts import ACTS

_type = click.option(
    "--type", "event_type", help="Print only events of this type, such as topup.delivered."
)


@click.command(
    "tail",
    epilog=examples("topup events tail", "topup events tail --type topup.failed --after 0 --json"),
)
@_type
@click.option(
    "--after", help="Begin after this cursor. 0 prints all stored events. Default: only new events."
)
@click.option("--count", type=click.IntRange(min=1), help="Stop after this many events.")
@profile_option
@json_option
def tail(*, event_type: str | None, after: str | None, count: int | None, profile: str) -> None:
    """Print events as they happen, each once and in order. Press Ctrl-C to stop.

    A lost connection is restored, and no event is missed. At the end, the command prints the cursor for --after. --json
    prints one event per line.
    """
    given = access(profile)
    note_asked(given.url)
    hear_ctrl_c()
    seen = _Seen(after)
    with contextlib.suppress(KeyboardInterrupt):
        run(_tail(given, event_type, seen, count))
    if seen.cursor is not None:
        note(f"go on with --after {seen.cursor}")


class _Seen:
    def __init__(self, cursor: str | None) -> None:
        self.cursor = cursor


async def _tail(given: Access, event_type: str | None, seen: _Seen, count: int | None) -> None:
    headers = {**authorization(given.api_key), "User-Agent": "topup-cli"}
    async with httpx.AsyncClient(base_url=given.url, headers=headers) as gateway:
        stream = follow(
            gateway,
            after=seen.cursor,
            event_type=event_type,
            on_connected=lambda: note("connected"),
            on_lost=lambda why: note(f"{why}; connecting again"),
        )
        try:
            async with contextlib.aclosing(stream):
                async for event in stream:
                    _print(event)
                    seen.cursor = event.cursor
                    count = None if count is None else count - 1
                    if count == 0:
                        return
        except StreamRefused as error:
            raise fail(
                f"{given.url} refuses: {error}",
                advice="the key needs webhooks:read; check it with `topup whoami`",
            ) from None


def _print(event: Streamed) -> None:
    body = msgspec.json.decode(event.body)
    if wants_json():
        click.echo(json_text(body))
        return
    click.echo(
        visible(
            f"{body['created_at']}  {body['type']:<18}  {body['id']}  {subject_id(body['data']) or '-'}"
        )
    )


events = group_of("events", "What happened: list, show, and follow as it comes.", ACTS, tail)
