#!/bin/bash
# script/demo on a machine without a network, twice: it makes what it promises, and the second time
# neither installs nor builds. Few steps: what the network learns is tested elsewhere.
set -euo pipefail
cd "$(dirname "$0")/.."
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
# What a user set for the command must not reach the tests.
for name in "${!DECONVNET_@}"; do
    [ "$name" = DECONVNET_PEERS ] || unset "$name"
done
export XDG_CACHE_HOME="$place/cache" TERM=xterm
out=$place/run

fail() {
    cat "$place/log"
    echo "test/demo.sh: $1"
    exit 1
}
demo() {
    script/demo --offline --out "$out" "$@" >"$place/log" 2>&1 </dev/null || fail "exit code $?"
}

demo --steps 200
for file in strips.png report.html model.safetensors atlas/index.html atlas/atlas.json; do
    [ -s "$out/$file" ] || fail "$file is missing"
done
compgen -G "$out/events.out.tfevents.*" >/dev/null || fail "the event file is missing"
[ "$(head -c 8 "$out/strips.png" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] ||
    fail "strips.png is not a PNG"
[ -d cifar10_data/cifar-10-batches-bin ] || [ "$(grep -c 'using Fashion-MNIST' "$place/log")" = 1 ] ||
    fail "it does not say in one line that it uses Fashion-MNIST"
grep -q $'\e\[' "$place/log" || fail "no strip is shown in the terminal"
tail -n 4 "$place/log" | sed -n 1p | grep -q "^picture: .*strips.png" || fail "where is the picture?"
tail -n 4 "$place/log" | sed -n 2p | grep -q "$out/atlas/index.html" || fail "where is the atlas?"
[ "$(grep -o '"name":' "$out/atlas/atlas.json" | wc -l)" -ge 3 ] || fail "the atlas has no layers"
tail -n 4 "$place/log" | sed -n 3p | grep -q "tensorboard --logdir $out --samples_per_plugin images=100" ||
    fail "how does TensorBoard open it?"
tail -n 4 "$place/log" | sed -n 4p | grep -q "deconvnet show --model" || fail "what to try next?"

stamp=$(stat -c %Y build/release/deconvnet)
demo --steps 10
grep -q 'packages.*are installed' "$place/log" || fail "the second run installed something"
grep -q 'is up to date' "$place/log" || fail "the second run built something"
[ "$(stat -c %Y build/release/deconvnet)" = "$stamp" ] || fail "the second run changed the command"
cat "$place/log"
