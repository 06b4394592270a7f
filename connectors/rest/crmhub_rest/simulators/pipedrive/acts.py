"""What people do in Pipedrive's pages, for which the API has nothing."""

from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.table import Row
from crmhub_rest.simulators.pipedrive.company import PLURAL, Company

ACTS = "restore (object, id), deactivate_user (id), renew_api_token, uninstall"


def restore(company: Company, name: str, ident: str) -> Row:
    """Bring a deleted record back; raises SimulatorError."""
    kind = next((kind for kind, plural in PLURAL.items() if plural == name), None)
    gone = company.gone(kind, ident) if kind else None
    if kind is None or gone is None:
        raise SimulatorError(f"restore: there is no deleted record {ident} of {name}")
    row: Row = {**gone.row, "update_time": company.now_text()}
    if "is_deleted" in row:
        row["is_deleted"] = False
    if "active_flag" in row:
        row["active_flag"] = True
    if row.get("status") == "deleted":
        row["status"] = status_before(row)
    return company.restore(kind, row, company.admin)


def status_before(row: Row) -> str:
    """The status that a deleted deal had."""
    if row["won_time"] is not None:
        return "won"
    return "lost" if row["lost_time"] is not None else "open"


def deactivate(company: Company, ident: str) -> None:
    """Take a user's access away; what they own stays theirs. Raises SimulatorError."""
    user = company.user(int(ident)) if ident.isdigit() else None
    if user is None or user.admin:
        raise SimulatorError(f"deactivate_user: {ident} is no user, or the administrator")
    user.active = False
