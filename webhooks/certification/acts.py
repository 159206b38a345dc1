"""Certification of receivers: send forged, repeated, late and lost requests to a staging endpoint."""

from typing import Annotated, Final, Literal, Self

from msgspec import Meta, Struct

from kernel.fields import Fields
from kernel.shaped import Shaped
from kernel.words import Count, EndpointIdText
from keys import audit_log
from keys.act import MERCHANT, CallContext, Pace, StepsAct
from keys.principal import ScopeMissing
from store.database import Transaction
from webhooks.certification.certify import CannotSign, Certification, certify_endpoint
from webhooks.certification.trial import ENVIRONMENT
from webhooks.endpoints import endpoint as endpoints
from webhooks.endpoints.acts import EndpointUrl
from webhooks.endpoints.fields import check_target
from webhooks.endpoints.ping import Sender
from webhooks.http.guard import UrlRefused


class CertificationCheck(Shaped, kw_only=True):
    """One check of a receiver."""

    name: Annotated[str, Meta(description="The check's name, which never changes.")]
    title: Annotated[str, Meta(description="The subject of the check, in a few words.")]
    verdict: Annotated[
        Literal["passed", "warned", "failed", "not_seen", "skipped"],
        Meta(description="not_seen: the receiver's effects are unknown. skipped: not reached."),
    ]
    impact: Annotated[
        Literal["lost", "twice", "forged"] | None,
        Meta(
            description="The effect of a failed check: an event is lost or processed twice, or a forgery is accepted."
        ),
    ]
    detail: Annotated[str, Meta(description="The finding, and what to change.")]


class CertificationCounts(Struct, kw_only=True):
    """The number of checks with each verdict."""

    passed: Annotated[Count, Meta(description="Checks that passed.")]
    warned: Annotated[
        Count, Meta(description="Checks that lose nothing, but whose response should be improved.")
    ]
    failed: Annotated[
        Count,
        Meta(
            description="Checks in which an event was lost or processed twice, or a forgery was believed."
        ),
    ]
    not_seen: Annotated[Count, Meta(description="Checks whose effects are unknown.")]
    skipped: Annotated[Count, Meta(description="Checks that weren't reached.")]


class CertifiedReceiver(Struct, kw_only=True):
    """The checks' results: events that a receiver would lose, process twice or wrongly accept."""

    endpoint_id: EndpointIdText
    url: Annotated[str, Meta(description="The URL that the requests were sent to.")]
    certified: Annotated[bool, Meta(description="Whether all checks passed or warned.")]
    counts: Annotated[
        CertificationCounts, Meta(description="The number of checks with each verdict.")
    ]
    checks: Annotated[list[CertificationCheck], Meta(description="All checks, in order.")]

    @classmethod
    def of(cls, endpoint_id: str, run: Certification) -> Self:
        return cls(
            endpoint_id=endpoint_id,
            url=run.url,
            certified=run.is_certified,
            counts=CertificationCounts(**run.counts),
            checks=[CertificationCheck.of(result) for result in run.checks],
        )


class CertifyBody(Fields, frozen=True, kw_only=True):
    """The URL that reports the receiver's effects. Without it, some checks get the verdict `not_seen`."""

    effects_url: Annotated[
        EndpointUrl | None,
        Meta(
            description="Responds to GET with a whole number that each top-up changes by the same amount,"
            ' such as a count of orders: 12 or {"effects": 12}.'
        ),
    ] = None


async def certify(context: CallContext, asked: CertifyBody) -> CertifiedReceiver:
    """Check the endpoint's receiver for at most a minute."""
    sender, tenant, endpoint_id = context.service(Sender), context.tenant, context.object_id
    # Callers without access to the endpoint get the same error as if it didn't exist.
    await sender.database.read(lambda tx: endpoints.get(tx, sender.vault, tenant, endpoint_id))
    if tenant.environment != ENVIRONMENT:
        raise ScopeMissing(
            "Receivers can only be certified in staging. Register the URL there, too.",
            reason="environment",
        )
    await context.pace()
    if asked.effects_url is not None:
        await check_target(asked.effects_url, tenant, sender.policy, sender.transport)
    run = await certify_endpoint(sender, tenant, endpoint_id, asked.effects_url)
    entry = audit_log.security(
        context.by,
        "endpoint.certified",
        account_id=tenant.account_id,
        environment=tenant.environment,
        subject_id=endpoint_id,
        after=dict(run.counts),
        now_us=context.now_us,
    )

    async def note(tx: Transaction) -> None:
        await audit_log.record(tx, [entry])

    await sender.database.transaction(note)
    return CertifiedReceiver.of(endpoint_id, run)


CERTIFY: Final = StepsAct(
    name="webhooks.certify",
    summary="Certify a receiver",
    description=(
        "Sends about fifty genuine, repeated, reordered, forged and old requests to a staging endpoint"
        " within a minute, and reports what the receiver would lose, process twice or believe. The requests"
        " aren't in the delivery log, and never disable the endpoint. They look like real staging events;"
        ' their metadata has `{"certify": "true"}`.'
    ),
    path="/webhooks/{endpoint_id}/certify",
    scopes=("webhooks:write",),
    audience=(MERCHANT,),
    input=CertifyBody,
    run=certify,
    result=CertifiedReceiver,
    refuses=(UrlRefused, CannotSign),
    paces=(
        Pace(3, 180, "certifications of one account"),
        Pace(6, 3600, "certifications of a sandbox account", is_sandbox=True),
    ),
    examples=("topup webhooks certify we_5Fxp",),
)
ACTS: Final = (CERTIFY,)
