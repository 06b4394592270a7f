"""Finding the installed doubles: entry points of the group `crmhub.simulators`, name to `module:create`."""

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from typing import cast

from crmhub.document import suggest
from crmhub.testing.simulator.app import Double
from crmhub.testing.simulator.errors import SimulatorError
from crmhub.testing.simulator.options import Options

GROUP = "crmhub.simulators"


def simulator_names() -> Sequence[str]:
    """Names of the installed doubles; nothing is imported."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


def make_double(name: str, options: Options) -> Double:
    """The double of that name; raises SimulatorError saying what is installed, or why it cannot be made."""
    entry = next(iter(entry_points(group=GROUP, name=name)), None)
    if entry is None:
        names = simulator_names()
        installed = (
            f"installed: {', '.join(names)}" if names else "none is installed: pip install 'crmhub[demo]'"
        )
        raise SimulatorError(f"no simulator {name!r}; {suggest(name, names)}", hint=installed)
    try:
        create = cast("Callable[[Options], Double]", entry.load())
    except Exception as problem:
        raise SimulatorError(
            f"simulator {name!r} ({entry.value}) cannot be imported: {type(problem).__name__}: {problem}"
        ) from problem
    return create(options)
