"""What the gateway tells its operators: logs and metrics. The record of what people did is `recording`."""
