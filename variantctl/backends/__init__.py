"""Sources of kind ``backends``: one place, and below it an index for each kind of accelerator."""
