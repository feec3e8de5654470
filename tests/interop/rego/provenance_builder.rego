# type: https://slsa.dev/provenance/v1
# yes: {"buildDefinition":{"buildType":"https://example.com/build","externalParameters":{"source":"git+https://example.com/acme/app"},"resolvedDependencies":[{"uri":"git+https://example.com/acme/app"},{"uri":"pkg:deb/openssl"}]},"runDetails":{"builder":{"id":"https://example.com/builder/v1"}}}
# no: {"buildDefinition":{"buildType":"https://example.com/build","externalParameters":{"source":"git+https://example.com/acme/app"},"resolvedDependencies":[{"uri":"git+https://example.com/acme/app"}]},"runDetails":{"builder":{"id":"https://elsewhere.example.com/builder/v1"}}}
# no: {"buildDefinition":{"buildType":"https://example.com/build","externalParameters":{},"resolvedDependencies":[{"uri":"git+https://evil.example.com/app"}]},"runDetails":{"builder":{"id":"https://example.com/builder/v1"}}}
package signature

builders = ["https://example.com/builder/v1", "https://example.com/builder/v2"]

known_builder {
	some i
	builders[i] == input.predicate.runDetails.builder.id
}

own_source {
	uri := input.predicate.buildDefinition.resolvedDependencies[_].uri
	startswith(uri, "git+https://example.com/acme/")
}

allow {
	known_builder
	own_source
}
