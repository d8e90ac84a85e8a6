"""Templates that no compact form has are not carried, and say why."""

import pytest

import templates
from chats import CHATS
from checkpoints import byte_tokenizer
from lutwerk.chat import Chat, NotCarried, build_chat
from lutwerk.chat.derive import conversation

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}
EACH = "{% for m in messages %}"
PRINT = "[{{ m.role }}]{{ m.content }}\n"
END = "{% endfor %}"


def build(source: str, tokens=TOKENS) -> Chat:
    return build_chat(source, tokens, byte_tokenizer())


REFUSED = {
    "no template": ("{% for %}", "it is not valid"),
    "an unknown block": ("{% audio %}", "it is not valid"),
    "no user": ("{{ raise_exception('Only tools may speak.') }}", "Only tools may speak."),
    "today": ("{{ strftime_now('%Y') }}" + EACH + PRINT + END, "today's date"),
    "a length": (EACH + PRINT + END + "{{ messages | length }}", "depends on more than"),
    "a number": (EACH + "{{ loop.index }}" + PRINT + END, "depends on more than"),
    "only the last message": ("{{ messages[-1].content }}", "each message once, in order"),
    "backwards": ("{% for m in messages[::-1] %}" + PRINT + END, "each message once, in order"),
    "a message twice": (EACH + PRINT + PRINT + END, "twice"),
    "a length of text": (EACH + "{{ m.content | length }}" + PRINT + END, "white space"),
    "upper case": (EACH + "{{ m.content | upper }}" + END, "it gives"),
    "a number of messages": (
        EACH + PRINT + "{% if loop.index > 9 %}x{% endif %}" + END,
        "it gives",
    ),
    "escapes": (EACH + "{{ m.content | e }}" + END, "it gives"),
    "some white space": (EACH + "[{{ m.content.strip('\\n') }}]" + END, "it gives"),
    "a shortened text": (EACH + "{{ m.content[:40] }};" + END, "it gives"),
    "many messages": (
        EACH + PRINT + "{% if loop.length > 9 %}{{ raise_exception('long') }}{% endif %}" + END,
        "it fails: long",
    ),
    "the host": ("{{ messages.__class__.__mro__ }}", "unsafe|each message once"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_not_carried(name):
    source, reason = REFUSED[name]
    with pytest.raises(NotCarried, match=reason):
        build(source)


@pytest.mark.parametrize("name", ["bos_token", "eos_token"])
def test_a_special_token_that_nothing_names(name):
    named = {other: text for other, text in TOKENS.items() if other != name}
    with pytest.raises(NotCarried, match=f"{name}, which tokenizer_config.json does not name"):
        build(templates.LLAMA_2, named)
    # One that the tokenizer is said not to have prints nothing, or fails, as in the template.
    source = f"{{{{ {name} }}}}" + EACH + PRINT + END
    assert build(source, named | {name: None}).form.gaps[False, 0, 1].text == "[user]"


def test_a_difference_quotes_the_conversation():
    with pytest.raises(NotCarried, match=r"'content': .* it gives '.*LONG"):
        build(EACH + "{{ m.content if m.content | length < 60 else 'LONG' }}" + END)


@pytest.mark.parametrize("text", ["'Hello'", "eos_token"])
def test_what_the_template_itself_names_is_refused_in_messages(text):
    form = build(EACH + "{{ m.content | replace(" + text + ", 'Bye') }}" + END).form
    assert ("user", "Hello" if text == "'Hello'" else "</s>") in form.reserved


def test_dates_are_the_templates_own():
    chat = build(templates.LLAMA_3_2)
    assert chat.template.asks_for_date
    assert "Today Date: 26 Jul 2024\n" in chat.template.render(conversation(None, ["x"]))


def test_every_shape_that_is_published_is_carried():
    assert {family.source for family in CHATS.values()} == {
        value for name, value in vars(templates).items() if name.isupper()
    }


@pytest.mark.parametrize(
    ("source", "system"),
    [
        # A system message that is silently dropped is refused, not dropped.
        (EACH + "{% if m.role != 'system' %}" + PRINT + "{% endif %}" + END, False),
        (EACH + PRINT + END, True),
    ],
)
def test_places_for_a_system_message(source, system):
    assert build(source).form.has_system == system


def test_the_same_template_gives_the_same_section():
    assert build(templates.QWEN_3).section == build(templates.QWEN_3).section
