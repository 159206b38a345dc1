"""kill -9 of two workers with requests under way: an ordered endpoint still has one event of an object at a time, in their order."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from kernel.clock import SystemClock
from kernel.tenant import Tenant
from store.open import open_database
from tests.e2e.conftest import WorkingSet
from tests.e2e.test_crash import ARRIVAL_S_MAX, AVAILABLE_KINDS
from tests.support.installation import API, Installation
from tests.support.receiver import Received, Receiver
from tests.support.senders import client
from tests.support.webhook_rows import given_events

# Workers are killed as so many have come; none is refused before.
KILLED_AFTER = 8
OBJECTS = ("txn_a", "txn_b", "txn_c")
EVENTS_EACH = 12
ANSWER_S = 0.02


@dataclass
class Book:
    """What a receiver saw: the events that it took of each object, and what came beside another one."""

    taken: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    beside: list[str] = field(default_factory=list)
    has_all: asyncio.Event = field(default_factory=asyncio.Event)
    _under_way: set[str] = field(default_factory=set)
    _refused: set[str] = field(default_factory=set)

    async def answer(self, received: Received) -> int:
        event = received.event
        object_id = event["data"]["transaction_id"]
        if object_id in self._under_way:
            self.beside.append(event["id"])
        self._under_way.add(object_id)
        await asyncio.sleep(ANSWER_S)
        self._under_way.discard(object_id)
        has_begun = sum(map(len, self.taken.values())) >= KILLED_AFTER
        if has_begun and event["sequence"] % 5 == 0 and event["id"] not in self._refused:
            self._refused.add(event["id"])
            return 500
        self.taken[object_id].append(event["sequence"])
        if sum(len(set(numbers)) for numbers in self.taken.values()) == len(OBJECTS) * EVENTS_EACH:
            self.has_all.set()
        return 200


async def run(installation: Installation) -> None:
    book = Book()
    async with Receiver(book.answer) as receiver:
        await asyncio.to_thread(installation.start, workers=2)
        account_id = await installation.account()
        key = await installation.key(account_id)
        async with client(key) as http:
            answer = await http.post(
                f"{installation.url}{API}/webhooks/register",
                json={"url": receiver.url, "retry_schedule_s": [0, 1, 1, 1], "ordered": True},
            )
        assert answer.json()["data"]["ordered"] is True
        tenant = Tenant(account_id, "staging")
        database = open_database(installation.database_url)
        for _ in range(EVENTS_EACH // 2):
            for object_id in OBJECTS:
                await given_events(
                    database, SystemClock(), tenant, count=2, transaction_id=object_id
                )
        await database.close()

        await receiver.at_least(KILLED_AFTER)
        # While the eighth is being answered, so one of the two has it under way; it is none that is refused.
        for worker in installation.workers:
            worker.kill()
        for worker in installation.workers:
            await asyncio.to_thread(worker.restart)
        async with asyncio.timeout(ARRIVAL_S_MAX):
            await book.has_all.wait()

    assert book.beside == []
    # Taken again where its worker died before it could write so, and never out of its order.
    assert any(len(set(numbers)) < len(numbers) for numbers in book.taken.values())
    for numbers in book.taken.values():
        assert numbers == sorted(numbers)


async def test_kill_9_of_workers_leaves_each_object_in_its_order(
    working_set: WorkingSet,
) -> None:
    installations = [working_set.make(kind, webhook_timeout_s="1") for kind in AVAILABLE_KINDS]

    await asyncio.gather(*(run(installation) for installation in installations))
