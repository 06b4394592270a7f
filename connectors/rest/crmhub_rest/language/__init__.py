"""The language in which a CRM is described: pydantic models that check themselves and do what they say."""
