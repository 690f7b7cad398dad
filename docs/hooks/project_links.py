"""Turns links from a page to a file of the project outside `docs/` into the path of that file."""

import re
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

_LINK: Final = re.compile(r"\[(?P<text>[^\]]*)\]\((?P<up>(?:\.\./)+)(?P<path>[^)#]+)(?:#[^)]*)?\)")


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files, **_: Any) -> str:
    """Replaces the links of one page; those to other pages stay."""
    depth = page.file.src_uri.count("/") + 1
    root = Path(config.config_file_path).parent

    def shown(link: re.Match[str]) -> str:
        if link["up"].count("../") < depth:
            return link[0]
        if not Path(root, link["path"]).exists():
            raise PluginError(f"{page.file.src_uri} links to {link['path']}, which is not in the project")
        return f"`{link['path']}`"

    return _LINK.sub(shown, markdown)
