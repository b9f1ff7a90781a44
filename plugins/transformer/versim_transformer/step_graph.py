"""The graph of a whole step: passes over chunks in the order of the schedule, then the optimizer."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from versim import NONE, ExecutionGraph, Kind, Phase, Work

from versim_transformer.chunks import Chunk, ChunkMaker, Section
from versim_transformer.pieces import Collective, Module, Piece, collective, split_weights
from versim_transformer.pointwise import quantize, sized
from versim_transformer.replicas import Held, gathered, held, reduced
from versim_transformer.schedules import Do, Order, order_of
from versim_transformer.settings import Granularity, Schedule, Settings, Sharding
from versim_transformer.stamping import Tasks, stamped
from versim_transformer.templates import Catalogue, Meeting, Outside, Template, TemplateWriter

_LABELS = {Do.FORWARD: "forward", Do.BACKWARD: "backward", Do.WEIGHTS: "weight gradients"}


def step_graph(settings: Settings) -> ExecutionGraph:
    """The graph of a training step.

    Raises:
        FaultsError: It has more rows than fit.
    """
    return _StepWriter(settings).graph()


@attrs.frozen(cache_hash=True)
class _Cut:
    """A task's template is shared by all tasks with these in common.

    Attributes:
        do: What is done.
        chunk: Chunks of equal sections have one number.
        first: True for the first microbatch, if that makes a difference.
        last: True for the last.
        receives: True if a message comes first.
        sends: True if a message goes last.
        wraps_in: True if it comes from the last stage to the first or back, where nobody waits for it.
        wraps_out: True if it goes that way.
    """

    do: int
    chunk: int
    first: bool
    last: bool
    receives: bool
    sends: bool
    wraps_in: bool
    wraps_out: bool


class _StepWriter:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._chunks = ChunkMaker(settings).chunks()
        self._catalogue = Catalogue()
        self._templates: list[Template] = []
        self._numbers: dict[Any, int] = {}
        self._kinds: dict[Any, int] = {}
        self._kind_of = [self._kinds.setdefault(_signature(chunk), len(self._kinds)) for chunk in self._chunks]
        model, precision = settings.architecture, settings.precision
        whole = settings.shard_tokens * model.hidden * precision.activation_bytes
        senders = settings.parallelism.tp if settings.scatter_p2p else 1
        self._message_bytes = max(1, round(whole / senders))
        self._arrivals = collective("gather message", Kind.ALL_GATHER, whole, settings.layout.tp, senders)
        self._split = settings.schedule is Schedule.ZERO_BUBBLE
        self._pieces: dict[tuple[int, int], tuple[Piece, ...]] = {}
        self._singles: dict[int, tuple[Section, ...]] = {}
        self._bucketed: dict[tuple[int, bool], list[tuple[list[Section], Held]]] = {}
        self._totals: dict[int, tuple[Held, list[Held]]] = {}
        self._of_stages: dict[Any, tuple[int, ...]] = {}
        self._reductions: dict[Held, tuple[Collective, ...]] = {}
        self._gatherings: dict[Held, tuple[Collective, ...]] = {}

    def graph(self) -> ExecutionGraph:
        settings = self._settings
        stages = [self._templates_of(stage) for stage in range(settings.parallelism.pp)]
        firsts = tuple(chunk.first_layer for chunk in self._chunks)

        def tasks() -> Tasks:
            columns = [self._tasks(stage, *of_stage, firsts) for stage, of_stage in enumerate(stages)]
            return Tasks(**{name: np.concatenate([stage[name] for stage in columns]) for name in columns[0]})

        order = (settings.schedule, settings.parallelism.pp, settings.parallelism.vp, settings.microbatches)
        return stamped(
            self._templates,
            tasks,
            (order, tuple(stages), firsts),
            self._catalogue,
            settings.layout.mesh,
            settings.notes,
        )

    def _templates_of(self, stage: int) -> tuple[tuple[int, ...], int]:
        """The template of each kind of task of a stage, see :func:`_kinds_of`, and of what it ends with."""
        settings = self._settings
        pp, vp = settings.parallelism.pp, settings.parallelism.vp
        kinds = _kinds_of(settings.schedule, stage, pp, settings.microbatches, vp)
        # Stages between the first and the last do the same with chunks that are alike.
        key = ("stage", kinds, stage == 0, stage == pp - 1, *self._kind_of[stage::pp])
        if key not in self._of_stages:
            self._of_stages[key] = tuple(
                self._number(kind // 4 // vp, kind // 4 % vp * pp + stage, first=bool(kind & 1), last=bool(kind & 2))
                for kind in kinds
            )
        return self._of_stages[key], self._end(stage)

    def _tasks(self, stage: int, numbers: tuple[int, ...], end: int, firsts: tuple[int, ...]) -> dict[str, Any]:
        """The tasks of one stage as columns, by the templates of their kinds."""
        settings = self._settings
        pp, vp, count = settings.parallelism.pp, settings.parallelism.vp, settings.microbatches
        order = order_of(settings.schedule, stage, pp, count, vp)
        kinds = _kinds(order, count, vp)
        virtual = order.chunk * pp + stage
        template = np.zeros(int(kinds.max()) + 1, dtype=np.int64)
        template[list(_kinds_of(settings.schedule, stage, pp, count, vp))] = numbers
        return {
            "template": np.append(template[kinds], end),
            "stage": np.full(len(virtual) + 1, stage, dtype=np.int64),
            "virtual": np.append(virtual, 0),
            "microbatch": np.append(order.microbatch, NONE),
            "backward": np.append((order.do != Do.FORWARD).astype(np.int64), 0),
            "first_layer": np.append(np.array(firsts, dtype=np.int64)[virtual], 0),
        }

    def _number(self, do: int, virtual: int, *, first: bool, last: bool) -> int:
        """The template of a task, written if it is the first of its kind."""
        settings, chunk = self._settings, self._chunks[virtual]
        pp, stage = settings.parallelism.pp, virtual % settings.parallelism.pp
        forward, backward = do == Do.FORWARD, do == Do.BACKWARD
        key = _Cut(
            do=do,
            chunk=self._kind_of[virtual],
            first=first and forward and self._gathers_ahead,
            last=last and self._completes(do) and self._reduces_beside,
            receives=pp > 1 and ((forward and not chunk.first) or (backward and not chunk.last)),
            sends=pp > 1 and ((forward and not chunk.last) or (backward and not chunk.first)),
            wraps_in=stage == (0 if forward else pp - 1),
            wraps_out=stage == (pp - 1 if forward else 0),
        )
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._templates)
            self._templates.append(self._pass(key, chunk))
        return number

    def _completes(self, do: int) -> bool:
        """True if a task leaves the chunk's gradients complete."""
        return do == (Do.WEIGHTS if self._split else Do.BACKWARD)

    @property
    def _gathers_ahead(self) -> bool:
        settings = self._settings
        return settings.sharding in (Sharding.ZERO1, Sharding.ZERO2) and settings.overlap_parameters

    @property
    def _reduces_beside(self) -> bool:
        return self._settings.overlap_gradients and self._settings.sharding in (Sharding.NONE, Sharding.ZERO1)

    def _pass(self, cut: _Cut, chunk: Chunk) -> Template:
        """The template of a pass over a chunk."""
        settings = self._settings
        forward = cut.do == Do.FORWARD
        writer = TemplateWriter(
            self._catalogue,
            settings.granularity,
            Phase.FORWARD if forward else Phase.BACKWARD,
            _LABELS[Do(cut.do)],
        )
        waits = not settings.overlap_p2p
        if cut.receives:
            # The stage before sends a gradient's counterpart first, too: two that waited for each other's would wait
            # for ever, so activations are received beside the gradient that leaves.
            serial = settings.serial_p2p and not forward
            writer.receive(self._message_bytes, waits=waits and not cut.wraps_in, serial=serial)
            if self._arrivals:
                writer.section("receive", self._arrivals)
        if settings.sharding is Sharding.ZERO3:
            self._sharded(writer, cut, chunk)
        elif cut.first:
            self._gathering(writer, cut, chunk)
        elif cut.last or (settings.sharding is Sharding.ZERO2 and self._completes(cut.do)):
            self._reducing(writer, cut, chunk)
        else:
            for section in self._in_order(cut, chunk, singly=settings.granularity is not Granularity.STAGE):
                self._section(writer, cut, section)
        if cut.sends:
            writer.send(self._message_bytes, waits=waits and not cut.wraps_out)
        return writer.finished()

    def _in_order(self, cut: _Cut, chunk: Chunk, *, singly: bool) -> Sequence[Section]:
        sections = self._singly(cut.chunk, chunk) if singly else chunk.sections
        return sections if cut.do == Do.FORWARD else sections[::-1]

    def _singly(self, kind: int, chunk: Chunk) -> tuple[Section, ...]:
        """A chunk's sections, one per layer; chunks of one kind have the same."""
        if kind not in self._singles:
            self._singles[kind] = tuple(chunk.singly())
        return self._singles[kind]

    def _section(self, writer: TemplateWriter, cut: _Cut, section: Section) -> None:
        writer.section(section.name, self._of_pass(cut.do, section.passes), section.layer, section.count)

    def _of_pass(self, do: int, passes: Module) -> tuple[Piece, ...]:
        if do == Do.FORWARD:
            return passes.forward
        if not self._split:
            return passes.backward
        key = (id(passes), do)
        if key not in self._pieces:
            first, later = split_weights(passes.backward)
            self._pieces[id(passes), Do.BACKWARD], self._pieces[id(passes), Do.WEIGHTS] = first, later
        return self._pieces[key]

    def _held(self, section: Section) -> Held:
        return held(self._settings, section.parameters)

    def _reduced(self, parameters: Held) -> tuple[Collective, ...]:
        """The reduction of gradients, which equal layers have in common."""
        if parameters not in self._reductions:
            self._reductions[parameters] = reduced(self._settings, parameters)
        return self._reductions[parameters]

    def _gathered(self, parameters: Held) -> tuple[Collective, ...]:
        """The gathering of parameters, which equal layers have in common."""
        if parameters not in self._gatherings:
            self._gatherings[parameters] = gathered(self._settings, parameters)
        return self._gatherings[parameters]

    def _buckets(self, cut: _Cut, chunk: Chunk) -> list[tuple[list[Section], Held]]:
        """Sections in the order of a pass, in groups of at least ``bucket_parameters``, and what is held of each."""
        key = cut.chunk, cut.do == Do.FORWARD
        if key not in self._bucketed:
            buckets: list[list[Section]] = [[]]
            filled = 0.0
            for section in self._in_order(cut, chunk, singly=True):
                if filled >= self._settings.bucket_parameters:
                    buckets.append([])
                    filled = 0.0
                buckets[-1].append(section)
                filled += self._held(section).total
            self._bucketed[key] = [
                (_runs(bucket, self._settings.granularity), _sum(self._held(section) for section in bucket))
                for bucket in buckets
            ]
        return self._bucketed[key]

    def _reducing(self, writer: TemplateWriter, cut: _Cut, chunk: Chunk) -> None:
        """A backward pass that hands each bucket of gradients over as it is complete."""
        before: tuple[Collective, ...] = ()
        for sections, parameters in self._buckets(cut, chunk):
            writer.slowed(before, self._settings.beside_share)
            for section in sections:
                self._section(writer, cut, section)
            before = self._reduced(parameters)
            writer.chained(before)

    def _gathering(self, writer: TemplateWriter, cut: _Cut, chunk: Chunk) -> None:
        """A forward pass that waits for each bucket of parameters as it needs it."""
        buckets = self._buckets(cut, chunk)
        gathers = [self._gathered(parameters) for _, parameters in buckets]
        for (sections, _), found, ahead in zip(buckets, gathers, [*gathers[1:], ()], strict=True):
            if found:
                writer.wait_for(writer.chained(found, now=False))
            writer.slowed(ahead, self._settings.beside_share)
            for section in sections:
                self._section(writer, cut, section)

    def _sharded(self, writer: TemplateWriter, cut: _Cut, chunk: Chunk) -> None:
        """A pass whose layers are gathered one ahead of their computation; gradients go home layer by layer."""
        sections = self._in_order(cut, chunk, singly=True)
        completes = self._completes(cut.do)
        ready = writer.chained(self._gathered(self._held(sections[0])))
        for number, section in enumerate(sections):
            writer.wait_for(ready)
            if number + 1 < len(sections):
                ready = writer.chained(self._gathered(self._held(sections[number + 1])))
            self._section(writer, cut, section)
            writer.flush()
            if completes:
                writer.chained(self._reduced(self._held(section)))

    def _end(self, stage: int) -> int:
        """The template of what a stage does once all passes are through."""
        settings = self._settings
        pp, model = settings.parallelism.pp, settings.architecture
        held_by = [self._held_by(number) for number in range(stage, len(self._chunks), pp)]
        of_chunks = [everything for everything, _ in held_by]
        ends = model.tied and pp > 1 and stage in (0, pp - 1)
        layers = _sum(part for _, of_layers in held_by for part in of_layers).total
        key = ("end", tuple(of_chunks), layers, ends)
        if key not in self._numbers:
            self._numbers[key] = len(self._templates)
            self._templates.append(self._end_template(of_chunks, layers, ends=ends))
        return self._numbers[key]

    def _held_by(self, number: int) -> tuple[Held, list[Held]]:
        """What a rank holds of a chunk, and of each of its layers."""
        kind, chunk = self._kind_of[number], self._chunks[number]
        if kind not in self._totals:
            sections = self._singly(kind, chunk)
            each = [self._held(section) for section in sections]
            layers = [held for section, held in zip(sections, each, strict=True) if section.layer != NONE]
            self._totals[kind] = _sum(each), layers
        return self._totals[kind]

    def _end_template(self, of_chunks: Sequence[Held], layers: float, *, ends: bool) -> Template:
        """What is done with the gradients of chunks, of whose parameters ``layers`` are those of layers."""
        settings = self._settings
        reducing = TemplateWriter(self._catalogue, settings.granularity, Phase.OPTIMIZER, "optimizer")
        last: int = Outside.CHAIN
        if settings.sharding in (Sharding.NONE, Sharding.ZERO1) and not settings.overlap_gradients:
            for of_chunk in of_chunks:
                last = reducing.chained(reduced(settings, of_chunk), phase=Phase.BACKWARD)
        reducing.wait_for(last)
        if ends:
            embedding = settings.padded_vocab * settings.architecture.hidden / settings.parallelism.tp
            for part in collective(
                "reduce tied embedding", Kind.ALL_REDUCE, embedding * settings.reduce_bytes, ("pp",), 2
            ):
                reducing.met(part, Meeting.ENDS)
        everything = _sum(of_chunks)
        mine = self._share(everything)
        reducing.computed("gradient norm", _gradient_norm(settings, mine))
        layout = settings.layout
        axes = tuple(name for name, size in zip(layout.mesh.names, layout.mesh.sizes, strict=True) if size > 1)
        # One number, padded so that each rank has one to send: simulators cut an all-reduce into as many parts.
        for part in collective("reduce gradient norm", Kind.ALL_REDUCE, 4 * layout.size(axes), axes, layout.size(axes)):
            reducing.met(part, Meeting.STAGES)
        kept = mine if settings.sharding in (Sharding.ZERO2, Sharding.ZERO3) else everything.total
        # The layers' weights are converted once a step, and kept so for all microbatches.
        converted = quantize(settings, layers)
        reducing.computed("optimizer", (*_optimizer(settings, mine, kept), *converted))
        if settings.sharding in (Sharding.ZERO1, Sharding.ZERO2) and not settings.overlap_parameters:
            for part in gathered(settings, everything):
                reducing.met(part, Meeting.ALONE)
        return reducing.finished()

    def _share(self, parameters: Held) -> float:
        """Parameters that a rank's optimizer updates."""
        settings = self._settings
        if settings.sharding is Sharding.NONE:
            return parameters.total
        layout = settings.layout
        return parameters.dense / layout.size(layout.dp) + parameters.experts / layout.size(layout.edp)


