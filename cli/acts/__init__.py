"""Make commands from acts (keys/act.py). They run over HTTP with a key, or in process on this machine."""
