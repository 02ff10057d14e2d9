#!/bin/bash
# Makes the pictures of README.md and docs again from the code as it is, and says how long each takes.
#
#   docs/make-pictures.sh --list        names, their files, and what they took
#   docs/make-pictures.sh               the quick ones: a minute or two each
#   docs/make-pictures.sh all           all that need no network or PyTorch: some three hours
#   docs/make-pictures.sh glyphs norm   some of them
#
# DATA is a folder with mnist and cifar-10 (data), RUNS that of the runs (runs/pictures), PICTURES that
# of the pictures (docs/images), PROGRAM the program (.build/release/wgangp-dist); LAUNCHER what starts
# it, such as "mpirun -n 2". Runs that are done are not made again. A picture made by another version
# of the code differs in last bits, and, where training is chaotic, in all.
set -eu
cd "$(dirname "$0")/.."
program=${PROGRAM:-.build/release/wgangp-dist}
runs=${RUNS:-runs/pictures}
pictures=${PICTURES:-docs/images}
data=${DATA:-data}
read -ra launcher <<< "${LAUNCHER:-}"
mnist=(data.path="$data/mnist" data.split=test)
cifar=(data.path="$data/cifar-10/data_batch_1.bin")
fast=(optimizer.generator.adam.learningRate=5e-4 optimizer.critic.adam.learningRate=5e-4)

# train NAME CONFIG KEY=VALUE...: the run NAME, and its newest picture under that name.
train() {
  "${launcher[@]}" "$program" train --continue --run "$runs/$1" --config "configs/$2.yaml" "${@:3}" \
    > "$runs/$1.log" 2>&1 || { tail -n 3 "$runs/$1.log"; return 1; }
}

# newest NAME FILE: the run's own last picture.
newest() {
  local last
  last=$(find "$runs/$1/samples" -name 'epoch-*' -o -name 'iteration-*' | sort | tail -n 1)
  cp "$last" "$pictures/$2"
}

# reals NAME FILE OPTION...: reals beside samples.
reals() { "$program" sample "$runs/$1" --reals "${@:3}" -o "$pictures/$2"; }

# grid NAME FILE OPTION...
grid() { "$program" sample "$runs/$1" "${@:3}" -o "$pictures/$2"; }

# README.md
glyphs() {
  # Neither scores nor event files change the samples.
  train glyphs glyphs output.tensorboard=true "evaluation.every=20 iterations" \
    "evaluation.scores=[diversity, {fid: {network: glyphs}}]"
  newest glyphs glyphs.png
}

# docs/commands.md: the same run, in a browser.
pages() {
  glyphs
  docs/screenshot.py "$runs/glyphs/report.html" "$pictures/report.png" --size 1100x1880 --then '
    const curve = document.querySelectorAll(".curve")[2]
    curve.focus()
    const key = name => curve.dispatchEvent(new KeyboardEvent("keydown", {key: name, bubbles: true}))
    key("Home")
    for (let i = 1; i < 60; i++) key("ArrowRight")
    curve.querySelector(".readout").textContent'
  local server port=6106
  "${TENSORBOARD:-tensorboard}" --logdir "$runs" --port $port > "$runs/tensorboard.log" 2>&1 &
  server=$!
  until grep -q "localhost:$port" "$runs/tensorboard.log"; do
    kill -0 $server || { cat "$runs/tensorboard.log"; return 1; }
    sleep 0.5
  done
  docs/screenshot.py \
    "http://localhost:$port/?tagFilter=samples|_distance|penalty|_loss|gradient|fid|diversity" \
    "$pictures/tensorboard.png" --size 1400x1180 --first '
      localStorage.setItem("_tb_global_settings", JSON.stringify({
        scalarSmoothing: 0, ignoreOutliers: false, timeSeriesSettingsPaneOpened: false,
        stepSelectorEnabled: false}))' --then '
      new Promise(taken => setTimeout(() => taken(document.title), 10000))'
  kill $server
}

# docs/batch-norm-in-the-critic.md
batch-norm() {
  local common=("${mnist[@]}" training.iterations=320 "output.sampleEvery=80 iterations" output.scale=2)
  train published fashion-mnist-wgan-gp "${common[@]}"
  train no-norm fashion-mnist-wgan-gp-no-critic-norm "${common[@]}"
  newest published mnist-published.png
  newest no-norm mnist-no-critic-norm.png
  cp "$runs/published/curves.png" "$pictures/mnist-published-curves.png"
  cp "$runs/no-norm/curves.png" "$pictures/mnist-no-critic-norm-curves.png"
}

