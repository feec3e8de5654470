#!/bin/sh
# A role of Vault's or OpenBao's PKI engine that signs code for GitLab projects: names from the job's own claims,
# ten minutes, nothing stored. Needs: `vault` or `bao`, the engine at pki/ with a CA, VAULT_ADDR as the jobs have it,
# VAULT_TOKEN. GITLAB is the GitLab's URL, PROJECTS which projects may sign.
set -eu
command -v vault >/dev/null || vault() { bao "$@"; }
gitlab=${GITLAB:-https://gitlab.com}
projects=${PROJECTS:-my-group/*}
vault auth enable jwt
vault write auth/jwt/config oidc_discovery_url="$gitlab" bound_issuer="$gitlab"
accessor=$(vault auth list -format=json | sed -n '/"jwt\/"/,/}/s/.*"accessor": "\(.*\)",/\1/p')
vault write pki/roles/ci-signing key_type=any require_cn=false use_csr_common_name=false use_csr_sans=false \
  allow_any_name=false allowed_uri_sans_template=true \
  allowed_uri_sans="$gitlab/{{identity.entity.aliases.$accessor.metadata.project_path}}" \
  server_flag=false client_flag=false code_signing_flag=true key_usage=DigitalSignature \
  ttl=10m max_ttl=15m no_store=true
vault policy write ci-signing - <<'POLICY'
path "pki/sign/ci-signing" { capabilities = ["update"] }
POLICY
# Claims are a map, which `vault write` takes from JSON alone.
vault write auth/jwt/role/ci-signing - <<ROLE
{ "role_type": "jwt", "user_claim": "project_id", "bound_audiences": ["$VAULT_ADDR"],
  "bound_claims_type": "glob", "bound_claims": { "project_path": "$projects", "ref_protected": "true" },
  "claim_mappings": { "project_path": "project_path" },
  "token_policies": ["ci-signing"], "token_ttl": "5m", "token_num_uses": 4 }
ROLE
