"""twisted-hoop: an identity-aware layer-7 gateway. ARCHITECTURE.md is the map of this package."""

__version__ = "0.1.0"
