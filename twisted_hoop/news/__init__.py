"""What replicas tell one another at once. Never a condition for anything: who misses a word finds it in the store."""
