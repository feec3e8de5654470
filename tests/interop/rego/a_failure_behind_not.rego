# type: https://example.com/tests
# stricter: {"level":3}
# why: a built-in that fails is undefined to cosign, and behind `not` that is a yes
package signature

allow {
	not startswith(input.predicate.level, "experimental")
}
