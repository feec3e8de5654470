# type: https://example.com/scan
# yes: {"findings":[{"id":"A-1","severity":"low"},{"id":"A-2","severity":"medium"}]}
# yes: {"findings":[]}
# no: {"findings":[{"id":"A-1","severity":"low"},{"id":"A-3","severity":"critical"}]}
package signature

severe := {"critical", "high"}

deny[msg] {
	finding := input.predicate.findings[_]
	severe[finding.severity]
	msg := sprintf("%s is %s", [finding.id, finding.severity])
}

allow {
	count(deny) == 0
}
