"""What happens in GoHighLevel without the API: merges and restores by hand, apps that come and go, tokens."""

from collections.abc import Mapping

from crmhub.testing.simulator.errors import SimulatorError
from crmhub_rest.simulators.gohighlevel.agency import Agency
from crmhub_rest.simulators.gohighlevel.location import CHILDREN, Location
from crmhub_rest.simulators.gohighlevel.oauth import Accounts
from crmhub_rest.simulators.gohighlevel.webhooks import Webhooks

ACTS = (
    "merge with {winner, loser} (contacts), restore with {contact}, install, uninstall, "
    "renew_private_integration_token"
)


def act(
    name: str, given: Mapping[str, str], agency: Agency, accounts: Accounts, webhooks: Webhooks
) -> dict[str, object]:
    """Let it happen in the location with the seeded records; raises SimulatorError."""
    location = agency.main
    match name, dict(given):
        case "merge", {"winner": winner, "loser": loser}:
            merge(location, winner, loser)
        case "restore", {"contact": contact}:
            restore(location, contact)
        case (("install" | "uninstall"), _):
            if name == "uninstall":
                accounts.uninstall()
            installed = {"appId": accounts.app_id, "companyId": agency.id, "locationId": location.id}
            webhooks.send_wanted(name.upper(), {**installed, "installType": "Location"})
        case "renew_private_integration_token", _:
            return {"private_integration_token": accounts.renew_private(location.id)}
        case _:
            raise SimulatorError(f"there is no {name} with these particulars; there are {ACTS}")
    return {}


def merge(location: Location, winner: str, loser: str) -> None:
    """One contact takes over what hangs on another, which is deleted; its own values stay."""
    kept, gone = (location.get("contacts", one) for one in (winner, loser))
    if kept is None or gone is None or winner == loser:
        raise SimulatorError(f"there are no two contacts {winner} and {loser}")
    for child in CHILDREN:
        for row in location.of_contact(child, loser):
            location.change(child, str(row["id"]), {"contactId": winner})
    location.remove("contacts", loser)
    location.change("contacts", winner, {name: value for name, value in gone.items() if name not in kept})


def restore(location: Location, contact: str) -> None:
    """A deleted contact comes back, without what hung on it."""
    gone = location.tables["contacts"].deleted_by_id(contact)
    if gone is None:
        raise SimulatorError(f"no contact {contact} was deleted")
    location.bring_back("contacts", gone.place)
