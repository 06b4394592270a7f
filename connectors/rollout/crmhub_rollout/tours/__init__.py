"""Property tours: models of them, their maps into CRMs, and actions that write them to one CRM or to all."""

from crmhub_rollout.tours.models import Feedback, PropertyVisit, Tour

__all__ = ["Feedback", "PropertyVisit", "Tour"]
