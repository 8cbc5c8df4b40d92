"""``python -m variantctl``: the same as the ``variantctl`` script."""

from variantctl.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
