"""The objects of a HubSpot portal, their properties, and how they may be associated."""
