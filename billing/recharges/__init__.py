"""Recharges: credit that is bought automatically when the balance drops."""
