"""The delivery log as users and programs see it."""
