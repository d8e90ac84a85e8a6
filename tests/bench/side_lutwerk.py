"""Our side: the same tests through the C runtime; first samples, pp and tg do not.

tg asks for what greedy decoding needs: the greatest logit, by a two-stage head where there is one.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

from lutwerk.native import Model, Session
from lutwerk.sampling import Sampler, Sampling
from sides import Test, serve


class Lutwerk:
    """An open bundle with one session per number of threads; sessions that are not asked sleep."""

    def __init__(self, bundle: Path, context: int) -> None:
        self._model = Model(bundle / "model.lw", resident=True)
        self._context = context
        self._sessions: dict[int, Session] = {}
        draw = random.Random(0)
        self._tokens = [draw.randrange(self._model.info.vocab) for _ in range(context)]
        self._sampler = Sampler(self._model.info.vocab, Sampling(temperature=0), seed=0)
        self.description = self._session(1).isa

    def _session(self, threads: int) -> Session:
        if threads not in self._sessions:
            self._sessions[threads] = Session(self._model, context=self._context, threads=threads)
        return self._sessions[threads]

    def measure(self, test: Test, threads: int) -> None:
        """Evaluate the tokens of ``test`` from an empty context."""
        session = self._session(threads)
        session.truncate(0)
        tokens = self._tokens[: test.tokens]
        if test.kind == "tg":
            for token in tokens:
                session.eval_top([token], 1)
            return
        if test.kind == "first":
            self._sampler.sample(session.eval_top(tokens, 1), recent=[])
        else:
            session.eval(tokens)


if __name__ == "__main__":
    side = Lutwerk(Path(sys.argv[1]), int(sys.argv[2]))
    serve(side.description, side.measure)
