"""List and end what a colleague made for an account."""
