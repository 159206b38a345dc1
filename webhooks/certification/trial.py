"""One run of trials against a receiver: the requests, the responses and their effects. Stores nothing."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from kernel.clock import SECOND_US, Clock
from webhooks.certification.trial_message import (
    TrialEvent,
    TrialMessage,
    TrialSigner,
    trial_event,
)
from webhooks.certification.trial_receiver import Answered, TrialReceiver

Verdict = Literal["passed", "warned", "failed", "not_seen", "skipped"]
# What a failed check means for those who rely on the receiver.
Harm = Literal["lost", "twice", "forged"]


@dataclass(frozen=True, slots=True)
class Judged:
    """A check's result. impact is null unless it failed; detail is a sentence for a person."""

    verdict: Verdict
    detail: str
    impact: Harm | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """One check's responses, in the order of the requests, and the change of the number of effects; null:
    unknown.
    """

    answers: Sequence[Answered]
    moved: int | None


@dataclass(slots=True)
class Trial:
    """unit: by how much one top-up moves the number of effects; null while unknown. answers: all of the run."""

    receiver: TrialReceiver
    signer: TrialSigner
    clock: Clock
    unit: int | None = None
    answers: list[Answered] = field(default_factory=list)
    events_made: int = 0

    @property
    def now_s(self) -> int:
        return self.clock.now_us() // SECOND_US

    def event(self, event_type: str = "topup.delivered", **about: Any) -> TrialEvent:
        """Make an event; about: as trial_event takes it."""
        self.events_made += 1
        now_us = self.clock.now_us()
        return trial_event(event_type, now_us=now_us, sequence=self.events_made, **about)

    def genuine(self, event: TrialEvent, *, attempt: int = 1) -> TrialMessage:
        """Return the request that a worker would make of it now."""
        return self.signer.message(event, timestamp_s=self.now_s, attempt=attempt)

    async def send(self, message: TrialMessage) -> Answered:
        answered = await self.receiver.send(message)
        self.answers.append(answered)
        return answered

    async def send_each(self, *messages: TrialMessage) -> list[Answered]:
        return [await self.send(message) for message in messages]

    async def send_at_once(self, *messages: TrialMessage) -> list[Answered]:
        return list(await asyncio.gather(*map(self.send, messages)))

    async def watch(self, work: Callable[[], Awaitable[Sequence[Answered]]]) -> Seen:
        """Read the number of effects before and after the work. Raises EffectsUnreadable."""
        before = await self.receiver.effects()
        answers = await work()
        after = await self.receiver.effects()
        moved = None if before is None or after is None else after - before
        return Seen(answers, moved)
