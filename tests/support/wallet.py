"""eth-account, by which the payers and facilitators of tests sign, loaded without what it does to the process.

One of its libraries raises the recursion limit to 100,000 as it is imported. A stranger's deeply nested
JSON would then overflow the stack of every later test of the process, where it is refused otherwise.
"""

import sys

_LIMIT = sys.getrecursionlimit()

from eth_account import Account  # noqa: E402
from eth_account.messages import encode_typed_data  # noqa: E402

sys.setrecursionlimit(_LIMIT)

__all__ = ["Account", "encode_typed_data"]
