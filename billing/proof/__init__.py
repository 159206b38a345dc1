"""The whole proof of `topup audit`: the ledger's own rules, and those that compare rows with what bears them out."""
