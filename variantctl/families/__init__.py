"""Families: one thing to import, published under several names (``onnxruntime``, ``onnxruntime-gpu``)."""
