"""The address of an order's page for its payer, computed from the order's ID and never stored."""

from dataclasses import dataclass
from typing import Final

from billing.topups.rules import LinkTokens
from kernel.errors import NotFound

STATUS_PATH: Final = "/orders/status"


@dataclass(frozen=True, slots=True)
class OrderLinks:
    """public_url has no slash at its end."""

    tokens: LinkTokens
    public_url: str

    def status_url(self, order_id: str) -> str:
        """Return the page that shows the payment's outcome, and nothing that can be spent."""
        return f"{self.public_url}{self.status_path(order_id)}"

    def status_path(self, order_id: str) -> str:
        return f"{STATUS_PATH}/{self.tokens.token_of('order', order_id)}"

    def order_of(self, token: str) -> str:
        """Return the token's order ID; raise NotFound, the same for every wrong token."""
        order_id = self.tokens.id_of("order", token)
        if order_id is None:
            raise NotFound("Page")
        return order_id
