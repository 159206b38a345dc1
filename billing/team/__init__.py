"""List and end the keys, sends and other objects that a colleague created."""
