"""The `focal` command: the list of commands, and how errors look."""

import json
import os
import sys
from collections.abc import Mapping

import rich.console
import typer
import typer.core
import typer.exceptions

from focal_cli.loading import OnDemand
from focal_cli.local import errors

PROGRAM = "focal"
FAILURE, MISUSE, INTERRUPTED = 1, 2, 130

# What each command says of itself in its module, so that listing them imports none.
LINES = {
    "run": "Start the mesh, publish the example, play the demonstration, then chat with the returns desk.",
    "up": "Start PostgreSQL, Valkey and the five services, and keep them alive until Ctrl-C.",
    "demo": "Play eight scenes with the example agents, on the running mesh or on one of its own.",
    "chat": "Talk to an agent. Every line is a message; Ctrl-D or Ctrl-C leaves.",
    "send": "Send a message to an agent and print its reply.",
    "publish": "Validate, compile and publish an agent; every problem is listed with file and line.",
    "watch": "Print what is stored of a session, then follow it until Ctrl-C.",
    "events": "Follow what happens in all sessions of a tenant, from now on, until Ctrl-C.",
    "token": "Sign a token with the mesh's tenant key and print it.",
    "doctor": "Check that this machine can run the mesh; exits 1 when it cannot.",
    "sessions": "Look at sessions, change and end them.",
    "turns": "See and stop turns that do not end.",
    "tenants": "Register tenants, and list them.",
    "effects": "See what tools have done, and settle what is in doubt.",
    "confirmations": "Calls that wait for a yes, and who gave it.",
    "tools": "See, define and import what agents may call.",
    "policies": "Rules about calls of tools; the first that matches decides.",
    "channels": "See and change how Focal behaves on each channel.",
    "contacts": "Addresses of customers, and whether they agreed to be written to.",
    "webhooks": "Have events posted to a URL of yours.",
    "abuse": "See, block and let in again customers that abuse an agent.",
    "dlq": "Dead letters: what the message router wrote and no message could be made of.",
    "deliveries": "Replies on their way, and what became of them.",
}
COMMANDS = [OnDemand(name, help=line) for name, line in LINES.items()]
app = typer.core.TyperGroup(
    name=PROGRAM,
    help="Run a Focal mesh on this machine and talk to its agents.",
    no_args_is_help=True,
    commands=COMMANDS,
)


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
    except Exception as error:
        # Not at the top: it imports gRPC, which a command whose call failed has done, and others need not.
        from focal_client import CallFailed

        if isinstance(error, CallFailed):
            _fail(error.message, _mend(error.message, error.violations, error.reason), error.reason)
        if "FOCAL_DEBUG" in os.environ:
            raise
        _fail(f"{type(error).__name__}: {error}", "This is a fault of focal; FOCAL_DEBUG=1 shows where.")


def _mend(message: str, violations: Mapping[str, str], reason: str) -> str:
    problems = [f"{field}: {problem}" for field, problem in violations.items() if problem not in message]
    return "; ".join(problems) or HINTS.get(reason, "")


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
