"""Checkpoints of a few thousand random weights, in the form of the real ones."""

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BertConfig,
    BertModel,
    DistilBertConfig,
    DistilBertModel,
    MPNetConfig,
    MPNetModel,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    RobertaConfig,
    RobertaModel,
    set_seed,
)

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
WORDS = [
    "late",
    "rude",
    "again",
    "thank",
    "you",
    "lovely",
    "crew",
    "seat",
    "and",
    "so",
    "the",
    "http",
    "@",
    "user",
    "s",
]
LETTERS = [f"{hashes}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789" for hashes in ("", "##")]
MAX_TOKENS = 32
SMALL: dict[str, Any] = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
# What the tokens of `save_bertweet` are learned from. They are too few for some of the words, which stay in pieces.
TWEETS = [
    "@USER late again , so rude angry_face HTTPURL",
    "late and rude and late again , the latest crew",
    "thank you , lovely crew and lovely seat",
    "thank the crew , so lovely @USER HTTPURL",
]
LEARNED_TOKENS = 60


def save_checkpoint(folder: Path, kind: str = "bert", *, ends: bool = True) -> Path:
    """Save a small encoder and a WordPiece tokenizer; without `ends` an empty text has no token."""
    vocabulary = list(dict.fromkeys([*SPECIAL, *WORDS, *LETTERS]))
    tokenizer = Tokenizer(models.WordPiece({word: n for n, word in enumerate(vocabulary)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if ends:
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        model_max_length=MAX_TOKENS,
    ).save_pretrained(folder)
    set_seed(0)
    encoder(kind, len(vocabulary)).save_pretrained(folder)
    return folder


def save_bertweet(folder: Path, tokenizer_class: str = "BertweetTokenizer") -> Path:
    """Save a small RoBERTa and its tokenizer in the two files of fastBPE, as BERTweet and PhoBERT come.

    Its vocabulary lacks, as theirs do, the pieces that were only a step to longer ones.
    """
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(vocab_size=LEARNED_TOKENS, end_of_word_suffix="</w>", show_progress=False)
    tokenizer.train_from_iterator(TWEETS, trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    pieces = sorted({piece for tweet in TWEETS for piece in tokenizer.encode(tweet).tokens})
    tokens = [piece.removesuffix("</w>") if piece.endswith("</w>") else f"{piece}@@" for piece in pieces]
    folder.mkdir(exist_ok=True)
    (folder / "bpe.codes").write_text("".join(f"{left} {right} 1\n" for left, right in merges), encoding="utf-8")
    (folder / "vocab.txt").write_text("".join(f"{token} 1\n" for token in tokens), encoding="utf-8")
    set_seed(0)
    config = RobertaConfig(
        vocab_size=len(tokens) + 5,  # <s> <pad> </s> <unk> before them, <mask> after
        max_position_embeddings=MAX_TOKENS + 2,  # they start after the number of <pad>, 1
        initializer_range=0.2,
        tokenizer_class=tokenizer_class,
        **SMALL,
    )
    RobertaModel(config).save_pretrained(folder)
    return folder


def encoder(kind: str, words: int) -> PreTrainedModel:
    """Return an encoder with random weights, wider spread than usual so that they tell texts apart."""
    shape: dict[str, Any] = {"vocab_size": words, "pad_token_id": 0, "initializer_range": 0.2}
    if kind == "distilbert":
        distil = {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 2, "max_position_embeddings": MAX_TOKENS}
        return DistilBertModel(DistilBertConfig(**shape, **distil))
    if kind == "roberta":  # its positions start after the padding's own number
        return RobertaModel(RobertaConfig(**shape, **SMALL, max_position_embeddings=MAX_TOKENS + 2))
    if kind == "mpnet":  # likewise
        return MPNetModel(MPNetConfig(**shape, **SMALL, max_position_embeddings=MAX_TOKENS + 2))
    return BertModel(BertConfig(**shape, **SMALL, max_position_embeddings=MAX_TOKENS))
