"""Stripe's abilities beside checkouts, each a class of its own file."""

from billing.providers.stripe.api import StripeApi
from billing.providers.stripe.customers import StripeCustomers
from billing.providers.stripe.listing import StripeListing
from billing.providers.stripe.refunds import StripeRefunds
from billing.providers.stripe.saved_payment import StripeSavedCards
from billing.providers.stripe.setup_check import StripeSetupCheck
from billing.providers.stripe.shared_tokens import StripeSharedTokens
from billing.providers.stripe.steering import StripeSteering


def abilities_of(api: StripeApi, profile_id: str) -> tuple[object, ...]:
    """Return them; profile_id empty: no shared tokens."""
    tokens = (StripeSharedTokens(api, profile_id),) if profile_id else ()
    return (
        *tokens,
        StripeListing(api),
        StripeRefunds(api),
        StripeSavedCards(api),
        StripeSetupCheck(api),
        StripeSteering(api),
        StripeCustomers(api),
    )
