#!/usr/bin/env python3
"""Writes Fixtures/diff-augment.json: what the published DiffAugment makes of pictures, and the gradient that it sends back.

  python make_diff_augment.py DiffAugment_pytorch.py

The file is that of DiffAugment-stylegan2-pytorch in github.com/mit-han-lab/data-efficient-gans (ratios 0.125 and 0.5). Its random
numbers are kept beside what they did: the uniform ones u of brightness, saturation and contrast, the shifts, the places of the cut.
Made with PyTorch 2.13.0 (+cpu), in float64. Pictures are channels x height x width, flat.
"""
import importlib.util
import json
import os
import sys

import torch

SHAPES = ((3, 6, 9), (1, 8, 5), (2, 3, 16))
POLICIES = ('color', 'translation', 'cutout', 'color,translation,cutout', 'cutout,color')


def main(path):
    spec = importlib.util.spec_from_file_location('published', path)
    published = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(published)
    drawn, plain = [], {'rand': torch.rand, 'randint': torch.randint}

    def keep(name):
        def draw(*arguments, **options):
            found = plain[name](*arguments, **options)
            drawn.append(found.reshape(-1).tolist()[0])
            return found
        return draw
    torch.manual_seed(0)
    cases = []
    for shape in SHAPES:
        for policy in POLICIES:
            for _ in range(1 if ',' in policy else 2):
                x = (torch.randint(-100, 101, (1, *shape)) / 100).double().requires_grad_(True)
                back = (torch.randint(-100, 101, (1, *shape)) / 100).double()
                drawn.clear()
                torch.rand, torch.randint = keep('rand'), keep('randint')
                y = published.DiffAugment(x, policy)
                torch.rand, torch.randint = plain['rand'], plain['randint']
                gradient, = torch.autograd.grad((y * back).sum(), x)
                flat = lambda t: [round(v, 7) for v in t.reshape(-1).tolist()]
                cases.append(dict(
                    shape=shape, policy=policy.split(','), drawn=list(drawn), x=flat(x), y=flat(y), back=flat(back),
                    gradient=flat(gradient)))
    out = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'Fixtures', 'diff-augment.json')
    with open(out, 'w') as file:
        json.dump({'torch': torch.__version__, 'cases': cases}, file, separators=(',', ':'))
    print(f'{out}: {os.path.getsize(out)} bytes, {len(cases)} cases')


if __name__ == '__main__':
    main(sys.argv[1])
