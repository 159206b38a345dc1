"""What the measurements are held against; each file runs in a process of its own."""
