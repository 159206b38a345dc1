"""Run the worker process: the dispatcher, ARQ jobs and chores. Redis is optional.

When stopping, the worker claims nothing more, and finishes running work within STOP_S.

To add work, add a job to FUNCTIONS, a chore to `chores_of`, or a hint's listener to `run_worker`. A job's first
argument is the ARQ context.
"""

import asyncio
import contextlib
import gc
import logging
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, Protocol, cast

from arq.worker import func

from billing.bulk import batch
from billing.engine import batch_state
from billing.machine_payments import payment as machine_payment
from billing.orders import refund
from billing.topups import mail, topup
from billing.usage import hold
from kernel.clock import DAY_US
from runtime.context import Context
from runtime.redis_link import WAKE_JOB
from runtime.settings import Settings
from runtime.supervisor import watch_parent
from runtime.wake_pipe import listen
from runtime.woken_worker import WokenWorker
from store.database import ANYTHING
from webhooks.deliveries import delivery, endpoint_queue
from webhooks.deliveries.message import SecretCache
from webhooks.endpoints.fields import policy_of
from webhooks.events import event
from worker.chores import (
    Chore,
    do_chores,
    erase_idle,
    handed_over_chore,
    log_chores,
    mails_chore,
    money_chore,
    notifications_chore,
    pruned_note,
    pruning_chores,
    resealing_chore,
    retention_chore,
    sign_in_chores,
    space_chore,
)
from worker.deliver import DeliverySender, SealedBodies, lease_us, note_chore, note_pruned, telling
from worker.dispatch import Dispatcher, Slots, be_present, slots_of_process
from worker.endpoints import Ender, Replayer, Subscriptions, probers_of
from worker.money.chores import (
    forgetting_chore,
    reconciliation_chore,
    sealing_chores,
    staging_chore,
    usage_chore,
    volume_chore,
)
from worker.money.due import (
    ApprovalMailer,
    Expirer,
    NotificationWriter,
    Numberer,
    PlanCreditor,
    Renewer,
)
from worker.money.provider_calls import MachinePayer, Recharger, Reconciler, RefundLoop, Steerer
from worker.topups import Batcher, Fulfiller, Releaser, Revoker
from worker.woken_loop import WokenLoop

STOP_S: Final = 14.0  # The supervisor waits longer than this before it kills the worker.
JOBS_MAX: Final = 50
JOB_TIMEOUT_S: Final = 60
ERASE_S: Final = 600.0
# The dispatcher checks every BEAT_S. If it hasn't for this long, it is stuck.
LOOKED_S_MAX: Final = 10.0

logger = logging.getLogger(__name__)

Checks = Callable[[], Mapping[str, str]]
Beside = Callable[[Checks], contextlib.AbstractAsyncContextManager[None]]


class Woken(Protocol):
    def wake(self) -> None: ...

    async def run(self) -> None: ...


def nothing_beside(_checks: Checks) -> contextlib.AbstractAsyncContextManager[None]:
    return contextlib.nullcontext()


async def wake(arq_context: dict[str, Any]) -> None:
    wake_all: Callable[[], None] = arq_context["wake_all"]
    wake_all()


# Jobs by name. Their arguments are IDs. A job may run twice.
FUNCTIONS: Final = {WAKE_JOB: wake}


def chores_of(context: Context) -> Sequence[Chore]:
    kept_us = _retention_us(context.settings)
    note = pruned_note(context.database, context.vault, context.clock)
    erase = partial(erase_idle, context.database, context.clock, vault=context.vault)
    return (
        Chore("sandboxes.erase", ERASE_S, erase),
        resealing_chore(context.database, context.vault),
        space_chore(context.database),
        handed_over_chore(context.database, context.topup_rules.codes),
        usage_chore(context.database),
        staging_chore(context.database, context.clock, context.settings.staging_quotas),
        volume_chore(context.database, context.clock),
        *pruning_chores(context.database, context.clock),
        retention_chore(
            context.database,
            context.clock,
            kept_us,
            on_walked=partial(note_pruned, context.metrics),
            on_pruning=note,
        ),
        notifications_chore(context.database, context.clock, kept_us),
        mails_chore(context.database, context.clock, kept_us),
        money_chore(context.database, context.clock, kept_us),
        reconciliation_chore(context),
        *sealing_chores(context),
        forgetting_chore(context.database, context.clock, context.payments.forgetting),
        *sign_in_chores(context.database, context.clock),
        *Subscriptions(context.database, context.vault, context.clock).chores(),
        *log_chores(context.database, context.clock, context.settings, on_pruning=note),
    )


