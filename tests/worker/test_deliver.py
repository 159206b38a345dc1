import dataclasses
import logging

import pytest

from kernel.clock import HOUR_US, FixedClock
from kernel.ids import least_id
from keys.signatures.signing import new_webhook_secret
from keys.vault import Vault
from store.errors import StoreError
from tests.support.webhook_rows import new_vault
from webhooks.deliveries.message import Headers, SecretCache, settlement_of
from webhooks.deliveries.sealed import SECRET_PURPOSE
from webhooks.deliveries.stage import Claimed, Target
from webhooks.endpoints.disabling import reasons_to_disable
from webhooks.http.guard import Policy
from webhooks.http.transport import ErrorClass, SendResult
from worker.deliver import (
    DeliverySender,
    FaultOf,
    Sent,
    Settled,
    lease_us,
    log_attempt,
    no_fault,
)

DAY_US = 86_400_000_000
LIVE = Policy()
STAGING = Policy(allow_http=True)


@dataclasses.dataclass
class Line:
    """A transport that answers 200 and keeps what it was given."""

    policies: list[Policy | None] = dataclasses.field(default_factory=list)

    async def post(
        self,
        url: str,
        headers: Headers,
        body: bytes,
        timeout_s: float,
        *,
        policy: Policy | None,
        account_id: str,
    ) -> SendResult:
        self.policies.append(policy)
        return SendResult(200, None, None, {}, b"", False, "192.0.2.1", {}, 0, 1_000)


def claimed(
    clock: FixedClock,
    *,
    environment: str = "staging",
    lost_claims: int = 0,
    lease: int = lease_us(10),
    failing_since_at: int | None = None,
    event_age_us: int = 0,
) -> Claimed:
    now_us = clock.now_us()
    sealed = new_vault().seal(new_webhook_secret().encode(), purpose=SECRET_PURPOSE, subject="we_1")
    target = Target(
        "we_1", "https://x.test/", sealed, None, None, None, (0, 5), failing_since_at, None
    )
    return Claimed(
        least_id("dlv", now_us),
        least_id("evt", now_us - event_age_us),
        "topup.delivered",
        "acc_1",
        environment,
        1,
        lost_claims + 1,
        lost_claims,
        now_us + lease,
        target,
        b"{}",
        created_at=now_us,
    )


def no_code(topup_id: str, _sealed: str | None) -> str:
    raise AssertionError(f"{topup_id}: these deliveries carry no code")


def no_link(approval_id: str) -> str:
    raise AssertionError(f"{approval_id}: these deliveries carry no link")


def sender(
    line: Line, clock: FixedClock, vault: Vault | None = None, *, fault_of: FaultOf = no_fault
) -> DeliverySender:
    return DeliverySender(
        line.post,
        SecretCache(vault or new_vault()),
        clock,
        live_policy=LIVE,
        staging_policy=STAGING,
        timeout_s=10,
        code_of=no_code,
        link_of=no_link,
        fault_of=fault_of,
    )


def sent(one: Claimed, status: int | None, error: ErrorClass | None, at_us: int) -> Sent:
    outcome = SendResult(status, error, None, {}, b"", False, None, {}, 0, 0)
    return Sent(one, settlement_of(one, outcome, [], ended_at_us=at_us))


async def test_plain_http_is_permitted_in_staging_only(clock: FixedClock) -> None:
    line = Line()

    await sender(line, clock).send(claimed(clock, environment="staging"))
    await sender(line, clock).send(claimed(clock, environment="live"))

    assert line.policies == [STAGING, LIVE]


async def test_what_must_not_be_signed_is_an_attempt_that_says_why(clock: FixedClock) -> None:
    line = Line()

    async def fault_of(_claimed: Claimed) -> str:
        return "The stored event isn't as it was sealed."

    replay = claimed(clock, event_age_us=HOUR_US + 1000)
    sent_one = await sender(line, clock, fault_of=fault_of).send(replay)

    assert line.policies == []
    assert sent_one is not None
    attempt = sent_one.settlement.attempt
    assert (attempt.error, attempt.reason, attempt.body_sha256) == (
        "protocol",
        "The stored event isn't as it was sealed.",
        None,
    )