def _kinds(order: Order, microbatches: int, chunks: int) -> NDArray[np.int64]:
    """Tasks by what is done, for which chunk, and whether the microbatch is the first (+1) or the last (+2)."""
    place = np.where(order.microbatch == microbatches - 1, 2, 0) + np.where(order.microbatch == 0, 1, 0)
    return np.asarray((order.do * chunks + order.chunk) * 4 + place)


@functools.lru_cache(maxsize=4096)
def _kinds_of(schedule: Schedule, stage: int, stages: int, microbatches: int, chunks: int) -> tuple[int, ...]:
    """The kinds of task that a stage has, ascending."""
    return tuple(
        np.unique(_kinds(order_of(schedule, stage, stages, microbatches, chunks), microbatches, chunks)).tolist()
    )


def _signature(chunk: Chunk) -> tuple[object, ...]:
    sections = tuple((section.name, id(section.passes), section.layer, section.count) for section in chunk.sections)
    # Embedding and head are made anew for each chunk that has them; there is one of each.
    return tuple(s if s[0] == "layer" else s[0] for s in sections)


def _sum(parts: Iterable[Held]) -> Held:
    total = Held()
    for part in parts:
        total = total + part
    return total


def _runs(sections: Sequence[Section], granularity: Granularity) -> list[Section]:
    """Sections with equal neighbours counted together, where the granularity allows it."""
    if granularity is not Granularity.STAGE:
        return list(sections)
    found: list[Section] = []
    for section in sections:
        if found and found[-1].passes is section.passes:
            found[-1] = attrs.evolve(found[-1], count=found[-1].count + 1)
        else:
            found.append(section)
    return found


def _gradient_norm(settings: Settings, parameters: float) -> Work:
    return sized(settings, "gradient norm", parameters * settings.gradient_bytes, flop=2 * parameters, launches=2)


def _optimizer(settings: Settings, share: float, accumulated: float) -> Work:
    """Adam with fp32 copies: reads gradient, copy and both moments, writes the last three and the parameter.

    Of ``share`` parameters; then the gradients that are accumulated are set to zero.
    """
    width = settings.precision.activation_bytes
    update = sized(settings, "adam", share * (settings.gradient_bytes + 6 * 4 + width), flop=14 * share, launches=4)
    return (*update, *sized(settings, "zero gradients", accumulated * settings.gradient_bytes))
