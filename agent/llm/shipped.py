"""Language models that ship with Retake, by name."""

from pathlib import Path

SHIPPED = {"pocket-writer": Path(__file__).parent / "pocket_writer"}
"""Name to the folder of the model."""


def find_shipped(name: str) -> str:
    """The folder of the model that ships under this name; any other name as it is."""
    return str(SHIPPED.get(name, name))


def is_on_hub(name: str) -> bool:
    """Whether a name means a model on the hub: neither one that ships with Retake, nor a folder of this machine."""
    return name not in SHIPPED and not Path(name).is_absolute()
