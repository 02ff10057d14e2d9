#!/bin/bash
# Makes the runs, the pictures and the numbers of docs/course/README.md again, and says how long each
# experiment takes. Some five minutes of one core in all; a run takes 4 to 30 s of it.
#
#   docs/course/run.sh                  all of them
#   docs/course/run.sh clipping steps   some of them
#
# RUNS is the folder of the runs (runs/course), PICTURES that of the pictures (docs/course/images),
# PROGRAM the program (.build/release/wgangp-dist). Runs that are done are not made again; remove RUNS
# for that. Numbers are those of the README on any machine: a run has the same bits everywhere.
# Pictures are made smaller where a python3 with Pillow is there (PYTHON).
set -eu
cd "$(dirname "$0")/../.."
program=${PROGRAM:-.build/release/wgangp-dist}
runs=${RUNS:-runs/course}
pictures=${PICTURES:-docs/course/images}
mkdir -p "$runs" "$pictures"

# train NAME CONFIG ITERATIONS KEY=VALUE...
train() {
  "$program" train --continue --run "$runs/$1" --config "configs/$2.yaml" \
    training.iterations="$3" output.checkpointEvery=never output.sampleEvery=never \
    "${@:4}" > "$runs/$1.log" 2>&1 || { tail -n 3 "$runs/$1.log"; return 1; }
  grep -h warning: "$runs/$1.log" | sed "s/^/$1: /" || true
}

# Points of the plane: an eighth of the published width, five times the learning rate.
# plane NAME CONFIG ITERATIONS KEY=VALUE...
plane() {
  train "$1" "toy-$2" "$3" width=8 output.samples=128 \
    optimizer.generator.adam.learningRate=5e-4 optimizer.critic.adam.learningRate=5e-4 "${@:4}"
}

# The same with scores as it goes.
toy() {
  plane "$@" evaluation.every="100 iterations" \
    "evaluation.scores=[modeCoverage, {wasserstein: {samples: 500}}]"
}

# Drawn digits: half the default's width, half its batch.
# glyphs NAME ITERATIONS KEY=VALUE...
glyphs() {
  train "$1" glyphs "$2" width=8 training.batch=32 output.scale=1 output.samples=40 \
    evaluation.every="50 iterations" "evaluation.scores=[diversity, {fid: {network: glyphs}}]" \
    "${@:3}"
}

