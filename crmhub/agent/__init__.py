"""CRM for agents: governed access to the configured CRMs, whatever protocol the agent speaks.

``gate`` takes a call from the outside to its answer; tools see the CRMs through ``reach`` alone.
Only ``serving`` knows a protocol. See "Agents" in docs/design.md.
"""
