"""The transports by which the connector can do an operation."""
