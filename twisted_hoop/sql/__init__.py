"""What does this text do? PostgreSQL statements, understood with PostgreSQL's own grammar."""
