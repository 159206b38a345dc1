"""Webhook checks: check a webhook that a receiver got, without storing anything."""

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from kernel.clock import SECOND_US
from kernel.errors import InvalidInput
from kernel.fields import Fields
from keys.act import MERCHANT, CallContext, StepsAct
from keys.signatures import signing


class VerifyBody(Fields, frozen=True, kw_only=True):
    """A request that a receiver got (headers and raw body), and the receiver's secret or public key."""

    headers: Annotated[
        dict[str, str],
        Meta(max_length=100, description="The request's headers, as they were received."),
    ]
    body: Annotated[str, Meta(description="The request's raw body, as text.")]
    secret: (
        Annotated[
            str, Meta(max_length=500, description="The secret that the receiver uses, if any.")
        ]
        | None
    ) = None
    public_key: (
        Annotated[
            str,
            Meta(
                max_length=500,
                description="The public key (whpk_…) that the receiver uses, if any, to check the Ed25519 signature.",
            ),
        ]
        | None
    ) = None


class Finding(Struct, kw_only=True):
    """One problem with a received webhook."""

    part: Annotated[
        Literal["secret", "public_key", "timestamp", "bytes", "header"],
        Meta(description="The part that is wrong."),
    ]
    header: Annotated[str | None, Meta(description="The header concerned. Null if none.")]
    detail: Annotated[str, Meta(description="An explanation for people.")]


class Verification(Struct, kw_only=True):
    """The result of a check. `valid` means that no problem was found."""

    valid: Annotated[bool, Meta(description="Whether the request is valid.")]
    findings: Annotated[list[Finding], Meta(description="Everything that is wrong.")]


async def verify(context: CallContext, asked: VerifyBody) -> Verification:
    if asked.secret is None and asked.public_key is None:
        raise InvalidInput("Give `secret`, `public_key` or both.", param="secret")
    found = signing.verify(
        secret=asked.secret,
        public_key=asked.public_key,
        headers=asked.headers,
        body=asked.body.encode(),
        now_s=context.now_us // SECOND_US,
    )
    listed = [Finding(part=one.part, header=one.header, detail=one.detail) for one in found]
    return Verification(valid=not listed, findings=listed)


# The command for this is `topup verify`, which needs no gateway.
VERIFY: Final = StepsAct(
    name="webhooks.verify",
    summary="Check a received webhook",
    path="/webhooks/verify",
    scopes=("webhooks:read",),
    audience=(MERCHANT,),
    input=VerifyBody,
    run=verify,
    result=Verification,
    takes_key=False,
)
