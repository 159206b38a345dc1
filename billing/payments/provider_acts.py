"""Payment providers: their configuration, checks of their settings, and customers that they must still delete."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from billing.catalog import plan as plans
from billing.catalog.plan import MONTHS, Plan, item_of
from billing.payments.payments import Payments
from billing.payments.recharging import customer_deletion
from billing.payments.recharging.customer_deletion import ForgottenCustomer as Row
from billing.providers.abilities import (
    SetupChecking,
    SetupFinding,
    WantedPrice,
    WantedSetup,
    ability,
)
from billing.providers.protocol import ProviderRefused, ProviderUnavailable, Registration
from billing.providers.registry import NotifiedAt, Providers
from kernel.errors import InvalidInput, NotFound
from kernel.fields import LINE, Fields, Page, ShortText, said
from kernel.shaped import Shaped
from kernel.words import Environment, Time
from keys.act import OPERATOR, Act, ActContext, Audited, CallContext, Change, ListAct, StepsAct
from keys.principal import ENVIRONMENTS
from store.database import Database, Transaction
from store.keyset import Begin

SETUP_S_MAX: Final = 30.0
ProviderState = Literal["ready", "sandbox", "off"]


@dataclass(frozen=True, slots=True)
class ProviderStatus:
    name: str
    label: str
    environment: Environment
    state: ProviderState
    notify_url: str


@dataclass(frozen=True, slots=True)
class CheckedProvider:
    """A provider with the findings about its settings. It has no findings if it can't be called."""

    standing: ProviderStatus
    findings: Sequence[SetupFinding]

    @property
    def is_well(self) -> bool:
        """Return whether every setting is correct. A setting that couldn't be checked is treated as correct."""
        return all(one.is_well is not False for one in self.findings)


def standings(known: Providers, public_url: str) -> Sequence[ProviderStatus]:
    found: list[ProviderStatus] = []
    for registration in known.registrations:
        for environment in ENVIRONMENTS:
            name = registration.name
            state: ProviderState = "ready"
            if known.of(name, environment) is None:
                state = "off"
            elif known.is_simulated(name, environment):
                state = "sandbox"
            url = f"{public_url}{registration.paths[0]}" if public_url else ""
            found.append(ProviderStatus(name, known.label(name), environment, state, url))
    return found


async def check(
    database: Database, payments: Payments, standing: ProviderStatus
) -> CheckedProvider:
    """Check the provider's settings within SETUP_S_MAX seconds. The provider's failures aren't raised."""
    registration = payments.providers.registration(standing.name)
    provider = payments.providers.of(standing.name, standing.environment)
    if standing.state != "ready" or provider is None or registration is None:
        return CheckedProvider(standing, ())
    checking = ability(provider, SetupChecking)  # type: ignore[type-abstract]
    if checking is None:
        detail = f"{standing.label} can't report its settings; its credentials are set"
        return CheckedProvider(standing, (SetupFinding("settings", None, detail),))
    prices = await _prices(database, registration, standing.environment)
    wanted = WantedSetup(standing.environment == "live", standing.notify_url, prices)
    try:
        async with asyncio.timeout(SETUP_S_MAX):
            return CheckedProvider(standing, await checking.check_setup(wanted))
    except (ProviderUnavailable, TimeoutError):
        detail = f"{standing.label} doesn't respond now. Try again in a moment"
        return CheckedProvider(standing, (SetupFinding("answer", False, detail),))
    except ProviderRefused as error:
        return CheckedProvider(standing, (SetupFinding("answer", False, error.detail),))


async def _prices(
    database: Database, registration: Registration, environment: Environment
) -> Sequence[WantedPrice]:
    async def work(tx: Transaction) -> Sequence[Plan]:
        return await plans.list_plans(tx, environment)

    found: list[WantedPrice] = []
    for plan in await database.read(work):
        for interval in MONTHS:
            try:
                item = item_of(plan, registration, interval, is_simulated=False)
            except InvalidInput:
                continue
            if item.product_ref is not None:
                found.append(WantedPrice(plan.id, interval, item.product_ref, item.price))
    return found


