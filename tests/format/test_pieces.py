"""Files are written in pieces that Linux can map as huge pages."""

import io

from lutwerk.emit.pieces import PIECE, PieceWriter


class RecordingFile(io.BytesIO):
    """Notes where each write begins and how long it is."""

    def __init__(self):
        super().__init__()
        self.writes = []

    def write(self, content):
        self.writes.append((self.tell(), len(content)))
        return super().write(content)


def test_pieces_begin_at_multiples_and_hold_every_byte():
    file = RecordingFile()
    out = PieceWriter(file)
    contents = [b"a" * 5, b"", b"b" * (3 * PIECE), memoryview(b"c" * (PIECE - 5)), b"d"]
    for content in contents:
        out.write(content)
    out.pad_to(out.position + 7)
    expected = b"".join(bytes(content) for content in contents) + bytes(7)
    assert out.position == len(expected)
    out.flush()
    assert file.getvalue() == expected
    assert file.writes == [(i * PIECE, PIECE) for i in range(4)] + [(4 * PIECE, 8)]
