"""A CRM that lives in memory: the smallest whole connector.

It keeps plain dicts in Python, follows the contract to the letter, and serves unit tests and the
authors' guide. ``rows`` may be given in the configuration; timestamps come from the clock.
"""

from crmhub.testing.memory.config import MemoryConfig, MemoryField
from crmhub.testing.memory.connector import MemoryConnector
from crmhub.testing.memory.crm import MemoryCrm

__all__ = ["MemoryConfig", "MemoryConnector", "MemoryCrm", "MemoryField"]
