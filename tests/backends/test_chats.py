"""Chat prompts: what the template is given, and what it must not be."""

import pytest

from smc import Chat, PromptError, TransformersModel
from tests.models import byte_fallback_tokenizer, byte_level_tokenizer, tiny_model

TEMPLATE = (
    "{% for t in tools or [] %}[{{ t.name }}]{% endfor %}"
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}"
    "{% for c in m.tool_calls or [] %}({{ c.function.arguments.x }}){% endfor %}"
    "{% if not loop.last or add_generation_prompt %}</{{ m.role }}>{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% if shy %}hm {% endif %}{% endif %}"
)
USER = {"role": "user", "content": "hi"}


@pytest.fixture(scope="module")
def model():
    spoken = byte_level_tokenizer()
    spoken.chat_template = TEMPLATE
    return TransformersModel(tiny_model("llama", len(spoken)), spoken)


def written(model, prompt):
    return model.tokenizer.decode(model.encode(prompt, 1))


@pytest.mark.parametrize(
    ("chat", "text"),
    [
        ([USER], "<user>hi</user><assistant>"),
        (Chat([USER]), "<user>hi</user><assistant>"),
        (Chat([USER], template_kwargs={"shy": True}), "<user>hi</user><assistant>hm "),
        (
            Chat([USER, {"role": "assistant", "content": "It is"}], continue_final_message=True),
            "<user>hi</user><assistant>It is",
        ),
        (
            [{"role": "user", "content": [{"type": "text", "text": t} for t in "ab"]}],
            "<user>ab</user><assistant>",
        ),
        ([{"role": "assistant", "content": None}], "<assistant></assistant><assistant>"),
        (
            [{"role": "assistant", "content": None,
              "tool_calls": [{"function": {"name": "f", "arguments": '{"x": 7}'}}]}],
            "<assistant>(7)</assistant><assistant>",
        ),
        (Chat([USER], tools=[{"name": "f"}]), "[f]<user>hi</user><assistant>"),
    ],
    ids=["list", "chat", "kwargs", "prefill", "parts", "null", "calls", "tools"],
)  # fmt: skip
def test_what_the_template_writes(model, chat, text):
    assert written(model, chat) == text


@pytest.mark.parametrize(
    ("chat", "message"),
    [
        (Chat([USER], continue_final_message=True), "the assistant's"),
        (
            Chat([USER, {"role": "assistant", "content": " "}], continue_final_message=True),
            "the assistant's",
        ),
        (Chat([USER], template_kwargs={"tokenize": False}), "template_kwargs has tokenize"),
        ([USER, {"content": "x"}], "message 1"),
        ([USER, "x"], "message 1"),
        ([{"role": "user", "content": [{"type": "image_url"}]}], "type 'image_url'.*text alone"),
        ([{"role": "user", "content": [{"type": "text"}]}], "expected parts"),
        ([{"role": "user", "content": 3}], "expected text, or parts"),
        (Chat([]), "prompt"),
    ],
    ids=["user's", "blank", "kwargs", "no role", "text", "image", "no text", "number", "none"],
)
def test_chats_that_are_none(model, chat, message):
    with pytest.raises(PromptError, match=message):
        model.encode(chat, 1)


@pytest.mark.parametrize("text", ["the cat", " sat", "", "naïve café 🙂", "x\n  y"])
@pytest.mark.parametrize("make", [byte_level_tokenizer, byte_fallback_tokenizer])
def test_ids_spell_the_text(make, text):
    made = make()
    model = TransformersModel(tiny_model("llama", len(made), eos=2), made)
    ids = model.tokenize(text)
    assert b"".join(model.vocabulary.tokens[i] or b"" for i in ids) == text.encode()


def test_special_tokens_are_no_text():
    made = byte_level_tokenizer()
    model = TransformersModel(tiny_model("llama", len(made)), made)
    with pytest.raises(PromptError, match="do not spell"):
        model.tokenize("a<eos>b")
