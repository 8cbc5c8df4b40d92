"""What is written for a name that another distribution stands in for.

A member of a family is installed as ``onnxruntime-gpu``, and something requires ``onnxruntime``. For tools
that look for the very name there is then a second ``dist-info``, of that name and of the same version. It
says in METADATA, and in a file of its own, what stands in for it, and it lists nothing but itself. Its files
are in the RECORD of the real
distribution as well: whoever removes that, pip and uv included, removes them with it.
"""

from __future__ import annotations

from collections.abc import Iterator

from variantctl.target.installed import STAND_IN, stand_in_record, stand_in_summary
from variantctl.values import dataclass
from variantctl.wheels.record import entry_for


@dataclass(frozen=True, slots=True)
class StandIn:
    """A name that a distribution stands in for.

    Attributes:
        name: the name, normalized.
        version: the version that it is found with: that of the distribution.
        by: the distribution's own name.
    """

    name: str
    version: str
    by: str

    @property
    def dist_info(self) -> str:
        """The name of its folder."""
        return f"{self.name.replace('-', '_')}-{self.version.replace('-', '_')}.dist-info"

    def files(self, installer: bytes) -> Iterator[tuple[str, bytes]]:
        """Path below site-packages -> content; RECORD last.

        Args:
            installer: the content of INSTALLER.
        """
        contents = {
            "METADATA": self._metadata(),
            "WHEEL": b"Wheel-Version: 1.0\nGenerator: variantctl\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            "INSTALLER": installer,
            STAND_IN: stand_in_record(self.by, self.version),
        }
        rows = []
        for name, content in contents.items():
            path = f"{self.dist_info}/{name}"
            entry = entry_for(path, content)
            rows.append(f"{path},{entry.algorithm}={entry.digest},{len(content)}\n")
            yield path, content
        record = f"{self.dist_info}/RECORD"
        yield record, "".join([*rows, f"{record},,\n"]).encode()

    def _metadata(self) -> bytes:
        return (
            "Metadata-Version: 2.1\n"
            f"Name: {self.name}\n"
            f"Version: {self.version}\n"
            f"Summary: {stand_in_summary(self.by, self.version)}\n"
            "\n"
            f"Nothing of {self.name} is installed. variantctl installed {self.by} {self.version}, which\n"
            "brings the same package for this machine, and wrote this so that whatever requires\n"
            f"{self.name} finds it. It is removed together with {self.by}.\n"
        ).encode()