REASON_CHARACTERS_MAX: Final = 200
_UNASKED: Final = {
    "off": "It has no credentials: `topup settings` lists them.",
    "sandbox": "It has no credentials: the sandbox simulates it.",
    "ready": "It has nothing to check.",
}
Result = Literal["ok", "look", "wrong"]
_RESULTS: Final[dict[bool | None, Result]] = {True: "ok", None: "look", False: "wrong"}
_Name = Annotated[ShortText, said("Provider")]


class Provider(Struct, kw_only=True):
    """A payment provider in one environment."""

    provider: str
    environment: Environment
    state: Annotated[
        ProviderState,
        Meta(
            description="sandbox: the provider is simulated. off: the provider has no credentials."
        ),
    ]
    webhook: Annotated[
        str,
        Meta(
            description="The webhook URL to register at the provider. If empty, set TOPUP_PUBLIC_URL first."
        ),
    ]


class Finding(Struct, kw_only=True):
    """The result of checking one setting at a provider."""

    provider: str
    environment: Environment
    about: Annotated[str, Meta(description="The setting that was checked.")]
    result: Annotated[Result, Meta(description="look: couldn't be checked, or may be intended.")]
    detail: Annotated[str, Meta(description="The result in a sentence.")]


class Checked(Struct, kw_only=True):
    """The results of checking the providers' settings."""

    items: Annotated[list[Finding], Meta(description="The findings, for each setting.")]
    is_well: Annotated[bool, Meta(description="Whether no setting is wrong.")]


class CheckBody(Fields, frozen=True, kw_only=True):
    """The provider to check. If omitted, all are checked."""

    provider: Annotated[_Name, Meta(description="Check only this provider.")] | None = None


class ForgottenCustomer(Shaped, kw_only=True):
    """An erased account's customer that the provider hasn't deleted yet."""

    provider: str
    environment: Environment
    customer_ref: Annotated[str, Meta(description="The provider's ID of the customer.")]
    attempts: Annotated[int, Meta(description="The number of attempts to delete the customer.")]
    next_attempt_at: Time
    last_error: Annotated[str | None, Meta(description="Why the last attempt failed.")]
    created_at: Annotated[Time, Meta(description="When the account was erased.")]


class RetryBody(Fields, frozen=True, kw_only=True):
    """The provider that must delete the customer."""

    provider: Annotated[_Name, Meta(description="The provider, such as stripe.")]


class DropBody(RetryBody, frozen=True, kw_only=True):
    """The provider that hasn't deleted the customer, and the reason for giving up."""

    reason: Annotated[
        str,
        Meta(
            min_length=1, max_length=REASON_CHARACTERS_MAX, pattern=LINE, description="The reason."
        ),
        said("Reason"),
    ]


def _findings(found: Sequence[CheckedProvider]) -> Checked:
    items = [
        Finding(
            provider=one.standing.name,
            environment=one.standing.environment,
            about=finding.about,
            result=_RESULTS[finding.is_well],
            detail=finding.detail,
        )
        for one in found
        for finding in one.findings
    ]
    return Checked(items=items, is_well=all(one.is_well for one in found))


async def list_providers(
    context: ActContext, _asked: Page, _begin: Begin, _limit: int
) -> Sequence[Provider]:
    known = standings(context.service(Providers), context.service(NotifiedAt).public_url)
    return [
        Provider(
            provider=one.name, environment=one.environment, state=one.state, webhook=one.notify_url
        )
        for one in known
        if one.environment == context.environment
    ]


async def check_providers(context: CallContext, asked: CheckBody) -> Sequence[CheckedProvider]:
    payments = context.service(Payments)
    known = standings(payments.providers, context.service(NotifiedAt).public_url)
    names = sorted({one.name for one in known})
    if asked.provider is not None and asked.provider not in names:
        raise InvalidInput(f"The provider must be one of {', '.join(names)}.", param="provider")
    database = context.database
    found = [
        await check(database, payments, one)
        for one in known
        if one.environment == context.environment and asked.provider in {None, one.name}
    ]
    if asked.provider is None:
        return found
    return [one if one.findings else _unasked(one.standing) for one in found]


