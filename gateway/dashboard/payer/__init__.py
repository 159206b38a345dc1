"""Pages for whoever pays, without an account: the sandbox's checkout and portal, and the way back."""
