"""One disaster under load, and what became of everything that was acknowledged.

Several tenants send through all gateways, each send repeated under its key until it is answered,
while the disaster takes its course. Then the load ends, what is due is delivered, and each
acknowledged send is held against the database and the receiver.
"""

import asyncio
import contextlib
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.scene import HMAC_ALONE, Scene, merchant
from bench.silent_network import SilentNetwork
from store.errors import StoreError
from tests.support.installation import Installation
from tests.support.receiver import Receiver
from tests.support.senders import Senders, tally

TENANTS: Final = 4
CLIENTS_PER_TENANT: Final = 8
PAUSE_S: Final = 0.02
BEFORE_S: Final = 1.5
AFTER_S: Final = 2.0
# A client takes a gateway that says nothing for so long for one that is away.
ANSWER_S_MAX: Final = 2.0
PATIENCE_S: Final = 60.0
# More attempts than a receiver is cut in their time; what a crash loses must not hide behind it.
RETRY_SCHEDULE_S: Final = [0, 1, 2, 5, 5, 10, 10]
# The claims of a killed or stopped worker end after this and 25 s; then they are sent again.
WEBHOOK_TIMEOUT_S: Final = 2
DRAIN_S_MAX: Final = 90.0
WAIT_S_MAX: Final = 10.0
_OPEN_DELIVERIES: Final = "SELECT COUNT(*) FROM deliveries WHERE status IN ('pending', 'sending')"


@dataclass
class Trial:
    """What a disaster may lay hands on. Times are by perf_counter."""

    stage: Scene
    receiver: Receiver
    random: random.Random
    is_full: bool
    network: SilentNetwork | None = None
    tenants: list[Senders] = field(default_factory=list)
    happened: Counter[str] = field(default_factory=Counter)
    # When nobody could be served: a wait is counted without these.
    blackouts: list[tuple[float, float]] = field(default_factory=list)

    @property
    def acknowledged(self) -> dict[str, str]:
        """Reference to transaction id, of all tenants."""
        return {key: id_ for one in self.tenants for key, id_ in one.acknowledged.items()}

    @contextlib.asynccontextmanager
    async def blackout(self) -> AsyncIterator[None]:
        """While this lasts no gateway can serve anybody."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            self.blackouts.append((began_s, time.perf_counter()))


@dataclass(frozen=True)
class Disaster:
    """strike returns when the disaster is over. processes: so many gateways, and so many workers.

    A disaster that takes all gateways away has no bound for the wait of others: there are none.
    """

    name: str
    kinds: tuple[str, ...]
    strike: Callable[[Trial], Awaitable[None]]
    processes: int = 2
    disk_mb: int = 0
    has_network: bool = False
    is_wait_bound: bool = True


@dataclass(frozen=True)
class Verdict:
    """Counts of acknowledged sends; longest_wait_s is from a send's beginning to its answer."""

    disaster: Disaster
    kind: str
    acknowledged: int
    without_row: int  # answered with success, and the database has no such top-up
    lost: int  # the top-up is there, and its event did not arrive
    never_tried: int  # deliveries without a single attempt
    duplicated: int
    changed: int  # came again with another id or other bytes
    unanswered: int  # sends that were given up after PATIENCE_S
    longest_wait_s: float
    findings: Sequence[str]

    @property
    def name(self) -> str:
        return self.disaster.name

    @property
    def broken(self) -> list[str]:
        """The bounds that were passed, in words; nothing is a promise kept."""
        counts = {
            "acknowledged without row": self.without_row,
            "lost": self.lost,
            "never tried": self.never_tried,
            "under another id or bytes": self.changed,
            "unanswered": self.unanswered,
            "findings of the audit": len(self.findings),
        }
        said = [f"{count} {what}, at most 0" for what, count in counts.items() if count]
        if not self.acknowledged:
            said.append("nothing was acknowledged at all")
        if self.disaster.is_wait_bound and self.longest_wait_s > WAIT_S_MAX:
            said.append(f"a wait of {self.longest_wait_s:.1f} s, at most {WAIT_S_MAX:g}")
        return said


@dataclass(frozen=True)
class Judged:
    """A row of a part's own table, and what of it is beyond its bound, in words."""

    name: str
    kind: str
    cells: Sequence[object]
    broken: Sequence[str]
    findings: Sequence[str]


@dataclass(frozen=True)
class Part:
    """What has bounds and a table of its own; judge takes an installation that is not started, and a seed."""

    name: str
    title: str
    header: Sequence[str]
    judge: Callable[[Scene, int], Coroutine[None, None, Judged]]


