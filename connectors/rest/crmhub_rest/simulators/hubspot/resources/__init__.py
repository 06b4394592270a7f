"""The handlers, by area of the API."""
