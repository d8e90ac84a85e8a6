"""Which chat templates of a folder are carried, and why the others are not.

python tests/text/carried.py models/templates
"""

import argparse
import sys
from pathlib import Path

from lutwerk.chat import NotCarried, build_chat

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from checkpoints import byte_tokenizer

#: What most of these files expect; pad and unk are of tokenizers that have none.
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "pad_token": None, "unk_token": None}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="of *.jinja files")
    paths = sorted(parser.parse_args().folder.glob("*.jinja"))
    carried = 0
    for path in paths:
        try:
            form = build_chat(path.read_text(), TOKENS, byte_tokenizer()).form
        except NotCarried as error:
            print(f"{path.name}: not carried: {str(error)[-200:]}", flush=True)
            continue
        carried += 1
        refused = [f"{text!r} ({role})" for role, text in form.reserved]
        print(
            f"{path.name}: carried{'; refuses ' if refused else ''}{', '.join(refused)}", flush=True
        )
    print(f"{carried} of {len(paths)} templates carried")


if __name__ == "__main__":
    main()
