"""The graph of each scenario: entry, transitions, reachability, checkpoints before final acts."""

from collections.abc import Callable, Iterator

from focal_config_watcher.core.authoring.checks import naming
from focal_config_watcher.core.authoring.draft import Draft, Origin, Where
from focal_config_watcher.core.authoring.folder import Kind
from focal_config_watcher.domain.authoring.scenario import Scenario, Step, Transition
from focal_config_watcher.domain.problem import Problem


def check(draft: Draft) -> Iterator[Problem]:
    """Dangling and unreachable steps, dead ends, wrong conditions, unguarded final acts."""
    for scenario_id, scenario in draft.scenarios.items():
        origin = draft.origin(Kind.SCENARIOS, scenario_id)
        steps = draft.steps(scenario_id)
        if scenario.entry and scenario.entry not in steps:
            message = naming.missing("step", scenario.entry, steps)
            yield origin.error("DANGLING_STEP", message, "entry")
            continue
        yield from _unreachable(origin, scenario)
        yield from _unguarded(draft, origin, scenario)
        for step_id, step in scenario.steps.items():
            yield from _ends(origin, step_id, step)
            for index, transition in enumerate(step.next):
                here = ("steps", step_id, "next", index)
                if transition.to not in steps:
                    message = naming.missing("step", transition.to, steps)
                    yield origin.error("DANGLING_STEP", message, *here, "to")
                yield from _conditions(draft, origin, transition, here)


def _unreachable(origin: Origin, scenario: Scenario) -> Iterator[Problem]:
    reached = _reached(scenario, through=lambda step: True)
    for step_id in scenario.steps:
        if step_id not in reached:
            message = f"no way leads to step `{step_id}`; add a `next` to it or remove it"
            yield origin.warning("UNREACHABLE_STEP", message, "steps", step_id)


def _unguarded(draft: Draft, origin: Origin, scenario: Scenario) -> Iterator[Problem]:
    reached = _reached(scenario, through=lambda step: not step.checkpoint)
    for step_id in scenario.steps:
        if step_id not in reached:
            continue
        for index, binding in enumerate(scenario.steps[step_id].tools):
            tool = draft.tools.get(binding.tool)
            if tool and tool.policy == "irreversible" and not tool.confirm:
                message = (
                    f"`{binding.tool}` cannot be undone and no checkpoint comes before it; put a "
                    "step with `checkpoint:` in front that asks the customer"
                )
                where = ("steps", step_id, "tools", index, "tool")
                yield origin.warning("NO_CHECKPOINT", message, *where)


def _reached(scenario: Scenario, through: Callable[[Step], bool]) -> set[str]:
    """Steps reached from the entry without walking on from those that `through` refuses."""
    starts = [step_id for step_id, step in scenario.steps.items() if step.reachable_from_anywhere]
    waiting = [scenario.entry_step(), *starts]
    reached: set[str] = set()
    while waiting:
        step_id = waiting.pop()
        if step_id in reached or step_id not in scenario.steps:
            continue
        reached.add(step_id)
        step = scenario.steps[step_id]
        if through(step):
            waiting += [transition.to for transition in step.next]
    return reached


def _ends(origin: Origin, step_id: str, step: Step) -> Iterator[Problem]:
    if step.terminal and step.next:
        message = f"the scenario ends at `{step_id}`; remove its `next` or `terminal: true`"
        yield origin.error("TERMINAL_WITH_NEXT", message, "steps", step_id, "next")
    if not step.terminal and not step.next:
        message = f"nothing leads on from `{step_id}`; add `next:` or `terminal: true`"
        yield origin.warning("DEAD_END", message, "steps", step_id)


def _conditions(
    draft: Draft, origin: Origin, transition: Transition, here: tuple[Where, ...]
) -> Iterator[Problem]:
    for n, name in enumerate(transition.known):
        if not draft.has(Kind.VARIABLES, name):
            message = naming.missing("variable", name, draft.ids(Kind.VARIABLES))
            yield origin.error("DANGLING_VARIABLE", message, *here, "known", n)
    for name, value in transition.equals.items():
        if not draft.has(Kind.VARIABLES, name):
            message = naming.missing("variable", name, draft.ids(Kind.VARIABLES))
            yield origin.error("DANGLING_VARIABLE", message, *here, "equals", name, key=True)
        elif name in draft.variables and not draft.variables[name].accepts(value):
            message = f"`{name}` is a {draft.variables[name].type}; give such a value"
            yield origin.error("WRONG_VALUE", message, *here, "equals", name)
