"""Why this wheel, why this plan, what each machine would get, and what a newer driver would bring."""
