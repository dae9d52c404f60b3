"""May it? Ordered rules, first match, default deny."""
