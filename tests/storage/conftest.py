"""The campaign of kills is a script beside the tests."""

collect_ignore = [
    "kill_everywhere.py", "works.py", "works_of_models.py", "works_of_parts.py",
]  # fmt: skip
