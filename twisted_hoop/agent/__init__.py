"""Reaching targets inside private networks: agents that dial out, and the streams the gateway opens by them."""
