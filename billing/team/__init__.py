"""List and end what a colleague created for an account."""
