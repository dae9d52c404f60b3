"""What is tried by hand, with servers too large for every run: each module is a command, CONTRIBUTING.md says when."""
