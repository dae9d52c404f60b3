"""What is hidden? Values that must not leave a target as they are."""
