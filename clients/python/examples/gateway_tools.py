"""The gateway as functions that an agent may call. The frameworks beside this file make tools of them.

A refusal is an answer for the model, not an exception: it says what to do next. The model names each purchase,
so that a purchase that it repeats, or plans again, is paid once.
"""

import json
import os
from collections.abc import Callable

from topup_gateway import Answer, ApiError, Client, ConnectionFailed


class GatewayTools:
    """Give the agent's key a mandate: platforms, recipients, a limit, a threshold for approvals."""

    def __init__(self, client: Client | None = None) -> None:
        self._client = client or Client(os.environ["GATEWAY"], os.environ["KEY"])

    def send_topup(
        self, platform: str, amount_cents: int, recipient_email: str, idempotency_key: str
    ) -> str:
        """Send prepaid AI credit to a person, and spend the account's own.

        Args:
            platform: What is topped up, such as claude.
            amount_cents: In US cents: 1000 means $10.00.
            recipient_email: Whose wallet.
            idempotency_key: Any word for this one purchase. Use the same one when you repeat it.
        """
        return _told(
            lambda: self._client.topups.send(
                platform=platform,
                amount_cents=amount_cents,
                recipient_email=recipient_email,
                idempotency_key=idempotency_key,
            )
        )

    def get_topup(self, transaction_id: str) -> str:
        """Show a top-up. Wait up to 20 seconds for one that is pending or needs a person's approval.

        Args:
            transaction_id: As send_topup answered.
        """
        return _told(lambda: self._client.topups.status(transaction_id, wait_s=20))

    def get_balance(self) -> str:
        """Show the account's balance in US cents, and what this key may still spend."""
        return _told(self._client.topups.balance)


def _told(call: Callable[[], Answer[object]]) -> str:
    try:
        return call().model_dump_json(exclude_unset=True)
    except ApiError as error:
        return error.answer.model_dump_json(exclude_unset=True)
    except ConnectionFailed:
        return json.dumps("No answer came. Call it again with the same idempotency_key.")
