"""What ``variantctl COMMAND --help`` begins with: command lines to copy, and what each is for."""

from __future__ import annotations

from collections.abc import Mapping

Example = tuple[str, str]
"""A command line, and what it is for."""

EXAMPLES: Mapping[str, tuple[Example, ...]] = {
    "": (
        ("variantctl install torch", "get the build of PyTorch that fits this machine"),
        ("variantctl explain torch", "see which build that is, and why"),
        ("variantctl doctor", "find out why a GPU is not used"),
    ),
    "install": (
        ("variantctl install torch torchvision", "get the builds for this machine"),
        ("variantctl install -e . -r requirements.txt", "get a project, and what a file lists"),
        ("variantctl install torch --dry-run --profile h100", "see what another machine would get"),
    ),
    "add": (
        ("variantctl add torch", "write a dependency to pyproject.toml, and install it"),
        ("variantctl add --dev pytest", "add to the group of developers"),
        ("variantctl add 'numpy>=2' --no-install", "only write it"),
    ),
    "remove": (
        ("variantctl remove torch", "take it out of pyproject.toml, and uninstall it"),
        ("variantctl remove --dev pytest", "take it out of the group of developers"),
        ("variantctl remove torch --no-install", "leave the environment as it is"),
    ),
    "lock": (
        ("variantctl lock torch --profile h100 --profile mi300x", "lock for two kinds of machines"),
        ("variantctl lock -r pyproject.toml", "lock what a project needs"),
        ("variantctl lock --check -r pyproject.toml", "fail where the lock is out of date"),
    ),
    "sync": (
        ("variantctl sync", "make ./.venv what pylock.toml says"),
        ("variantctl sync --group dev", "with the tools of developers"),
        ("variantctl sync pylock.toml --dry-run", "see what would change"),
    ),
    "uninstall": (
        ("variantctl uninstall torch", "remove it, and name what nothing needs any more"),
        ("variantctl uninstall torch --orphans", "remove what only it needed, too"),
        ("variantctl uninstall -y -r requirements.txt", "remove what a file lists"),
    ),
    "download": (
        ("variantctl download torch -d wheels", "fetch what install would take"),
        ("variantctl download torch --profile h100 -d usb", "fetch for a machine without a network"),
        ("variantctl download torch --index -d usb", "make the folder an index"),
    ),
    "export": (
        ("variantctl export torch -o requirements.txt", "URLs and hashes, for pip and uv"),
        ("variantctl export -r pyproject.toml --format uv", "the indexes of this machine, for uv"),
        ("variantctl export torch --format poetry --profile h100", "the same for poetry and an H100"),
    ),
    "run": (
        ("variantctl run train.py", "a script, with what it says that it needs"),
        ("variantctl run --with torch -- python -V", "a command, with one package more"),
        ("variantctl run -m pytest -q", "a module"),
    ),
    "venv": (
        ("variantctl venv", "make ./.venv"),
        ("variantctl venv env -p 3.12", "another folder and another Python"),
        ("variantctl venv --seed", "with pip in it"),
    ),
    "list": (
        ("variantctl list", "show what is installed"),
        ("variantctl list --outdated", "show what has a newer version for this machine"),
        ("variantctl list --json", "for a program"),
    ),
    "show": (
        ("variantctl show torch", "its variant, its dependencies, and why"),
        ("variantctl show torch --files", "also its files"),
        ("variantctl show torch --profile h100", "judged for another machine"),
    ),
    "freeze": (
        ("variantctl freeze > requirements.txt", "write down what is installed"),
        ("variantctl freeze --labels", "with the variants, in comments"),
        ("variantctl freeze --exclude-editable", "without your own projects"),
    ),
    "tree": (
        ("variantctl tree", "show everything that is installed"),
        ("variantctl tree torch --depth 1", "show what one package needs"),
        ("variantctl tree --invert numpy", "show who needs a package"),
    ),
    "check": (
        ("variantctl check", "look at the environment that is active"),
        ("variantctl check -p env", "look at another one"),
        ("variantctl check --json", "for a program"),
    ),
    "versions": (
        ("variantctl versions torch", "what there is for this machine"),
        ("variantctl versions torch --profile h100", "what there is for another one"),
        ("variantctl versions torch --pre", "with pre-releases"),
    ),
    "explain": (
        ("variantctl explain torch", "every wheel, best first, with a reason"),
        ("variantctl explain torch==2.10.0 --profile h100", "of one version, for another machine"),
        ("variantctl explain --plan torch", "of torch and all that it needs"),
    ),
    "doctor": (
        ("variantctl doctor", "why is the GPU not used?"),
        ("variantctl doctor --run", "try each framework on each device"),
        ("variantctl doctor --updates", "ask the indexes for better builds, too"),
    ),
    "matrix": (
        ("variantctl matrix torch --profile h100 --profile mi300x", "compare two machines"),
        ("variantctl matrix torch --all-profiles", "compare all that are shipped"),
        ("variantctl matrix -r pyproject.toml --csv", "for a spreadsheet"),
    ),
    "detect": (
        ("variantctl detect", "show what this machine supports"),
        ("variantctl detect --save node.toml", "write it down, for --profile"),
        ("variantctl detect --profile h100", "show what a profile says"),
    ),
    "profile from kubernetes": (
        ("kubectl get nodes -o json | variantctl profile from kubernetes -", "the kinds of nodes"),
        ("variantctl profile from kubernetes nodes.json -d profiles", "a profile for each kind"),
        ("variantctl profile from kubernetes nodes.json torch", "what each kind would get"),
    ),
    "profile from slurm": (
        ("scontrol show node | variantctl profile from slurm - -d profiles", "a profile for each kind"),
        ("variantctl profile from slurm nodes.txt torch", "what each kind would get"),
        (
            "variantctl profile from slurm nodes.txt --assume nvidia.cuda_driver=12.8",
            "say what Slurm does not know",
        ),
    ),
    "provider trust": (
        ("variantctl provider trust ascend-variant-provider", "let its code be asked, in isolation"),
        ("variantctl provider trust ascend-variant-provider==1.2", "trust one version alone"),
    ),
    "provider untrust": (
        ("variantctl provider untrust ascend-variant-provider", "ask it no more, and remove it"),
    ),
    "provider list": (
        ("variantctl provider list", "show whose code is asked"),
        ("variantctl provider list --json", "for a program"),
    ),
    "provider test": (
        ("variantctl provider test ./dist/my_provider-1.0-py3-none-any.whl", "a wheel that you built"),
        ("variantctl provider test my-provider", "a package of an index"),
        ("variantctl provider test my_provider.plugin:Plugin -p env", "a class that is installed"),
    ),
    "wheel make": (
        ("variantctl wheel make -f a-1.0-py3-none-any.whl -o out --null", "the null variant"),
        ("variantctl wheel make -f a-1.0-py3-none-any.whl -o out --infer", "read the code for it"),
        ("variantctl wheel make --recipe variants.toml", "many wheels at once"),
    ),
    "wheel unmake": (
        ("variantctl wheel unmake -f a-1.0-py3-none-any-cu130.whl -o out", "back to an ordinary wheel"),
    ),
    "wheel inspect": (
        ("variantctl wheel inspect a-1.0-py3-none-any-cu130.whl", "its label, properties and needs"),
        ("variantctl wheel inspect a-1.0-py3-none-any-cu130.whl --json", "for a program"),
    ),
    "wheel audit": (
        ("variantctl wheel audit torch-2.10.0-cp312-cp312-linux_x86_64.whl", "what its code runs on"),
        ("variantctl wheel audit torch==2.10.0 --profile h100", "of an index, without fetching it all"),
        ("variantctl wheel audit --installed", "what the installed libraries run on"),
    ),
    "wheel validate": (
        ("variantctl wheel validate dist/a-1.0-py3-none-any-cu130.whl", "everything that is wrong"),
        ("variantctl wheel validate --strict dist/a-1.0-py3-none-any-cu130.whl", "fail at warnings, too"),
    ),
    "proxy": (
        ("variantctl proxy -- pip install torch", "let pip install the right build"),
        ("variantctl proxy -- uv sync", "let uv do it"),
        ("variantctl proxy --profile h100 --port 8080", "serve the builds of an H100"),
    ),
    "index build": (
        ("variantctl index build wheels -o site", "a folder of wheels becomes an index"),
        ("variantctl index build wheels -o site --flatten h100", "also for pip on an H100"),
        ("variantctl index build s3://bucket/files -o s3://bucket", "in an object store"),
    ),
    "index add": (
        ("variantctl index add a-1.0-py3-none-any-cu130.whl --index site", "publish one more wheel"),
        ("variantctl index add a-1.0-py3-none-any.whl --index s3://bucket", "to an object store"),
        ("variantctl index add a-1.0-py3-none-any.whl --index site --replace", "put right a bad one"),
    ),
    "index remove": (
        ("variantctl index remove a-1.0-py3-none-any-cu130.whl --index site", "take a wheel away"),
        ("variantctl index remove a==1.0 --index site", "take a version away"),
    ),
    "index yank": (
        ("variantctl index yank a==1.0 --index site --reason 'it hangs'", "warn of a version"),
        ("variantctl index yank a-1.0-py3-none-any-cu130.whl --index site", "warn of one wheel"),
    ),
    "index unyank": (("variantctl index unyank a==1.0 --index site", "it is good after all"),),
    "index status": (
        ("variantctl index status a --index site", "show a project's status"),
        ("variantctl index status a archived --index site", "say that nothing new will come"),
    ),
    "index verify": (
        ("variantctl index verify --index site", "compare every page with every file"),
        ("variantctl index verify torch --index site --quick", "one project, and sizes alone"),
    ),
    "index import": (
        ("variantctl index import --from URL -o mirror --package torch", "one index of many"),
        ("variantctl index import --from URL -o mirror --package torch --dry-run", "what that takes"),
    ),
    "index flatten": (
        ("variantctl index flatten site h100", "make site/simple-h100/ for stock tools"),
        ("variantctl index flatten site h100 mi300x", "a tree for each of two machines"),
    ),
    "index selector": (
        ("variantctl index selector --source pytorch torch -o site", "buttons for PyTorch's builds"),
        ("variantctl index selector --family onnxruntime -o site", "buttons for a family"),
    ),
    "index serve": (
        ("variantctl index serve site", "serve it on this machine"),
        ("variantctl index serve site --host 0.0.0.0 --port 8080", "serve it to others"),
    ),
    "knowledge show": (
        ("variantctl knowledge show", "what is known of builds, and since when"),
        ("variantctl knowledge show --json", "for a program"),
    ),
    "knowledge update": (("variantctl knowledge update table.toml", "take a newer table, checked"),),
    "knowledge reset": (("variantctl knowledge reset", "back to the table that is shipped"),),
    "families": (
        ("variantctl families", "list all"),
        ("variantctl families onnxruntime", "the names of one, and what each is for"),
        ("variantctl families --json", "for a program"),
    ),
    "config schema": (("variantctl config schema", "a JSON schema, for editors"),),
    "config check": (
        ("variantctl config check", "check ./pyproject.toml"),
        ("variantctl config check other/pyproject.toml", "check another file"),
    ),
    "cache dir": (("variantctl cache dir", "where it is"),),
    "cache info": (
        ("variantctl cache info", "how large it is"),
        ("variantctl cache info --json", "for a program"),
    ),
    "cache list": (
        ("variantctl cache list", "which wheels it has"),
        ("variantctl cache list torch", "the wheels of one package"),
    ),
    "cache prune": (
        ("variantctl cache prune", "remove what is of no use"),
        ("variantctl cache prune --max-size 10GB", "until it is small enough"),
    ),
    "cache clean": (
        ("variantctl cache clean torch", "remove one package"),
        ("variantctl cache clean", "remove everything"),
    ),
    "cache verify": (("variantctl cache verify", "compare every file with its hash"),),
    "demo": (
        ("variantctl demo", "see what it does, in three seconds"),
        ("variantctl demo --keep tour", "keep the wheels and the index"),
        ("variantctl demo --json", "for a program"),
    ),
    "completion": (
        (
            "variantctl completion bash > ~/.local/share/bash-completion/completions/variantctl",
            "for bash",
        ),
        ("variantctl completion zsh > ~/.zfunc/_variantctl", "for zsh"),
        ("variantctl completion fish > ~/.config/fish/completions/variantctl.fish", "for fish"),
    ),
    "help": (
        ("variantctl help install", "the options of a command"),
        ("variantctl help index build", "the options of an action"),
        ("variantctl help --man ~/.local/share/man/man1", "manual pages, for man"),
    ),
}
"""Command, and its action if it has any -> its examples; the empty name is variantctl as a whole."""


def of(words: str) -> tuple[Example, ...]:
    """Examples of a command; of one that has actions, the first of the first three."""
    found = EXAMPLES.get(words)
    if found is not None:
        return found
    return tuple(examples[0] for name, examples in EXAMPLES.items() if name.startswith(f"{words} "))[:3]
