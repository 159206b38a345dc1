"""How people sign in, besides with a password."""