def _unasked(standing: ProviderStatus) -> CheckedProvider:
    return CheckedProvider(standing, (SetupFinding("credentials", None, _UNASKED[standing.state]),))


async def list_forgotten(
    context: ActContext, _asked: Page, _begin: Begin, _limit: int
) -> Sequence[Row]:
    return await customer_deletion.list_forgotten(context.tx, context.environment)


async def retry_customer(context: ActContext, asked: RetryBody) -> Change[Row]:
    found = await _found(context, asked.provider)
    await customer_deletion.retry_now(context.tx, found, now_us=context.now_us)
    return Change(before=found, after=replace(found, next_attempt_at=context.now_us))


async def drop_customer(context: ActContext, asked: DropBody) -> Change[Row]:
    found = await _found(context, asked.provider)
    await customer_deletion.give_up(context.tx, found)
    told = {"by": context.person}
    return Change(after=found, is_gone=True, told=told, reason=asked.reason)


async def _found(context: ActContext, provider: str) -> Row:
    key = (provider, context.environment, context.object_id)
    return await customer_deletion.get(context.tx, key)


def _shown(row: Row) -> Mapping[str, Any]:
    return {"provider": row.provider}


LIST_PROVIDERS = ListAct(
    name="providers.list",
    summary="List payment providers, with the webhook URLs to register there",
    path="/providers",
    audience=(OPERATOR,),
    query=Page,
    run=list_providers,
    result=Provider,
    is_catalogue=True,
    named_by="provider",
    columns=("provider", "environment", "state", "webhook"),
    examples=("topup providers list --environment live",),
)
CHECK_PROVIDERS = StepsAct(
    name="providers.check",
    summary="Check each payment provider's key, webhook, events and prices",
    description="Changes nothing. The command exits with 1 if something is wrong.",
    path="/providers/check",
    audience=(OPERATOR,),
    input=CheckBody,
    run=check_providers,
    view=_findings,
    result=Checked,
    is_catalogue=True,
    columns=("provider", "environment", "about", "result", "detail"),
    alarm=lambda found: not found["is_well"],
    examples=(
        "topup providers check --environment live",
        "topup providers check --provider stripe --environment live",
    ),
)
LIST_FORGOTTEN = ListAct(
    name="providers.forgotten",
    summary="List erased accounts' customers that providers have not deleted yet",
    path="/providers/forgotten",
    audience=(OPERATOR,),
    query=Page,
    run=list_forgotten,
    result=ForgottenCustomer,
    is_catalogue=True,
    named_by="customer_ref",
    columns=(
        *("provider", "environment", "customer_ref", "attempts", "next_attempt_at"),
        *("last_error", "created_at"),
    ),
    examples=("topup providers forgotten --environment live",),
)
RETRY_CUSTOMER = Act(
    name="providers.retry",
    summary="Retry deleting a customer at its provider",
    path="/providers/forgotten/{customer_ref}/retry",
    audience=(OPERATOR,),
    input=RetryBody,
    run=retry_customer,
    result=ForgottenCustomer,
    refuses=(NotFound,),
    is_catalogue=True,
    audit=None,
    done="The provider is called within a minute.",
    examples=("topup providers retry cus_4Kp1 --provider stripe --environment live",),
)
DROP_CUSTOMER = Act(
    name="providers.drop",
    summary="Stop trying to delete a customer at its provider",
    description="Use this if the customer no longer exists, or if you deleted it on the provider's own pages.",
    path="/providers/forgotten/{customer_ref}/drop",
    audience=(OPERATOR,),
    input=DropBody,
    run=drop_customer,
    result=ForgottenCustomer,
    refuses=(NotFound,),
    is_catalogue=True,
    names_person=True,
    audit=Audited("customer.given_up", _shown),
    asks="Stop trying to delete this customer, with its cards, at {provider}?",
    done="The gateway no longer tries to delete the customer.",
    examples=(
        "topup providers drop cus_4Kp1 --provider stripe --reason 'deleted in the dashboard'",
    ),
)
ACTS = (LIST_PROVIDERS, CHECK_PROVIDERS, LIST_FORGOTTEN, RETRY_CUSTOMER, DROP_CUSTOMER)
