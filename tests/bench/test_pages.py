"""What pages.py reads from the system."""

from pathlib import Path

from pages import huge_megabytes

SMAPS = """\
7f00-7f01 r--s 00000000 fe:00 42                         /models/model.lw
Rss:              664108 kB
FilePmdMapped:      2048 kB
VmFlags: rd mr me sd
7f02-7f03 r--s 00000000 fe:00 42                         /models/model.lw
FilePmdMapped:      4096 kB
7f04-7f05 r--p 00000000 fe:00 43                         /usr/lib/libc.so
FilePmdMapped:      8192 kB
"""


def test_pages_of_other_files_do_not_count():
    assert huge_megabytes(SMAPS, Path("/models/model.lw")) == 6.3
    assert huge_megabytes(SMAPS, Path("/models/other.lw")) == 0
