# type: https://cyclonedx.org/bom
# yes: {"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"type":"library","name":"a","licenses":[{"license":{"id":"MIT"}}]},{"type":"library","name":"b"}]}
# no: {"bomFormat":"CycloneDX","specVersion":"1.5","components":[{"type":"library","name":"a","licenses":[{"license":{"id":"AGPL-3.0-only"}}]}]}
package signature

violations[name] {
	component := input.predicate.components[_]
	startswith(component.licenses[_].license.id, "AGPL")
	name := component.name
}

allow {
	input.predicate.bomFormat == "CycloneDX"
	count(violations) == 0
}
