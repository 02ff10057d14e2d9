// The most GFLOP/s that one core does by fused multiply-adds, with AVX2 and with AVX-512 registers: ten independent chains in
// registers, no memory. C, because its intrinsics name the instruction. Used by profile.sh.
#include <immintrin.h>
#include <stdio.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + 1e-9 * t.tv_nsec;
}

#define CHAINS 10
#define RUN(TYPE, LANES, SET, FMA, STORE)                                        \
  TYPE x[CHAINS], a = SET(0.999f), b = SET(0.001f);                              \
  for (int i = 0; i < CHAINS; i++) x[i] = SET((float)i);                         \
  double best = 0;                                                               \
  for (int repetition = 0; repetition < 20; repetition++) {                      \
    double begin = now();                                                        \
    for (long n = 0; n < 2000000; n++) {                                         \
      _Pragma("GCC unroll 10") for (int i = 0; i < CHAINS; i++) x[i] = FMA(x[i], a, b); \
    }                                                                            \
    double rate = 2e-9 * 2000000.0 * CHAINS * LANES / (now() - begin);           \
    if (rate > best) best = rate;                                                \
  }                                                                              \
  float out[LANES];                                                              \
  for (int i = 1; i < CHAINS; i++) x[0] = FMA(x[i], a, x[0]);                    \
  STORE(out, x[0]);                                                              \
  volatile float sink = out[0]; /* or the loop would not be run */               \
  (void)sink;                                                                    \
  return best;

__attribute__((target("avx2,fma"))) static double avx2(void) {
  RUN(__m256, 8, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_storeu_ps)
}

__attribute__((target("avx512f"))) static double avx512(void) {
  RUN(__m512, 16, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_storeu_ps)
}

int main(void) {
  printf("{\"avx2\": %.1f", __builtin_cpu_supports("avx2") ? avx2() : 0);
  if (__builtin_cpu_supports("avx512f")) printf(", \"avx512\": %.1f", avx512());
  printf("}\n");
}