async def test_nothing_is_signed_unseen_while_the_database_is_away(clock: FixedClock) -> None:
    line = Line()

    async def fault_of(_claimed: Claimed) -> str:
        raise StoreError("it is away")

    replay = claimed(clock, event_age_us=HOUR_US + 1000)
    assert await sender(line, clock, fault_of=fault_of).send(replay) is None
    assert line.policies == []


@pytest.mark.parametrize("event_age_us", [0, HOUR_US])
async def test_a_first_delivery_is_asked_nothing(clock: FixedClock, event_age_us: int) -> None:
    line = Line()

    async def fault_of(_claimed: Claimed) -> str:
        raise AssertionError("it is no replay")

    first = claimed(clock, event_age_us=event_age_us)
    assert await sender(line, clock, fault_of=fault_of).send(first) is not None
    assert line.policies == [STAGING]


async def test_nothing_is_sent_on_a_lease_too_short_to_settle(clock: FixedClock) -> None:
    line = Line()
    one = claimed(clock)
    clock.advance_s(5)
    in_time = await sender(line, clock).send(one)
    clock.advance_s(0.000001)

    too_late = await sender(line, clock).send(one)

    assert in_time is not None
    assert too_late is None
    assert len(line.policies) == 1


async def test_a_delivery_whose_claims_were_lost_is_put_off_and_not_sent(clock: FixedClock) -> None:
    line = Line()

    result = await sender(line, clock).send(claimed(clock, lost_claims=5))

    assert result is not None
    assert line.policies == []
    assert (result.settlement.status, result.settlement.attempt.error) == ("pending", "lost")


async def test_a_missing_master_key_is_a_failed_attempt_not_a_crash(clock: FixedClock) -> None:
    line = Line()

    result = await sender(line, clock, Vault([b"x" * 32])).send(claimed(clock))

    assert result is not None
    assert line.policies == []
    assert result.settlement.status == "pending"
    assert result.settlement.attempt.error == "protocol"


def test_410_and_five_days_of_failure_ask_for_an_end(clock: FixedClock) -> None:
    now_us = clock.now_us()
    long = claimed(clock, failing_since_at=now_us - 5 * DAY_US)
    short = claimed(clock, failing_since_at=now_us - 5 * DAY_US + 1)

    def reasons(one: Sent) -> dict[str, str]:
        return reasons_to_disable([one.settlement])

    assert reasons(sent(claimed(clock), 410, "http", now_us)) == {"we_1": "gone"}
    assert reasons(sent(long, 500, "http", now_us)) == {"we_1": "failing"}
    assert reasons(sent(long, 200, None, now_us)) == {}
    assert reasons(sent(short, None, "timeout", now_us)) == {}


@pytest.mark.parametrize(
    ("error", "is_held", "level"),
    [("http", True, "INFO"), ("http", False, "WARNING")],
)
def test_an_attempt_is_one_wide_line(
    clock: FixedClock,
    caplog: pytest.LogCaptureFixture,
    error: ErrorClass,
    is_held: bool,
    level: str,
) -> None:
    caplog.set_level(logging.INFO)

    one = claimed(clock)._replace(transaction_id="txn_1")
    log_attempt(Settled(sent(one, 503, error, clock.now_us()), is_held=is_held))

    [record] = caplog.records
    line = vars(record)
    assert line["transaction_id"] == "txn_1"
    assert (record.message, record.levelname) == ("delivery.attempted", level)
    assert (line["delivery_id"], line["attempt"], line["http_status"]) == (one.id, 1, 503)
    assert (line["status"], line["next_attempt_at"]) == ("pending", "2026-06-13T12:00:05.000Z")


async def test_a_lost_delivery_is_an_alarm(
    clock: FixedClock, caplog: pytest.LogCaptureFixture
) -> None:
    result = await sender(Line(), clock).send(claimed(clock, lost_claims=5))
    assert result is not None

    log_attempt(Settled(result, is_held=True))

    assert [record.levelname for record in caplog.records] == ["ERROR"]