def _retention_us(settings: Settings) -> dict[str, int]:
    return {
        "staging": settings.retention_staging_days * DAY_US,
        "live": settings.retention_live_days * DAY_US,
    }


def dispatcher_of(context: Context) -> Dispatcher:
    timeout_s = context.settings.webhook_timeout_s
    told = telling(context)
    sender = DeliverySender(
        context.transport.post,
        SecretCache(context.vault),
        context.clock,
        live_policy=policy_of(context.policy, "live"),
        staging_policy=policy_of(context.policy, "staging"),
        timeout_s=timeout_s,
        code_of=context.topup_rules.codes.issued,
        link_of=context.topup_rules.decide_url,
        span_of=told.span_of,
        fault_of=SealedBodies(context.database, context.metrics).fault_of,
        may_send=Subscriptions(context.database, context.vault, context.clock).may_send,
    )
    return Dispatcher(
        context.database,
        context.vault,
        context.clock,
        sender,
        Slots(slots_of_process()),
        lease_us=lease_us(timeout_s),
        on_later=context.queue.wake_at,
        on_settled=told.report,
    )


async def run_worker(
    context: Context,
    *,
    redis_url: str | None,
    wake_fd: int | None = None,
    parent_fd: int | None = None,
    on_ready: Callable[[], None] = lambda: None,
    beside: Beside = nothing_beside,
) -> None:
    """Work until SIGINT or SIGTERM arrives, or the parent exits. Return when all deliveries are settled.

    - redis_url: without it, only the database and wake_fd (the supervisor's pipe) wake the worker.
    - beside: a context manager that is open while the worker runs. It gets a function that checks the dispatcher.
    """
    dispatcher = dispatcher_of(context)
    shared = (context.database, context.clock)
    loops = _woken_loops(context)
    wake_those = _waking(dispatcher, loops)
    wake_all = partial(wake_those, (ANYTHING,))
    context.hints.listen(lambda name: wake_those((name,)))
    stopped = asyncio.Event()
    _on_signals(stopped.set)
    if parent_fd is not None:
        watch_parent(parent_fd, stopped.set)
    end_listening = listen(wake_fd, wake_all) if wake_fd is not None else None
    parts: list[Callable[[], Awaitable[None]]] = [
        partial(do_chores, chores_of(context), partial(note_chore, context.metrics)),
        partial(be_present, *shared, dispatcher.slots, dispatcher.sharing.note_others),
        *(loop.run for loop, _ in loops),
        Replayer(*shared).run,
        *_asking_providers(context),
        partial(context.database.hear_hints, wake_those),
        *(prober.run for prober in probers_of(context)),
    ]
    if redis_url is not None:
        parts.append(_arq_worker(context, wake_those, redis_url).serve)
    try:
        async with beside(partial(_checks, dispatcher)), _running(parts) as running:
            deliveries = asyncio.ensure_future(dispatcher.run())
            # Objects made at startup live as long as the process, so the garbage collector can skip them.
            gc.collect()
            gc.freeze()
            on_ready()
            logger.info("worker.ready", extra={"slots": slots_of_process()})
            try:
                await _until(stopped, [deliveries, *running])
                dispatcher.stop()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(STOP_S):
                        await deliveries
            finally:
                deliveries.cancel()
                await asyncio.gather(deliveries, return_exceptions=True)
    finally:
        if end_listening is not None:
            end_listening()


