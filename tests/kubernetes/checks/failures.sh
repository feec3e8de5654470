# A registry that is silent, policies that are bad, and a gate that is gone.

# A registry that takes connections and says nothing.
silent_port=${unreachable#*:}
silent_port=${silent_port%%/*}
python3 -c '
import socket, sys, time
listener = socket.socket()
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(64)
time.sleep(300)' "$silent_port" &
pids+=($!)
until_it_answers "$silent_port"
check "a silent registry is a denial before the API server gives up" \
    told "denied the request: gate-deadline: the images could not be checked in time" pod prod silent "$unreachable"
check "and others are let in meanwhile" pod prod meanwhile "$good"

echo 'version: 1' >"$work/release.yaml"
refused() { for _ in $(seq 100); do grep -q '"event":"reload-refused"' "$work/gate-admission.log" && return; sleep 0.1; done; return 1; }
check "a policy that is bad is said to be refused" refused
check "and the one before is in force" told "image-unsigned: " pod prod still "$unsigned"
check "for good images too" pod prod still "$good"

kill -KILL "$gate"
wait "$gate" 2>/dev/null
check "without a gate nothing is let in, and kubectl says which webhook failed" \
    told 'failed calling webhook "pin.sealmark-gate.svc"' pod prod gone "$good"
check "but where the cluster heals" pod kube-system healed "$good"
