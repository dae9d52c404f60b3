"""Data for the demo and for tests: SQL files, read as package data."""
