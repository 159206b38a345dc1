"""Clients that do not give up: each send is repeated under its Idempotency-Key until it is answered.

What is not answered in time is repeated at the next gateway, as behind a load balancer.

What they were told is kept, so that it can be held against the database and the receiver.
"""

import asyncio
import contextlib
import itertools
import math
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass, field

import httpx

from tests.support.installation import API
from tests.support.plain_http import ANSWER_S_MAX, http_client
from tests.support.receiver import Received

# A sender whose answer takes longer asks again.
PATIENCE_S = 15.0
PAUSE_S = 0.05
# Somebody else has the account or the key just now.
_BUSY = frozenset({409, 429})


def client(key: str, *, timeout_s: float = ANSWER_S_MAX) -> httpx.AsyncClient:
    """A client with the key as its credential and as many connections as it likes."""
    return http_client(
        headers={"Authorization": f"Bearer {key}"},
        timeout=timeout_s,
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None),
    )


def order(
    amount_cents: int, *, email: str = "user@example.com", **fields: str
) -> dict[str, object]:
    """The body of a send."""
    return {
        "platform": "claude",
        "amount_cents": amount_cents,
        "recipient_email": email,
        **fields,
    }


@dataclass
class Senders:
    """`acknowledged` has each answered send: its reference, which is also its key, and its id.

    `waits` has the times by perf_counter of each send's beginning and end: its answer, or when it
    was given up after patience_s, and nobody was told anything; `given_up` counts those.
    """

    urls: Sequence[str]
    key: str
    seed: int = 1
    amount_cents: int = 100
    pause_s: float = 0  # of each client between an answer and its next send
    answer_s_max: float = PATIENCE_S
    patience_s: float = math.inf
    acknowledged: dict[str, str] = field(default_factory=dict)
    statuses: Counter[str] = field(default_factory=Counter)
    waits: list[tuple[float, float]] = field(default_factory=list)
    given_up: int = 0
    is_stopping: bool = False

    @contextlib.asynccontextmanager
    async def sending(self, count: int, *, sends_max: int) -> AsyncIterator["asyncio.Future[None]"]:
        """So many clients until sends_max were begun or stop(); at the end each has its answer."""
        random_ = random.Random(self.seed)
        references = iter(f"send-{self.seed}-{number}" for number in range(sends_max))
        async with (
            client(self.key, timeout_s=self.answer_s_max) as http,
            asyncio.TaskGroup() as group,
        ):
            tasks = [
                group.create_task(self._client(http, references, random_)) for _ in range(count)
            ]
            yield asyncio.ensure_future(_all(tasks))
            self.is_stopping = True

    async def _client(
        self,
        http: httpx.AsyncClient,
        references: Iterator[str],
        random_: random.Random,
    ) -> None:
        for reference in references:
            await self._send(http, reference, random_)
            if self.is_stopping:
                return
            await asyncio.sleep(self.pause_s)

    async def _send(self, http: httpx.AsyncClient, reference: str, random_: random.Random) -> None:
        began_s = time.perf_counter()
        urls = random_.sample(self.urls, len(self.urls))
        for url in itertools.cycle(urls):
            if time.perf_counter() - began_s > self.patience_s:
                self.given_up += 1
                self.waits.append((began_s, time.perf_counter()))
                return
            try:
                answer = await http.post(
                    url + API + "/topup/send",
                    json=order(self.amount_cents, reference=reference),
                    headers={"Idempotency-Key": reference},
                )
            except httpx.TransportError as error:
                self.statuses[type(error).__name__] += 1
            else:
                self.statuses[str(answer.status_code)] += 1
                if answer.status_code < 500 and answer.status_code not in _BUSY:
                    break
            await asyncio.sleep(PAUSE_S)
        body = answer.json()
        assert body["code"] == 1001, body
        self.acknowledged[reference] = body["transaction_id"]
        self.waits.append((began_s, time.perf_counter()))


async def _all(tasks: Sequence["asyncio.Task[None]"]) -> None:
    await asyncio.gather(*tasks)


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of the acknowledged sends; each figure counts events, `requests` all that came."""

    accepted: int
    delivered: int
    never_tried: int
    requests: int
    duplicated: int
    changed: int  # came again with another event id or other bytes


def tally(acknowledged: Sequence[str], received: Sequence[Received]) -> Tally:
    """Of these transaction ids, by what a receiver saw; other events do not count."""
    seen: dict[str, list[tuple[str, bytes]]] = {
        transaction_id: [] for transaction_id in acknowledged
    }
    for one in received:
        transaction_id = one.event["data"].get("transaction_id")
        if transaction_id in seen:
            seen[transaction_id].append((one.headers["webhook-id"], one.body))
    came = [requests for requests in seen.values() if requests]
    return Tally(
        accepted=len(seen),
        delivered=len(came),
        never_tried=len(seen) - len(came),
        requests=sum(map(len, came)),
        duplicated=sum(len(requests) - 1 for requests in came),
        changed=sum(len(set(requests)) > 1 for requests in came),
    )
