"""The choice among the wheels of one version: compatible, ordered by variant, preferred; and the reasons."""
