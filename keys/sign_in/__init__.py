"""How people sign in, besides the password itself."""
