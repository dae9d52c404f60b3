"""What do replicas share? Tables and the database that holds them."""
