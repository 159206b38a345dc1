"""Write letters to account owners about plans, recharges and expiring credit."""

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
        say("The latest payment for your plan {plan} didn't arrive.", plan=plan),
        say("{provider} will try again for a few days.", provider=provider),
    ]
    if one.grace_ends_at is not None:
        day = language.day(one.grace_ends_at)
        happened.append(say("The plan will end on {day} unless the payment arrives.", day=day))
    happened.append(say('To use another card, open this page and select "Update payment".'))
    return OwnerLetter(
        language,
        say("The payment for your plan {plan} didn't arrive", plan=plan),
        tuple(happened),
        say("Open your plan"),
        f"{public_url}{PLAN_PATH}",
        say("You don't lose any credit that you already have."),
    )


def _of_recharge(told: dict[str, Any], public_url: str, language: Language) -> OwnerLetter:
    say, page = language.say, f"{public_url}{RECHARGE_PATH}"
    subject, happened = _recharge_text(told, language)
    has_failed_often = told["disabled"] and told["failures"] >= FAILURES_MAX
    if has_failed_often and told["reason"] != "disputed":
        subject = say("Your auto-recharge is switched off")
        happened.append(
            say("The charge failed three times in a row, so auto-recharge is now switched off.")
        )
    elif told["retry_at"] is not None:
        when = language.moment(parse_rfc3339(told["retry_at"]))
        happened.append(say("The charge will be retried on {when}.", when=when))
    is_confirmed = told["url"] is not None
    return OwnerLetter(
        language,
        subject,
        tuple(happened),
        say("Confirm the payment") if is_confirmed else say("Open the auto-recharge page"),
        told["url"] if is_confirmed else page,
        say("You can change or stop auto-recharge on this page:"),
        page,
    )


def _recharge_text(told: dict[str, Any], language: Language) -> tuple[str, list[str]]:
    say, reason = language.say, told["reason"]
    known = {"amount": language.money(told["amount_cents"]), "method": told["method"]}
    if reason == "monthly_max":
        return say("Your auto-recharge has reached this month's limit"), [
            say(
                "Your balance is low, but another {amount} would exceed your monthly limit.",
                amount=known["amount"],
            ),
            say("Nothing was charged."),
        ]
    if reason == "disputed":
        return say("Your auto-recharge is switched off"), [
            say(
                "Your auto-recharge payment of {amount} with {method} was disputed at the card's bank.",
                **known,
            ),
            say(
                "No more credit will be bought automatically until you set up auto-recharge again."
            ),
            say("If you don't recognize this dispute, contact your bank."),
        ]
    if told["url"] is not None:
        return say("Confirm your auto-recharge of {amount}", amount=known["amount"]), [
            say("Your bank wants you to confirm the payment of {amount} with {method}.", **known),
            say("The credit will be bought only after you confirm the payment."),
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
        say("{amount} of your credit expires on {day}", amount=known["amount"], day=day),
        (
            say("{amount} of your plan's credit expires on {when}.", **known)
            if told["kind"] == "plan"
            else say("{amount} of your free credit expires on {when}.", **known),
            say("Any credit that you don't spend by then will be lost."),
        ),
        say("Open your wallet"),
        f"{public_url}{WALLET_PATH}",
        say("To turn off emails like this, open this page:"),
        f"{public_url}{ACCOUNT_PATH}",
    )


def _why(reason: str, language: Language) -> str:
    say = language.say
    known = {
        "insufficient_funds": say("The card has insufficient funds."),
        "try_later": say("The bank couldn't process the charge now."),
        "card_expired": say("The card has expired."),
        "card_declined": say("The card was declined."),
        "card_removed": say("The payment provider no longer stores the card."),
        "unknown_outcome": say("The payment provider didn't report the result."),
        "switched_off": say("Auto-recharge was switched off in the meantime."),
    }
    return known.get(reason) or say("The payment provider refused the charge.")
