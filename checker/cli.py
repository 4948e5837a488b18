"""The command line: arguments, wiring and exit codes. It alone knows both the checker and the notifications."""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import signal
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from checker import __version__, config, report
from checker.console import Console, harmless
from checker.model import Progress, Verdict
from checker.runner import run
from notifications.errors import NotificationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from checker.model import Plan, Run

MISCONFIGURED, UNDELIVERED, FAILED = 2, 4, 70  # 70 is EX_SOFTWARE of sysexits.h(3head)
CONFIGURATION, CHANNELS = Path("/etc/netproof"), Path("/etc/netproof-channels")
TERMINATION_LOG = Path("/dev/termination-log")
_TICK = 0.2  # seconds between two looks at how far the run is
CODES = """exit codes: 0 every check passed; 1 a violation; 2 bad usage or configuration; 3 inconclusive;
4 passed, but a message that was due could not be delivered; 70 netproof itself failed;
130 and 143 interrupted with no violation known"""


# What every command has, so that a mistake in the arguments can be told like any other.
_UNSAID = dict.fromkeys(("report", "termination_log", "channels", "templates", "heartbeat", "no_notify"))


class _UsageError(Exception):
    """Arguments that cannot be meant."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise _UsageError(f"{message} (see `{self.prog} --help`)")


def main(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Exceptions become exit codes here, and nowhere else."""
    options = argparse.Namespace(**_UNSAID, command=arguments[0] if arguments else None)
    try:
        _parser().parse_args(arguments, options)
        code: int = options.run(options)
    except config.ConfigError as error:
        count = f"{len(error.mistakes)} mistake{'s' if len(error.mistakes) > 1 else ''}"
        title = f"The configuration has {count}: nothing was probed."
        return _probed_nothing(title, error.mistakes, MISCONFIGURED, options, error.notify)
    except _UsageError as error:
        title = "The arguments cannot be meant: nothing was probed."
        return _probed_nothing(title, [str(error)], MISCONFIGURED, options)
    except NotificationError as error:
        return _probed_nothing("The notifications cannot be used.", [str(error)], MISCONFIGURED, options)
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not look like a violation
        while isinstance(error, ExceptionGroup):  # of the tasks of a run, the first that failed says it
            error = error.exceptions[0]
        place = traceback.extract_tb(error.__traceback__)[-1]
        problem = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
        title = "netproof itself failed: this run proves nothing. Please report it."
        return _probed_nothing(title, [problem], FAILED, options)
    return code


def _parser() -> argparse.ArgumentParser:
    lists, out = argparse.ArgumentParser(add_help=False), argparse.ArgumentParser(add_help=False)
    add = lists.add_argument
    add("paths", nargs="*", type=Path, metavar="PATH", help="netproof.yaml, or a folder with it, allow.lst or deny.lst")
    add("--allow", action="append", default=[], metavar="TARGET", help="must be reachable (repeatable)")
    add("--deny", action="append", default=[], metavar="TARGET", help="must not be reachable (repeatable)")
    add = out.add_argument
    add("--channels", type=Path, metavar="DIR", help=f"one apprise URL a file (default {CHANNELS} if it exists)")
    add("--templates", type=Path, metavar="DIR", help="your own message templates (*.j2)")

    parser = _Parser(prog="netproof", description="Proves that network policies hold.", epilog=CODES)
    parser.add_argument("--version", action="version", version=f"netproof {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)

    def command(name: str, run: Callable[[Any], int], about: str, *parents: Any) -> Callable[..., Any]:
        made = commands.add_parser(name, help=about, description=about, parents=parents, epilog=CODES)
        made.set_defaults(run=run, command=name)
        return made.add_argument

    add = command("check", _check, "Probe the lists, judge, tell people, and exit with the verdict.", lists, out)
    add("--settle", type=_duration, metavar="TIME", help="what policies take to settle (default 10s; 0 looks once)")
    add("--deadline", type=_duration, metavar="TIME", help="for all probing; what is undecided then is inconclusive")
    add("--concurrency", type=_count, metavar="N", help="attempts at once (default 500)")
    add("--output", choices=("text", "json"), default="text", help="lines for people, or the report document")
    add("--report", type=Path, metavar="FILE", help="also write the report document there")
    add("--termination-log", type=Path, metavar="FILE", help=f"a short report (default {TERMINATION_LOG} if it exists)")
    add("--heartbeat", type=Path, metavar="FILE", help="holds the URL to call after each run")
    add("--no-notify", action="store_true", help="tell no channel and no heartbeat")
    command("lint", _lint, "Say what is wrong with a configuration, without probing.", lists)
    add = command("schema", _schema, "Print the JSON Schema of netproof.yaml.")
    add("--report", action="store_true", help="of the report document instead")
    add = command("notify", _notify, "Send a report again, or a trial message.", out)
    add("--report", type=Path, metavar="FILE", help="a report document")
    add("--test", action="store_true", help="send a trial message to every channel")
    add = command("render", _render, "Show the message that a report becomes.")
    add("--report", type=Path, metavar="FILE", required=True, help="a report document")
    add("--form", choices=("slack", "teams", "html", "text"), required=True, help="whose message")
    add("--templates", type=Path, metavar="DIR", help="your own message templates (*.j2)")
    command("demo", _demo, "See a violation caught and told: no cluster, no network, no configuration.")
    return parser


def _duration(text: str) -> float:
    try:
        return config.seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100_000):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 100000")
    return int(text)


