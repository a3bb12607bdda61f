"""What a plot shows: its dots, by the name of the curve."""

from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"


def count_dots(drawn: str, curve: str) -> int:
    """Markers of the curve of this id; 0 when there is no such curve."""
    found = [group for group in ElementTree.fromstring(drawn).iter(f"{SVG}g") if group.get("id") == curve]
    return sum(len(list(group.iter(f"{SVG}use"))) for group in found)
