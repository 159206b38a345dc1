"""The HTTP side of the gateway: everything between a request and its response."""
