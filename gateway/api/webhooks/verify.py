"""Webhook checks: check a webhook that a receiver got, without storing anything."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.answers import response_codes as codes
from gateway.answers.answer import Answer
from gateway.answers.envelope import answer
from gateway.answers.outcome import ok
from gateway.http.request_context import RequestContext
from gateway.http.routing import Route
from kernel.clock import SECOND_US
from kernel.errors import InvalidInput
from kernel.fields import Fields
from keys.signatures.signing import verify as verify_signature


class VerifyBody(Fields, frozen=True, kw_only=True):
    """What a receiver got (headers and raw body), and the secret or public key that it has."""

    headers: Annotated[
        dict[str, str], Meta(max_length=100, description="The headers as they were received.")
    ]
    body: Annotated[str, Meta(description="The raw body as text.")]
    secret: (
        Annotated[
            str, Meta(max_length=500, description="The secret that the receiver holds, if any.")
        ]
        | None
    ) = None
    public_key: (
        Annotated[
            str,
            Meta(
                max_length=500,
                description="The public key (whpk_…) that the receiver holds, if any: the Ed25519 signature is"
                " checked by it.",
            ),
        ]
        | None
    ) = None


class Finding(Struct, kw_only=True):
    """One problem with a received webhook."""

    part: Annotated[
        Literal["secret", "public_key", "timestamp", "bytes", "header"],
        Meta(description="What is wrong with it."),
    ]
    header: Annotated[str | None, Meta(description="The header that it is about; null: none.")]
    detail: Annotated[str, Meta(description="In words for people.")]


class Verification(Struct, kw_only=True):
    """The result of a check. `valid` means that no problem was found."""

    valid: Annotated[bool, Meta(description="Whether nothing is wrong.")]
    findings: Annotated[list[Finding], Meta(description="All that is wrong.")]


async def verify(call: RequestContext[VerifyBody, Fields]) -> Answer:
    body = call.body
    if body.secret is None and body.public_key is None:
        raise InvalidInput("Give `secret`, `public_key` or both.", param="secret")
    findings = verify_signature(
        secret=body.secret,
        public_key=body.public_key,
        headers=body.headers,
        body=body.body.encode(),
        now_s=call.now_us // SECOND_US,
    )
    listed = [
        Finding(part=finding.part, header=finding.header, detail=finding.detail)
        for finding in findings
    ]
    data = Verification(valid=not listed, findings=listed)
    return answer(codes.SUCCESS, data, now_us=call.now_us)


ROUTES = (
    Route(
        "POST",
        "/webhooks/verify",
        verify,
        "Check a received webhook",
        ("webhooks:read",),
        body=VerifyBody,
        takes_key=False,
        answers=ok(Verification),
    ),
)
