"""The `focal` command: the list of commands, and how errors look."""

import json
import os
import sys

import rich.console
import typer
import typer.exceptions

from focal_cli.commands import (
    abuse,
    channels,
    chat,
    confirmations,
    contacts,
    deliveries,
    demo,
    dlq,
    doctor,
    effects,
    events,
    policies,
    publish,
    run,
    send,
    sessions,
    tenants,
    token,
    tools,
    turns,
    up,
    watch,
    webhooks,
)
from focal_cli.local import errors
from focal_client import CallFailed

PROGRAM = "focal"
FAILURE, MISUSE, INTERRUPTED = 1, 2, 130

app = typer.Typer(
    name=PROGRAM,
    help="Run a Focal mesh on this machine and talk to its agents.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    run.run,
    up.up,
    demo.demo,
    chat.chat,
    send.send,
    publish.publish,
    watch.watch,
    events.events,
    token.token,
    doctor.doctor,
):
    app.command()(command)
app.add_typer(sessions.commands, name="sessions")
app.add_typer(turns.commands, name="turns")
app.add_typer(tenants.commands, name="tenants")
app.add_typer(effects.commands, name="effects")
app.add_typer(confirmations.commands, name="confirmations")
app.add_typer(tools.commands, name="tools")
app.add_typer(policies.commands, name="policies")
app.add_typer(channels.commands, name="channels")
app.add_typer(contacts.commands, name="contacts")
app.add_typer(webhooks.commands, name="webhooks")
app.add_typer(abuse.commands, name="abuse")
app.add_typer(dlq.commands, name="dlq")
app.add_typer(deliveries.commands, name="deliveries")


def main() -> None:
    """Run one command; whatever fails becomes one red line and how to mend it."""
    try:
        sys.exit(app(prog_name=PROGRAM, standalone_mode=False))
    except typer.exceptions.TyperException as error:
        _misused(error)
    except typer.Abort:
        sys.exit(INTERRUPTED)
    except errors.LocalError as error:
        _fail(error.message, error.mend)
    except CallFailed as failure:
        _fail(failure.message, _mend(failure), failure.reason)
    except Exception as error:
        if "FOCAL_DEBUG" in os.environ:
            raise
        _fail(f"{type(error).__name__}: {error}", "This is a fault of focal; FOCAL_DEBUG=1 shows where.")


def _mend(failure: CallFailed) -> str:
    violations = failure.violations.items()
    problems = [f"{field}: {problem}" for field, problem in violations if problem not in failure.message]
    return "; ".join(problems) or HINTS.get(failure.reason, "")


HINTS = {
    "TENANT_EXISTS": "Choose another id; `focal tenants list` shows those taken.",
    "TENANT_NOT_FOUND": "Register it with `focal tenants add`.",
    "AGENT_NOT_FOUND": "Publish it with `focal publish DIR`; --agent and --tenant choose another.",
    "UNKNOWN_CHANNEL": "`focal channels list` shows those there are.",
    "CONFIRMATION_NOT_FOUND": "`focal confirmations list` shows those of the tenant.",
    "CONFIRMATION_EXPIRED": "The call asks anew when it is made again, under another id.",
    "CONFIRMATION_CLOSED": "It was answered; the call asks anew when it is made again.",
    "DEAD_LETTER_NOT_FOUND": "`focal dlq list` shows those of the tenant.",
    "DELIVERY_NOT_FOUND": "`focal deliveries list` shows those that wait for you.",
    "DELIVERY_NOT_RESOLVABLE": "Only what failed or is in doubt is settled; what waits can be dropped.",
    "EFFECT_NOT_FOUND": "`focal effects list` shows those of the tenant.",
    "EFFECT_NOT_RESOLVABLE": "`focal effects list --state in_doubt` shows those that wait for a word.",
    "EFFECT_NOT_CHECKABLE": "Find out at the provider, then say so with `focal effects resolve`.",
    "EVENTS_REMOVED": "`--all`, or `--from` the first offset named, starts with what is kept.",
    "WEBHOOK_NOT_FOUND": "`focal webhooks list` shows those of the tenant.",
    "CUSTOMER_NOT_FOUND": "`focal sessions list` shows the customers that wrote.",
    "NO_RUNNING_TURN": "`focal turns stuck --older-than 0` shows the turns that have not ended.",
    "TURN_CLOSED": "There is nothing to stop; `focal sessions show SESSION` shows how it ended.",
    "COMMIT_POINT_PASSED": "It will end by itself; `focal effects list` shows what it has done.",
    "CATALOGUE_TOOL_NOT_FOUND": "`focal tools catalogue list` shows them; `--tier` chooses whose.",
    "CATALOGUE_TOOL_IN_USE": "Change what refers to it first.",
    "CATALOGUE_CHANGED": "`focal tools catalogue show TOOL` shows how it stands; repeat then.",
    "POLICY_RULE_NOT_FOUND": "`focal policies list` shows those of the tenant.",
    "POLICY_FULL": "`focal policies remove RULE` makes room; patterns let one rule speak for many tools.",
    "SESSION_NOT_FOUND": "`focal sessions list` shows those of the tenant.",
}


def _misused(error: typer.exceptions.TyperException) -> None:
    """A command that does not exist, or arguments that it does not take."""
    # typer names the class of these errors only privately.
    message = str(getattr(error, "format_message", error.__str__)())
    if not message:  # no arguments at all; the help has been shown
        sys.exit(MISUSE)
    context = getattr(error, "ctx", None)
    command = context.command_path if context else PROGRAM
    _fail(message, f"`{command} --help` shows what it takes.", status=MISUSE)


def _fail(message: str, mend: str, reason: str = "", status: int = FAILURE) -> None:
    if "--json" in sys.argv:
        print(json.dumps({"error": {"reason": reason, "message": message, "mend": mend}}))
    else:
        console = rich.console.Console(stderr=True, highlight=False, soft_wrap=True)
        console.print(f"[red]error[/] {reason + ': ' if reason else ''}", end="")
        console.print(message, markup=False)
        if mend:
            console.print(mend, markup=False)
    sys.exit(status)


if __name__ == "__main__":
    main()
