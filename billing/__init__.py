"""Handle money: the ledger, top-ups, vouchers, supplier calls, approvals and the audit."""
