"""Do background work: deliver events, and run queued jobs and chores."""
