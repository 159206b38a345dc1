"""An endpoint that was disabled for failing is asked now and then, and enabled again when it answers: none other."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from kernel.clock import FixedClock
from kernel.tenant import Tenant
from keys import audit_log
from keys.account_access import resume, suspend
from keys.signatures.signing import verify
from store.database import Database, Transaction
from tests.support.mail_server import open_mail_server
from tests.support.owner_mail import words
from tests.support.recording_receiver import receiver
from tests.support.told_team import open_told_team
from tests.support.webhook_rows import (
    claim_all,
    given_account,
    given_endpoint,
    given_events,
    new_vault,
)
from tests.webhooks.deliveries.test_notice import answer, disable, notices, settle
from webhooks.deliveries import log
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.disabling import reasons_to_disable
from webhooks.endpoints.endpoint import Endpoint
from webhooks.endpoints.fields import EndpointChanges
from webhooks.endpoints.ping import Sender, send_test
from webhooks.endpoints.probe import Probe
from webhooks.http.guard import Policy
from webhooks.http.names import SystemResolver
from webhooks.http.transport import Transport
from worker.endpoints import Ender, Prober

POLICY = Policy(allow_private=True, allow_http=True)
HOUR_S, DAY_S = 3_600, 86_400
TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Probing:
    """Workers that probe, and endpoints that they may probe."""

    database: Database
    clock: FixedClock
    transport: Transport
    secrets: dict[str, str] = field(default_factory=dict)

    def worker(self) -> Prober:
        probe = Probe(self.database, new_vault(), self.transport, self.clock, POLICY, TIMEOUT_S)
        return Prober(probe)

    async def tenant(self, environment: str = "staging") -> Tenant:
        return Tenant(await given_account(self.database, self.clock), environment)

    async def disabled(
        self, url: str, tenant: Tenant, *, answers: Sequence[int] = (500, 500, 500), count: int = 1
    ) -> list[str]:
        """Endpoints whose deliveries were answered so; of (500, 500, 500) on the first, fifth and sixth day."""
        made: list[str] = []
        for _ in range(count):
            endpoint, secret = await given_endpoint(
                self.database, self.clock, tenant, url=url, retry_schedule_s=[0]
            )
            made.append(endpoint.id)
            self.secrets[endpoint.id] = secret
        for day, status in zip((0, 4, 1), answers, strict=False):
            self.clock.advance_s(day * DAY_S)
            await given_events(self.database, self.clock, tenant)
            ended = [
                answer(one, self.clock, status)
                for one in (await claim_all(self.database, self.clock)).claimed
            ]
            await settle(self.database, ended)
        if reasons_to_disable(ended):
            await disable(self.database, self.clock, ended)
        return made

    async def of(self, tenant: Tenant, endpoint_id: str) -> Endpoint:
        return await self.database.read(
            lambda tx: endpoints.get(tx, new_vault(), tenant, endpoint_id)
        )

    async def say(self, tenant: Tenant, endpoint_id: str, status: str) -> None:
        """A person changes its status."""

        async def work(tx: Transaction) -> None:
            await endpoints.patch(
                tx,
                new_vault(),
                tenant,
                endpoint_id,
                changes=EndpointChanges(status=status),
                now_us=self.clock.now_us(),
            )

        await self.database.transaction(work)


@pytest.fixture
async def probing(database: Database, clock: FixedClock) -> AsyncIterator[Probing]:
    resolver = SystemResolver()
    opened = Transport(POLICY, resolver, clock)
    try:
        yield Probing(database, clock, opened)
    finally:
        await opened.close()
        resolver.close()


async def test_one_that_answers_again_is_enabled_as_by_a_person(probing: Probing) -> None:
    tenant, clock, database = await probing.tenant(), probing.clock, probing.database
    async with receiver() as hook:
        [id_] = await probing.disabled(hook.url, tenant)
        [held] = await given_events(database, clock, tenant)
        clock.advance_s(HOUR_S - 1)
        early = await probing.worker().step()
        clock.advance_s(1)
        await probing.worker().step()
        again = await probing.worker().step()

    assert (early, again) == (0, 0)
    [request] = hook.requests
    assert (request.event["type"], request.event["data"]["probe"]) == ("endpoint.test", True)
    wrong = verify(
        secret=probing.secrets[id_],
        headers=request.headers,
        body=request.body,
        now_s=clock.now_us() // 1_000_000,
    )
    assert list(wrong) == []
    endpoint = await probing.of(tenant, id_)
    assert (endpoint.status, endpoint.disabled_reason) == ("enabled", None)
    assert (endpoint.failing_since_at, endpoint.probe_at) == (None, None)
    assert [one for one in await notices(database, tenant) if one.ended_at is None] == []
    [noted] = await database.read(lambda tx: audit_log.page_of_account(tx, tenant, limit=9))
    assert (noted.entry.action, noted.entry.subject_id) == ("endpoint.enabled", id_)
    assert (noted.entry.actor_kind, noted.entry.reason) == ("gateway", "it answered a probe")
    found = await database.read(lambda tx: log.list_deliveries(tx, tenant, limit=1))
    assert [(one.event_type, one.status) for one in found.deliveries] == [
        ("endpoint.test", "delivered")
    ]
    # What was held goes as after a person's press, one at first.
    clock.advance_s(1)
    [claimed] = (await claim_all(database, clock)).claimed
    assert (claimed.event_id, claimed.was_held) == (held, True)


async def test_a_persons_ping_of_a_disabled_one_ends_none_of_its_notices(probing: Probing) -> None:
    tenant, clock, database = await probing.tenant(), probing.clock, probing.database
    async with receiver() as hook:
        [id_] = await probing.disabled(hook.url, tenant)
        before = await notices(database, tenant)
        sender = Sender(database, new_vault(), probing.transport, clock, POLICY, timeout_s=5)
        attempt = await send_test(sender, tenant, id_)

    assert attempt.http_status == 200
    assert (await probing.of(tenant, id_)).status == "disabled"
    assert "disabled" in [one.stage for one in before if one.ended_at is None]
    assert await notices(database, tenant) == before


async def test_one_that_fails_still_is_asked_each_six_hours_for_two_weeks(probing: Probing) -> None:
    tenant, clock = await probing.tenant(), probing.clock
    asked = []
    async with receiver(lambda _: (500, 0.0)) as hook:
        [id_] = await probing.disabled(hook.url, tenant)
        for wait_s in (HOUR_S, 6 * HOUR_S - 1, 1, 14 * DAY_S - 9 * HOUR_S, 6 * HOUR_S, 30 * DAY_S):
            clock.advance_s(wait_s)
            asked.append(await probing.worker().step())

    # The fourth is an hour before the end, after which none comes.
    assert asked == [1, 0, 1, 1, 0, 0]
    assert len(hook.requests) == 3
    endpoint = await probing.of(tenant, id_)
    assert (endpoint.status, endpoint.disabled_reason) == ("disabled", "failing")


async def test_who_is_gone_asked_was_switched_off_or_suspended_is_never_asked(
    probing: Probing,
) -> None:
    database, clock = probing.database, probing.clock
    async with receiver() as hook:
        gone, by_person, confirmed, deleted, suspended = [await probing.tenant() for _ in range(5)]
        [gone_id] = await probing.disabled(hook.url, gone, answers=(410,))
        [by_person_id] = await probing.disabled(hook.url, by_person, answers=(200,))
        await probing.say(by_person, by_person_id, "disabled")
        [confirmed_id] = await probing.disabled(hook.url, confirmed)
        await probing.say(confirmed, confirmed_id, "disabled")
        [deleted_id] = await probing.disabled(hook.url, deleted)
        await database.transaction(
            lambda tx: endpoints.delete(tx, new_vault(), deleted, deleted_id, now_us=clock.now_us())
        )
        [suspended_id] = await probing.disabled(hook.url, suspended)
        await database.transaction(
            lambda tx: suspend(tx, suspended.account_id, "fraud", now_us=clock.now_us())
        )
        clock.advance_s(2 * DAY_S)
        never = await probing.worker().step()
        before = len(hook.requests)
        await database.transaction(lambda tx: resume(tx, suspended.account_id))
        resumed = await probing.worker().step()

    assert (never, before, resumed) == (0, 0, 1)
    reasons = [
        (await probing.of(tenant, id_)).disabled_reason
        for tenant, id_ in ((gone, gone_id), (by_person, by_person_id), (confirmed, confirmed_id))
    ]
    assert reasons == ["gone", "request", "request"]
    assert (await probing.of(suspended, suspended_id)).status == "enabled"


@pytest.mark.one_database
@pytest.mark.parametrize(
    ("status", "headers", "reason"),
    [(410, {}, "gone"), (200, {"webhook-delivery": "disable"}, "asked")],
)
async def test_the_receivers_own_word_to_a_probe_is_the_last(
    probing: Probing, status: int, headers: dict[str, str], reason: str
) -> None:
    tenant = await probing.tenant()
    async with receiver(lambda _: (status, 0.0)) as hook:
        hook.headers = headers
        [id_] = await probing.disabled(hook.url, tenant)
        for _ in range(2):
            probing.clock.advance_s(DAY_S)
            await probing.worker().step()

    assert len(hook.requests) == 1
    endpoint = await probing.of(tenant, id_)
    assert (endpoint.status, endpoint.disabled_reason) == ("disabled", reason)


async def test_who_disables_it_while_it_is_asked_wins(probing: Probing) -> None:
    tenant = await probing.tenant()
    async with receiver() as hook:
        hook.held = asyncio.Event()
        [id_] = await probing.disabled(hook.url, tenant)
        probing.clock.advance_s(HOUR_S)
        asking = asyncio.ensure_future(probing.worker().step())
        await hook.wait_for(1)
        await probing.say(tenant, id_, "disabled")
        hook.held.set()
        await asking

    endpoint = await probing.of(tenant, id_)
    assert (endpoint.status, endpoint.disabled_reason) == ("disabled", "request")


async def test_two_workers_ask_once(probing: Probing) -> None:
    tenant = await probing.tenant()
    async with receiver() as hook:
        [id_] = await probing.disabled(hook.url, tenant)
        probing.clock.advance_s(HOUR_S)
        await asyncio.gather(*(probing.worker().step() for _ in range(3)))

    assert len(hook.requests) == 1
    assert (await probing.of(tenant, id_)).status == "enabled"


@pytest.mark.one_database
async def test_receivers_that_hang_hold_up_nobody_else(probing: Probing) -> None:
    hung, well = await probing.tenant(), await probing.tenant()
    async with receiver() as silent, receiver() as hook:
        silent.held = asyncio.Event()
        await probing.disabled(silent.url, hung, count=3)
        [id_] = await probing.disabled(hook.url, well)
        probing.clock.advance_s(HOUR_S)
        running = asyncio.ensure_future(probing.worker().run())
        await hook.wait_for(1)
        await silent.wait_for(2)
        async with asyncio.timeout(10):
            while True:
                if (await probing.of(well, id_)).status == "enabled":
                    break
                await asyncio.sleep(0.02)
        open_at_once = silent.open_now
        silent.held.set()
        await silent.wait_for(3)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert open_at_once == 2


@pytest.mark.one_database
async def test_a_worker_that_dies_between_the_answer_and_the_enabling_leaves_another_probe(
    probing: Probing,
) -> None:
    tenant, clock = await probing.tenant(), probing.clock
    async with receiver() as hook:
        hook.held = asyncio.Event()
        [id_] = await probing.disabled(hook.url, tenant)
        clock.advance_s(HOUR_S)
        dying = asyncio.ensure_future(probing.worker().run())
        await hook.wait_for(1)
        dying.cancel()
        await asyncio.gather(dying, return_exceptions=True)
        hook.held.set()
        before = await probing.of(tenant, id_)
        clock.advance_s(HOUR_S)
        await Ender(probing.database, clock).sweep()
        await probing.worker().step()

    assert (before.status, before.disabled_reason) == ("disabled", "failing")
    assert len(hook.requests) == 2
    assert (await probing.of(tenant, id_)).status == "enabled"


async def test_people_are_told_that_it_works_again(probing: Probing) -> None:
    team = await open_told_team(probing.database, probing.clock)
    async with receiver() as hook, open_mail_server() as server:
        await probing.disabled(hook.url, team.live)
        await team.told(server)
        probing.clock.advance_s(HOUR_S)
        await probing.worker().step()
        messages = await team.told(server)

    assert [one["Subject"] for one in messages] == ["A webhook works again"] * 2
    assert f"{hook.url} has been working again since" in words(messages[0])
