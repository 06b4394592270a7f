"""Looking at a description while it is written."""
