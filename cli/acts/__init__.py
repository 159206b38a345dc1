"""Commands made from acts (keys/act.py): over HTTP with a key, or in process on this installation."""
