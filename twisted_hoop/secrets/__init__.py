"""With what key? Secrets shown to targets."""
