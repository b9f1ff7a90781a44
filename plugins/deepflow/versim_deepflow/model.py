"""The model that is trained: a transformer, or a single matrix product.

Read from DeepFlow's model files (``model_param`` with ``mode: LLM`` or ``mode: GEMM``) or from our own presets.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Literal

import attrs
from versim import FaultsError, UnknownNameError
from versim.plain import MisfitError, parse_yaml, place, read_yaml, structured

from versim_deepflow.foreign import ForeignFile, KeyPath
from versim_deepflow.ranges import CONVERTER, Count, Text

Shape = tuple[int, int, int]
"""A matrix product: rows m, inner dimension k, columns n."""

PRODUCTS = (
    "qkv_projection",
    "attention_score",
    "attention_output",
    "output_projection",
    "ffn1",
    "ffn2",
)
"""The matrix products of a transformer layer, in the order of execution."""


@attrs.frozen(kw_only=True)
class TransformerModel:
    """A decoder-only transformer and the batch it is trained on.

    Attributes:
        name: For people.
        batch_size: Sequences per step, over all replicas.
        sequence_length: Tokens per sequence.
        hidden: Width of the model.
        heads: Attention heads; divides ``hidden``.
        ffn: Width of the feed-forward layers.
        vocabulary: Tokens in the vocabulary.
        layers: Transformer layers.
    """

    name: Text
    batch_size: Count
    sequence_length: Count
    hidden: Count
    heads: Count
    ffn: Count
    vocabulary: Count
    layers: Count

    def check(self) -> None:
        """Refuses heads that do not divide the width; :class:`versim.FaultsError`."""
        if self.hidden % self.heads:
            raise FaultsError(
                f"model {self.name}", [f"$.heads: the width {self.hidden} is not divisible by {self.heads} heads"]
            )

    def products(self, batch: int) -> dict[str, Shape]:
        """The matrix products of a layer for a batch of sequences, by :data:`PRODUCTS`, as (m, k, n).

        The batch, and the heads of the attention products, are rows.
        """
        rows, head = batch * self.sequence_length, self.hidden // self.heads
        return {
            "qkv_projection": (rows, self.hidden, 3 * self.hidden),
            "attention_score": (rows * self.heads, head, self.sequence_length),
            "attention_output": (rows * self.heads, self.sequence_length, head),
            "output_projection": (rows, self.hidden, self.hidden),
            "ffn1": (rows, self.hidden, self.ffn),
            "ffn2": (rows, self.ffn, self.hidden),
        }

    def vocabulary_product(self, batch: int) -> Shape:
        """The projection onto the vocabulary for a batch of sequences, as (m, k, n)."""
        return batch * self.sequence_length, self.hidden, self.vocabulary

    @property
    def layer_weights(self) -> tuple[int, ...]:
        """Weights of a layer, matrix by matrix: QKV projection, output projection, and both feed-forward layers."""
        return (
            3 * self.hidden * self.hidden,
            self.hidden * self.hidden,
            self.ffn * self.hidden,
            self.ffn * self.hidden,
        )


@attrs.frozen(kw_only=True)
class GemmModel:
    """A single matrix product, (m x k) · (k x n).

    Attributes:
        name: For people.
        m: Rows.
        k: Inner dimension.
        n: Columns.
        backward: Whether its gradients are computed, too.
    """

    name: Text
    m: Count
    k: Count
    n: Count
    backward: bool


Model = TransformerModel | GemmModel


def preset_names() -> tuple[str, ...]:
    """Names of the model presets that ship with this package."""
    folder = resources.files("versim_deepflow").joinpath("presets", "models")
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


@lru_cache(maxsize=64)
def load_preset(name: str) -> TransformerModel:
    """A model preset by name; :class:`versim.UnknownNameError` if there is none."""
    if name not in preset_names():
        raise UnknownNameError("model preset", name, preset_names())
    entry = resources.files("versim_deepflow").joinpath("presets", "models", f"{name}.yaml")
    return read_transformer(parse_yaml(entry.read_text(encoding="utf-8"), name), name)


def load_model(path: Path) -> Model:
    """A model file, DeepFlow's or our own; :class:`versim.FaultsError` with everything wrong with it."""
    content = read_yaml(path)
    if isinstance(content, Mapping) and "model_param" in content:
        return read_deepflow_model(content, str(path))
    return read_transformer(content, str(path))


def read_transformer(content: object, subject: str) -> TransformerModel:
    """A transformer described by plain data of our own structure.

    Raises:
        FaultsError: Fields that are missing, mistyped, out of range or unknown, each by its path.
    """
    if isinstance(content, Mapping):
        content = {key: value for key, value in content.items() if key != "source"}
    try:
        model: TransformerModel = structured(CONVERTER, content, TransformerModel)
    except MisfitError as error:
        raise FaultsError(subject, [place("$", *fault) for fault in error.faults]) from None
    model.check()
    return model


def read_deepflow_model(content: object, subject: str) -> Model:
    """The model that plain data in the structure of DeepFlow's model files describes.

    ``ffn_mult``, where given, takes precedence over ``ffn_dim``. ``n_tokens``, ``communication_time`` and ``N_PP`` have
    no effect on a step and are not read.

    Raises:
        FaultsError: Fields that are missing, mistyped or out of range, each by its path.
    """
    file = ForeignFile(content, subject)
    at = ("model_param",)
    mode = file.held((*at, "mode"), Literal["LLM", "GEMM"])
    file.raise_faults()
    given: dict[KeyPath, object] = {("name",): Path(subject).stem}
    if mode == "GEMM":
        backward = file.at((*at, "backward"))
        gemm: GemmModel = file.read(
            GemmModel,
            {("m",): (*at, "M"), ("k",): (*at, "K"), ("n",): (*at, "N"), ("backward",): (*at, "backward")},
            {**given, **({("backward",): False} if backward is None else {})},
        )
        return gemm
    names = {
        "batch_size": "batch_size",
        "sequence_length": "seq_len",
        "hidden": "hidden_dim",
        "heads": "num_heads",
        "ffn": "ffn_dim",
        "vocabulary": "vocab_size",
        "layers": "num_layers",
    }
    if file.at((*at, "ffn_mult")) is not None:
        multiple, hidden = (file.held((*at, name), Count) for name in ("ffn_mult", "hidden_dim"))
        given["ffn",] = (multiple or 1) * (hidden or 1)
        del names["ffn"]
    model: TransformerModel = file.read(
        TransformerModel, {(ours,): (*at, theirs) for ours, theirs in names.items()}, given
    )
    model.check()
    return model
