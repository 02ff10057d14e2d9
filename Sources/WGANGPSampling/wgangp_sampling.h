/* Samples of a trained generator, from any language that calls C: libWGANGPSampling.so.
 *
 *   char why[512];
 *   void *generator = wgangp_open("runs/glyphs", why, sizeof why);
 *   if (!generator) { fprintf(stderr, "%s\n", why); exit(1); }
 *   float *samples = malloc(100 * wgangp_sample_size(generator) * sizeof(float));
 *   wgangp_sample(generator, 100, 7, -1, NULL, samples, why, sizeof why);
 *   wgangp_close(generator);
 *
 * Sample i is a function of the seed and i, with the bits of `wgangp-dist sample --format npy`.
 * A generator is for one thread at a time. Examples/sample.py calls these by ctypes.
 */
#ifndef WGANGP_SAMPLING_H
#define WGANGP_SAMPLING_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Opens a run's folder (its newest whole checkpoint) or a checkpoint's.
 * Returns NULL where it cannot, with the reason in `error`, ended by a zero. */
void *wgangp_open(const char *path, char *error, ptrdiff_t error_size);

/* Numbers of one sample. */
ptrdiff_t wgangp_sample_size(void *generator);

/* The sizes of one sample, channels first, at most `most` of them; returns how many there are. */
ptrdiff_t wgangp_sample_shape(void *generator, ptrdiff_t *sizes, ptrdiff_t most);

/* Numbers that a sample is conditioned on, and classes it can be of; 0 for none. */
ptrdiff_t wgangp_condition_count(void *generator);
ptrdiff_t wgangp_class_count(void *generator);

/* Draws `count` samples into `output`, count x wgangp_sample_size floats in the units of the data.
 *
 * label: the class of all samples; below 0 for all classes in turn, or none.
 * condition: wgangp_condition_count numbers in the units of the data, for all samples; NULL for
 *   those of the data.
 * Returns 0, else 1 with the reason in `error`. */
int wgangp_sample(void *generator, ptrdiff_t count, uint64_t seed, ptrdiff_t label,
                  const double *condition, float *output, char *error, ptrdiff_t error_size);

/* Frees what wgangp_open has made. */
void wgangp_close(void *generator);

#ifdef __cplusplus
}
#endif

#endif
