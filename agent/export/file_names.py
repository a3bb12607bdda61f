"""Names of files for prompts, which are untrusted text: the prompt itself where every file system takes it, or a slug.

Pure; no two prompts share a name, also where upper and lower case are one.
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

LONGEST_STEM = 240
"""In bytes of UTF-8: file systems take names of 255, and an index and ".mp4" follow."""
_SLUG_LENGTH = 60
_FORBIDDEN = frozenset('<>:"/\\|?*')
"""By Windows or by everybody."""
_RESERVED = {"con", "prn", "aux", "nul", "conin$", "conout$"} | {
    f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"
}
"""Devices of Windows, whatever follows the first dot."""


def name_prompts(prompts: Iterable[str]) -> dict[str, str]:
    """A file name without index and suffix for each prompt.

    It is the prompt where that fits and no other prompt differs from it by letter case or Unicode form only. Else it is
    a slug and as much of the prompt's SHA-256 as it takes to be the only one, eight digits at least. Depends on the set
    of prompts, not on their order.
    """
    wanted = sorted(set(prompts))
    alike = Counter(_fold(prompt) for prompt in wanted)
    names = {prompt: prompt for prompt in wanted if fits_file_name(prompt) and alike[_fold(prompt)] == 1}
    taken = {_fold(name) for name in names.values()}
    for prompt in wanted:
        if prompt not in names:
            names[prompt] = next(name for name in _slugs(prompt) if name not in taken)
            taken.add(names[prompt])
    return names


def fits_file_name(prompt: str) -> bool:
    """Whether every common file system takes the prompt, with an index and a suffix after it, as a file's name."""
    return (
        prompt.isprintable()
        and prompt[:1].isalnum()
        and not _FORBIDDEN & set(prompt)
        and prompt.partition(".")[0].strip().casefold() not in _RESERVED
        and len(prompt.encode()) <= LONGEST_STEM
    )


def _fold(name: str) -> str:
    """Equal for names that some file system takes for one."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _slugs(prompt: str) -> Iterable[str]:
    plain = unicodedata.normalize("NFKD", prompt).encode("ascii", "ignore").decode().lower()
    slug = "-".join(re.findall(r"[a-z0-9]+", plain))[:_SLUG_LENGTH].strip("-") or "prompt"
    digest = hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
    return (f"{slug}-{digest[:length]}" for length in range(8, len(digest) + 1))
