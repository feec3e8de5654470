#!/bin/sh
# A role of Vault's or OpenBao's PKI engine that certifies the services of a domain for GitLab jobs, beside what
# vault-role.sh sets up: for servers and clients, ten days, keys that stay where they are used. Needs the same. DOMAIN is
# the domain, PROJECTS which projects may ask.
set -eu
command -v vault >/dev/null || vault() { bao "$@"; }
domain=${DOMAIN:-example.com}
projects=${PROJECTS:-my-group/*}
vault write pki/roles/web key_type=any require_cn=false allowed_domains="$domain" allow_subdomains=true \
  ttl=240h max_ttl=240h
vault policy write web - <<'POLICY'
path "pki/sign/web" { capabilities = ["update"] }
POLICY
vault write auth/jwt/role/web - <<ROLE
{ "role_type": "jwt", "user_claim": "project_id", "bound_audiences": ["$VAULT_ADDR"],
  "bound_claims_type": "glob", "bound_claims": { "project_path": "$projects", "ref_protected": "true" },
  "token_policies": ["web"], "token_ttl": "5m", "token_num_uses": 4 }
ROLE
