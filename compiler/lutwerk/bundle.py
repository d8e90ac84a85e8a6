"""Bundles in Python: load one, generate text, compute logits, verify."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Unpack

from lutwerk.conversation import Conversation
from lutwerk.device_chat import DeviceChat, Message
from lutwerk.device_text import DeviceText
from lutwerk.errors import BundleError
from lutwerk.generation import Generation, Settings
from lutwerk.graph import F32
from lutwerk.manifest import Folder, Memory, read_folder
from lutwerk.model_file import read_sections
from lutwerk.native import Ids, Model, Session, default_threads, token_ids
from lutwerk.native_types import ModelInfo
from lutwerk.sampling import Sampler, Sampling
from lutwerk.text import StopFilter, StreamDecoder, TextCodec
from lutwerk.verification import Verification, verify_folder


def load(
    path: str | Path,
    *,
    threads: int | None = None,
    context: int | None = None,
    check: bool = True,
) -> Bundle:
    """Load a bundle that :func:`lutwerk.compile` wrote.

    Args:
        path: the bundle folder, or model.lw in it.
        threads: threads to compute with; by default as many as this process has processors.
        context: tokens that prompt and answer may have together; by default the model's greatest.
            The KV cache grows with it (``bundle.memory``).
        check: compare the checksum of all weights, which reads the file once.

    Raises:
        BundleError: there is no bundle, it is damaged, or it does not fit this machine.

    Example:
        >>> import lutwerk
        >>> with lutwerk.load("bundle", threads=2) as bundle:      # doctest: +SKIP
        ...     for piece in bundle.generate("Once upon a time", seed=1):
        ...         print(piece, end="", flush=True)
    """
    folder = read_folder(path)
    model = Model(folder.model, check_weights=check, resident=True)
    try:
        sections = read_sections(folder.model)
        codec = TextCodec.from_section(bytes(sections["TOKN"]), str(folder.model))
        chat = _read_chat(sections, str(folder.model))
        session = Session(
            model, context=context, threads=default_threads() if threads is None else threads
        )
    except BaseException:
        model.close()
        raise
    return Bundle(folder, model, session, codec, chat)


def _read_chat(sections: dict[str, memoryview], where: str) -> DeviceChat | None:
    if not sections["CHAT"]:
        return None
    text = DeviceText(bytes(sections["TEXT"]), where)
    return DeviceChat(bytes(sections["CHAT"]), text, where)


class Bundle:
    """A loaded bundle with one context. Made by :func:`load`; close it or use it in a ``with`` statement.

    Attributes:
        manifest: manifest.json as a dict.
        session: the context and its threads, for token-by-token control.
    """

    def __init__(
        self,
        folder: Folder,
        model: Model,
        session: Session,
        codec: TextCodec | None,
        chat: DeviceChat | None = None,
    ):
        self.manifest: dict[str, Any] = folder.manifest
        self.session = session
        self._folder = folder
        self._model = model
        self._codec = codec
        self._chat = chat
        self._generation: Generation | None = None

    @property
    def info(self) -> ModelInfo:
        """Constants of the model."""
        return self._model.info

    @property
    def memory(self) -> Memory:
        """Bytes for weights, KV cache and activations."""
        return self._folder.memory

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may have together."""
        return self.session.context

    def tokenize(self, text: str) -> list[int]:
        """Token ids of ``text``, begun with bos where the model wants it.

        Raises:
            BundleError: the bundle has no tokeniser (synthetic models have none).
        """
        return self._text().encode(text)

    def detokenize(self, ids: Sequence[int]) -> str:
        """Text of token ids; special tokens have none, incomplete characters become U+FFFD.

        Raises:
            BundleError: the bundle has no tokeniser.
        """
        return self._text().decode(ids)

    def generate(
        self,
        prompt: str | Sequence[int],
        *,
        max_tokens: int = 128,
        temperature: float = 0.8,
        top_k: int = 40,
        top_p: float = 0.95,
        min_p: float = 0.05,
        repeat_penalty: float = 1.0,
        seed: int | None = None,
        stop: Sequence[str] = (),
        full_head: bool = False,
    ) -> Generation:
        """Continue ``prompt`` from an empty context, as an iterator of text.

        Args:
            prompt: text, or token ids.
            max_tokens: tokens to generate at most; -1 for as many as the context holds.
            temperature: 0 takes the most likely token, greater values vary more.
            top_k: keep the k most likely tokens; 0 keeps all.
            top_p: keep the smallest set of tokens whose probability reaches this; 1 keeps all.
            min_p: drop tokens less likely than this times the most likely; 0 drops none.
            repeat_penalty: make the last 64 tokens less likely; 1 is off.
            seed: 0 to 2^64 - 1; the same seed gives the same text on every machine. Random by
                default.
            stop: strings that end the text, not included in it.
            full_head: compute every logit of every token, where the bundle has a two-stage head
                that computes those which can matter. The text is the same.

        Returns:
            An iterator of pieces of text; its attributes tell why it ended, the tokens and the
            times.

        Raises:
            BundleError: the prompt is empty or longer than the context, or the bundle has no
                tokeniser.
            ValueError: a setting is out of range.

        Example:
            >>> story = bundle.generate("Once upon a time", temperature=0)      # doctest: +SKIP
            >>> text = "".join(story)                                           # doctest: +SKIP
            >>> story.finish_reason                                             # doctest: +SKIP
            'length'
        """
        settings = Settings(
            max_tokens=max_tokens,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            min_p=min_p,
            repeat_penalty=repeat_penalty,
            seed=seed,
            stop=stop,
            full_head=full_head,
        )
        return self._generate(self._ids(prompt), settings)

    def chat(self, messages: Sequence[Message], **settings: Unpack[Settings]) -> Generation:
        """Answer a conversation from an empty context, by the chat template of the model.

        Args:
            messages: mappings with ``role`` (``system`` for the first one only, ``user``,
                ``assistant``) and ``content``; users and assistant in turns, the last one of the
                user. Special tokens spelled in them are text.
            settings: as for :meth:`generate`.

        Returns:
            An iterator of pieces of the answer.

        Raises:
            BundleError: the bundle has no chat template (the manifest says why), or the template
                cannot carry the conversation exactly.
            ValueError: a setting is out of range.

        Example:
            >>> question = {"role": "user", "content": "Why is the sky blue?"}
            >>> answer = bundle.chat([question], temperature=0)                 # doctest: +SKIP
            >>> text = "".join(answer)                                          # doctest: +SKIP
        """
        return self._answer(self._template().encode(messages), 0, settings)

    def conversation(self, system: str | None = None) -> Conversation:
        """A conversation that keeps its context from turn to turn.

        Raises:
            BundleError: the bundle has no chat template, or it has no place for a system message.
        """
        return Conversation(self._template(), self._answer, lambda: self._generation, system)

    def logits(self, prompt: str | Sequence[int] | Ids) -> F32:
        """Logits float32 ``[tokens, vocab]`` of every token of ``prompt``, from an empty context.

        Raises:
            BundleError: the prompt is empty or longer than the context, or an id is outside the
                vocabulary.
        """
        ids = self._ids(prompt)
        self._take_session()
        self.session.truncate(0)
        return self.session.eval(ids, rows=len(ids))

    def verify(self) -> Verification:
        """Compare the files with the manifest and run the golden self-test on this machine."""
        return verify_folder(self._folder.path, threads=self.session.threads)

    def close(self) -> None:
        """Stop the threads and unmap the file; using the bundle afterwards is an error."""
        self._model.close()

    def __enter__(self) -> Bundle:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _generate(
        self,
        ids: list[int],
        settings: Settings,
        *,
        held: int = 0,
        end: int | None = None,
        stop: str = "",
    ) -> Generation:
        """Begin a generation; ``end`` and ``stop`` end it besides what the model and the caller say."""
        max_tokens = settings.get("max_tokens", 128)
        if max_tokens < -1:
            raise ValueError(f"max_tokens is {max_tokens}; accepted: -1 (no limit), 0 and above")
        usual = Sampling()
        sampling = Sampling(
            settings.get("temperature", usual.temperature),
            settings.get("top_k", usual.top_k),
            settings.get("top_p", usual.top_p),
            settings.get("min_p", usual.min_p),
            settings.get("repeat_penalty", usual.repeat_penalty),
        )
        codec = self._text()
        seed = settings.get("seed")
        stops = settings.get("stop", ())
        stops = [stops] if isinstance(stops, str) else list(stops)
        generation = Generation(
            self.session,
            ids,
            max_tokens,
            codec.eos if end is None else codec.eos | {end},
            sampling,
            Sampler(self.info.vocab, sampling, secrets.randbits(64) if seed is None else seed),
            StreamDecoder(codec, ids),
            StopFilter([*stops, stop] if stop else stops),
            full_head=settings.get("full_head", False),
            held=held,
        )
        self._take_session()
        self._generation = generation
        return generation

    def _answer(self, ids: list[int], held: int, settings: Settings) -> Generation:
        info = self._template().info
        return self._generate(ids, settings, held=held, end=info.end, stop=info.stop)

    def _template(self) -> DeviceChat:
        if self._chat is None:
            stated = self.manifest.get("chat")
            reason = stated.get("reason") if isinstance(stated, dict) else None
            why = f": {reason}" if reason else "; give a prompt instead, as `generate` and -p do"
            raise BundleError(f"{self._folder.path}: has no chat template{why}")
        return self._chat

    def _text(self) -> TextCodec:
        if self._codec is None:
            raise BundleError(
                f"{self._folder.path}: has no tokeniser, so it cannot read or write text; "
                "use `logits` with token ids, or `lutwerk bench`"
            )
        return self._codec

    def _ids(self, prompt: str | Sequence[int] | Ids) -> list[int]:
        ids = self.tokenize(prompt) if isinstance(prompt, str) else prompt
        if not len(ids):
            raise BundleError("the prompt is empty; give at least one token")
        return [int(i) for i in token_ids(ids, self.info.vocab)]

    def _take_session(self) -> None:
        if self._generation is not None:
            self._generation.supersede()
            self._generation = None
