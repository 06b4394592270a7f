"""What people do in Lofty's pages, for which the API has nothing."""

from crmhub.testing.simulator.errors import SimulatorError
from crmhub_rest.simulators.lofty.rows import whole
from crmhub_rest.simulators.lofty.team import Stage, Team

ACTS = "restore (lead), rename_stage (from, to), revoke_key, revoke_app"


def restore(team: Team, lead_id: str) -> None:
    """Bring a lead back from the trash; raises SimulatorError."""
    gone = team.leads.deleted_by_id(lead_id)
    if gone is None:
        raise SimulatorError(f"restore: the lead {lead_id} is not in the trash")
    team.restore_lead(gone.place)
    team.hooks.tell("Lead", "updated", {"leadId": whole(gone.row, "leadId")})


def rename_stage(team: Team, old: str, new: str) -> None:
    """Give a stage of leads another name: its id stays; raises SimulatorError."""
    for place, stage in enumerate(team.stages):
        if stage.name == old:
            team.stages[place] = Stage(stage.id, new)
            return
    raise SimulatorError(f"rename_stage: leads have no stage {old!r}")
