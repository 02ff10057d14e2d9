#!/usr/bin/env python3
"""Draws samples of a run from Python, by the C functions of libWGANGPSampling.so and nothing else.

  swift build -c release --product WGANGPSampling
  Examples/sample.py runs/glyphs --count 8 --seed 7 -o samples.f32

Writes float32 numbers, samples one behind the other, and prints their shape. `wgangp-dist sample
--format npy` writes the same bits.
"""
import argparse
import array
import ctypes
import pathlib
import sys

LIBRARY = pathlib.Path(__file__).resolve().parents[1] / '.build/release/libWGANGPSampling.so'


class Generator:
    def __init__(self, path, library=LIBRARY):
        self.library = ctypes.CDLL(str(library))
        self.library.wgangp_open.restype = ctypes.c_void_p
        for name in ('wgangp_sample_size', 'wgangp_sample_shape', 'wgangp_condition_count', 'wgangp_class_count'):
            getattr(self.library, name).restype = ctypes.c_ssize_t
        self.why = ctypes.create_string_buffer(512)
        self.handle = ctypes.c_void_p(self.library.wgangp_open(path.encode(), self.why, ctypes.c_ssize_t(512)))
        if not self.handle:
            raise OSError(self.why.value.decode())

    @property
    def shape(self):
        sizes = (ctypes.c_ssize_t * 8)()
        count = self.library.wgangp_sample_shape(self.handle, sizes, ctypes.c_ssize_t(8))
        return tuple(sizes[:count])

    def samples(self, count, seed=0, label=-1, condition=None):
        """count x shape numbers, one behind the other."""
        size = self.library.wgangp_sample_size(self.handle)
        output = (ctypes.c_float * (count * size))()
        numbers = (ctypes.c_double * len(condition))(*condition) if condition else None
        status = self.library.wgangp_sample(
            self.handle, ctypes.c_ssize_t(count), ctypes.c_uint64(seed), ctypes.c_ssize_t(label), numbers, output, self.why,
            ctypes.c_ssize_t(512))
        if status:
            raise ValueError(self.why.value.decode())
        return array.array('f', output)

    def close(self):
        self.library.wgangp_close(self.handle)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('run', help="a run's folder, or a checkpoint's")
    parser.add_argument('--count', type=int, default=16)
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--label', type=int, default=-1, help='the class of all samples')
    parser.add_argument('--condition', type=float, nargs='*', help='in the units of the data')
    parser.add_argument('--library', default=LIBRARY)
    parser.add_argument('-o', '--output', default='samples.f32')
    options = parser.parse_args()
    try:
        generator = Generator(options.run, options.library)
        samples = generator.samples(options.count, options.seed, options.label, options.condition)
    except (OSError, ValueError) as error:
        sys.exit(f'sample.py: {error}')
    with open(options.output, 'wb') as file:
        samples.tofile(file)
    print(options.output, 'x'.join(map(str, (options.count, *generator.shape))))
    generator.close()


if __name__ == '__main__':
    main()
