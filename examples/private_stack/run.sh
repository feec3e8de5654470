#!/bin/bash
# The life of a private Sigstore: made with a witness, signed against by three clients, killed under load, started again,
# checked byte for byte, rotated; and a monitor that looks at all of it.
#
#   bash examples/private_stack/run.sh
#
# SEALMARK is the program (default: built here). SEALMARK_PEERS names a folder with venv/bin/sigstore and
# node/node_modules/@sigstore, as tests/run installs them; a client that is not there is left out.
set -euo pipefail
cd "$(dirname "$0")/../.."

if [ -z "${SEALMARK:-}" ]; then
    cargo build --quiet --locked
    SEALMARK=${CARGO_TARGET_DIR:-$PWD/target}/debug/sealmark
fi
peers=${SEALMARK_PEERS:-${CARGO_TARGET_DIR:-$PWD/target}/peers}
python=$peers/venv/bin/sigstore
node=$peers/node/node_modules/node/bin/node
export NODE_MODULES_OF=$peers/node
js=$PWD/tests/interop/peer.cjs

work=$(mktemp -d)
processes=()
trap 'for pid in "${processes[@]}"; do kill "$pid" 2>/dev/null || :; done; rm -rf "$work"' EXIT
cd "$work"

say() { printf '\n== %s\n' "$*"; }
run() {
    printf '$ %s\n' "$*" | sed "s#$SEALMARK#sealmark#"
    "$@"
}
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
up() {
    "$SEALMARK" stack up ./stack >up.out 2>>up.log &
    stack=$!
    processes+=("$stack")
    for _ in $(seq 300); do
        "$SEALMARK" stack status ./stack >status.out 2>&1 && return
        sleep 0.1
    done
    tail -3 up.log
    return 1
}
witness_up() {
    "$SEALMARK" stack witness up ./witness >witness.out 2>>witness.log &
    witness=$!
    processes+=("$witness")
    sleep 1
}
token() { "$SEALMARK" stack token ./stack --kind email --set email=me@example.com >token.jwt; }
# The monitor watches for me, and knows what I signed by my ledger.
monitor() {
    run "$SEALMARK" monitor --stack ./stack --state ./watched --from start --once \
        --identity me@example.com --ledger signed.jsonl "$@"
}

say "a witness, and a stack whose log needs it"
run "$SEALMARK" stack witness init ./witness --name witness.example --listen "127.0.0.1:$(free_port)" >witness.key
cat witness.key
key=$(tail -1 witness.key)
listen=$(python3 -c 'import json; print(json.load(open("witness/witness.json"))["listen"])')
run "$SEALMARK" stack init ./stack --listen "127.0.0.1:$(free_port)" --witness "http://$listen=$key"
run "$SEALMARK" stack witness watch ./witness --stack ./stack
witness_up
up
url=$(python3 -c 'import json; print(json.load(open("stack/stack.json"))["url"])')
touch signed.jsonl

say "three clients sign"
echo "the artifact" >artifact
token
run "$SEALMARK" sign blob artifact --stack ./stack --identity-token-file token.jwt --ledger signed.jsonl
monitor
others=0
if [ -x "$python" ]; then
    "$python" --trust-config stack/client_trust_config.json sign --identity-token "$(cat token.jwt)" \
        --bundle python.json artifact >/dev/null 2>python.log
    echo "sigstore-python has signed"
    others=$((others + 1))
else
    echo "left out: sigstore-python is not installed"
fi
if [ -x "$node" ]; then
    "$node" "$js" sign blob stack/client_trust_config.json "$(cat token.jwt)" artifact js.json >/dev/null 2>js.log
    echo "sigstore-js has signed"
    others=$((others + 1))
else
    echo "left out: sigstore-js is not installed"
fi
for bundle in artifact.sigstore.json python.json js.json; do
    [ -f "$bundle" ] || continue
    run "$SEALMARK" verify blob artifact --bundle "$bundle" --stack ./stack --identity me@example.com --issuer "$url" |
        sed -n 1,2p
done

say "the others did not write into my ledger: the monitor finds their entries"
code=0
monitor || code=$?
[ "$code" = "$((others > 0 ? 1 : 0))" ]

say "a policy that counts the witness"
cat >policy.yaml <<YAML
version: 1
witnesses: ['$key']
rules:
  - identity: me@example.com
    issuer: $url
    witnesses: 1
YAML
run "$SEALMARK" verify blob artifact --stack ./stack --policy policy.yaml | sed -n 1,2p

say "kill -9 under load, three times"
for round in 1 2 3; do
    mkdir -p "load$round"
    for n in $(seq 120); do echo "$round $n" >"load$round/$n"; done
    token
    "$SEALMARK" sign blob "load$round/*" --stack ./stack --identity-token-file token.jwt --ledger signed.jsonl \
        --retry-budget 2s --timeout 2s >/dev/null 2>&1 &
    load=$!
    sleep 0.7
    kill -9 "$stack"
    wait "$stack" 2>/dev/null || :
    wait "$load" || :
    up
    echo "killed under load: $(find "load$round" -name '*.sigstore.json' | wc -l) of 120 had been promised, and the stack is up again"
    for bundle in "load$round"/*.sigstore.json; do
        [ -f "$bundle" ] || continue
        "$SEALMARK" verify blob "${bundle%.sigstore.json}" --stack ./stack --policy policy.yaml >/dev/null
    done
done
grep -E '^log rekor|rekor' status.out

say "every byte of the logs"
run "$SEALMARK" stack fsck ./stack

say "the monitor sees one tree across it all; an entry whose promise was lost with the kill is one that no ledger has"
code=0
monitor >monitor.out || code=$?
grep -v '^  evidence' monitor.out | tail -5
[ "$code" -le 1 ] && ! grep -Eq 'FOUND (the tree|a tree|tiles|the entries|the checkpoint)' monitor.out

say "rotate: a new shard with a new key; the witness is told of it"
kill "$stack"
wait "$stack" 2>/dev/null || :
run "$SEALMARK" stack rotate ./stack
run "$SEALMARK" stack witness watch ./witness --stack ./stack
kill "$witness"
wait "$witness" 2>/dev/null || :
witness_up
up
token
echo "after the rotation" >later
run "$SEALMARK" sign blob later --stack ./stack --identity-token-file token.jwt --ledger signed.jsonl | sed -n 1,2p
for file in artifact later; do
    run "$SEALMARK" verify blob "$file" --stack ./stack --policy policy.yaml | sed -n 1,2p
done
run "$SEALMARK" stack fsck ./stack
monitor

say "what the monitor remembers: one state for each shard"
ls watched
echo
echo "all as it should be"
