//! A token that Kubernetes projects into a file, at the path that Sigstore clients share. The kubelet renews it.

use crate::service::identity::ask::Ask;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

/// The volume that a pod needs.
pub(super) const VOLUME: &str = "\
volumes:
  - name: sigstore
    projected:
      sources:
        - serviceAccountToken:
            audience: {audience}
            expirationSeconds: 600
            path: oidc-token
containers:
  - name: build
    volumeMounts:
      - name: sigstore
        mountPath: /var/run/sigstore/cosign
        readOnly: true";

pub(super) static PLATFORM: Platform = Platform {
    key: "projected",
    name: "projected token file",
    search: Search::Automatic,
    marks: &[Mark::Exists("/var/run/sigstore/cosign/oidc-token")],
    ask: &[Ask::File("/var/run/sigstore/cosign/oidc-token")],
    issuer: "the cluster's",
    public: super::kubernetes::PUBLIC,
    claims: "kubernetes.io (namespace, serviceaccount, pod, node)",
    san: "https://kubernetes.io/namespaces/NAMESPACE/serviceaccounts/NAME",
    fix: Fix { say: "project a token of the audience {audience} into the pod:", lines: VOLUME, language: "yaml" },
    documentation: "https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken",
    run: Run { against: "the file of a pod", test: "projected_tokens" },
};
