# type: https://cosign.sigstore.dev/attestation/v1
# yes: {"Data":"{\"author\":\"release@example.com\",\"approved\":true}","Timestamp":"2026-01-02T03:04:05Z"}
# no: {"Data":"{\"author\":\"release@example.com\",\"approved\":false}","Timestamp":"2026-01-02T03:04:05Z"}
# no: {"Data":"{\"author\":\"stranger@example.net\",\"approved\":true}","Timestamp":"2026-01-02T03:04:05Z"}
package signature

import future.keywords.in

review := json.unmarshal(input.predicate.Data)

allow {
	review.approved
	endswith(review.author, "@example.com")
	parts := split(review.author, "@")
	parts[0] in {"release", "security"}
}