# --- check --------------------------------------------------------------------------------


def _check(options: argparse.Namespace) -> int:
    for file in (options.report, options.termination_log):
        if file and not os.access(file if file.exists() else file.parent, os.W_OK):
            raise _UsageError(f"{file} cannot be written: name a file in a folder that netproof may write to")
    plan = _plan(options)
    gc.disable()  # looking for cycles among ten thousand tasks costs more time than a process of seconds has
    progress = Progress(len(plan.checks))
    console = Console(progress, sys.stdout if options.output == "text" else sys.stderr)
    ran = asyncio.run(_watched(plan, console, progress))
    signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the alert goes out; it takes no longer than a pod's grace
    try:
        return _tell(ran, options, console)
    except (Exception, KeyboardInterrupt) as error:
        if ran.verdict is not Verdict.VIOLATION:
            raise
        console.note("ERROR", f"not everybody could be told: {type(error).__name__}")
        console.flush()
        return report.exit_code(ran)  # what was found stays found


def _tell(ran: Run, options: argparse.Namespace, console: Console) -> int:
    """Tell everybody what a run found. Return the exit code."""
    code = report.exit_code(ran)
    if options.output == "text":
        console.summary(ran)
        console.flush()
    readers = (options.report, _termination_log(options), _channels(options), options.heartbeat)
    if options.output == "json" or any(readers):
        document = report.of_run(ran)
        try:
            code = _publish(document, options, console)
        finally:
            if options.output == "json":
                console.flush()
                console = Console(Progress(0))
                console.print(report.dumps(document).rstrip())
    console.flush()
    return code


async def _watched(plan: Plan, console: Console, progress: Progress, *, demo: bool = False) -> Run:
    """Run a plan while a person watches."""

    async def tick() -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            console.tick(loop.time() - began)
            await asyncio.sleep(_TICK)

    for warning in plan.warnings:
        console.note("WARN", warning)
    ticker = asyncio.create_task(tick())
    ran = await run(plan, console.result, progress, demo=demo)
    ticker.cancel()
    for warning in ran.warnings[len(plan.warnings) :]:
        console.note("WARN", warning)
    return ran


def _plan(options: argparse.Namespace) -> Plan:
    paths = options.paths
    if not (paths or options.allow or options.deny):
        paths = [CONFIGURATION if CONFIGURATION.exists() else Path(config.YAML)]
        if not paths[0].exists():
            what = f"neither {CONFIGURATION} nor ./{config.YAML} exists"
            raise config.ConfigError([f"there is nothing to check: {what}; name a PATH, or --allow and --deny"])
    given = {key: getattr(options, key, None) for key in ("settle", "deadline", "concurrency")}
    settings = {key: value for key, value in given.items() if value is not None}
    return config.load(paths, config.Overrides(options.allow, options.deny, settings), _notify_shape)


def _notify_shape() -> type[Any]:
    from notifications.settings import Notify  # noqa: PLC0415 - two lists do without

    return Notify


def _publish(document: report.Document, options: argparse.Namespace, console: Console) -> int:
    """Write the report, tell the channels, and write it again with what became of that. Return the exit code."""
    _write(document, options, console)
    if options.no_notify:
        return int(document["exitCode"])
    channels, heartbeat = _channels(options), options.heartbeat
    if channels:
        document["channels"] = _deliver(document, channels, options.templates, console)
        if document["exitCode"] == 0 and not all(each["delivered"] for each in document["channels"]):
            document["exitCode"] = UNDELIVERED
    if heartbeat:
        from notifications.heartbeat import beat  # noqa: PLC0415

        document["heartbeat"] = beat(heartbeat, document["verdict"] == "pass")
        if document["heartbeat"]:
            console.note("WARN", f"heartbeat: {document['heartbeat']}")
    if document["channels"] or document["heartbeat"]:
        _write(document, options, console)
    return int(document["exitCode"])


