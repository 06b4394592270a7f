"""What only Zoho has: conversions, blueprints, related lists, tags, the recycle bin, calls for many."""

from __future__ import annotations

from crmhub_zoho.extras.blueprints import Blueprints
from crmhub_zoho.extras.composites import Composites
from crmhub_zoho.extras.leads import Leads
from crmhub_zoho.extras.mass import Mass
from crmhub_zoho.extras.recycling import RecycleBin
from crmhub_zoho.extras.relations import Pages, Relations
from crmhub_zoho.extras.searching import Searching
from crmhub_zoho.extras.tagging import Tagging
from crmhub_zoho.schema import Schemas
from crmhub_zoho.tiers.rest import Rest
from crmhub_zoho.tiers.rest_extras import RestExtras

__all__ = ["Extras"]


class Extras:
    """The rooms, one for each group of calls; all by REST, but for related lists."""

    def __init__(self, rest: RestExtras, records: Rest, schemas: Schemas, related: Pages) -> None:
        self.leads = Leads(rest)
        self.blueprints = Blueprints(rest)
        self.relations = Relations(rest, schemas, related)
        self.searches = Searching(records, schemas)
        self.tags = Tagging(rest)
        self.bin = RecycleBin(rest)
        self.composites = Composites(rest)
        self.mass = Mass(rest, schemas)
