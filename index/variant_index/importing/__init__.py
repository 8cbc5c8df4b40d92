"""Indexes for each accelerator (the layout of PyTorch) become one index of variants."""
