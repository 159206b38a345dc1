"""Run commands that move money, and commit them in batches."""