def _woken_loops(context: Context) -> Sequence[tuple[Woken, str]]:
    shared = (context.database, context.clock, context.engine)
    return (
        (Fulfiller(*shared, context.suppliers, telling(context).record_call), topup.HINT),
        (Revoker(*shared, context.suppliers), topup.HINT),
        (Expirer(*shared), hold.HINT),
        (Releaser(*shared), topup.SCHEDULED_HINT),
        (Batcher(*shared), batch.HINT),
        (Renewer(*shared, context.payments), ""),
        (Recharger(*shared[:2], context.payments.charging), batch_state.RECHARGE_HINT),
        (PlanCreditor(*shared, context.settings.expiring_days), ""),
        (RefundLoop(*shared[:2], context.refunder), refund.HINT),
        (MachinePayer(*shared[:2], context.machine_payments), machine_payment.HINT),
        (Ender(*shared[:2]), endpoint_queue.ENDING_HINT),
        *((mailer, mail.HINT) for mailer in _mailers_of(context)),
    )


def _asking_providers(context: Context) -> Sequence[Callable[[], Awaitable[None]]]:
    shared = (context.database, context.clock)
    return (
        Reconciler(*shared, context.payments).run,
        Steerer(*shared, context.payments.steering).run,
        Numberer(*shared, context.settings.seller, context.topup_rules.mail.sent_in).run,
        ApprovalMailer(*shared, context.topup_rules.mail.sent_in).run,
        NotificationWriter(*shared, context.topup_rules.mail.sent_in).run,
    )


def _mailers_of(context: Context) -> Sequence[WokenLoop]:
    """Return the loops that send mail. Without a mail server, they aren't imported, which saves 3 MB."""
    server, mail_from = context.settings.smtp_server, context.settings.mail_sender
    if server is None or mail_from is None:
        return ()
    from worker import mail  # noqa: PLC0415 what writes letters [3 MB]

    return mail.mailers_of(context, server, mail_from)


def _waking(
    dispatcher: Dispatcher, loops: Sequence[tuple[Woken, str]]
) -> Callable[[Sequence[str]], None]:
    everyone = (dispatcher.wake, *(loop.wake for loop, _ in loops))
    concerned: dict[str, list[Callable[[], None]]] = {event.HINT: [], mail.HINT: []}
    for loop, hint in loops:
        if hint:
            concerned.setdefault(hint, []).append(loop.wake)

    def wake_those(names: Sequence[str]) -> None:
        called: set[Callable[[], None]] = set()
        for name in names:
            about, _, endpoint_id = name.partition(":")
            if about == delivery.HINT:
                dispatcher.wake(endpoint_id)
            else:
                called.update(concerned.get(name, everyone))
        for wake_loop in called:
            wake_loop()

    return wake_those


def _arq_worker(
    context: Context, wake_those: Callable[[Sequence[str]], None], redis_url: str
) -> WokenWorker:
    return WokenWorker(
        [func(cast(Any, job), name=name) for name, job in FUNCTIONS.items()],
        url=redis_url,
        on_wake=wake_those,
        state=context.redis.state,
        handle_signals=False,
        max_jobs=JOBS_MAX,
        job_timeout=JOB_TIMEOUT_S,
        ctx={"context": context, "wake_all": partial(wake_those, (ANYTHING,))},
    )


@contextlib.asynccontextmanager
async def _running(
    parts: Sequence[Callable[[], Awaitable[None]]],
) -> AsyncIterator[Sequence["asyncio.Future[None]"]]:
    tasks = [asyncio.ensure_future(part()) for part in parts]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _until(stopped: asyncio.Event, tasks: Sequence["asyncio.Future[None]"]) -> None:
    async def wait() -> None:
        await stopped.wait()

    stop = asyncio.ensure_future(wait())
    done, _ = await asyncio.wait([stop, *tasks], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    for task in done:
        task.result()


def _on_signals(stop: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)


def _checks(dispatcher: Dispatcher) -> dict[str, str]:
    return {
        "claims": "ok" if time.monotonic() - dispatcher.last_poll_at_s < LOOKED_S_MAX else "stuck"
    }
