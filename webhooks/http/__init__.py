"""Call other people's URLs safely."""
