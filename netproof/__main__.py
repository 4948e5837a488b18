"""The command: whatever happens, it ends with a correct exit code."""

import os
import signal
import sys
from contextlib import suppress


def main() -> None:
    """Run the command line. Python's own code for an uncaught exception is 1, which here would mean a violation."""
    # As process 1 of a container a signal without a handler is ignored (pid_namespaces(7)).
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    for name in ("stdout", "stderr"):  # closed by the caller (`>&-`), it would be None
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - pathlib is slow to import
    # JSON is UTF-8 (RFC 8259), but a path may be invalid UTF-8.
    sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace", write_through=False)  # type: ignore[union-attr]
    try:
        from netproof.command import main as run  # noqa: PLC0415 - an import that fails must not look like a violation

        code = run(sys.argv[1:])
    except SystemExit as error:  # of --help and --version, of the signal above, or of something that broke
        code = error.code if error.code in (0, 143) else 70
    except KeyboardInterrupt:
        code = 130
    except BaseException as error:  # noqa: BLE001
        with suppress(OSError):
            print(f"netproof: failed before it could start: {type(error).__name__}: {error}", file=sys.stderr)
        code = 70
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)  # nothing may delay the exit any more, or change its code: not a thread, not a closed pipe


if __name__ == "__main__":
    main()