def _deliver(
    document: report.Document, channels: Path, templates: Path | None, console: Console
) -> list[dict[str, Any]]:
    """Tell every channel where the report is due, and say who got it."""
    from notifications.settings import due  # noqa: PLC0415

    if not due(document):
        return []
    from notifications.deliver import Delivery, deliver  # noqa: PLC0415 - slow: only when a message is due

    try:
        deliveries = deliver(document, channels, templates)
    except NotificationError as error:
        deliveries = [Delivery("all", delivered=False, reason=str(error))]
    return [_told(each, console) for each in deliveries]


def _told(delivery: Any, console: Console) -> dict[str, Any]:
    reason = f": {delivery.reason}" if delivery.reason else ""
    level = "ERROR" if not delivery.delivered else "WARN" if reason else "INFO"
    console.note(level, f"channel {delivery.channel}: {'told' if delivery.delivered else 'not told'}{reason}")
    return {"channel": delivery.channel, "delivered": delivery.delivered, "reason": delivery.reason}


def _write(document: report.Document, options: argparse.Namespace, console: Console) -> None:
    """Write the files that were asked for. One that cannot be written costs a line, not the alert."""
    for file, form, write in (
        (options.report, report.dumps, report.write),
        (_termination_log(options), report.termination_message, report.write_in_place),
    ):
        if file:
            try:
                write(file, form(document))
            except OSError as error:
                console.note("ERROR", f"{file} cannot be written: {error.strerror}")
                document["exitCode"] = document["exitCode"] or FAILED


def _channels(options: argparse.Namespace) -> Path | None:
    return options.channels or (CHANNELS if CHANNELS.is_dir() else None)


def _termination_log(options: argparse.Namespace) -> Path | None:
    return options.termination_log or (TERMINATION_LOG if TERMINATION_LOG.exists() else None)


def _probed_nothing(
    title: str, problems: Sequence[str], code: int, options: argparse.Namespace, notify: Any = None
) -> int:
    """Say what is wrong; a check that cannot run tells its channels too, as far as they can be read."""
    with suppress(OSError):
        print(f"netproof: {title}", *(f"  {harmless(problem)}" for problem in problems), sep="\n", file=sys.stderr)
    if options.command == "check":
        with suppress(OSError):
            _publish(report.of_error(title, problems, code, notify or {}), options, Console(Progress(0), sys.stderr))
    return code


# --- the other commands -------------------------------------------------------------------


def _lint(options: argparse.Namespace) -> int:
    plan = _plan(options)
    for warning in plan.warnings:
        print(f"warning: {harmless(warning)}")
    allowed = sum(check.list == "allow" for check in plan.checks)
    print(f"no mistakes: {allowed} allowed, {len(plan.checks) - allowed} denied")
    return 0


def _schema(options: argparse.Namespace) -> int:
    if options.report:
        print(Path(__file__).with_name("report.schema.json").read_text(encoding="utf-8").rstrip())
        return 0
    from checker.schema import published  # noqa: PLC0415

    print(json.dumps(published(_notify_shape()), indent=2))
    return 0


def _notify(options: argparse.Namespace) -> int:
    from notifications.deliver import deliver, trial  # noqa: PLC0415

    if options.test == bool(options.report):
        raise _UsageError("give either --report FILE or --test (see `netproof notify --help`)")
    channels = _channels(options)
    if channels is None:
        raise _UsageError(f"there are no channels: {CHANNELS} does not exist; name a folder with --channels")
    deliveries = trial(channels) if options.test else deliver(_document(options.report), channels, options.templates)
    if not deliveries:
        raise _UsageError(f"{channels} holds no channel; put an apprise URL into a file there")
    console = Console(Progress(0))
    told = [_told(each, console) for each in deliveries]
    console.flush()
    return 0 if all(each["delivered"] for each in told) else UNDELIVERED


def _render(options: argparse.Namespace) -> int:
    from notifications.render import render  # noqa: PLC0415

    message = render(_document(options.report), options.form, options.templates)
    print(message.title, message.body, sep="\n\n")
    if message.fault:
        raise NotificationError(message.fault)
    return 0


def _document(file: Path) -> Any:
    from checker.source import text  # noqa: PLC0415

    try:
        return json.loads(text(file))
    except ValueError as error:
        what = f"is not JSON (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else error
        raise _UsageError(f"{file} {what}") from None


def _demo(_: argparse.Namespace) -> int:
    from checker.demo import main as demo  # noqa: PLC0415

    return demo(lambda plan, console, progress: asyncio.run(_watched(plan, console, progress, demo=True)))
