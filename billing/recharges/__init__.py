"""Buy credit automatically when the balance drops."""
