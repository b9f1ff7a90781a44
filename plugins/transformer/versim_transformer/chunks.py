"""What each chunk of the model is made of: its layers with their passes and the parameters of each."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import attrs
from versim import NONE

from versim_transformer.architecture import (
    Parameters,
    embedding_parameters,
    head_parameters,
    layer_parameters,
    prediction_parameters,
)
from versim_transformer.attention import attention_part
from versim_transformer.ends import embedding_part, head_part, prediction_part
from versim_transformer.feed_forward import feed_forward_part
from versim_transformer.pieces import Module, computes_of, joined
from versim_transformer.settings import Recompute, Settings


@attrs.frozen
class Section:
    """A run of equal layers, or what stands before or behind them.

    Attributes:
        name: What it is.
        passes: Its pieces; those of one layer.
        parameters: Of one layer.
        layer: Number of the first layer, counted from the chunk's first; NONE where it is none.
        count: Layers.
    """

    name: str
    passes: Module
    parameters: Parameters
    layer: int = NONE
    count: int = 1


@attrs.frozen
class Chunk:
    """Consecutive layers of one stage.

    Attributes:
        sections: In the order of the forward pass.
        first_layer: Number of its first layer.
        layers: How many it has.
        first: True if it begins with the embedding.
        last: True if it ends with the head.
    """

    sections: tuple[Section, ...]
    first_layer: int
    layers: int
    first: bool
    last: bool

    def singly(self) -> Iterator[Section]:
        """The sections, one per layer."""
        for section in self.sections:
            for number in range(section.count):
                layer = NONE if section.layer == NONE else section.layer + number
                yield attrs.evolve(section, layer=layer, count=1)


class ChunkMaker:
    """Makes chunks; equal layers share their pieces."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._layers: dict[tuple[bool, bool, bool], Module] = {}
        self._parameters: dict[bool, Parameters] = {}
        self._runs: dict[tuple[int, int], tuple[Section, ...]] = {}

    def chunks(self) -> tuple[Chunk, ...]:
        """All chunks, in the order of the model's layers."""
        settings = self._settings
        counts = [count for of_chunk in settings.stages for count in of_chunk]
        found, first = [], 0
        for number, count in enumerate(counts):
            found.append(self._chunk(first, count, first=number == 0, last=number == len(counts) - 1))
            first += count
        return tuple(found)

    def _chunk(self, first_layer: int, layers: int, *, first: bool, last: bool) -> Chunk:
        settings = self._settings
        model, vocab = settings.architecture, settings.padded_vocab
        sections = []
        if first:
            sections.append(Section("embedding", embedding_part(settings), embedding_parameters(model, vocab)))
        sections += self._layer_runs(first_layer, layers)
        if last:
            sections.append(Section("head", head_part(settings), head_parameters(model, vocab)))
            for _ in range(model.predicted_tokens):
                passes = prediction_part(settings, self._layer(model.layers, recomputed=False))
                sections.append(Section("prediction", passes, prediction_parameters(model)))
        return Chunk(tuple(sections), first_layer, layers, first, last)

    def _layer_runs(self, first_layer: int, layers: int) -> tuple[Section, ...]:
        """The layers of a chunk, equal neighbours counted together."""
        model = self._settings.architecture
        # Where they stand tells layers apart only if some have experts or a window.
        key = first_layer if model.experts is not None or model.window > 0 else NONE, layers
        if key not in self._runs:
            each = [self._layer(first_layer + n, recomputed=self._is_recomputed(n)) for n in range(layers)]
            found, layer = [], 0
            for _, run in itertools.groupby(each, key=id):
                count = len(list(run))
                found.append(Section("layer", each[layer], self._parameters_of(first_layer + layer), layer, count))
                layer += count
            self._runs[key] = tuple(found)
        return self._runs[key]

    def _parameters_of(self, number: int) -> Parameters:
        """Of a layer; those with experts are alike, as are those without."""
        model = self._settings.architecture
        key = model.has_experts(number)
        if key not in self._parameters:
            self._parameters[key] = layer_parameters(model, number)
        return self._parameters[key]

    def _is_recomputed(self, layer: int) -> bool:
        settings = self._settings
        if settings.recompute is not Recompute.FULL:
            return False
        return settings.recompute_layers is None or layer < settings.recompute_layers

    def _layer(self, number: int, *, recomputed: bool) -> Module:
        model = self._settings.architecture
        windowed = model.window > 0 and number % 2 == 0
        key = (model.has_experts(number), windowed, recomputed)
        if key not in self._layers:
            if recomputed:
                passes = self._layer(number, recomputed=False)
                made = Module(forward=passes.forward, backward=(*passes.forward, *passes.backward))
            else:
                made = joined(
                    (
                        attention_part(self._settings, windowed=windowed),
                        feed_forward_part(self._settings, experts=key[0]),
                    )
                )
                if self._settings.recompute is Recompute.LIGHT:
                    cheap = tuple(piece for piece in computes_of(made.forward) if piece.cheap)
                    made = Module(forward=made.forward, backward=(*cheap, *made.backward))
            self._layers[key] = made
        return self._layers[key]
