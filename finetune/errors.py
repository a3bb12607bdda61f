"""What can go wrong with what a person handed to finetune."""


class DistillError(Exception):
    """Runs or rows that can't be used: one sentence that says what was found and what to do."""
