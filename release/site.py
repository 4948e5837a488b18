"""A hook of mkdocs: adds pages that are files outside of docs/, and rewrites the links from and to them.

See https://www.mkdocs.org/user-guide/configuration/#hooks. A link to a file that is not there ends the build.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
PAGES = {  # page of the site: file of the repository
    "index.md": "README.md",
    "values.md": "chart/README.md",
    "contributing.md": "CONTRIBUTING.md",
    "reporting.md": "SECURITY.md",
    "changelog.md": "CHANGELOG.md",
}
CHAPTERS = {
    "Use": ["command-line", "values", "reporter", "notifications", "alerts", "suggest", "continuous", "gitops"],
    "Other checks": ["sandbox", "commands"],
    "Understand": ["verdicts", "evidence", "security", "architecture", "benchmarks"],
    "Project": ["changelog", "contributing", "reporting"],
}
OURS = {file: page for page, file in PAGES.items()}
SOURCE = "https://github.com/netproof/netproof/blob/main/"
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)#\s]+)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages, and sort all pages by chapter. A page without a chapter is added at the end."""
    for page, file in PAGES.items():
        files.append(File.generated(config, page, content=(ROOT / file).read_text()))
    left = sorted(file.src_uri.removesuffix(".md") for file in files.documentation_pages())
    ordered = {name for chapter in CHAPTERS.values() for name in chapter} | {"index"}
    nav: list[Any] = [{"Overview": "index.md"}]
    for title, names in {**CHAPTERS, "More": [name for name in left if name not in ordered]}.items():
        if present := [f"{name}.md" for name in names if name in left]:
            nav.append({title: present})
    config.nav = nav
    return files


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """Rewrite relative links: to the page of a file, or to the file on GitHub."""
    source = PAGES.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def rewrite(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link[1]))
        if not (ROOT / target).exists():
            raise PluginError(f"{source}: link to {link[1]}, which is not there")
        return OURS.get(target) or (target.removeprefix("docs/") if target.startswith("docs/") else SOURCE + target)

    return LINK.sub(rewrite, markdown)
