"""Price lists as an operator sets them, for tests; micros of 1,000,000 tokens."""

from billing.usage.price_rows import NewPrice, PriceChange, set_prices
from keys.audit_log import Actor
from store.database import Database, Transaction

GPT = NewPrice(model="gpt-4o", input_micros=2_500_000, output_micros=10**7, cached_micros=1_250_000)


async def price(
    database: Database, *new: NewPrice, environment: str = "staging", is_whole: bool = False
) -> PriceChange:
    async def work(tx: Transaction) -> PriceChange:
        return await set_prices(tx, environment, new, is_whole=is_whole, by=Actor(), now_us=7)

    return await database.transaction(work)
