"""Events out: what happened, to whom it is told, and the telling."""
