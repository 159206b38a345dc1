"""Update metrics that are read from the database, and clear them while the database is unreachable."""

from collections.abc import Mapping
from typing import TypeVar

from billing.ledger.proof import LastProof
from billing.reconciliation.runs import RunStatus
from gateway.api.readiness import Readiness, T, Watch
from kernel.clock import SECOND_US
from runtime.metrics import Metrics, PlainGauge
from store.servers import ServerRoom
from webhooks.deliveries.backlog import Backlog

LABELS = TypeVar("LABELS", bound=tuple[str, ...])


async def read(metrics: Metrics, readiness: Readiness) -> None:
    m, r = metrics, readiness
    backlog = await _read(m, "backlog", r.backlog, m.oldest_due_seconds, m.overlooked_seconds)
    if backlog is not None:
        _fill_backlog(m, backlog)
    if (due := await _read(m, "due", r.due, m.deliveries_due)) is not None:
        m.deliveries_due.set(due)
    if (mail_us := await _read(m, "mail", r.mail, m.mail_oldest_due_seconds)) is not None:
        m.mail_oldest_due_seconds.set(mail_us / SECOND_US)
    waiting = await _read(m, "topups", r.desk, m.topups_waiting)
    _fill_by_labels(m.topups_waiting, waiting)
    waits = await _read(m, "supplier_waits", r.supplier_waits, m.supplier_wait_seconds)
    for environment, wait_us in (waits or {}).items():
        m.supplier_wait_seconds.set(wait_us / SECOND_US, environment)
    unanswered = await _read(m, "payments", r.unanswered, m.payments_unanswered)
    _fill_by_labels(m.payments_unanswered, unanswered)
    stuck = await _read(m, "machine_payments", r.stuck, m.machine_payments_stuck)
    for environment, number in (stuck or {}).items():
        m.machine_payments_stuck.set(number, environment)
    compared = await _read(m, "reconciliation", r.reconciled, m.money_differences, m.reconciled)
    if compared is not None:
        _fill_reconciliation(m, compared)
    await _read_seals(m, r)
    proof = await _read(m, "proof", r.proof, m.ledger_findings, m.ledger_proved)
    if proof is not None:
        _fill_proof(m, proof)
    copied = await _read(m, "copies", r.copied, m.copied)
    for place, began_at in (copied or {}).items():
        m.copied.set(began_at / SECOND_US, place)
    of_server = (m.server_connections, m.server_connections_max, m.transaction_id_age)
    if (room := await _read(m, "server", r.room, *of_server)) is not None:
        _fill_server(m, room)


async def _read_seals(m: Metrics, r: Readiness) -> None:
    sealed = await _read(m, "checkpoints", r.sealed, m.checkpoint_due)
    for one in sealed or ():
        if one.due_at is not None:
            m.checkpoint_due.set(one.due_at / SECOND_US, one.environment)
    records = await _read(m, "records", r.records, m.records_sealed)
    if records is not None and records.head is not None:
        m.records_sealed.set(records.head.sealed_at / SECOND_US)


async def _read(metrics: Metrics, source: str, watch: Watch[T], *gauges: PlainGauge) -> T | None:
    seen = await watch.see()
    for gauge in gauges:
        gauge.clear()
    if watch.answered_at_s is not None:
        metrics.source_read.set(watch.answered_at_s, source)
    return seen


def _fill_backlog(metrics: Metrics, seen: Backlog) -> None:
    metrics.oldest_due_seconds.set(seen.oldest_due_us / SECOND_US)
    metrics.overlooked_seconds.set(seen.overlooked_us / SECOND_US)


def _fill_by_labels(gauge: PlainGauge, seen: Mapping[LABELS, int] | None) -> None:
    for labels, number in (seen or {}).items():
        gauge.set(number, *labels)


def _fill_reconciliation(metrics: Metrics, seen: RunStatus) -> None:
    _fill_by_labels(metrics.money_differences, seen.open)
    for run in seen.runs:
        if run.ended_at is not None:
            metrics.reconciled.set(run.ended_at / SECOND_US, run.environment, run.part)


def _fill_proof(metrics: Metrics, seen: LastProof) -> None:
    metrics.ledger_findings.set(seen.findings)
    if seen.proved_at is not None:
        metrics.ledger_proved.set(seen.proved_at / SECOND_US)


def _fill_server(metrics: Metrics, seen: ServerRoom) -> None:
    metrics.server_connections.set(seen.ours + seen.others)
    metrics.server_connections_max.set(seen.connections_max)
    metrics.transaction_id_age.set(seen.transaction_id_age)
