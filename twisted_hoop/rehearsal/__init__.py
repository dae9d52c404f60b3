"""What rules would say to commands nobody sends: to one that somebody thinks of, and to those that were recorded."""
