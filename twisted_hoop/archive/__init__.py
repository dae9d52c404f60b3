"""What becomes of recordings once they are written: search, retention, object storage."""
