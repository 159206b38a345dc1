"""Programs of `topup` that are no acts: they sign in, listen, check, and watch."""
