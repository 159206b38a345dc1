"""What a worker counts of the attempts that it made."""

import pytest

from kernel.clock import FixedClock
from runtime.metrics import Metrics
from tests.worker.test_deliver import claimed, sent
from worker.deliver import Settled, note_chore, report

S_US = 1_000_000


def counted(metrics: Metrics, *names: str) -> list[str]:
    lines = metrics.render().decode().splitlines()
    return [line for line in lines if line.startswith(names)]


def test_an_attempt_counts_by_error_and_environment_and_its_delivery_once_it_ended(
    clock: FixedClock,
) -> None:
    metrics, now_us = Metrics(), clock.now_us()
    live = claimed(clock, environment="live")

    report(metrics, Settled(sent(live, 503, "http", now_us), is_held=True))
    report(metrics, Settled(sent(live, 200, None, now_us), is_held=True))
    report(metrics, Settled(sent(claimed(clock), 200, None, now_us), is_held=True))

    assert counted(metrics, "topup_attempts_total", "topup_deliveries_total") == [
        'topup_deliveries_total{environment="live",status="delivered"} 1.0',
        'topup_deliveries_total{environment="staging",status="delivered"} 1.0',
        'topup_attempts_total{environment="live",error="http"} 1.0',
        'topup_attempts_total{environment="live",error="none"} 1.0',
        'topup_attempts_total{environment="staging",error="none"} 1.0',
    ]


def test_an_outcome_that_was_not_written_counts_as_a_lost_claim_alone(clock: FixedClock) -> None:
    metrics = Metrics()

    report(metrics, Settled(sent(claimed(clock), 200, None, clock.now_us()), is_held=False))

    assert counted(metrics, "topup_claims_lost_total", "topup_attempts_total") == [
        'topup_claims_lost_total{environment="staging"} 1.0'
    ]


@pytest.mark.parametrize(
    ("number", "enabled_s", "lags"),
    [(1, None, ["4.0"]), (1, 8, ["4.0"]), (1, 12, []), (2, None, [])],
    ids=["first", "enabled before", "held until it was enabled", "a retry"],
)
def test_the_lag_is_that_of_first_attempts_whose_endpoint_was_not_disabled(
    clock: FixedClock, number: int, enabled_s: int | None, lags: list[str]
) -> None:
    metrics, one = Metrics(), claimed(clock)
    enabled_at = None if enabled_s is None else enabled_s * S_US
    one = one._replace(
        number=number, created_at=10 * S_US, target=one.target._replace(enabled_at=enabled_at)
    )

    report(metrics, Settled(sent(one, 200, None, 14 * S_US), is_held=True))

    found = counted(metrics, "topup_first_attempt_lag_seconds_sum")
    assert [line.rpartition(" ")[2] for line in found] == lags


@pytest.mark.parametrize(
    ("number", "shown"), [(1, "1"), (2, "2"), (3, "3"), (4, "more"), (20, "more")]
)
def test_each_attempt_has_a_lag_from_when_it_was_due(
    clock: FixedClock, number: int, shown: str
) -> None:
    metrics = Metrics()
    one = claimed(clock)._replace(number=number, created_at=1 * S_US, due_at=12 * S_US)

    report(metrics, Settled(sent(one, 200, None, 14 * S_US), is_held=True))
    # One that a process of before has claimed: nobody knows when it was due.
    report(metrics, Settled(sent(one._replace(due_at=None), 200, None, 14 * S_US), is_held=True))

    [line] = counted(metrics, "topup_attempt_lag_seconds_sum")
    assert line == f'topup_attempt_lag_seconds_sum{{environment="staging",number="{shown}"}} 2.0'
    assert counted(metrics, "topup_attempt_lag_seconds_count")[0].endswith(" 1.0")


def test_a_chore_shows_when_it_last_ended() -> None:
    metrics = Metrics()

    note_chore(metrics, "retention.prune")

    [line] = counted(metrics, "topup_chore_ended_timestamp_seconds{")
    name, _, at = line.rpartition(" ")
    assert name == 'topup_chore_ended_timestamp_seconds{chore="retention.prune"}'
    assert float(at) > 1_700_000_000
