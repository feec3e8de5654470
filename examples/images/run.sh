#!/bin/bash
# An image from build to deployment, on this machine, without a network: bash examples/images/run.sh
#
# Starts a registry and a private Sigstore on loopback, builds an image from the files of an installed Debian
# package, pushes it, signs it in both forms, attests to it, and verifies it; copies, saves and packs it with all
# that is attached, verifies the pack offline, and shows how a stranger's image is refused. Everything is in a temporary folder and ends with it.
#
# Needs docker-registry, skopeo and umoci (Debian packages), and `sealmark` on the PATH or in SEALMARK; without it
# the one of this repository is built.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in docker-registry skopeo umoci dpkg; do
    command -v "$tool" >/dev/null || { echo "this example needs $tool: apt-get install $tool" && exit 1; }
done
if [ -n "${SEALMARK-}" ]; then
    sealmark=$SEALMARK
elif ! sealmark=$(command -v sealmark); then
    cargo build --quiet --locked
    sealmark=${CARGO_TARGET_DIR:-target}/debug/sealmark
fi

work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$work"' EXIT
step() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() {
    echo "\$ sealmark $*"
    "$sealmark" "$@"
}
# A port that nobody listens on.
free_port() {
    local port=$1
    while (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do port=$((port + 1)); done
    echo "$port"
}
until_it_answers() {
    for _ in $(seq 100); do
        (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null && return
        sleep 0.1
    done
    echo "nothing answers on port $1" && exit 1
}

step "A registry"
registry_port=$(free_port $((20000 + RANDOM % 20000)))
cat >"$work/registry.yml" <<YAML
version: 0.1
log: {level: error, accesslog: {disabled: true}}
storage: {filesystem: {rootdirectory: $work/registry}}
http: {addr: "127.0.0.1:$registry_port"}
YAML
docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
until_it_answers "$registry_port"
image=127.0.0.1:$registry_port/acme/base-files:v1
echo "docker-registry on 127.0.0.1:$registry_port"

step "A private Sigstore, with the log that the older form of signatures needs"
stack_port=$(free_port $((20000 + RANDOM % 20000)))
"$sealmark" stack init "$work/stack" --listen "127.0.0.1:$stack_port" --rekor-v1 >/dev/null
"$sealmark" stack up "$work/stack" >"$work/stack.log" 2>&1 &
until_it_answers "$stack_port"
echo "on 127.0.0.1:$stack_port"
stack=(--stack "$work/stack")

step "An image of the files of the Debian package base-files, built and pushed by umoci and skopeo"
mkdir "$work/files"
dpkg -L base-files | while read -r path; do
    if [ -f "$path" ] && [ ! -L "$path" ]; then
        mkdir -p "$work/files$(dirname "$path")" && cp "$path" "$work/files$path"
    fi
done
umoci init --layout "$work/layout"
umoci new --image "$work/layout:v1"
umoci insert --rootless --image "$work/layout:v1" "$work/files" /
umoci config --image "$work/layout:v1" --config.cmd cat --config.cmd /etc/os-release
echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$work/policy.json"
skopeo --policy "$work/policy.json" copy --quiet --dest-tls-verify=false --preserve-digests \
    --digestfile "$work/pushed" "oci:$work/layout:v1" "docker://$image"
echo "pushed $image, $(cat "$work/pushed")"

step "The job signs what it just pushed: one token, one certificate, two forms"
"$sealmark" stack token "$work/stack" >"$work/token.jwt"
signer=("${stack[@]}" --identity-token-file "$work/token.jwt")
run sign image "$image" --digest-file "$work/pushed" --signature-format bundle,legacy --consumers "${signer[@]}"

step "And attests to it"
echo '{"tests":"passed","command":"make check"}' >"$work/tests.json"
run attest image "$image" --digest-file "$work/pushed" --predicate "$work/tests.json" \
    --type https://example.com/tests/v1 "${signer[@]}"

step "The job runs once more: nothing is signed twice"
run sign image "$image" --if-needed "${signer[@]}"

step "What is attached, as it says itself"
run tree "$image"

step "Before deployment: is it what the release workflow signed, and did it attest to tests?"
issuer=http://127.0.0.1:$stack_port/github
expected=("${stack[@]}" --issuer "$issuer"
    --identity https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0.0)
run verify image "$image" "${expected[@]}"
run verify attestation "$image" --type https://example.com/tests/v1 "${expected[@]}"

step "A copy in another repository, with all that is attached, verified where it arrives"
run copy "$image" "127.0.0.1:$registry_port/mirror/base-files:v1" "${expected[@]}"

step "And in a folder, as an image layout that any tool reads"
run save "$image" "$work/saved"
skopeo inspect --raw "oci:$work/saved:v1" >/dev/null

step "In one archive with policy and trusted root, for where there is no network"
cat >"$work/policy.yaml" <<YAML
version: 1
rules:
  - name: release
    identity: https://github.com/acme/app/.github/workflows/release.yml@refs/tags/v1.0.0
    issuer: $issuer
YAML
run pack --image "$image" --policy "$work/policy.yaml" "${stack[@]}" -o "$work/app.pack.tar"
run verify pack "$work/app.pack.tar" --offline --pack-digest "sha256:$(sha256sum "$work/app.pack.tar" | cut -d' ' -f1)"

step "A stranger's image of the same name is refused"
umoci insert --rootless --image "$work/layout:v1" "$work/tests.json" /etc/motd
skopeo --policy "$work/policy.json" copy --quiet --dest-tls-verify=false --preserve-digests \
    "oci:$work/layout:v1" "docker://$image"
status=0
run verify image "$image" "${expected[@]}" || status=$?
[ "$status" = 1 ] || { echo "exit code $status, not 1" && exit 1; }

step "Done"
