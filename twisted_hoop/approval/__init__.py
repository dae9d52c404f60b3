"""Who agrees? The life cycle of a request for approval."""
