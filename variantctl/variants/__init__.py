"""The wheel variant standard (PEP 825, PEP 850): labels, properties, metadata, ordering, markers. Pure: no I/O."""
