"""Tests of the standard: `variantctl.variants`."""
