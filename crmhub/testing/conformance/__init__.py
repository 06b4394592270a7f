"""The conformance kit: numbered checks that every connector has to pass, against a CRM whose truth is known.

An author writes one :class:`~crmhub.testing.conformance.target.Target`; the checks that apply follow
from the connector's own capabilities. :class:`~crmhub.testing.conformance.suite.Conformance` runs them
in pytest, ``crmhub conformance NAME`` on the command line.
"""
