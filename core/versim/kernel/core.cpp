// Core's part of the kernel: schedules, orders and longest paths; see versim/kernel/*.py.
extern "C" {
const char* versim_core_digest() { return VERSIM_PART_DIGEST; }
}
