"""OpenTelemetry's spans of a real gateway and worker, as a collector gets them over OTLP."""

import asyncio
import time
from typing import NamedTuple

import pytest
import pytest_asyncio

from tests.e2e.conftest import WorkingSet
from tests.support.collector import CollectedSpan, Collector
from tests.support.installation import API, Installation
from tests.support.receiver import Received, Receiver
from tests.support.senders import client, order

pytestmark = pytest.mark.one_database

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
UNSAMPLED_ID = "5bf92f3577b34da6a3ce929d0e0e4736"
CALLER_ID = "00f067aa0ba902b7"
PARTS = ("waited", "statements", "commit")
# Not the wallet here, so that a worker asks a supplier; in staging one that stands in delivers at once.
BY_HAND = '[{"id": "claude", "name": "Claude", "fulfilment": "manual"}]'
# Whatever a caller may write somewhere, and what of it is a credential.
HUSHED = ("hush-state", "hush-query", "hush-note", "hush-reference", "hush-key", "hush.reader")


def send_headers(trace_id: str, flags: str, request_id: str) -> dict[str, str]:
    return {
        "traceparent": f"00-{trace_id}-{CALLER_ID}-{flags}",
        "tracestate": "rojo=hush-state",
        "X-Request-Id": request_id,
        "Idempotency-Key": f"hush-key-{request_id}",
    }


async def traced(installation: Installation, receiver: Receiver) -> tuple[str, list[str]]:
    """A key, and the transactions of three sends: in a sampled trace, in one that is not, and in none."""
    key = await installation.key(await installation.account())
    sampled = send_headers(TRACE_ID, "01", "order-77")
    unsampled = send_headers(UNSAMPLED_ID, "00", "order-78")
    async with client(key) as http:
        hook = {
            "url": f"{receiver.url}?x=hush-query",
            "events": ["topup.delivered"],
            "retry_schedule_s": [0, 0],
        }
        made = await http.post(f"{installation.url}{API}/webhooks/register", json=hook)
        assert made.status_code == 201, made.text
        answers = [
            await http.post(
                f"{installation.url}{API}/topup/send",
                json=order(
                    500, email="hush.reader@example.com", note="hush-note", reference=reference
                ),
                headers=headers,
            )
            # The last one's request id is a credential.
            for reference, headers in (
                ("hush-reference-1", sampled),
                ("hush-reference-2", unsampled),
                ("hush-reference-3", {"X-Request-Id": key}),
            )
        ]
    assert [one.status_code for one in answers] == [202] * 3, answers[0].text
    return key, [one.json()["transaction_id"] for one in answers]


class Seen(NamedTuple):
    """What came of three sends: what the collector got, and the webhooks."""

    key: str
    transactions: list[str]
    hooks: list[Received]
    spans: list[CollectedSpan]
    bodies: list[bytes]
    metrics: str

    def told(self, trace_id: str) -> list[str]:
        """The traceparents of that trace's webhooks, which were sent twice for each top-up."""
        parents = [one.headers["traceparent"] for one in self.hooks]
        return sorted(one for one in parents if trace_id in one)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def seen(working_set: WorkingSet) -> Seen:
    """Each webhook's first attempt failed."""
    failed: set[str] = set()

    async def answer(received: Received) -> int:
        delivery = received.headers["x-aitopup-delivery"]
        is_first = delivery not in failed
        failed.add(delivery)
        return 500 if is_first else 200

    async with Receiver(answer) as receiver, Receiver() as listening:
        collector = Collector(listening)
        installation = working_set.make("sqlite", platforms=BY_HAND)
        installation.env.update(collector.variables)
        installation.start(with_redis=False)
        key, transactions = await traced(installation, receiver)
        hooks = await receiver.at_least(6)
        sampled = {transactions[0], transactions[2]}
        spans = await collector.until(lambda found: is_whole(found, sampled))
        metrics = await metrics_of(installation)
    return Seen(key, transactions, list(hooks), spans, collector.bodies, metrics)


def test_one_trace_goes_from_the_caller_to_each_attempt(seen: Seen) -> None:
    request, (first, second), ask = parts(seen.spans, TRACE_ID)

    assert (request.name, request.kind) == (f"POST {API}/topup/send", "server")
    assert request.parent_id == CALLER_ID
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": f"{API}/topup/send",
        "http.response.status_code": 202,
        "topup.code": 1002,
        "topup.request_id": "order-77",
        "topup.transaction_id": seen.transactions[0],
        "topup.environment": "staging",
        "topup.is_replay": False,
    }
    assert {one.parent_id for one in (first, second, ask)} == {request.span_id}
    assert {one.service for one in seen.spans} == {"topup-test"}
    # Each attempt's span is the one that its receiver was told of.
    assert seen.told(TRACE_ID) == sorted(
        f"00-{TRACE_ID}-{one.span_id}-01" for one in (first, second)
    )
    assert [first.attributes["topup.attempt"], second.attributes["topup.attempt"]] == [1, 2]
    assert (first.is_error, first.attributes["http.response.status_code"]) == (True, 500)
    assert (second.is_error, second.attributes["http.response.status_code"]) == (False, 200)
    assert second.attributes["topup.transaction_id"] == seen.transactions[0]
    assert second.attributes["topup.event_type"] == "topup.delivered"
    assert {"topup.dns_ms", "topup.first_byte_ms"} <= set(first.attributes)
    # Another top-up's attempt may have connected before, and this one went over its connection.
    assert any("topup.connect_ms" in one.attributes for one in seen.spans)
    assert (ask.kind, ask.attributes["topup.outcome"]) == ("client", "delivered")