async def judge(stage: Scene, disaster: Disaster, *, seed: int, is_full: bool) -> Verdict:
    """The installation through its disaster; it is not started yet, and not stopped here."""
    installation = stage.installation
    async with contextlib.AsyncExitStack() as stack:
        network = None
        if disaster.has_network:
            assert stage.server is not None
            network = SilentNetwork("127.0.0.1", stage.server.port)
            await stack.enter_async_context(network)
            way = installation.database_url.replace(f":{stage.server.port}/", f":{network.port}/")
            installation.env["TOPUP_DATABASE_URL"] = way
        count = disaster.processes if stage.kind == "postgresql" else 1
        await asyncio.to_thread(installation.start, gateways=count, workers=count)
        receiver = await stack.enter_async_context(Receiver())
        trial = Trial(stage, receiver, random.Random(seed), is_full, network)
        await _under_load(trial, disaster, stack, seed)
        await drained(installation)
        return await _counted(trial, disaster)


async def _under_load(
    trial: Trial, disaster: Disaster, stack: contextlib.AsyncExitStack, seed: int
) -> None:
    urls = [gateway.url for gateway in trial.stage.installation.gateways]
    async with contextlib.AsyncExitStack() as load:
        for number in range(TENANTS):
            opened = merchant(
                trial.stage.installation,
                trial.receiver,
                retry_schedule_s=RETRY_SCHEDULE_S,
                **HMAC_ALONE,
            )
            key, _ = await stack.enter_async_context(opened)
            senders = Senders(
                urls,
                key,
                seed=seed * 100 + number,
                pause_s=PAUSE_S,
                answer_s_max=ANSWER_S_MAX,
                patience_s=PATIENCE_S,
            )
            trial.tenants.append(senders)
            await load.enter_async_context(senders.sending(CLIENTS_PER_TENANT, sends_max=1_000_000))
        await asyncio.sleep(BEFORE_S)
        await disaster.strike(trial)
        await asyncio.sleep(AFTER_S)
        for senders in trial.tenants:
            senders.is_stopping = True


async def drained(installation: Installation, left: str = _OPEN_DELIVERIES) -> None:
    """Returns once nothing that `left` counts is left to do, or after DRAIN_S_MAX.

    Also deliveries that arrived already are waited for: they are sent again where a killed worker took
    the news of it to the grave, once its claim has ended.
    """
    deadline_s = time.perf_counter() + DRAIN_S_MAX
    while time.perf_counter() < deadline_s:
        with contextlib.suppress(StoreError, OSError):
            ((count,),) = await installation.fetch(left)
            if count == 0:
                return
        await asyncio.sleep(0.25)


async def _counted(trial: Trial, disaster: Disaster) -> Verdict:
    installation = trial.stage.installation
    kept = dict(await installation.fetch("SELECT id, reference FROM topups"))
    acknowledged = trial.acknowledged
    with_row = [id_ for reference, id_ in acknowledged.items() if kept.get(id_) == reference]
    counted = tally(with_row, trial.receiver.received)
    ((never_tried,),) = await installation.fetch(
        "SELECT COUNT(*) FROM deliveries WHERE attempts_made = 0 AND status <> 'delivered'"
    )
    waits = [wait for senders in trial.tenants for wait in senders.waits]
    for status, times in sorted(sum((one.statuses for one in trial.tenants), Counter()).items()):
        trial.happened[f"answered {status}"] = times
    print(f"{disaster.name}, {trial.stage.kind}: {dict(trial.happened)}", flush=True)
    return Verdict(
        disaster=disaster,
        kind=trial.stage.kind,
        acknowledged=len(acknowledged),
        without_row=len(acknowledged) - len(with_row),
        lost=counted.never_tried,
        never_tried=never_tried,
        duplicated=counted.duplicated,
        changed=counted.changed,
        unanswered=sum(senders.given_up for senders in trial.tenants),
        longest_wait_s=max((waited_s(*wait, trial.blackouts) for wait in waits), default=0.0),
        findings=await installation.findings(),
    )


def waited_s(began_s: float, ended_s: float, blackouts: Sequence[tuple[float, float]]) -> float:
    """How long somebody waited while others were served."""
    dark_s = sum(
        max(0.0, min(ended_s, until_s) - max(began_s, from_s)) for from_s, until_s in blackouts
    )
    return ended_s - began_s - dark_s
