"""The gateway as plain functions that an agent may call: the frameworks beside this file make tools of them.

A refusal is an answer for the model, not an exception: it says what to do next. A send has a key of the
model's own, so that a call which it repeats, or plans again, is paid once.
"""

import json
import os

from topup_gateway import ApiError, Call, ConnectionFailed, Gateway, SendBody
from topup_gateway.calls import (
    get_topup_balance,
    get_topup_status_transaction_id as get_status,
    post_topup_send,
)


class GatewayTools:
    """Give the agent's key a mandate: platforms, recipients, a limit, a threshold for approvals."""

    def __init__(self, gateway: Gateway | None = None) -> None:
        self._gateway = gateway or Gateway(os.environ["GATEWAY"], os.environ["KEY"])

    def send_topup(
        self, platform: str, amount_cents: int, recipient_email: str, idempotency_key: str
    ) -> str:
        """Sends prepaid AI credit to a person and spends the account's own.

        Args:
            platform: What is topped up, such as claude.
            amount_cents: In US cents.
            recipient_email: Whose wallet.
            idempotency_key: Any word for this one purchase; the same one when you repeat it.
        """
        body = SendBody(platform, amount_cents, recipient_email=recipient_email)
        return self._told(post_topup_send(body=body, idempotency_key=idempotency_key))

    def get_topup(self, transaction_id: str) -> str:
        """Shows a top-up, and waits up to 20 seconds for one that is pending or waits for a person.

        Args:
            transaction_id: As send_topup answered.
        """
        return self._told(get_status(transaction_id, wait_s=20))

    def get_balance(self) -> str:
        """Shows the account's balance in US cents, and what this key may still spend."""
        return self._told(get_topup_balance())

    def _told(self, call: Call[object]) -> str:
        try:
            answer = self._gateway.run(call)
        except ApiError as error:
            return json.dumps(error.answer.to_dict())
        except ConnectionFailed:
            return "No answer came. Call it again with the same idempotency_key."
        return json.dumps(answer.to_dict())  # type: ignore[attr-defined]
