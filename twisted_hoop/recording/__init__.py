"""What happened? Recordings and what is read from them."""
