# A site on loopback: a registry, a private Sigstore, and five images, of which one is good. For scripts that have
# `work` (a folder), `pids` (what they end), `sealmark`, `free_port` and `until_it_answers`.

# push NAME LABEL: an image that differs from others by its label; prints its digest.
push() {
    [ -d "$work/layout" ] || {
        mkdir "$work/files" && echo 'a program' >"$work/files/program"
        umoci init --layout "$work/layout" && umoci new --image "$work/layout:v1" &&
            umoci insert --rootless --image "$work/layout:v1" "$work/files" /
    } >&2 || return
    umoci config --image "$work/layout:v1" --tag build --config.label "build=$2" &&
        skopeo --policy "$work/anything.json" copy --quiet --dest-tls-verify=false --preserve-digests \
            --digestfile "$work/digest" "oci:$work/layout:build" "docker://$1" >&2 && cat "$work/digest"
}

# sign REPOSITORY IMAGE: as the release workflow of a repository on GitHub, whose token the stack makes up.
sign() {
    "$sealmark" stack token "$work/stack" --set "repository=$1" >"$work/token.jwt" &&
        "$sealmark" sign image "$2" --stack "$work/stack" --identity-token-file "$work/token.jwt" >"$work/log" 2>&1
}
# workflow REPOSITORY [TAG]
workflow() { echo "https://github.com/$1/.github/workflows/release.yml@refs/tags/${2-v1.0.0}"; }

# policy REPOSITORY: the release workflow of a repository must have signed; the version that it did it for is its own.
policy() {
    printf '%s\n' 'version: 1' 'rules:' '  - name: release' "    identity-glob: $(workflow "$1" '*')" "    issuer: $issuer"
}

start_site() {
    local port stack_port
    port=$(free_port) stack_port=$(free_port)
    registry=127.0.0.1:$port
    printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp: {addr: "%s"}\n' \
        "$work/registry" "$registry" >"$work/registry.yml"
    docker-registry serve "$work/registry.yml" >"$work/registry.log" 2>&1 &
    pids+=($!)
    "$sealmark" stack init "$work/stack" --listen "127.0.0.1:$stack_port" >/dev/null || return
    "$sealmark" stack up "$work/stack" >"$work/stack.log" 2>&1 &
    pids+=($!)
    until_it_answers "$port"
    until_it_answers "$stack_port"
    echo '{"default":[{"type":"insecureAcceptAnything"}]}' >"$work/anything.json"
    issuer=http://127.0.0.1:$stack_port/github

    good=$registry/acme/app:v1
    tampered=$registry/acme/app:tampered
    unsigned=$registry/acme/app:unsigned
    stranger=$registry/acme/app:stranger
    # Nobody listens there.
    unreachable=127.0.0.1:$(free_port)/acme/app:v1
    good_digest=$(push "$good" release) || return
    sign acme/app "$good" || return
    # Altered after it was signed, with the signature of the good one listed as its own.
    tampered_digest=$(push "$tampered" altered) || return
    local list=http://$registry/v2/acme/app/manifests
    curl -fsS "$list/${good_digest/:/-}" -H 'Accept: application/vnd.oci.image.index.v1+json' >"$work/referrers" &&
        curl -fsS -X PUT "$list/${tampered_digest/:/-}" --data-binary "@$work/referrers" \
            -H 'Content-Type: application/vnd.oci.image.index.v1+json' || return
    push "$unsigned" unsigned >/dev/null || return
    push "$stranger" stranger >/dev/null || return
    sign acme/tools "$stranger"
}

# start_gate KIND FLAGS…: `gate http` or `gate admission`; its address is in gate_address, what it says in
# $work/gate-KIND.log.
start_gate() {
    local port
    port=$(free_port)
    "$sealmark" gate "$1" --listen "127.0.0.1:$port" --stack "$work/stack" --private-registry "$registry" \
        --private-registry "${unreachable%%/*}" "${@:2}" >"$work/gate-$1.out" 2>"$work/gate-$1.log" &
    pids+=($!)
    gate=$!
    gate_address=127.0.0.1:$port
    until_it_answers "$port"
}

# certificate: for a gate on loopback, by an authority of its own: $work/tls.crt, tls.key, ca.crt.
certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj '/CN=gate authority' \
        -keyout "$work/ca.key" -out "$work/ca.crt" 2>"$work/log" &&
        openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=gate' \
            -keyout "$work/tls.key" -out "$work/tls.csr" 2>"$work/log" &&
        printf 'subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n' >"$work/tls.ext" &&
        openssl x509 -req -in "$work/tls.csr" -CA "$work/ca.crt" -CAkey "$work/ca.key" -days 1 -extfile "$work/tls.ext" \
            -out "$work/tls.crt" 2>"$work/log"
}
