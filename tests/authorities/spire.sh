# For tests/authorities/run: SPIRE's server and agent. This process is the workload, known by its user.

spire() {
    local tool
    for tool in spire-server spire-agent; do
        [ -x "$binaries/$tool" ] || { echo "left out: SPIRE: no $binaries/$tool" && return; }
    done
    local dir=$work/spire port token parent
    port=$(free_port)
    mkdir "$dir"
    cat >"$dir/server.conf" <<CONF
server {
    bind_address = "127.0.0.1"
    bind_port = "$port"
    socket_path = "$dir/server.sock"
    trust_domain = "example.org"
    data_dir = "$dir/server"
    log_level = "INFO"
    jwt_issuer = "https://spire.example.org"
}
plugins {
    DataStore "sql" { plugin_data { database_type = "sqlite3" connection_string = "$dir/server.sqlite3" } }
    NodeAttestor "join_token" { plugin_data {} }
    KeyManager "memory" { plugin_data {} }
}
CONF
    cat >"$dir/agent.conf" <<CONF
agent {
    data_dir = "$dir/agent"
    log_level = "INFO"
    server_address = "127.0.0.1"
    server_port = "$port"
    socket_path = "$dir/agent.sock"
    trust_domain = "example.org"
    insecure_bootstrap = true
}
plugins {
    NodeAttestor "join_token" { plugin_data {} }
    KeyManager "memory" { plugin_data {} }
    WorkloadAttestor "unix" { plugin_data {} }
}
CONF
    start spire-server.log "$binaries/spire-server" run -config "$dir/server.conf"
    server() { "$binaries/spire-server" "$1" "$2" -socketPath "$dir/server.sock" "${@:3}"; }
    check "SPIRE: the server runs" wait_for server bundle show || { tail -5 "$work/spire-server.log" && return; }
    token=$(server token generate -spiffeID spiffe://example.org/host | sed -n 's/^Token: //p')
    start spire-agent.log "$binaries/spire-agent" run -config "$dir/agent.conf" -joinToken "$token"
    export SPIFFE_ENDPOINT_SOCKET=unix://$dir/agent.sock
    local by=(--authority spiffe)
    agent_answers() { refused spiffe-not-registered sign "${by[@]}"; }
    check "SPIRE: a process that is not registered is told how" wait_for agent_answers ||
        { tail -5 "$work/spire-agent.log" && return; }
    server entry create -parentID spiffe://example.org/host -spiffeID spiffe://example.org/ci/release \
        -selector "unix:uid:$(id -u)" >"$work/log" 2>&1
    local add=("$sealmark" trust add "$trust" --from spire --at example.org --name spire)
    check "SPIRE: what may not sign is not believed without a word" \
        wait_for eval 'cp "$trust" "$work/strict.json" && "$sealmark" trust add "$work/strict.json" --from spire \
            --at example.org --name spire && refused cert-eku-wrong "$sealmark" sign blob "$work/artifact" \
            --trust-config "$work/strict.json" --authority spiffe'
    check "SPIRE: the agent's bundle is appended" "${add[@]}" --leaf-eku client-auth
    server bundle show -format pem >"$work/bundle.pem"
    check "SPIRE: the server's bundle is the same" \
        eval '"${add[@]}" "$work/bundle.pem" --leaf-eku client-auth | grep -q "stands there already"'
    check "SPIRE: an X.509-SVID signs" sign "${by[@]}" || tail -5 "$work/spire-agent.log"
    local who=(--identity spiffe://example.org/ci/release)
    check "SPIRE: it verifies by the authority's name" verify "${who[@]}" --certificate-authority spire
    check "SPIRE: the report says that it is an SVID" \
        eval 'verify "${who[@]}" --certificate-authority spire | grep -q "X.509-SVID"'
    check "SPIRE: another identity is refused" \
        refused identity-mismatch verify --identity spiffe://example.org/ci/other --certificate-authority spire
    check "SPIRE: without the words it is refused" \
        refused cert-eku-wrong "$sealmark" verify blob "$work/artifact" --trust-config "$work/strict.json" \
        "${who[@]}" --certificate-authority spire
    check "SPIRE: a JWT-SVID is an identity token" \
        eval '"$sealmark" whoami --offline | grep -q "spiffe://example.org/ci/release"'
    unset SPIFFE_ENDPOINT_SOCKET
}
spire
