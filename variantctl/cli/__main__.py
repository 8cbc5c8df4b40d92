"""``python -m variantctl.cli``: the same as the ``variantctl`` script."""

from variantctl.cli import main

raise SystemExit(main())