# docs/systems.md, in its order
small=("${mnist[@]}" width=8 training.batch=64 training.iterations=400)
course() {
  local file=fashion-mnist-wgan-gp-no-critic-norm names="weight 10,weight 100,1 critic step"
  train none $file "${small[@]}"
  train none-100 $file "${small[@]}" objective.gradientPenalty.weight=100
  train one-step $file "${small[@]}" training.criticSteps=1
  "$program" plot "$runs"/{none,none-100,one-step} --columns w_distance,penalty --names "$names" \
    --log -o "$pictures/systems/course-curves.png"
  "$program" plot "$runs"/{none,none-100,one-step} --grids --names "$names" \
    -o "$pictures/systems/course-grids.png"
}
norm() {
  local names="batch norm,layer norm,instance norm,none"
  train none fashion-mnist-wgan-gp-no-critic-norm "${small[@]}"
  train batch fashion-mnist-wgan-gp "${small[@]}"
  train layer fashion-mnist-wgan-gp-critic-layer-norm "${small[@]}"
  train instance fashion-mnist-wgan-gp-critic-instance-norm "${small[@]}"
  "$program" plot "$runs"/{batch,layer,instance,none} --columns w_distance,penalty --names "$names" \
    --log -o "$pictures/systems/norm-curves.png"
  "$program" plot "$runs"/{batch,layer,instance,none} --grids --names "$names" \
    -o "$pictures/systems/norm-grids.png"
}
mlp() {
  train mlp mnist-mlp-gan "${mnist[@]}" training.iterations=6000 output.scale=2
  newest mlp systems/mnist-mlp-gan.png
}
mlp-keras() {
  train mlp-keras mnist-mlp-gan-keras "${mnist[@]}" training.iterations=1500 output.scale=2
  newest mlp-keras systems/mnist-mlp-gan-keras.png
}
mlp-keras-two() {
  train mlp-keras-two mnist-mlp-gan-keras-two-critic-steps "${mnist[@]}" width=32 training.iterations=1616
  reals mlp-keras-two systems/mnist-mlp-gan-keras-two-critic-steps.png
}
mlp-penalty() {
  local common=("${mnist[@]}" width=32 training.iterations=4000 output.samples=40)
  train tenth mnist-mlp-gan-gradient-penalty "${common[@]}"
  train ten mnist-mlp-gan-gradient-penalty "${common[@]}" objective.gradientPenalty.weight=10
  "$program" plot "$runs"/{tenth,ten} --grids --names "weight 0.1,weight 10" \
    -o "$pictures/systems/mnist-mlp-gan-gradient-penalty.png"
}
dcgan() {
  train dcgan mnist-dcgan "${mnist[@]}" width=16 training.iterations=500
  reals dcgan systems/mnist-dcgan.png
}
dcgan-conditional() {
  train dcgan-conditional mnist-dcgan-conditional "${mnist[@]}" width=16 training.iterations=800
  newest dcgan-conditional systems/mnist-dcgan-conditional.png
}
dcgan-matching() {
  train dcgan-matching mnist-dcgan-feature-matching "${mnist[@]}" width=16 training.batch=64 \
    training.iterations=700
  reals dcgan-matching systems/mnist-dcgan-feature-matching.png
}
clip() {
  train clip mnist-wgan-clip "${mnist[@]}" width=16 training.iterations=300
  reals clip systems/mnist-wgan-clip.png
}
toys() {
  local common=(width=16 "${fast[@]}" training.generatorAverage.decay=0.99)
  train gaussians8 toy-8gaussians "${common[@]}" training.iterations=3000
  train gaussians25 toy-25gaussians "${common[@]}" training.iterations=4000
  newest gaussians8 systems/toy-8gaussians.png
  newest gaussians25 systems/toy-25gaussians.png
}
swissroll() {
  train swissroll toy-swissroll training.iterations=400
  newest swissroll systems/toy-swissroll.png
}
mnist5x5() {
  train mnist5x5 mnist-wgan-gp data.source=idx "${mnist[@]}" width=16 training.iterations=600 \
    "${fast[@]}" output.samples=64 output.columns=8
  reals mnist5x5 systems/mnist-wgan-gp.png
}
mnist5x5-paddlescience() {
  train mnist5x5-paddlescience mnist-wgan-gp-paddlescience data.source=idx "${mnist[@]}" width=16 \
    training.batch=50 training.iterations=400 "${fast[@]}" output.scale=2
  newest mnist5x5-paddlescience systems/mnist-wgan-gp-paddlescience.png
}
resnet() {
  train resnet cifar10-wgan-gp-resnet "${cifar[@]}" "${fast[@]}" width=32 training.batch=16 \
    training.generatorAverage.decay=0.99 training.iterations=1407
  grid resnet systems/cifar10-wgan-gp-resnet.png --scale 2 --count 40
}
resnet-paddlescience() {
  train resnet-paddlescience cifar10-wgan-gp-resnet-paddlescience "${cifar[@]}" "${fast[@]}" width=32 \
    training.batch=16 training.generatorAverage.decay=0.99 training.iterations=264
  grid resnet-paddlescience systems/cifar10-wgan-gp-resnet-paddlescience.png --scale 2 --count 40
}
beside=(--scale 2 --count 20 --columns 5)
cifar-wgan-gp() {
  train cifar-wgan-gp cifar10-wgan-gp-dcgan "${cifar[@]}" "${fast[@]}" width=16 training.batch=32 \
    training.iterations=800
  reals cifar-wgan-gp systems/cifar10-wgan-gp-dcgan.png "${beside[@]}"
}
cifar-clip() {
  train cifar-clip cifar10-wgan-clip-dcgan "${cifar[@]}" width=16 training.batch=32 \
    training.iterations=575 optimizer.generator.rmsprop.learningRate=5e-4 \
    optimizer.critic.rmsprop.learningRate=5e-4
  reals cifar-clip systems/cifar10-wgan-clip-dcgan.png "${beside[@]}"
}
cifar-dcgan() {
  train cifar-dcgan cifar10-dcgan "${cifar[@]}" width=32 training.iterations=1600
  reals cifar-dcgan systems/cifar10-dcgan.png "${beside[@]}"
}

