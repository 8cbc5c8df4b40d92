"""Writes the file of names again, after a change of a table: ``python -m tests.families.names``."""

from __future__ import annotations

import json
from pathlib import Path

from variantctl.families.knowledge import DATA, index_of, parse_family_file
from variantctl.families.tables import read_family


def main() -> None:
    """Make it of the tables."""
    files = [parse_family_file(path.read_bytes(), str(path)) for path in sorted(Path(DATA).glob("*.toml"))]
    made = index_of(read_family(file.name, file.table, "") for file in files)
    Path(DATA, "names.json").write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
