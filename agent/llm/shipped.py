"""Language models that ship with Retake, by name."""

from pathlib import Path

SHIPPED = {"pocket-writer": Path(__file__).parent / "pocket_writer"}
"""Name to the folder of the model."""


def find_shipped(name: str) -> str:
    """The folder of the model that ships under this name; any other name as it is."""
    return str(SHIPPED.get(name, name))
