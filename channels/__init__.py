"""The channels: one folder a kind. Each knows its provider and `inbox.model`, and nothing else of the house."""
