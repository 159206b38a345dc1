"""Connect the payment providers. Each has a file or folder and implements the protocol."""
