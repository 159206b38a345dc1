"""What is counted on the event loop is shown as Prometheus reads it."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from runtime.metrics import PlainCounter, PlainGauge, PlainHistogram


def shown(collector: Collector) -> list[str]:
    registry = CollectorRegistry()
    registry.register(collector)
    return generate_latest(registry).decode().splitlines()[2:]


def test_a_counter_has_a_line_for_each_combination_of_labels() -> None:
    counter = PlainCounter("topup_sends", "Sends.", "code", "environment")

    counter.add("1001", "staging")
    counter.add("1001", "staging")
    counter.add("3001", "live")

    assert shown(counter) == [
        'topup_sends_total{code="1001",environment="staging"} 2.0',
        'topup_sends_total{code="3001",environment="live"} 1.0',
    ]


def test_a_total_that_somebody_else_counts_is_shown_as_it_is_last_said() -> None:
    counter = PlainCounter("topup_waits", "Waits.")

    counter.show(3)
    counter.show(5)

    assert shown(counter) == ["topup_waits_total 5.0"]


def test_a_gauge_shows_the_last_value_of_each_label() -> None:
    gauge = PlainGauge("topup_ended", "Ended.", "chore")

    gauge.set(1, "prune")
    gauge.set(7, "prune")

    assert shown(gauge) == ['topup_ended{chore="prune"} 7.0']


def test_a_histogram_counts_a_value_at_a_bound_below_it_and_one_beyond_all_in_the_last() -> None:
    histogram = PlainHistogram("topup_seconds", "Seconds.", "kind", bounds=(0.5, 1))

    for value in (0.25, 0.5, 0.75, 8):
        histogram.observe(value, "a")

    assert shown(histogram) == [
        'topup_seconds_bucket{kind="a",le="0.5"} 2.0',
        'topup_seconds_bucket{kind="a",le="1.0"} 3.0',
        'topup_seconds_bucket{kind="a",le="+Inf"} 4.0',
        'topup_seconds_count{kind="a"} 4.0',
        'topup_seconds_sum{kind="a"} 9.5',
    ]
