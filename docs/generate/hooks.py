"""What mkdocs calls while it builds the site: pages made from the code join those that are written."""

from __future__ import annotations

import sys
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
# mkdocs loads this file by its path; what it imports lies below the repository's folder.
sys.path.insert(0, str(ROOT))


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Put a line for each command where the navigation says that the commands come."""
    from docs.generate import commands  # late: the path is set just above

    for section in config.nav or []:
        for pages in section.values():
            for entry in pages if isinstance(pages, list) else ():
                if isinstance(entry, dict) and entry.get("Commands") == f"{commands.FOLDER}/":
                    entry["Commands"] = commands.navigation()
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are generated."""
    from docs.generate import commands, schemas  # late: as above

    files.append(File.generated(config, schemas.SCHEMA_PAGE, content=schemas.text()))
    for path, text in commands.pages().items():
        files.append(File.generated(config, path, content=text))
    # It lies outside docs/, because people look for it beside README; its links are seen from there.
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8").replace("](docs/", "](")
    files.append(File.generated(config, "changelog.md", content=changes))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Put tables that are made from data where a page has a mark for them."""
    from docs.generate import machines, project_table, schemas  # late: as above

    made = {
        machines.MARK: machines.table,
        schemas.MARK: schemas.tables,
        project_table.MARK: project_table.table,
    }
    for mark, table in made.items():
        if mark in markdown:
            markdown = markdown.replace(mark, table())
    return markdown
