"""The bodies of what is sent to an endpoint at once, and of what a receiver saw."""

from typing import Annotated

from msgspec import Meta

from kernel.fields import Fields, word_of
from webhooks.endpoints.inputs import EndpointUrl
from webhooks.events.event import EVENT_TYPES, TEST_EVENT


class TestEventBody(Fields, frozen=True, kw_only=True):
    """Which sample is sent."""

    event: Annotated[
        str, word_of(EVENT_TYPES), Meta(max_length=64, description="Of which type.")
    ] = TEST_EVENT


class CertifyBody(Fields, frozen=True, kw_only=True):
    """Where the receiver says how much it has done; without it, what cannot be seen is said so."""

    effects_url: Annotated[
        EndpointUrl | None,
        Meta(
            description="Answers a GET with a whole number that each top-up moves by the same, such as a"
            ' count of orders: 12 or {"effects": 12}.'
        ),
    ] = None


class VerifyBody(Fields, frozen=True, kw_only=True):
    """What a receiver saw: its headers, the raw body as text, and the secret or the public key it holds."""

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
