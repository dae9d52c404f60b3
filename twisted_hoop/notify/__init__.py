"""Who is told? Channels by which people hear of requests, and what became of each notice."""
