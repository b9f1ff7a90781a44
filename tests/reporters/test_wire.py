"""Rows of bytes: parsed with the protocol's own classes, they say what was written."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import (
    DebugAnnotation,
    Trace,
    TracePacket,
)
from versim_reporters.wire import fixed64, merged, message, numbers, rows_of, varint, varints

whole = st.integers(0, 2**63 - 1)


@given(value=whole)
def test_a_number_is_as_short_as_the_protocol_writes_it(value: int) -> None:
    """The same bytes as the official encoder's."""
    field = DebugAnnotation.DESCRIPTOR.fields_by_name["int_value"].number
    assert DebugAnnotation(int_value=value).SerializeToString() == varint(field << 3) + varint(value)


@given(values=st.lists(whole, min_size=1, max_size=20))
def test_a_column_is_read_as_it_was_written_whatever_it_is_filled_up_to(values: list[int]) -> None:
    """A parser takes a number that has more bytes than it needs."""
    field = DebugAnnotation.DESCRIPTOR.fields_by_name["int_value"].number
    for value, row in zip(values, varints(np.array(values)), strict=True):
        parsed = DebugAnnotation()
        parsed.ParseFromString(varint(field << 3) + row.tobytes())
        assert parsed.int_value == value


@given(times=st.lists(whole, max_size=20), flows=st.lists(whole, max_size=20))
def test_rows_of_two_shapes_come_in_the_order_of_their_positions(times: list[int], flows: list[int]) -> None:
    """Packets of one kind between those of another."""
    trace_packet = Trace.DESCRIPTOR.fields_by_name["packet"].number
    packet = {name: field.number for name, field in TracePacket.DESCRIPTOR.fields_by_name.items()}
    event = TracePacket().track_event.DESCRIPTOR.fields_by_name
    positions = np.arange(len(times) + len(flows))
    timed = [*message(trace_packet, numbers(packet["timestamp"], np.array(times, dtype=np.int64)))]
    inner = [*message(packet["track_event"], fixed64(event["flow_ids"].number, np.array(flows, dtype=np.int64)))]
    flowing = [*message(trace_packet, inner)]
    # Every second place to the second shape, as far as there are enough of both.
    second = positions[1 : 2 * len(flows) : 2][: len(flows)]
    rest = np.setdiff1d(positions, second)
    second = np.sort(np.concatenate([second, rest[: len(flows) - len(second)]]))
    first = np.setdiff1d(positions, second)
    content = merged([(first, rows_of(timed, len(times))), (second, rows_of(flowing, len(flows)))])
    trace = Trace()
    trace.ParseFromString(content)
    found = [p.track_event.flow_ids[0] if p.HasField("track_event") else -1 for p in trace.packet]
    assert [found[at] for at in second.tolist()] == flows
    assert [trace.packet[at].timestamp for at in first.tolist()] == times
