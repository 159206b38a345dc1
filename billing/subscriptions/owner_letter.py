"""Write letters to an account's owner about plans, recharges and expiring credit."""

from collections.abc import Callable
from typing import Any, Final

from billing.recharges.recharge import FAILURES_MAX
from billing.recipients.language import Language
from billing.recipients.letter import ACCOUNT_PATH, OwnerLetter
from billing.recipients.owner_mail import OwnerMail
from billing.subscriptions.subscription import Subscription
from kernel.clock import parse_rfc3339

PLAN_PATH: Final = "/dashboard/plan"
RECHARGE_PATH: Final = "/dashboard/recharge"
WALLET_PATH: Final = "/dashboard"


def owner_letter(
    mail: OwnerMail,
    one: Subscription | None,
    *,
    public_url: str,
    label: Callable[[str], str],
    language: Language,
) -> OwnerLetter:
    if mail.kind == "recharge_failed":
        return _of_recharge(mail.data, public_url, language)
    if mail.kind == "credit_expiring":
        return _of_credit(mail.data, public_url, language)
    assert one is not None, "such a mail is about a subscription"
    return _of_plan(one, public_url, label(one.provider), language)


def _of_plan(one: Subscription, public_url: str, provider: str, language: Language) -> OwnerLetter:
    say, plan = language.say, one.plan_name
    happened = [
        say("The last payment for your plan {plan} did not come.", plan=plan),
        say("{provider} tries again for a few days.", provider=provider),
    ]
    if one.grace_ends_at is not None:
        day = language.day(one.grace_ends_at)
        happened.append(say("The plan ends on {day} unless it is paid.", day=day))
    happened.append(say('Another card helps. Open this page and press "Update the payment".'))
    return OwnerLetter(
        language,
        say("Your plan {plan} was not paid", plan=plan),
        tuple(happened),
        say("Open your plan"),
        f"{public_url}{PLAN_PATH}",
        say("Credit that you have stays yours."),
    )


def _of_recharge(told: dict[str, Any], public_url: str, language: Language) -> OwnerLetter:
    say, page = language.say, f"{public_url}{RECHARGE_PATH}"
    subject, happened = _told_of_recharge(told, language)
    has_failed_often = told["disabled"] and told["failures"] >= FAILURES_MAX
    if has_failed_often and told["reason"] != "disputed":
        subject = say("Your auto-recharge is switched off")
        happened.append(
            say("This failed three times in a row, so the auto-recharge is switched off now.")
        )
    elif told["retry_at"] is not None:
        when = language.moment(parse_rfc3339(told["retry_at"]))
        happened.append(say("It is tried again on {when}.", when=when))
    is_confirmed = told["url"] is not None
    return OwnerLetter(
        language,
        subject,
        tuple(happened),
        say("Confirm the payment") if is_confirmed else say("Open your auto-recharge"),
        told["url"] if is_confirmed else page,
        say("You can change or stop it on this page:"),
        page,
    )


def _told_of_recharge(told: dict[str, Any], language: Language) -> tuple[str, list[str]]:
    say, reason = language.say, told["reason"]
    known = {"amount": language.money(told["amount_cents"]), "method": told["method"]}
    if reason == "monthly_max":
        return say("Your auto-recharge has reached its limit of this month"), [
            say(
                "Your balance is low, and {amount} more would pass the limit that you set for a month.",
                amount=known["amount"],
            ),
            say("Nothing was charged."),
        ]
    if reason == "disputed":
        return say("Your auto-recharge is switched off"), [
            say(
                "The payment of {amount} with {method}, which your auto-recharge made, was disputed at the card's bank.",
                **known,
            ),
            say("Nothing more is bought automatically until you set up auto-recharge again."),
            say("If you know nothing of this dispute, ask your bank."),
        ]
    if told["url"] is not None:
        return say("Confirm your auto-recharge of {amount}", amount=known["amount"]), [
            say("Your bank wants you to confirm the payment of {amount} with {method}.", **known),
            say("Until you do, this credit is not bought."),
        ]
    return say("Your auto-recharge of {amount} failed", amount=known["amount"]), [
        say("Your balance is low, and {amount} could not be charged to {method}.", **known),
        _why(reason, language),
    ]


def _of_credit(told: dict[str, Any], public_url: str, language: Language) -> OwnerLetter:
    say, ends_at = language.say, parse_rfc3339(told["expires_at"])
    known = {"amount": language.money(told["amount_cents"]), "when": language.moment(ends_at)}
    day = language.day(ends_at)
    return OwnerLetter(
        language,
        say("{amount} of your credit ends on {day}", amount=known["amount"], day=day),
        (
            say("{amount} of the credit of your plan ends on {when}.", **known)
            if told["kind"] == "plan"
            else say("{amount} of the credit that you were given ends on {when}.", **known),
            say("What is not spent until then is gone."),
        ),
        say("Open your wallet"),
        f"{public_url}{WALLET_PATH}",
        say("You can turn off emails of this kind on this page:"),
        f"{public_url}{ACCOUNT_PATH}",
    )


def _why(reason: str, language: Language) -> str:
    say = language.say
    known = {
        "insufficient_funds": say("The card lacks the funds."),
        "try_later": say("The bank could not decide now."),
        "card_expired": say("The card has expired."),
        "card_declined": say("The card was declined."),
        "card_removed": say("The card is no longer kept at the payment provider."),
        "unknown_outcome": say("The payment provider did not say what came of it."),
        "switched_off": say("It was switched off meanwhile."),
    }
    return known.get(reason) or say("The payment provider refused it.")
