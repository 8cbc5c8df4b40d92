"""How much is read of one file."""

from __future__ import annotations

from variantctl.machine_code.errors import DamagedCodeError

#: libcublasLt, which has the most that is known, has 5,400 pieces of code.
MOST = 200_000


class Counter:
    """Counts what is read of one file, so that one that is made to cost much does not."""

    def __init__(self) -> None:
        self.seen = 0

    def count(self) -> None:
        """One more.

        Raises:
            DamagedCodeError: no sound library has as many.
        """
        self.seen += 1
        if self.seen > MOST:
            raise DamagedCodeError(f"it has more than {MOST:,} pieces of code")
