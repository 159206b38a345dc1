"""Commands below `topup accounts`: how people sign in, and whether the account is suspended."""
