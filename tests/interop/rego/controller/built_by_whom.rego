# type: https://slsa.dev/provenance/v1
# yes: {"buildDefinition":{"buildType":"https://example.com/build","externalParameters":{"ref":"refs/heads/main"},"internalParameters":{},"resolvedDependencies":[]},"runDetails":{"builder":{"id":"https://example.com/builder"},"metadata":{}}}
# no: {"buildDefinition":{"buildType":"https://example.com/build","externalParameters":{"ref":"refs/heads/dev"},"internalParameters":{},"resolvedDependencies":[]},"runDetails":{"builder":{"id":"https://example.com/builder"},"metadata":{}}}
# no: {"buildDefinition":{"buildType":"https://example.com/build","externalParameters":{"ref":"refs/heads/main"},"internalParameters":{},"resolvedDependencies":[]},"runDetails":{"builder":{"id":"https://example.com/other"},"metadata":{}}}
package sigstore

default isCompliant = false

isCompliant {
	input.predicateType == "https://slsa.dev/provenance/v1"
	input.predicate.runDetails.builder.id == "https://example.com/builder"
	ref := input.predicate.buildDefinition.externalParameters.ref
	regex.match("^refs/(heads/main|tags/v[0-9.]+)$", ref)
}
