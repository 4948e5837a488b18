"""The entry point of the command. It makes sure that the process ends with the right exit code, whatever fails."""

import io
import os
import signal
import sys
from contextlib import suppress
from typing import Any


class _Output(io.FileIO):
    """Standard output. When its reader has ended (`| head`), the rest is dropped, and the exit code stays."""

    def write(self, data: Any, /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            return len(data)


def main() -> None:
    """Run the command line. Python ends with 1 after an uncaught exception, which would be reported as a violation."""
    # Process 1 of a container ignores a signal without a handler (pid_namespaces(7)).
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    # A stream is None if the caller closed it (`>&-`).
    given = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - pathlib is slow to import
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    output = io.BufferedWriter(_Output(given.fileno(), "w", closefd=False))
    # JSON is UTF-8 (RFC 8259), but a path may be invalid UTF-8.
    sys.stdout = io.TextIOWrapper(output, "utf-8", "backslashreplace", line_buffering=output.isatty())
    try:
        from netproof.command import main as run  # noqa: PLC0415 - an import that fails must not look like a violation

        code = run(sys.argv[1:])
    except SystemExit as error:  # from --help, --version, the signal above, or broken code
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
    os._exit(code)  # a thread or a closed pipe must not delay the exit or change its code


if __name__ == "__main__":
    main()
