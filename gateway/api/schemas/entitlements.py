"""The shapes of entitlements: what a plan lets its account do."""

from typing import Annotated

from msgspec import Meta

from kernel.shaped import Shaped
from kernel.words import Count, Time

EntitlementName = Annotated[str, Meta(description="As the plan names it.")]


class Entitlement(Shaped, kw_only=True):
    """The answer to one question: may the account do this now?"""

    name: EntitlementName
    allowed: Annotated[
        bool, Meta(description="Of a question: at least one more use. Of a use: it was counted.")
    ]
    limit: Annotated[int | None, Meta(description="Null: a plain yes or no.")]
    used: Annotated[Count, Meta(description="What was told since the count last began.")]
    resets_at: Annotated[
        Time | None, Meta(description="When the count begins anew; null: nothing is counted.")
    ]
