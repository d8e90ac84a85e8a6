"""Which settings of llama.cpp stand beside a quantiser of ours."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gguf_model import BLOCK_TYPES

_NO_REPACK = "no-repack"
#: Family of our quantiser -> the peer's types of that size, each in the settings that are fastest
#: in some test. K-quants that llama.cpp can repack prefill faster when it must not; Q4_0 is slower.
_BESIDE = {
    "ternary": "TQ2_0",
    "absmean": "TQ2_0",
    "i2": f"Q2_K,Q2_K:{_NO_REPACK}",
    "i3": "Q3_K",
    "i4": f"Q4_K,Q4_K:{_NO_REPACK},Q4_0",
    "i6": "Q6_K",
    "i8": "Q8_0",
}


@dataclass(frozen=True)
class Peer:
    """A block type of the layers' matrices, and whether llama.cpp may repack it when it loads."""

    kind: str
    repack: bool = True

    @classmethod
    def parse(cls, text: str) -> Peer:
        """Read ``Q4_K`` or ``Q4_K:no-repack``; ValueError for anything else."""
        kind, colon, setting = text.partition(":")
        if kind not in BLOCK_TYPES or (colon and setting != _NO_REPACK):
            raise ValueError(
                f"peer {text!r} is no TYPE or TYPE:{_NO_REPACK}; types: {', '.join(BLOCK_TYPES)}"
            )
        return cls(kind, not colon)

    @property
    def setting(self) -> str:
        """What is not as usual, to be put after a name."""
        return "" if self.repack else ", no repack"

    def __str__(self) -> str:
        return self.kind + self.setting


def parse_peers(text: str) -> list[Peer]:
    """Read a list with commas, without repetitions."""
    return list(dict.fromkeys(map(Peer.parse, text.split(","))))


def peers_beside(quantizer: str) -> list[Peer]:
    """Return the peers of the size of ``quantizer``; ValueError when none is known."""
    family = re.sub(r"^(i\d)g\d+$", r"\1", quantizer)
    if family not in _BESIDE:
        raise ValueError(
            f"no type of llama.cpp stands beside {quantizer}; choose some with --peers"
        )
    return parse_peers(_BESIDE[family])
