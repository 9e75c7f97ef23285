"""A random model of two layers with a tokenizer of whole words, on which trainers run in no time."""

from typing import Any

TEMPLATE = (
    "{% for message in messages %}{{ message.role }} {{ message.content }} {{ eos_token }} {% endfor %}"
    "{% if add_generation_prompt %}assistant {% endif %}"
)
PROMPT, GOOD, BAD = "how long does the kettle boil", "two minutes when it is full", "three water"
WORDS = [*dict.fromkeys(f"{PROMPT} {GOOD} {BAD} user assistant".split())]


def tokenizer() -> Any:
    """A tokenizer of whole words with a chat template, made without a network."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: number for number, word in enumerate(["<pad>", "<eos>", "<unk>", *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<eos>", unk_token="<unk>", chat_template=TEMPLATE
    )


def model(head: str = "LlamaForCausalLM", **more: Any) -> Any:
    """A random model of two layers; the same one each time."""
    import transformers

    transformers.set_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(WORDS) + 3,
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        pad_token_id=0,
        eos_token_id=1,
        bos_token_id=1,
        **more,
    )
    return getattr(transformers, head)(config)
