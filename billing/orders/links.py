"""The address of the payer's own page of an order, worked out from the order's id and never stored."""

from dataclasses import dataclass
from typing import Final

from billing.topups.link_tokens import LinkTokens
from kernel.errors import NotFound

STATUS_PATH: Final = "/orders/status"


@dataclass(frozen=True, slots=True)
class OrderLinks:
    """public_url: what the address begins with, without a slash at its end."""

    tokens: LinkTokens
    public_url: str

    def status_url(self, order_id: str) -> str:
        """Whoever has it sees what became of the payment, and nothing that can be spent."""
        return f"{self.public_url}{self.status_path(order_id)}"

    def status_path(self, order_id: str) -> str:
        """The same below this gateway's own address."""
        return f"{STATUS_PATH}/{self.tokens.token_of('order', order_id)}"

    def order_of(self, token: str) -> str:
        """The id behind a page's token; raises NotFound, the same for every wrong one."""
        order_id = self.tokens.id_of("order", token)
        if order_id is None:
            raise NotFound("Page")
        return order_id
