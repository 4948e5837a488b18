"""`python release/rootfs.py ROOT`: copy into ROOT only what netproof needs to run. The Dockerfile calls it.

That is the interpreter with its standard library, /opt/netproof, every shared library that these load, certificates and
time zones. Each Debian package of these files also gets an entry in /var/lib/dpkg/status.d, where scanners look
(https://github.com/GoogleContainerTools/distroless/blob/main/PACKAGE_METADATA.md). No shell, no package manager.
"""

from __future__ import annotations

import compileall
import os
import re
import shutil
import ssl
import subprocess
import sys
import sysconfig
from pathlib import Path
from py_compile import PycInvalidationMode

APP = Path("/opt/netproof")
STDLIB = Path(sysconfig.get_path("stdlib"))
NOT_NEEDED = re.compile(  # below the standard library
    r"(site|dist)-packages|test|idlelib|tkinter|turtledemo|turtle\.py|ensurepip|lib2to3|pydoc_data|venv|config-.*|__pycache__"
    r"|(_tkinter|_test.*|_ctypes_test|_xxtestfuzz|xxlimited.*|_curses.*|readline|_g?dbm|_sqlite3)\..*\.so"
)
SYSTEM = ("/etc/ld.so.cache", "/usr/share/zoneinfo")
WRITTEN = {
    "etc/passwd": "root:x:0:0:root:/:/nologin\nnetproof:x:65532:65532:netproof:/:/nologin\n",
    "etc/group": "root:x:0:\nnetproof:x:65532:\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
}


class Root:
    """A root file system that is being filled; every copied file keeps its path, symbolic links included."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: set[Path] = set()

    def add(self, path: Path) -> None:
        """Copy a file or a folder. What a link on the way points to is copied, too."""
        for part in [*reversed(path.parents), path]:
            if part.is_symlink():
                self._link(part)
                return self.add(Path(os.path.normpath(part.parent / part.readlink())) / path.relative_to(part))
        if path.is_dir():
            for child in sorted(path.iterdir()):
                if not (path in (STDLIB, STDLIB / "lib-dynload") and NOT_NEEDED.fullmatch(child.name)):
                    self.add(child)
        elif path.exists():
            self._target(path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, self._target(path))
            if path.suffix == ".py":
                self._target(path).chmod(0o644)  # some modules are scripts, too
            self.files.add(path)
        return None

    def _link(self, path: Path) -> None:
        target = self._target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_symlink():
            target.symlink_to(path.readlink())

    def _target(self, path: Path) -> Path:
        return self.folder / path.relative_to("/")

    def libraries(self) -> set[Path]:
        """List the shared libraries that the executables and extensions among the files need."""
        binaries = [path for path in self.files if path.open("rb").read(4) == b"\x7fELF"]
        done = subprocess.run(["ldd", *binaries], capture_output=True, text=True, check=False)
        return {Path(found) for found in re.findall(r"(/\S+) \(0x", done.stdout)}

    def packages(self) -> set[str]:
        """List the Debian packages that the files are from; a library may be listed by either of its two paths."""
        paths = {str(path) for path in self.files} | {str(path).removeprefix("/usr") for path in self.files}
        done = subprocess.run(["dpkg-query", "--search", *sorted(paths)], capture_output=True, text=True, check=False)
        return set(re.findall(r"^([^:\s,]+)(?::\w+)?: ", done.stdout, re.MULTILINE))


def main() -> None:
    """Fill the folder that the argument names."""
    root = Root(Path(sys.argv[1]))
    for script in (APP / "bin").iterdir():
        if not re.match(r"python|netproof$", script.name):
            script.unlink()
    certificates = ssl.get_default_verify_paths().openssl_cafile
    for path in (sys.executable, APP, STDLIB, sysconfig.get_path("platstdlib"), certificates, *SYSTEM):
        root.add(Path(path))
    for library in root.libraries():
        root.add(library)
    for name in root.packages():
        status = subprocess.run(["dpkg-query", "--status", name], capture_output=True, text=True, check=True).stdout
        (root.folder / "var/lib/dpkg/status.d").mkdir(parents=True, exist_ok=True)
        (root.folder / "var/lib/dpkg/status.d" / name).write_text(status)
        root.add(Path("/usr/share/doc", name, "copyright"))
    for path, text in WRITTEN.items():
        (root.folder / path).write_text(text)
    (root.folder / "tmp").mkdir()
    (root.folder / "tmp").chmod(0o1777)
    # The bytecode is not compared with its source at each start: this is faster, and the file system is read-only.
    never = PycInvalidationMode.UNCHECKED_HASH
    folder = str(root.folder)
    if not compileall.compile_dir(folder, quiet=1, stripdir=folder, prependdir="/", workers=0, invalidation_mode=never):
        sys.exit("Error: not everything compiles")


if __name__ == "__main__":
    main()
