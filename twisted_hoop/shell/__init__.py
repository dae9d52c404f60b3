"""What does this command line do? A shell's grammar, read as the strictest of bash, dash and zsh would."""
