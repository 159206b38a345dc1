"""Portal links: show an account's webhooks on a page that another site may embed."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Self

from msgspec import Meta, field

from kernel.errors import InvalidInput, LimitReached
from kernel.fields import Fields, Page, said
from kernel.shaped import Shaped
from kernel.words import EndpointIdText, Environment, Time
from keys.act import MERCHANT, Act, ActContext, Audited, Change, ListAct, PublicUrl, ReadAct
from keys.normalise import NAME_CHARACTERS_MAX
from keys.tokens import portal_link
from keys.tokens.portal_link import (
    LIFE_S_DEFAULT,
    LIFE_S_MAX,
    LIFE_S_MIN,
    MADE_WITH,
    ORIGINS_MAX,
    NewPortalLink,
    PortalLink as Link,
    PortalLinkStatus,
    PortalRight,
)
from store.keyset import Begin

PORTAL_PATH: Final = "/webhook-portal"
_ENDPOINT_IDS_MAX: Final = 100
_KNOWN: Final = """
SELECT id FROM endpoints WHERE id IN :ids[text] AND account_id = :account_id
  AND environment = :environment AND deleted_at IS NULL AND subscription_id IS NULL
"""
Origin = Annotated[str, Meta(min_length=1, max_length=300)]
Origins = Annotated[
    list[Origin],
    Meta(
        max_length=ORIGINS_MAX,
        description="The sites that may embed the page, such as https://app.acme.example; empty means none.",
    ),
]
Right = Annotated[
    PortalRight,
    Meta(
        description="The link's access. read: only look. replay: also replay deliveries and test webhooks. manage: also change webhooks."
    ),
]


class PortalLink(Shaped, kw_only=True):
    """A link to a page of the account's webhooks. It stops working when the key, token or user that made it loses
    access.
    """

    id: Annotated[str, Meta(pattern=r"^ptl_[0-9A-Za-z]+$")]
    environment: Environment
    name: str
    can: Right
    origins: Annotated[
        list[str], Meta(description="The sites that may embed the page; empty means none.")
    ]
    endpoint_ids: Annotated[
        list[EndpointIdText], Meta(description="The webhooks that the page shows; empty means all.")
    ]
    made_by: Annotated[
        str,
        Meta(
            description="The key, token or user that created the link, and with whose access it ends."
        ),
    ]
    created_at: Time
    expires_at: Time
    revoked_at: Time | None
    status: Annotated[
        PortalLinkStatus,
        Meta(
            description="closed: the page doesn't open now, because its maker lost access or the account is suspended."
        ),
    ]

    @classmethod
    def of(cls, link: Link, /, **more: Any) -> Self:
        return super().of(
            link, origins=list(link.origins), endpoint_ids=list(link.endpoint_ids), **more
        )


class CreatedPortalLink(PortalLink, kw_only=True):
    """A new portal link. `url` is shown only once."""

    url: Annotated[
        str,
        Meta(
            description="The page's URL, shown only once. Anyone who has it gets the link's access.",
            extra_json_schema={"format": "uri"},
        ),
    ]


class PortalLinkBody(Fields, frozen=True, kw_only=True):
    """A new portal link."""

    name: Annotated[
        str,
        Meta(
            description="The link's name, which only you see.",
            extra_json_schema={"minLength": 1, "maxLength": NAME_CHARACTERS_MAX},
        ),
        said("Name", hint="Who the link is for, such as a customer. Only you see this."),
    ] = "Webhooks"
    can: Right = "read"
    origins: Origins = field(default_factory=list)
    endpoint_ids: Annotated[
        list[Annotated[str, Meta(max_length=64, pattern=r"^we_[0-9A-Za-z]+\Z")]],
        Meta(
            max_length=_ENDPOINT_IDS_MAX,
            description="The webhooks that the page shows; empty means all, including later ones.",
        ),
    ] = field(default_factory=list)
    expires_in_s: Annotated[
        int, Meta(ge=LIFE_S_MIN, le=LIFE_S_MAX, description="The link's lifetime, in seconds.")
    ] = LIFE_S_DEFAULT


async def create_link(context: ActContext, asked: PortalLinkBody) -> Change[Link]:
    """Create the link. Raise InvalidInput if an endpoint is unknown."""
    await _check_endpoints(context, asked.endpoint_ids)
    new = NewPortalLink(
        asked.name, asked.can, asked.origins, asked.endpoint_ids, asked.expires_in_s
    )
    made, secret = await portal_link.create(
        context.tx, context.tenant, maker=context.caller, new=new, now_us=context.now_us
    )
    url = f"{context.service(PublicUrl).text}{PORTAL_PATH}/{secret}"
    return Change(after=made, shown_once={"url": url})


async def _check_endpoints(context: ActContext, ids: Sequence[str]) -> None:
    if not ids:
        return
    rows = await context.tx.fetch(
        _KNOWN,
        ids=sorted(set(ids)),
        account_id=context.tenant.account_id,
        environment=context.tenant.environment,
    )
    unknown = set(ids) - {row["id"] for row in rows}
    if unknown:
        raise InvalidInput(f"The account has no webhook {min(unknown)}.", param="endpoint_ids")


async def list_links(context: ActContext, _asked: Page, begin: Begin, limit: int) -> Sequence[Link]:
    return await portal_link.list_links(
        context.tx, context.tenant, before_id=begin, limit=limit, now_us=context.now_us
    )


async def show_link(context: ActContext) -> Link:
    link_id, now_us = context.object_id, context.now_us
    return await portal_link.get(context.tx, context.tenant, link_id, now_us=now_us)


async def revoke_link(context: ActContext, _asked: Fields) -> Change[Link]:
    before = await show_link(context)
    await portal_link.revoke(context.tx, context.tenant, before.id, now_us=context.now_us)
    return Change(before=before, after=await show_link(context))


def _audited(link: Link) -> Mapping[str, Any]:
    return {"name": link.name, "can": link.can, "origins": list(link.origins)}


CREATE: Final = Act(
    name="portal-links.create",
    summary="Create a portal link",
    description=(
        "Creates a page that shows the account's webhooks, deliveries and attempts to customers or teammates who"
        " have no account, without a cookie. It never shows secrets or voucher codes. The response contains the"
        " `url`, which isn't shown again."
    ),
    path="/portal-links",
    scopes=(MADE_WITH,),
    audience=(MERCHANT,),
    input=PortalLinkBody,
    run=create_link,
    view=PortalLink.of,
    result=CreatedPortalLink,
    status=201,
    refuses=(LimitReached,),
    shows_secret=True,
    asks_password=True,
    audit=Audited("portal_link.created", _audited),
    examples=(
        "topup portal-links create --name Acme --origin https://app.acme.example",
        "topup portal-links create --can replay --endpoint-id we_5Fxp --expires-in-s 86400",
    ),
)
LIST: Final[ListAct[Any, Any]] = ListAct(
    name="portal-links.list",
    summary="List portal links",
    description="Lists links, including those that ended within the last week.",
    path="/portal-links",
    scopes=("webhooks:read",),
    audience=(MERCHANT,),
    query=Page,
    run=list_links,
    result=PortalLink,
    prefix="ptl",
    columns=("id", "name", "can", "origins", "expires_at", "status"),
    examples=("topup portal-links list",),
)
SHOW: Final[ReadAct[Any]] = ReadAct(
    name="portal-links.show",
    summary="Show a portal link",
    path="/portal-links/{link_id}",
    scopes=("webhooks:read",),
    audience=(MERCHANT,),
    run=show_link,
    result=PortalLink,
    examples=("topup portal-links show ptl_5Fxp",),
)
REVOKE: Final = Act(
    name="portal-links.revoke",
    summary="Revoke a portal link",
    method="DELETE",
    path="/portal-links/{link_id}",
    scopes=(MADE_WITH,),
    audience=(MERCHANT,),
    input=Fields,
    run=revoke_link,
    result=PortalLink,
    is_for_suspended=True,
    audit=Audited("portal_link.revoked", _audited),
    asks="Revoke {name} ({id})? Its page stops working for good.",
    examples=("topup portal-links revoke ptl_5Fxp",),
)
ACTS: Final = (CREATE, LIST, SHOW, REVOKE)
