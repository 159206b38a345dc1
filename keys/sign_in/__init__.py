"""How people sign in: what is kept beside the password itself."""
