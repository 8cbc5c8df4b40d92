"""Requirements become a plan: candidates, variant choice, explanation."""
