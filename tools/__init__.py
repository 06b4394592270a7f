"""Tools of the project itself; nothing of it is installed."""
