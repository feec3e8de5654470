# Namespaces choose policies; what cannot choose has none.

check "the policy of another namespace is another" pod tools tool "$stranger"
check "and refuses what is good elsewhere" told "is not admitted: " pod tools good "$good"
check "a namespace that no entry names is denied" \
    told 'gate-no-policy: no policy is for namespace "forgotten"' pod forgotten good "$good"
check "labels of a namespace change nothing" kubectl label namespace prod sealmark.dev/exempt=true name=kube-system
check "nor do those of a pod" told "image-unsigned: " pod prod labelled "$unsigned" --labels=sealmark.dev/exempt=true
kubectl label namespace prod kubernetes.io/metadata.name=kube-system --overwrite >/dev/null 2>&1
check "the label that a namespace is left out by cannot be taken" \
    is prod kubectl get namespace prod -o 'jsonpath={.metadata.labels.kubernetes\.io/metadata\.name}'
check "and nothing is left out by trying" told "image-unsigned: " pod prod disguised "$unsigned"
check "where the cluster heals nobody is asked" pod kube-system healer "$unsigned"
