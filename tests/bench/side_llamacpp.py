"""llama.cpp's side: llama-bench's pp and tg tests through libllama, without sampling, and first.

Settings are llama-bench's defaults: micro-batch 512, float16 KV cache, flash attention auto, mmap,
context cleared before each test. A pp test asks for the logits of its last token, a tg test for
those of every token; a first test samples by llama.cpp's greedy sampler. The third argument is "on"
or "off": whether llama.cpp may repack weights when it loads them, which some types and machines
prefill slower with.
"""

from __future__ import annotations

import random
import re
import sys
from importlib.metadata import version

import llama_cpp as llama

from sides import Test, serve

MICRO_BATCH = 512


@llama.llama_log_callback
def _only_errors(level: int, text: bytes, _: object) -> None:
    error = 4
    if level == error:
        sys.stderr.write(text.decode(errors="replace"))


class LlamaCpp:
    """An open GGUF file with one context."""

    def __init__(self, path: str, context: int, repack: bool) -> None:
        llama.llama_log_set(_only_errors, None)
        llama.llama_backend_init()
        settings = llama.llama_model_default_params()
        # of the buffer types beside plain memory, a build for CPUs alone has the repacking ones
        settings.use_extra_bufts = repack
        self._model = llama.llama_model_load_from_file(path.encode(), settings)
        if self._model is None:
            raise SystemExit(f"llama.cpp cannot load {path}")
        params = llama.llama_context_default_params()
        params.n_ctx = context
        params.n_batch = max(context, MICRO_BATCH)
        params.n_ubatch = MICRO_BATCH
        self._context = llama.llama_init_from_model(self._model, params)
        if self._context is None:
            raise SystemExit(f"llama.cpp cannot make a context of {context} tokens for {path}")
        self._greedy = llama.llama_sampler_init_greedy()
        vocabulary = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self._model))
        draw = random.Random(0)
        self._tokens = [draw.randrange(vocabulary) for _ in range(context)]
        features = re.findall(r"(\w+) = 1", llama.llama_print_system_info().decode())
        self.description = f"llama-cpp-python {version('llama-cpp-python')} ({' '.join(features)})"

    def measure(self, test: Test, threads: int) -> None:
        """Evaluate the tokens of ``test`` from an empty context."""
        llama.llama_memory_clear(llama.llama_get_memory(self._context), False)
        llama.llama_set_n_threads(self._context, threads, threads)
        tokens = (llama.llama_token * test.tokens)(*self._tokens[: test.tokens])
        if test.kind == "tg":
            for i in range(test.tokens):
                one = (llama.llama_token * 1)(tokens[i])
                self._decode(llama.llama_batch_get_one(one, 1))
            return
        self._decode(llama.llama_batch_get_one(tokens, test.tokens))
        if test.kind == "first":
            last = -1
            llama.llama_sampler_sample(self._greedy, self._context, last)

    def _decode(self, batch: llama.llama_batch) -> None:
        status = llama.llama_decode(self._context, batch)
        if status:
            raise SystemExit(f"llama_decode failed with status {status}")
        llama.llama_synchronize(self._context)


if __name__ == "__main__":
    side = LlamaCpp(sys.argv[1], int(sys.argv[2]), repack=sys.argv[3] == "on")
    serve(side.description, side.measure)
