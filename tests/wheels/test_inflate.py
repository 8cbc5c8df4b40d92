"""Where ISA-L is not installed, zlib inflates."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from variantctl.wheels.build import build_wheel

_WITHOUT = """
import sys
sys.modules["isal"] = None
import zlib
from pathlib import Path
from variantctl.wheels import archive
from variantctl.wheels.errors import WheelError
from variantctl.wheels.verify import verify_wheel
assert archive.crc32 is zlib.crc32
wheel = Path(sys.argv[1])
verify_wheel(wheel)
data = bytearray(wheel.read_bytes())
data[data.index(b"big.bin") + 3000] ^= 0xFF
wheel.write_bytes(data)
try:
    verify_wheel(wheel)
except WheelError as error:
    print(error.member)
"""


def test_zlib_reads_and_refuses_the_same(tmp_path: Path) -> None:
    noise = b"".join(b"%d" % (i * i) for i in range(200_000))
    wheel = build_wheel(tmp_path, name="pkg", version="1", files={"pkg/big.bin": noise})
    told = subprocess.run([sys.executable, "-c", _WITHOUT, wheel], capture_output=True, text=True, check=True)
    assert told.stdout == "pkg/big.bin\n"
