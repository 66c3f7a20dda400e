"""BERTweet's tokenizer, which Transformers has as Python code only, in the form that `tokenizers` runs.

It is a byte pair encoding in two files of fastBPE. `bpe.codes` holds the merges, and marks the last piece of a word:
`la` and `te</w>`. `vocab.txt` holds the tokens that the encoder knows, and marks all pieces but the last: `la@@`, `te`.

Source: Nguyen, Vu and Nguyen, BERTweet: a pre-trained language model for English tweets, EMNLP 2020, demonstrations.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import RobertaProcessing
from torch import nn
from transformers import BertweetTokenizer, PreTrainedModel, PreTrainedTokenizerFast

LAST = "</w>"
NOT_LAST = "@@"


def convert(tokenizer: BertweetTokenizer, encoder: PreTrainedModel) -> PreTrainedTokenizerFast:
    """Return the tokenizer in its new form, and give the encoder a word embedding for each of its tokens.

    Some merges give a piece that `vocab.txt` lacks, for it was rare, or a step to longer ones. BertweetTokenizer reads
    it as `<unk>`; for `tokenizers` it must be a token too. Such tokens come after those of `vocab.txt`, which keep
    their numbers, and their embeddings start as copies of that of `<unk>`: the encoder reads every text as before.

    Texts are those that a `Cleaner` returns: what BertweetTokenizer does when told to normalize is left to it, and
    they are on one line, since BertweetTokenizer takes a line break for a letter.

    Raises:
        ValueError: `bpe.codes` is damaged, or the encoder knows fewer tokens than `vocab.txt`.
    """
    merges = list(read_merges(tokenizer))
    numbers = original_numbers(tokenizer, merges)
    embed(encoder, list(numbers.values()))
    vocabulary = {token: number for number, token in enumerate(numbers)}
    backend = Tokenizer(BPE(vocabulary, merges, unk_token=tokenizer.unk_token, end_of_word_suffix=LAST))
    backend.pre_tokenizer = WhitespaceSplit()
    backend.post_processor = RobertaProcessing(
        (tokenizer.sep_token, vocabulary[tokenizer.sep_token]), (tokenizer.cls_token, vocabulary[tokenizer.cls_token])
    )
    special: dict[str, Any] = tokenizer.special_tokens_map
    return PreTrainedTokenizerFast(tokenizer_object=backend, **special)  # type: ignore[no-untyped-call]


def read_merges(tokenizer: BertweetTokenizer) -> Iterator[tuple[str, str]]:
    """Yield the two pieces of each merge, in the order in which merges are made.

    Raises:
        ValueError: a line of `bpe.codes` holds something else.
    """
    ranks: dict[Any, int] = tokenizer.bpe_ranks  # of tuples, which Transformers' own hint does not say
    for pieces in sorted(ranks, key=ranks.__getitem__):
        if len(pieces) != 2:
            raise ValueError(
                f"line {ranks[pieces] + 1} of bpe.codes holds something else than two pieces and their count. Take the "
                "file of the original checkpoint: BertweetTokenizer.save_pretrained writes it without the counts."
            )
        left, right = pieces
        yield left, right


def original_numbers(tokenizer: BertweetTokenizer, merges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return the number that BertweetTokenizer gives to each token of the new form, in the order of the new numbers."""
    known: dict[str, int] = tokenizer.get_vocab()  # type: ignore[no-untyped-call]
    special = tokenizer.all_special_tokens
    numbers = {
        token if token in special else in_codes(token): known[token] for token in sorted(known, key=known.__getitem__)
    }
    for left, right in merges:
        for piece in (left, right, left + right):
            numbers.setdefault(piece, known.get(in_vocabulary(piece), tokenizer.unk_token_id))
    return numbers


def embed(encoder: PreTrainedModel, rows: list[int]) -> None:
    """Make the word embeddings of an encoder those of the given rows of its present ones.

    Raises:
        ValueError: it has fewer rows.
    """
    embeddings = encoder.get_input_embeddings()
    assert isinstance(embeddings, nn.Embedding)  # as those of every BERT are
    if max(rows) >= embeddings.num_embeddings:
        raise ValueError(
            f"vocab.txt and the special tokens make {max(rows) + 1} tokens, but the encoder knows "
            f"{embeddings.num_embeddings}. Take all files from one checkpoint."
        )
    chosen = embeddings.weight.detach()[rows]
    encoder.set_input_embeddings(
        nn.Embedding.from_pretrained(chosen, freeze=False, padding_idx=embeddings.padding_idx)  # type: ignore[no-untyped-call]
    )
    encoder.config.vocab_size = len(rows)


def in_codes(token: str) -> str:
    """Return a token of `vocab.txt` as `bpe.codes` spells it."""
    return token.removesuffix(NOT_LAST) if token.endswith(NOT_LAST) else token + LAST


def in_vocabulary(piece: str) -> str:
    """Return a piece of `bpe.codes` as `vocab.txt` spells it."""
    return piece.removesuffix(LAST) if piece.endswith(LAST) else piece + NOT_LAST
