"""``crmhub approvals``: what agents want to write, and what a person decides about it."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from crmhub.cli.running import CONFIG

if TYPE_CHECKING:
    from crmhub.store.approvals import Approval, ApprovalState

__all__ = ["approvals"]

_HANDLE = typer.Argument(help="The handle, as `crmhub approvals list` tells it.")
_HASH = typer.Option("--hash", help="Demand that it is the plan with this hash.")
_BY = typer.Option("--by", help="Who decides; the name that you are signed in with, without it.")

approvals = typer.Typer(
    help="What agents want to write, and wait for a person to agree.", no_args_is_help=True
)


@approvals.command("list")
def list_(
    state: Annotated[
        str, typer.Option("--state", help="pending, approved, rejected, used, void, expired, or all.")
    ] = "pending",
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
    config: Path = CONFIG,
) -> None:
    """List what waits, oldest first."""
    import json

    from crmhub.cli.running import open_hub, run

    wanted = _state(state)

    async def work() -> list[Approval]:
        async with open_hub(config) as hub:
            return [*await (await hub.store()).approvals.listed(wanted)]

    for each in run(work):
        request = each.request
        if as_json:
            typer.echo(json.dumps(_plain(each)))
        else:
            until = f"{request.expires_at:%Y-%m-%d %H:%M}"
            agent = request.agent.partition("/")[0]
            typer.echo(f"{each.handle}  {each.state:8}  {agent:20}  {request.tool:22}  until {until} UTC")


@approvals.command()
def show(handle: Annotated[str, _HANDLE], config: Path = CONFIG) -> None:
    """Show each value before and after, and the hash of the plan."""
    from crmhub.agent.approvals.asking import lines_of

    found = _found(handle, config)
    for line in lines_of(found):
        typer.echo(line)
    typer.echo(f"plan {found.request.plan_hash}")
    decided = f" by {_shown(found.decision.by)}" if found.decision else ""
    typer.echo(f"{found.state}{decided}, good until {found.request.expires_at:%Y-%m-%d %H:%M} UTC")


@approvals.command()
def approve(
    handle: Annotated[str, _HANDLE],
    plan_hash: Annotated[str | None, _HASH] = None,
    by: Annotated[str | None, _BY] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask again.")] = False,
    config: Path = CONFIG,
) -> None:
    """Agree to a plan, after a look at it: the agent may do it once, exactly so."""
    from crmhub.agent.approvals.asking import lines_of

    if not yes:
        found = _found(handle, config)
        for line in lines_of(found):
            typer.echo(line)
        typer.confirm("Allow it?", abort=True)
        plan_hash = plan_hash or found.request.plan_hash
    _decide(handle, plan_hash, by, config, approved=True)


@approvals.command()
def reject(
    handle: Annotated[str, _HANDLE],
    by: Annotated[str | None, _BY] = None,
    config: Path = CONFIG,
) -> None:
    """Refuse a plan: nothing of it is ever written."""
    _decide(handle, None, by, config, approved=False)


def _decide(handle: str, plan_hash: str | None, by: str | None, config: Path, *, approved: bool) -> None:
    from crmhub.cli.running import open_hub, run

    async def work() -> Approval:
        async with open_hub(config) as hub:
            store = await hub.store()
            return await store.approvals.decide(handle, approved, by or getpass.getuser(), plan_hash)

    typer.echo(f"{run(work).state} {handle}")


def _found(handle: str, config: Path) -> Approval:
    """The approval. Raises :class:`UsageError` where there is none."""
    from crmhub.cli.running import open_hub, run
    from crmhub.errors import UsageError

    async def work() -> Approval:
        async with open_hub(config) as hub:
            found = await (await hub.store()).approvals.get(handle)
            if found is None:
                raise UsageError("no approval has that handle", hint="crmhub approvals list")
            return found

    return run(work)


def _state(text: str) -> ApprovalState | None:
    from crmhub.document import suggest
    from crmhub.errors import UsageError
    from crmhub.store.approvals import ApprovalState

    known = get_args(ApprovalState)
    if text not in {*known, "all"}:
        raise UsageError(f"--state: there is no {text!r}", hint=suggest(text, [*known, "all"]))
    return next((state for state in known if state == text), None)


def _shown(text: str) -> str:
    from crmhub.agent.untrusted import one_line

    return one_line(text)


def _plain(approval: Approval) -> dict[str, object]:
    import json

    request, decision = approval.request, approval.decision
    return {
        "handle": approval.handle, "state": approval.state, "agent": request.agent.partition("/")[0],
        "subject": request.subject, "tool": request.tool, "plan_hash": request.plan_hash,
        "created_at": request.created_at.isoformat(), "expires_at": request.expires_at.isoformat(),
        "decided_by": decision and decision.by, "plan": json.loads(request.plan),
    }  # fmt: skip
