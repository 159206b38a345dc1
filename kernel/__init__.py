"""What every layer may use: errors, ids, the clock, limits. Imports nothing of ours."""
