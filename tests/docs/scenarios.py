"""Commands with ``--json``, one after another in one folder, so that each has something to say.

Each line is a command as it is typed, without ``--json``; ``|| 1`` at its end: it ends with exit code 1.
"""

from __future__ import annotations

SCENARIOS = """
venv
detect
detect --profile mi300x
detect --save mine.toml
detect --bundle machine.tar.gz
explain torch --profile h100
explain torch vllm --profile mi300x --no-families
explain --plan vllm --profile h100
explain torch==9 --profile h100 || 1
install torch vllm --profile h100 --dry-run
install torch vllm --profile h100
install torch vllm --profile h100
install -e . --group dev
install nothing-like-it || 1
list
list --outdated
show torch
show torch vllm --files
freeze
freeze --labels
tree
tree --invert torch
check
versions torch --profile h100
doctor --profile h100
doctor --profile mi300x --updates || 1
doctor --profile h100 --run --verify || 1
matrix torch vllm --profile h100 --profile mi300x
lock torch --profile h100 --profile mi300x
lock torch --profile h100 --profile mi300x --check
sync pylock.toml --profile h100 --dry-run
sync pylock.toml --profile h100
download torch --profile h100 -d fetched
download torch --profile h100 --profile mi300x -d usb
export torch --profile h100
add jieba --profile h100
remove jieba
uninstall torch
uninstall --orphans
profile from kubernetes "$CLUSTERS/nodes.json" -d classes
profile from slurm "$CLUSTERS/scontrol.txt" -d classes-too
provider trust helper
provider list
provider test variant_providers.x86_64:
provider untrust helper
wheel inspect dist/thing-1.0-py3-none-any.whl wheels/torch-2.10.0-py3-none-any-null.whl
wheel make -f dist/thing-1.0-py3-none-any.whl -o made --null --namespace x86_64
wheel make -f dist/thing-1.0-py3-none-any.whl -o made --label v3 --property "x86_64 :: level :: v3"
wheel make --recipe variants.toml -o made-too
wheel make --recipe variants.toml -o made-too --dry-run
wheel unmake -f made/thing-1.0-py3-none-any-null.whl -o unmade
wheel audit dist/thing-1.0-py3-none-any.whl build/libthing.so
wheel audit --installed
wheel audit torch --profile h100
wheel validate made/thing-1.0-py3-none-any-null.whl
wheel validate broken.whl || 1
index build wheels -o site
index build wheels -o site
index add dist/thing-1.0-py3-none-any.whl --index site
index yank thing==1.0 --reason wrong --index site
index unyank thing==1.0 --index site
index status thing archived --reason old --index site
index status thing --index site
index status thing active --index site
index verify --index site
index verify --index site --quick
index remove thing --all --index site
index flatten site h100
index selector torch -o pages
index import --from "$INDEXES" -o mirror --package torch --python 3.12 --backend cu128 --backend cpu --dry-run
index import --from "$INDEXES" -o mirror --package torch --python 3.12 --backend cu128 --backend cpu
knowledge show
knowledge update pytorch.toml
knowledge reset
families
families cupy
config check pyproject.toml
cache dir
cache info
cache list
cache verify
cache prune --max-size 1MB
cache clean torch
cache clean
demo
"""


def scenarios() -> list[tuple[str, int]]:
    """Each command and the exit code that is expected."""
    found = []
    for line in SCENARIOS.strip().splitlines():
        command, _, code = line.partition(" || ")
        found.append((command, int(code or 0)))
    return found
