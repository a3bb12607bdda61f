"""Places where models are held, as `Holding.place` names them, and which of them are the same memory."""

import ipaddress
import socket
import sys
from urllib.parse import urlsplit

OWN_NAMES = frozenset({"localhost", "host.docker.internal"})
"""Host names of the machine that this process, or the container it is in, runs on."""
THIS_MACHINE = "this machine"


def is_server(place: str) -> bool:
    """Whether the place is the address of a server."""
    return "://" in place


def is_accelerator(place: str) -> bool:
    """Whether memory is scarce there: everywhere but on the CPU. Of a server nobody knows, so it counts as one."""
    return not place.startswith(("cpu", "meta"))


def contend(place: str, other: str) -> bool:
    """Whether a part at one place may have to make room for a part at the other one.

    A server on this machine may use any of its accelerators; servers of one remote host may share one, too. A server
    sorts out its own models, so two parts of the same server never contend.
    """
    if not (is_accelerator(place) and is_accelerator(other)):
        return False
    if is_server(place) and is_server(other):
        return place != other and _host(place) == _host(other)
    if is_server(place) or is_server(other):
        return _host(place if is_server(place) else other) == THIS_MACHINE
    return _numbered(place) == _numbered(other)


def find_total_memory(place: str) -> int | None:
    """Bytes of the accelerator at this place; None of a server, and where PyTorch is not in use or does not know."""
    torch = sys.modules.get("torch")
    if torch is None or is_server(place) or not is_accelerator(place):
        return None
    try:
        return torch.accelerator.get_memory_info(place)[1]
    except (RuntimeError, ValueError, NotImplementedError, AssertionError):
        return None


def _host(address: str) -> str:
    """The machine that an address leads to: its name, or THIS_MACHINE."""
    name = (urlsplit(address).hostname or "").lower()
    try:
        number = ipaddress.ip_address(name)
    except ValueError:
        return THIS_MACHINE if name in OWN_NAMES or name == socket.gethostname().lower() else name
    return THIS_MACHINE if number.is_loopback or number.is_unspecified else name


def _numbered(device: str) -> str:
    """PyTorch's "cuda" is its "cuda:0"."""
    return device if ":" in device else f"{device}:0"
