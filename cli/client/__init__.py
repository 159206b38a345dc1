"""Provide commands for a gateway's users, such as login, listen and verify."""
