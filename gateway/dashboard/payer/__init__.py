"""Pages for payers, without an account: the sandbox's checkout and portal, and the way back."""