def test_a_batch_is_linked_with_its_requests_and_in_no_trace_of_theirs(seen: Seen) -> None:
    request, _, _ = parts(seen.spans, TRACE_ID)

    [(batch_trace, batch_id)] = request.links
    [batch] = [one for one in seen.spans if one.span_id == batch_id]
    assert (batch.name, batch.trace_id, batch.parent_id) == ("batch", batch_trace, "")
    assert batch_trace != TRACE_ID
    assert batch.links == ((TRACE_ID, request.span_id),)
    assert batch.attributes["topup.batch.size"] == 1
    parts_ms = [batch.attributes[f"topup.batch.{part}_ms"] for part in PARTS]
    assert sum(parts_ms) == pytest.approx(batch.took_ns / 1e6, abs=0.1)


def test_a_trace_is_begun_where_there_is_none_and_kept_off_where_its_caller_says(
    seen: Seen,
) -> None:
    [root] = [
        one
        for one in seen.spans
        if one.attributes.get("topup.transaction_id") == seen.transactions[2]
        and one.kind == "server"
    ]
    begun, attempts, ask = parts(seen.spans, root.trace_id)
    assert begun.parent_id == ""
    assert {one.parent_id for one in (*attempts, ask)} == {begun.span_id}
    assert [one[:35] for one in seen.told(root.trace_id)] == [f"00-{root.trace_id}"] * 2

    assert [one for one in seen.spans if one.trace_id == UNSAMPLED_ID] == []
    assert [one[-3:] for one in seen.told(UNSAMPLED_ID)] == ["-00", "-00"]


def test_nothing_that_can_be_spent_or_names_a_person_is_exported(seen: Seen) -> None:
    sent = b"".join(seen.bodies)

    assert [word for word in (*HUSHED, seen.key) if word.encode() in sent] == []
    # A request's id is the caller's word, here the credential.
    ids = {one.attributes.get("topup.request_id") for one in seen.spans}
    assert {"order-77", "ak_staging_***"} <= ids
    assert "topup_spans_dropped_total{" not in seen.metrics


def parts(
    spans: list[CollectedSpan], trace_id: str
) -> tuple[CollectedSpan, list[CollectedSpan], CollectedSpan]:
    """A trace's request, its attempts by their number, and its supplier's ask; there is nothing else."""
    found = [one for one in spans if one.trace_id == trace_id]
    [request] = [one for one in found if one.kind == "server"]
    [ask] = [one for one in found if one.name == "supplier"]
    attempts = [one for one in found if one.name == "webhook"]
    assert len(found) == 4
    return request, sorted(attempts, key=lambda one: int(one.attributes["topup.attempt"])), ask


def is_whole(spans: list[CollectedSpan], sampled: set[str]) -> bool:
    """Whether both traces are here, with the batch of each: a gateway and a worker export on their own."""
    requests = [
        one
        for one in spans
        if one.kind == "server" and one.attributes.get("topup.transaction_id") in sampled
    ]
    batches = {batch_id for one in requests for _, batch_id in one.links}
    return (
        len(requests) == 2
        and batches <= {one.span_id for one in spans}
        and (count(spans, "webhook"), count(spans, "supplier")) == (4, 2)
    )


def count(spans: list[CollectedSpan], name: str) -> int:
    return sum(one.name == name for one in spans)


async def metrics_of(installation: Installation) -> str:
    async with client("none") as http:
        return (await http.get(f"{installation.url}/metrics")).text


async def test_a_collector_that_hangs_costs_spans_alone(working_set: WorkingSet) -> None:
    opened = asyncio.Event()

    async def answer(_received: Received) -> int:
        await opened.wait()
        return 200

    async with Receiver(answer) as listening:
        installation = working_set.make("sqlite")
        room = {"OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "4"}
        installation.env.update(Collector(listening).variables | room)
        installation.start(workers=0, with_redis=False)
        key = await installation.key(await installation.account())
        async with client(key) as http:
            answers = [
                await http.post(f"{installation.url}{API}/topup/send", json=order(100))
                for _ in range(30)
            ]
        slowest_s = max(one.elapsed.total_seconds() for one in answers)
        metrics = await metrics_of(installation)
        stopped_s = time.monotonic()
        code = await asyncio.to_thread(installation.gateways[0].stop)
        stop_s = time.monotonic() - stopped_s
        opened.set()

    assert [one.json()["code"] for one in answers] == [1001] * 30
    # The SDK waits 10 s for a collector.
    assert max(slowest_s, stop_s) < 10
    [line] = [one for one in metrics.splitlines() if one.startswith("topup_spans_dropped_total{")]
    # Four at most are on their way and eight in the queue, of two spans for each send.
    assert line.startswith('topup_spans_dropped_total{reason="full"}')
    assert float(line.split()[1]) >= 30
    assert code == 0
