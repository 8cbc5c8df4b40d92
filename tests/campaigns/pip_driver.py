"""Run inside one interpreter for many cases, because starting pip takes longer than what it is asked.

Reads from standard input one JSON object a line, ``{"arguments": [...], "report": PATH}``, and answers each
with one line: ``{"pins": {name: version} | null, "said": "..."}``.
"""

import contextlib
import io
import json
import sys
from pathlib import Path


def main() -> None:
    """Answer line by line until the input ends."""
    from pip._internal.cli.main import main as pip

    answers = sys.stdout
    for line in sys.stdin:
        task = json.loads(line)
        report = Path(task["report"])
        report.unlink(missing_ok=True)
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = pip(task["arguments"])
        pins = None
        if code == 0:
            installed = json.loads(report.read_text("utf-8"))["install"] if report.exists() else []
            pins = {item["metadata"]["name"]: item["metadata"]["version"] for item in installed}
        answers.write(json.dumps({"pins": pins, "said": said.getvalue()}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
