"""The payment providers, one file each; found by folder discovery."""
