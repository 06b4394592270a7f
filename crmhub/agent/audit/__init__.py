"""The audit of what agents do: every call's intent and outcome, in the store's chain, without personal data.

``sink`` writes the rows, ``redaction`` decides what of a call may stand in them, ``pseudonyms`` gives the
same person the same unguessable mark.
"""

from __future__ import annotations

from crmhub.agent.audit.sink import StoreAudit

__all__ = ["StoreAudit"]
