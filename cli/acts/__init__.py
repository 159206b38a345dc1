"""Make commands from acts (keys/act.py). They run over HTTP with a key, or on this machine without a gateway."""
