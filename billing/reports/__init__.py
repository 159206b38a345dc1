"""Read reports that combine the tables of several subjects."""
