"""The delivery log as people and programs see it: deliveries with their attempts, sent again or cancelled (acts.py)."""
