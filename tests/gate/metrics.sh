# What Prometheus reads, by its own tool.

if has promtool && has docker-registry && has skopeo && has umoci; then
    start_site || { echo "not ok - a registry, a private Sigstore and images" && cat "$work/log" && exit 1; }
    policy acme/app >"$work/policy.yaml"
    start_gate http --policy "$work/policy.yaml"
    ask() { curl -sS -o "$work/answer" -w '%{http_code}' -d "{\"image\":\"$1\"}" "http://$gate_address/v1/verdict"; }
    status() { [ "$(ask "$2")" = "$1" ] || { cat "$work/answer" && return 1; }; }
    check "a good image is 200" status 200 "$good"
    check "a tampered one 403" status 403 "$tampered"
    check "an unsigned one 403" status 403 "$unsigned"
    check "another workflow's 403" status 403 "$stranger"
    check "one that could not be looked at 503" status 503 "$unreachable"
    check "what is no name 403" status 403 'x y'
    curl -sS "http://$gate_address/metrics" >"$work/metrics"
    read_by_promtool() { promtool check metrics <"$1" 2>&1 | tee "$work/said" && [ ! -s "$work/said" ]; }
    check "promtool reads the metrics, and has nothing to say" read_by_promtool "$work/metrics"
    sed 's/^sealmark_gate_reviews_total{/sealmark_gate_reviews_total{by="x",/' "$work/metrics" >"$work/bad"
    refuse "promtool does not read what says a label twice" read_by_promtool "$work/bad"
    check "each verdict is counted under its code" \
        grep -q '^sealmark_gate_verdicts_total{verdict="refused",code="oci-subject",source="found"} 1$' "$work/metrics"
    # Names that strangers choose make no series.
    series() { grep -vc '^#' "$1"; }
    before=$(series "$work/metrics")
    for number in $(seq 50); do ask "x$number y" >/dev/null; done
    curl -sS "http://$gate_address/metrics" >"$work/metrics"
    check "fifty more names make no more series" [ "$(series "$work/metrics")" -eq "$before" ]
else
    echo "left out: the metrics by promtool: no promtool, docker-registry, skopeo or umoci"
fi
