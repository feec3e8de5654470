//! Amazon EKS: the token that AWS's own clients find, where it was projected for us; else it is STS's.

use crate::service::identity::ask::Ask;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "eks",
    name: "Amazon EKS",
    search: Search::Automatic,
    marks: &[Mark::Set("AWS_WEB_IDENTITY_TOKEN_FILE"), Mark::Set("AWS_ROLE_ARN")],
    ask: &[Ask::FileIn("AWS_WEB_IDENTITY_TOKEN_FILE")],
    issuer: "https://oidc.eks.REGION.amazonaws.com/id/ID, in China https://oidc.eks.REGION.amazonaws.com.cn/id/ID",
    public: &["https://oidc.eks.*.amazonaws.com/id/*"],
    claims: "kubernetes.io (namespace, serviceaccount, pod)",
    san: "https://kubernetes.io/namespaces/NAMESPACE/serviceaccounts/NAME",
    fix: Fix {
        say: "AWS's own token is for sts.amazonaws.com: project a second one, of the audience {audience}:",
        lines: super::projected::VOLUME,
        language: "yaml",
    },
    documentation: "https://docs.aws.amazon.com/eks/latest/userguide/pod-configuration.html",
    run: Run { against: "the variables and the file of a pod", test: "projected_tokens" },
};
