"""The processor detectors, x86-64 and 64-bit Arm, and how each system describes a processor."""
