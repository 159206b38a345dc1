"""Run all certification checks against one webhook receiver within a time limit.

A run doesn't appear in the delivery log and doesn't affect the endpoint's health.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from kernel.clock import Clock
from kernel.errors import DomainError, InvalidInput
from kernel.tenant import Tenant
from keys.vault import SealBroken, Vault
from webhooks.certification.checks import CHECKS, Check
from webhooks.certification.trial import (
    EffectsUnreadable,
    Harm,
    Judged,
    Trial,
    TrialReceiver,
    TrialSigner,
    Verdict,
)
from webhooks.deliveries.message import Opened, SecretCache
from webhooks.deliveries.stage import Target
from webhooks.endpoints.fields import policy_of
from webhooks.endpoints.ping import Sender, load_target

RUN_S_MAX: Final = 45.0
# The caller waits for the whole run, which sends about fifty requests.
TIMEOUT_S_MAX: Final = 5.0
STILL_S: Final = 0.5
_VERDICTS: Final[Sequence[Verdict]] = ("passed", "warned", "failed", "not_seen", "skipped")

_log = logging.getLogger(__name__)

_OVER: Final = Judged("skipped", "The run's time was over.")


class CannotSign(DomainError):
    """The endpoint's stored secrets or headers can't be decrypted."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """A check's verdict. `impact` is the harm that results if the check fails."""

    name: str
    title: str
    verdict: Verdict
    impact: Harm | None
    detail: str


@dataclass(frozen=True, slots=True)
class Certification:
    url: str
    checks: Sequence[CheckResult]

    @property
    def counts(self) -> Mapping[str, int]:
        found = [result.verdict for result in self.checks]
        return {verdict: found.count(verdict) for verdict in _VERDICTS}

    @property
    def is_certified(self) -> bool:
        return all(result.verdict in {"passed", "warned"} for result in self.checks)

    @property
    def is_faulty(self) -> bool:
        return any(result.verdict in {"failed", "skipped"} for result in self.checks)


async def certify(
    receiver: TrialReceiver,
    signer: TrialSigner,
    clock: Clock,
    *,
    url: str,
    run_s: float = RUN_S_MAX,
) -> Certification:
    """Run all checks within run_s. Raise InvalidInput if effects_url doesn't return a stable number."""
    trial = Trial(receiver, signer, clock)
    ends_s = asyncio.get_running_loop().time() + run_s
    try:
        async with asyncio.timeout_at(ends_s):
            await receiver.effects()
    except EffectsUnreadable as unreadable:
        raise InvalidInput(str(unreadable), param="effects_url") from None
    except TimeoutError:
        raise InvalidInput(
            "The number at `effects_url` changes on its own. Use a test system without other traffic.",
            param="effects_url",
        ) from None
    results: list[CheckResult] = []
    for check in CHECKS:
        judged = await _judged(check, trial, ends_s=ends_s, before=results)
        results.append(
            CheckResult(check.name, check.title, judged.verdict, judged.impact, judged.detail)
        )
    return Certification(url, results)


async def _judged(
    check: Check, trial: Trial, *, ends_s: float, before: Sequence[CheckResult]
) -> Judged:
    if asyncio.get_running_loop().time() >= ends_s:
        return _OVER
    if before and before[0].verdict == "failed":
        return Judged(
            "skipped", "A genuine event wasn't accepted, so nothing else could be checked."
        )
    try:
        async with asyncio.timeout_at(ends_s):
            return await check.run(trial)
    except TimeoutError:
        return _OVER
    except EffectsUnreadable as unreadable:
        return Judged("skipped", f"{unreadable}.")


async def certify_endpoint(
    sender: Sender, tenant: Tenant, endpoint_id: str, effects_url: str | None
) -> Certification:
    """Run all checks against a registered endpoint, signing with its current secrets."""
    clock = sender.clock
    target = await sender.database.read(lambda tx: load_target(tx, tenant, endpoint_id))
    opened = _opened(sender.vault, target)
    now_us, until_us = clock.now_us(), target.previous_secret_until_at or 0
    older = [
        one.secret.text for one in opened.older_secrets if now_us < min(one.until_us, until_us)
    ]
    receiver = TrialReceiver(
        sender.transport,
        policy=policy_of(sender.policy, tenant.environment),
        account_id=tenant.account_id,
        url=target.url,
        effects_url=effects_url,
        timeout_s=min(TIMEOUT_S_MAX, sender.timeout_s),
        still_s=STILL_S,
    )
    signer = TrialSigner([opened.secret.text, *older], opened.headers, opened.signing_at(now_us))
    return await certify(receiver, signer, clock, url=target.url)


def _opened(vault: Vault, target: Target) -> Opened:
    try:
        return SecretCache(vault, endpoints_max=1).open(target)
    except SealBroken as error:
        _log.error("secrets.seal_broken", extra={"endpoint_id": target.id, "error": str(error)})
        raise CannotSign(
            "The webhook's stored secrets or headers are damaged. Rotate its secret, or "
            "set its headers again."
        ) from None
