//! Azure Kubernetes Service with workload identities: the token of Azure's own clients, where it was made for us.

use crate::service::identity::ask::Ask;
use crate::service::identity::platform::{Fix, Mark, Platform, Run, Search};

pub(super) static PLATFORM: Platform = Platform {
    key: "aks",
    name: "Azure Kubernetes Service",
    search: Search::Automatic,
    marks: &[Mark::Set("AZURE_FEDERATED_TOKEN_FILE"), Mark::Set("AZURE_CLIENT_ID")],
    ask: &[Ask::FileIn("AZURE_FEDERATED_TOKEN_FILE")],
    issuer: "https://REGION.oic.prod-aks.azure.com/TENANT/ID/",
    public: super::kubernetes::AKS,
    claims: "kubernetes.io (namespace, serviceaccount, pod)",
    san: "https://kubernetes.io/namespaces/NAMESPACE/serviceaccounts/NAME",
    fix: Fix {
        say: "Azure's own token is for api://AzureADTokenExchange: project a second one, of the audience {audience}:",
        lines: super::projected::VOLUME,
        language: "yaml",
    },
    documentation: "https://learn.microsoft.com/azure/aks/use-oidc-issuer",
    run: Run { against: "the variables and the file of a pod", test: "projected_tokens" },
};
