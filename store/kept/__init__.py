"""The commits that were acknowledged, and the losses that an operator accepted."""
