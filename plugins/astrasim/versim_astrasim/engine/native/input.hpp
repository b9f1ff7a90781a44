// What the engine is given, in columns, as Python's ctypes lays it out; see engine/kernel.py for the meaning of each.
#pragma once

#include "network.hpp"

namespace versim {

enum NodeAction : u8 { REPLAY, REPLAY_COMPUTE, SEND_MESSAGE, RECEIVE_MESSAGE, RUN_COLLECTIVE, SKIP };
enum Algorithm { RING_ALGORITHM, DIRECT, HALVING_DOUBLING, DOUBLE_BINARY_TREE };
enum CollectiveKind { ALL_REDUCE, ALL_GATHER, REDUCE_SCATTER, ALL_TO_ALL };
enum Pick { ANY, FIRST_HALF, LAST_HALF };
enum StatisticsClass : u8 { GPU, COMMUNICATION, STATISTICS_CLASSES };

struct Input {
  i64 rank_count;  // simulated ranks
  i64 congestion_aware;
  i64 dimension_count;
  const i64* topology;
  const i64* npus_count;
  const double* bytes_per_ns;
  const double* latency_ns;
  AskWay ask_way;  // of a wired network, else null

  i64 world_size;
  i64 folded_axes;  // 0: every rank is simulated
  const i64* representative;  // (ranks), the rank of the world that each simulated rank is
  const i64* stands_in;       // (world), the simulated rank that stands for each
  const i64* member;          // (world, axes), each rank's index along the folded axes
  const i64* axis_size;       // (axes), outermost first
  const i64* axis_stride;     // (axes)
  const u8* begins_run;       // (ranks, axes), whether an axis' members fire anew from this rank on

  i64 endpoint_delay_ns;
  i64 lane_width;
  i64 queues_per_dimension;
  double local_mem_bytes_per_s;

  const i64* program_of_rank;
  const i64* instance_start;  // (ranks + 1)
  const i64* node_start;      // (programs + 1)
  const u8* action;           // the columns of nodes, program after program
  const u8* slot;
  const u8* statistics_class;
  const i64* duration_ns;
  const i64* peer;
  const i64* tag;
  const i64* size_bytes;
  const i32* collective;
  const u8* contact;  // (nodes), where ranks that one stands for part; null if they never do
  const i32* predecessor_count;
  const i64* successor_start;  // (nodes + 1)
  const i32* successor;

  i64 group_count;
  const i64* member_start;  // (groups + 1)
  const i32* group_member;
  const i64* first_job;

  i64 collective_count;
  const i64* job_count;  // the columns of collectives
  const i64* collective_group;
  const i64* step_start;  // (collectives + 1)
  const i64* step;        // (steps, STEP_FIELDS)
  const i64* exchange;    // (exchanges, EXCHANGE_FIELDS)

  i64* ready_ns;  // (instances), filled in
  i64* start_ns;
  i64* end_ns;
  i64* finish_ns;     // (ranks), filled in
  i64* finish_order;  // (ranks)
  i64* finish_mark;   // (ranks, axes, 2), by order of finishing: run and shift
  i64* gpu_ns;        // (ranks), compute issued
  i64* class_figures; // (ranks, 2, classes): time during which any node is open, and nodes issued
  i64* first_seen;    // (collectives, 4): turn, rank, position, times
};

enum StepField {
  STEP_ALGORITHM,
  STEP_KIND,
  STEP_DIMENSION,
  STEP_PICK,
  STEP_BYTES,
  STEP_MEMBERS,
  STEP_STRIDE,
  STEP_IN_GROUP,
  STEP_WINDOW,
  STEP_TURNS,
  STEP_FIRST_EXCHANGE,
  STEP_EXCHANGES,
  STEP_FIELDS
};
enum ExchangeField { EXCHANGE_DISTANCE, EXCHANGE_BYTES, EXCHANGE_REDUCES, EXCHANGE_FIELDS };

}  // namespace versim
