"""Recharges: credit that is bought by itself when the balance falls."""
