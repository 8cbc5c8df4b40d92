#!/bin/sh
# Installs variantctl where there is Python 3.10 or newer and nothing else: no pip, no venv.
#
# What it downloads: one file, variantctl.pyz (about 4 MB), and nothing more. Its SHA-256 is compared with the one below.
# What it writes: ~/.local/bin/variantctl. The first run unpacks that into ~/.cache/variantctl-one-file (about 20 MB).
# To remove it: rm -r ~/.local/bin/variantctl ~/.cache/variantctl-one-file ~/.cache/variantctl
#
# VARIANTCTL_INSTALL_DIR     another folder than ~/.local/bin
# VARIANTCTL_INSTALL_FROM    another place of the file: a URL, or a path
# VARIANTCTL_INSTALL_SHA256  the SHA-256 of what is there
set -eu

# All of it is a function, so that nothing runs of a script that was cut off on its way.
main() {
  VARIANTCTL_INSTALL_FROM=${VARIANTCTL_INSTALL_FROM:-@FROM@}
  VARIANTCTL_INSTALL_SHA256=${VARIANTCTL_INSTALL_SHA256:-@SHA256@}
  VARIANTCTL_INSTALL_DIR=${VARIANTCTL_INSTALL_DIR:-${HOME:?is not set}/.local/bin}
  export VARIANTCTL_INSTALL_FROM VARIANTCTL_INSTALL_SHA256 VARIANTCTL_INSTALL_DIR
  for python in python3 python3.14 python3.13 python3.12 python3.11 python3.10 python; do
    if "$python" -I -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2> /dev/null; then
      download "$python"
      return
    fi
  done
  echo "error: there is no Python 3.10 or newer on PATH" >&2
  echo "hint: Install one, such as with 'apt install python3', 'brew install python' or 'uv python install'." >&2
  exit 1
}

# Python does the rest, since it is all that is there for sure.
download() {
  "$1" -I - << 'END'
import hashlib, os, re, sys, tempfile, urllib.request

def fail(message, hint):
    sys.exit("error: %s\nhint: %s" % (message, hint))

source = os.environ["VARIANTCTL_INSTALL_FROM"]
expected = os.environ["VARIANTCTL_INSTALL_SHA256"].lower()
folder = os.path.abspath(os.path.expanduser(os.environ["VARIANTCTL_INSTALL_DIR"]))
if source.startswith("@"):
    fail("this script does not say where variantctl.pyz is", "Set VARIANTCTL_INSTALL_FROM to its URL or its path.")
print("%s %s" % ("downloading" if "://" in source else "reading", source))
try:
    if "://" in source:
        with urllib.request.urlopen(source, timeout=60) as answer:
            data = answer.read()
    else:
        with open(source, "rb") as file:
            data = file.read()
except OSError as error:
    fail("%s: %s" % (source, error), "Fetch the file by another way, and set VARIANTCTL_INSTALL_FROM to its path.")
found = hashlib.sha256(data).hexdigest()
if expected.startswith("@") and "://" in source:
    fail("there is no SHA-256 to compare %s with" % source, "Set VARIANTCTL_INSTALL_SHA256 to what its publisher says.")
if not expected.startswith("@") and found != expected:
    fail("%s has the SHA-256 %s, not %s" % (source, found, expected), "It was changed on its way, or is another version.")
# The Python that was found may have another name than the one that the file begins with.
line = "#!%s\n" % sys.executable
if re.search(r"\s", sys.executable) or len(line) > 127:
    line = "#!/usr/bin/env python3\n"
try:
    os.makedirs(folder, exist_ok=True)
    handle, made = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "wb") as file:
        file.write(line.encode() + data.partition(b"\n")[2])
    os.chmod(made, 0o755)
    os.replace(made, os.path.join(folder, "variantctl"))
except OSError as error:
    fail("%s" % error, "Set VARIANTCTL_INSTALL_DIR to a folder that you can write to.")
print("installed %s (Python %s)" % (os.path.join(folder, "variantctl"), ".".join(map(str, sys.version_info[:3]))))
if folder not in os.environ.get("PATH", "").split(os.pathsep):
    print("note: %s is not on PATH; add it: export PATH=\"%s:$PATH\"" % (folder, folder))
END
}

main
