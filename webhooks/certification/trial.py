"""One run of trials against a receiver: what was sent, what came back, and what it moved.

Stores nothing.
"""

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
# What a failed check means for who relies on the receiver.
Harm = Literal["lost", "twice", "forged"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of one check. impact is null unless it failed; detail is a sentence for a person."""

    verdict: Verdict
    detail: str
    impact: Harm | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """The answers of one check, in the order of the requests, and by how much the number of effects
    moved; null: nobody says.
    """

    answers: Sequence[Answered]
    moved: int | None


@dataclass(slots=True)
class Trial:
    """unit: by how much one top-up moves the number of effects; null until it is known, or if nobody
    says. answers: all of the run.
    """

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
        """A new event; about: as trial_event takes it."""
        self.events_made += 1
        now_us = self.clock.now_us()
        return trial_event(event_type, now_us=now_us, sequence=self.events_made, **about)

    def genuine(self, event: TrialEvent, *, attempt: int = 1) -> TrialMessage:
        """The request that a worker would make of it now."""
        return self.signer.message(event, timestamp_s=self.now_s, attempt=attempt)

    async def send(self, message: TrialMessage) -> Answered:
        """One request whose answer is waited for."""
        answered = await self.receiver.send(message)
        self.answers.append(answered)
        return answered

    async def send_each(self, *messages: TrialMessage) -> list[Answered]:
        """One after the other."""
        return [await self.send(message) for message in messages]

    async def send_at_once(self, *messages: TrialMessage) -> list[Answered]:
        """All at one moment."""
        return list(await asyncio.gather(*map(self.send, messages)))

    async def watch(self, work: Callable[[], Awaitable[Sequence[Answered]]]) -> Seen:
        """Does the work between two looks at the number of effects. Raises EffectsUnreadable."""
        before = await self.receiver.effects()
        answers = await work()
        after = await self.receiver.effects()
        moved = None if before is None or after is None else after - before
        return Seen(answers, moved)
