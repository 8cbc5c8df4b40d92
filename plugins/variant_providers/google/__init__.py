"""The detector of Google's TPUs; ``variant_providers.tpu`` is its public name."""
