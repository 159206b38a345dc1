"""The letters about failing webhooks, a low balance and new keys.

They list the first and count the rest, so that a burst is one mail of one page.
"""

from collections.abc import Sequence
from typing import Final

from billing.recipients.language import Language
from billing.recipients.notifications.facts import LISTED_MAX, LowBalance, ToldKey, ToldKeys
from billing.recipients.owner_message import Listed, OwnerLetter
from keys.audit_log import AuditEntry
from webhooks.deliveries.notice import DISABLED_STAGE, RECOVERED, WARNED_STAGE, ToldEndpoint

WEBHOOKS_PATH: Final = "/dashboard/webhooks"
KEYS_PATH: Final = "/dashboard/keys"
BUY_PATH: Final = "/dashboard/buy"
URL_CHARACTERS_MAX: Final = 200


def webhook_letter(
    told: Sequence[ToldEndpoint], *, public_url: str, language: Language
) -> OwnerLetter:
    say = language.say
    unwell = [one for one in told if one.stage != RECOVERED]
    happened = (
        say("Events are kept and tried again as each webhook's schedule says."),
        say("A disabled webhook gets nothing until it is enabled again."),
    )
    well = (say("Events arrive there again."),)
    return OwnerLetter(
        language,
        _webhook_subject(unwell, len(told), language),
        happened if unwell else well,
        say("Look at the webhooks"),
        f"{public_url}{WEBHOOKS_PATH}",
        say("You can switch mail of this kind off on this page:"),
        listed=tuple(
            Listed(_of_endpoint(one, language), f"{public_url}{WEBHOOKS_PATH}/{one.endpoint_id}")
            for one in told[:LISTED_MAX]
        ),
        more=max(len(told) - LISTED_MAX, 0),
    )


def _webhook_subject(unwell: Sequence[ToldEndpoint], told: int, language: Language) -> str:
    say, count = language.say, language.count
    if len(unwell) > 1:
        return say("{count} webhooks fail", count=count(len(unwell)))
    if unwell:
        return _one_subject(unwell[0].stage, language)
    if told == 1:
        return say("A webhook works again")
    return say("{count} webhooks work again", count=count(told))


def _one_subject(stage: str, language: Language) -> str:
    say = language.say
    if stage == DISABLED_STAGE:
        return say("A webhook was disabled")
    return (
        say("A webhook is about to be disabled")
        if stage == WARNED_STAGE
        else say("A webhook fails")
    )


def _of_endpoint(one: ToldEndpoint, language: Language) -> str:
    # Mail is read on the way, and a receiver's query may hold a secret.
    url = one.url.partition("?")[0][:URL_CHARACTERS_MAX]
    say, known = language.say, {"url": url, "when": language.moment(one.at_us)}
    if one.stage == RECOVERED:
        return say("{url} works again since {when}.", **known)
    if one.stage == DISABLED_STAGE:
        return say("{url} was disabled; it has failed since {when}.", **known)
    if one.stage == WARNED_STAGE:
        then = language.moment(one.disable_us)
        return say(
            "{url} has failed since {when} and will be disabled on {then} unless something arrives before.",
            then=then,
            **known,
        )
    return say("{url} has failed since {when}.", **known)


def balance_letter(low: LowBalance, *, public_url: str, language: Language) -> OwnerLetter:
    say = language.say
    return OwnerLetter(
        language,
        say("The balance is below {threshold}", threshold=language.money(low.threshold_cents)),
        (
            say("{balance} is left.", balance=language.money(low.balance_cents)),
            say("What it does not cover is refused until credit is bought."),
        ),
        say("Buy credit"),
        f"{public_url}{BUY_PATH}",
        say("You can switch mail of this kind off on this page:"),
    )


def key_letter(made: ToldKeys, *, public_url: str, language: Language) -> OwnerLetter:
    say = language.say
    is_one = made.count == 1
    subject = (
        say("A new key: {name}", name=made.first[0].name or made.first[0].id)
        if is_one
        else say("{count} new keys", count=language.count(made.count))
    )
    return OwnerLetter(
        language,
        subject,
        (say("Revoke what none of you made, and look at the security log."),),
        say("Look at the keys"),
        f"{public_url}{KEYS_PATH}",
        say("You can switch mail of this kind off on this page:"),
        listed=tuple(
            Listed(_of_key(one, language), f"{public_url}{KEYS_PATH}/{one.id}")
            for one in made.first
        ),
        more=made.count - len(made.first),
    )


def _of_key(one: ToldKey, language: Language) -> str:
    say, name = language.say, one.name or one.id
    may = say("{name} may: {scopes}.", name=name, scopes=" ".join(one.scopes))
    if one.made is None:
        return may
    entry = one.made.entry
    who = one.made.actor_name or _who(entry, language)
    if entry.address is None:
        made = say("Made by {who}.", who=who)
    else:
        made = say("Made by {who} from {address}.", who=who, address=entry.address)
    return f"{may} {made}"


def _who(entry: AuditEntry, language: Language) -> str:
    if entry.actor_kind == "session" and entry.actor_account_id == entry.account_id:
        return language.say("the owner")
    if entry.actor_kind == "cli":
        return language.say("the command line")
    return entry.actor
