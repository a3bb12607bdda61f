"""A relation graph as RAPO publishes it: JSON and GraphML of some gigabytes, read as streams, never whole.

<kind>_to_idx.json         an object: phrase -> its row among the vectors
<kind>_in_sentence.json    an object: phrase -> numbers of the sentences it stood in, with repeats
<kind>…_embed.json         a list of vectors
graph_place_….graphml      undirected edges between phrases
data_info.json             how many of each
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from graph_store.errors import GraphStoreError
from graph_store.records import ModifierKind

try:
    import ijson
    from defusedxml.ElementTree import ParseError, iterparse
except ImportError as error:
    raise GraphStoreError('reading RAPO\'s graphs needs: pip install "retake[rapo]"') from error

Progress = Callable[[int, int], None]
"""Called with how many bytes are read and how many there are in all."""


@dataclass(frozen=True)
class KindFiles:
    """The names of the files that tell of one kind of phrase."""

    rows: str
    sentences: str
    vectors: str
    edges: str | None = None
    """The file that joins it to scenes."""


KIND_FILES: dict[ModifierKind, KindFiles] = {
    "scene": KindFiles("place_to_idx.json", "place_in_sentence.json", "place_embed.json"),
    "action": KindFiles(
        "verb_to_idx.json", "verb_in_sentence.json", "verb_words_embed.json", "graph_place_verb.graphml"
    ),
    "atmosphere": KindFiles(
        "scenario_to_idx.json", "scenario_in_sentence.json", "scenario_words_embed.json", "graph_place_scene.graphml"
    ),
}
INFO = "data_info.json"
NEEDED = tuple(
    name
    for names in KIND_FILES.values()
    for name in (names.rows, names.sentences, names.vectors, names.edges)
    if name is not None
)
CHUNK = 1 << 20
"""Bytes read at a time."""
NAMES_SHOWN = 12
EXCERPT = 120


class RapoFiles:
    """The files of one graph, each to be read once from front to end.

    Args:
        folder: Where they lie, or a folder one or two levels above.
        on_progress: Told after every chunk.

    Raises:
        GraphStoreError: There is no such graph, there are several, or files are missing.
    """

    def __init__(self, folder: Path | str, on_progress: Progress | None = None):
        self.folder = _find_home(Path(folder))
        self._on_progress = on_progress
        self._done = 0
        self._total = sum(file.stat().st_size for name in (*NEEDED, INFO) if (file := self.folder / name).is_file())

    def rows(self, kind: ModifierKind) -> Iterator[tuple[str, Any]]:
        """Each phrase of the kind and what the file says is its row."""
        return self._read_json(KIND_FILES[kind].rows, _parse_object)

    def sentences(self, kind: ModifierKind) -> Iterator[tuple[str, Any]]:
        """Each phrase of the kind and what the file says are its sentences."""
        return self._read_json(KIND_FILES[kind].sentences, _parse_object)

    def vectors(self, kind: ModifierKind) -> Iterator[Any]:
        """What the file holds as vectors, row by row."""
        return self._read_json(KIND_FILES[kind].vectors, _parse_list)

    def info(self) -> dict[str, Any]:
        """What `data_info.json` says; nothing if it is not there."""
        return dict(self._read_json(INFO, _parse_object)) if (self.folder / INFO).is_file() else {}

    def edges(self, kind: ModifierKind) -> Iterator[tuple[str, str]]:
        """The phrases at both ends of every edge between a scene and a modifier of the kind, in either order.

        Raises:
            GraphStoreError: The file can't be read or is not XML, or it defines entities.
        """
        path = self.folder / (KIND_FILES[kind].edges or "")
        graph = None
        try:
            with path.open("rb") as stream:
                for _, element in iterparse(_Counted(stream, self._count), ("start",)):
                    tag = element.tag.rpartition("}")[2]
                    if tag == "graph":
                        graph = element
                    elif graph is not None:
                        if tag == "edge":
                            yield element.get("source", ""), element.get("target", "")
                        graph.clear()  # or all elements would stay in memory
        except (ParseError, ValueError, LookupError) as error:
            raise GraphStoreError(f"'{path}' is not GraphML that can be read: {error}; download it again") from error
        except OSError as error:
            raise _unreadable(path, error) from error

    def _read_json(self, name: str, parse: Callable[["_Counted"], Iterator[Any]]) -> Iterator[Any]:
        path = self.folder / name
        read = 0
        try:
            with path.open("rb") as stream:
                for entry in parse(_Counted(stream, self._count)):
                    yield entry
                    read += 1
        except (ijson.JSONError, UnicodeDecodeError) as error:
            raise _broken(path, read, error) from error
        except OSError as error:
            raise _unreadable(path, error) from error

    def _count(self, read: int) -> None:
        self._done += read
        if self._on_progress:
            self._on_progress(self._done, self._total)


class _Counted:
    """A file that tells how much of it is read."""

    def __init__(self, stream: IO[bytes], count: Callable[[int], None]):
        self._stream = stream
        self._count = count

    def read(self, size: int = -1) -> bytes:
        chunk = self._stream.read(size)
        self._count(len(chunk))
        return chunk


def _parse_object(stream: _Counted) -> Iterator[tuple[str, Any]]:
    return ijson.kvitems(stream, "", buf_size=CHUNK)


def _parse_list(stream: _Counted) -> Iterator[Any]:
    return ijson.items(stream, "item", use_float=True, buf_size=CHUNK)


def _broken(path: Path, read: int, error: Exception) -> GraphStoreError:
    message = " ".join(str(error).replace("(right here) ------^", "").split())[:EXCERPT]
    if any(sign in message for sign in ("NaN", "Infinity", "overflow")):
        return GraphStoreError(f"'{path}' holds NaN or a number too large after {read:,} whole entries; make it anew")
    size = path.stat().st_size
    return GraphStoreError(
        f"'{path}' ({size:,} bytes) is not whole JSON after {read:,} whole entries: {message}; download it again"
    )


def _unreadable(path: Path, error: OSError) -> GraphStoreError:
    return GraphStoreError(f"can't read '{path}': {error.strerror or error}")


def _find_home(folder: Path) -> Path:
    """The folder that holds the files: this one, or the only one below it that does."""
    if not folder.is_dir():
        raise GraphStoreError(f"there is no directory '{folder}'; name the one that holds {NEEDED[0]}")
    homes = sorted(
        {file.parent for name in NEEDED for above in ("", "*/", "*/*/") for file in folder.glob(above + name)}
    )
    if folder in homes:
        homes = [folder]
    if not homes:
        raise GraphStoreError(
            f"'{folder}' holds no relation graph of RAPO, neither itself nor two levels down; "
            f"expected {NEEDED[0]} and its like, found {_list_names(folder)}"
        )
    if len(homes) > 1:
        raise GraphStoreError(f"'{folder}' holds several relation graphs; name one: {', '.join(map(str, homes))}")
    missing = [name for name in NEEDED if not (homes[0] / name).is_file()]
    if missing:
        raise GraphStoreError(
            f"'{homes[0]}' lacks {', '.join(missing)}; found {_list_names(homes[0])}; download what is missing"
        )
    return homes[0]


def _list_names(folder: Path) -> str:
    names = sorted(islice((file.name for file in folder.iterdir()), 1000))
    more = f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    return (", ".join(names[:NAMES_SHOWN]) or "nothing") + more
