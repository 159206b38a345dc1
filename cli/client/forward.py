"""Send one event to a receiver on this machine, as a worker would."""

import time
from dataclasses import asdict, dataclass
from typing import Final

import click
import httpx
import msgspec

from cli.client.event_source import Streamed
from cli.output import json_text, visible, wants_json
from kernel.clock import SECOND_US, SystemClock
from kernel.ids import new_id
from keys.signatures.signing import signature_headers
from webhooks.deliveries.message import ATTEMPT_HEADER, DELIVERY_HEADER, EVENT_HEADER, USER_AGENT

FORWARD_S_MAX: Final = 10.0
ANSWER_CHARACTERS: Final = 160


@dataclass(frozen=True, slots=True)
class Forwarded:
    """status null: nobody responded; error says why."""

    event_id: str
    type: str
    status: int | None
    took_ms: int
    error: str | None

    @property
    def is_taken(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


async def forward_event(
    receiver: httpx.AsyncClient, url: str, secret: str, event: Streamed
) -> Forwarded:
    event_id = str(msgspec.json.decode(event.body)["id"])
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        EVENT_HEADER: event.type,
        DELIVERY_HEADER: new_id("dlv"),
        ATTEMPT_HEADER: "1",
        **signature_headers(
            secrets=[secret],
            message_id=event_id,
            timestamp_s=SystemClock().now_us() // SECOND_US,
            body=event.body,
        ),
    }
    began_s = time.perf_counter()
    status, error = None, None
    try:
        answer = await receiver.post(url, content=event.body, headers=headers)
        status = answer.status_code
        if not answer.is_success:
            error = " ".join(answer.text.split())[:ANSWER_CHARACTERS] or answer.reason_phrase
    except httpx.TimeoutException:
        error = f"no answer within {FORWARD_S_MAX:.0f} s"
    except (httpx.HTTPError, httpx.InvalidURL) as failure:
        error = f"no answer: {failure}"
    took_ms = round((time.perf_counter() - began_s) * 1000)
    return Forwarded(event_id, event.type, status, took_ms, error)


def show(forwarded: Forwarded) -> None:
    if wants_json():
        click.echo(json_text(asdict(forwarded)))
        return
    colour = "green" if forwarded.is_taken else "red"
    status = click.style(str(forwarded.status or "---"), fg=colour)
    event = visible(f"{forwarded.type:<18}  {forwarded.event_id}")
    outcome = visible(forwarded.error or f"{forwarded.took_ms} ms")
    click.echo(f"{time.strftime('%H:%M:%S')}  {status}  {event}  {outcome}")
