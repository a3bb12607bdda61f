"""Text that a language model works on, between tags that it can't close itself."""

import re


def tag_material(tag: str, text: str) -> str:
    """The text between lines of `<tag>` and `</tag>`, without anything in it that would end or begin that tag."""
    inside = re.sub(rf"</?\s*{re.escape(tag)}\b[^>]*>", "", text, flags=re.IGNORECASE)
    return f"<{tag}>\n{inside}\n</{tag}>"
