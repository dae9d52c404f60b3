"""Who is it? Tokens, service accounts and what they prove."""
