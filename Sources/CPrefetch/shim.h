// The one instruction that the kernels need and Swift does not have.
#ifndef WGANGP_PREFETCH_H
#define WGANGP_PREFETCH_H

/// Asks for the cache line at an address, into the first-level cache. Any address may be given.
static inline __attribute__((always_inline)) void prefetch_near(const void *address) {
  __builtin_prefetch(address, 0, 3);
}

/// The same, into the second-level cache.
static inline __attribute__((always_inline)) void prefetch_far(const void *address) {
  __builtin_prefetch(address, 0, 2);
}

#endif
