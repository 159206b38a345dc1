"""Tests of the mail that is gathered."""
