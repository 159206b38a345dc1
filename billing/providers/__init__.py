"""Connect the payment providers. Each has its own file or folder and implements the same protocol."""
