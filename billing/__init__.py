"""Money: the ledger, top-ups, vouchers, fulfilment, approvals, the audit."""
