"""May it? Rules, and what a statement does."""