# Makes a large picture smaller, where a python3 with Pillow is there: 1200 pixels wide, 64 colours.
shrink() {
  "${PYTHON:-python3}" - "$1" 2> /dev/null <<'END' || true
import sys
from PIL import Image
picture = Image.open(sys.argv[1]).convert('RGB')
if picture.width > 1200:
    picture = picture.resize((1200, picture.height * 1200 // picture.width), Image.LANCZOS)
# The crosses' orange and green, and the text's black, are few pixels: they stand beside the most frequent.
palette = picture.quantize(60).getpalette()[:180]
colours = Image.new('P', (1, 1))
colours.putpalette(palette + [230, 80, 0, 240, 160, 110, 0, 120, 60, 110, 170, 140, 0, 0, 0, 255, 255, 255])
picture.quantize(palette=colours, dither=Image.Dither.NONE).save(sys.argv[1], optimize=True)
END
}

# curves PICTURE COLUMNS NAMES RUN...
curves() {
  "$program" plot "${@:4}" --columns "$2" --names "$3" -o "$pictures/$1"
  shrink "$pictures/$1"
}

# grids PICTURE NAMES RUN...
grids() {
  "$program" plot "${@:3}" --grids --names "$2" -o "$pictures/$1"
  shrink "$pictures/$1"
}

# The means of a run's last five scores.
# scores RUN...
scores() {
  local run
  for run in "$@"; do
    echo "$(basename "$run"): $(tail -n 1 "$run/metrics.csv" | cut -d, -f1) iterations," \
      "$(awk -F, 'NR > 1 { s += $NF } END { printf "%.0f", s }' "$run/metrics.csv") s"
    tail -n 5 "$run/evaluation.csv" | awk -F, -v head="$(head -n 1 "$run/evaluation.csv")" '
      { for (i = 3; i < NF; i++) sum[i] += $i }
      END { split(head, names); for (i = 3; i < NF; i++) printf "  %s %.3g", names[i], sum[i] / NR
            print "" }'
  done
}

base() { toy base 8gaussians 2000; }   # WGAN-GP: five critic steps, penalty of weight 0.1

critic() {
  plane critic 8gaussians 1000 training.fixedGenerator=true
  plane critic-roll swissroll 1000 training.fixedGenerator=true
  plane ring ring 1000 evaluation.every=never
  grids critic.png "8 Gaussians,Swiss roll" "$runs"/{critic,critic-roll}
  local radius
  for radius in 0.7 1.7; do
    "$program" sample "$runs/ring" --condition radius=$radius,width=0.1 -o "$pictures/ring-$radius.png"
    shrink "$pictures/ring-$radius.png"
  done
}

steps() {
  base
  toy steps-1 8gaussians 2000 training.criticSteps=1
  toy steps-20 8gaussians 500 training.criticSteps=20
  curves steps.png w_distance,wasserstein,modes_hit "5 steps,1 step,20 steps" \
    "$runs/base" "$runs/steps-1" "$runs/steps-20"
  scores "$runs"/{base,steps-1,steps-20}
}

where() {
  base
  local at
  for at in reals fakes noise; do
    toy at-$at 8gaussians 2000 objective.gradientPenalty.at=$at
  done
  grids where-1.png interpolates,reals "$runs"/{base,at-reals}
  grids where-2.png fakes,noise "$runs"/{at-fakes,at-noise}
  scores "$runs"/{base,at-reals,at-fakes,at-noise}
}

weights() {
  base
  toy weight-10 8gaussians 2000 objective.gradientPenalty.weight=10
  toy weight-100 8gaussians 2000 objective.gradientPenalty.weight=100
  curves weights.png w_distance,wasserstein "weight 0.1,weight 10,weight 100" \
    "$runs"/{base,weight-10,weight-100}
  scores "$runs"/{base,weight-10,weight-100}
}

norm() {
  # A quarter of the default's width and batch; batch norm behind the second and third convolution.
  local quarter=(width=4 training.batch=16)
  glyphs norm-none 300 "${quarter[@]}"
  glyphs norm-batchNorm 300 "${quarter[@]}" "critic.layers=[
    {conv2d: {channels: 8, kernel: 4, stride: 2, padding: 1}}, {leakyReLU: {slope: 0.2}},
    {conv2d: {channels: 16, kernel: 4, stride: 2, padding: 1}}, batchNorm, {leakyReLU: {slope: 0.2}},
    {conv2d: {channels: 32, kernel: 3, stride: 2, padding: 1}}, batchNorm, {leakyReLU: {slope: 0.2}},
    {conv2d: {channels: 1, kernel: 4}}]"
  "$program" plot "$runs"/norm-{none,batchNorm} --columns w_distance,penalty,fid --log \
    --names "no norm,batch norm" -o "$pictures/norm.png"
  shrink "$pictures/norm.png"
  grids norm-samples.png "no norm,batch norm" "$runs"/norm-{none,batchNorm}
  scores "$runs"/norm-{none,batchNorm}
}

collapse() {
  toy 25-wgan-gp 25gaussians 2000
  toy 25-gan 25gaussians 2000 "objective={loss: bce}" training.criticSteps=1
  curves collapse-curves.png modes_hit,wasserstein "WGAN-GP,cross-entropy" \
    "$runs"/{25-wgan-gp,25-gan}
  grids collapse.png "WGAN-GP,cross-entropy" "$runs"/{25-wgan-gp,25-gan}
  scores "$runs"/{25-wgan-gp,25-gan}
}

clipping() {
  local limit
  for limit in 0.01 0.1; do
    plane clip-$limit-critic 8gaussians 1000 training.fixedGenerator=true \
      "objective={weightClip: {limit: $limit}}"
    toy clip-$limit 8gaussians 2000 "objective={weightClip: {limit: $limit}}"
  done
  base
  critic > "$runs/critic.txt"
  grids clipping.png "clipping to 0.01,clipping to 0.1,penalty" \
    "$runs"/{clip-0.01-critic,clip-0.1-critic,critic}
  curves clipping-curves.png w_distance,wasserstein,modes_hit \
    "clipping to 0.01,clipping to 0.1,penalty" "$runs"/{clip-0.01,clip-0.1,base}
  scores "$runs"/{clip-0.01,clip-0.1,base}
}

saturating() {
  local loss steps
  for loss in nonSaturating saturating; do
    for steps in 1 5; do
      glyphs $loss-$steps 400 "objective={loss: bce, generatorLoss: $loss}" \
        training.criticSteps=$steps
    done
  done
  curves saturating.png generator_gradient_norm,fake_probability,fid \
    "non-saturating 1 step,saturating 1 step,non-saturating 5 steps,saturating 5 steps" \
    "$runs"/{nonSaturating-1,saturating-1,nonSaturating-5,saturating-5}
  grids saturating-samples.png \
    "non-saturating 1,saturating 1,non-saturating 5,saturating 5" \
    "$runs"/{nonSaturating-1,saturating-1,nonSaturating-5,saturating-5}
  scores "$runs"/{nonSaturating-1,saturating-1,nonSaturating-5,saturating-5}
}

gan() {   # cross-entropy, one critic step: the same run as nonSaturating-1
  glyphs nonSaturating-1 400 "objective={loss: bce, generatorLoss: nonSaturating}" \
    training.criticSteps=1
}

smoothing() {
  gan
  glyphs smooth 400 "objective={loss: bce, labelSmoothing: {real: [0.9, 0.9]}}" \
    training.criticSteps=1
  curves smoothing.png real_probability,fake_probability,fid "targets 1,targets 0.9" \
    "$runs"/{nonSaturating-1,smooth}
  grids smoothing-samples.png "targets 1,targets 0.9" "$runs"/{nonSaturating-1,smooth}
  scores "$runs"/{nonSaturating-1,smooth}
}

balance() {
  gan
  local rate
  for rate in 5e-5 5e-3; do
    glyphs gan-$rate 400 "objective={loss: bce}" training.criticSteps=1 \
      optimizer.critic.adam.learningRate=$rate
  done
  curves balance.png real_probability,fake_probability,fid "a tenth,equal,ten times" \
    "$runs"/{gan-5e-5,nonSaturating-1,gan-5e-3}
  grids balance-samples.png "a tenth,equal,ten times" "$runs"/{gan-5e-5,nonSaturating-1,gan-5e-3}
  scores "$runs"/{gan-5e-5,nonSaturating-1,gan-5e-3}
}

for experiment in "${@:-critic steps where weights norm collapse clipping saturating smoothing balance}"; do
  for name in $experiment; do
    start=$SECONDS
    echo "== $name"
    "$name"
    echo "== $name: $((SECONDS - start)) s"
  done
done
