"""Refusals of the OAuth endpoints."""

from crmhub_salesforce.simulator.calls import Reply


class OAuthError(Exception):
    """A refusal: `{error, error_description}` with status 400, not the array of the REST API."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error
        self.description = description

    def reply(self) -> Reply:
        """What the endpoint answers."""
        return Reply(400, {"error": self.error, "error_description": self.description})
