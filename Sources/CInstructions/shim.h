// Instructions that the kernels need and Swift does not have, or not in the order they are written in.
#ifndef WGANGP_INSTRUCTIONS_H
#define WGANGP_INSTRUCTIONS_H

#pragma clang assume_nonnull begin

/// Asks for the cache line at an address, into the first-level cache. Any address may be given.
static inline __attribute__((always_inline)) void prefetch_near(const void *address) {
  __builtin_prefetch(address, 0, 3);
}

/// Fetches a cache line into the second-level cache.
static inline __attribute__((always_inline)) void prefetch_far(const void *address) {
  __builtin_prefetch(address, 0, 2);
}

/// An address that the compiler does not compute from another: it else walks from row to row, a sum each,
/// where the processor adds a stride to an address as it loads.
static inline __attribute__((always_inline)) const float *unrelated(const float *address) {
  __asm__("" : "+r"(address));
  return address;
}

#ifdef __AVX512F__

// The inner loop of a product, in the order of its source. Left to itself the compiler gathers the
// steps of one sum, each waiting for the one before: right for a core of one's own, a fifth slower
// where another thread has half of the core's registers and queues.

typedef float vector16 __attribute__((ext_vector_type(16)));
typedef float unaligned_vector16 __attribute__((ext_vector_type(16), aligned(4)));

/// 16 values from an address of any alignment.
static inline __attribute__((always_inline)) vector16 load_in_order(const float *address) {
  vector16 result;
  __asm__ volatile("vmovups %1, %0" : "=v"(result) : "m"(*(const unaligned_vector16 *)address));
  return result;
}

/// One value in all lanes.
static inline __attribute__((always_inline)) vector16 broadcast_in_order(const float *address) {
  vector16 result;
  __asm__ volatile("vbroadcastss %1, %0" : "=v"(result) : "m"(*address));
  return result;
}

/// sum + a b, rounded once.
static inline __attribute__((always_inline)) vector16 multiply_add_in_order(
    vector16 sum, vector16 a, vector16 b) {
  __asm__ volatile("vfmadd231ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}

#endif

#pragma clang assume_nonnull end

#endif
