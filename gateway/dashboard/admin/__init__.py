"""What an operator sees and decides: pages that need `admin`, which no ordinary account has."""
