# type: https://example.com/release
# yes: {"branch":"release/v1.2","commit":"0123456789abcdef0123456789abcdef01234567"}
# no: {"branch":"feature/x","commit":"0123456789abcdef0123456789abcdef01234567"}
# no: {"branch":"release/v1.2","commit":"HEAD"}
package signature

allow {
	glob.match("release/*", ["/"], input.predicate.branch)
	regex.match(`^[0-9a-f]{40}$`, lower(input.predicate.commit))
	trim_prefix(input.predicate.branch, "release/") != ""
}
