"""Tokenizers of the families beside the tables made of them."""

from dataclasses import dataclass
from functools import cache

from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel

from families import family
from lutwerk.device_text import DeviceText
from lutwerk.tokenizer import build_section


@dataclass(frozen=True)
class Pair:
    """The same tokenizer, twice."""

    library: Tokenizer
    device: DeviceText
    section: bytes

    @property
    def byte_level(self) -> bool:
        return isinstance(self.library.decoder, ByteLevel)


@cache
def make_pair(name: str) -> Pair:
    library = family(name)
    section = build_section(library.to_str(), None, [0])
    return Pair(library, DeviceText(section, name), section)
