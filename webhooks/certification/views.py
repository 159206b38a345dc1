"""How a run of the checks of a receiver is shown."""

from typing import Annotated, Literal, Self

from msgspec import Meta, Struct

from kernel.shaped import Shaped
from kernel.words import Count, EndpointIdText
from webhooks.certification.certify import Certification


class CertificationCheck(Shaped, kw_only=True):
    """One check of a receiver."""

    name: Annotated[str, Meta(description="Its name, which stays.")]
    title: Annotated[str, Meta(description="What it is about, in a few words.")]
    verdict: Annotated[
        Literal["passed", "warned", "failed", "not_seen", "skipped"],
        Meta(description="not_seen: nobody says what the receiver did; skipped: not reached."),
    ]
    impact: Annotated[
        Literal["lost", "twice", "forged"] | None,
        Meta(
            description="What a failed check leads to: an event is lost, done twice, or believed."
        ),
    ]
    detail: Annotated[str, Meta(description="What was seen, and what to change.")]


class CertificationCounts(Struct, kw_only=True):
    """How many checks had each verdict."""

    passed: Annotated[Count, Meta(description="As it should be.")]
    warned: Annotated[Count, Meta(description="Nothing is lost by it, but it is no good answer.")]
    failed: Annotated[
        Count, Meta(description="An event is lost, done twice, or a forgery believed.")
    ]
    not_seen: Annotated[Count, Meta(description="Nobody says what the receiver did.")]
    skipped: Annotated[Count, Meta(description="Not reached.")]


class CertifiedReceiver(Struct, kw_only=True):
    """What a receiver would lose, do twice or believe."""

    endpoint_id: EndpointIdText
    url: Annotated[str, Meta(description="Where the requests were sent.")]
    certified: Annotated[bool, Meta(description="Nothing failed, and all of it was seen.")]
    counts: Annotated[CertificationCounts, Meta(description="How many checks had each verdict.")]
    checks: Annotated[list[CertificationCheck], Meta(description="Each check, as it was done.")]

    @classmethod
    def of(cls, endpoint_id: str, run: Certification) -> Self:
        return cls(
            endpoint_id=endpoint_id,
            url=run.url,
            certified=run.is_certified,
            counts=CertificationCounts(**run.counts),
            checks=[CertificationCheck.of(result) for result in run.checks],
        )
