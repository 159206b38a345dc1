"""Responses: the envelope, the codes, and the words of a refusal."""