# docs/evaluation.md
resnet-hour() {
  local classifier=$runs/cifar10-classifier.yaml adam
  adam="{learningRate: 4.0e-4, beta1: 0, beta2: 0.9, learningRateSchedule: {linear: {steps: 6000}}}"
  [[ -f $classifier ]] || "${launcher[@]}" "$program" evaluate train-classifier --quiet \
    --config configs/classifiers/cifar10.yaml "${cifar[@]}" -o "$classifier"
  train resnet-hour cifar10-wgan-gp-resnet "${cifar[@]}" data.augment.flip=true width=32 \
    training.iterations=6000 training.generatorAverage.decay=0.999 \
    "optimizer.generator.adam=$adam" "optimizer.critic.adam=$adam" \
    "evaluation={every: 500 iterations, samples: 2000, statistics: standing, scores: [diversity,
      {fid: {network: $classifier}}, {prdc: {network: $classifier}},
      {inceptionScore: {network: $classifier}}]}"
  "$program" plot "$runs/resnet-hour" --columns fid,inception_score,precision,recall,w_distance \
    -o "$pictures/cifar10-resnet-curves.png"
  grid resnet-hour cifar10-resnet.png --count 100 --scale 2 --statistics standing
}

# Those of the course: docs/course/run.sh, which says itself how long each takes.
lessons() { PICTURES=docs/course/images RUNS="$runs/course" docs/course/run.sh; }

# Name, minutes of one core, files; the rest of the pictures is below.
table="
glyphs                  1    glyphs.png (README.md)
pages                   2    report.png, tensorboard.png (docs/commands.md); Chromium, TensorBoard
mlp-keras               1    systems/mnist-mlp-gan-keras.png
mlp                     2    systems/mnist-mlp-gan.png
toys                    2    systems/toy-8gaussians.png, toy-25gaussians.png
course                  3    systems/course-curves.png, course-grids.png
norm                    3    systems/norm-curves.png, norm-grids.png
mlp-keras-two           3    systems/mnist-mlp-gan-keras-two-critic-steps.png
dcgan                   3    systems/mnist-dcgan.png
clip                    3    systems/mnist-wgan-clip.png
swissroll               3    systems/toy-swissroll.png
mnist5x5-paddlescience  3    systems/mnist-wgan-gp-paddlescience.png
mlp-penalty             4    systems/mnist-mlp-gan-gradient-penalty.png
dcgan-matching          4    systems/mnist-dcgan-feature-matching.png
cifar-clip              4    systems/cifar10-wgan-clip-dcgan.png
cifar-wgan-gp           4    systems/cifar10-wgan-gp-dcgan.png
dcgan-conditional       5    systems/mnist-dcgan-conditional.png
mnist5x5                5    systems/mnist-wgan-gp.png
resnet-paddlescience    7    systems/cifar10-wgan-gp-resnet-paddlescience.png
cifar-dcgan            10    systems/cifar10-dcgan.png
batch-norm             13    mnist-published.png, -curves.png, mnist-no-critic-norm.png, -curves.png
lessons                15    docs/course/images
resnet                 32    systems/cifar10-wgan-gp-resnet.png
resnet-hour            69    cifar10-resnet.png, cifar10-resnet-curves.png (docs/evaluation.md)
"
others="Made by other scripts: docs/soak.svg by Tests/faults/soak.py; benchmarks/results/scaling*.png by
benchmarks/scaling.py; benchmarks/results/study*.png by benchmarks/study.py, which needs PyTorch."

case "${1:-}" in
  --list) echo "name                minutes    files in docs/images$table$others"; exit ;;
  all) mapfile -t names < <(awk 'NF && !/Chromium/ { print $1 }' <<< "$table") ;;
  # Those that need nothing else.
  "") mapfile -t names < <(awk 'NF && $2 <= 3 && !/Chromium/ { print $1 }' <<< "$table") ;;
  *) names=("$@") ;;
esac
mkdir -p "$runs" "$pictures/systems"
for name in "${names[@]}"; do
  grep -q "^$name " <<< "$table" || { echo "no picture '$name': see --list"; exit 1; }
  start=$SECONDS
  "$name"
  echo "$name: $((SECONDS - start)) s"
done
